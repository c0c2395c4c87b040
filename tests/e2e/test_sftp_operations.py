"""Every SFTP operation and extension over a real connection, with the exact status codes that clients act on."""
import asyncio
import os
import stat
import struct

import asyncssh
import pytest

from clients import Paramiko, asyncssh_connect
from raw_sftp import (APPEND, BAD_MESSAGE, CREATE, EOF, EXCLUSIVE, FAILURE, MODE, NO_ATTRIBUTES, NO_SUCH_FILE, OK, OWNER,
                      PERMISSION_DENIED, READ, SIZE, TIMES, TRUNCATE, UNSUPPORTED, WRITE, Raw, take, text)


@pytest.fixture
def login(user):
    connected = Paramiko(user)
    yield connected.client
    connected.client.close()


@pytest.fixture
def raw(login, user):
    user.home.mkdir(parents=True, exist_ok=True)
    return Raw(login)


def put(user, name, data):
    path = user.home / name
    path.write_bytes(data)
    return path


def test_version_3_with_every_extension(raw):
    assert raw.extensions == {
        "posix-rename@openssh.com": b"1", "statvfs@openssh.com": b"2", "fstatvfs@openssh.com": b"2",
        "hardlink@openssh.com": b"1", "fsync@openssh.com": b"1", "lsetstat@openssh.com": b"1",
        "limits@openssh.com": b"1", "expand-path@openssh.com": b"1", "copy-data": b"1", "home-directory": b"1",
        "users-groups-by-id@openssh.com": b"1", "check-file": b"", "copy-file": b"", "check-file-handle": b"", "check-file-name": b"",
        "md5-hash": b"", "md5-hash-handle": b"", "space-available": b"", "versions": b"3",
        "vendor-id": raw.extensions["vendor-id"]}


def test_open_and_close(raw, user):
    assert raw.open_status("missing", READ) == NO_SUCH_FILE
    assert raw.open_status("missing", WRITE) == NO_SUCH_FILE
    new = raw.open("new", WRITE | CREATE | EXCLUSIVE, struct.pack(">II", MODE, 0o600))
    assert raw.status(4, new) == OK
    assert raw.status(4, new) == FAILURE  # closed already
    assert stat.S_IMODE((user.home / "new").stat().st_mode) == 0o600
    assert raw.open_status("new", WRITE | CREATE | EXCLUSIVE) == FAILURE
    assert raw.open_status("new/below", READ) == NO_SUCH_FILE
    assert raw.open_status("/", READ) == FAILURE
    assert raw.open_status("a\0b", WRITE | CREATE) == FAILURE
    assert raw.open_status("n" * 256, WRITE | CREATE) == FAILURE
    put(user, "old", b"0123456789")
    cut = raw.open("old", WRITE | CREATE | TRUNCATE)
    assert raw.status(4, cut) == OK and (user.home / "old").read_bytes() == b""


def test_read(raw, user):
    data = os.urandom(600_000)
    put(user, "f", data)
    handle = raw.open("f", READ)
    assert raw.read(handle, 7, 100) == data[7:107]
    assert raw.read(handle, 0, 261_120) == data[:261_120]
    assert raw.read(handle, 599_990, 32_768) == data[599_990:]
    assert raw.read(handle, 600_000, 1) == EOF
    assert raw.read(handle, 2**40, 32_768) == EOF
    assert raw.read(handle, 2**64 - 1, 32_768) == EOF
    assert raw.read(text(b"12345678"), 0, 1) == FAILURE
    assert raw.write(handle, 0, b"x") == PERMISSION_DENIED
    assert raw.read(raw.open("f", WRITE), 0, 1) == PERMISSION_DENIED


def test_pipelined_reads_keep_their_order(raw, user):
    data = os.urandom(2_000_000)
    put(user, "f", data)
    handle = raw.open("f", READ)
    asked = [raw.send(5, handle, struct.pack(">QI", offset, 30_000)) for offset in range(0, 2_100_000, 30_000)]
    got = []
    for request_id in asked:
        reply, body = raw.answer(request_id)
        got.append(take(body)[0] if reply == 103 else b"")
    assert b"".join(got) == data


def test_write(raw, user):
    data = os.urandom(262_144)
    handle = raw.open("f", READ | WRITE | CREATE)
    assert raw.write(handle, 0, data) == OK
    assert raw.write(handle, 300_000, b"after a hole") == OK
    assert raw.write(handle, 3, b"") == OK
    assert raw.read(handle, 262_140, 100) == data[262_140:] + bytes(96)
    assert raw.status(4, handle) == OK
    assert (user.home / "f").read_bytes() == data + bytes(300_000 - 262_144) + b"after a hole"
    appending = raw.open("f", WRITE | APPEND)
    assert raw.write(appending, 0, b", appended") == OK and raw.status(4, appending) == OK
    assert (user.home / "f").read_bytes().endswith(b"after a hole, appended")


def test_pipelined_writes_are_each_answered(raw, user):
    data = os.urandom(1_500_000)
    handle = raw.open("f", WRITE | CREATE)
    asked = [raw.send(6, handle, struct.pack(">Q", at), text(data[at:at + 25_000])) for at in range(0, len(data), 25_000)]
    for request_id in asked:
        reply, body = raw.answer(request_id)
        assert reply == 101 and struct.unpack_from(">I", body)[0] == OK
    assert raw.status(4, handle) == OK and (user.home / "f").read_bytes() == data


def test_attributes(raw, user):
    path = put(user, "f", b"12345")
    os.symlink("f", user.home / "l")
    reply, body = raw.ask(17, text("l"))
    flags, size, _, _, mode, _, modified = struct.unpack(">IQIIIII", body)
    assert (reply, flags, size, mode) == (105, 15, 5, path.stat().st_mode) and modified == int(path.stat().st_mtime)
    assert stat.S_ISLNK(struct.unpack(">IQIIIII", raw.ask(7, text("l"))[1])[4])
    assert raw.status(17, text("missing")) == raw.status(7, text("missing")) == NO_SUCH_FILE
    handle = raw.open("f", READ | WRITE)
    assert struct.unpack_from(">IQ", raw.ask(8, handle)[1])[1] == 5
    assert raw.status(9, text("f"), struct.pack(">II", MODE, 0o640)) == OK
    assert raw.status(9, text("f"), struct.pack(">III", TIMES, 1_000_000_000, 1_100_000_000)) == OK
    assert (stat.S_IMODE(path.stat().st_mode), int(path.stat().st_mtime)) == (0o640, 1_100_000_000)
    assert raw.status(9, text("f"), struct.pack(">IQ", SIZE, 3)) == OK and path.read_bytes() == b"123"
    assert raw.status(10, handle, struct.pack(">IQ", SIZE, 8)) == OK and path.read_bytes() == b"123" + bytes(5)
    assert raw.status(9, text("missing"), NO_ATTRIBUTES) == NO_SUCH_FILE


def test_directories(raw, user):
    assert raw.status(14, text("d"), struct.pack(">II", MODE, 0o750)) == OK
    assert stat.S_IMODE((user.home / "d").stat().st_mode) == 0o750
    assert raw.status(14, text("d"), NO_ATTRIBUTES) == FAILURE
    assert raw.status(14, text("no/where"), NO_ATTRIBUTES) == NO_SUCH_FILE
    put(user, "d/f", b"")
    assert raw.status(15, text("d")) == FAILURE
    assert raw.status(13, text("d")) in (FAILURE, PERMISSION_DENIED)  # REMOVE is for files
    assert raw.status(13, text("d/f")) == OK and raw.status(13, text("d/f")) == NO_SUCH_FILE
    assert raw.status(15, text("d")) == OK and raw.status(15, text("d")) == NO_SUCH_FILE
    assert raw.status(11, text("d")) == NO_SUCH_FILE


def test_pipelined_listing_is_whole(raw, user):
    (user.home / "many").mkdir()
    expected = sorted([b".", b".."] + [f"name-{index}".encode() for index in range(3_000)])
    for name in expected[2:]:
        (user.home / "many" / name.decode()).touch()
    reply, body = raw.ask(11, text("many"))
    assert reply == 102
    handle = text(take(body)[0])
    names, ended = [], False
    while not ended:
        for request_id in [raw.send(12, handle) for _ in range(16)]:
            reply, body = raw.answer(request_id)
            if reply == 101:
                assert struct.unpack_from(">I", body)[0] == EOF
                ended = True
                continue
            assert not ended
            count, body = struct.unpack_from(">I", body)[0], body[4:]
            for _ in range(count):
                name, body = take(body)
                line, body = take(body)
                assert line.endswith(b" " + name) and line[:1] in b"-d"
                names.append(name)
                body = body[32:]
            assert body == b""
    assert sorted(names) == expected


def test_names(raw, user):
    put(user, "a", b"A")
    put(user, "b", b"B")
    (user.home / "folder").mkdir()
    assert raw.status(18, text("a"), text("folder")) == FAILURE
    assert raw.status(18, text("a"), text("b")) == OK and (user.home / "b").read_bytes() == b"A"
    assert raw.status(18, text("b"), text("c")) == OK and (user.home / "c").read_bytes() == b"A"
    put(user, "b", b"B")
    assert raw.status(18, text("a"), text("d")) == NO_SUCH_FILE
    assert raw.extended_status("posix-rename@openssh.com", text("c"), text("b")) == OK
    assert (user.home / "b").read_bytes() == b"A"
    assert raw.status(20, text("b"), text("link")) == OK  # target, link: as OpenSSH has them
    assert os.readlink(user.home / "link") == "b" and raw.name(19, text("link")) == "b"
    assert raw.status(20, text("/b"), text("folder/absolute")) == OK
    assert raw.name(19, text("folder/absolute")) == "/b" and (user.home / "folder/absolute").read_bytes() == b"A"
    assert raw.status(19, text("missing")) == NO_SUCH_FILE
    for path, real in {".": "/", "": "/", "not/yet/there": "/not/yet/there", "/x/../y/./z//": "/y/z", "/../..": "/"}.items():
        assert raw.name(16, text(path)) == real


def test_extensions(raw, user):
    put(user, "f", b"12345")
    handle = raw.open("f", READ | WRITE)
    for reply, body in (raw.extended("statvfs@openssh.com", text("/")), raw.extended("fstatvfs@openssh.com", handle)):
        block, fragment, blocks, *_ = struct.unpack(">11Q", body)
        assert reply == 201 and block > 0 and fragment > 0 and blocks > 0
    assert raw.extended_status("fsync@openssh.com", handle) == OK
    assert raw.extended_status("hardlink@openssh.com", text("f"), text("g")) == OK
    assert (user.home / "g").samefile(user.home / "f")
    os.symlink("f", user.home / "l")
    times = struct.pack(">III", TIMES, 1_000_000_000, 1_200_000_000)
    assert raw.extended_status("lsetstat@openssh.com", text("l"), times) == OK
    assert int((user.home / "l").lstat().st_mtime) == 1_200_000_000 != int((user.home / "f").stat().st_mtime)
    both = struct.pack(">IIII", MODE | TIMES, 0o600, 1_000_000_000, 1_300_000_000)
    assert raw.extended_status("lsetstat@openssh.com", text("l"), both) == UNSUPPORTED  # a link has no mode of its own
    assert int((user.home / "l").lstat().st_mtime) == 1_300_000_000 and (user.home / "f").stat().st_mode & 0o777 != 0o600
    packet, read, write, handles = struct.unpack(">4Q", raw.extended("limits@openssh.com")[1])
    assert (packet, read, write) == (262_144, 261_120, 261_120) and handles > 0
    assert raw.name(200, text("expand-path@openssh.com"), text("~/x")) == "/x"
    assert raw.name(200, text("home-directory"), text(user.name)) == "/"
    assert raw.extended_status("home-directory", text("root")) == NO_SUCH_FILE
    reply, body = raw.extended("users-groups-by-id@openssh.com", text(struct.pack(">I", 54_321)), text(b""))
    assert reply == 201 and body == text(text(b"")) + text(b"")
    assert raw.extended_status("no-such@extension") == UNSUPPORTED
    assert raw.status(77) == UNSUPPORTED


def test_copy_data(raw, user):
    data = os.urandom(700_000)
    put(user, "from", data)
    source, target = raw.open("from", READ), raw.open("to", READ | WRITE | CREATE)

    def copy(one, at, size, other, to):
        return raw.extended_status("copy-data", one, struct.pack(">QQ", at, size), other, struct.pack(">Q", to))

    assert copy(source, 0, 0, target, 0) == OK
    assert copy(source, 699_990, 11, target, 0) == EOF
    assert copy(source, 0, 1, source, 5) in (FAILURE, PERMISSION_DENIED)
    assert copy(target, 0, 1, source, 5) == PERMISSION_DENIED
    assert raw.status(4, target) == OK
    assert (user.home / "to").read_bytes() == data[699_990:] + data[10:]


def test_malformed_requests(raw):
    assert raw.status(17, struct.pack(">I", 1000) + b"short") == BAD_MESSAGE
    assert raw.status(6, text(b"12345678"), struct.pack(">QI", 0, 5), b"four") == BAD_MESSAGE
    assert raw.status(13, text("f"), b"trailing") == NO_SUCH_FILE
    assert raw.name(16, text(".")) == "/"  # the channel goes on
    raw.channel.sendall(struct.pack(">I", 2**31))
    raw.channel.sendall(b"\5")
    assert raw.channel.recv(1) == b""  # no meaning from here on
    assert raw.channel.recv_exit_status() == 1


def test_two_channels_of_one_connection(login, user):
    one, other = Raw(login), Raw(login)
    handle = one.open("f", WRITE | CREATE)
    assert one.write(handle, 0, b"shared") == OK
    assert other.read(handle, 0, 1) == FAILURE  # a handle belongs to its channel
    assert one.status(4, handle) == OK
    assert other.read(other.open("f", READ), 0, 10) == b"shared"


def test_asyncssh_uses_the_extensions(user):
    async def work():
        async with asyncssh_connect(user) as connection, connection.start_sftp_client() as sftp:
            assert sftp.version == 3 and sftp.limits.max_read_len == 261_120
            assert sftp.supports_remote_copy
            async with sftp.open("f", "wb") as file:
                await file.write(b"z" * 500_000)
                await file.fsync()
                assert (await file.statvfs()).bsize > 0
            await sftp.remote_copy("f", "copy")
            await sftp.posix_rename("copy", "f2")
            await sftp.link("f2", "hard")
            await sftp.symlink("f2", "soft")
            await sftp.chmod("soft", 0o600)
            assert (await sftp.stat("hard")).permissions & 0o777 == 0o600
            assert (await sftp.statvfs(".")).blocks > 0
            await sftp.utime("soft", (5, 6), follow_symlinks=False)
            assert (await sftp.lstat("soft")).mtime == 6 != (await sftp.stat("soft")).mtime
            assert sorted(name for name in await sftp.listdir(".")) == [".", "..", "f", "f2", "hard", "soft"]
            with pytest.raises(asyncssh.SFTPNoSuchFile):
                await sftp.stat("missing")
            await sftp.rmtree(".", ignore_errors=True)

    asyncio.run(work())


def test_no_permission_is_permission_denied(new_user):
    user = new_user(permissions={"/": ["list", "download"]})
    user.home.mkdir(parents=True, exist_ok=True)
    put(user, "f", b"12345")
    connected = Paramiko(user)
    try:
        raw = Raw(connected.client)
        assert raw.read(raw.open("f", READ), 0, 9) == b"12345"
        for flags in (WRITE, WRITE | CREATE, READ | TRUNCATE):
            assert raw.open_status("f", flags) == PERMISSION_DENIED
        assert raw.open_status("new", WRITE | CREATE) == PERMISSION_DENIED
        assert raw.open_status("new", READ | CREATE) == PERMISSION_DENIED
        assert raw.status(13, text("f")) == PERMISSION_DENIED
        assert raw.status(14, text("d"), NO_ATTRIBUTES) == PERMISSION_DENIED
        assert raw.status(18, text("f"), text("g")) == PERMISSION_DENIED
        assert raw.status(9, text("f"), struct.pack(">II", MODE, 0o777)) == PERMISSION_DENIED
        assert raw.status(20, text("f"), text("l")) == PERMISSION_DENIED
        assert raw.extended_status("hardlink@openssh.com", text("f"), text("g")) == PERMISSION_DENIED
        assert raw.extended_status("posix-rename@openssh.com", text("f"), text("g")) == PERMISSION_DENIED
    finally:
        connected.client.close()
    assert (user.home / "f").read_bytes() == b"12345"
