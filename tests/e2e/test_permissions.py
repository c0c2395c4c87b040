"""Each of the permissions alone: what it allows, and that it allows nothing else."""
import os

import pytest
from paramiko.sftp import CMD_EXTENDED

from clients import Paramiko, random_file
from test_ssh_commands import ssh

COMMANDS = {"FERRY_SFTPD__ENABLED_SSH_COMMANDS": "*"}

# What is done, on things of its own; and the permissions for it: one of each group is needed.
OPERATIONS = {
    "list": (lambda client: client.listdir("."), ["list"]),
    "stat": (lambda client: client.stat("f-stat"), ["list"]),
    "readlink": (lambda client: client.readlink("l-readlink"), ["list"]),
    "download": (lambda client: client.open("f-download").read(), ["download"]),
    "upload": (lambda client: client.open("new-upload", "wx").close(), ["upload"]),
    "replace": (lambda client: client.open("f-replace", "w").close(), ["upload", "overwrite"]),
    "resize": (lambda client: client.truncate("f-resize", 1), ["overwrite"]),
    "remove": (lambda client: client.remove("f-remove"), ["delete delete_files"]),
    "rmdir": (lambda client: client.rmdir("d-rmdir"), ["delete delete_dirs"]),
    "rename": (lambda client: client.rename("f-rename", "new-rename"), ["rename rename_files"]),
    "rename_dir": (lambda client: client.rename("d-rename", "new-d-rename"), ["rename rename_dirs"]),
    "rename_onto": (lambda client: client.posix_rename("f-onto", "f-under"), ["rename rename_files", "overwrite"]),
    "mkdir": (lambda client: client.mkdir("new-mkdir"), ["create_dirs"]),
    "symlink": (lambda client: client.symlink("f-stat", "new-link"), ["create_symlinks"]),
    "hardlink": (lambda client: client._request(CMD_EXTENDED, "hardlink@openssh.com", "/f-stat", "/new-hard"),
                 ["create_symlinks"]),
    "chmod": (lambda client: client.chmod("f-chmod", 0o600), ["chmod"]),
    "chown": (lambda client: client.chown("f-chown", 12001, 12001), ["chown"]),
    "chtimes": (lambda client: client.utime("f-chtimes", (1, 1)), ["chtimes"]),
}
PERMISSIONS = ["*", "list", "download", "upload", "overwrite", "delete", "delete_files", "delete_dirs", "rename",
               "rename_files", "rename_dirs", "create_dirs", "create_symlinks", "chmod", "chown", "chtimes", "copy"]


def prepare(home):
    home.mkdir(parents=True)
    for name in ("stat", "download", "replace", "resize", "remove", "rename", "onto", "under", "chmod", "chown",
                 "chtimes"):
        (home / f"f-{name}").write_text("as it was")
    for name in ("rmdir", "rename"):
        (home / f"d-{name}").mkdir()
    (home / "l-readlink").symlink_to("f-stat")


def state(home):
    return {path.name: (path.lstat().st_mode, path.lstat().st_uid, path.lstat().st_mtime, path.lstat().st_size)
            for path in home.iterdir()}


@pytest.fixture(scope="module")
def commands_server(tmp_path_factory, server):
    from conftest import copy_host_keys, run_server
    from ferry import Ferry
    mine = Ferry(tmp_path_factory.mktemp("permissions"), COMMANDS)
    copy_host_keys(server, mine)
    yield from run_server(mine)


@pytest.mark.parametrize("granted", [[one] for one in PERMISSIONS] + [["upload", "overwrite"], ["rename", "overwrite"],
                                                                      PERMISSIONS[1:], []], ids="+".join)
def test_what_permissions_allow(commands_server, public_keys, keys, granted):
    user = commands_server.create_user(f"may-{abs(hash(tuple(granted)))}", public_keys=public_keys,
                                       permissions={"/": granted or ["chtimes"], "/locked": ["*"]})
    prepare(user.home)
    have = set(granted or ["chtimes"])
    with Paramiko(user, keys["ed25519"]) as client:
        for name, (operation, needed) in OPERATIONS.items():
            if name == "chown" and os.geteuid() != 0:
                continue
            if "*" in have or all(have & set(group.split()) for group in needed):
                operation(client)
                continue
            before = state(user.home)
            with pytest.raises(PermissionError):
                operation(client)
            assert state(user.home) == before, name


def test_a_directory_is_renamed_only_if_all_below_it_may_be(new_user):
    deep = {"/tree/in/deep": ["list"], "/free/in": ["list", "rename_dirs"]}
    user = new_user(permissions={"/": ["*"]} | deep)
    for name in ("tree/in/deep", "tree/other", "free/in"):
        (user.home / name).mkdir(parents=True)
    with Paramiko(user) as client:
        for path in ("tree", "tree/in", "tree/in/deep"):  # the last one is listed itself
            for rename in (client.rename, client.posix_rename):
                with pytest.raises(PermissionError):
                    rename(path, "moved")
        with pytest.raises(PermissionError):
            client.rename("tree/other", "tree/in/deep/other")
        client.rename("tree/other", "tree/another")
        client.rename("free", "moved")
    assert sorted(path.name for path in user.home.iterdir()) == ["moved", "tree"]
    assert (user.home / "tree/in/deep").is_dir() and (user.home / "moved/in").is_dir()


@pytest.mark.parametrize("lacking", [None, "copy", "list", "download", "upload", "create_dirs"])
def test_what_a_copy_needs(commands_server, public_keys, keys, lacking):
    granted = {"copy", "list", "download", "upload", "create_dirs"} - {lacking}
    user = commands_server.create_user(f"copies-without-{lacking}", public_keys=public_keys,
                                       permissions={"/": sorted(granted)})
    (user.home / "tree").mkdir(parents=True)
    random_file(user.home / "tree" / "file", 1000)
    status, _, _ = ssh(user, "sftpgo-copy tree copied", keys["ed25519"])
    assert (status == 0) == (lacking is None) == (user.home / "copied" / "file").exists()
    assert sorted(path.name for path in user.home.iterdir()) == (["tree"] if lacking else ["copied", "tree"])
