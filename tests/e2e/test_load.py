"""Many sessions, a large file, servers that die and clients that vanish."""
import asyncio
import os
import signal
import socket
import subprocess

import asyncssh
import pytest

from clients import ClientFailed, Paramiko, asyncssh_connect, digest, random_file, same, sftp, sftp_command, wait_for

GIGABYTE = 10**9
ATOMIC = {"FERRY_COMMON__UPLOAD_MODE": "1"}
ATOMIC_WITH_RESUME = {"FERRY_COMMON__UPLOAD_MODE": "2"}


def connections(server):
    return [one for one in server.api("GET", "/connections") if one["protocol"] == "SFTP"]


def test_200_sessions_at_once(server, new_user, keys):
    user, count = new_user(), 200
    before = len(connections(server))
    contents = [os.urandom(64 * 1024) for _ in range(count)]
    dialing = asyncio.Semaphore(24)

    async def connect():
        async with dialing:
            return await asyncssh_connect(user, asyncssh.read_private_key(str(keys["ed25519"])))

    async def use(index, connection):
        async with connection.start_sftp_client() as client:
            async with client.open(f"file{index}", "wb") as file:
                await file.write(contents[index])
            async with client.open(f"file{index}", "rb") as file:
                assert await file.read() == contents[index]
        return client

    async def work():
        held = await asyncio.gather(*(connect() for _ in range(count)))
        clients = await asyncio.gather(*(connection.start_sftp_client() for connection in held))
        listed = await asyncio.to_thread(connections, server)
        await asyncio.gather(*(use(index, connection) for index, connection in enumerate(held)))
        for client in clients:
            client.exit()
        for connection in held:
            connection.close()
        await asyncio.gather(*(connection.wait_closed() for connection in held))
        return len(listed)

    assert asyncio.run(work()) == before + count
    assert all((user.home / f"file{index}").read_bytes() == contents[index] for index in range(count))
    wait_for(lambda: len(connections(server)) == before, "the sessions to be gone")


def sparse_file(path, size):
    """`size` bytes with some random ones at the start, at the end and around 4 GiB."""
    with open(path, "wb") as file:
        for offset in (0, 2**31 - 500, 2**32 - 500, size // 2, size - 1000):
            file.seek(offset)
            file.write(os.urandom(1000))
    assert path.stat().st_size == size
    return path


@pytest.mark.long
def test_a_file_of_5_gigabytes(server, new_user, keys, scratch):
    user = new_user(home_dir=str(scratch / "large-home"))
    source = sparse_file(scratch / "large", 5 * GIGABYTE)
    wanted = digest(source)
    try:
        sftp(user, [f"put {source} up"], keys["ed25519"], timeout=400)
        assert digest(user.home / "up") == wanted
        (user.home / "up").unlink()
        os.link(source, user.home / "down")
        sftp(user, [f"get down {scratch}/back"], keys["ed25519"], timeout=400)
        assert digest(scratch / "back") == wanted
    finally:
        for file in (source, scratch / "back", user.home / "up", user.home / "down"):
            file.unlink(missing_ok=True)


def half_sent(user, key, name, data):
    """An upload in progress: a connection that wrote `data` to `name` and holds it open."""
    connection = Paramiko(user, key)
    file = connection.__enter__().open(name, "w")
    file.write(data)
    file.flush()
    return connection, file


def all_files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_killed_during_uploads_and_started_again(make_server, public_keys, keys, tmp_path):
    server = make_server(ATOMIC)
    user = server.create_user("uploader", public_keys=public_keys)
    source, old = random_file(tmp_path / "source", 60_000_000), random_file(tmp_path / "old", 1_000_000)
    sftp(user, [f"put {old} replaced"], keys["ed25519"])
    targets = ["new1", "new2", "new3", "replaced"]
    uploads = [subprocess.Popen(sftp_command(user, keys["ed25519"], ["-l", "40000"]), stdin=subprocess.PIPE, text=True,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in targets]
    for target, upload in zip(targets, uploads):
        upload.stdin.write(f"put {source} {target}\n")
        upload.stdin.flush()
    wait_for(lambda: sum(path.stat().st_size for path in user.home.iterdir()) > 5_000_000, "uploads under way")
    server.kill()
    for upload in uploads:
        upload.communicate()
        assert upload.returncode != 0
    assert not any((user.home / target).exists() for target in targets[:3])
    assert same(old, user.home / "replaced")
    server.start()
    sftp(user, [f"put {source} replaced", f"put {source} new1"], keys["ed25519"])
    assert same(source, user.home / "replaced") and same(source, user.home / "new1")


@pytest.fixture(scope="module", params=[0, 1, 2], ids=lambda mode: f"mode{mode}")
def mode_server(request, tmp_path_factory):
    """One server for each upload_mode: (mode, server)."""
    from conftest import run_server
    from ferry import Ferry
    environment = {"FERRY_COMMON__UPLOAD_MODE": str(request.param)}
    for server in run_server(Ferry(tmp_path_factory.mktemp("mode"), environment)):
        yield request.param, server


@pytest.mark.parametrize("tenths", range(10))
def test_a_client_that_vanishes_leaves_what_the_mode_promises(mode_server, public_keys, keys, tenths):
    mode, server = mode_server
    data = os.urandom(3_000_000)
    sent = data[:len(data) * tenths // 10]
    user = server.create_user(f"vanishing{tenths}", public_keys=public_keys)
    connection, _ = half_sent(user, keys["ed25519"], "new", sent)
    connection.client.get_transport().sock.close()
    wait_for(lambda: not [one for one in connections(server) if one["username"] == user.name], "the session to end")
    if mode == 1:
        wait_for(lambda: all_files(user.home) == [], "the partial file to be removed")
    else:
        wait_for(lambda: all_files(user.home) == ["new"], "only the target to be there")
        assert (user.home / "new").read_bytes() == sent
        rest = data[len(sent):]
        with Paramiko(user, keys["ed25519"]) as client, client.open("new", "r+" if mode == 2 else "a") as file:
            file.seek(len(sent))
            file.write(rest)
        assert (user.home / "new").read_bytes() == data


def test_a_vanished_client_never_harms_the_old_file_in_atomic_mode(make_server, public_keys, keys, tmp_path):
    server = make_server(ATOMIC)
    user = server.create_user("careful", public_keys=public_keys)
    old = random_file(tmp_path / "old", 2_000_000)
    sftp(user, [f"put {old} file"], keys["ed25519"])
    connection, _ = half_sent(user, keys["ed25519"], "file", os.urandom(500_000))
    assert same(old, user.home / "file")
    connection.client.get_transport().sock.close()
    wait_for(lambda: all_files(user.home) == ["file"], "the partial file to be removed")
    assert same(old, user.home / "file")


def test_a_killed_sftp_process_ends_its_session(server, new_user, keys, tmp_path):
    user = new_user()
    source = random_file(tmp_path / "source", 80_000_000)
    upload = subprocess.Popen([str(part) for part in sftp_command(user, keys["ed25519"], ["-l", "80000"])],
                              stdin=subprocess.PIPE, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              start_new_session=True)
    upload.stdin.write(f"put {source} there\n")
    upload.stdin.flush()
    target = user.home / "there"
    wait_for(lambda: target.exists() and target.stat().st_size > 2_000_000, "the upload to be under way")
    os.killpg(upload.pid, signal.SIGKILL)
    upload.communicate()
    wait_for(lambda: not [one for one in connections(server) if one["username"] == user.name], "the session to end")
    assert 2_000_000 <= target.stat().st_size < 80_000_000
    written = target.read_bytes()
    with open(source, "rb") as file:
        assert file.read(len(written)) == written
    assert sftp(user, ["ls -1"], keys["ed25519"]).count("there") >= 1


def test_a_client_that_says_nothing_cannot_keep_others_out(server, new_user, keys):
    silent = [socket.create_connection(("127.0.0.1", server.sftp_port)) for _ in range(100)]
    try:
        assert "Remote working directory" in sftp(new_user(), ["pwd"], keys["ed25519"])
    finally:
        for one in silent:
            one.close()


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"SSH-1.5-old\r\n", b"SSH-2.0-x\r\n" + b"\xff" * 40000,
                                     b"A" * 100_000, b"SSH-2.0-x\r\n\x00\x00\x00\x0c\x0a\x14" + b"\0" * 10])
def test_garbage_ends_one_connection_only(server, new_user, keys, garbage):
    with socket.create_connection(("127.0.0.1", server.sftp_port)) as one:
        one.settimeout(10)
        try:
            one.sendall(garbage)
            while one.recv(65536):
                pass
        except ConnectionError:
            pass
    assert "Remote working directory" in sftp(new_user(), ["pwd"], keys["ed25519"])


def test_special_files_neither_hang_nor_leak(new_user, keys, tmp_path):
    user = new_user()
    user.home.mkdir(parents=True, exist_ok=True)
    os.mkfifo(user.home / "pipe")
    for command in (f"get pipe {tmp_path}/got", "put /etc/hostname pipe"):
        with pytest.raises(ClientFailed):
            sftp(user, [command], keys["ed25519"], timeout=15)
    assert "pipe" in sftp(user, ["ls -l", "rm pipe"], keys["ed25519"])
