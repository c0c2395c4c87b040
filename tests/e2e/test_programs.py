"""What holds for all programs that are run for clients: limits, hooks, and their end."""
import os
import signal
import stat
import subprocess
import time

import pytest

from clients import ClientFailed, Paramiko, random_file, run, same, wait_for
from program_tools import ENABLED, children, git, on_disk, rsync, ssh_program, url, used
from test_ssh_commands import ssh


@pytest.fixture
def user(programs):
    return programs()


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
    assert "Disk quota exceeded" in failure.value.output
    assert [path.name for path in user.home.iterdir()] == ["small"]  # rsync has removed what it had of the other
    random_file(user.home / "there", 5_000_000)
    rsync(user, keys["ed25519"], ":there", tmp_path / "back")  # leaving costs nothing
    assert same(user.home / "there", tmp_path / "back")


# rsync's status for "File too large". Its client ends ssh at once then, often before ssh has shown the text.
cannot_write = "exited with 11"


@pytest.mark.parametrize("options", [["-z"], ["-S"], ["-zS", "--inplace"], ["--compress-choice=zlib", "--whole-file"],
                                     ["--preallocate"]])
def test_quota_counts_what_is_stored_and_not_what_is_sent(programs, tmp_path, keys, options):
    """A gigabyte of zeros is a megabyte on the wire, and as many files of them as one likes."""
    user = programs(quota_size=10_000_000)
    source = tmp_path / "source"
    source.mkdir()
    with open(source / "large", "wb") as file:
        file.truncate(1_000_000_000)
    with pytest.raises(ClientFailed) as failure:
        rsync(user, keys["ed25519"], "-r", *options, f"{source}/", ":there")
    assert "quota exceeded" in failure.value.output or cannot_write in str(failure.value)
    assert on_disk(user.home) <= 11_000_000
    (source / "large").unlink()
    for index in range(300):
        with open(source / f"f{index}", "wb") as file:
            file.truncate(9_000_000)
    with pytest.raises(ClientFailed) as failure:
        rsync(user, keys["ed25519"], "-r", *options, f"{source}/", ":there")
    assert "rsync is ended: quota exceeded" in user.server.log() or cannot_write in str(failure.value)
    assert on_disk(user.home) < 2_000_000_000  # of 2.7 GB: what a busy machine writes until the next look
    wait_for(lambda: used(user, "size") == on_disk(user.home), "the count")


def test_quota_files_hold_for_programs(programs, tmp_path, keys):
    user = programs(quota_files=20)
    source = tmp_path / "source"
    source.mkdir()
    for index in range(20):
        (source / f"f{index}").write_text("x")
    rsync(user, keys["ed25519"], "-r", f"{source}/", ":there")
    wait_for(lambda: used(user, "files") == 20, "the count")
    (user.home / "there" / "f0").unlink()
    user.server.api("POST", f"/quotas/users/{user.name}/scan")
    wait_for(lambda: used(user, "files") == 19, "the count")
    for index in range(2000):
        (source / f"g{index}").write_text("x")
    with pytest.raises(ClientFailed) as failure:
        rsync(user, keys["ed25519"], "-r", f"{source}/", ":there")
    assert "quota exceeded" in failure.value.output


def test_what_rsync_removes_when_it_was_fetched_is_counted(programs, tmp_path, keys):
    user = programs(quota_size=10_000)
    rsync(user, keys["ed25519"], random_file(tmp_path / "source", 9000), ":there")
    wait_for(lambda: used(user, "size") == 9000, "the count")
    rsync(user, keys["ed25519"], "--remove-source-files", ":there", tmp_path / "back")
    assert same(tmp_path / "source", tmp_path / "back") and not (user.home / "there").exists()
    wait_for(lambda: used(user, "size") == 0, "the count")


def test_a_full_account_may_still_replace_its_files(programs, tmp_path, keys):
    user = programs(quota_size=10_000_000)
    source = random_file(tmp_path / "source", 8_000_000)
    rsync(user, keys["ed25519"], source, ":there")
    wait_for(lambda: used(user, "size") == 8_000_000, "the count")
    random_file(source, 8_000_000)
    rsync(user, keys["ed25519"], "--ignore-times", source, ":there")
    assert same(source, user.home / "there") and [path.name for path in user.home.iterdir()] == ["there"]


def test_git_keeps_to_the_quota(programs, tmp_path, keys):
    user = programs(quota_size=3_000_000)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", user.home / "repo.git"], check=True)
    clone = tmp_path / "clone"
    git(user, keys["ed25519"], "clone", "-q", url(user, "repo.git"), clone)
    for count, size in ((1, 100_000), (1, 8_000_000)):
        random_file(clone / f"file{size}", size)
        git(user, keys["ed25519"], "add", ".", folder=clone)
        git(user, keys["ed25519"], "commit", "-qm", "more", folder=clone)
        if size < 3_000_000:
            git(user, keys["ed25519"], "push", "-q", "origin", "HEAD:main", folder=clone)
    with pytest.raises(ClientFailed):
        git(user, keys["ed25519"], "push", "-q", "origin", "HEAD:main", folder=clone)
    assert on_disk(user.home) < 5_000_000


@pytest.mark.parametrize("options", [[], ["-z"], ["-S"], ["--inplace"]])
def test_max_upload_file_size_holds_for_programs(programs, tmp_path, keys, options):
    user = programs(filters={"max_upload_file_size": 100_000})
    good, large = random_file(tmp_path / "good", 100_000), tmp_path / "large"
    rsync(user, keys["ed25519"], *options, good, ":")
    assert same(good, user.home / "good")
    with open(large, "wb") as file:
        file.truncate(100_001)
    with pytest.raises(ClientFailed) as failure:
        rsync(user, keys["ed25519"], *options, large, ":")
    assert cannot_write in str(failure.value)
    assert all(path.stat().st_size <= 100_000 for path in user.home.rglob("*"))


def test_programs_are_refused_where_hooks_decide_about_files(make_server, public_keys, keys, tmp_path):
    """They would store, remove or read files that the hook was never asked about."""
    source = random_file(tmp_path / "source", 10)
    for action, receives, sends in (("pre-upload", False, True), ("pre-delete", False, True),
                                    ("pre-download", True, False), ("upload", True, True)):
        server = make_server(ENABLED | {"FERRY_COMMON__ACTIONS__EXECUTE_ON": action,
                                        "FERRY_COMMON__ACTIONS__HOOK": "/bin/true"})
        user = server.create_user(action, public_keys=public_keys)
        user.home.mkdir(parents=True, exist_ok=True)
        random_file(user.home / "there", 10)
        for allowed, arguments in ((receives, [source, ":"]), (sends, [":there", tmp_path / "back"])):
            if allowed:
                rsync(user, keys["ed25519"], *arguments)
                continue
            with pytest.raises(ClientFailed) as failure:
                rsync(user, keys["ed25519"], *arguments)
            assert "Operation not supported" in failure.value.output
            assert f'hook of \\"{action}\\"' in server.log()


def test_data_transfer_quotas_hold_for_programs(programs, tmp_path, keys):
    mb = 1024 * 1024
    large = random_file(tmp_path / "large", 3 * mb)

    def moved(user, what):
        return user.server.api("GET", f"/users/{user.name}").get(f"used_{what}_data_transfer", 0)

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
