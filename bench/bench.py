#!/usr/bin/env python3
"""Ferry's speed and memory beside other SFTP servers', in one run: see bench/README.md."""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import report
import workloads
from meter import meter
from peers import PEERS, ROOT, Place
from workloads import CIPHERS, Failed

UNITS = {"K": 10**3, "M": 10**6, "G": 10**9}
DIRECTIONS = ("down", "up")
WHOLE = 512 * 1024  # sizes are rounded to it
CONTENDER = 1.5  # a peer that is further behind the best than this is not run again
STREAMS = (4, 8)
LINK_SIZE = 400 * WHOLE
LINK = ("ferry-bench", "10.213.77.1", "10.213.77.2", 25)  # device, this end, the far end, one-way delay in ms


def setting(name, default):
    return os.environ.get(f"FERRY_BENCH_{name}", default)


def chosen(name, known):
    """A comma list out of `known`; all of them by default."""
    wanted = setting(name, ",".join(known)).split(",")
    for one in wanted:
        if one not in known:
            sys.exit(f"FERRY_BENCH_{name}: unknown: {one}; known: {', '.join(known)}")
    return wanted


def size_of(text):
    number = float(text[:-1]) * UNITS[text[-1]] if text[-1] in UNITS else float(text)
    return max(1, round(number / WHOLE)) * WHOLE


def median(samples):
    return {key: statistics.median(sample[key] for sample in samples) for key in samples[0]}


class Bench:
    def __init__(self, work):
        self.size, self.runs = size_of(setting("SIZE", "1G")), int(setting("RUNS", "2"))
        self.scale = float(setting("SCALE", "1"))
        self.rows_wanted, self.ciphers = chosen("ROWS", list(ROWS)), chosen("CIPHERS", list(CIPHERS))
        self.place, self.servers, self.rows, self.failures = Place(work), [], {}, {}

    def counted(self, number):
        return max(1, round(number * self.scale))

    def stream_files(self, streams):
        """Half the bytes of the single stream, in as many files; their size."""
        return [f"of{streams}-{n}" for n in range(streams)], size_of(str(self.size // 2 // streams))

    def make_data(self):
        """All of it before any server starts."""
        data, wanted = self.place.data, set(self.rows_wanted)
        data.mkdir()
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.place.key], check=True)
        workloads.write_random(data / "held", workloads.HELD_FILE)
        if wanted & {"ciphers", "scp"}:
            workloads.make_large(data, self.size, ["large"])
        if "streams" in wanted:
            for streams in STREAMS:
                names, size = self.stream_files(streams)
                workloads.make_large(data, size, names)
        if "link" in wanted:
            workloads.make_large(data, min(self.size, LINK_SIZE), ["link"])
        if "files" in wanted:
            workloads.make_many(data / "many", self.counted(10_000), workloads.SMALL_FILE)
            for name in PEERS:
                (data / f"many.{name}").mkdir()
        if "listing" in wanted:
            workloads.make_many(data / "names", self.counted(100_000), 0)

    def start(self):
        for name in chosen("SERVERS", list(PEERS)):
            why = PEERS[name].missing()
            if why:
                print(f"without {name}: {why}")
                continue
            self.launch(PEERS[name], self.place, name, self.servers)

    @staticmethod
    def launch(peer, place, name, servers):
        """A server that does not start is left out, and said."""
        try:
            servers.append(peer(place, meter(name)))
        except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
            print(f"without {name}: {error}")

    @staticmethod
    def stop(servers):
        for server in servers:
            try:
                server.stop()
            except RuntimeError as error:
                print(f"{server.name}: {error}")

    def measure(self, row, work, servers=None, runs=None, extra=None):
        """Runs `work(server)` on each, turn about, so that a change of the machine's mood meets all."""
        samples, failures = {}, {}
        left = list(self.servers if servers is None else servers)
        for _ in range(self.runs if runs is None else runs):
            for server in list(left):
                try:
                    result = work(server)
                    samples.setdefault(server.name, []).append(result)
                except Failed as failed:
                    failures[server.name] = str(failed)
                    left.remove(server)
            left = [server for server in left if self.contends(server.name, samples)]
        figures = {name: median(taken) for name, taken in samples.items()}
        if extra:
            figures |= extra
        self.rows[row] = figures
        if failures:
            self.failures[row] = failures
        report.show(row, figures, failures)

    @staticmethod
    def contends(name, samples):
        if name == "ferry":
            return True
        figures = {other: median(taken) for other, taken in samples.items()}
        for metric, value in figures[name].items():
            best = report.best_peer(figures, metric)[0]
            if max(value / best, best / value) <= CONTENDER:
                return True
        return False

    # --- rows ---

    def ciphers_row(self):
        for name in self.ciphers:
            able = [server for server in self.servers if name in server.ciphers]
            floors = [workloads.floor(name, self.place.data / "large.up", self.size) for _ in range(self.runs)]
            for direction in DIRECTIONS:
                lowest = {"floor": median([one[direction] for one in floors])}
                self.measure(f"{name} {direction}, 1 stream", lambda server: workloads.cipher(
                    server, name, direction, ["large"], self.size), able, extra=lowest)

    def streams_row(self):
        for streams in STREAMS:
            files, size = self.stream_files(streams)
            for name in self.ciphers:
                able = [server for server in self.servers if name in server.ciphers]
                for direction in DIRECTIONS:
                    self.measure(f"{name} {direction}, {streams} streams", lambda server: workloads.cipher(
                        server, name, direction, files, size), able, 1)

    def scp_row(self):
        able = [server for server in self.servers if server.scp and "aes128-gcm" in server.ciphers]
        for direction in DIRECTIONS:
            self.measure(f"scp {direction}", lambda server: workloads.scp(server, direction, "large", self.size), able,
                         1)

    def files_row(self):
        for direction in DIRECTIONS:
            self.measure(f"small files {direction}", lambda server: workloads.small_files(
                server, direction, self.counted(10_000), self.place.work / "local"), runs=1)

    def listing_row(self):
        self.measure("listing", lambda server: workloads.listing(server, self.counted(100_000)))

    def logins_row(self):
        for at_once in (1, 8):
            self.measure(f"logins, {at_once} at a time", lambda server: workloads.logins(
                server, self.counted(500 if server.one_process else 50), at_once))

    def memory_row(self):
        """Servers of their own: what others have given back would be used again."""
        def fresh(server):
            own = type(server)(self.place, meter(f"{server.name}-memory"))
            try:
                return workloads.memory(own, self.counted(2000 if own.one_process else 100), read)
            finally:
                own.stop()
        for name, read in (("idle", False), ("after 512 KiB", True)):
            self.measure(f"memory, {name}", fresh, runs=1)

    def link_row(self):
        """Servers of their own, on this machine's end of the link."""
        device, near, far, delay = LINK
        program = workloads.PROGRAMS / "bench_link"
        with subprocess.Popen([program, device, near, far, str(delay)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as running:
            if running.stdout.readline() != "up\n":
                print("\nwithout the link of 50 ms: it needs root and /dev/net/tun")
                return
            size = min(self.size, LINK_SIZE)
            servers = []
            try:
                for one in self.servers:
                    self.launch(type(one), self.place.at(near), f"{one.name}-link", servers)
                for direction in DIRECTIONS:
                    self.measure(f"link of 50 ms, {direction}",
                                 lambda server: workloads.link(server, direction, "link", size, far), servers, 1)
            finally:
                self.stop(servers)
                running.stdin.close()


ROWS = {"ciphers": Bench.ciphers_row, "streams": Bench.streams_row, "scp": Bench.scp_row, "files": Bench.files_row,
        "listing": Bench.listing_row, "logins": Bench.logins_row, "memory": Bench.memory_row, "link": Bench.link_row}


def main():
    work = Path(tempfile.mkdtemp(prefix="ferry-bench-", dir="/dev/shm"))
    bench = Bench(work)
    began = time.monotonic()
    try:
        bench.make_data()
        bench.start()
        print(f"{bench.size / 1e9:.2f} GB on tmpfs, {bench.runs} runs, target pages warmed; CPU and memory by "
              f"{bench.servers[0].meter.how}; congestion control {report.congestion_control()}")
        for row in bench.rows_wanted:
            ROWS[row](bench)
    finally:
        bench.stop(bench.servers)
        shutil.rmtree(work, ignore_errors=True)
    path = ROOT / "build/bench/ssh.json"
    report.write(path, {"bytes": bench.size, "runs": bench.runs, "scale": bench.scale,
                        "measured_by": bench.servers[0].meter.how}, bench.rows, bench.failures)
    print(f"written to {path.relative_to(ROOT)} after {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
