#!/usr/bin/env python3
"""Fails on constructs that must not appear: SQL built from strings, weak random numbers, a machine's own paths.

A line that must stay says why in a trailing `// lint: <reason>`.
"""
import re
import subprocess
import sys
from pathlib import Path

SQL_VERB = r"(?:SELECT|INSERT\s+INTO|UPDATE|DELETE\s+FROM|REPLACE\s+INTO|WHERE|FROM|VALUES|ORDER\s+BY|LIMIT)\b"
SOURCE = (".h", ".cpp")
CHECKS = [
    # (what is wrong, pattern, suffixes it applies to, folders)
    ("SQL joined with +: bind a value, or take a constant table name",
     re.compile(rf'"[^"\n]*\b{SQL_VERB}[^"\n]*"\s*\+|\+\s*"[^"\n]*\b{SQL_VERB}[^"\n]*"'), SOURCE, ("src/",)),
    ("SQL made by format",
     re.compile(rf'format(?:_to)?\s*\([^;"]*"[^"\n]*\b{SQL_VERB}[^"\n]*\{{'), SOURCE, ("src/",)),
    ("weak random numbers: use crypto's",
     re.compile(r"\b(?:s?rand|rand_r|random|[dl]rand48|mt19937(?:_64)?|minstd_rand0?|default_random_engine)\s*[({]"
                r"|\bstd::mt19937|\bstd::default_random_engine"), SOURCE, ("src/",)),
    ("path of somebody's machine",
     re.compile(r"""(?:^|[\s"'=(:])/(?:work|workspaces?|builds|Users|root)/[\w.-]"""), None, ("",)),
]
ALLOWED = re.compile(r"(?://|#) lint: \S")


def tracked():
    names = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True, text=True).stdout
    return [name for name in names.split("\0") if name and Path(name).is_file()]


def main():
    bad = 0
    for name in tracked():
        try:
            lines = Path(name).read_text().splitlines()
        except UnicodeDecodeError:
            continue  # binary test data
        for what, pattern, suffixes, folders in CHECKS:
            if name == "scripts/check-source.py" or not name.startswith(folders):
                continue
            if suffixes and not name.endswith(suffixes):
                continue
            for number, line in enumerate(lines, 1):
                if pattern.search(line) and not ALLOWED.search(line):
                    print(f"{name}:{number}: {what}: {line.strip()}")
                    bad += 1
    return 1 if bad else 0


sys.exit(main())
