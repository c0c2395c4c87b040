"""CPU seconds and memory used by a server and everything it started.

A control group counts every process, whoever waits for it (sshd's session process is waited for by nobody, so
sums over children miss most of what OpenSSH uses). Where none can be made, the process tree is sampled.
"""
import os
import threading
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def own_group(controllers):
    """This process's path inside the hierarchy that /proc/self/cgroup lists with these controllers."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if names == "" and controllers == "" or controllers and controllers in names.split(","):
            return path.lstrip("/")
    return None


def pss(pids):
    """Proportional set size in bytes: a page shared by n processes counts a nth in each."""
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue  # it has just ended
        total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return total * 1024


class GroupMeter:
    """A control group of its own: version 2's cpu.stat, or version 1's cpuacct."""

    def __init__(self, name):
        self.path = None
        for mount, controllers, usage in (("/sys/fs/cgroup", "", "cpu.stat"),
                                          ("/sys/fs/cgroup/unified", "", "cpu.stat"),
                                          ("/sys/fs/cgroup/cpuacct", "cpuacct", "cpuacct.usage")):
            parent = own_group(controllers)
            if parent is None or not (Path(mount) / parent / "cgroup.procs").exists():
                continue
            path = Path(mount) / parent / f"ferry-bench-{os.getpid()}-{name}"
            try:
                path.mkdir()
            except OSError:
                continue
            if (path / usage).exists():
                self.path, self.usage = path, usage
                break
            path.rmdir()
        if self.path is None:
            raise OSError("no control group can be made here")
        self.how = f"cgroup {usage}"
        self.wrapper = ["/bin/sh", "-c", f'echo $$ > "{self.path}/cgroup.procs" && exec "$@"', "sh"]

    def started(self, pid):
        pass

    def seconds(self):
        text = (self.path / self.usage).read_text()
        if self.usage == "cpuacct.usage":
            return int(text) / 1e9
        return int(dict(line.split() for line in text.splitlines())["usage_usec"]) / 1e6

    def memory(self):
        return pss((self.path / "cgroup.procs").read_text().split())

    def close(self):
        try:
            self.path.rmdir()
        except OSError:
            pass  # a process of the server is still going away


class TreeMeter:
    """Samples the process tree every 10 ms and keeps the last figure of each process, exited or not."""

    how = "process tree, sampled"
    wrapper = []

    def __init__(self):
        self.known = {}  # (pid, start time) -> ticks
        self.root = None
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def started(self, pid):
        self.root = pid
        self.thread.start()

    def _processes(self):
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            yield int(entry), int(fields[1]), int(fields[19]), int(fields[11]) + int(fields[12])

    def _sample(self):
        seen = {pid: (parent, start, ticks) for pid, parent, start, ticks in self._processes()}
        for pid, (_, start, ticks) in seen.items():
            ancestor = pid
            while ancestor in seen and ancestor != self.root:
                ancestor = seen[ancestor][0]
            if ancestor == self.root or (pid, start) in self.known:
                self.known[(pid, start)] = ticks

    def _watch(self):
        while not self.done.wait(0.01):
            self._sample()

    def seconds(self):
        self._sample()
        return sum(self.known.values()) / TICKS

    def memory(self):
        self._sample()
        return pss(pid for pid, _ in self.known)

    def close(self):
        self.done.set()


def meter(name):
    try:
        return GroupMeter(name)
    except OSError:
        return TreeMeter()
