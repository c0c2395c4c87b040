"""Much through an account on S3: what is held in memory does not grow with it. The S3 (tests/emulators/s3_sink.py) makes up
listings and throws away what is stored."""
import asyncio
import os
import time

import asyncssh
import pytest

from clients import Paramiko, asyncssh_connect, sftp
from ferry import sanitized

MIB = 1 << 20
BUDGET = 64 * MIB
SERVER = {"FERRY_COMMON__MEMORY_BUDGET": str(BUDGET // MIB)}
PIECE = os.urandom(MIB)
# What a session may hold beside the budget: what its client sent unasked (an SSH window of 2 MiB), and as much again
# that malloc does not give back.
SESSION = 4 * MIB


def memory(server, which):
    """Bytes: VmRSS, or VmHWM, the most it ever was."""
    with open(f"/proc/{server.process.pid}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(which + ":"))


def account(server, emulators, name, bucket, **fields):
    endpoint, access, secret = emulators["FERRY_TEST_S3_SINK"].split()[:3]
    filesystem = {"provider": 1, "s3config": {
        "bucket": bucket, "region": "us-east-1", "endpoint": endpoint, "force_path_style": True, "access_key": access,
        "access_secret": {"status": "Plain", "payload": secret}}}
    return server.create_user(name, filesystem=filesystem, **fields)


def list_all(make_server, emulators, count):
    server = make_server(SERVER)
    user = account(server, emulators, "lister", f"keys-{count}")
    few = account(server, emulators, "few", "keys-3000")
    with Paramiko(few) as client:
        assert sum(1 for _ in client.listdir_iter(".")) == 3000
    before, start = memory(server, "VmHWM"), time.monotonic()
    last, seen = "", 0
    with Paramiko(user) as client:
        for entry in client.listdir_iter("."):
            assert entry.filename > last
            last, seen = entry.filename, seen + 1
    grown = memory(server, "VmHWM") - before
    print(f"{count} keys in {time.monotonic() - start:.1f} s, {grown / MIB:.1f} MiB more memory")
    assert seen == count and last == f"key-{count - 1:010d}"
    assert sanitized() or grown < 16 * MIB, grown


def upload_at_once(make_server, emulators, keys, public_keys, count, size, most):
    server = make_server(SERVER)
    user = account(server, emulators, "uploader", "uploads", public_keys=public_keys)

    async def one(connection, index):
        async with connection.start_sftp_client() as client:
            async with client.open(f"file{index}", "wb") as file:
                for offset in range(0, size, MIB):
                    await file.write(PIECE, offset)

    async def work():
        key = asyncssh.read_private_key(str(keys["ed25519"]))
        connections = [await asyncssh_connect(user, key) for _ in range(count)]
        before, start = memory(server, "VmRSS"), time.monotonic()
        await asyncio.gather(*(one(connection, index) for index, connection in enumerate(connections)))
        seconds = time.monotonic() - start
        for connection in connections:
            connection.close()
        return before, seconds

    before, seconds = asyncio.run(work())
    grown = memory(server, "VmHWM") - before
    print(f"{count} uploads of {size / MIB:.0f} MiB in {seconds:.1f} s ({count * size / MIB / seconds:.0f} MiB/s), "
          f"{grown / MIB:.1f} MiB more memory")
    with Paramiko(user) as client:
        assert all(client.stat(f"file{index}").st_size == size for index in range(count))
    assert sanitized() or grown < most, grown


def test_100_000_keys(make_server, emulators):
    list_all(make_server, emulators, 100_000)


def test_16_uploads_at_once(make_server, emulators, keys, public_keys):
    upload_at_once(make_server, emulators, keys, public_keys, 16, 16 * MIB, BUDGET + 64 * MIB)


@pytest.mark.long
def test_a_million_keys(make_server, emulators):
    list_all(make_server, emulators, 1_000_000)


@pytest.mark.long
def test_64_uploads_at_once(make_server, emulators, keys, public_keys):
    upload_at_once(make_server, emulators, keys, public_keys, 64, 100 * MIB, BUDGET + 64 * SESSION)


@pytest.mark.long
def test_10_gib_through_one_stream(make_server, emulators, tmp_path):
    server = make_server(SERVER)
    user = account(server, emulators, "streamer", "stream")
    source, size = tmp_path / "source", 10 << 30
    with open(source, "wb") as file:
        file.truncate(size)  # holes: it takes no space
    before, start = memory(server, "VmRSS"), time.monotonic()
    sftp(user, [f"put {source} file"], timeout=1200)
    seconds = time.monotonic() - start
    grown = memory(server, "VmHWM") - before
    print(f"10 GiB in {seconds:.0f} s ({size / MIB / seconds:.0f} MiB/s), {grown / MIB:.1f} MiB more memory")
    with Paramiko(user) as client:
        assert client.stat("file").st_size == size
    assert sanitized() or grown < BUDGET + 64 * MIB, grown
