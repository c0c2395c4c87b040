"""SFTP extensions of the drafts, asked for as the drafts lay them out, and by the clients that know them."""
import hashlib
import os
import struct
import threading
import time

import paramiko
import pytest
from paramiko.message import Message

from clients import Paramiko, random_file

EXTENDED, EXTENDED_REPLY, STATUS = 200, 201, 101


def u32(value):
    return struct.pack(">I", value)


def u64(value):
    return struct.pack(">Q", value)


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return u32(len(value)) + value


def ask(sftp, name, *fields):
    """What one EXTENDED answers: the reply's bytes, or a STATUS as a number."""
    number = sftp.request_number
    sftp.request_number += 1
    sftp._send_packet(EXTENDED, Message(u32(number) + text(name) + b"".join(fields)))
    kind, data = sftp._read_packet()
    data = data if isinstance(data, bytes) else bytes(data)
    assert data[:4] == u32(number)
    if kind == STATUS:
        return struct.unpack(">I", data[4:8])[0]
    assert kind == EXTENDED_REPLY
    return data[4:]


def take_text(data):
    size = struct.unpack(">I", data[:4])[0]
    return data[4:4 + size], data[4 + size:]


@pytest.fixture
def file(user):
    user.home.mkdir(parents=True)
    return random_file(user.home / "file", 1_000_000)


def test_what_is_announced(user):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect("127.0.0.1", user.server.sftp_port, user.name, user.password, allow_agent=False,
                   look_for_keys=False)
    channel = client.get_transport().open_session()
    channel.invoke_subsystem("sftp")
    channel.sendall(u32(5) + b"\x01" + u32(6))
    data = b""
    while len(data) < 4 or len(data) < 4 + struct.unpack(">I", data[:4])[0]:
        data += channel.recv(65536)
    client.close()
    assert data[4:9] == b"\x02" + u32(3)
    data, found = data[9:], {}
    while data:
        name, data = take_text(data)
        found[name.decode()], data = take_text(data)
    assert found["versions"] == b"3"
    vendor, rest = take_text(found["vendor-id"])
    product, rest = take_text(rest)
    version, rest = take_text(rest)
    assert vendor == product == b"Ferry" and version and len(rest) == 8
    for name in ("check-file-handle", "check-file-name", "check-file", "copy-data", "space-available", "md5-hash",
                 "md5-hash-handle"):
        assert name in found


def test_check_file(user, file):
    data = file.read_bytes()
    with Paramiko(user) as sftp:
        for wanted, used in (("sha256,md5", "sha256"), ("crc32,md5", "md5"), ("sha512", "sha512"), ("sha1", "sha1"),
                             ("sha384", "sha384")):
            reply = ask(sftp, "check-file-name", text("file"), text(wanted), u64(0), u64(0), u32(0))
            assert reply == text(used) + hashlib.new(used, data).digest()
        blocks = ask(sftp, "check-file-name", text("/file"), text("md5"), u64(1000), u64(500_000), u32(65536))
        part = data[1000:501_000]
        assert blocks == text("md5") + b"".join(hashlib.md5(part[at:at + 65536]).digest()
                                                for at in range(0, len(part), 65536))
        with sftp.open("file") as handle:
            assert handle.check("sha256") == hashlib.sha256(data).digest()
            assert handle.check("md5", 10, 20) == hashlib.md5(data[10:30]).digest()
            reply = ask(sftp, "check-file-handle", text(handle.handle), text("md5"), u64(999_999), u64(100), u32(256))
            assert reply == text("md5") + hashlib.md5(data[999_999:]).digest()


def test_check_file_says_no(user, file):
    (user.home / "folder").mkdir()
    with Paramiko(user) as sftp:
        def check(path="file", algorithms="md5", start=0, block=0):
            return ask(sftp, "check-file-name", text(path), text(algorithms), u64(start), u64(0), u32(block))
        assert check(path="missing") == 2
        assert check(path="folder") == 4
        assert check(algorithms="crc32") == 4
        assert check(algorithms="") == 4
        assert check(block=255) == 4
        assert check(start=1_000_001) == 4
        assert check(algorithms="sha512", block=256) == text("sha512") + b"".join(
            hashlib.sha512(file.read_bytes()[at:at + 256]).digest() for at in range(0, 1_000_000, 256))
        os.truncate(file, 10_000_000)
        assert check(algorithms="sha512", block=256) == 4  # more than a reply holds
        assert ask(sftp, "check-file-handle", text(b"12345678"), text("md5"), u64(0), u64(0), u32(0)) == 4
        assert ask(sftp, "check-file-name", text("file")) == 5
        with sftp.open("new", "w") as handle:
            assert ask(sftp, "check-file-handle", text(handle.handle), text("md5"), u64(0), u64(0), u32(0)) == 3


def test_md5_hash(user, file):
    data = file.read_bytes()
    with Paramiko(user) as sftp:
        whole = text("md5-hash") + text(hashlib.md5(data).digest())
        assert ask(sftp, "md5-hash", text("file"), u64(0), u64(0), text("")) == whole
        quick = hashlib.md5(data[:2048]).digest()
        assert ask(sftp, "md5-hash", text("file"), u64(0), u64(0), text(quick)) == whole
        assert ask(sftp, "md5-hash", text("file"), u64(0), u64(0), text(b"x" * 16)) == text("md5-hash") + text("")
        part = text("md5-hash") + text(hashlib.md5(data[100:200]).digest())
        quick = hashlib.md5(data[100:200]).digest()
        with sftp.open("file") as handle:
            assert ask(sftp, "md5-hash-handle", text(handle.handle), u64(100), u64(100), text(quick)) == part
        assert ask(sftp, "md5-hash", text("missing"), u64(0), u64(0), text("")) == 2


def test_digests_need_the_right_to_download(new_user):
    user = new_user(permissions={"/": ["list", "upload"]})
    user.home.mkdir(parents=True)
    random_file(user.home / "file", 10)
    with Paramiko(user) as sftp:
        assert ask(sftp, "check-file-name", text("file"), text("md5"), u64(0), u64(0), u32(0)) == 3
        assert ask(sftp, "md5-hash", text("file"), u64(0), u64(0), text("")) == 3


def test_space_available(user, file):
    facts = os.statvfs(user.home)
    with Paramiko(user) as sftp:
        reply = ask(sftp, "space-available", text("/"))
        total, _, mine, free, unit = struct.unpack(">QQQQI", reply)
        assert total == facts.f_blocks * facts.f_frsize and unit == facts.f_frsize and mine == 0
        assert 0 < free <= total
        assert ask(sftp, "space-available", text("/missing")) == 2


def test_copy_file(user, file):
    (user.home / "folder").mkdir()
    with Paramiko(user) as sftp:
        def copy(source, target, overwrite):
            return ask(sftp, "copy-file", text(source), text(target), bytes([overwrite]))
        assert copy("file", "/folder/copy", False) == 0
        assert (user.home / "folder" / "copy").read_bytes() == file.read_bytes()
        (user.home / "folder" / "copy").write_text("other")
        assert copy("file", "/folder/copy", False) == 4
        assert (user.home / "folder" / "copy").read_text() == "other"
        assert copy("file", "/folder/copy", True) == 0
        assert (user.home / "folder" / "copy").read_bytes() == file.read_bytes()
        assert copy("missing", "x", True) == 2
        assert copy("folder", "x", True) == 4
        assert copy("file", "file", True) == 4
        assert copy("file", "folder", True) == 4
        assert file.stat().st_size == 1_000_000


def test_versions_and_vendor(user):
    with Paramiko(user) as sftp:
        assert ask(sftp, "version-select", text("3")) == 0
        assert ask(sftp, "version-select", text("6")) == 4
        assert ask(sftp, "vendor-id", text("v"), text("p"), text("1.0"), u64(7)) == 0
        assert ask(sftp, "vendor-id", text("v")) == 5


def test_a_long_digest_holds_up_nobody(new_user, scratch):
    user = new_user(home_dir=str(scratch / "digest"))
    user.home.mkdir(parents=True)
    block, hasher = os.urandom(1 << 20), hashlib.sha512()
    with open(user.home / "large", "wb") as large:
        for _ in range(1024):
            large.write(block)
            hasher.update(block)
    took = []

    def digest():
        with Paramiko(user) as sftp:
            began = time.monotonic()
            reply = ask(sftp, "check-file-name", text("large"), text("sha512"), u64(0), u64(0), u32(0))
            took.append(time.monotonic() - began)
            assert reply == text("sha512") + hasher.digest()

    others = [Paramiko(user) for _ in range(4)]  # on every thread of the server
    sessions = [one.__enter__() for one in others]
    thread = threading.Thread(target=digest)
    thread.start()
    slowest = 0.0
    while thread.is_alive():
        for session in sessions:
            began = time.monotonic()
            session.stat("/")
            slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.005)
    thread.join()
    for one in others:
        one.__exit__()
    (user.home / "large").unlink()
    assert took and slowest < took[0] / 3
