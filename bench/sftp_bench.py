#!/usr/bin/env python3
"""SFTP upload and download against this machine's own OpenSSH server, in one run: see bench/README.md."""
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/e2e"))
from cpu import meter  # noqa: E402
from ferry import Ferry, free_port  # noqa: E402
from openssh import OpenSsh  # noqa: E402

UNITS = {"K": 10**3, "M": 10**6, "G": 10**9}
CIPHERS = {
    "aes128-gcm": ["-c", "aes128-gcm@openssh.com"],
    "aes256-gcm": ["-c", "aes256-gcm@openssh.com"],
    "chacha20-poly1305": ["-c", "chacha20-poly1305@openssh.com"],
    "aes128-ctr+hmac-sha2-256": ["-c", "aes128-ctr", "-o", "MACs=hmac-sha2-256"],
}
FLOORS = {"aes128-gcm": "aes-128-gcm", "aes256-gcm": "aes-256-gcm"}
DIRECTIONS = ("down", "up")
HALF_A_MEBIBYTE = 512 * 1024


def setting(name, default):
    return os.environ.get(f"FERRY_BENCH_{name}", default)


def size_of(text):
    """A size in bytes, rounded to whole chunks."""
    number = float(text[:-1]) * UNITS[text[-1]] if text[-1] in UNITS else float(text)
    return max(1, round(number / HALF_A_MEBIBYTE)) * HALF_A_MEBIBYTE


class FerryTarget:
    name = "ferry"

    def __init__(self, folder, data, key, meter):
        self.meter = meter
        self.server = Ferry(folder, {"FERRY_COMMON__IDLE_TIMEOUT": "0"}, ["--log-level", "info"], meter.wrapper).start()
        meter.started(self.server.process.pid)
        self.user, self.port, self.remote = "bench", self.server.sftp_port, ""
        public_key = Path(f"{key}.pub").read_text().strip()
        self.server.create_user(self.user, home_dir=str(data), public_keys=[public_key])

    def stop(self):
        self.server.stop()
        self.meter.close()


def make_file(path, size):
    """Random bytes; the block repeats, which no cipher notices."""
    block = os.urandom(8 * 1024 * 1024)
    with open(path, "wb") as out:
        for start in range(0, size, len(block)):
            out.write(block[:size - start])


def sftp(target, key, options, command):
    """Runs one sftp command; wall seconds and the server's CPU seconds, login and goodbye included."""
    line = ["sftp", "-q", "-b", "-", "-F", "none", "-P", str(target.port), "-i", str(key), *options,
            "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
            "-o", "IdentitiesOnly=yes", f"{target.user}@127.0.0.1"]
    before, start = target.meter.seconds(), time.monotonic()
    subprocess.run(line, input=command + "\n", text=True, check=True, stdout=subprocess.DEVNULL)
    wall = time.monotonic() - start
    time.sleep(0.2)  # the session's processes end after the client
    return wall, target.meter.seconds() - before


def transfer(target, key, cipher, direction, source, size):
    remote = f"{target.remote}/{'down' if direction == 'down' else 'up'}.bin"
    command = f"get {remote} /dev/null" if direction == "down" else f"put {source} {remote}"
    wall, cpu = sftp(target, key, CIPHERS[cipher], command)
    return {"gb_s": size / wall / 1e9, "cpu_s_gb": cpu / size * 1e9}


def floor(cipher, path, size, runs):
    program = ROOT / "build/release/bench/bench_floor"
    if cipher not in FLOORS or not program.exists():
        return None
    results = [json.loads(subprocess.run([program, path, str(size), FLOORS[cipher]], check=True,
                                         capture_output=True).stdout) for _ in range(runs)]
    return {direction: median([one[direction] for one in results]) for direction in DIRECTIONS}


def median(samples):
    return {key: statistics.median(sample[key] for sample in samples) for key in samples[0]}


def measure(targets, key, ciphers, runs, source, size, up_file):
    rows = {}
    for cipher in ciphers:
        samples = {(target.name, direction): [] for target in targets for direction in DIRECTIONS}
        for _ in range(runs):
            for target in targets:  # turn about, so that a change of the machine's mood meets all
                for direction in DIRECTIONS:
                    result = transfer(target, key, cipher, direction, source, size)
                    samples[(target.name, direction)].append(result)
        rows[cipher] = {target.name: {d: median(samples[(target.name, d)]) for d in DIRECTIONS} for target in targets}
        lowest = floor(cipher, up_file, size, runs)
        if lowest:
            rows[cipher]["floor"] = lowest
        print_cipher(cipher, rows[cipher])
    return rows


def print_cipher(cipher, row):
    for name, result in row.items():
        cells = [f"{cipher:26}", f"{name:8}"]
        for direction in DIRECTIONS:
            cells.append(f"{result[direction]['gb_s']:6.3f} {result[direction]['cpu_s_gb']:6.2f}")
            if "openssh" in row and name != "openssh":
                peer = row["openssh"][direction]
                cells.append(f"x{result[direction]['gb_s'] / peer['gb_s']:5.2f} "
                             f"x{result[direction]['cpu_s_gb'] / peer['cpu_s_gb']:5.2f}")
            else:
                cells.append(" " * 13)
        print("  ".join(cells), flush=True)


def congestion_control():
    return Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()


def main():
    size, runs = size_of(setting("SIZE", "2G")), int(setting("RUNS", "3"))
    ciphers = setting("CIPHERS", ",".join(CIPHERS)).split(",")
    names = setting("SERVERS", "openssh,ferry").split(",")
    unknown = [name for name in ciphers if name not in CIPHERS]
    if unknown:
        sys.exit(f"unknown cipher: {unknown[0]}; known: {', '.join(CIPHERS)}")

    work = Path(tempfile.mkdtemp(prefix="ferry-bench-", dir="/dev/shm"))
    targets = []
    try:
        data, source, key = work / "data", work / "source.bin", work / "key"
        data.mkdir()
        make_file(source, size)
        os.link(source, data / "down.bin")
        # Warm: the first write to fresh pages can be ten times slower under a hypervisor.
        shutil.copyfile(source, data / "up.bin")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        if "openssh" in names:
            targets.append(OpenSsh(work / "openssh", data, key, free_port(), meter("openssh")))
        if "ferry" in names:
            targets.append(FerryTarget(work / "ferry", data, key, meter("ferry")))
        print(f"{size / 1e9:.2f} GB on tmpfs, one stream, OpenSSH client, medians of {runs}; target pages warmed; "
              f"CPU by {targets[0].meter.how}; congestion control {congestion_control()}")
        for target in targets:  # one transfer not counted: key exchange code, buffers, pages
            sftp(target, key, CIPHERS[ciphers[0]], f"put {source} {target.remote}/up.bin")
        print(f"{'cipher':26}  {'server':8}  {'down: GB/s, server CPU s/GB':28}  up: GB/s, server CPU s/GB")
        rows = measure(targets, key, ciphers, runs, source, size, data / "up.bin")
    finally:
        for target in targets:
            target.stop()
        shutil.rmtree(work, ignore_errors=True)
    write_report(rows, size, runs, targets[0].meter.how)


def write_report(rows, size, runs, how):
    report = ROOT / "build/bench/sftp.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps({
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "bytes": size, "runs": runs, "cpu_by": how,
        "congestion_control": congestion_control(), "kernel": platform.release(), "cores": os.cpu_count(),
        "openssh": subprocess.run(["ssh", "-V"], capture_output=True, text=True).stderr.strip(),
        "results": rows}, indent=2) + "\n")
    print(f"written to {report.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
