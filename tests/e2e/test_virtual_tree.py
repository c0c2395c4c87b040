"""The virtual tree of an account: mounts, moving and copying between storages, and who owns what is made."""
import errno
import os
import stat
import threading
import time

import pytest

from clients import ClientFailed, Paramiko, digest, random_file, scp, sftp, wait_for
from test_ssh_commands import ssh, tree

COMMANDS = {"FERRY_SFTPD__ENABLED_SSH_COMMANDS": "*"}
NO_QUOTA = {"quota_size": 0, "quota_files": 0}


def make_folder(server, name, mapped, **fields):
    server.api("POST", "/folders", {"name": name, "mapped_path": str(mapped)} | fields)
    return lambda point, **mapping: {"name": name, "virtual_path": point} | NO_QUOTA | mapping


@pytest.fixture
def mounted(make_server, public_keys, tmp_path):
    """An account with /share and /deep/in/it/inner, which no disk has, and the folders behind them."""
    server = make_server(COMMANDS)
    share = make_folder(server, "share", tmp_path / "share")
    inner = make_folder(server, "inner", tmp_path / "inner")
    user = server.create_user("mounted", public_keys=public_keys,
                              virtual_folders=[share("/share"), inner("/deep/in/it/inner")])
    user.home.mkdir(parents=True)
    return user


def fails(error, operation, *arguments):
    with pytest.raises(OSError) as failure:
        operation(*arguments)
    assert failure.value.errno == error, failure.value


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_mounts_are_seen_and_stay(mounted, keys, tmp_path):
    key = keys["ed25519"]
    (mounted.home / "share2").mkdir()
    with Paramiko(mounted, key) as client:
        assert sorted(client.listdir("/")) == ["deep", "share", "share2"]
        assert client.listdir("/deep/in") == ["it"] and client.listdir("/deep/in/it") == ["inner"]
        for point in ("/share", "/deep", "/deep/in", "/deep/in/it", "/deep/in/it/inner"):
            assert stat.S_ISDIR(client.stat(point).st_mode)
            for operation in (client.rmdir, client.remove):
                with pytest.raises(OSError):
                    operation(point)
            for rename in (client.rename, client.posix_rename):
                fails(errno.EACCES, rename, point, "/moved")
                with pytest.raises(OSError):
                    rename("/share2", point)
        client.open("/share2/f", "w").close()
    assert ssh(mounted, "sftpgo-remove /deep", key)[0] != 0
    assert names(mounted.home) == ["share2"] and (tmp_path / "inner").is_dir()


def test_a_folder_of_many_users_and_one_on_the_root(make_server, public_keys, keys, tmp_path):
    server = make_server()
    shared = make_folder(server, "shared", tmp_path / "shared")
    file = random_file(tmp_path / "file", 5000)
    one = server.create_user("one", public_keys=public_keys, virtual_folders=[shared("/in/here")])
    other = server.create_user("other", public_keys=public_keys, virtual_folders=[shared("/", subpath="sub/dir")])
    scp(one, [file], ":/in/here/f", keys["ed25519"])
    sftp(other, ["mkdir made", f"put {file} made/f"], keys["ed25519"])
    assert digest(tmp_path / "shared/f") == digest(tmp_path / "shared/sub/dir/made/f") == digest(file)
    assert "made" in sftp(one, ["ls /in/here/sub/dir"], keys["ed25519"])
    assert not other.home.exists() or names(other.home) == []


@pytest.mark.parametrize("policy", [0, 1])
def test_a_mount_inside_another(make_server, public_keys, keys, tmp_path, policy):
    """Nothing that the outer one holds or forbids by its patterns stands in the way of the inner one."""
    server = make_server(COMMANDS)
    outer, inner = make_folder(server, "outer", tmp_path / "outer"), make_folder(server, "inner", tmp_path / "inner")
    user = server.create_user("nested", public_keys=public_keys, virtual_folders=[outer("/out"), inner("/out/in/here")],
                              filters={"file_patterns": [{"path": "/out", "denied_patterns": ["in", "here", "*.x"],
                                                          "deny_policy": policy}]})
    covered = tmp_path / "outer/in/here"
    covered.mkdir(parents=True)
    (covered / "covered").write_text("x")
    file = random_file(tmp_path / "file", 3000)
    scp(user, [file], ":/out/in/here/f", keys["ed25519"])
    sftp(user, [f"put {file} /out/f", "mkdir /out/d", "rename /out/in/here/f /out/d/moved",
                f"put {file} /out/in/here/f"], keys["ed25519"])
    with Paramiko(user, keys["ed25519"]) as client:
        assert sorted(client.listdir("/out")) == ["d", "f", "in"] and client.listdir("/out/in") == ["here"]
        assert client.listdir("/out/in/here") == ["f"]
        for point in ("/out/in", "/out/in/here"):
            with pytest.raises(OSError):
                client.rmdir(point)
            fails(errno.EACCES, client.rename, point, "/moved")
        fails(errno.EACCES, client.rename, "/out", "/moved")
    assert ssh(user, "sftpgo-copy /out/in/here/f /out/copied", keys["ed25519"])[0] == 0
    assert names(tmp_path / "inner") == ["f"] and names(tmp_path / "outer") == ["copied", "d", "f", "in"]
    assert digest(tmp_path / "outer/d/moved") == digest(tmp_path / "outer/copied") == digest(file)
    assert names(covered) == ["covered"]


def test_moving_between_storages(mounted, keys, tmp_path):
    key = keys["ed25519"]
    (mounted.home / "tree/sub").mkdir(parents=True)
    random_file(mounted.home / "tree/a", 3_000_000)
    random_file(mounted.home / "tree/sub/b", 10)
    (mounted.home / "tree/sub").chmod(0o750)
    os.utime(mounted.home / "tree/a", (1000, 2000))
    before = tree(mounted.home / "tree")
    with Paramiko(mounted, key) as client:
        client.rename("tree", "/share/tree")
        assert tree(tmp_path / "share/tree") == before and names(mounted.home) == []
        assert client.stat("/share/tree/a").st_mtime == 2000
        client.posix_rename("/share/tree/a", "/deep/in/it/inner/a")
        random_file(tmp_path / "share/again", 100)
        client.rename("/share/again", "/deep/in/it/inner/a")
        assert (tmp_path / "inner/a").stat().st_size == 100
        random_file(tmp_path / "share/again", 200)
        client.posix_rename("/share/again", "/deep/in/it/inner/a")
        assert (tmp_path / "inner/a").stat().st_size == 200
        os.mkfifo(tmp_path / "share/tree/pipe")
        with pytest.raises(OSError):
            client.rename("/share/tree", "/back")
    assert names(tmp_path / "share") == ["tree"] and names(mounted.home) == [] and names(tmp_path / "inner") == ["a"]
    (tmp_path / "share/tree/pipe").unlink()
    assert ssh(mounted, "sftpgo-copy /share/tree /deep/in/it/inner/copy", key)[0] == 0
    assert tree(tmp_path / "inner/copy") == tree(tmp_path / "share/tree")


@pytest.mark.parametrize("quota", [0, 10_000_000], ids=["uncounted", "counted"])
def test_what_somebody_writes_is_not_moved(mounted, keys, tmp_path, quota):
    """What comes later would go to a file that nobody sees any more, and be answered with success."""
    shown = mounted.server.api("GET", f"/users/{mounted.name}")
    mounted.server.api("PUT", f"/users/{mounted.name}", shown | {"quota_size": quota})
    (mounted.home / "tree").mkdir()
    with Paramiko(mounted, keys["ed25519"]) as writer, Paramiko(mounted, keys["ed25519"]) as client:
        file = writer.open("tree/f", "w")
        file.write(b"x" * 100_000)
        file.flush()
        client.open("/share/there", "w").write(b"as it was")
        fails(None, client.rename, "tree/f", "/share/f")
        fails(None, client.rename, "tree", "/share/tree")
        fails(None, client.posix_rename, "tree/f", "/share/there")
        assert names(tmp_path / "share") == ["there"] and names(mounted.home) == ["tree"]
        assert (tmp_path / "share/there").read_bytes() == b"as it was"
        file.write(b"y" * 100_000)
        file.close()
        client.rename("tree", "/share/tree")
    assert (tmp_path / "share/tree/f").read_bytes() == b"x" * 100_000 + b"y" * 100_000
    assert names(mounted.home) == []


def test_mount_points_are_pinned_by_every_way(mounted, keys, tmp_path):
    (mounted.home / "deep/in").mkdir(parents=True)
    (mounted.home / "deep/covered").write_text("x")
    with Paramiko(mounted, keys["ed25519"]) as client:
        client.symlink(".", "l")
        client.open("/share/kept", "w").write(b"x")
        client.open("/deep/in/it/inner/kept", "w").write(b"x")
        for path in ("/l/deep", "/l/deep/in", "/l/share", "/l/l/deep"):
            for rename in (client.rename, client.posix_rename):
                fails(errno.EACCES, rename, path, "/moved")
            with pytest.raises(OSError):
                client.rmdir(path)
        assert client.listdir("/l/share") == ["kept"] and client.listdir("/l/deep/in/it/inner") == ["kept"]
    for path in ("/l/deep", "/l/share", "/l/deep/in/it"):
        assert ssh(mounted, f"sftpgo-remove {path}", keys["ed25519"])[0] != 0
    assert names(mounted.home) == ["deep", "l"] and (mounted.home / "deep/covered").exists()
    assert (tmp_path / "share/kept").exists() and (tmp_path / "inner/kept").exists()


def test_links_lead_into_other_mounts_as_paths_do(mounted, keys, tmp_path):
    """What the links of a mount say decides there, whatever way leads to it."""
    share = tmp_path / "share"
    share.mkdir()
    (share / "file").write_text("in the folder")
    (share / "link").symlink_to("file")
    (mounted.home / "here").symlink_to(".")
    (mounted.home / "into").symlink_to("share/file")
    with Paramiko(mounted, keys["ed25519"]) as client:
        for path in ("/share/link", "/here/share/link", "/into", "/here/into"):
            assert client.open(path).read() == b"in the folder", path
            assert stat.S_ISREG(client.stat(path).st_mode), path
    for path in ("/share/link", "/here/share/link", "/into"):
        assert ssh(mounted, f"sftpgo-copy {path} /copied", keys["ed25519"]) == (0, "", ""), path
        assert not (mounted.home / "copied").is_symlink(), path
        assert (mounted.home / "copied").read_text() == "in the folder", path
        (mounted.home / "copied").unlink()


def test_a_long_move_leaves_others_their_turn_and_ends_with_its_client(mounted, keys, scratch, tmp_path):
    """Of 2 GB: meanwhile another client is served; a client that leaves gives the move up."""
    source = mounted.home / "large"
    with open(source, "wb") as file:
        file.truncate(2 * 2**30)
    mover = Paramiko(mounted, keys["ed25519"])
    client = mover.__enter__()
    outcome = []

    def move():
        try:
            client.rename("large", "/share/large")
            outcome.append("moved")
        except Exception as error:  # the connection was closed
            outcome.append(error)
    thread = threading.Thread(target=move)
    thread.start()
    wait_for(lambda: list((tmp_path / "share").glob(".ferry-upload.*")) or outcome, "the copy to begin")
    with Paramiko(mounted, keys["ed25519"]) as other:
        answered = 0
        for _ in range(20):
            other.stat("/")
            answered += 1
    assert answered == 20
    mover.__exit__()
    thread.join(60)
    wait_for(lambda: not list((tmp_path / "share").glob(".ferry-upload.*")), "the half copy to be removed", 60)
    if source.exists():
        assert names(tmp_path / "share") == [] and source.stat().st_size == 2 * 2**30
    else:  # it was faster than the client could leave
        assert names(tmp_path / "share") == ["large"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_what_is_made_belongs_to_the_account(make_server, public_keys, keys, tmp_path):
    server = make_server(COMMANDS | {"FERRY_COMMON__UMASK": "027"})
    folder = make_folder(server, "common", tmp_path / "common")
    file = random_file(tmp_path / "file", 1000)
    tmp_path.chmod(0o755)
    for name, uid, gid in (("first", 12001, 12101), ("second", 12002, 12102), ("nobody", 0, 0), ("half", 12003, 0)):
        user = server.create_user(name, public_keys=public_keys, uid=uid, gid=gid, virtual_folders=[folder("/common")])
        sftp(user, ["mkdir made", f"put {file} made/up", f"put {file} /common/{name}", "symlink up made/link",
                    "rename made/up /common/moved-by-" + name, f"put {file} made/up"], keys["ed25519"])
        scp(user, [file], ":made/scp", keys["ed25519"], ["-O"])
        assert ssh(user, "sftpgo-copy made copied", keys["ed25519"])[0] == 0
        mine = [user.home, *user.home.rglob("*"), tmp_path / "common" / name, tmp_path / f"common/moved-by-{name}"]
        assert len(mine) >= 10
        for path in mine:
            facts = path.lstat()
            assert (facts.st_uid, facts.st_gid) == (uid or os.geteuid(), gid or os.getegid()), path
        assert stat.S_IMODE((user.home / "made/up").stat().st_mode) == 0o640
        assert stat.S_IMODE((user.home / "made").stat().st_mode) == 0o750
