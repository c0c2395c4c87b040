"""What a killed server leaves behind, and the command of docs/configuration.md that tidies it up."""
import os
import re
import shlex
import subprocess
import time

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
