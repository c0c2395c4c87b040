"""common.temp_path: where atomic uploads grow; and that what grows is out of the clients' reach."""
import os
from pathlib import Path

import pytest

from clients import ClientFailed, Paramiko, random_file, same, scp, sftp, wait_for


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("where", ["same", "other"])
def test_uploads_grow_in_it(make_server, tmp_path, scratch, where):
    """On the file system of the homes they are renamed from there; on another one they are copied."""
    staged = (tmp_path if where == "same" else scratch) / "staged"
    staged.mkdir()
    if where == "other" and os.stat(staged).st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("there is one file system only")
    server = make_server({"FERRY_COMMON__UPLOAD_MODE": "1", "FERRY_COMMON__TEMP_PATH": str(staged)})
    user = server.create_user("staged", quota_size=10_000_000)
    source = random_file(tmp_path / "source", 3_000_000)
    with Paramiko(user) as client:
        file = client.open("file", "w")
        file.write(b"x" * 100_000)
        file.flush()
        file.chmod(0o640)
        wait_for(lambda: len(names(staged)) == 1, "the partial file")
        assert client.listdir("/") == [] and names(user.home) == []
        file.close()
        assert client.stat("file").st_size == 100_000 and (user.home / "file").stat().st_mode & 0o777 == 0o640
        with pytest.raises(FileNotFoundError):
            client.open("missing/file", "w")
    sftp(user, [f"put {source} file", "mkdir d", f"put {source} d/file"])
    scp(user, [source], ":by-scp", options=["-O"])
    assert all(same(source, user.home / name) for name in ("file", "d/file", "by-scp"))
    with pytest.raises(ClientFailed):
        sftp(user, [f"put {random_file(tmp_path / 'large', 2_000_000)} large"])
    broken = Paramiko(user)
    with broken as client:
        file = client.open("broken", "w")
        file.write(b"x" * 50_000)
        file.flush()
        broken.client.get_transport().sock.close()
    wait_for(lambda: names(staged) == [], "the broken upload to go")
    assert names(user.home) == ["by-scp", "d", "file"]
    shown = server.api("GET", "/users/staged")
    assert (shown["used_quota_files"], shown["used_quota_size"]) == (3, 9_000_000)


def test_a_path_that_is_no_directory_ends_the_start(make_server, tmp_path):
    server = make_server({"FERRY_COMMON__TEMP_PATH": str(tmp_path / "missing")}, start=False).launch()
    assert server.process.wait(60) == 1
    assert "common.temp_path: no directory" in server.output()


def test_what_grows_cannot_be_reached(make_server):
    """Renamed away while it grows it would be a file that no quota counts."""
    server = make_server({"FERRY_COMMON__UPLOAD_MODE": "1"})
    user = server.create_user("grows", quota_size=1_000_000)
    with Paramiko(user) as client:
        file = client.open("file", "w")
        file.write(b"x" * 900_000)
        file.flush()
        wait_for(lambda: names(user.home), "the partial file")
        partial = Path(names(user.home)[0])
        assert str(partial).startswith(".ferry-upload.") and client.listdir("/") == []
        for operation in (client.remove, client.stat, client.lstat, client.open, client.mkdir,
                          lambda name: client.rename(name, "mine"), lambda name: client.posix_rename(name, "mine"),
                          lambda name: client.open(name, "r+"), lambda name: client.symlink(name, "link"),
                          lambda name: client.truncate(name, 0)):
            with pytest.raises(FileNotFoundError):
                operation(str(partial))
        file.close()
        assert client.listdir("/") == ["file"] and client.stat("file").st_size == 900_000
    assert names(user.home) == ["file"]
