#!/usr/bin/env python3
"""Ferry over S3 beside `rclone serve sftp` over the same bucket, in one run: see bench/README.md, "Storage".

Both serve SFTP to the same client and keep their files in one versitygw, at 0 and at 30 ms of round trip to it. `rclone
copy`, which talks to the bucket directly, shows what the bucket gives to a client of its own.
"""
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import report
import workloads
from bench import LINK, size_of
from meter import meter
from peers import ROOT, Ferry, Place, Rclone
from workloads import Failed

sys.path.insert(0, str(ROOT / "tests/emulators"))
from emulators import ACCESS, BUCKET, REGION, SECRET, Emulators, free_port  # noqa: E402

LINK_DELAY = 15  # ms each way
STREAMS = 8
CIPHER = workloads.CIPHERS["aes128-gcm"]
SIZE = size_of(os.environ.get("FERRY_BENCH_SIZE", "512M"))
RUNS = int(os.environ.get("FERRY_BENCH_RUNS", "2"))
FILES = int(1000 * float(os.environ.get("FERRY_BENCH_SCALE", "1")))
NAMES = int(10_000 * float(os.environ.get("FERRY_BENCH_SCALE", "1")))

# As in report.py. Throughput counts where the link is long, CPU where it is short.
report.TARGETS[:] = [
    *[(f"30 ms, {direction}, 1 stream", report.GB_S, "rclone", 1.3) for direction in ("down", "up")],
    *[(f"0 ms, {direction}, 1 stream", report.CPU, "rclone", 0.5) for direction in ("down", "up")],
    *[(f"0 ms, {direction}, 1 stream", report.CPU, "floor", 1.5) for direction in ("down", "up")],
    *[(f"{delay}, {FILES} small files {direction}", "files_s", "rclone", 1.2)
      for delay in ("0 ms", "30 ms") for direction in ("down", "up")],
    ("0 ms, peak memory", "peak_mib", "rclone", 0.5),
]
report.UNITS["peak_mib"] = "MiB at most"


def rclone_remote(endpoint):
    return (f":s3,provider=Other,access_key_id={ACCESS},secret_access_key={SECRET},region={REGION},"
            f"force_path_style=true,endpoint='{endpoint}':{BUCKET}")


class Bucket:
    """What the peers share: the bucket's address, and the rclone that the tests install."""

    def __init__(self, emulators, address):
        url = emulators["FERRY_TEST_S3_VERSITYGW"].split()[0]
        self.endpoint = f"http://{address}:{url.rsplit(':', 1)[1]}"
        self.rclone = str(emulators.program("rclone"))


class FerryOnS3(Ferry):
    def __init__(self, place, gauge, bucket):
        super().__init__(place, gauge)
        config = {"bucket": BUCKET, "region": REGION, "access_key": ACCESS, "endpoint": bucket.endpoint,
                  "access_secret": {"status": "Plain", "payload": SECRET}, "force_path_style": True}
        user = self.server.api("GET", f"/users/{self.user}")
        self.server.api("PUT", f"/users/{self.user}", user | {"filesystem": {"provider": 1, "s3config": config}})

    def pids(self):
        return [self.server.process.pid]


class RcloneOnS3(Rclone):
    def __init__(self, place, gauge, bucket):
        self.bucket = bucket
        super().__init__(place, gauge)

    def prepare(self):
        self.remote = ""
        return [self.bucket.rclone, "--config", "/dev/null", "serve", "sftp", "--dir-cache-time", "0s", "--addr",
                f"{self.place.address}:{self.port}", "--authorized-keys", f"{self.place.key}.pub", "--key",
                self.host_key(), rclone_remote(self.bucket.endpoint)]

    def pids(self):
        return [self.process.pid]


def peak_mib(server):
    """The most that the server's process has held since reset_peak()."""
    lines = [line for pid in server.pids() for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def reset_peak(server):
    for pid in server.pids():
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def large(server, direction, streams):
    """A stream a file; down reads what the up of the same server has stored."""
    size = SIZE // streams
    names = [f"large-{streams}-{n}.{server.name}" for n in range(streams)]
    commands = []
    for name in names:
        text = f"get {name} /dev/null" if direction == "down" else f"put {server.place.data}/large-{streams} {name}"
        commands.append(workloads.sftp(server, CIPHER, text))
    return workloads.rates(size * streams, *workloads.run(server, commands))


def small_files(server, direction, scratch):
    folder = f"small.{server.name}"
    local = scratch / folder
    shutil.rmtree(local, ignore_errors=True)
    local.mkdir()
    if direction == "up":
        text = f"-mkdir {folder}\nput {server.place.data}/small/* {folder}/"
    else:
        text = f"get {folder}/* {local}/"
    wall, cpu = workloads.run(server, [workloads.sftp(server, [], text)], 300)
    found = sum(1 for _ in local.iterdir())
    if direction == "down" and found != FILES:
        raise Failed(f"{found} of {FILES} files arrived")
    return {"files_s": FILES / wall, "cpu_us_file": cpu / FILES * 1e6}


def listing(server):
    wall, cpu = workloads.run(server, [workloads.sftp(server, [], "ls -1 names")], 300)
    return {"entries_s": NAMES / wall, "cpu_us_entry": cpu / NAMES * 1e6}


def rclone_copy(bucket, direction, place, scratch):
    """Wall time of the file over rclone's own client of S3; its CPU is not a server's, so it is not shown."""
    there = f"{rclone_remote(bucket.endpoint)}/direct"
    ends = [str(place.data / "large-1"), there]
    if direction == "down":
        ends = [f"{there}/large-1", str(scratch / "direct")]
    start = time.monotonic()
    subprocess.run([bucket.rclone, "--config", "/dev/null", "copy", *ends], check=True, capture_output=True)
    return {"gb_s": SIZE / (time.monotonic() - start) / 1e9}


def floor(direction, place, bucket, scratch):
    """What must be paid for a GB: an SFTP server's loop (floor.cpp) and one HTTP transfer of the same bytes (curl)."""
    shutil.copyfile(place.data / "large-1", scratch / "floor")
    loop = workloads.floor("aes128-gcm", scratch / "floor", SIZE)[direction]["cpu_s_gb"]
    url = f"{bucket.endpoint}/{BUCKET}/floor"
    signed = ["--aws-sigv4", f"aws:amz:{REGION}:s3", "--user", f"{ACCESS}:{SECRET}", "-H",
              "x-amz-content-sha256: UNSIGNED-PAYLOAD"]
    transfer = ["-T", str(place.data / "large-1")] if direction == "up" else ["-o", "/dev/null"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["curl", "-sf", *signed, *transfer, url], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    http = (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) / SIZE * 1e9
    return {"cpu_s_gb": loop + http}


class StorageBench:
    def __init__(self, work):
        self.place, self.scratch = Place(work), work / "scratch"
        self.rows, self.failures = {}, {}

    def make_data(self):
        data = self.place.data
        data.mkdir()
        self.scratch.mkdir()
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.place.key], check=True)
        for streams in (1, STREAMS):
            workloads.write_random(data / f"large-{streams}", SIZE // streams)
        workloads.make_many(data / "small", FILES, workloads.SMALL_FILE)
        workloads.make_many(data / "names", NAMES, 1)

    def row(self, name, servers, work, extra=None, runs=RUNS):
        figures, failures = {}, {}
        for server in servers:
            try:
                taken = [work(server) for _ in range(runs)]
                figures[server.name] = {key: statistics.median(one[key] for one in taken) for key in taken[0]}
            except Failed as failed:
                failures[server.name] = str(failed)
        self.rows[name] = figures | (extra or {})
        if failures:
            self.failures[name] = failures
        report.show(name, self.rows[name], failures)

    def measure(self, delay, bucket):
        servers = []
        try:
            for kind in (FerryOnS3, RcloneOnS3):
                servers.append(kind(self.place, meter(f"{kind.name}-{free_port()}"), bucket))
            for server in servers:
                reset_peak(server)
            for streams in (1, STREAMS):
                for direction in ("up", "down"):
                    extra = {}
                    if streams == 1:
                        extra["direct"] = rclone_copy(bucket, direction, self.place, self.scratch)
                    if streams == 1 and delay == "0 ms":
                        extra["floor"] = floor(direction, self.place, bucket, self.scratch)
                    self.row(f"{delay}, {direction}, {streams} stream{'s' * (streams > 1)}", servers,
                             lambda server: large(server, direction, streams), extra)
            self.row(f"{delay}, peak memory", servers, lambda server: {"peak_mib": peak_mib(server)}, runs=1)
            for direction in ("up", "down"):
                self.row(f"{delay}, {FILES} small files {direction}", servers,
                         lambda server: small_files(server, direction, self.scratch), runs=1)
            subprocess.run([bucket.rclone, "--config", "/dev/null", "copy", "--transfers", "64", "--checkers", "64",
                            str(self.place.data / "names"), f"{rclone_remote(bucket.endpoint)}/names"], check=True,
                           capture_output=True)
            self.row(f"{delay}, listing of {NAMES} keys", servers, listing, runs=1)
        finally:
            for server in servers:
                server.stop()

    def near(self):
        with Emulators(self.place.work / "emulators") as emulators:
            self.measure("0 ms", Bucket(emulators, "127.0.0.1"))

    def far(self):
        device, near, far, _ = LINK
        link = [workloads.PROGRAMS / "bench_link", device, near, far, str(LINK_DELAY)]
        with subprocess.Popen(link, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
            try:
                if running.stdout.readline() != "up\n":
                    print("\nwithout the link of 30 ms: it needs root and /dev/net/tun")
                    return
                with Emulators(self.place.work / "far-emulators", near) as emulators:
                    self.measure("30 ms", Bucket(emulators, far))
            finally:
                running.stdin.close()


def main():
    work = Path(tempfile.mkdtemp(prefix="ferry-bench-", dir="/dev/shm"))
    bench, began = StorageBench(work), time.monotonic()
    try:
        bench.make_data()
        print(f"{SIZE / 1e9:.2f} GB, {RUNS} runs, data and bucket on tmpfs; CPU by {meter('probe').how}")
        bench.near()
        bench.far()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    path = ROOT / "build/bench/storage.json"
    report.write(path, {"bytes": SIZE, "runs": RUNS, "files": FILES, "names": NAMES}, bench.rows, bench.failures)
    print(f"written to {path.relative_to(ROOT)} after {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
