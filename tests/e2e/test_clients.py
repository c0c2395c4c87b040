"""What single clients do beyond the table of test_interop.py: lftp, rclone, paramiko, asyncssh."""
import asyncio
import os
import re
import socket
import stat

import paramiko
import pytest

from clients import Paramiko, asyncssh_connect, lftp, random_file, rclone, run, same


def test_lftp_moves_trees_both_ways(user, tmp_path):
    source = tmp_path / "source"
    (source / "inner").mkdir(parents=True)
    files = [random_file(source / "inner" / f"file{index}", 100_000 + index) for index in range(10)]
    lftp(user, [f"mirror -R --parallel=3 {source} copy", f"mirror --parallel=3 copy {tmp_path}/back",
                "mv copy/inner/file0 copy/renamed", "rm copy/inner/file1"])
    for file in files:
        assert same(file, tmp_path / "back" / "inner" / file.name)
    assert same(files[0], user.home / "copy" / "renamed") and not (user.home / "copy/inner/file1").exists()


def test_rclone_copies_and_checks(user, tmp_path):
    source = tmp_path / "source"
    (source / "inner").mkdir(parents=True)
    files = [random_file(source / "inner" / f"file{index}", 50_000 * index) for index in range(8)]
    rclone(user, "copy", source, "remote:copy")
    rclone(user, "check", "--download", source, "remote:copy")
    rclone(user, "move", "remote:copy/inner/file1", "remote:moved")
    assert same(files[1], user.home / "moved" / "file1")
    rclone(user, "purge", "remote:copy")
    assert not (user.home / "copy").exists()
    assert re.search(r"Free:", rclone(user, "about", "remote:"))


def test_paramiko_operations(user, keys, tmp_path):
    source = random_file(tmp_path / "source", 1_500_000)
    with Paramiko(user, keys["ecdsa"]) as sftp:
        sftp.put(str(source), "there")
        sftp.get("there", str(tmp_path / "back"))
        assert same(source, tmp_path / "back")
        sftp.mkdir("folder")
        sftp.posix_rename("there", "folder/moved")
        assert stat.S_ISREG(sftp.stat("folder/moved").st_mode) and sftp.listdir("folder") == ["moved"]
        sftp.symlink("moved", "folder/link")
        assert sftp.readlink("folder/link") == "moved" and stat.S_ISLNK(sftp.lstat("folder/link").st_mode)
        sftp.truncate("folder/moved", 10)
        sftp.utime("folder/moved", (1_000_000_000, 1_100_000_000))
        sftp.chmod("folder/moved", 0o600)
        attributes = sftp.stat("folder/moved")
        assert (attributes.st_size, attributes.st_mtime, attributes.st_mode & 0o777) == (10, 1_100_000_000, 0o600)
        assert sftp.normalize("folder/../folder/./moved") == "/folder/moved"
        assert sftp.normalize("not/there/yet") == "/not/there/yet"
        with pytest.raises(FileNotFoundError):
            sftp.stat("missing")


def test_paramiko_opens_files_in_every_mode(user):
    with Paramiko(user) as sftp:
        with sftp.open("file", "w") as file:
            file.write(b"first")
        with sftp.open("file", "a") as file:
            file.write(b" second")
        with sftp.open("file", "r+") as file:
            file.seek(0)
            file.write(b"FIRST")
        assert (user.home / "file").read_bytes() == b"FIRST second"
        with pytest.raises(IOError):
            sftp.open("file", "x").close()
        with sftp.open("file", "r") as file:
            file.seek(100)
            assert file.read(10) == b""


def test_reads_in_flight_come_back_in_order(user, tmp_path):
    source = random_file(tmp_path / "source", 8_000_000)
    with Paramiko(user) as sftp:
        sftp.put(str(source), "there")
        with sftp.open("there") as file:
            file.prefetch()
            assert file.read() == source.read_bytes()
        with sftp.open("there") as file:
            chunks = [(offset, 50_000) for offset in range(7_900_000, 0, -250_000)]
            data = source.read_bytes()
            for (offset, size), got in zip(chunks, file.readv(chunks), strict=True):
                assert got == data[offset:offset + size]


def test_asyncssh_parallel_transfers_on_one_connection(user, keys, tmp_path):
    files = [random_file(tmp_path / f"file{index}", 300_000 + index) for index in range(12)]
    (tmp_path / "back").mkdir()

    async def work():
        async with asyncssh_connect(user, keys["rsa"]) as connection:
            clients = [await connection.start_sftp_client() for _ in range(4)]
            await asyncio.gather(*(clients[n % 4].put(str(file), file.name) for n, file in enumerate(files)))
            await asyncio.gather(*(clients[n % 4].get(file.name, str(tmp_path / "back" / file.name))
                                   for n, file in enumerate(files)))

    asyncio.run(work())
    for file in files:
        assert same(file, user.home / file.name) and same(file, tmp_path / "back" / file.name)


def test_asyncssh_rekeys_while_transferring_both_ways(user, keys, tmp_path):
    up, down = random_file(tmp_path / "up", 20_000_000), random_file(tmp_path / "down", 20_000_000)
    user.home.mkdir(parents=True, exist_ok=True)
    os.link(down, user.home / "down")

    async def work():
        async with asyncssh_connect(user, keys["ed25519"], rekey_bytes=1_000_000) as connection:
            async with connection.start_sftp_client() as one, connection.start_sftp_client() as two:
                await asyncio.gather(one.put(str(up), "up"), two.get("down", str(tmp_path / "back")))

    asyncio.run(work())
    assert same(up, user.home / "up") and same(down, tmp_path / "back")


def test_asyncssh_extensions(user, keys):
    async def work():
        async with asyncssh_connect(user, keys["ed25519"]) as connection, connection.start_sftp_client() as sftp:
            async with sftp.open("file", "wb") as file:
                await file.write(b"x" * 100_000)
                await file.fsync()
                assert (await file.statvfs()).bsize > 0
            await sftp.link("file", "hard")
            await sftp.remote_copy("file", "copy")
            assert (await sftp.stat("copy")).size == 100_000
            assert sftp.limits.max_read_len >= 255 * 1024 and sftp.limits.max_write_len >= 255 * 1024
            assert await sftp.realpath("a/../b") == "/b"

    asyncio.run(work())
    assert (user.home / "hard").stat().st_nlink == 2


def test_the_number_of_handles_is_limited(user, keys):
    with Paramiko(user, keys["ed25519"]) as sftp:
        sftp.open("file", "w").close()
        held = []
        with pytest.raises(IOError):
            for _ in range(5000):
                held.append(sftp.open("file"))
        assert len(held) >= 100
        held.pop().close()
        sftp.open("file").close()
        for file in held:
            file.close()


def test_the_limit_of_handles_and_the_time_to_log_in_are_configurable(make_server, public_keys, keys):
    server = make_server({"FERRY_SFTPD__MAX_HANDLES": "3", "FERRY_SFTPD__LOGIN_GRACE_TIME": "2"})
    user = server.create_user("limited", public_keys=public_keys)
    with socket.create_connection(("127.0.0.1", server.sftp_port), timeout=30) as silent:
        while silent.recv(4096):
            pass  # greeting and key exchange, then the end
    with Paramiko(user, keys["ed25519"]) as sftp:
        sftp.open("file", "w").close()
        held = [sftp.open("file") for _ in range(3)]
        with pytest.raises(IOError):
            sftp.open("file")
        for file in held:
            file.close()


@pytest.mark.long
def test_a_directory_of_100_000_files_is_listed_whole(user, keys):
    folder = user.home / "many"
    folder.mkdir(parents=True)
    names = [f"file-{index:06d}" for index in range(100_000)]
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    for name in names:
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT, dir_fd=descriptor))
    os.close(descriptor)
    with Paramiko(user, keys["ed25519"]) as sftp:
        pipelined = [entry.filename for entry in sftp.listdir_iter("many", read_aheads=16)]
        assert sorted(pipelined) == names
        assert sorted(sftp.listdir("many")) == names


def test_paramiko_is_told_why_a_login_fails(user):
    user.password = "wrong"
    with pytest.raises(paramiko.AuthenticationException):
        Paramiko(user)
