"""The stock OpenSSH sftp and scp: what every user does first."""
import os
import re
import socket

import pytest

from clients import ClientFailed, digest, random_file, run, same, scp, sftp, ssh_options

LOGINS = ["password", "ed25519", "ecdsa", "rsa"]


@pytest.mark.parametrize("login", LOGINS)
def test_upload_and_download(user, keys, tmp_path, login):
    key = keys.get(login)
    source = random_file(tmp_path / "source", 3_000_001)
    sftp(user, [f"put {source} there", f"get there {tmp_path}/back"], key)
    assert same(source, user.home / "there")
    assert same(source, tmp_path / "back")


@pytest.mark.parametrize("size", [0, 1, 32767, 32768, 32769, 261120, 262144, 262145])
def test_sizes_around_packets_survive(user, keys, tmp_path, size):
    source = random_file(tmp_path / "source", size)
    sftp(user, [f"put {source} there", f"get there {tmp_path}/back"], keys["ed25519"])
    assert (user.home / "there").stat().st_size == size
    assert same(source, tmp_path / "back")


def test_list_rename_remove_and_directories(user, keys, tmp_path):
    source = random_file(tmp_path / "source", 1000)
    listing = sftp(user, [f"put {source} one", "mkdir folder", f"put {source} folder/two", "rename one renamed",
                          "ls -1", "ls -l folder"], keys["ed25519"])
    assert re.search(r"^renamed$", listing, re.MULTILINE) and re.search(r"^folder/?$", listing, re.MULTILINE)
    assert not re.search(r"^one$", listing, re.MULTILINE)
    assert re.search(r"^-rw\S* .* 1000 .* two$|^-rw\S* .* 1000 .* folder/two$", listing, re.MULTILINE)
    sftp(user, ["rm renamed", "rm folder/two", "rmdir folder"], keys["ed25519"])
    assert list(user.home.iterdir()) == []


def test_rename_replaces_an_existing_file(user, keys, tmp_path):
    new, old = random_file(tmp_path / "new", 500), random_file(tmp_path / "old", 700)
    sftp(user, [f"put {new} new", f"put {old} old", "rename new old"], keys["ed25519"])
    assert same(new, user.home / "old") and not (user.home / "new").exists()


def test_ls_of_a_link_shows_what_is_in_it(user, keys):
    (user.home / "folder").mkdir(parents=True)
    (user.home / "folder/inside").touch()
    os.symlink("folder", user.home / "link")
    assert "link/inside" in sftp(user, ["ls link/"], keys["ed25519"])


def test_special_files_are_listed_as_what_they_are(user, keys):
    user.home.mkdir(parents=True)
    os.mkfifo(user.home / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(user.home, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{here}/socket")  # the whole path may be longer than an address can be
        os.close(here)
        listing = sftp(user, ["ls -l"], keys["ed25519"])
    assert re.search(r"^p.* fifo$", listing, re.MULTILINE) and re.search(r"^s.* socket$", listing, re.MULTILINE)


@pytest.mark.parametrize("command", ["get missing", "rm missing", "ls missing", "rmdir missing", "rename missing x"])
def test_a_missing_file_is_told_as_such(user, keys, command):
    with pytest.raises(ClientFailed) as failure:
        sftp(user, [command], keys["ed25519"])
    assert re.search("no such file|not found", failure.value.output, re.IGNORECASE)


def tree(folder):
    return {str(path.relative_to(folder)): digest(path) if path.is_file() else None for path in folder.rglob("*")}


def test_recursive_put_and_get(user, keys, tmp_path):
    source = tmp_path / "source"
    for index in range(20):
        folder = source / f"folder{index % 4}" / "deep"
        folder.mkdir(parents=True, exist_ok=True)
        random_file(folder / f"file {index}", 5000 + index)
    (source / "empty").mkdir()
    sftp(user, [f"put -r {source} copy", f"get -r copy {tmp_path}/back"], keys["ed25519"])
    assert tree(user.home / "copy") == tree(source)
    assert tree(tmp_path / "back") == tree(source)


def test_put_keeps_times_and_mode(user, keys, tmp_path):
    source = random_file(tmp_path / "source", 100)
    source.chmod(0o640)
    os.utime(source, (1_000_000_000, 1_100_000_000))
    sftp(user, [f"put -p {source} there"], keys["ed25519"])
    result = (user.home / "there").stat()
    assert int(result.st_mtime) == 1_100_000_000 and result.st_mode & 0o777 == 0o640


def test_reput_resumes_an_upload(user, keys, tmp_path):
    source = random_file(tmp_path / "source", 2_000_000)
    user.home.mkdir(parents=True, exist_ok=True)
    (user.home / "there").write_bytes(source.read_bytes()[:700_000])
    sftp(user, [f"reput {source} there"], keys["ed25519"])
    assert same(source, user.home / "there")


def test_reget_resumes_a_download(user, keys, tmp_path):
    source = random_file(tmp_path / "source", 2_000_000)
    sftp(user, [f"put {source} there"], keys["ed25519"])
    (tmp_path / "back").write_bytes(source.read_bytes()[:700_000])
    sftp(user, [f"reget there {tmp_path}/back"], keys["ed25519"])
    assert same(source, tmp_path / "back")


def test_links_space_and_other_extensions(user, keys, tmp_path):
    source = random_file(tmp_path / "source", 4000)
    output = sftp(user, [f"put {source} file", "symlink file soft", "ln file hard", "chmod 600 file", "df -h", "pwd",
                         "cp file copied", "ls -l soft"], keys["ed25519"])
    assert (user.home / "soft").is_symlink()
    assert (user.home / "hard").stat().st_ino == (user.home / "file").stat().st_ino
    assert (user.home / "file").stat().st_mode & 0o777 == 0o600
    assert same(source, user.home / "copied")
    assert "Remote working directory: /\n" in output and "%" in output
    assert str(user.home) not in output


def test_names_that_are_not_ascii(user, keys, tmp_path):
    name = "naïve ☂ file"
    source = random_file(tmp_path / name, 100)
    assert name in sftp(user, [f'put "{source}"', "ls -1"], keys["ed25519"])
    assert same(source, user.home / name)


@pytest.mark.parametrize("login", ["password", "ed25519"])
@pytest.mark.parametrize("size", [0, 5_000_000])
def test_scp_both_ways(user, keys, tmp_path, login, size):
    source = random_file(tmp_path / "source", size)
    scp(user, [source], ":there", keys.get(login))
    scp(user, [":there"], tmp_path / "back", keys.get(login))
    assert same(source, user.home / "there") and same(source, tmp_path / "back")


def test_scp_recursive(user, keys, tmp_path):
    source = tmp_path / "source"
    (source / "inner").mkdir(parents=True)
    random_file(source / "inner" / "file", 10_000)
    scp(user, [source], ":/", keys["ed25519"], ["-r"])
    scp(user, [":/source"], tmp_path / "back", keys["ed25519"], ["-r"])
    assert tree(user.home / "source") == tree(source) == tree(tmp_path / "back")


def test_nothing_outside_the_home_is_reached(user, keys, tmp_path):
    outside = random_file(tmp_path / "outside", 10)
    user.home.mkdir(parents=True, exist_ok=True)
    (user.home / "escape").symlink_to(outside)
    for path in ("escape", str(outside), f"../../../../..{outside}"):
        with pytest.raises(ClientFailed):
            sftp(user, [f"get {path} {tmp_path}/stolen"], keys["ed25519"])
    assert not (tmp_path / "stolen").exists() or (tmp_path / "stolen").stat().st_size == 0


def test_a_shell_is_refused(user, keys):
    with pytest.raises(ClientFailed):
        run(["ssh", *ssh_options(user, keys["ed25519"]), f"{user.name}@127.0.0.1", "id"], timeout=20)


def test_forwarding_is_refused(user, keys):
    with pytest.raises(ClientFailed):
        run(["ssh", *ssh_options(user, keys["ed25519"]), "-W", f"127.0.0.1:{user.server.http_port}",
             f"{user.name}@127.0.0.1"], text="GET /healthz HTTP/1.0\r\n\r\n", timeout=20)
