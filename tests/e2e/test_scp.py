"""The legacy scp protocol: OpenSSH's `scp -O`, PuTTY's `pscp -scp`, and clients that break it."""
import asyncio
import os
import re
import time

import asyncssh
import paramiko
import pytest

from clients import ClientFailed, asyncssh_connect, digest, random_file, run, same, scp, ssh_options

SIZES = [0, 1, 32768, 262144, 262145, 3_000_001]


def tree(folder):
    return {str(path.relative_to(folder)): digest(path) if path.is_file() else None for path in folder.rglob("*")}


def old_scp(user, sources, target, key=None, options=()):
    scp(user, sources, target, key, ["-O", *options])


@pytest.fixture
def pscp(user, host_key_fingerprint):
    def call(*arguments):
        full = [f"{user.name}@127.0.0.1{one}" if str(one).startswith(":") else one for one in arguments]
        return run(["pscp", "-scp", "-batch", "-q", "-P", user.server.sftp_port, "-hostkey", host_key_fingerprint,
                    "-pw", user.password, *full], None, {"HOME": str(user.server.config_dir)})
    return call


class Raw:
    """A client of its own: what it sends and what comes back, byte by byte."""

    def __init__(self, user, command):
        self.client = paramiko.SSHClient()
        self.client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        self.client.connect("127.0.0.1", user.server.sftp_port, user.name, user.password, allow_agent=False,
                            look_for_keys=False, timeout=20)
        self.channel = self.client.get_transport().open_session()
        self.channel.settimeout(20)
        self.channel.exec_command(command)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()

    def send(self, data):
        self.channel.sendall(data)
        return self

    def receive(self, size):
        data = b""
        while len(data) < size:
            piece = self.channel.recv(size - len(data))
            assert piece, f"the server ended the conversation after {data}"
            data += piece
        return data

    def rest(self):
        data = b""
        while piece := self.channel.recv(65536):
            data += piece
        return data

    def status(self):
        return self.channel.recv_exit_status()


@pytest.mark.parametrize("size", SIZES)
def test_files_go_both_ways(user, keys, tmp_path, size):
    source = random_file(tmp_path / "source", size)
    old_scp(user, [source], ":there", keys["ed25519"])
    old_scp(user, [":there"], tmp_path / "back", keys["ed25519"])
    assert same(source, user.home / "there") and same(source, tmp_path / "back")


def test_with_a_password(user, tmp_path):
    source = random_file(tmp_path / "source", 100_000)
    old_scp(user, [source], ":there")
    assert same(source, user.home / "there")


def make_tree(folder):
    (folder / "inner" / "deeper").mkdir(parents=True)
    (folder / "empty").mkdir()
    for index in range(20):
        random_file(folder / "inner" / f"file {index}", index * 1000)
    random_file(folder / "inner" / "deeper" / "last", 300_000)


def test_directories_go_both_ways(user, keys, tmp_path):
    source = tmp_path / "source"
    make_tree(source)
    old_scp(user, [source], ":", keys["ed25519"], ["-r"])
    old_scp(user, [source], ":renamed", keys["ed25519"], ["-r"])
    old_scp(user, [":source"], tmp_path / "back", keys["ed25519"], ["-r"])
    assert tree(source) == tree(user.home / "source") == tree(user.home / "renamed") == tree(tmp_path / "back")


def test_the_whole_home_can_be_fetched(user, keys, tmp_path):
    make_tree(user.home)
    old_scp(user, [":/"], tmp_path / "back", keys["ed25519"], ["-r"])
    assert tree(user.home) == tree(tmp_path / "back")


def test_times_and_modes_are_kept(user, keys, tmp_path):
    source = tmp_path / "source"
    make_tree(source)
    (source / "inner" / "file 3").chmod(0o640)
    (source / "inner").chmod(0o750)
    for path in [*source.rglob("*"), source]:
        os.utime(path, (1_000_000_000, 1_100_000_000))
    old_scp(user, [source], ":", keys["ed25519"], ["-rp"])
    old_scp(user, [":source"], tmp_path / "back", keys["ed25519"], ["-rp"])
    for copy in (user.home / "source", tmp_path / "back"):
        for path in [*source.rglob("*"), source]:
            found = (copy / path.relative_to(source)).stat()
            assert found.st_mtime == 1_100_000_000
            assert found.st_mode == path.stat().st_mode


def test_several_sources(user, keys, tmp_path):
    sources = [random_file(tmp_path / name, 1000) for name in ("one", "two", "three")]
    (user.home / "folder").mkdir(parents=True)
    old_scp(user, sources, ":folder", keys["ed25519"])
    assert sorted(path.name for path in (user.home / "folder").iterdir()) == ["one", "three", "two"]
    with pytest.raises(ClientFailed) as failure:
        old_scp(user, sources, ":missing", keys["ed25519"])
    assert "No such file or directory" in failure.value.output
    assert not (user.home / "missing").exists()


NAMES = ["a name with spaces", "it's", 'a "quoted" one', "back\\slash", "dollar $HOME", "star*", "semi;colon", "a&b",
         "(paren)", "`tick`", "umläut", "-dash"]


@pytest.mark.parametrize("name", NAMES)
def test_hostile_names(user, keys, tmp_path, name):
    source = random_file(tmp_path / name, 1000)
    quoted = ":./'" + name.replace("'", "'\\''") + "'"
    old_scp(user, [source], quoted, keys["ed25519"])
    assert same(source, user.home / name)
    back = tmp_path / "back"
    back.mkdir()
    # The client itself compares the name it gets with what was typed, and knows backslashes only.
    escaped = ":./" + re.sub(r"([^\w./-])", r"\\\1", name, flags=re.ASCII)
    old_scp(user, [escaped], back / "file", keys["ed25519"])
    assert same(source, back / "file")


def test_wildcards_stand_for_what_matches(user, keys, tmp_path):
    user.home.mkdir(parents=True)
    for name in ("a.txt", "b.txt", "c.bin", ".hidden.txt", "star*.txt"):
        random_file(user.home / name, 500)
    for folder in ("x1", "x2"):
        (user.home / folder).mkdir()
        random_file(user.home / folder / "same", 10)
    back = tmp_path / "back"
    back.mkdir()
    old_scp(user, [":*.txt"], back, keys["ed25519"])
    assert sorted(path.name for path in back.iterdir()) == ["a.txt", "b.txt", "star*.txt"]
    only = tmp_path / "only"
    only.mkdir()
    old_scp(user, [":star\\*.txt", ":[bc].*"], only, keys["ed25519"])
    assert sorted(path.name for path in only.iterdir()) == ["b.txt", "c.bin", "star*.txt"]
    old_scp(user, [":x?/same"], only, keys["ed25519"])
    with pytest.raises(ClientFailed) as failure:
        old_scp(user, [":*.none"], only, keys["ed25519"])
    assert "No such file or directory" in failure.value.output


def test_between_two_accounts(new_user, keys, tmp_path):
    one, two = new_user(), new_user()
    one.home.mkdir(parents=True)
    source = random_file(one.home / "file", 700_000)
    port = one.server.sftp_port
    run(["scp", "-O", "-3", *ssh_options(one, keys["ed25519"]), f"scp://{one.name}@127.0.0.1:{port}/file",
         f"scp://{two.name}@127.0.0.1:{port}/copy"])
    assert same(source, two.home / "copy")


def test_the_rest_follows_what_fails(user, keys, tmp_path):
    """One file that cannot be stored or sent costs that file alone, and the exit status."""
    source = tmp_path / "source"
    source.mkdir()
    for name in ("a", "b", "c"):
        random_file(source / name, 100_000)
    (user.home / "source" / "b").mkdir(parents=True)
    with pytest.raises(ClientFailed) as failure:
        old_scp(user, [source], ":", keys["ed25519"], ["-r"])
    assert "b: Is a directory" in failure.value.output
    assert same(source / "a", user.home / "source" / "a") and same(source / "c", user.home / "source" / "c")

    (user.home / "source" / "b").rmdir()
    (user.home / "source" / "b").symlink_to("nowhere")
    with pytest.raises(ClientFailed) as failure:
        old_scp(user, [":source"], tmp_path / "back", keys["ed25519"], ["-r"])
    assert "b: No such file or directory" in failure.value.output
    assert same(source / "a", tmp_path / "back" / "a") and same(source / "c", tmp_path / "back" / "c")


def test_permissions_hold(new_user, keys, tmp_path):
    user = new_user(permissions={"/": ["list", "download"], "/in": ["list", "upload"]})
    (user.home / "in").mkdir(parents=True)
    source = random_file(tmp_path / "source", 1000)
    with pytest.raises(ClientFailed) as failure:
        old_scp(user, [source], ":file", keys["ed25519"])
    assert "Permission denied" in failure.value.output and not (user.home / "file").exists()
    old_scp(user, [source], ":in/file", keys["ed25519"])
    with pytest.raises(ClientFailed) as failure:
        old_scp(user, [source], ":in/file", keys["ed25519"])
    assert "Permission denied" in failure.value.output
    with pytest.raises(ClientFailed):
        old_scp(user, [":in/file"], tmp_path / "back", keys["ed25519"])


def test_nothing_outside_the_home_is_reached(user, keys, tmp_path):
    outside = random_file(tmp_path / "outside", 10)
    user.home.mkdir(parents=True)
    (user.home / "escape").symlink_to(outside)
    (user.home / "away").symlink_to(tmp_path)
    source = random_file(tmp_path / "source", 20)
    for path in ("escape", str(outside), f"../../../..{outside}", "away/outside"):
        with pytest.raises(ClientFailed):
            old_scp(user, [f":{path}"], tmp_path / "stolen", keys["ed25519"])
        with pytest.raises(ClientFailed):
            old_scp(user, [source], f":{path}", keys["ed25519"])
    assert outside.stat().st_size == 10 and not (tmp_path / "stolen").exists()


def test_a_ring_of_links_ends(user, keys, tmp_path):
    (user.home / "folder").mkdir(parents=True)
    random_file(user.home / "folder" / "file", 10)
    (user.home / "folder" / "again").symlink_to(".")
    with pytest.raises(ClientFailed) as failure:
        old_scp(user, [":folder"], tmp_path / "back", keys["ed25519"], ["-r"])
    assert "too many levels" in failure.value.output
    assert (tmp_path / "back" / "file").exists()


def test_links_to_directories_do_not_multiply(user, keys, tmp_path):
    """Ten links to itself would be a hundred million copies; eight levels of two links each 256 of the last one."""
    (user.home / "folder").mkdir(parents=True)
    random_file(user.home / "folder" / "file", 10)
    for index in range(10):
        (user.home / "folder" / f"again{index}").symlink_to("../folder")
    with pytest.raises(ClientFailed) as failure:
        old_scp(user, [":folder"], tmp_path / "back", keys["ed25519"], ["-r"])
    assert "too many levels" in failure.value.output
    assert [path.name for path in (tmp_path / "back").rglob("*")] == ["file"]

    for level in range(12):
        (user.home / "wide" / f"d{level}").mkdir(parents=True)
        for index in range(4):
            (user.home / "wide" / f"d{level}" / f"l{index}").symlink_to(f"../d{level + 1}")
    with pytest.raises(ClientFailed) as failure:
        old_scp(user, [":wide/d0"], tmp_path / "wide", keys["ed25519"], ["-r"])
    assert "too many links to directories" in failure.value.output
    assert sum(1 for path in (tmp_path / "wide").rglob("*") if path.is_dir()) <= 1000


def test_pscp(user, pscp, tmp_path):
    source = tmp_path / "source"
    make_tree(source)
    os.utime(source / "inner" / "file 5", (1_000_000_000, 1_100_000_000))
    pscp("-r", "-p", source, ":/")
    assert tree(source) == tree(user.home / "source")
    assert (user.home / "source" / "inner" / "file 5").stat().st_mtime == 1_100_000_000
    (tmp_path / "back").mkdir()
    pscp("-r", "-p", ":source", tmp_path / "back")
    assert tree(source) == tree(tmp_path / "back" / "source")
    with pytest.raises(ClientFailed) as failure:
        pscp(":missing", tmp_path / "back")
    assert "No such file or directory" in failure.value.output


@pytest.mark.parametrize("upload_mode", ["0", "1", "2"])
def test_a_broken_upload_is_never_complete(make_server, tmp_path, upload_mode):
    server = make_server({"FERRY_COMMON__UPLOAD_MODE": upload_mode})
    user = server.create_user("broken")
    (user.home).mkdir(parents=True)
    for tenth in (0, 3, 9):
        with Raw(user, "scp -t file") as raw:
            assert raw.receive(1) == b"\0"
            raw.send(b"C0644 1000000 file\n")
            assert raw.receive(1) == b"\0"
            raw.send(b"x" * (tenth * 100_000))
    deadline = time.monotonic() + 10
    while server.log().count('"sender":"Upload"') < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    lines = [line for line in server.log().splitlines() if '"sender":"Upload"' in line]
    assert len(lines) == 3 and all('"level":"error"' in line for line in lines)
    if upload_mode == "1":
        assert list(user.home.iterdir()) == []


def test_a_source_that_cannot_read_its_file(user):
    user.home.mkdir(parents=True)
    with Raw(user, "scp -t .") as raw:
        raw.receive(1)
        raw.send(b"C0644 4 file\n").receive(1)
        raw.send(b"data\x01scp: file: Input/output error\n")
        assert raw.receive(1) == b"\0"
        raw.send(b"C0644 5 other\n").receive(1)
        raw.send(b"whole\0")
        assert raw.receive(1) == b"\0"
        raw.channel.shutdown_write()
        assert raw.status() == 1
    assert (user.home / "other").read_bytes() == b"whole"


BROKEN = [b"hello\n", b"C0644\n", b"C0644 x name\n", b"C9999 5 name\n", b"C0644 -5 name\n", b"C0644 5 ../name\n",
          b"C0644 5 ..\n", b"C0644 5 \n", b"C0644 99999999999999999999 name\n", b"D0755 0 name\n", b"E\n", b"\n",
          b"T1 2 3\n", b"Tx 0 0 0\n", b"T0 0 0 5000000\n", b"C0644 5 " + b"n" * 20000, b"\x07"]


@pytest.mark.parametrize("line", BROKEN, ids=[str(line[:20]) for line in BROKEN])
def test_what_is_no_protocol_ends_the_conversation(user, line):
    user.home.mkdir(parents=True)
    with Raw(user, "scp -t .") as raw:
        assert raw.receive(1) == b"\0"
        raw.send(line)
        raw.channel.shutdown_write()
        answer = raw.rest()
        assert answer.startswith(b"\x02scp: protocol error") and answer.endswith(b"\n")
        assert raw.status() == 1
    assert list(user.home.iterdir()) == []


@pytest.mark.parametrize("command", ["scp", "scp -t", "scp -t -f x", "scp -t a b", "scp -z -t a", "scp x",
                                     "scp -t 'open"])
def test_wrong_arguments_are_refused(user, command):
    with Raw(user, command) as raw:
        raw.rest()
        assert raw.status() in (1, 127)


def test_a_sink_that_answers_nonsense(user):
    user.home.mkdir(parents=True)
    random_file(user.home / "file", 1000)
    with Raw(user, "scp -f file") as raw:
        raw.send(b"\0")
        assert raw.receive(13) == b"C0644 1000 fi"
        raw.receive(3)
        raw.send(b"?")
        assert b"protocol error" in raw.rest()
        assert raw.status() == 1


def test_a_sink_that_says_nothing_and_leaves(user):
    user.home.mkdir(parents=True)
    random_file(user.home / "file", 1000)
    with Raw(user, "scp -f file") as raw:
        raw.channel.shutdown_write()
        assert raw.rest() == b""
        assert raw.status() == 1


def test_asyncssh(user, tmp_path):
    source = random_file(tmp_path / "source", 1_000_000)

    async def work():
        async with asyncssh_connect(user) as connection:
            await asyncssh.scp(source, (connection, "there"), preserve=True)
            await asyncssh.scp((connection, "there"), tmp_path / "back")

    asyncio.run(work())
    assert same(source, user.home / "there") and same(source, tmp_path / "back")
