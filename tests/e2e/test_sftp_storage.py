"""Accounts whose home lies on another SFTP server: OpenSSH, ProFTPD, a second Ferry."""
import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from clients import ClientFailed, Paramiko, random_file, run, same, sftp, wait_for
from ferry import clean_environment, die_with_parent, free_port


class Remote:
    """An SFTP server that can be stopped and started again on its port."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.data = folder / "data"
        self.data.mkdir()
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "host"])
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"])
        self.process = None

    @property
    def fingerprint(self):
        return run(["ssh-keygen", "-l", "-f", self.folder / "host.pub"]).split()[1]

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, preexec_fn=die_with_parent,
                                            env=clean_environment(), start_new_session=True)
        wait_for(self.listening, "the remote server")

    def listening(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def sessions(self):
        """Its processes, one or more a connection."""
        found = run(["ps", "-o", "pid=,ppid=", "-e"]).split("\n")
        pairs = [tuple(map(int, line.split())) for line in found if line.strip()]
        return [pid for pid, parent in pairs if parent == self.process.pid]

    def cut(self):
        for pid in self.sessions():
            with contextlib.suppress(ProcessLookupError):  # it has ended by itself meanwhile
                os.kill(pid, signal.SIGKILL)

    def stop(self):
        if self.process is not None:
            self.cut()
            self.process.kill()
            self.process.wait()
            self.process = None

    def storage(self, **fields):
        config = {"endpoint": f"127.0.0.1:{self.port}", "username": getpass.getuser(), "prefix": str(self.data),
                  "private_key": {"status": "Plain", "payload": (self.folder / "key").read_text()},
                  "fingerprints": [self.fingerprint]}
        return {"provider": 5, "sftpconfig": config | fields}


class OpenSsh(Remote):
    def command(self):
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        (self.folder / "sshd_config").write_text(f"""
Port {self.port}
ListenAddress 127.0.0.1
HostKey {self.folder}/host
PidFile none
AuthorizedKeysFile {self.folder}/key.pub
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
Subsystem sftp internal-sftp
""")
        return [shutil.which("sshd") or "/usr/sbin/sshd", "-D", "-e", "-f", self.folder / "sshd_config"]


class ProFtpd(Remote):
    def command(self):
        os.chmod(self.folder / "host", 0o600)
        public = run(["ssh-keygen", "-e", "-f", self.folder / "key.pub"])
        (self.folder / "authorized").write_text(public)
        uid, gid = os.geteuid(), os.getegid()
        (self.folder / "proftpd.conf").write_text(f"""
ServerType standalone
DefaultAddress 127.0.0.1
UseIPv6 off
Port 0
User {getpass.getuser()}
Group {run(["id", "-gn"]).strip()}
PidFile {self.folder}/pid
ScoreboardFile {self.folder}/scoreboard
DelayTable {self.folder}/delay
WtmpLog off
TransferLog none
ModulePath /usr/lib/proftpd
LoadModule mod_sftp.c
AuthUserFile {self.folder}/users
AuthOrder mod_auth_file.c
RequireValidShell off
UseFtpUsers off
RootLogin on
<VirtualHost 127.0.0.1>
  Port {self.port}
  SFTPEngine on
  SFTPHostKey {self.folder}/host
  SFTPAuthMethods publickey password
  SFTPAuthorizedUserKeys file:{self.folder}/authorized
  AuthUserFile {self.folder}/users
  RootLogin on
  UseFtpUsers off
  RequireValidShell off
  AllowOverwrite on
  AllowStoreRestart on
  AllowRetrieveRestart on
</VirtualHost>
""")
        hashed = run(["openssl", "passwd", "-6", "remote-password"]).strip()
        (self.folder / "users").write_text(f"{getpass.getuser()}:{hashed}:{uid}:{gid}::{self.data}:/bin/sh\n")
        os.chmod(self.folder / "users", 0o600)
        return ["/usr/sbin/proftpd", "-n", "-c", self.folder / "proftpd.conf"]


@pytest.fixture
def remote(tmp_path):
    made = []

    def make(kind):
        folder = tmp_path / f"remote{len(made)}"
        folder.mkdir()
        server = kind(folder)
        made.append(server)
        server.start()
        return server

    yield make
    for server in made:
        server.stop()


KINDS = [OpenSsh, pytest.param(ProFtpd, marks=pytest.mark.skipif(not os.path.exists("/usr/sbin/proftpd"),
                                                                 reason="no ProFTPD"))]


def put_text(client, path, text):
    with client.open(path, "w") as file:
        file.write(text)


@pytest.mark.parametrize("kind", KINDS)
def test_files_lie_on_the_remote_server(make_server, remote, tmp_path, kind):
    there = remote(kind)
    user = make_server().create_user("alice", filesystem=there.storage())
    big = random_file(tmp_path / "big", 5_000_001)
    with Paramiko(user) as client:
        client.put(str(big), "/big")
        assert same(there.data / "big", big)
        client.get("/big", str(tmp_path / "back"))
        assert same(tmp_path / "back", big)
        client.mkdir("/d")
        client.rename("/big", "/d/moved")
        put_text(client, "/other", "other")
        client.posix_rename("/d/moved", "/other")
        assert same(there.data / "other", big) and not (there.data / "d/moved").exists()
        assert sorted(client.listdir("/")) == ["d", "other"]
        with client.open("/other", "r+") as file:
            file.seek(1_000_000)
            file.write(b"in the middle")
        assert (there.data / "other").read_bytes()[1_000_000:1_000_013] == b"in the middle"
        client.truncate("/other", 1_000_013)
        with client.open("/other", "a") as file:
            file.write(b"!")
        assert (there.data / "other").read_bytes()[1_000_000:] == b"in the middle!"
        client.chmod("/other", 0o640)
        client.utime("/other", (1_000_000_000, 1_100_000_000))
        assert client.stat("/other").st_mtime == 1_100_000_000
        client.remove("/other")
        client.rmdir("/d")
        assert client.listdir("/") == []
        for missing in (client.stat, client.remove, client.rmdir, client.listdir):
            with pytest.raises(FileNotFoundError):
                missing("/none")


def test_resumes_both_ways(make_server, remote, tmp_path):
    there = remote(OpenSsh)
    user = make_server().create_user("alice", filesystem=there.storage())
    whole = random_file(tmp_path / "whole", 3_000_000)
    (there.data / "up").write_bytes(whole.read_bytes()[:1_234_567])
    sftp(user, f"reput {whole} up")
    assert same(there.data / "up", whole)
    (tmp_path / "down").write_bytes(whole.read_bytes()[:1_234_567])
    sftp(user, f"reget up {tmp_path / 'down'}")
    assert same(tmp_path / "down", whole)


def test_nothing_leads_out_of_the_prefix(make_server, remote):
    there = remote(OpenSsh)
    (there.folder / "secret").write_text("secret")
    (there.data / "link").symlink_to("../secret")
    (there.data / "absolute").symlink_to(there.folder)
    (there.data / "f").write_text("f")
    (there.data / "inside").symlink_to(there.data / "f")
    user = make_server({"FERRY_COMMON__SYMLINK_MODE": "3"}).create_user("alice", filesystem=there.storage())
    with Paramiko(user) as client:
        for path in ("/link", "/absolute", "/absolute/secret", "/../secret"):
            with pytest.raises(OSError):
                client.open(path).read()
        assert client.open("/inside").read() == b"f"
        assert client.readlink("/inside") == "/f"
        client.symlink("/f", "/made")
        assert client.open("/made").read() == b"f" and os.readlink(there.data / "made") == str(there.data / "f")
    assert (there.folder / "secret").read_text() == "secret"


@pytest.mark.parametrize("wrong, reason", [
    ({"fingerprints": ["SHA256:RFzBCUItH9LZS0cKB5UE6ceAYhBD5C8GeOBip8Z11+4"]}, "fingerprints"),
    ({"username": "nobody-of-this-name"}, "refuses the login"),
    ({"endpoint": "127.0.0.1:1"}, "connect"),
])
def test_a_remote_that_cannot_be_used(make_server, remote, wrong, reason):
    there = remote(OpenSsh)
    server = make_server()
    user = server.create_user("alice", filesystem=there.storage(**wrong))
    with pytest.raises((ClientFailed, OSError)):
        with Paramiko(user) as client:
            client.listdir("/")
    wait_for(lambda: reason in server.log(), "the reason in the log")


def test_a_connection_that_is_cut_is_made_again(make_server, remote, tmp_path):
    there = remote(OpenSsh)
    (there.data / "f").write_text("f")
    user = make_server().create_user("alice", filesystem=there.storage())
    with Paramiko(user) as client:
        assert client.listdir("/") == ["f"]
        (there.data / "a/b").mkdir(parents=True)
        for path, names in [("/", ["a", "f"]), ("/a/b", []), ("/a", ["b"])]:
            there.cut()
            assert sorted(client.listdir(path)) == names
        file = client.open("/up", "w")
        file.write(b"x" * 100_000)
        there.cut()
        with pytest.raises(OSError):
            for _ in range(100):
                file.write(b"x" * 100_000)
            file.close()
        there.stop()
        with pytest.raises(OSError):
            client.listdir("/")
        there.start()
        wait_for(lambda: listed(client), "the remote server is used again")
        put_text(client, "/f", "again")
        assert (there.data / "f").read_text() == "again"


def listed(client):
    try:
        return "f" in client.listdir("/")
    except OSError:
        return False


def test_a_second_ferry_is_a_remote_and_this_one_is_not(make_server, tmp_path):
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "host"])
    far, near = make_server({"FERRY_SFTPD__HOST_KEYS": str(tmp_path / "host")}), make_server()
    target = far.create_user("target")
    storage = {"provider": 5, "sftpconfig": {"endpoint": f"127.0.0.1:{far.sftp_port}", "username": "target",
                                             "password": {"status": "Plain", "payload": target.password}}}
    user = near.create_user("alice", filesystem=storage)
    big = random_file(tmp_path / "big", 3_000_001)
    with Paramiko(user) as client:
        client.put(str(big), "/big")
        client.get("/big", str(tmp_path / "back"))
        client.mkdir("/d")
        client.rename("/big", "/d/big")
    assert same(tmp_path / "back", big) and same(target.home / "d/big", big)
    # The same account at the server itself.
    loop = far.create_user("loop", filesystem=storage)
    with pytest.raises((ClientFailed, OSError)):
        with Paramiko(loop) as client:
            client.listdir("/")
    assert "this server itself" in far.log()


def test_loops_are_allowed_where_the_operator_wants_them(make_server):
    server = make_server({"FERRY_COMMON__ALLOW_SELF_CONNECTIONS": "1"})
    target = server.create_user("target")
    storage = {"provider": 5, "sftpconfig": {"endpoint": f"127.0.0.1:{server.sftp_port}", "username": "target",
                                             "password": {"status": "Plain", "payload": target.password}}}
    user = server.create_user("alice", filesystem=storage)
    with Paramiko(user) as client:
        put_text(client, "/f", "f")
    assert (target.home / "f").read_text() == "f"
