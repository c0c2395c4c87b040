"""`ferry startsubsys` below a real sshd, started by whoever runs the tests."""
import getpass
import json
import os
import pwd
import shutil
import socket
import struct
import subprocess
from pathlib import Path
from types import SimpleNamespace

import paramiko
import pytest

import raw_sftp
from clients import ClientFailed, Paramiko, digest, random_file, run, same, sftp, wait_for
from event_hooks import Program
from ferry import binary, clean_environment, die_with_parent, free_port
from raw_sftp import request


class Sshd:
    def __init__(self, folder, public_key, *flags):
        self.folder = folder
        self.config_dir = folder / "config"
        self.config_dir.mkdir()
        self.sftp_port = free_port()
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "host"])
        (folder / "authorized").write_text(public_key + "\n")
        subsystem = " ".join(map(str, [binary(), "startsubsys", "--config-dir", self.config_dir, *flags]))
        (folder / "sshd_config").write_text(f"""
Port {self.sftp_port}
ListenAddress 127.0.0.1
HostKey {folder}/host
PidFile none
AuthorizedKeysFile {folder}/authorized
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
Subsystem sftp {subsystem}
""")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # where a privileged sshd locks its children in
        with open(folder / "log", "wb") as log:
            self.process = subprocess.Popen([shutil.which("sshd") or "/usr/sbin/sshd", "-D", "-e", "-f",
                                             folder / "sshd_config"], stderr=log, preexec_fn=die_with_parent,
                                            env=clean_environment())
        wait_for(self.listening, "sshd")

    def listening(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.sftp_port)) == 0


@pytest.fixture
def subsystem(tmp_path, public_keys):
    """start(*flags): an account below an sshd with this subsystem."""
    started = []

    def start(*flags):
        folder = tmp_path / f"sshd{len(started)}"
        folder.mkdir()
        server = Sshd(folder, public_keys[0], *flags)
        started.append(server)
        return SimpleNamespace(name=getpass.getuser(), password="", server=server)

    yield start
    for server in started:
        server.process.kill()
        server.process.wait()


def test_every_day_work(subsystem, keys, tmp_path):
    user = subsystem("--base-home-dir", tmp_path / "homes")
    home = tmp_path / "homes" / user.name
    source = random_file(tmp_path / "source", 20_000_000)
    tree = tmp_path / "tree"
    for index in range(300):
        (tree / f"d{index % 10}").mkdir(parents=True, exist_ok=True)
        random_file(tree / f"d{index % 10}" / f"f{index}", index * 10)
    listing = sftp(user, ["pwd", f"put {source} there", f"get there {tmp_path}/back", f"put -r {tree} tree", "ls -1 tree/d3",
                          f"get -r tree {tmp_path}/tree-back", "rename there moved", "ls -l", "rm moved"],
                   keys["ed25519"])
    assert "Remote working directory: /\n" in listing and "f103" in listing and "moved" in listing
    assert same(source, tmp_path / "back")
    for path in tree.rglob("f*"):
        assert digest(path) == digest(home / "tree" / path.relative_to(tree)) == digest(
            tmp_path / "tree-back" / path.relative_to(tree))
    with pytest.raises(ClientFailed):
        sftp(user, ["get /etc/passwd"], keys["ed25519"])


def test_pipelined_clients(subsystem, keys, tmp_path):
    user = subsystem("-d", tmp_path / "homes")
    source = random_file(tmp_path / "source", 30_000_000)
    with Paramiko(user, keys["ed25519"]) as client:
        client.put(str(source), "there")
        client.get("there", str(tmp_path / "back"))
    assert same(source, tmp_path / "back")


def test_logs_go_to_standard_error(subsystem, keys, tmp_path):
    """Which sshd drops, so that whoever wants it says where it goes: to a file, or to the journal."""
    user = subsystem("-d", tmp_path / "homes", f"2>>{tmp_path}/log")
    sftp(user, ["mkdir made"], keys["ed25519"])
    lines = (tmp_path / "log").read_text().splitlines()
    assert any('"sender":"Mkdir"' in line and '"remote_addr":"127.0.0.1:' in line for line in lines)
    quiet = subsystem("-d", tmp_path / "homes2", "--log-level", "error", f"2>>{tmp_path}/quiet")
    sftp(quiet, ["mkdir made"], keys["ed25519"])
    assert (tmp_path / "quiet").read_text() == ""


def test_hooks_decide_and_are_told(subsystem, keys, tmp_path):
    program = Program(tmp_path)
    user = subsystem("--base-home-dir", tmp_path / "homes")
    home = tmp_path / "homes" / user.name
    (user.server.config_dir / "ferry.json").write_text(json.dumps({"common": {"actions": {
        "hook": str(program.path), "execute_on": ["pre-upload", "upload", "mkdir"]}}}))
    program.behave('case "$SFTPGO_ACTION$SFTPGO_ACTION_VIRTUAL_PATH" in pre-upload*secret) exit 1;; esac')
    source = random_file(tmp_path / "source", 1000)
    sftp(user, [f"put {source} /fine", "mkdir /made"], keys["ed25519"])
    with pytest.raises(ClientFailed):
        sftp(user, [f"put {source} /secret"], keys["ed25519"])
    assert (home / "fine").exists() and not (home / "secret").exists()
    [told] = program.wait("upload")
    assert (told["ACTION_USERNAME"], told["ACTION_VIRTUAL_PATH"], told["ACTION_PROTOCOL"]) == (user.name, "/fine", "SFTP")
    program.wait("mkdir")
    # A client that goes away in the middle leaves an event, too.
    client = Paramiko(user, keys["ed25519"])
    file = client.__enter__().open("/cut", "wb")
    file.write(b"x" * 1000)
    file.flush()
    client.client.get_transport().sock.close()
    events = program.wait("upload", 2)
    assert (events[1]["ACTION_VIRTUAL_PATH"], events[1]["ACTION_STATUS"]) == ("/cut", "2")


def test_a_connection_that_breaks(subsystem, keys, tmp_path):
    """The upload is reported as failed, and no process stays."""
    user = subsystem("-d", tmp_path / "homes")
    client = Paramiko(user, keys["ed25519"])
    channel = client.__enter__()
    file = channel.open("partial", "wb")
    file.write(b"x" * 100_000)
    file.flush()

    def running():
        found = subprocess.run(["pgrep", "-f", f"startsubsys --config-dir {user.server.config_dir}"],
                               capture_output=True, text=True, check=False).stdout
        return found.split()
    assert running()
    client.client.get_transport().sock.close()
    wait_for(lambda: not running(), "the subsystem to end")


def direct(arguments, data=b"", **options):
    return subprocess.run([binary(), "startsubsys", *map(str, arguments)], input=data, capture_output=True, timeout=20,
                          check=False, env=clean_environment(), **options)


def test_started_by_hand(tmp_path):
    init = b"\0\0\0\5\1\0\0\0\3"
    common = ["--config-dir", tmp_path, "-d", tmp_path / "homes", "--log-level", "error"]
    good = direct(common, init)
    assert good.returncode == 0 and good.stdout[4:9] == b"\2\0\0\0\3"
    assert (tmp_path / "homes" / pwd.getpwuid(os.getuid()).pw_name).is_dir()
    broken = direct(common, init + b"\xff\xff\xff\xff")
    assert broken.returncode == 1
    assert direct(common, b"GET / HTTP/1.0\r\n\r\n").returncode == 1


def test_what_came_before_nobody_listened_is_done(tmp_path):
    data = os.urandom(30_000)
    probe = direct(["--config-dir", tmp_path, "-d", tmp_path / "homes", "--log-level", "error"],
                   raw_sftp.text(b"\1\0\0\0\3") +
                   request(raw_sftp.OPEN, 1, raw_sftp.text("probe"), struct.pack(">I", 26), raw_sftp.NO_ATTRIBUTES))
    handle = raw_sftp.handle_in(probe.stdout, 1)
    requests = raw_sftp.text(b"\1\0\0\0\3")
    requests += request(raw_sftp.OPEN, 1, raw_sftp.text("f"), struct.pack(">I", 26), raw_sftp.NO_ATTRIBUTES)
    requests += b"".join(request(raw_sftp.WRITE_DATA, 2, handle, struct.pack(">Q", at),
                                 raw_sftp.text(data[at:at + 1000])) for at in range(0, len(data), 1000))
    requests += request(raw_sftp.CLOSE, 3, handle)
    reading, writing = os.pipe()
    os.close(reading)
    command = [binary(), "startsubsys", "--config-dir", tmp_path, "-d", tmp_path / "homes", "--log-level", "error"]
    subprocess.run(list(map(str, command)), input=requests, stdout=writing, timeout=20, check=False,
                   env=clean_environment())
    os.close(writing)
    assert (tmp_path / "homes" / pwd.getpwuid(os.getuid()).pw_name / "f").read_bytes() == data


def test_a_client_that_leaves_ends_a_long_request(tmp_path):
    """Half an hour of reading, in which nothing is written that would fail."""
    home = tmp_path / "homes" / pwd.getpwuid(os.getuid()).pw_name
    home.mkdir(parents=True)
    with open(home / "large", "wb") as file:
        file.truncate(1 << 40)
    command = [binary(), "startsubsys", "--config-dir", tmp_path, "-d", tmp_path / "homes", "--log-level", "error"]
    process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               env=clean_environment(), preexec_fn=die_with_parent)
    check = raw_sftp.text("check-file-name") + raw_sftp.text("large") + raw_sftp.text("sha256")
    for data in (raw_sftp.text(b"\1\0\0\0\3"), request(200, 1, check, struct.pack(">QQI", 0, 0, 0))):
        process.stdin.write(data)
        process.stdin.flush()
        if data[4] == 1:
            assert process.stdout.read(5)[4] == 2  # the version
    reading = Path(f"/proc/{process.pid}/io")

    def read_so_far():
        return int(reading.read_text().split("rchar: ")[1].split()[0])
    wait_for(lambda: read_so_far() > 50_000_000, "the digest")
    assert process.poll() is None
    process.stdin.close()
    process.stdout.close()
    process.wait(30)


@pytest.mark.parametrize("arguments", [["-d", "relative"], ["--config-file", "missing.json"], ["--frobnicate"]])
def test_wrong_flags(tmp_path, arguments):
    result = direct(["--config-dir", tmp_path, *arguments])
    assert result.returncode == 1 and result.stdout == b"" and result.stderr.startswith(b"ferry: ")


@pytest.mark.skipif(Path("/run/systemd/journal/stdout").exists(), reason="here is a journal")
def test_without_a_journal(tmp_path):
    result = direct(["--config-dir", tmp_path, "-d", tmp_path, "--log-to-journald"])
    assert result.returncode == 1 and b"journal" in result.stderr
