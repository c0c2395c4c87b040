"""`ferry portable`: what it prints is enough to get at the files."""
import getpass
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
from test_azure import Container
from test_s3 import Bucket
from test_sftp_storage import OpenSsh, remote  # noqa: F401


class Portable:
    def __init__(self, folder, *arguments, **variables):
        self.output = folder / "printed"
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen([binary(), "portable", *map(str, arguments)], stdout=output,
                                            stderr=subprocess.STDOUT, env=clean_environment() | variables,
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

    def start(*arguments, **variables):
        started.append(Portable(tmp_path, *arguments, **variables))
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


def there_and_back(server, tmp_path):
    """A file goes through what is shared, and shows there under its name."""
    user = server.user(tmp_path)
    source = random_file(tmp_path / "source", 6_000_000)
    output = sftp(user, [f"put {source} file", "ls -l", f"get file {tmp_path / 'fetched'}"])
    assert same(source, tmp_path / "fetched") and "6000000" in output


def test_a_bucket(portable, emulators, tmp_path):
    bucket = Bucket(emulators["FERRY_TEST_S3_VERSITYGW"])
    flags = ["-f", "s3fs", "--s3-bucket", bucket.name, "--s3-region", "us-east-1", "--s3-endpoint", bucket.endpoint,
             "--s3-access-key", bucket.access, "--s3-force-path-style", "--s3-key-prefix", bucket.prefix, "-g", "*"]
    server = portable(*flags, "-l", tmp_path / "log", FERRY_PORTABLE_S3_ACCESS_SECRET=bucket.secret)
    there_and_back(server, tmp_path)
    assert f"s3://{bucket.name}/{bucket.prefix}" in server.text()
    assert server.stop() == 0
    assert bucket.secret not in server.text() and bucket.secret not in (tmp_path / "log").read_text()
    again = portable(*flags, "--s3-access-secret", bucket.secret)
    sftp(again.user(tmp_path), [f"get file {tmp_path / 'again'}"])
    assert same(tmp_path / "source", tmp_path / "again")


def test_a_container(portable, emulators, tmp_path):
    container = Container(emulators["FERRY_TEST_AZURITE"])
    there_and_back(portable("-f", "3", "--az-container", container.name, "--az-account-name", container.account,
                            "--az-account-key", container.key, "--az-use-emulator", "--az-key-prefix", container.prefix,
                            "--az-endpoint", container.url.rpartition("/")[0], "-g", "*"), tmp_path)


def test_another_sftp_server(portable, remote, tmp_path):  # noqa: F811
    there = remote(OpenSsh)
    there_and_back(portable("-f", "sftpfs", "--sftp-endpoint", f"127.0.0.1:{there.port}", "--sftp-username",
                            getpass.getuser(), "--sftp-key-path", there.folder / "key", "--sftp-fingerprints",
                            there.fingerprint, "--sftp-prefix", there.data, "-g", "*"), tmp_path)
    assert same(tmp_path / "source", there.data / "file")


def test_encrypted_files(portable, tmp_path):
    folder = tmp_path / "encrypted"
    folder.mkdir()
    there_and_back(portable("-f", "cryptfs", "--directory", folder, "--crypto-passphrase", "short", "-g", "*"), tmp_path)
    assert (folder / "file").stat().st_size > 6_000_000 and not same(tmp_path / "source", folder / "file")


@pytest.mark.parametrize("arguments", [["-d", "/no/such/folder"], ["-s", "-1"], ["-s", "99999"], ["-f", "s3fs"],
                                       ["-f", "floppy"], ["-f", "gcsfs", "--gcs-credentials-file", "/no/such"],
                                       ["-f", "sftpfs", "--sftp-key-path", "/no/such"],
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
