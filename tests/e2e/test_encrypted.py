"""Encrypted local storage: SFTPGo's files are read, an independent implementation reads ours, and what breaks is seen."""
import hashlib
import os
import shutil
import struct
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from clients import ClientFailed, Paramiko, random_file, same, scp, sftp, wait_for
from ferry import ROOT, RestError
from quota_tools import used

PASSPHRASE = "f8Kx2Lq9Zt5Rw7Vn3Mb6Yh1Jd4Gs0PcX"  # the one of the samples
SAMPLES = ROOT / "tests/data/encrypted"


def encrypted(passphrase=PASSPHRASE):
    return {"provider": 4, "cryptconfig": {"passphrase": {"status": "Plain", "payload": passphrase}}}


def formula(size):
    return bytes((i * 31 + 7) % 251 for i in range(size))


def decrypt(stored, passphrase=PASSPHRASE):
    """DARE 2.0 as its documents have it; an exception for whatever is not complete and right."""
    if len(stored) < 33 or stored[0] != 0x10:
        raise ValueError("header")
    key = HKDF(hashes.SHA256(), 32, stored[1:33], b"").derive(passphrase.encode())
    content, at, number, first, final = b"", 33, 0, None, len(stored) == 33
    while at < len(stored):
        header = stored[at:at + 16]
        if len(stored) - at <= 32:
            raise ValueError(f"package {number}")
        version, cipher, size = struct.unpack("<BBH", header[:4])
        size += 1
        last = bool(header[4] & 0x80)
        pinned = bytes([cipher, header[4] & 0x7F]) + header[5:]
        first = first or pinned
        if version != 0x20 or pinned != first or final or (size != 65536 and not last):
            raise ValueError(f"package {number}")
        mixed, = struct.unpack("<I", header[12:])
        nonce = header[4:12] + struct.pack("<I", mixed ^ number)
        aead = (AESGCM, ChaCha20Poly1305)[cipher](key)
        content += aead.decrypt(nonce, stored[at + 16:at + 32 + size], header[:4])
        at, number, final = at + 32 + size, number + 1, last
    if not final:
        raise ValueError("the end is missing")
    return content


def stored_size(plain):
    return 33 + plain + 32 * ((plain + 65535) // 65536)


@pytest.fixture
def safe(new_user):
    user = new_user(filesystem=encrypted())
    user.home.mkdir(parents=True, exist_ok=True)
    return user


def test_files_of_sftpgo_are_read_byte_for_byte(safe, tmp_path):
    samples = sorted(SAMPLES.glob("v*/size_*.bin"))
    assert len(samples) >= 8
    for sample in samples:
        shutil.copy(sample, safe.home / f"{sample.parent.name}-{sample.name}")
    sftp(safe, [f"lcd {tmp_path}", "get v*"])
    with Paramiko(safe) as client:
        listed = {entry.filename: entry.st_size for entry in client.listdir_attr("/")}
        for sample in samples:
            name, size = f"{sample.parent.name}-{sample.name}", int(sample.stem.split("_")[1])
            assert listed[name] == client.stat(name).st_size == size
            assert (tmp_path / name).read_bytes() == formula(size)
            assert decrypt(sample.read_bytes()) == formula(size)
        with client.open("v27-size_200000.bin") as file:
            file.seek(65530)
            assert file.read(10).hex() == "5e7d9cbbdaf91d3c5b7a"
            file.seek(199_995)
            assert file.read(10).hex() == "98b7d6f519"


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 5_000_000])
def test_another_implementation_reads_what_is_stored(safe, tmp_path, size):
    source = random_file(tmp_path / "source", size)
    sftp(safe, [f"put -p {source} file"])
    scp(safe, [source], ":by-scp", options=["-O"])
    for name in ("file", "by-scp"):
        stored = (safe.home / name).read_bytes()
        assert decrypt(stored) == source.read_bytes() and len(stored) == stored_size(size)
        assert size < 100 or source.read_bytes()[:100] not in stored
    assert int((safe.home / "file").stat().st_mtime) == int(source.stat().st_mtime), "put -p sets it before the end"
    sftp(safe, [f"get file {tmp_path}/back"])
    assert same(source, tmp_path / "back")


def test_it_is_the_same_after_a_restart(make_server, tmp_path):
    server = make_server({"FERRY_KMS__SECRETS__MASTER_KEY": "the master key of this test"})
    user = server.create_user("kept", filesystem=encrypted("a passphrase that is long enough 7!"))
    source = random_file(tmp_path / "source", 300_000)
    sftp(user, [f"put {source} file", "rename file moved", "mkdir d", "rename moved d/file"])
    shown = server.api("GET", "/users/kept")["filesystem"]["cryptconfig"]["passphrase"]
    assert shown["status"] == "Secretbox"
    server.stop()
    server.start()
    sftp(user, [f"get d/file {tmp_path}/back"])
    assert same(source, tmp_path / "back")
    assert decrypt((user.home / "d/file").read_bytes(), "a passphrase that is long enough 7!") == source.read_bytes()


def test_what_the_format_cannot_do_is_refused(safe):
    with Paramiko(safe) as client:
        with client.open("file", "w") as file:
            file.write(formula(100_000))
        before = (safe.home / "file").read_bytes()
        for mode in ("a", "r+"):
            with pytest.raises(OSError, match="(?i)unsupported"):
                client.open("file", mode)
        with pytest.raises(OSError, match="(?i)unsupported"):
            client.truncate("file", 5)
    assert (safe.home / "file").read_bytes() == before


def test_damage_is_an_error_and_never_content(safe, tmp_path):
    source = random_file(tmp_path / "source", 200_000)
    sftp(safe, [f"put {source} good"])
    stored = (safe.home / "good").read_bytes()
    broken = {"changed": stored[:100_000] + bytes([stored[100_000] ^ 1]) + stored[100_001:], "cut": stored[:100_000],
              "cut-between": stored[:33 + 65_568], "longer": stored + b"x", "empty": b"", "plain": source.read_bytes(),
              "short": b"plain", "other-header": b"\x10" + os.urandom(32) + stored[33:]}
    with Paramiko(safe) as client:
        for name, content in broken.items():
            (safe.home / name).write_bytes(content)
            with pytest.raises(OSError):
                with client.open(name) as file:
                    file.read()
            with pytest.raises((ValueError, InvalidTag)):
                decrypt(content)
        with client.open("changed") as file:
            assert file.read(65_536) == source.read_bytes()[:65_536], "the package before the change"


@pytest.mark.parametrize("mode", ["0", "1", "2"])
def test_a_cut_upload_is_never_taken_for_complete(make_server, mode):
    server = make_server({"FERRY_COMMON__UPLOAD_MODE": mode})
    user = server.create_user("cut", filesystem=encrypted(), quota_files=100)
    with Paramiko(user) as client:
        with client.open("old", "w") as file:
            file.write(b"old content")
    for name, size in (("old", 150_000), ("new", 10), ("whole-packages", 131_072)):
        broken = Paramiko(user)
        with broken as client:
            file = client.open(name, "w")
            file.write(os.urandom(size))
            file.flush()
            client.stat(".")  # what was sent before has been answered
            broken.client.get_transport().sock.close()
    wait_for(lambda: not server.api("GET", "/connections"), "the sessions to end")
    with Paramiko(user) as client:
        listed = {entry.filename: entry.st_size for entry in client.listdir_attr("/")}
        if mode == "0":
            assert listed == {"old": 150_000, "new": 10, "whole-packages": 131_072}
            for name in listed:
                with pytest.raises(OSError):
                    with client.open(name) as file:
                        file.read()
                with pytest.raises(ValueError):
                    decrypt((user.home / name).read_bytes())
        else:
            assert listed == {"old": len(b"old content")} and os.listdir(user.home) == ["old"]
            with client.open("old") as file:
                assert file.read() == b"old content"
    wait_for(lambda: used(user) == (len(listed), sum(listed.values())), "what is counted to be what is there")


def test_quotas_count_the_content(new_user, tmp_path):
    user = new_user(filesystem=encrypted(), quota_size=300_000, quota_files=10)
    source = random_file(tmp_path / "source", 200_000)
    sftp(user, [f"put {source} file"])
    assert used(user) == (1, 200_000)
    with pytest.raises(ClientFailed):
        sftp(user, [f"put {source} second"])
    assert used(user) == (1, 200_000) and os.listdir(user.home) == ["file"]
    sftp(user, [f"put {random_file(tmp_path / 'other', 299_999)} file"])
    assert used(user) == (1, 299_999)
    user.server.api("POST", f"/quotas/users/{user.name}/scan")
    wait_for(lambda: not user.server.api("GET", "/quotas/users/scans"), "the scan")
    assert used(user) == (1, 299_999)
    sftp(user, ["rm file"])
    assert used(user) == (0, 0)


def test_moves_between_storages_encrypt_anew(server, new_user, tmp_path):
    """A folder with the same passphrase, one with another, and one that is not encrypted."""
    folders = {"same": encrypted(), "other": encrypted("quite another passphrase 5 7"), "plain": {"provider": 0}}
    user = new_user(filesystem=encrypted())
    mounts, places = [], {}
    for name, filesystem in folders.items():
        places[name] = tmp_path / name
        server.api("POST", "/folders", {"name": f"{user.name}-{name}", "mapped_path": str(places[name]),
                                        "filesystem": filesystem})
        mounts.append({"name": f"{user.name}-{name}", "virtual_path": f"/{name}", "quota_size": -1, "quota_files": -1})
    user.update(virtual_folders=mounts)
    source = random_file(tmp_path / "source", 150_000)
    content = source.read_bytes()
    sftp(user, [f"put {source} file", "rename file same/file"])
    assert decrypt((places["same"] / "file").read_bytes()) == content
    sftp(user, ["rename same/file other/file"])
    assert decrypt((places["other"] / "file").read_bytes(), "quite another passphrase 5 7") == content
    sftp(user, ["rename other/file plain/file", "ls plain"])
    assert (places["plain"] / "file").read_bytes() == content
    sftp(user, ["rename plain/file back"])
    assert decrypt((user.home / "back").read_bytes()) == content
    sftp(user, ["copy back copied"])
    assert decrypt((user.home / "copied").read_bytes()) == content


def test_programs_that_work_on_real_files_are_refused(programs):
    user = programs(filesystem=encrypted())
    with Paramiko(user) as client:
        with client.open("file", "w") as file:
            file.write(b"content")
        channel = client.get_channel().get_transport().open_session()
        channel.exec_command("sha256sum file")
        assert hashlib.sha256(b"content").hexdigest().encode() in channel.makefile().read()
        channel = client.get_channel().get_transport().open_session()
        channel.exec_command("rsync --server --sender -logDtpre.iLsfxC . file")
        assert channel.recv_exit_status() != 0


def test_an_account_without_passphrase_is_not_made(server):
    with pytest.raises(RestError):
        server.create_user("without", filesystem={"provider": 4})
    with pytest.raises(RestError):
        server.create_user("without", filesystem=encrypted(""))
    assert not Path(server.home_base / "without").exists()
