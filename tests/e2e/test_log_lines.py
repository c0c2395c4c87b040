"""The log's documented lines, beside those that SFTPGo was seen to write for the same operations."""
import base64
import json
import re
from pathlib import Path

import paramiko
import pytest

from clients import Paramiko, wait_for
from conftest import copy_host_keys, run_server
from ferry import Ferry, RestError

DATA = Path(__file__).parent.parent / "data" / "observed"
OBSERVED = [json.loads(line) for line in (DATA / "log_lines.jsonl").read_text().splitlines()]
DOCUMENTED = {"login", "connection_failed", "Upload", "Download", "Rename", "Rmdir", "Mkdir", "Symlink", "Remove",
              "Chmod", "Chown", "Chtimes", "Truncate", "Copy", "SSHCommand"}
# What tells one run, or one server, from another.
FREE = {"time", "local_addr", "remote_addr", "elapsed", "elapsed_ms", "connection_id", "client", "info", "error"}


class Lines:
    """New lines of the log since the last look."""

    def __init__(self, server):
        self.server, self.seen = server, 0

    def next(self, count):
        """The next `count` documented lines."""
        def new():
            text = self.server.log()
            lines = [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]
            return [line for line in lines if line["sender"] in DOCUMENTED][self.seen:]
        wait_for(lambda: len(new()) >= count, f"{count} lines")
        lines = new()
        self.seen += len(lines)
        return lines


@pytest.fixture(scope="module")
def logged(server, tmp_path_factory):
    ours = Ferry(tmp_path_factory.mktemp("lines") / "ferry", {
        "FERRY_SFTPD__ENABLED_SSH_COMMANDS": "*", "FERRY_COMMON__SYMLINK_MODE": "1"})
    copy_host_keys(server, ours)
    for running in run_server(ours):
        running.user = running.create_user("eu", permissions={"/": ["*"], "/denied": ["list"]})
        running.lines = Lines(running)
        yield running


def steps(*names):
    found = {entry["step"]: entry["lines"] for entry in OBSERVED}
    return [line for name in names for line in found[name]]


def same(server, ours, theirs):
    """The fields are there, in their order, with the same values."""
    assert [line["sender"] for line in ours] == [line["sender"] for line in theirs]
    for mine, other in zip(ours, theirs):
        assert list(mine) == list(other), mine["sender"]
        home = str(server.home_base)
        for key, value in other.items():
            if key not in FREE:
                assert mine[key] == (value.replace("@HOME@", home) if isinstance(value, str) else value), (key, mine)


def refused(server, password="wrong", name="eu"):
    with pytest.raises(paramiko.AuthenticationException):
        Paramiko(type(server.user)(server, name, password, None))


def user_token(server, password):
    basic = base64.b64encode(f"eu:{password}".encode()).decode()
    return server.request("GET", "/api/v2/user/token", headers={"Authorization": f"Basic {basic}"})


def test_logins(logged, keys, public_keys):
    logged.user.update(public_keys=public_keys)
    logged.lines.next(0)
    with Paramiko(logged.user):
        pass
    same(logged, lines := logged.lines.next(1), steps("SFTP login password good"))
    assert re.fullmatch(r"negotiated algorithms: \{KeyExchange:\S+ HostKey:\S+ Read:\{Cipher:\S+ MAC:\S* "
                        r"compression:none\} Write:\{Cipher:\S+ MAC:\S* compression:none\}\}", lines[0]["info"])
    assert lines[0]["client"].startswith("SSH-2.0-paramiko")
    with Paramiko(logged.user, key=keys["ed25519"]):
        pass
    line, = logged.lines.next(1)
    theirs, = steps("SFTP login key good")
    assert list(line) == list(theirs)
    shape = r"publickey: SHA256:[A-Za-z0-9+/]{43}:\S+ \(ssh-ed25519\)"
    assert re.fullmatch(shape, line["method"]) and re.fullmatch(shape, theirs["method"])
    user_token(logged, logged.user.password)
    same(logged, logged.lines.next(1), steps("HTTP user token good"))


def test_failed_logins_match_the_patterns_that_watch_for_them(logged):
    logged.lines.next(0)
    before = len(logged.log())
    refused(logged)
    same(logged, logged.lines.next(1), steps("SFTP login password bad"))
    refused(logged, name="nouser")
    same(logged, logged.lines.next(1), steps("SFTP login unknown user"))
    with pytest.raises(RestError):
        user_token(logged, "wrong")
    same(logged, logged.lines.next(1), steps("HTTP user token bad password"))
    # As CrowdSec's collection has it: the whole line, its fields in this order.
    pattern = re.compile(r'\{"level":"(\w+)","time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+","sender":"connection_failed",'
                         r'"client_ip":"(\d{1,3}(?:\.\d{1,3}){3})","username":"(.*?)","login_type":"(.*?)",'
                         r'"protocol":"(\w+)","error":"(.*)"\}')
    failed = [line for line in logged.log()[before:].splitlines() if '"connection_failed"' in line]
    assert len(failed) == 3 and all(pattern.fullmatch(line) for line in failed)


def test_files(logged):
    logged.lines.next(0)
    (logged.user.home / "sd").mkdir()
    (logged.user.home / "sd").rmdir()
    with Paramiko(logged.user) as sftp:
        sftp.mkdir("/sd")
        lines = logged.lines.next(2)
        same(logged, lines, steps("SFTP mkdir /sd"))

        def put(path, size):
            with sftp.open(path, "wb") as file:
                file.write(b"x" * size)

        def get(path):
            with sftp.open(path, "rb") as file:
                file.read()

        operations = [
            ("SFTP upload /sd/a.txt 1000 bytes", lambda: put("/sd/a.txt", 1000)),
            ("SFTP overwrite /sd/a.txt 10 bytes", lambda: put("/sd/a.txt", 10)),
            ("SFTP download /sd/a.txt", lambda: get("/sd/a.txt")),
            ("SFTP rename /sd/a.txt /sd/b.txt", lambda: sftp.rename("/sd/a.txt", "/sd/b.txt")),
            ("SFTP setstat /sd/b.txt", lambda: sftp.chmod("/sd/b.txt", 0o600)),
            ("SFTP remove /sd/b.txt", lambda: sftp.remove("/sd/b.txt")),
            ("SFTP rename dir /sd /sd2", lambda: sftp.rename("/sd", "/sd2")),
            ("SFTP rmdir /sd2", lambda: sftp.rmdir("/sd2")),
            ("SFTP symlink /l -> /zz", lambda: (put("/zz", 1), logged.lines.next(1), sftp.symlink("/zz", "/l"))),
            ("SFTP chmod", lambda: (put("/c", 10), logged.lines.next(1), sftp.chmod("/c", 0o640))),
            ("SFTP utime", lambda: sftp.utime("/c", (1600000000, 1600000001))),
        ]
        for step, operation in operations:
            operation()
            theirs = steps(step)
            same(logged, logged.lines.next(len(theirs)), theirs)
        sftp.truncate("/c", 5)
        # The step as recorded makes the file first.
        same(logged, logged.lines.next(1), [dict(line, file_path="@HOME@/eu/c", virtual_path="/c")
                                            for line in steps("SFTP truncate")[-1:]])
        with pytest.raises(PermissionError):
            put("/denied/x", 1)


def test_commands(logged):
    (logged.user.home / "scp.txt").write_bytes(b"12345")
    client = Paramiko(logged.user).client
    logged.lines.next(1)
    try:
        for command in ["sha256sum /scp.txt", "pwd", "sftpgo-copy /scp.txt /scp2.txt", "sftpgo-remove /scp2.txt"]:
            assert client.exec_command(command)[1].channel.recv_exit_status() == 0
            theirs = [line for line in steps(f"SSH {command}") if line["sender"] != "login"]
            # Digests are downloads here: their files are read.
            count = len(theirs) + command.startswith("sha256sum")
            same(logged, [line for line in logged.lines.next(count) if line["sender"] != "Download"], theirs)
        assert client.exec_command("md5sum /missing")[1].channel.recv_exit_status() == 1
        assert client.exec_command("unknown")[1].channel.recv_exit_status() == 127
        assert client.exec_command("pwd")[1].channel.recv_exit_status() == 0
        same(logged, logged.lines.next(1), steps("SSH pwd"))
    finally:
        client.close()
