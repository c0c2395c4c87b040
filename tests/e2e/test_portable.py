"""`ferry portable`: what it prints is enough to get at the files."""
import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from clients import ClientFailed, random_file, same, scp, sftp, wait_for
from ferry import binary, clean_environment, die_with_parent


class Portable:
    def __init__(self, folder, *arguments):
        self.output = folder / "printed"
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen([binary(), "portable", *map(str, arguments)], stdout=output,
                                            stderr=subprocess.STDOUT, env=clean_environment(),
                                            preexec_fn=die_with_parent)
        wait_for(lambda: "Ctrl-C" in self.text() or self.process.poll() is not None, "the server")

    def text(self):
        return self.output.read_text()

    def value(self, name):
        found = re.search(rf"^  {name} +(\S.*)$", self.text(), re.MULTILINE)
        return found[1] if found else None

    def user(self, folder):
        port = int(re.search(r"sftp -P (\d+)", self.text())[1])
        return SimpleNamespace(name=self.value("user"), password=self.value("password") or "",
                               server=SimpleNamespace(sftp_port=port, config_dir=folder))

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)


@pytest.fixture
def portable(tmp_path):
    started = []

    def start(*arguments):
        started.append(Portable(tmp_path, *arguments))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


@pytest.fixture
def shared(tmp_path):
    folder = tmp_path / "shared"
    folder.mkdir()
    random_file(folder / "file", 500_000)
    return folder


def test_with_nothing_but_a_directory(portable, shared, tmp_path):
    server = portable("--directory", shared)
    user = server.user(tmp_path)
    assert user.name.startswith("user") and len(user.password) >= 16 and "SHA256:" in server.text()
    sftp(user, [f"get file {tmp_path}/back"])
    assert same(shared / "file", tmp_path / "back")
    scp(user, [":file"], tmp_path / "again", None, ["-O"])
    with pytest.raises(ClientFailed) as failure:
        sftp(user, [f"put {tmp_path}/back new"])
    assert "denied" in failure.value.output.lower()
    keys = set(Path(tempfile.gettempdir()).glob("ferry-portable-*"))
    assert server.stop() == 0
    assert len(keys - set(Path(tempfile.gettempdir()).glob("ferry-portable-*"))) == 1  # its host keys went with it


def test_with_everything_given(portable, shared, keys, public_keys, tmp_path):
    (shared / "in").mkdir()
    server = portable("-d", shared, "-u", "anna", "-k", public_keys[0], "-g", "list,download,upload,overwrite", "-c",
                      "pwd,sha512sum", "--start-directory", "/in", "-l", tmp_path / "log")
    user = server.user(tmp_path)
    assert user.name == "anna" and user.password == ""
    sftp(user, [f"put {shared}/file copy"], keys["ed25519"])
    assert same(shared / "file", shared / "in" / "copy")
    from test_ssh_commands import ssh
    assert ssh(user, "pwd", keys["ed25519"])[1] == "/in\n"
    assert ssh(user, "md5sum copy", keys["ed25519"])[0] == 127
    assert '"sender":"Upload"' in (tmp_path / "log").read_text()
    assert server.stop() == 0


def test_password_from_a_file(portable, shared, tmp_path):
    (tmp_path / "secret").write_text("a secret of a file\n")
    server = portable("-d", shared, "-u", "bob", "--password-file", tmp_path / "secret", "-g", "*")
    user = server.user(tmp_path)
    user.password = "a secret of a file"
    sftp(user, ["rm file"])
    assert list(shared.iterdir()) == []


@pytest.mark.parametrize("arguments", [["-d", "/no/such/folder"], ["-s", "-1"], ["-s", "99999"], ["-f", "s3fs"],
                                       ["-g", "frobnicate"], ["-k", "not a key"], ["--password-file", "/no/such"],
                                       ["--start-directory", "relative/../.."], ["--unknown"]])
def test_what_makes_no_sense_is_said_in_a_line(shared, tmp_path, arguments):
    result = subprocess.run([binary(), "portable", *([] if "-d" in arguments else ["-d", shared]), *arguments],
                            capture_output=True, text=True, timeout=20, check=False, env=clean_environment())
    if arguments[0] == "--start-directory":
        assert result.returncode in (0, 1)
        return
    assert result.returncode == 1 and result.stderr.startswith("ferry: ") and result.stderr.count("\n") == 1
    assert not os.listdir(shared)[1:]
