"""Commands over SSH, as ssh, rclone and others run them."""
import hashlib
import os
import stat
import subprocess

import pytest

from clients import ClientFailed, Paramiko, askpass, digest, random_file, rclone, run, same, ssh_options
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


def make_tree(folder):
    (folder / "inner" / "deeper").mkdir(parents=True)
    (folder / "empty").mkdir()
    random_file(folder / "inner" / "deeper" / "a file", 3_000_000)
    random_file(folder / "small", 0)
    (folder / "small").chmod(0o640)
    (folder / "link").symlink_to("inner")


def tree(folder):
    found = {}
    for path in folder.rglob("*"):
        kind = os.readlink(path) if path.is_symlink() else digest(path) if path.is_file() else "directory"
        found[str(path.relative_to(folder))] = (kind, stat.S_IMODE(path.lstat().st_mode))
    return found


@pytest.mark.parametrize("prefix", ["sftpgo", "ferry"])
def test_server_side_copy_and_remove(everything, keys, prefix):
    home, key = everything.home, keys["ed25519"]
    make_tree(home / "one")
    assert ssh(everything, f"{prefix}-copy one 'two of it'", key) == (0, "", "")
    assert tree(home / "one") == tree(home / "two of it")
    assert ssh(everything, f"{prefix}-copy one/small one/inner/deeper/small", key)[0] == 0
    assert ssh(everything, f"{prefix}-copy 'one/inner/deeper/a file' /one/inner/deeper/small", key)[0] == 0
    assert same(home / "one/inner/deeper/a file", home / "one/inner/deeper/small")
    for line, text in (("one 'two of it'", "File exists"), ("one one/inner/x", "Invalid argument"),
                       ("one one", "Invalid argument"), ("missing x", "No such file"), ("one/small one/inner", ""),
                       ("one", "expected")):
        status, output, errors = ssh(everything, f"{prefix}-copy {line}", key)
        assert status in (1, 2) and output == "" and text in errors
    # A file is never emptied by copying it onto another of its own names.
    data = (home / "one/inner/deeper/a file").read_bytes()
    os.link(home / "one/inner/deeper/a file", home / "hard")
    (home / "soft").symlink_to("hard")
    for line in ("one/inner/deeper/'a file' hard", "hard soft", "soft hard", "one/link/deeper/'a file' hard"):
        assert "Invalid argument" in ssh(everything, f"{prefix}-copy {line}", key)[2]
        assert (home / "hard").read_bytes() == data
    assert ssh(everything, f"{prefix}-copy soft solid", key)[0] == 0
    assert (home / "solid").read_bytes() == data and not (home / "solid").is_symlink()
    (home / "ring" / "a").mkdir(parents=True)
    (home / "round").symlink_to("ring")
    assert "Invalid argument" in ssh(everything, f"{prefix}-copy round/a ring/a/again", key)[2]  # and not for ever
    assert ssh(everything, f"{prefix}-remove ring", key)[0] == 0 and not (home / "ring").exists()
    assert ssh(everything, f"{prefix}-remove 'two of it'", key) == (0, "", "")
    assert not (home / "two of it").exists() and (home / "one" / "inner" / "deeper").exists()
    assert ssh(everything, f"{prefix}-remove one/small", key)[0] == 0
    assert ssh(everything, f"{prefix}-remove one/link", key)[0] == 0
    assert (home / "one" / "inner").exists() and not (home / "one" / "link").is_symlink()
    for line in ("missing", "", "a b"):
        assert ssh(everything, f"{prefix}-remove {line}", key)[0] in (1, 2)


def test_copy_and_remove_need_their_rights(make_server, public_keys, keys, tmp_path):
    server = make_server(ALL)
    key = keys["ed25519"]
    rights = ["list", "download", "upload", "create_dirs", "overwrite"]
    for missing in ("copy", "download", "upload"):
        user = server.create_user(f"no-{missing}", public_keys=public_keys,
                                  permissions={"/": [one for one in [*rights, "copy"] if one != missing]})
        user.home.mkdir(parents=True)
        random_file(user.home / "file", 10)
        assert "Permission denied" in ssh(user, "sftpgo-copy file other", key)[2]
        assert "Permission denied" in ssh(user, "sftpgo-remove file", key)[2]
    server.api("POST", "/folders", {"name": "aside", "mapped_path": str(tmp_path / "aside")})
    user = server.create_user("mounted", public_keys=public_keys, virtual_folders=[
        {"name": "aside", "virtual_path": "/a/mount", "quota_size": 0, "quota_files": 0}])
    (user.home / "a").mkdir(parents=True)
    random_file(user.home / "a" / "file", 10)
    assert ssh(user, "sftpgo-remove a", key)[0] == 1 and (user.home / "a" / "file").exists()
    assert ssh(user, "sftpgo-copy a/file a/mount/file", key)[0] == 0
    assert same(user.home / "a" / "file", tmp_path / "aside" / "file")


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
    client = Paramiko(user).client
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
