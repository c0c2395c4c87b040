"""The audit log: what happened, found again over REST."""
import base64
import csv
import io
import json
import subprocess
import time

import paramiko
import pytest
import requests

from clients import NO_HOST_CHECK, Paramiko
from ferry import ADMIN, RestError
from event_hooks import wait_for
from test_credentials import as_user


@pytest.fixture(scope="module")
def audited(server, tmp_path_factory):
    """A server that has seen a few things."""
    from conftest import copy_host_keys, run_server
    from ferry import Ferry
    mine = Ferry(tmp_path_factory.mktemp("audit"), {"FERRY_COMMON__AUDIT__FS_EVENTS": "24",
                                                    "FERRY_COMMON__AUDIT__INSTANCE_ID": "node-1"})
    copy_host_keys(server, mine)
    started = run_server(mine)
    next(started)
    mine.api("POST", "/folders", {"name": "f", "mapped_path": "/srv/f"})
    mine.alice, mine.bob = mine.create_user("alice", description="d"), mine.create_user("bob")
    with Paramiko(mine.alice) as sftp:
        for name in ("=cmd()", "+1", "plain"):
            with sftp.open(f"/{name}", "wb") as file:
                file.write(b"12345")
        sftp.mkdir("/d")
        sftp.rename("/plain", "/d/moved")
    with Paramiko(mine.bob) as sftp:
        sftp.mkdir("/b")
    mine.api("DELETE", "/users/bob")
    assert wait_for(lambda: len(events(mine, "fs")) >= 7)
    assert wait_for(lambda: len(events(mine, "provider")) >= 4)
    yield mine
    next(started, None)


def events(server, kind, **query):
    answer = requests.get(server.url(f"/api/v2/events/{kind}"), query, timeout=30,
                          headers={"Authorization": f"Bearer {server.token()}"})
    assert answer.status_code == 200, answer.text
    return answer.json() if "json" in answer.headers["Content-Type"] else answer


def test_file_events(audited):
    found = events(audited, "fs", order="ASC")
    assert [event["action"] for event in found] == ["upload", "first-upload", "upload", "upload", "mkdir", "rename",
                                                    "mkdir"]
    first = found[0]
    assert first["virtual_path"] == "/=cmd()" and first["fs_path"] == str(audited.alice.home / "=cmd()")
    assert (first["username"], first["file_size"], first["status"], first["protocol"], first["ip"], first["fs_provider"],
            first["instance_id"]) == ("alice", 5, 1, "SFTP", "127.0.0.1", 0, "node-1")
    assert isinstance(first["id"], str) and abs(first["timestamp"] / 1e9 - time.time()) < 600
    rename = found[5]
    assert (rename["virtual_path"], rename["virtual_target_path"]) == ("/plain", "/d/moved")
    assert [event["id"] for event in events(audited, "fs")] == [event["id"] for event in reversed(found)]


def test_filters_and_pages(audited):
    everything = events(audited, "fs", order="ASC")
    for query, count in [({"username": "alice"}, 6), ({"username": "al"}, 0), ({"actions": "mkdir"}, 2),
                         ({"actions": "mkdir,rename"}, 3), ({"ip": "127.0.0.1"}, 7), ({"ip": "127.0.0.2"}, 0),
                         ({"protocols": "SFTP,FTP"}, 7), ({"protocols": "SCP"}, 0), ({"statuses": "1"}, 7),
                         ({"statuses": "2,3"}, 0), ({"instance_ids": "node-1,x"}, 7), ({"instance_ids": "x"}, 0),
                         ({"fs_provider": "0"}, 7), ({"fs_provider": "1"}, 0), ({"bucket": "b"}, 0), ({"role": "r"}, 0),
                         ({"ssh_cmd": "md5sum"}, 0), ({"endpoint": "e"}, 0),
                         ({"start_timestamp": everything[3]["timestamp"]}, 4),
                         ({"end_timestamp": everything[3]["timestamp"]}, 4),
                         ({"username": "alice", "actions": "mkdir", "start_timestamp": 1}, 1)]:
        assert len(events(audited, "fs", **query)) == count, query
    pages, from_id = [], ""
    while page := events(audited, "fs", limit=3, from_id=from_id):
        pages += page
        from_id = page[-1]["id"]
    assert pages == everything[::-1]


@pytest.mark.parametrize("kind,query", [
    ("fs", "actions=uplaod"), ("fs", "limit=0"), ("fs", "limit=1001"), ("fs", "limit=x"), ("fs", "statuses=4"),
    ("fs", "fs_provider=9"), ("fs", "from_id=x"), ("fs", "order=UP"), ("fs", "start_timestamp=-1"),
    ("fs", "protocols=GOPHER"), ("fs", "csv_export=maybe"), ("provider", "object_types=users"),
    ("provider", "actions=remove"), ("logs", "events=9"), ("logs", "events=1,x")])
def test_bad_parameters_are_named(audited, kind, query):
    with pytest.raises(RestError) as refused:
        audited.api("GET", f"/events/{kind}?{query}")
    assert refused.value.status == 400 and query.split("=")[0] in refused.value.body


def test_provider_events(audited):
    found = events(audited, "provider", order="ASC")
    assert [(event["action"], event["object_type"], event["object_name"], event["username"]) for event in found[:4]] == [
        ("add", "folder", "f", ADMIN), ("add", "user", "alice", ADMIN), ("add", "user", "bob", ADMIN),
        ("delete", "user", "bob", ADMIN)]
    user = json.loads(base64.b64decode(found[1]["object_data"]))
    assert user["description"] == "d" and "password" not in user
    assert events(audited, "provider", omit_object_data="true", object_name="alice")[0]["object_data"] == ""
    assert len(events(audited, "provider", object_types="folder,group")) == 1
    assert len(events(audited, "provider", actions="delete", object_types="user")) == 1


def changes(server):
    found = events(server, "provider", order="ASC", limit=1000)
    return [(event["action"], event["object_type"], event["object_name"], event["username"]) for event in found]


def test_every_kind_of_object_and_what_people_change_themselves(make_server):
    server = make_server()
    user = server.create_user("user")
    server.api("POST", "/groups", {"name": "group"})
    server.api("POST", "/roles", {"name": "role"})
    server.api("POST", "/iplists/1", {"ipornet": "192.0.2.0/24", "type": 1, "mode": 1})
    server.api("PUT", "/iplists/1/192.0.2.0%2F24", {"mode": 1, "description": "net"})
    key = server.api("POST", "/apikeys", {"name": "job", "scope": 1})["key"]
    key_id = key.split(".")[0]
    server.api("PUT", f"/apikeys/{key_id}", {"name": "job", "scope": 1, "description": "d"})
    account = as_user(user)
    account("PUT", "/user/profile", {"email": "user@example.com"})
    secret = account.set_up()
    account("POST", "/user/totp/validate", {"config_name": "Default", "secret": secret, "passcode": "1"}, 400)
    server.api("PUT", "/users/user/2fa/disable")
    account("PUT", "/user/changepwd", {"current_password": user.password, "new_password": "the new Passw0rd"})
    with pytest.raises(RestError):
        server.api("POST", "/roles", {"name": "role"})
    for path in (f"/apikeys/{key_id}", "/iplists/1/192.0.2.0%2F24", "/groups/group", "/roles/role"):
        server.api("DELETE", path)
    expected = [("add", "user", "user", ADMIN), ("add", "group", "group", ADMIN), ("add", "role", "role", ADMIN),
                ("add", "ip_list_entry", "192.0.2.0/24", ADMIN), ("update", "ip_list_entry", "192.0.2.0/24", ADMIN),
                ("add", "api_key", key_id, ADMIN), ("update", "api_key", key_id, ADMIN),
                ("update", "user", "user", "__self__"), ("update", "user", "user", "__self__"),
                ("update", "user", "user", ADMIN), ("update", "user", "user", "__self__"),
                ("delete", "api_key", key_id, ADMIN), ("delete", "ip_list_entry", "192.0.2.0/24", ADMIN),
                ("delete", "group", "group", ADMIN), ("delete", "role", "role", ADMIN)]
    assert wait_for(lambda: len(changes(server)) >= len(expected))
    assert changes(server) == expected
    told = b"".join(base64.b64decode(event["object_data"]) for event in events(server, "provider"))
    for hidden in (key.split(".")[1], secret, user.password, "the new Passw0rd", "$2"):
        assert hidden.encode() not in told


def test_what_a_dump_brings(make_server, tmp_path):
    dump = {"version": 17, "roles": [{"name": "role"}], "folders": [{"name": "f", "mapped_path": "/srv/f"}],
            "users": [{"username": "u", "password": "u's Passw0rd", "home_dir": str(tmp_path / "u"), "status": 1,
                       "permissions": {"/": ["*"]}, "virtual_folders": []}],
            "ip_lists": [{"ipornet": "192.0.2.0/24", "type": 1, "mode": 1}]}
    file = tmp_path / "dump.json"
    file.write_text(json.dumps(dump))
    server = make_server(arguments=["--loaddata-from", file])
    wanted = [("role", "role"), ("folder", "f"), ("user", "u"), ("ip_list_entry", "192.0.2.0/24")]
    at_start = [("add", kind, name, "__system__") for kind, name in wanted]
    assert wait_for(lambda: len(changes(server)) >= len(at_start)) and changes(server) == at_start
    server.api("POST", "/loaddata", dump | {"groups": [{"name": "g"}]})
    server.api("POST", "/loaddata?mode=1", dump)
    over_rest = [("update", kind, name, ADMIN) for kind, name in wanted]
    over_rest.insert(2, ("add", "group", "g", ADMIN))
    assert wait_for(lambda: len(changes(server)) >= 9) and changes(server) == at_start + over_rest
    user = next(event for event in events(server, "provider", object_types="user") if event["username"] == ADMIN)
    assert user["ip"] == "127.0.0.1" and b'"password"' not in base64.b64decode(user["object_data"])


def test_csv_starts_no_formula(audited):
    answer = events(audited, "fs", csv_export="true", order="ASC", username="alice")
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 6 and rows[0]["Username"] == "alice"
    assert not any(value.startswith(("=", "+", "-", "@")) for row in rows for value in row.values())
    assert "/=cmd()" in rows[0]["Path"]
    assert events(audited, "logs", csv_export="true").text.startswith("ID,Time,Event")


def test_logins(audited):
    with pytest.raises(paramiko.AuthenticationException):
        Paramiko(type(audited.alice)(audited, "alice", "wrong", audited.alice.home))
    with pytest.raises(paramiko.AuthenticationException):
        Paramiko(type(audited.alice)(audited, "=nobody", "wrong", audited.alice.home))
    found = wait_for(lambda: events(audited, "logs", events="2"))
    assert (found[0]["username"], found[0]["protocol"], found[0]["ip"], found[0]["event"]) == ("=nobody", "SSH",
                                                                                              "127.0.0.1", 2)
    failed = events(audited, "logs", events="1", username="alice")
    assert len(failed) == 1 and failed[0]["message"]
    fine = events(audited, "logs", events="5", username="alice")
    assert fine and fine[0]["protocol"] == "SSH"
    text = events(audited, "logs", events="2", csv_export="1").text
    assert "'=nobody" in text


def test_clients_without_a_common_algorithm(make_server):
    server = make_server()
    refused = subprocess.run(["ssh", *NO_HOST_CHECK, "-F", "none", "-o", "KexAlgorithms=diffie-hellman-group1-sha1", "-p",
                              str(server.sftp_port), "alice@127.0.0.1"], capture_output=True, timeout=60)
    assert refused.returncode == 255
    [event] = wait_for(lambda: events(server, "logs", events="4"))
    assert (event["event"], event["protocol"], event["ip"], event.get("username", "")) == (4, "SSH", "127.0.0.1", "")
    assert "diffie-hellman-group1-sha1" in event["message"] and events(server, "logs", events="1,2,3") == []


def test_needs_the_permission(audited):
    audited.api("POST", "/admins", {"username": "limited", "password": "limited's Passw0rd", "status": 1,
                                    "permissions": ["view_users"]})
    basic = base64.b64encode(b"limited:limited's Passw0rd").decode()
    token = audited.request("GET", "/api/v2/token", headers={"Authorization": f"Basic {basic}"})["access_token"]
    for path in ("/events/fs", "/events/provider", "/events/logs", "/events/queue", "/events/dead-letters"):
        with pytest.raises(RestError) as refused:
            audited.request("GET", f"/api/v2{path}", headers={"Authorization": f"Bearer {token}"})
        assert refused.value.status == 403


def test_events_are_kept_for_their_time(clock, make_server):
    """What is too old is looked for at the start, and every ten minutes."""
    server = make_server(clock.environment() | {"FERRY_COMMON__AUDIT__FS_EVENTS": "24",
                                                "FERRY_COMMON__AUDIT__LOG_EVENTS": "72"})
    user = server.create_user("alice")
    with Paramiko(user) as sftp:
        sftp.mkdir("/a")

    def kinds():
        about_alice = {"fs": {}, "provider": {"object_name": "alice"}, "logs": {"username": "alice"}}
        return {kind for kind, query in about_alice.items() if events(server, kind, **query)}
    assert wait_for(lambda: kinds() == {"fs", "provider", "logs"})
    for day, kept in ((2, {"provider", "logs"}), (4, {"provider"}), (31, set())):
        assert server.stop() == 0
        clock.show(day * 86_400)
        server.start()
        assert wait_for(lambda: kinds() == kept), (day, kinds())


def test_file_events_are_off_by_default(server, new_user):
    user = new_user()
    with Paramiko(user) as sftp:
        sftp.mkdir("/a")
    assert wait_for(lambda: events(server, "provider", object_name=user.name)), "changes of objects are kept"
    assert events(server, "fs") == []
