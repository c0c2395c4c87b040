"""Dumps: over REST, at start, from older versions; what they may not do."""
import json
import os
import stat
import subprocess
from pathlib import Path

import paramiko
import pytest

from clients import Paramiko, random_file, wait_for
from ferry import RestError, User, binary

DUMPS = Path(__file__).resolve().parents[1] / "data/dumps"


def dump(server):
    return server.api("GET", "/dumpdata?output-data=1")


def fill(server, tmp_path):
    server.api("POST", "/roles", {"name": "north", "description": "d"})
    server.api("POST", "/folders", {"name": "shared", "mapped_path": str(tmp_path / "shared")})
    server.api("POST", "/folders", {"name": "vault", "mapped_path": str(tmp_path / "vault"), "filesystem": {
        "provider": 4, "cryptconfig": {"passphrase": {"status": "Plain", "payload": "f8Kx2Lq9Zt5Rw7Vn3Mb6Yh1J"}}}})
    server.api("POST", "/groups", {"name": "staff", "virtual_folders": [{"name": "shared", "virtual_path": "/shared"}],
                                   "user_settings": {"max_sessions": 2}})
    server.create_user("dumped", role="north", groups=[{"name": "staff", "type": 2}], quota_size=5)


def test_a_dump_loads_into_an_empty_server(make_server, tmp_path):
    first = make_server()
    fill(first, tmp_path)
    all_of_it = dump(first)
    file = tmp_path / "dump.json"
    file.write_text(json.dumps(all_of_it))
    first.stop()
    (first.config_dir / "ferry.db").rename(tmp_path / "old.db")
    for companion in first.config_dir.glob("ferry.db-*"):
        companion.unlink()

    second = make_server(arguments=["--loaddata-from", file, "--loaddata-clean"])
    again = dump(second)
    for admin in all_of_it["admins"] + again["admins"]:
        for field in ("last_login", "password", "created_at", "updated_at"):
            admin.pop(field, None)  # this test logged in, and the second server has made its first administrator before
    assert again == all_of_it
    assert not file.exists()
    with Paramiko(User(second, "dumped", "a user's Passw0rd", None)) as sftp:
        sftp.mkdir("/works")
    # Started again with the same options: the file is gone, and that is well.
    second.stop()
    second.start()
    assert second.api("GET", "/users/dumped")["role"] == "north"


def test_a_part_of_a_dump(make_server, tmp_path):
    server = make_server()
    fill(server, tmp_path)
    whole, part = dump(server), server.api("GET", "/dumpdata?output-data=1&scopes=folders,roles")
    assert {name for name, objects in part.items() if objects and name != "version"} == {"folders", "roles"}
    assert (part["folders"], part["roles"]) == (whole["folders"], whole["roles"])
    server.api("PUT", "/folders/shared", {"name": "shared", "mapped_path": str(tmp_path / "elsewhere")})
    server.api("POST", "/loaddata", part)
    assert server.api("GET", "/folders/shared")["mapped_path"] == str(tmp_path / "shared")
    assert [user["username"] for user in server.api("GET", "/users")] == ["dumped"]


@pytest.mark.parametrize("scan,counted", [("0", []), ("1", ["folder", "free", "limited"]), ("2", ["folder", "limited"])])
def test_what_was_loaded_is_counted(make_server, tmp_path, scan, counted):
    """--loaddata-scan 1: all that was loaded; 2: of users, those with a quota."""
    users = [{"username": name, "password": "a user's Passw0rd", "home_dir": str(tmp_path / name), "status": 1,
              "permissions": {"/": ["*"]}, "quota_files": limit} for name, limit in (("limited", 10), ("free", 0))]
    folders = [{"name": "folder", "mapped_path": str(tmp_path / "folder")}]
    for name, size in (("limited", 1000), ("free", 2000), ("folder", 3000)):
        (tmp_path / name / "deep").mkdir(parents=True)
        random_file(tmp_path / name / "deep" / "file", size)
    file = tmp_path / "dump.json"
    file.write_text(json.dumps({"users": users, "folders": folders, "version": 17}))
    # Without a quota there is nothing to count unless everybody is.
    server = make_server({"FERRY_DATA_PROVIDER__TRACK_QUOTA": "1"},
                         arguments=["--loaddata-from", file, "--loaddata-scan", scan])
    wait_for(lambda: not server.api("GET", "/quotas/users/scans") + server.api("GET", "/quotas/folders/scans"), "the scans")
    sizes = {"limited": (1, 1000), "free": (1, 2000), "folder": (1, 3000)}
    for name, there in sizes.items():
        shown = server.api("GET", f"/folders/{name}" if name == "folder" else f"/users/{name}")
        found = (shown.get("used_quota_files", 0), shown.get("used_quota_size", 0))
        assert found == (there if name in counted else (0, 0)), name


@pytest.mark.parametrize("mode,scan", [(0, 0), (1, 1), (2, 1), (2, 2)])
def test_loading_over_rest_as_mode_and_scan_say(make_server, tmp_path, mode, scan):
    """mode 0 changes what is there, 1 adds alone, 2 changes and disconnects whom it changes. scan-quota 1 counts all that
    was loaded, 2 users with limits."""
    server = make_server({"FERRY_DATA_PROVIDER__TRACK_QUOTA": "1"})
    there = server.create_user("there", description="as it was", quota_files=10)
    away = server.create_user("away")
    loaded = [{"username": name, "password": "a user's Passw0rd", "home_dir": str(tmp_path / name), "status": 1,
               "permissions": {"/": ["*"]}, "quota_files": limit, "description": "loaded"}
              for name, limit in (("limited", 10), ("free", 0))]
    changed = server.api("GET", "/users/there") | {"description": "loaded"}
    folders = [{"name": "folder", "mapped_path": str(tmp_path / "folder")}]
    for path, size in ((there.home, 500), (tmp_path / "limited", 1000), (tmp_path / "free", 2000),
                       (tmp_path / "folder", 3000)):
        path.mkdir(parents=True)
        random_file(path / "file", size)
    dump_file = server.config_dir / "backups/dump.json"
    dump_file.parent.mkdir(exist_ok=True)
    content = {"users": [*loaded, changed], "folders": folders, "version": 17}
    dump_file.write_text(json.dumps(content))
    with Paramiko(there) as mine, Paramiko(away) as others:
        mine.listdir("/")
        query = f"mode={mode}&scan-quota={scan}"
        if mode == 2:
            server.api("POST", f"/loaddata?{query}", content)
        else:
            server.api("GET", f"/loaddata?{query}&input-file=dump.json")
        assert others.listdir("/") == []

        def disconnected():
            try:
                mine.listdir("/")
                return False
            except (OSError, EOFError, paramiko.SSHException):
                return True
        if mode == 2:
            wait_for(disconnected, "the session to end")
        else:
            assert not disconnected()
    assert server.api("GET", "/users/there")["description"] == ("as it was" if mode == 1 else "loaded")
    assert server.api("GET", "/users/free")["description"] == "loaded"
    wait_for(lambda: not server.api("GET", "/quotas/users/scans") + server.api("GET", "/quotas/folders/scans"), "the scans")
    sizes = {"there": 500, "limited": 1000, "free": 2000, "folder": 3000}
    counted = {0: [], 1: list(sizes), 2: ["there", "limited", "folder"]}[scan]
    if mode == 1:
        counted.remove("there")  # it was not loaded
    for name, size in sizes.items():
        shown = server.api("GET", f"/folders/{name}" if name == "folder" else f"/users/{name}")
        found = (shown.get("used_quota_files", 0), shown.get("used_quota_size", 0))
        assert found == ((1, size) if name in counted else (0, 0)), name


@pytest.mark.parametrize("query", ["mode=3", "mode=-1", "mode=x", "scan-quota=3", "scan-quota=yes"])
def test_loading_refuses_what_it_does_not_know(server, query):
    with pytest.raises(RestError) as refusal:
        server.api("POST", f"/loaddata?{query}", {"version": 17})
    assert refusal.value.status == 400


@pytest.mark.parametrize("version,users", [("9", ["old-user"]), ("13", ["grouped"]), ("17", ["new-user"])])
def test_dumps_of_sftpgo(make_server, version, users):
    server = make_server()
    message = server.api("POST", "/loaddata", json.loads((DUMPS / f"version-{version}.json").read_text()))["message"]
    assert "not kept by this server: " in message
    assert [user["username"] for user in server.api("GET", "/users")] == users
    assert "not kept by this server" in server.log()


def test_files_stay_in_their_directory(make_server, tmp_path):
    server = make_server()
    assert server.api("GET", "/dumpdata?output-file=a/dump.json&indent=1")["message"] == "Data saved"
    saved = server.config_dir / "backups/a/dump.json"
    assert stat.S_IMODE(os.stat(saved).st_mode) == 0o600
    assert json.loads(saved.read_text()) == dump(server)
    server.api("GET", "/loaddata?input-file=a/dump.json")
    (tmp_path / "outside.json").write_text("{}")
    os.symlink(tmp_path, server.config_dir / "backups/up")
    for name in ("../../outside.json", str(tmp_path / "outside.json"), "up/outside.json", "/etc/passwd", "a"):
        for call in ("/loaddata?input-file=", "/dumpdata?output-file="):
            with pytest.raises(RestError) as refused:
                server.api("GET", call + name)
            assert refused.value.status == 400, call + name
            assert str(tmp_path) not in refused.value.body or name.startswith("/")
    assert (tmp_path / "outside.json").read_text() == "{}"


@pytest.mark.parametrize("content,problem", [
    ("{", "not valid JSON"),
    ('{"version": "17"}', "version: an integer expected"),
    ('{"users": [{"username": "x", "home_dir": "rel", "permissions": {"/": ["*"]}}, {"username": "y", "home_dir": "/h"}]}',
     '2 objects are not valid: users[0] "x": home_dir: an absolute path is required; users[1] "y": permissions: '),
    ('{"users": [{"username": "x", "home_dir": "/h", "permissions": {"/": ["*"]}, "role": "none"}]}',
     'users[0] "x": role: role "none" does not exist'),
    (None, "No such file"),
])
def test_a_dump_that_cannot_be_loaded_stops_the_start(make_server, tmp_path, content, problem):
    file = tmp_path / "dump.json"
    if content is not None:
        file.write_text(content)
    server = make_server(arguments=["--loaddata-from", file, "--loaddata-mode", "0"], start=False).launch()
    assert server.process.wait(60) == 1
    lines = server.output().splitlines()
    assert len(lines) == 1 and lines[0].startswith("ferry: --loaddata-from: ") and problem in lines[0], lines
    assert content is None or file.exists()


def test_initprovider_loads_a_dump(make_server, tmp_path):
    server = make_server(start=False)
    file = tmp_path / "dump.json"
    # Without its administrator, so that the first one is made as always.
    file.write_text(json.dumps(json.loads((DUMPS / "version-17.json").read_text()) | {"admins": []}))
    subprocess.run([binary(), "initprovider", "--config-dir", server.config_dir, "--loaddata-from",
                    file], check=True, env=server.environment, capture_output=True)
    server.start()
    assert server.api("GET", "/roles/north")["users"] == ["new-user"]


def test_a_start_skips_what_is_not_valid_and_names_it(make_server, tmp_path):
    file = tmp_path / "dump.json"
    user = {"status": 1, "password": "a user's Passw0rd", "permissions": {"/": ["*"], "/closed": None}}
    file.write_text(json.dumps({"version": 17, "users": [
        user | {"username": "good", "home_dir": str(tmp_path / "good")},
        user | {"username": "bad", "home_dir": str(tmp_path / "bad"), "password": "$6$bad"}]}))
    server = make_server(arguments=["--loaddata-from", file, "--loaddata-skip-invalid"])
    log = server.log()
    assert 'not valid, so skipped: users[1] \\"bad\\": password: a damaged hash' in log
    # An entry without rights closes its directory, whatever its parent allows.
    with Paramiko(User(server, "good", "a user's Passw0rd", None)) as sftp:
        sftp.mkdir("/open")
        (tmp_path / "good/closed").mkdir()
        for refused in (lambda: sftp.listdir("/closed"), lambda: sftp.mkdir("/closed/x")):
            with pytest.raises(OSError):
                refused()


def test_large_dumps_load_over_rest(server, tmp_path):
    """20 MB, twice what a body of JSON could hold once; loaded within bounds of memory in tests of the store."""
    users = [{"username": "large", "home_dir": str(tmp_path / "large"), "permissions": {"/": ["*"]}, "status": 0,
              "additional_info": "x" * 60000}]
    shares = [{"id": str(i), "paths": ["x" * 60000]} for i in range(340)]
    message = server.api("POST", "/loaddata", {"version": 17, "users": users, "shares": shares})["message"]
    assert "1 added" in message and "shares (340)" in message
    server.api("DELETE", "/users/large")
