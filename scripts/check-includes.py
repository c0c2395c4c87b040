#!/usr/bin/env python3
"""Fails on an #include that climbs a floor or goes to a sibling.

MAY is the table of ARCHITECTURE.md: what each folder of src/ may name in an #include. A backend of vfs/, an
engine of store/ and a protocol of protocols/ never include a sibling (but vfs/object, which is for siblings), and
nobody but server/ names a backend or an engine. Usage: check-includes.py [source root]
"""
import re
import sys
from pathlib import Path

MAY = {
    "base": "",
    "crypto": "base",
    "config": "base",
    "net": "base crypto",
    "ssh": "base crypto net",
    "http": "base crypto net",
    "model": "base crypto",
    "store": "base crypto model",
    "vfs": "base crypto http",
    "events": "base crypto model store http",
    "auth": "base crypto model store events http",
    "quota": "base model store vfs",
    "presence": "base model",
    "session": "base crypto model vfs events store auth quota presence",
    "protocols": "base crypto model net vfs session auth quota presence",  # and what PROTOCOL_EXTRA grants
    "server": "base crypto config net ssh http model store vfs events auth quota presence session protocols",
    "apps": "base config server",
}
MAY = {folder: set(allowed.split()) | {folder} for folder, allowed in MAY.items()}
PROTOCOL_EXTRA = {
    "sftp": {"ssh"}, "scp": {"ssh"}, "sshcmd": {"ssh"}, "webdav": {"http"}, "web": {"http"}, "telemetry": {"http"},
    "rest": {"http", "store", "events"},
}
# Folders whose subfolders are islands: only the folder's own top level and the island itself may be included.
ISLANDS = {"vfs", "store", "protocols"}
SEES_ISLANDS = {"server"}
SHARED = {("vfs", "object")}  # what the object stores have in common
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def island(path):
    """('vfs', 'local') for vfs/local/x.h; None for a file on a folder's top level or elsewhere."""
    parts = path.parts
    return parts[:2] if parts[0] in ISLANDS and len(parts) > 2 else None


def allowed(folder, path):
    extra = PROTOCOL_EXTRA.get(path.parts[1], set()) if folder == "protocols" else set()
    return MAY[folder] | extra


def problem(source, target, root):
    folder, to = source.parts[0], target.parts[0]
    if len(target.parts) == 1 and (root / source.parent / target).exists():
        return None  # a neighbour in the same folder
    if not (root / target).exists():
        return "no such file under src/"
    if folder not in MAY or to not in MAY:
        return "folder unknown to this check: add it to the table and to ARCHITECTURE.md"
    if to not in allowed(folder, source):
        return f"{folder} may not include {to}"
    if island(target) in SHARED and folder == island(target)[0]:
        return None
    if island(target) and island(target) != island(source) and folder not in SEES_ISLANDS:
        return f"{'/'.join(island(target))} is nobody's business but its own and server's"
    return None


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent / "src")
    bad = 0
    for file in sorted(root.rglob("*")):
        if file.suffix not in (".h", ".cpp"):
            continue
        source = file.relative_to(root)
        text = file.read_text()
        for match in INCLUDE.finditer(text):
            why = problem(source, Path(match[1]), root)
            if why:
                line = text.count("\n", 0, match.start(1)) + 1
                print(f'{file}:{line}: "{match[1]}": {why}')
                bad += 1
    return 1 if bad else 0


sys.exit(main())
