"""What must never happen, where no test of a single feature shows it (README.md here maps each to its tests)."""
import asyncio
import contextlib
import hashlib
import itertools
import os
import struct
from pathlib import Path

import asyncssh
import pytest

import raw_sftp
import raw_ssh
from clients import Paramiko, asyncssh_connect, random_file, same, sftp, wait_for
from conftest import copy_host_keys
from ferry import Ferry, sanitized
from raw_sftp import Raw, request
from raw_ssh import Closed, RawSSH, text, u32

# --- layers that read one path differently ---

INSIDE, SECRET = b"what the account may read", b"what it may not"

# Paths below a home that has inside/file, links out of it and a ring of links; beside the home lies `outside`.
PATHS = [
    "inside/file", "/inside/file", "//inside///file", "./inside/./file", "inside/../inside/file",
    "inside/missing/../file", "../inside/file", "../../../../inside/file", "/../inside/file", "inside/file/",
    "inside/file/.", "inside/file/..", "inside/file/../file", "..", ".", "/", "inside", "missing", "inside/missing",
    "../outside", "/../outside", "inside/../../outside", "inside/../../../outside", "..\\outside", "inside\\file",
    "inside/..\\..\\outside", "%2e%2e/outside", "..%2foutside", "..;/outside", "inside/..%c0%af../outside",
    "．．/outside", "..／outside", "…/outside", "out", "out-relative", "out-folder/outside", "out-absolute", "in",
    "in-folder/file", "ring", "ring/file", "in-folder/../../outside", "~", "~/inside/file", "$HOME/inside/file",
    "inside/file\n", "inside/fi\tle", "inside/file ", " inside/file", "inside/FILE", "inside/file\x01", "inside/fi\x7fle",
    "name\u202Eelif", "x" * 255, "x" * 256, "x" * 5000, "a/" * 200 + "file", "a/" * 2000 + "file", "inside/" + "../" * 500,
    "../" * 500 + "inside/file", "/proc/self/environ", "/etc/passwd", "inside/file\x00", "inside/file\x00.txt",
    "\x00", "inside/\udcff\udcfe",
]


@pytest.fixture(scope="module")
def maze(server):
    user = server.create_user("maze")
    inside = user.home / "inside"
    inside.mkdir(parents=True)
    (inside / "file").write_bytes(INSIDE)
    (user.home.parent / "outside").write_bytes(SECRET)
    for name, target in {"out": user.home.parent / "outside", "out-relative": "../outside", "out-folder": "..",
                         "out-absolute": "/etc/passwd", "in": "inside/file", "in-folder": "inside",
                         "ring": "ring"}.items():
        (user.home / name).symlink_to(target)
    return user


def shell_word(path):
    return b"'" + path.replace(b"'", b"'\\''") + b"'"


def by_sftp(client, path):
    raw = Raw(client)
    try:
        kind, body = raw.ask(raw_sftp.OPEN, text(path), u32(raw_sftp.READ), u32(0))
        if kind == raw_sftp.STATUS:
            return None
        data = raw.read(text(raw_sftp.take(body)[0]), 0, 1000)
        return data if isinstance(data, bytes) else None
    finally:
        raw.channel.close()


def output_of(client, command, sent=b""):
    channel = client.get_transport().open_session()
    channel.settimeout(120)
    channel.exec_command(command)
    if sent:
        with contextlib.suppress(OSError):  # what is no command is refused at once
            channel.sendall(sent)
    output = b""
    while part := channel.recv(65536):
        output += part
        if sent and output.startswith(b"\x01"):
            break
    channel.close()
    return output


def by_scp(client, path):
    # Every answer of ours at once: the source sends the control line, the data and a zero.
    output = output_of(client, b"scp -f -- " + shell_word(path), b"\0\0\0")
    if not output.startswith(b"C"):
        return None
    line, data = output.split(b"\n", 1)
    return data[:int(line.split(b" ")[1])]


def by_command(client, path):
    output = output_of(client, b"sha256sum " + shell_word(path))
    known = {hashlib.sha256(data).hexdigest().encode(): data for data in (INSIDE, SECRET)}
    return known.get(output.lstrip(b"\\")[:64])


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ascii(path)[1:40])
def test_a_path_means_the_same_to_every_protocol(maze, path):
    encoded = path.encode(errors="surrogateescape")
    connection = Paramiko(maze)
    try:
        found = {way.__name__: way(connection.client, encoded) for way in (by_sftp, by_scp, by_command)}
    finally:
        connection.client.close()
    assert len(set(found.values())) == 1, found
    assert found["by_sftp"] in (INSIDE, None)
    plain = os.path.normpath("/" + path.lstrip("/")) if "\0" not in path else None
    assert (found["by_sftp"] == INSIDE) == (plain in ("/inside/file", "/in", "/in-folder/file")), plain


# --- lengths that allocate memory or burn time ---

LENGTHS = (0, 1, 0x7fffffff, 0x80000000, 0xffffffff)


def variants(message, start):
    """`message` with each four bytes from `start` on, in turn, made into each length."""
    for at in range(start, max(start + 1, min(len(message) - 3, start + 60))):
        for length in LENGTHS:
            yield message[:at] + u32(length) + message[at + 4:]


def sftp_requests():
    path, handle = text("file"), text(b"\0\0\0\0")
    number, attributes = u32(7), u32(15) + struct.pack(">QIIIII", 5, 1, 1, 0o644, 1, 1)
    fields = {
        raw_sftp.OPEN: path + u32(26) + attributes, raw_sftp.CLOSE: handle,
        raw_sftp.READ_DATA: handle + struct.pack(">QI", 0, 100),
        raw_sftp.WRITE_DATA: handle + struct.pack(">Q", 0) + text(b"data"), raw_sftp.SETSTAT: path + attributes,
        raw_sftp.OPENDIR: path, raw_sftp.READDIR: handle, raw_sftp.RENAME: path + path, 20: path + path,
    }
    for kind, body in fields.items():
        yield bytes([kind]) + number + body
    for name, body in {"posix-rename@openssh.com": path + path, "statvfs@openssh.com": path,
                       "copy-data": handle + struct.pack(">QQ", 0, 0) + handle + struct.pack(">Q", 0),
                       "check-file-name": path + text("sha256") + struct.pack(">QQI", 0, 0, 0)}.items():
        yield bytes([200]) + number + text(name) + body


class Capped:
    """A server that may have 1.5 GB of addresses and so much processor time, and dies beyond."""

    def __init__(self, folder, seconds, keys_of):
        caps = [f"--cpu={seconds}"] + ([] if sanitized() else ["--as=1500000000"])
        self.server = Ferry(folder, wrapper=["prlimit", *caps])
        copy_host_keys(keys_of, self.server)

    def __enter__(self):
        self.server.start()
        self.user = self.server.create_user("capped")
        return self

    def __exit__(self, *_):
        assert self.server.alive(), f"ended with {self.server.process.returncode}: {self.server.output()}"
        self.server.stop()

    def logged_in(self):
        ssh = RawSSH(self.server)
        ssh.exchange_keys()
        ssh.log_in(self.user.name, self.user.password)
        ssh.open_channel()
        return ssh

    def resident(self):
        status = Path(f"/proc/{self.server.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0])

    def serves(self, tmp_path):
        source = random_file(tmp_path / "source", 1_000_000)
        sftp(self.user, [f"put {source} there", f"get there {tmp_path}/back"])
        assert same(source, tmp_path / "back")


@pytest.fixture
def capped(server, tmp_path):
    with Capped(tmp_path / "capped", 120 if sanitized() else 30, server) as capped:
        capped.serves(tmp_path)
        before = capped.resident()
        yield capped
        capped.serves(tmp_path)
        assert sanitized() or capped.resident() - before < 64 * 1024


def test_lengths_in_sftp_requests(capped):
    """A request that lies is answered with a status, or its channel ends; nothing else happens."""
    ssh, sent = None, 0
    for request in sftp_requests():
        for lying in variants(request, 5):
            if ssh is None:
                ssh = capped.logged_in()
                ssh.start_sftp(0)
                ssh.data(0, u32(5) + b"\x01" + u32(3))
                ssh.wait_for(raw_ssh.CHANNEL_DATA)
            sent += 1
            ssh.data(0, text(lying))
            answer = ssh.wait_for(raw_ssh.CHANNEL_DATA, raw_ssh.CHANNEL_CLOSE)
            if answer[0] == raw_ssh.CHANNEL_CLOSE or sent % 200 == 0:
                ssh.close()
                ssh = None
    assert sent > 1500


def some(message, start=1):
    return list(variants(message, start))[::3][:40]


def test_lengths_in_kexinit(capped):
    for lying in some(raw_ssh.kexinit(), 17):
        with RawSSH(capped.server) as ssh, contextlib.suppress(Closed):
            ssh.send(lying)


@pytest.mark.parametrize("logged_in", [False, True])
def test_lengths_in_messages(capped, logged_in):
    """A message that lies is answered or ends its connection."""
    before = [bytes([raw_ssh.SERVICE_REQUEST]) + text("ssh-userauth"),
              bytes([raw_ssh.USERAUTH_REQUEST]) + text("capped") + text("ssh-connection") + text("none")]
    after = [bytes([raw_ssh.CHANNEL_OPEN]) + text("session") + u32(0) + u32(2**20) + u32(32768),
             bytes([raw_ssh.GLOBAL_REQUEST]) + text("x") + b"\1", bytes([raw_ssh.PING]) + text("ping"),
             bytes([raw_ssh.CHANNEL_REQUEST]) + u32(0) + text("exec") + b"\1" + text("pwd"),
             bytes([raw_ssh.CHANNEL_DATA]) + u32(0) + text("data"), bytes([raw_ssh.WINDOW_ADJUST]) + u32(0) + u32(5)]
    ssh = None
    for lying in itertools.chain.from_iterable(map(some, after if logged_in else before)):
        if ssh is None:
            ssh = capped.logged_in() if logged_in else RawSSH(capped.server)
            if not logged_in:
                ssh.exchange_keys()
        try:
            ssh.send(lying, bytes([raw_ssh.PING]) + text("still there"))
            while raw_ssh.take(ssh.wait_for(raw_ssh.PONG)[1:])[0] != b"still there":
                pass
        except Closed:
            ssh.close()
            ssh = None


# --- a limit that is checked, then used ---

def test_200_logins_at_once_against_a_limit_of_one(server, new_user, keys):
    user = new_user(max_sessions=1)
    key = asyncssh.read_private_key(str(keys["ed25519"]))
    dialing = asyncio.Semaphore(24)

    async def try_it():
        async with dialing:
            try:
                connection = await asyncssh_connect(user, key)
                return connection, await connection.start_sftp_client()
            except (asyncssh.Error, OSError):
                return None

    async def work():
        held = [one for one in await asyncio.gather(*(try_it() for _ in range(200))) if one]
        mine = [one for one in await asyncio.to_thread(server.api, "GET", "/connections") if one["username"] == user.name]
        for connection, _ in held:
            connection.close()
        return len(held), len(mine)

    assert asyncio.run(work()) == (1, 1)
    wait_for(lambda: not [one for one in server.api("GET", "/connections") if one["username"] == user.name],
             "the session to end")
    assert "Remote working directory" in sftp(user, ["pwd"], keys["ed25519"])


# --- the end of a file ---

def test_no_answer_without_data_stands_for_the_end(user):
    user.home.mkdir(parents=True)
    (user.home / "file").write_bytes(b"x" * 100_000)
    (user.home / "empty").touch()
    connection = Paramiko(user)
    raw = Raw(connection.client)
    for name, size in {"file": 100_000, "empty": 0}.items():
        handle = raw.open(name, raw_sftp.READ)
        for offset in (size, size + 1, size + 10**9, 2**63 - 1, 2**64 - 1):
            assert raw.read(handle, offset, 32768) == raw_sftp.EOF, offset
        asked = [raw.send(raw_sftp.READ_DATA, handle, struct.pack(">QI", at, 10_000)) for at in range(0, 300_000, 10_000)]
        answers = [raw.answer(request) for request in asked]
        whole = [raw_sftp.take(body)[0] for kind, body in answers if kind == raw_sftp.DATA]
        assert all(whole) and len(b"".join(whole)) == size
        assert [kind for kind, _ in answers] == [raw_sftp.DATA] * len(whole) + [raw_sftp.STATUS] * (30 - len(whole))
    connection.client.close()


# --- a client that does not wait ---

@pytest.mark.parametrize("goodbye", [True, False], ids=["disconnect", "close"])
def test_what_was_sent_before_the_client_left_is_stored(server, user, tmp_path, goodbye):
    """A whole upload in one breath with the end of the connection, none of its answers awaited: on a real disk, where
    each request waits."""
    data = random_file(tmp_path / "data", 900_000).read_bytes()
    ssh = RawSSH(server)
    ssh.exchange_keys()
    ssh.log_in(user.name, user.password)
    channel = ssh.open_channel()
    ssh.start_sftp(channel)

    ssh.data(channel, text(b"\1" + u32(3)) + request(raw_sftp.OPEN, 1, text("probe"), u32(26), raw_sftp.NO_ATTRIBUTES))
    answers = b""
    while (handle := raw_sftp.handle_in(answers, 1)) is None:
        answers += raw_ssh.take(ssh.wait_for(raw_ssh.CHANNEL_DATA)[5:])[0]
    requests = b"".join(request(raw_sftp.WRITE_DATA, 2, handle, struct.pack(">Q", at), text(data[at:at + 32768]))
                        for at in range(0, len(data), 32768))
    requests += request(raw_sftp.CLOSE, 3, handle)
    requests += request(raw_sftp.RENAME, 4, text("probe"), text("whole"))
    payloads = [bytes([raw_ssh.CHANNEL_DATA]) + u32(channel) + text(requests[at:at + 32768])
                for at in range(0, len(requests), 32768)]
    if goodbye:
        payloads.append(bytes([raw_ssh.DISCONNECT]) + u32(11) + text("done") + text(""))
    else:
        payloads.append(bytes([raw_ssh.CHANNEL_CLOSE]) + u32(channel))
    ssh.send(*payloads)
    if goodbye:
        ssh.close()
    wait_for((user.home / "whole").exists, "the upload to be whole")
    assert (user.home / "whole").read_bytes() == data
    ssh.close()
