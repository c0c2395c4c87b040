"""What is done to every server, and what is counted. One function a row; each answers {metric: value}."""
import json
import os
import shutil
import subprocess
import threading
import time

from peers import ROOT

PROGRAMS = ROOT / "build/release/bench"
CIPHERS = {
    "aes128-gcm": ["-c", "aes128-gcm@openssh.com"],
    "aes256-gcm": ["-c", "aes256-gcm@openssh.com"],
    "chacha20-poly1305": ["-c", "chacha20-poly1305@openssh.com"],
    "aes128-ctr+hmac-sha2-256": ["-c", "aes128-ctr", "-o", "MACs=hmac-sha2-256"],
}
FLOORS = {"aes128-gcm": "aes-128-gcm", "aes256-gcm": "aes-256-gcm", "chacha20-poly1305": "chacha20-poly1305",
          "aes128-ctr+hmac-sha2-256": "aes-128-ctr+hmac-sha2-256"}
SMALL_FILE = 4096
HELD_FILE = 512 * 1024
LONGEST = 120  # seconds any client may take; what takes longer is reported as failed


class Failed(Exception):
    """The server or the client could not do it; the text says why."""


def options(peer):
    return ["-i", str(peer.place.key), "-F", "none", "-o", "StrictHostKeyChecking=no", "-o",
            "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes"]


def run(peer, commands, timeout=LONGEST):
    """Runs the commands at once, each with its input; wall seconds and the server's CPU seconds, logins included."""
    before, start = peer.meter.seconds(), time.monotonic()
    clients = []
    try:
        for command, text in commands:
            if clients and len(clients) % peer.at_once == 0:
                time.sleep(0.5)
            client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.PIPE, text=True)
            clients.append(client)
            client.stdin.write(text)
            client.stdin.close()
            client.stdin = None
        for client in clients:
            _, errors = client.communicate(timeout=max(1, start + timeout - time.monotonic()))
            if client.returncode != 0:
                raise Failed(errors.strip().splitlines()[-1] if errors.strip() else f"exit {client.returncode}")
    except subprocess.TimeoutExpired:
        raise Failed(f"not done in {timeout} s") from None
    finally:
        for client in clients:
            if client.poll() is None:
                client.kill()
                client.wait()
    wall = time.monotonic() - start
    time.sleep(0.3)  # the session's processes end after the client
    return wall, peer.meter.seconds() - before


def sftp(peer, more, text, address=None):
    command = ["sftp", "-q", "-b", "-", "-P", str(peer.port), *options(peer), *more,
               f"{peer.user}@{address or peer.place.address}"]
    return command, text + "\n"


def rates(size, wall, cpu):
    return {"gb_s": size / wall / 1e9, "cpu_s_gb": cpu / size * 1e9}


# --- large files ---

def copy(peer, direction, file):
    """The sftp command that moves one of make_large()'s files."""
    if direction == "down":
        return f"get {peer.remote}/{file} /dev/null"
    return f"put {peer.place.data}/{file} {peer.remote}/{file}.up"


def cipher(peer, name, direction, files, size):
    """Each file of `size` bytes over a connection of its own."""
    wall, cpu = run(peer, [sftp(peer, CIPHERS[name], copy(peer, direction, file)) for file in files])
    return rates(size * len(files), wall, cpu)


def scp(peer, direction, file, size):
    there = f"{peer.user}@{peer.place.address}:{peer.remote}/{file}"
    files = [there, "/dev/null"] if direction == "down" else [f"{peer.place.data}/{file}", f"{there}.up"]
    wall, cpu = run(peer, [(["scp", "-O", "-q", "-P", str(peer.port), *options(peer), *CIPHERS["aes128-gcm"], *files],
                            "")])
    return rates(size, wall, cpu)


def link(peer, direction, file, size, far_address):
    # More requests under way than the default 64, or the client would be the limit.
    more = ["-R", "512", *(CIPHERS["aes128-gcm"] if "aes128-gcm" in peer.ciphers else [])]
    wall, cpu = run(peer, [sftp(peer, more, copy(peer, direction, file), far_address)], 40)
    return rates(size, wall, cpu)


def floor(name, path, size):
    """What has to be paid: bench/floor.cpp."""
    done = subprocess.run([PROGRAMS / "bench_floor", path, str(size), FLOORS[name]], check=True, capture_output=True)
    return json.loads(done.stdout)


# --- small files and names ---

def small_files(peer, direction, count, local):
    """The data's `many` holds the files, `many.<server>` is an empty directory; `local` lies outside the data."""
    shutil.rmtree(local, ignore_errors=True)
    local.mkdir()
    there = f"many.{peer.name}"
    text = f"get -r {peer.remote}/many {local}"
    if direction == "up":
        text = f"put -r {peer.place.data}/many {peer.remote}/{there}"
    wall, cpu = run(peer, [sftp(peer, [], text)])
    target = (peer.place.data / there if direction == "up" else local) / "many"
    found = sum(1 for _ in target.iterdir()) if target.exists() else 0
    if found != count:
        raise Failed(f"{found} of {count} files arrived")
    return {"files_s": count / wall, "cpu_us_file": cpu / count * 1e6}


def program(peer, what, path, *more, timeout=LONGEST):
    command = [PROGRAMS / "bench_client", what, peer.place.address, str(peer.port), peer.user, str(peer.place.key),
               f"{peer.remote}/{path}", *map(str, more)]
    before = peer.meter.seconds()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise Failed(f"not done in {timeout} s") from None
    if done.returncode != 0:
        raise Failed(done.stderr.strip())
    time.sleep(0.3)
    return json.loads(done.stdout), peer.meter.seconds() - before


def listing(peer, count):
    done, cpu = program(peer, "list", "names")
    if done["entries"] - count not in (0, 2):  # "." and ".." are not everywhere
        raise Failed(f"{done['entries']} of {count} names")
    return {"entries_s": count / done["seconds"], "cpu_us_entry": cpu / count * 1e6}


def logins(peer, count, at_once):
    at_once = min(at_once, peer.at_once)
    done, cpu = program(peer, "logins", "held", count, at_once)
    return {"logins_s": count / done["seconds"], "cpu_ms_login": cpu / count * 1e3}


# --- memory ---

def memory(peer, count, read):
    """Sessions that have done one stat (and, with `read`, read a file of 512 KiB), and idle now."""
    at_once = min(8, peer.at_once)
    program(peer, "logins", "held", 8, at_once)  # what a server sets up once
    before = peer.meter.memory()
    command = [PROGRAMS / "bench_client", "hold", peer.place.address, str(peer.port), peer.user, str(peer.place.key),
               f"{peer.remote}/held", str(count), str(at_once), *(["read"] if read else [])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as client:
        guard = threading.Timer(LONGEST, client.kill)
        guard.start()
        try:
            if client.stdout.readline() != "held\n":
                raise Failed(client.stderr.read().strip() or f"not done in {LONGEST} s")
            time.sleep(2)
            return {"kib_session": (peer.meter.memory() - before) / count / 1024}
        finally:
            guard.cancel()
            client.stdin.close()
            client.wait()


# --- the data ---

def write_random(path, size):
    """Random bytes; the block repeats, which no cipher notices."""
    block = os.urandom(min(size, 8 * 1024 * 1024))
    with open(path, "wb") as out:
        for start in range(0, size, len(block)):
            out.write(block[:size - start])


def make_large(data, size, names):
    """A file a name, and <name>.up with its pages written: a first write can be ten times slower under a hypervisor."""
    write_random(data / names[0], size)
    for name in names[1:]:
        os.link(data / names[0], data / name)
    for name in names:
        shutil.copyfile(data / name, data / f"{name}.up")


def make_many(folder, count, size):
    folder.mkdir()
    content = os.urandom(size)
    for n in range(count):
        (folder / f"file-{n:06}.dat").write_bytes(content)
