"""What common.setstat_mode and common.symlink_mode let clients do."""
import stat

import pytest

from clients import Paramiko, random_file, scp


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
