"""What a killed server leaves behind: found at the next start, and removed by the command of docs/configuration.md or with
its directory."""
import os
import re
import shlex
import subprocess
import time

import pytest

from clients import Paramiko, wait_for
from ferry import ROOT


def documented_command(folder):
    text = (ROOT / "docs/configuration.md").read_text()
    command = re.search(r"```sh\n(find /srv/homes .*?)```", text, re.DOTALL)[1]
    return command.replace("/srv/homes", shlex.quote(str(folder)))


def test_a_killed_server(make_server):
    server = make_server({"FERRY_COMMON__UPLOAD_MODE": "1"})
    user = server.create_user("killed")
    user.home.mkdir(parents=True)
    (user.home / "target").write_text("old")
    (user.home / ".ferry-upload.mine").write_text("an account's own file")
    connection = Paramiko(user)
    sftp = connection.__enter__()
    file = sftp.open("target", "wb")
    file.write(b"x" * 100_000)
    file.flush()
    wait_for(lambda: len(list(user.home.glob(".ferry-upload.*.target"))) == 1, "the partial file")
    server.kill()
    connection.__exit__()
    stale = next(user.home.glob(".ferry-upload.*.target"))
    assert (user.home / "target").read_text() == "old"

    subprocess.run(["sh", "-c", documented_command(server.home_base)], check=True)
    assert stale.exists()  # it could still be written to
    long_ago = time.time() - 2 * 24 * 3600
    for path in user.home.iterdir():
        os.utime(path, (long_ago, long_ago))
    subprocess.run(["sh", "-c", documented_command(server.home_base)], check=True)
    assert sorted(path.name for path in user.home.iterdir()) == [".ferry-upload.mine", "target"]


def test_the_next_start_tells_of_it(make_server):
    server = make_server({"FERRY_COMMON__UPLOAD_MODE": "1"})
    user = server.create_user("killed")
    connection = Paramiko(user)
    sftp = connection.__enter__()
    sftp.mkdir("d")
    file = sftp.open("d/new", "wb")
    file.write(b"x" * 100_000)
    file.flush()
    with pytest.raises(OSError, match="an upload or a copy is running"):
        sftp.rmdir("d")
    server.kill()
    connection.__exit__()
    server.start()
    wait_for(lambda: "looked for what the last server did not complete: 1 hidden" in server.log(), "the search")
    assert 'user \\"killed\\": 1 hidden files or directories' in server.log()
    with Paramiko(user) as again:
        assert again.listdir("d") == []
        again.rmdir("d")
    assert list(user.home.iterdir()) == []
    server.stop()
    assert not (server.config_dir / "ferry.running").exists()


def test_programs_on_sshfs_see_the_file_that_they_make(make_server):
    """What sshfs asks when a program creates, locks, changes and renames a file (borg, git, sqlite)."""
    server = make_server({"FERRY_COMMON__UPLOAD_MODE": "2"})
    user = server.create_user("sshfs")
    with Paramiko(user) as sftp:
        file = sftp.open("config.lock", "wx")
        assert sftp.lstat("config.lock").st_size == 0
        sftp.chmod("config.lock", 0o600)
        file.write(b"[core]\n")
        file.flush()
        assert sftp.stat("config.lock").st_size == 7
        sftp.posix_rename("config.lock", "config")
        assert sftp.stat("config").st_mode & 0o777 == 0o600
        file.close()
        with sftp.open("config") as back:
            assert back.read() == b"[core]\n"
        assert sftp.listdir("/") == ["config"]
