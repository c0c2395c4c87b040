"""The figures to reach, and how results are shown and kept."""
import json
import os
import platform
import subprocess
import time
from pathlib import Path

HIGHER_IS_BETTER = {"gb_s", "files_s", "entries_s", "logins_s"}
UNITS = {"gb_s": "GB/s", "cpu_s_gb": "CPU s/GB", "files_s": "files/s", "cpu_us_file": "CPU us/file",
         "entries_s": "names/s", "cpu_us_entry": "CPU us/name", "logins_s": "logins/s", "cpu_ms_login": "CPU ms/login",
         "kib_session": "KiB/session"}
GB_S, CPU = "gb_s", "cpu_s_gb"

# (start of the row's name, metric, "best" peer or one by its name or "floor" or absolute "value", limit): Ferry's figure, divided by
# the best peer's or the floor's, is at most the limit, or at least it where more is better.
TARGETS = [
    ("aes128-gcm down, 1 stream", CPU, "best", 0.65),
    ("aes128-gcm up, 1 stream", CPU, "best", 0.4),
    ("chacha20-poly1305 down, 1 stream", CPU, "best", 0.4),
    ("chacha20-poly1305 up, 1 stream", CPU, "best", 0.4),
    ("aes128-ctr+hmac-sha2-256 down, 1 stream", CPU, "best", 0.65),
    ("aes128-ctr+hmac-sha2-256 up, 1 stream", CPU, "best", 0.65),
    *[(f"{name} {direction}, 1 stream", CPU, "floor", 1.3)
      for name in ("aes128-gcm", "aes256-gcm", "chacha20-poly1305", "aes128-ctr+hmac-sha2-256")
      for direction in ("down", "up")],
    *[(f"{name} {direction}, {streams}", GB_S, "best", 1.0)
      for name in ("aes128-gcm", "aes256-gcm", "chacha20-poly1305", "aes128-ctr+hmac-sha2-256")
      for direction in ("down", "up") for streams in ("1 stream", "4 streams", "8 streams")],
    ("small files down", "files_s", "best", 1.5),
    ("small files up", "files_s", "best", 1.5),
    ("listing", "entries_s", "best", 1.5),
    ("logins, 1 at a time", "cpu_ms_login", "best", 0.4),
    ("logins, 8 at a time", "cpu_ms_login", "best", 0.4),
    ("memory, idle", "kib_session", "value", 60),
    ("memory, after 512 KiB", "kib_session", "value", 100),
    ("link of 50 ms, down", GB_S, "best", 0.9),
    ("link of 50 ms, up", GB_S, "best", 0.9),
]


def best_peer(row, metric):
    values = [(figures[metric], name) for name, figures in row.items() if name not in ("ferry", "floor")
              and metric in figures]
    if not values:
        return None
    return max(values) if metric in HIGHER_IS_BETTER else min(values)


def judge(name, row):
    """What each target that concerns this row came to."""
    verdicts = []
    for prefix, metric, against, limit in TARGETS:
        if name != prefix or metric not in row.get("ferry", {}):
            continue
        ours, base = row["ferry"][metric], 1
        if against == "best":
            found = best_peer(row, metric)
            if found is None:
                continue
            base, against = found
        elif against != "value":
            if metric not in row.get(against, {}):
                continue
            base = row[against][metric]
        ratio = ours / base
        met = ratio >= limit if metric in HIGHER_IS_BETTER else ratio <= limit
        verdicts.append({"metric": metric, "against": against, "figure": round(ratio, 3), "limit": limit, "met": met})
    return verdicts


def show(name, row, failures):
    print(f"\n{name}")
    for server, figures in row.items():
        cells = []
        for metric, value in figures.items():
            cell = f"{value:10.{3 if value < 10 else 1}f} {UNITS[metric]}"
            found = best_peer(row, metric)
            if server == "ferry" and found:
                cell += f" (x{value / found[0]:.2f} of {found[1]})"
            cells.append(cell)
        print(f"  {server:8} " + "  ".join(cells))
    for server, why in failures.items():
        print(f"  {server:8} failed: {why}")
    for verdict in judge(name, row):
        word = "met   " if verdict["met"] else "MISSED"
        sign = ">=" if verdict["metric"] in HIGHER_IS_BETTER else "<="
        against = "" if verdict["against"] == "value" else f" of {verdict['against']}'s"
        print(f"  {word}   {UNITS[verdict['metric']]} {verdict['figure']:.2f}{against}, to reach: {sign} "
              f"{verdict['limit']}")
    print(end="", flush=True)


def congestion_control():
    return Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()


def version(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0] if lines else ""


def write(path, settings, rows, failures):
    targets = [{"row": name} | verdict for name, row in rows.items() for verdict in judge(name, row)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **settings,
        "congestion_control": congestion_control(), "kernel": platform.release(), "cores": os.cpu_count(),
        "versions": {"openssh": version(["ssh", "-V"]), "proftpd": version(["/usr/sbin/proftpd", "-v"]),
                     "rclone": version(["rclone", "version"]), "dropbear": version(["/usr/sbin/dropbear", "-V"])},
        "results": rows, "failures": failures, "targets": targets}, indent=2) + "\n")
    missed = [one for one in targets if not one["met"]]
    print(f"\n{len(targets) - len(missed)} of {len(targets)} targets met")
    for one in missed:
        print(f"  missed: {one['row']}: {UNITS[one['metric']]} {one['figure']} against {one['limit']} "
              f"({one['against']})")
