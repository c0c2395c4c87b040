"""What common.setstat_mode and common.symlink_mode let clients do."""
import os
import stat
import subprocess

import pytest

from clients import Paramiko, random_file, run, same, scp, sftp, ssh_options
from ferry import FACTOR
from test_ssh_commands import ssh


@pytest.fixture
def account(make_server):
    def make(name, value):
        user = make_server({f"FERRY_COMMON__{name}": value}).create_user("modes")
        user.home.mkdir(parents=True)
        (user.home / "file").write_text("as it was")
        (user.home / "file").chmod(0o640)
        return user
    return make


@pytest.mark.parametrize("mode,done", [("0", True), ("1", False), ("2", True)])
def test_setstat_mode(account, tmp_path, mode, done):
    """1 answers with success and does nothing; 2 is for storage that cannot do it, which local storage can."""
    user = account("SETSTAT_MODE", mode)
    before = (user.home / "file").stat()
    with Paramiko(user) as client:
        client.chmod("file", 0o600)
        client.utime("file", (1000, 2000))
        client.truncate("file", 5)  # a size is set in every mode
        with client.open("file", "r+") as file:
            file.chmod(0o604)
    after = (user.home / "file").stat()
    assert after.st_size == 5
    assert stat.S_IMODE(after.st_mode) == (0o604 if done else stat.S_IMODE(before.st_mode))
    with Paramiko(user) as client:
        client.utime("file", (1000, 2000))
    assert ((user.home / "file").stat().st_mtime == 2000) == done
    source = random_file(tmp_path / "source", 10)
    source.chmod(0o600)
    scp(user, [source], ":copied", options=["-p", "-O"])  # is not complained about
    assert (user.home / "copied").stat().st_size == 10


@pytest.mark.parametrize("mode", ["0", "1"])
def test_the_mode_of_what_is_new_is_a_chmod(account, tmp_path, mode):
    """OpenSSH's put and scp send the mode with the file: it counts where a chmod would, for accounts that may."""
    user = account("SETSTAT_MODE", mode)
    source = random_file(tmp_path / "source", 10)
    source.chmod(0o600)
    expected = 0o600 if mode == "0" else 0o644
    sftp(user, [f"put {source} put", "mkdir folder"])
    scp(user, [source], ":scp", options=["-O"])
    user.update(permissions={"/": ["list", "upload", "create_dirs"]})
    sftp(user, [f"put {source} without"])
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in user.home.iterdir()}
    assert modes == {"file": 0o640, "put": expected, "scp": expected, "without": 0o644, "folder": 0o755}


@pytest.mark.parametrize("mode", ["0", "1"])
def test_setstat_mode_holds_for_rsync(make_server, public_keys, keys, tmp_path, mode):
    """What -a asks of modes, owners and times is silently ignored, as what SFTP clients ask."""
    server = make_server({"FERRY_COMMON__SETSTAT_MODE": mode, "FERRY_SFTPD__ENABLED_SSH_COMMANDS": "*"})
    user = server.create_user("rsync", public_keys=public_keys)
    user.home.mkdir(parents=True)
    (user.home / "source").mkdir(mode=0o700)
    source = tmp_path / "source"
    source.mkdir(mode=0o750)
    file = random_file(source / "file", 10)
    file.chmod(0o604)
    owner, mine = (os.geteuid(), os.getegid()), (os.geteuid(), os.getegid())
    if os.geteuid() == 0:
        owner = (4321, 4322)
        os.chown(file, *owner)
    os.utime(file, (1000, 2000))
    os.utime(source, (1000, 2000))
    # The file is there already: a new one has its mode from the start.
    (user.home / "source/file").write_text("old")
    (user.home / "source/file").chmod(0o640)
    result = subprocess.run(["rsync", "-a", "-e", " ".join(map(str, ["ssh", *ssh_options(user, keys["ed25519"])])), source,
                             f"{user.name}@127.0.0.1:"], capture_output=True, text=True, timeout=60 * FACTOR, check=True)
    assert (result.stdout, result.stderr) == ("", "")
    for path, modes in ((user.home / "source/file", (0o604, 0o640)), (user.home / "source", (0o750, 0o700))):
        facts = path.stat()
        assert stat.S_IMODE(facts.st_mode) == modes[int(mode)], path
        assert (facts.st_mtime == 2000) == (mode == "0"), path
    facts = (user.home / "source/file").stat()
    assert (facts.st_uid, facts.st_gid) == (owner if mode == "0" else mine)
    assert same(file, user.home / "source/file")


@pytest.mark.parametrize("umask", ["022", "077"])
def test_umask(make_server, public_keys, keys, tmp_path, umask):
    """Of what every protocol makes; what a client sets afterwards is what it set."""
    server = make_server({"FERRY_COMMON__UMASK": umask, "FERRY_SFTPD__ENABLED_SSH_COMMANDS": "*"})
    user = server.create_user("masked", public_keys=public_keys)
    source = tmp_path / "source"
    source.mkdir(mode=0o777)
    random_file(source / "file", 10).chmod(0o666)
    source.chmod(0o777)
    with Paramiko(user) as client:
        client.open("opened", "w").close()
        client.mkdir("made")
        client.open("set", "w").close()
        client.chmod("set", 0o666)
    scp(user, [source], ":legacy", keys["ed25519"], ["-r", "-O"])
    scp(user, [source], ":modern", keys["ed25519"], ["-r"])
    assert ssh(user, "sftpgo-copy legacy copied", keys["ed25519"])[0] == 0
    run(["rsync", "-r", "-e", " ".join(map(str, ["ssh", *ssh_options(user, keys["ed25519"])])), f"{source}/",
         f"{user.name}@127.0.0.1:synced"])
    hidden = int(umask, 8)
    for name in ("opened", "made", "legacy", "legacy/file", "modern/file", "copied", "copied/file", "synced",
                 "synced/file"):
        mode = stat.S_IMODE((user.home / name).stat().st_mode)
        assert mode & hidden == 0 and mode & 0o600 == 0o600, (name, oct(mode))
    assert stat.S_IMODE((user.home / "set").stat().st_mode) == 0o666
    if umask == "022":
        assert stat.S_IMODE((user.home / "legacy/file").stat().st_mode) == 0o644


@pytest.mark.parametrize("mode", ["0", "1"])
def test_rename_mode(make_server, tmp_path, mode):
    """It is for storage that cannot rename a directory in one step, which local storage can; to another mount all are
    copied."""
    server = make_server({"FERRY_COMMON__RENAME_MODE": mode})
    server.api("POST", "/folders", {"name": "other", "mapped_path": str(tmp_path / "other")})
    user = server.create_user("renames", virtual_folders=[{"name": "other", "virtual_path": "/other", "quota_size": 0,
                                                           "quota_files": 0}])
    (user.home / "full/inner").mkdir(parents=True)
    content = random_file(user.home / "full/inner/file", 1000).read_bytes()
    inode = (user.home / "full/inner/file").stat().st_ino
    with Paramiko(user) as client:
        client.rename("full", "renamed")
        assert (user.home / "renamed/inner/file").stat().st_ino == inode
        client.posix_rename("renamed", "again")
        client.rename("again", "/other/moved")
    assert (tmp_path / "other/moved/inner/file").read_bytes() == content
    assert [path.name for path in user.home.iterdir()] == []


@pytest.mark.parametrize("mode,allowed", [("0", False), ("1", True), ("2", False), ("3", True)])
def test_symlink_mode(account, mode, allowed):
    user = account("SYMLINK_MODE", mode)
    (user.home / "there").symlink_to("file")
    with Paramiko(user) as client:
        assert client.open("there").read() == b"as it was"  # what is there is followed
        if allowed:
            client.symlink("file", "link")
            assert client.readlink("link") == "file"
        else:
            with pytest.raises(PermissionError):
                client.symlink("file", "link")
            assert not (user.home / "link").is_symlink()
