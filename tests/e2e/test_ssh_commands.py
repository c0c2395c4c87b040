"""Commands over SSH, as ssh, rclone and others run them."""
import hashlib
import subprocess

import paramiko
import pytest

from clients import ClientFailed, askpass, random_file, rclone, run, ssh_options
from ferry import clean_environment

ALL = {"FERRY_SFTPD__ENABLED_SSH_COMMANDS": "*"}


def ssh(user, line, key=None, text=""):
    """What `ssh host <line>` gives: exit status, stdout, stderr."""
    command = ["ssh", *ssh_options(user, key), f"{user.name}@127.0.0.1", line]
    result = subprocess.run([str(part) for part in command], input=text, text=True, capture_output=True, timeout=60,
                            env=clean_environment() | askpass(user))
    return result.returncode, result.stdout, result.stderr


@pytest.fixture
def everything(make_server, public_keys):
    """An account on a server where every command is enabled."""
    user = make_server(ALL).create_user("everything", public_keys=public_keys)
    user.home.mkdir(parents=True)
    return user


HASHES = ["md5", "sha1", "sha256", "sha384", "sha512"]


def test_digests_of_files(everything, keys):
    data = random_file(everything.home / "a file", 2_500_000).read_bytes()
    for name in HASHES:
        status, output, errors = ssh(everything, f"{name}sum 'a file'", keys["ed25519"])
        assert (status, errors) == (0, "")
        assert output == f"{hashlib.new(name, data).hexdigest()}  a file\n"


def test_digests_of_what_is_sent(user, keys):
    for line in ("md5sum", "md5sum -", "sha256sum -b"):
        status, output, _ = ssh(user, line, keys["ed25519"], "hello")
        method = line.split("sum")[0]
        assert status == 0 and output == f"{hashlib.new(method, b'hello').hexdigest()}  -\n"
    status, output, _ = ssh(user, "md5sum", keys["ed25519"])
    assert output == "d41d8cd98f00b204e9800998ecf8427e  -\n"


def test_digests_as_the_stock_programs_write_them(user, keys, tmp_path):
    user.home.mkdir(parents=True)
    names = ["plain", "back\\slash", "spaces in it"]
    for name in names:
        random_file(user.home / name, 10)
    line = "sha256sum " + " ".join("'" + name + "'" for name in names)
    expected = subprocess.run(["sha256sum", *names], cwd=user.home, capture_output=True, text=True, check=True).stdout
    assert ssh(user, line, keys["ed25519"])[1] == expected


def test_a_digest_that_fails_says_why(user, keys):
    user.home.mkdir(parents=True)
    random_file(user.home / "there", 5)
    status, output, errors = ssh(user, "md5sum missing there .", keys["ed25519"])
    assert status == 1 and output.endswith("  there\n")
    assert errors == "md5sum: missing: No such file or directory\nmd5sum: .: Is a directory\n"
    status, _, errors = ssh(user, "md5sum --check x", keys["ed25519"])
    assert status == 1 and "unrecognized option" in errors


def test_a_digest_needs_the_right_to_download(new_user, keys):
    user = new_user(permissions={"/": ["list", "upload"]})
    user.home.mkdir(parents=True)
    random_file(user.home / "file", 5)
    status, output, errors = ssh(user, "md5sum file", keys["ed25519"])
    assert (status, output, errors) == (1, "", "md5sum: file: Permission denied\n")


def test_cd_and_pwd(new_user, keys):
    assert ssh(new_user(), "pwd", keys["ed25519"])[:2] == (0, "/\n")
    user = new_user(filters={"start_directory": "/in/here"})
    assert ssh(user, "pwd", keys["ed25519"])[:2] == (0, "/in/here\n")
    assert ssh(user, "cd anywhere", keys["ed25519"]) == (0, "", "")


def test_a_shell_is_none(user, keys, tmp_path):
    witness = tmp_path / "witness"
    user.home.mkdir(parents=True)
    for line in (f"md5sum; touch {witness}", f"md5sum `touch {witness}`", f"md5sum $(touch {witness})",
                 f"pwd > {witness}", f"pwd && touch {witness}", f"pwd\ntouch {witness}", f"sh -c 'touch {witness}'"):
        ssh(user, line, keys["ed25519"])
    assert not witness.exists() and list(user.home.iterdir()) == []


@pytest.mark.parametrize("line", ["id", "sha512sum x", "rsync --server . .", "sftpgo-remove x", "''", "\\", "'open",
                                  "x" * 5000, "bash -i"])
def test_what_is_not_enabled_is_refused(user, keys, line):
    status, output, errors = ssh(user, line, keys["ed25519"])
    assert status == 127 and output == "" and errors.startswith("ferry: ")


def test_commands_that_are_not_known_are_warned_of(make_server, public_keys, keys):
    server = make_server({"FERRY_SFTPD__ENABLED_SSH_COMMANDS": "pwd,frobnicate"})
    assert "frobnicate is not supported" in server.log()
    user = server.create_user("few", public_keys=public_keys)
    assert ssh(user, "pwd", keys["ed25519"])[0] == 0
    assert ssh(user, "md5sum", keys["ed25519"])[0] == 127
    with pytest.raises(ClientFailed):
        run(["scp", "-O", *ssh_options(user, keys["ed25519"]), f"{user.name}@127.0.0.1:x", "/dev/null"])


def test_a_running_command_is_listed_and_can_be_closed(user):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect("127.0.0.1", user.server.sftp_port, user.name, user.password, allow_agent=False,
                   look_for_keys=False, timeout=20)
    channel = client.get_transport().open_session()
    channel.exec_command("sha256sum -")
    channel.sendall(b"x")
    mine = []
    while not mine:
        mine = [one for one in user.server.api("GET", "/connections") if one["username"] == user.name]
    assert mine[0]["command"] == "sha256sum -" and mine[0]["protocol"] == "SSH"
    user.server.api("DELETE", f"/connections/{mine[0]['connection_id']}")
    channel.settimeout(20)
    assert channel.recv(10) == b""
    client.close()


def test_rclone_checks_by_digest(user, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("one", "two words", "it's"):
        random_file(source / name, 20_000)
    rclone(user, "--sftp-disable-hashcheck=false", "copy", "--checksum", str(source), "remote:there")
    rclone(user, "--sftp-disable-hashcheck=false", "check", str(source), "remote:there")
    # One file a run: with several at once this rclone forgets which commands it has found.
    for path in source.iterdir():
        listing = rclone(user, "--sftp-disable-hashcheck=false", "hashsum", "sha1", f"remote:there/{path.name}")
        assert listing == f"{hashlib.sha1(path.read_bytes()).hexdigest()}  {path.name}\n"
