"""rsync over SSH, with the real program on both sides, and what must not come of it."""
import os
import shutil
import stat
import struct

import pytest

from clients import ClientFailed, Paramiko, random_file, run, same
from program_tools import ENABLED, NEEDED, make_tree, rsync, tree
from test_ssh_commands import ssh


@pytest.fixture
def user(programs):
    return programs()


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
                                     "--config=x", "--rsh=sh", "--no-munge-links", "-T/tmp", "-e/bin/sh",
                                     "--write-devices", "--read-batch=/etc/passwd", "--write-batch=/tmp/x",
                                     "--password-file=/etc/passwd", "--copy-as=root", "--filter=./etc/passwd",
                                     "--early-input=/etc/passwd", "--exclude-from=/etc/passwd"])
def test_rsync_options_are_checked(user, keys, options):
    for sender in ("", "--sender "):
        status, _, errors = ssh(user, f"rsync --server {sender}{options} . .", keys["ed25519"])
        assert status == 1 and "not allowed" in errors


@pytest.mark.parametrize("option", ["--link-dest", "--compare-dest", "--copy-dest", "--backup-dir", "--partial-dir",
                                    "--temp-dir"])
def test_rsync_options_lead_nowhere_outside(user, tmp_path, keys, option):
    outside, source = tmp_path / "outside", tmp_path / "source"
    outside.mkdir()
    source.mkdir()
    file = random_file(source / "file", 1000)
    shutil.copy2(file, outside / "file")
    backup = ["--backup"] if option == "--backup-dir" else []
    (user.home / "there").mkdir()
    for value in (f"../../../../../../../../..{outside}", "../../outside"):
        with pytest.raises(ClientFailed) as failure:
            rsync(user, keys["ed25519"], "-a", *backup, f"{option}={value}", f"{source}/", ":there")
        assert "Permission denied" in failure.value.output
    before = sorted(path.name for path in outside.iterdir())
    try:
        rsync(user, keys["ed25519"], "-a", *backup, f"{option}={outside}", f"{source}/", ":there")  # one of its own
    except ClientFailed as failure:
        assert "does not exist" in failure.output
    assert sorted(path.name for path in outside.iterdir()) == before
    (user.home / "away").symlink_to(outside)
    with pytest.raises(ClientFailed):
        rsync(user, keys["ed25519"], "-a", *backup, f"{option}=/away", f"{source}/", ":there")
    assert (outside / "file").stat().st_nlink == 1 and sorted(path.name for path in outside.iterdir()) == before


def test_rsync_filters_read_no_file_of_the_machine(user, tmp_path, keys):
    """Rules that a client sends may name further files of rules, whose first line the complaint about it would show."""
    (user.home / "there").mkdir()
    for rule in (". /etc/passwd", ". /etc/group"):
        client = Paramiko(user).client
        channel = client.get_transport().open_session()
        channel.exec_command("rsync --server --sender -r . there")
        # Protocol 29, whose rules are plain: length and text, and 0 at their end.
        channel.sendall(struct.pack("<II", 29, len(rule)) + rule.encode() + struct.pack("<I", 0))
        answered = b""
        while data := channel.recv(65536):
            answered += data
        while data := channel.recv_stderr(65536):
            answered += data
        assert b"Permission denied" in answered and b"nknown filter rule" not in answered
        client.close()


def test_rsync_backups_link_to_the_one_before(user, tmp_path, keys):
    """What backup scripts do: each run a new directory, with links to what has not changed."""
    source = tmp_path / "source"
    make_tree(source)
    (user.home / "backup").mkdir()
    rsync(user, keys["ed25519"], "-a", "--link-dest=../first", f"{source}/", ":backup/zero")  # there is none yet
    for number, link in enumerate(("../zero", "/backup/run0", "../run1")):
        rsync(user, keys["ed25519"], "-a", f"--link-dest={link}", f"{source}/", f":backup/run{number}")
        assert tree(source) == tree(user.home / "backup" / f"run{number}")
    assert (user.home / "backup" / "run2" / "one").stat().st_nlink == 4
    rsync(user, keys["ed25519"], "-a", "--copy-dest=../run2", f"{source}/", ":backup/copied/")
    assert tree(source) == tree(user.home / "backup" / "copied")
    assert (user.home / "backup" / "copied" / "one").stat().st_nlink == 1
    rsync(user, keys["ed25519"], "-a", "--compare-dest=/backup/run2", f"{source}/", ":backup/compared/")
    assert not (user.home / "backup" / "compared" / "one").exists()


def test_rsync_options_with_directories(user, tmp_path, keys):
    source = tmp_path / "source"
    make_tree(source)
    rsync(user, keys["ed25519"], "-a", f"{source}/", ":there")
    random_file(source / "one", 1000)
    (source / "inner" / "two words").unlink()
    for name in ("temporary", "place"):
        (user.home / name).mkdir()
    rsync(user, keys["ed25519"], "-a", "--delete", "--backup", "--backup-dir=../old/deep", "--temp-dir=/temporary",
          f"{source}/", ":there")
    assert tree(source) == tree(user.home / "there")
    assert (user.home / "old" / "deep" / "one").stat().st_size == 2_000_000
    assert (user.home / "old" / "deep" / "inner" / "two words").exists()
    rsync(user, keys["ed25519"], "-a", "--partial-dir=.part", "--delay-updates", f"{source}/", ":again")
    rsync(user, keys["ed25519"], "-a", "--partial-dir=/place", f"{source}/", ":once more")
    assert tree(source) == tree(user.home / "again") == tree(user.home / "once more")
    rsync(user, keys["ed25519"], source / "one", ":there/one")  # a file that is there
    assert same(source / "one", user.home / "there" / "one")


def test_rsync_makes_the_directories_above(user, tmp_path, keys):
    source = tmp_path / "source"
    make_tree(source)
    rsync(user, keys["ed25519"], "-a", "--mkpath", f"{source}/", ":a/b/c/")
    assert tree(source) == tree(user.home / "a" / "b" / "c")
    rsync(user, keys["ed25519"], "--mkpath", source / "one", ":x/y/z")
    assert same(source / "one", user.home / "x" / "y" / "z")
    with pytest.raises(ClientFailed):
        rsync(user, keys["ed25519"], "-a", f"{source}/", ":p/q/r/")


def test_rsync_takes_its_list_from_the_server(user, tmp_path, keys):
    make_tree(user.home / "there")
    random_file(user.home / "there" / "three", 10)
    (user.home / "list").write_text("one\nthree\n/etc/passwd\n")
    with pytest.raises(ClientFailed):  # for /etc/passwd, which is looked for in the directory
        rsync(user, keys["ed25519"], "--files-from=:list", ":there", tmp_path / "back")
    assert sorted(path.name for path in (tmp_path / "back").iterdir()) == ["one", "three"]
    (tmp_path / "mine").write_text("inner/two words\n")
    rsync(user, keys["ed25519"], f"--files-from={tmp_path / 'mine'}", ":there", tmp_path / "some")
    assert (tmp_path / "some" / "inner" / "two words").exists()
    for path in ("/etc/passwd", "../../../../../../etc/passwd", "missing"):
        with pytest.raises(ClientFailed) as failure:
            rsync(user, keys["ed25519"], f"--files-from=:{path}", ":there", tmp_path / "none")
        assert "root:" not in failure.value.output


@pytest.mark.parametrize("line", ["rsync", "rsync --version", "rsync . x", "rsync --server x y", "rsync --server",
                                  "rsync --server . a b"])
def test_what_is_no_request_of_rsync(user, keys, line):
    status, output, errors = ssh(user, line, keys["ed25519"])
    assert status == 1 and errors.startswith("rsync: expected") and output == ""
