"""git and rsync over SSH, with the real programs on both sides, and what must not come of it."""
import os
import signal
import stat
import subprocess
import time

import pytest

from clients import ClientFailed, Paramiko, digest, random_file, run, same, ssh_options, wait_for
from test_ssh_commands import ssh

ENABLED = {"FERRY_SFTPD__ENABLED_SSH_COMMANDS": "*"}
NEEDED = ["list", "download", "upload", "overwrite", "delete", "rename", "create_dirs"]


@pytest.fixture(scope="module")
def programs(tmp_path_factory, server, public_keys):
    """make(**fields): an account on a server with every command enabled."""
    from conftest import copy_host_keys, run_server
    from ferry import Ferry
    mine = Ferry(tmp_path_factory.mktemp("programs"), ENABLED)
    copy_host_keys(server, mine)
    running = run_server(mine)
    next(running)
    count = iter(range(1000))

    def make(**fields):
        user = mine.create_user(f"programs{next(count)}", **({"public_keys": public_keys} | fields))
        user.home.mkdir(parents=True, exist_ok=True)
        return user

    yield make
    next(running, None)


@pytest.fixture
def user(programs):
    return programs()


def ssh_program(user, key):
    return "ssh " + " ".join(str(option) for option in ssh_options(user, key))


def git(user, key, *arguments, folder=None):
    environment = {"GIT_SSH_COMMAND": ssh_program(user, key), "GIT_CONFIG_GLOBAL": "/dev/null",
                   "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a",
                   "GIT_COMMITTER_EMAIL": "a@b"}
    where = ["-C", folder] if folder else []
    return run(["git", "-c", "init.defaultBranch=main", "-c", "protocol.version=2", *where, *arguments], None,
               environment)


def rsync(user, key, *arguments, environment=None):
    full = [f"{user.name}@127.0.0.1{one}" if str(one).startswith(":") else one for one in arguments]
    return run(["rsync", "-e", ssh_program(user, key), *full], None, environment)


def url(user, path):
    return f"{user.name}@127.0.0.1:{path}"


@pytest.fixture
def repository(user, tmp_path, keys):
    """A bare repository on the account, and a clone of it with one commit pushed."""
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", user.home / "repo.git"], check=True)
    clone = tmp_path / "clone"
    git(user, keys["ed25519"], "clone", "-q", url(user, "repo.git"), clone)
    random_file(clone / "file", 50_000)
    git(user, keys["ed25519"], "add", ".", folder=clone)
    git(user, keys["ed25519"], "commit", "-qm", "one", folder=clone)
    git(user, keys["ed25519"], "push", "-q", "origin", "HEAD:main", folder=clone)
    return user.home / "repo.git", clone


def test_git_clone_push_and_fetch(user, repository, tmp_path, keys):
    bare, clone = repository
    for path in ("repo.git", "/repo.git", "repo", "~/repo.git"):
        copy = tmp_path / path.replace("/", "_")
        git(user, keys["ed25519"], "clone", "-q", url(user, path), copy)
        assert same(clone / "file", copy / "file")
    random_file(clone / "large", 3_000_000)
    git(user, keys["ed25519"], "add", ".", folder=clone)
    git(user, keys["ed25519"], "commit", "-qm", "two", folder=clone)
    git(user, keys["ed25519"], "push", "-q", "origin", "HEAD:main", folder=clone)
    git(user, keys["ed25519"], "pull", "-q", folder=tmp_path / "repo.git")
    assert same(clone / "large", tmp_path / "repo.git" / "large")
    git(user, keys["ed25519"], "fsck", "--strict", folder=bare)
    archive = tmp_path / "archive.tar"
    git(user, keys["ed25519"], "archive", "--remote", url(user, "repo.git"), "-o", archive, "HEAD")
    assert b"large" in archive.read_bytes()


def test_a_missing_repository(user, tmp_path, keys):
    with pytest.raises(ClientFailed) as failure:
        git(user, keys["ed25519"], "clone", "-q", url(user, "missing"), tmp_path / "x")
    assert "No such file or directory" in failure.value.output


def test_git_runs_nothing_that_an_account_stored(user, repository, tmp_path, keys):
    bare, clone = repository
    witness = tmp_path / "witness"
    inside = user.home / "repo.git" / "witness"
    script = f"#!/bin/sh\ntouch {witness} {inside}\nexit 0\n"
    for hook in ("pre-receive", "update", "post-receive", "post-update", "reference-transaction", "proc-receive",
                 "push-to-checkout"):
        (bare / "hooks" / hook).write_text(script)
        (bare / "hooks" / hook).chmod(0o755)
    program = bare / "program"
    program.write_text(script)
    program.chmod(0o755)
    (user.home / ".gitconfig").write_text(f"[uploadpack]\n packObjectsHook = {program}\n[core]\n hooksPath = hooks\n")
    with open(bare / "config", "a") as config:
        config.write(f'[core]\n hooksPath = {bare}/hooks\n fsmonitor = {program}\n alternateRefsCommand = {program}\n'
                     f' sshCommand = {program}\n[uploadpack]\n packObjectsHook = {program}\n'
                     f'[receive]\n denyCurrentBranch = updateInstead\n[gc]\n auto = 1\n'
                     f' recentObjectsHook = {program}\n[gpg]\n program = {program}\n'
                     f'[remote "evil"]\n url = ext::{program}\n promisor = true\n[protocol "ext"]\n allow = always\n'
                     f'[filter "x"]\n clean = {program}\n smudge = {program}\n')
    random_file(clone / "more", 1000)
    git(user, keys["ed25519"], "add", ".", folder=clone)
    git(user, keys["ed25519"], "commit", "-qm", "two", folder=clone)
    git(user, keys["ed25519"], "push", "-q", "origin", "HEAD:main", folder=clone)
    git(user, keys["ed25519"], "clone", "-q", url(user, "repo.git"), tmp_path / "again")
    assert same(clone / "more", tmp_path / "again" / "more")
    assert not witness.exists() and not inside.exists()


def test_git_reaches_nothing_outside(user, tmp_path, keys):
    outside = tmp_path / "outside.git"
    subprocess.run(["git", "init", "-q", "--bare", outside], check=True)
    (user.home / "away").symlink_to(outside)
    (user.home / "alias").mkdir()
    (user.home / "alias" / ".git").write_text(f"gitdir: {outside}\n")
    for path in (str(outside), f"../../../../..{outside}", "away", "alias"):
        with pytest.raises(ClientFailed):
            git(user, keys["ed25519"], "clone", "-q", url(user, path), tmp_path / "x")


@pytest.mark.parametrize("line", ["git-upload-pack", "git-upload-pack --help", "git-upload-pack a b",
                                  "git-receive-pack '--x=y'", "git upload-pack repo"])
def test_git_arguments_are_checked(user, keys, line):
    status, _, errors = ssh(user, line, keys["ed25519"])
    assert status in (2, 127) and errors


def tree(folder):
    return {str(path.relative_to(folder)): digest(path) if path.is_file() else None for path in folder.rglob("*")}


def make_tree(folder):
    (folder / "inner").mkdir(parents=True)
    random_file(folder / "one", 2_000_000)
    random_file(folder / "inner" / "two words", 1000)
    os.utime(folder / "one", (1_000_000_000, 1_100_000_000))


def test_rsync_both_ways(user, tmp_path, keys):
    source, back = tmp_path / "source", tmp_path / "back"
    make_tree(source)
    rsync(user, keys["ed25519"], "-a", f"{source}/", ":there")
    assert tree(source) == tree(user.home / "there")
    assert (user.home / "there" / "one").stat().st_mtime == 1_100_000_000
    with open(source / "one", "r+b") as file:
        file.seek(1_000_000)
        file.write(b"changed")
    rsync(user, keys["ed25519"], "-az", "--delete", "--inplace", f"{source}/", ":/there/")
    rsync(user, keys["ed25519"], "-a", ":there/", back)
    assert tree(source) == tree(user.home / "there") == tree(back)
    rsync(user, keys["ed25519"], "-a", ":there", tmp_path / "named")
    assert tree(source) == tree(tmp_path / "named" / "there")
    rsync(user, keys["ed25519"], source / "one", ":")
    rsync(user, keys["ed25519"], ":one", ":there/inner", tmp_path / "several", "-r")
    assert same(source / "one", user.home / "one") and (tmp_path / "several" / "inner" / "two words").exists()
    rsync(user, keys["ed25519"], ":there/inner/two words", tmp_path / "spaces")
    assert same(source / "inner" / "two words", tmp_path / "spaces")


def test_rsync_links_stay_inside(user, programs, tmp_path, keys):
    source = tmp_path / "source"
    source.mkdir()
    random_file(source / "file", 10)
    (source / "good").symlink_to("file")
    (source / "bad").symlink_to("/etc/passwd")
    (source / "worse").symlink_to("../../../x")
    rsync(user, keys["ed25519"], "-a", f"{source}/", ":there")
    assert os.readlink(user.home / "there" / "good") == "file"
    assert not (user.home / "there" / "bad").is_symlink() and not (user.home / "there" / "worse").is_symlink()

    unlinked = programs(permissions={"/": NEEDED + ["chmod", "chtimes"]})
    rsync(unlinked, keys["ed25519"], "-a", f"{source}/", ":there")
    assert os.readlink(unlinked.home / "there" / "good") == "/rsyncd-munged/file"
    assert os.readlink(unlinked.home / "there" / "bad") == "/rsyncd-munged//etc/passwd"


def test_rsync_makes_no_hard_links_without_the_right(user, programs, tmp_path, keys):
    source = tmp_path / "source"
    source.mkdir()
    random_file(source / "one", 100)
    os.link(source / "one", source / "two")
    rsync(user, keys["ed25519"], "-aH", f"{source}/", ":there")
    assert (user.home / "there" / "one").stat().st_nlink == 2
    unlinked = programs(permissions={"/": NEEDED + ["chmod", "chown", "chtimes"]})
    rsync(unlinked, keys["ed25519"], "-a", f"{source}/", ":there")
    for options in (["-aH"], ["-a", "--link-dest=there"]):
        with pytest.raises(ClientFailed) as failure:
            rsync(unlinked, keys["ed25519"], *options, f"{source}/", ":again")
        assert "not allowed" in failure.value.output or "expected" in failure.value.output
    rsync(unlinked, keys["ed25519"], "-aH", ":there/", tmp_path / "back")  # leaving makes none here
    assert {path.stat().st_nlink for path in unlinked.home.rglob("*") if path.is_file()} == {1}


def test_the_default_symlink_mode_holds_for_rsync_too(make_server, public_keys, keys, tmp_path):
    server = make_server(ENABLED | {"FERRY_COMMON__SYMLINK_MODE": "0"})
    user = server.create_user("links", public_keys=public_keys)
    source = tmp_path / "source"
    source.mkdir()
    random_file(source / "file", 10)
    (source / "good").symlink_to("file")
    rsync(user, keys["ed25519"], "-rl", f"{source}/", ":there")
    assert os.readlink(user.home / "there" / "good") == "/rsyncd-munged/file"
    with pytest.raises(ClientFailed):
        rsync(user, keys["ed25519"], "-rH", f"{source}/", ":again")


def test_rsync_changes_attributes_only_with_the_right(user, programs, tmp_path, keys):
    """Modes and times, and with a server that runs as root owners: those of -a without effect, others refused."""
    source = tmp_path / "source"
    source.mkdir()
    file = random_file(source / "file", 10)
    file.chmod(0o750)
    os.utime(file, (1_000_000_000, 1_100_000_000))
    owner, mine = (file.stat().st_uid, file.stat().st_gid), (os.geteuid(), os.getegid())
    if os.geteuid() == 0:
        owner = (4321, 4322)
        os.chown(file, *owner)
    rsync(user, keys["ed25519"], "-a", f"{source}/", ":there")
    there = (user.home / "there" / "file").stat()
    assert (stat.S_IMODE(there.st_mode), there.st_mtime) == (0o750, 1_100_000_000)
    assert (there.st_uid, there.st_gid) == owner

    less = programs(permissions={"/": NEEDED})
    for numeric in ([], ["--numeric-ids"]):
        output = rsync(less, keys["ed25519"], "-a", *numeric, f"{source}/", ":there")
        there = (less.home / "there" / "file").stat()
        assert there.st_mtime != 1_100_000_000 and (there.st_uid, there.st_gid) == mine
    for option in ("-A", "-U", "--usermap=*:0", "--groupmap=*:0"):
        with pytest.raises(ClientFailed) as failure:
            rsync(less, keys["ed25519"], "-r", option, f"{source}/", ":again")
        assert "not allowed" in failure.value.output
    (less.home / "there" / "file").chmod(0o600)
    rsync(less, keys["ed25519"], "-a", f"{source}/", ":there")
    assert stat.S_IMODE((less.home / "there" / "file").stat().st_mode) == 0o600


def test_rsync_makes_no_set_id_files(user, tmp_path, keys):
    source = tmp_path / "source"
    source.mkdir()
    file = random_file(source / "file", 10)
    (source / "inner").mkdir()
    file.chmod(0o6755)
    (source / "inner").chmod(0o3775)
    for target in (":there", ":there"):
        rsync(user, keys["ed25519"], "-a", f"{source}/", target)
        assert stat.S_IMODE((user.home / "there" / "file").stat().st_mode) == 0o755
        assert stat.S_IMODE((user.home / "there" / "inner").stat().st_mode) == 0o1775
    status, _, errors = ssh(user, "rsync --server -re.iLsfxCIvu --chmod=u+s . there", keys["ed25519"])
    assert status == 1 and "not allowed" in errors
    if os.geteuid() == 0:
        with pytest.raises(ClientFailed) as failure:
            rsync(user, keys["ed25519"], "-aX", f"{source}/", ":xattrs")
        assert "option -X is not allowed" in failure.value.output


def test_rsync_reaches_nothing_outside(user, tmp_path, keys):
    outside = tmp_path / "outside"
    make_tree(outside)
    (user.home / "away").symlink_to(outside)
    (user.home / "folder").mkdir()
    (user.home / "folder" / "link").symlink_to(outside / "one")
    back = tmp_path / "back"
    for path in (f"{outside}/", f"../../../../..{outside}/", "away/", "/etc/passwd"):
        with pytest.raises(ClientFailed):
            rsync(user, keys["ed25519"], "-a", f":{path}", back)
    with pytest.raises(ClientFailed):
        rsync(user, keys["ed25519"], "-a", f"{outside}/", ":away/new")
    with pytest.raises(ClientFailed):
        rsync(user, keys["ed25519"], "-aL", ":folder/", back)
    assert not (back / "link").exists() and not (back / "one").exists()
    assert not (outside / "new").exists()


# What a client of one's own could send.
@pytest.mark.parametrize("options", ["--daemon", "-s", "-vLr", "--copy-unsafe-links", "--log-file=/tmp/x",
                                     "--link-dest=/etc", "--compare-dest=../../..", "--config=x", "--rsh=sh",
                                     "--no-munge-links", "--temp-dir=/tmp", "-e/bin/sh", "--write-devices"])
def test_rsync_options_are_checked(user, keys, options):
    for sender in ("", "--sender "):
        status, _, errors = ssh(user, f"rsync --server {sender}{options} . .", keys["ed25519"])
        assert status == 1 and "not allowed" in errors


@pytest.mark.parametrize("line", ["rsync", "rsync --version", "rsync . x", "rsync --server x y", "rsync --server",
                                  "rsync --server . a b"])
def test_what_is_no_request_of_rsync(user, keys, line):
    status, output, errors = ssh(user, line, keys["ed25519"])
    assert status == 1 and errors.startswith("rsync: expected") and output == ""


def test_programs_need_nearly_all_permissions(programs, tmp_path, keys):
    source = random_file(tmp_path / "source", 10)
    for missing in ("list", "download", "upload", "overwrite", "delete", "create_dirs"):
        rights = {"list", "download", "upload", "overwrite", "delete", "rename", "create_dirs"} - {missing}
        user = programs(permissions={"/": sorted(rights)})
        with pytest.raises(ClientFailed) as failure:
            rsync(user, keys["ed25519"], source, ":there")
        assert "Permission denied" in failure.value.output
    deeper = programs(permissions={"/": ["*"], "/a/b": ["list"]})
    (deeper.home / "a" / "b").mkdir(parents=True)
    (deeper.home / "c").mkdir()
    with pytest.raises(ClientFailed):
        rsync(deeper, keys["ed25519"], source, ":a/")
    rsync(deeper, keys["ed25519"], source, ":c/")
    patterns = programs(filters={"file_patterns": [{"path": "/p", "denied_patterns": ["*.x"]}]})
    with pytest.raises(ClientFailed):
        rsync(patterns, keys["ed25519"], source, ":there")


def test_quota_ends_what_receives(programs, tmp_path, keys):
    user = programs(quota_size=1_000_000, quota_files=100)
    small, large = random_file(tmp_path / "small", 100_000), random_file(tmp_path / "large", 5_000_000)
    rsync(user, keys["ed25519"], small, ":")
    with pytest.raises(ClientFailed) as failure:
        rsync(user, keys["ed25519"], large, ":")
    assert "Disk quota exceeded" in failure.value.output and not (user.home / "large").exists()
    random_file(user.home / "there", 5_000_000)
    rsync(user, keys["ed25519"], ":there", tmp_path / "back")  # leaving costs nothing
    assert same(user.home / "there", tmp_path / "back")


def test_data_transfer_quotas_hold_for_programs(programs, tmp_path, keys):
    mb = 1024 * 1024
    large = random_file(tmp_path / "large", 3 * mb)

    def moved(user, what):
        return user.server.api("GET", f"/users/{user.name}")[f"used_{what}_data_transfer"]

    user = programs(upload_data_transfer=1, download_data_transfer=1)
    with pytest.raises(ClientFailed) as failure:
        rsync(user, keys["ed25519"], large, ":")
    assert "Disk quota exceeded" in failure.value.output and not (user.home / "large").exists()
    wait_for(lambda: 0.8 * mb < moved(user, "upload") <= mb, "the count")
    random_file(user.home / "there", 3 * mb)
    with pytest.raises(ClientFailed) as failure:
        rsync(user, keys["ed25519"], ":there", tmp_path / "back")
    assert "Disk quota exceeded" in failure.value.output
    wait_for(lambda: 0.8 * mb < moved(user, "download") <= mb, "the count")


@pytest.mark.parametrize("direction", ["upload", "download"])
def test_bandwidth_holds_for_programs(programs, tmp_path, keys, direction):
    user = programs(**{f"{direction}_bandwidth": 200})
    file = random_file((tmp_path if direction == "upload" else user.home) / "file", 400 * 1024)
    began = time.monotonic()
    if direction == "upload":
        rsync(user, keys["ed25519"], file, ":")
    else:
        rsync(user, keys["ed25519"], ":file", tmp_path / "back")
    assert time.monotonic() - began > 1.5


def test_programs_and_digests_are_shown_as_transfers(user):
    """And what they receive is a sign of life, so that they are not idle."""
    client = Paramiko(user).client

    def shown():
        mine = [one for one in user.server.api("GET", "/connections") if one["username"] == user.name]
        return mine[0] if mine else {}

    def transfer():
        return (shown().get("active_transfers") or [{}])[0]

    for line, path, operation in (("rsync --server -r . there", "/there", "upload"), ("md5sum", "/-", "upload"),
                                  ("rsync --server --sender -r . ", "/", "download")):
        channel = client.get_transport().open_session()
        channel.exec_command(line)
        wait_for(lambda: transfer().get("path") == path, f"the transfer of {line}")
        assert transfer()["operation_type"] == operation
        if operation == "upload":
            # What the program says at first is a sign of life, too: wait until there is none.
            wait_for(lambda: time.time() * 1000 > shown()["last_activity"] + 500, "silence")
            before = shown()["last_activity"]
            channel.sendall(b"\x1f\0\0\0")
            wait_for(lambda: transfer()["size"] == 4, "the bytes")
            assert shown()["last_activity"] > before
        channel.close()
        wait_for(lambda: not shown(), "the end of it")
    client.close()


def test_a_program_that_ends_leaves_no_input_waiting(programs):
    """What the client sent must wait a minute for its turn: nobody needs it any more."""
    user = programs(upload_bandwidth=1)
    client = Paramiko(user).client
    channel = client.get_transport().open_session()
    channel.exec_command("rsync --server -r . there")
    wait_for(lambda: children(user), "the program")
    program = int(children(user)[0])
    os.kill(program, signal.SIGSTOP)  # it would end by itself, of what it is sent
    channel.sendall(b"x" * 60_000)
    time.sleep(0.2)
    os.kill(program, signal.SIGKILL)
    began = time.monotonic()
    assert channel.recv_exit_status() == 128 + 9
    assert time.monotonic() - began < 30
    client.close()


def test_a_stopping_server_waits_for_programs(make_server, public_keys, keys, tmp_path):
    server = make_server(ENABLED, ["--grace-time", "60"])
    user = server.create_user("patient", public_keys=public_keys, upload_bandwidth=200)
    file = random_file(tmp_path / "file", 600 * 1024)
    client = subprocess.Popen(["rsync", "-e", ssh_program(user, keys["ed25519"]), file,
                               f"{user.name}@127.0.0.1:file"])
    wait_for(lambda: any(one.get("active_transfers") for one in server.api("GET", "/connections")), "the transfer")
    server.process.terminate()
    assert client.wait(60) == 0 and same(file, user.home / "file")


def test_virtual_folders_are_in_the_way(programs, tmp_path, keys):
    user = programs()
    user.server.api("POST", "/folders", {"name": "aside", "mapped_path": str(tmp_path / "aside")})
    user.update(virtual_folders=[{"name": "aside", "virtual_path": "/mount/point", "quota_size": 0,
                                  "quota_files": 0}])
    (user.home / "free").mkdir()
    source = random_file(tmp_path / "source", 10)
    for path in (":", ":mount/", ":mount/point/"):
        with pytest.raises(ClientFailed):
            rsync(user, keys["ed25519"], "-r", source, path)
    rsync(user, keys["ed25519"], source, ":free/")
    user.update(virtual_folders=[{"name": "aside", "virtual_path": "/", "quota_size": 0, "quota_files": 0}])
    for path in (":", ":free/", ":new"):
        with pytest.raises(ClientFailed) as failure:
            rsync(user, keys["ed25519"], "-r", source, path)
        assert "Operation not supported" in failure.value.output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_a_program_runs_as_the_account(programs, tmp_path, keys):
    user = programs(uid=12345, gid=12346)
    os.chown(user.home, 12345, 12346)
    for parent in user.home.parents:
        if parent.is_relative_to("/tmp") and parent != parent.parent and str(parent) != "/tmp":
            parent.chmod(parent.stat().st_mode | stat.S_IXOTH)
    rsync(user, keys["ed25519"], random_file(tmp_path / "source", 10), ":there")
    assert ((user.home / "there").stat().st_uid, (user.home / "there").stat().st_gid) == (12345, 12346)


def children(user):
    pid = user.server.process.pid
    out = subprocess.run(["ps", "--ppid", str(pid), "-o", "pid="], capture_output=True, text=True, check=False).stdout
    return out.split()


def test_a_program_ends_with_its_session(user):
    """The client vanishes, or an administrator closes the session: nothing is left running."""
    for way in ("vanish", "close", "eof then vanish"):
        client = Paramiko(user).client
        channel = client.get_transport().open_session()
        channel.exec_command("rsync --server -r . there")
        wait_for(lambda: children(user), "the program")
        if way == "close":
            mine = [one for one in user.server.api("GET", "/connections") if one["username"] == user.name]
            user.server.api("DELETE", f"/connections/{mine[0]['connection_id']}")
        elif way == "vanish":
            client.get_transport().sock.close()
        else:
            channel.sendall(b"\x1f\0\0\0")  # a protocol version, then silence
            time.sleep(0.2)
            client.close()
        wait_for(lambda: not children(user), f"the program to end: {way}")
        client.close()


def test_the_server_answers_others_while_programs_run(user, new_user, tmp_path, keys):
    client = Paramiko(user).client
    channels = []
    for _ in range(8):
        channel = client.get_transport().open_session()
        channel.exec_command("rsync --server -r . there")
        channels.append(channel)
    began = time.monotonic()
    assert ssh(user, "pwd", keys["ed25519"])[0] == 0
    assert time.monotonic() - began < 5
    client.close()
    wait_for(lambda: not children(user), "the programs to end")
