"""Every client that people use, with everything a user does in it: one table, one line a pair (README shows it)."""
import itertools
from pathlib import Path

import pytest

from clients import random_file, same
from interop_clients import (OPERATIONS, Asyncssh, Curl, DropbearScp, DropbearSftp, Lftp, Libssh, OpenSSHScp,
                             OpenSSHSftp, ParamikoClient, Pscp, Psftp, Rclone, Ssh2)
from interop_replays import FileZilla, WinSCP

CLIENTS = {
    "OpenSSH sftp": OpenSSHSftp, "OpenSSH scp": OpenSSHScp, "PuTTY psftp": Psftp, "PuTTY pscp": Pscp, "lftp": Lftp,
    "rclone": Rclone, "paramiko": ParamikoClient, "asyncssh": Asyncssh, "libssh": Libssh, "libssh2 (curl)": Curl,
    "ssh2 (Node)": Ssh2, "sftp on dbclient": DropbearSftp, "scp on dbclient": DropbearScp,
    "FileZilla": FileZilla, "WinSCP": WinSCP,
}
LOGINS = ("password", "ed25519", "ecdsa", "rsa")
CANNOT = [("libssh2 (curl)", "rsa")]  # libssh2 1.10 signs with SHA-1 alone
README = Path(__file__).resolve().parents[2] / "README.md"
TABLE = [(name, operation) for name, client in CLIENTS.items() for operation in OPERATIONS if hasattr(client, operation)]
SIZE = 1_500_001
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def account(server, public_keys):
    return server.create_user("interop", public_keys=public_keys)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Where clients keep what they need more than once, such as keys in their own formats."""
    return tmp_path_factory.mktemp("interop")


@pytest.fixture
def folder(account):
    """A fresh folder of the account, by its name."""
    name = f"f{next(numbers)}"
    (account.home / name).mkdir(parents=True)
    return name


@pytest.mark.parametrize("name,login", [(name, login) for name in CLIENTS for login in LOGINS
                                        if (name, login) not in CANNOT])
def test_login(account, keys, work, folder, tmp_path, name, login):
    source = random_file(tmp_path / "source", 1000)
    CLIENTS[name](account, keys.get(login), work).upload(source, f"{folder}/there")
    assert same(source, account.home / folder / "there")


def check_upload(client, home, folder, tmp_path):
    source = random_file(tmp_path / "source", SIZE)
    client.upload(source, f"{folder}/there")
    assert same(source, home / "there")
    shorter = random_file(tmp_path / "shorter", 10)
    client.upload(shorter, f"{folder}/there")
    assert same(shorter, home / "there")
    assert [path.name for path in home.iterdir()] == ["there"]


def check_download(client, home, folder, tmp_path):
    for size in (SIZE, 32768 * 4, 0):
        source = random_file(home / f"file{size}", size)
        client.download(f"{folder}/file{size}", tmp_path / "back")
        assert same(source, tmp_path / "back")


def check_list(client, home, folder, tmp_path):
    wanted = {f"name-{index:04d}" for index in range(600)} | {"naïve"}
    for name in wanted:
        (home / name).touch()
    (home / "directory").mkdir()
    assert client.list(folder) == wanted | {"directory"}


def check_rename(client, home, folder, tmp_path):
    source = random_file(home / "old", 100)
    wanted = source.read_bytes()
    client.rename(f"{folder}/old", f"{folder}/new")
    assert [path.name for path in home.iterdir()] == ["new"] and (home / "new").read_bytes() == wanted


def check_remove(client, home, folder, tmp_path):
    random_file(home / "gone", 100)
    random_file(home / "stays", 100)
    client.remove(f"{folder}/gone")
    assert [path.name for path in home.iterdir()] == ["stays"]


def check_mkdir(client, home, folder, tmp_path):
    client.mkdir(f"{folder}/made")
    assert (home / "made").is_dir()


def check_resume_upload(client, home, folder, tmp_path):
    source = random_file(tmp_path / "source", SIZE)
    (home / "there").write_bytes(source.read_bytes()[:600_000])
    client.resume_upload(source, f"{folder}/there")
    assert same(source, home / "there")


def check_resume_download(client, home, folder, tmp_path):
    source = random_file(home / "there", SIZE)
    (tmp_path / "back").write_bytes(source.read_bytes()[:600_000])
    client.resume_download(f"{folder}/there", tmp_path / "back")
    assert same(source, tmp_path / "back")


@pytest.mark.parametrize("name,operation", TABLE, ids=[f"{name}-{operation}" for name, operation in TABLE])
def test_operation(account, keys, work, folder, tmp_path, name, operation):
    client = CLIENTS[name](account, keys["ed25519"], work)
    globals()[f"check_{operation}"](client, account.home / folder, folder, tmp_path)


def test_the_readme_says_what_is_tested():
    shown = {}
    for line in README.read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if cells and cells[0] in CLIENTS:
            shown[cells[0]] = [cell == "yes" for cell in cells[1:]]
    assert shown == {name: [True, *(hasattr(client, operation) for operation in OPERATIONS)]
                     for name, client in CLIENTS.items()}
