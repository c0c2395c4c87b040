"""Groups and roles as clients and administrators meet them."""
import base64
import time

import paramiko
import pytest

from clients import ClientFailed, Paramiko, random_file, sftp
from ferry import FACTOR, RestError, User
from quota_tools import expect_used


def group(server, name, virtual_folders=(), **settings):
    server.api("POST", "/groups", {"name": name, "virtual_folders": list(virtual_folders), "user_settings": settings})
    return name


def test_a_user_has_the_settings_of_its_groups(server, tmp_path):
    (tmp_path / "shared").mkdir()
    server.api("POST", "/folders", {"name": "group-folder", "mapped_path": str(tmp_path / "shared")})
    group(server, "primary", home_dir=str(tmp_path / "%role%" / "%username%"), permissions={"/only": ["list"]},
          filters={"start_directory": "/start/%username%"})
    group(server, "secondary", [{"name": "group-folder", "virtual_path": "/of/%username%"}],
          permissions={"/": ["list"], "/of": ["*"]})
    server.api("POST", "/roles", {"name": "south"})
    user = server.create_user("inherits", role="south", groups=[{"name": "secondary", "type": 2},
                                                                {"name": "primary", "type": 1}])
    with Paramiko(user) as sftp:
        assert sftp.normalize(".") == "/start/inherits"
        with sftp.open("/file", "w") as file:
            file.write("in the group's home")
        sftp.mkdir("/only")
        with pytest.raises(IOError):
            sftp.mkdir("/only/inside")
        with sftp.open("/of/inherits/file", "w") as file:
            file.write("in the group's folder")
    assert (tmp_path / "south" / "inherits" / "file").read_text() == "in the group's home"
    assert (tmp_path / "shared" / "file").read_text() == "in the group's folder"


def refused(operation, *arguments):
    with pytest.raises((OSError, EOFError, paramiko.SSHException)):
        operation(*arguments)


def test_limits_and_filters_of_groups_hold(server):
    """Numbers of the primary group, rules and lists of both; what the user says of its own stays."""
    group(server, "limits", quota_files=2, max_sessions=1, permissions={"/p": ["list", "upload"]},
          filters={"max_upload_file_size": 1000, "file_patterns": [{"path": "/", "denied_patterns": ["*.exe"]}]})
    group(server, "rules", quota_files=1, filters={
        "denied_login_methods": ["keyboard-interactive"], "max_upload_file_size": 1,
        "file_patterns": [{"path": "/", "denied_patterns": ["*"]}, {"path": "/s", "denied_patterns": ["*.txt"]}]})
    group(server, "no-settings", quota_files=1, permissions={"/m": ["list"]},
          filters={"denied_protocols": ["SSH"], "denied_ip": ["127.0.0.0/8"]})
    groups = [{"name": "limits", "type": 1}, {"name": "rules", "type": 2}, {"name": "no-settings", "type": 3}]
    user = server.create_user("of-groups", groups=groups)
    other = server.create_user("with-its-own", groups=groups, quota_files=3, max_sessions=2)

    def put(sftp, path, size=10):
        with sftp.open(path, "w") as file:
            file.write(b"x" * size)

    with Paramiko(user) as sftp:
        refused(lambda: Paramiko(user).__enter__().listdir("/"))  # a second session
        for folder in ("p", "s", "m"):
            sftp.mkdir(folder)
        refused(put, sftp, "virus.exe")
        refused(put, sftp, "s/a.txt")
        refused(put, sftp, "large", 1001)
        assert "large" not in sftp.listdir("/")
        put(sftp, "m/one")
        put(sftp, "p/two")
        refused(sftp.remove, "p/two")
        refused(put, sftp, "three")
    with Paramiko(other) as sftp, Paramiko(other) as second:
        for name in ("one", "two", "three"):
            put(sftp, name)
        refused(put, second, "four")
    transport = paramiko.Transport(("127.0.0.1", server.sftp_port))
    try:
        transport.start_client(timeout=20)
        refused(transport.auth_interactive, user.name, lambda *_: [user.password])
    finally:
        transport.close()


def test_addresses_of_groups_decide_who_gets_in(server):
    """Those of groups are added to the user's; a group that only names its members keeps nobody out."""
    group(server, "not-from-here", filters={"denied_ip": ["127.0.0.0/8"]})
    group(server, "from-elsewhere", filters={"allowed_ip": ["192.0.2.0/24"]})
    for number, (names, allowed, gets_in) in enumerate([
            ([("not-from-here", 2)], [], False), ([("not-from-here", 1)], [], False), ([("not-from-here", 3)], [], True),
            ([("from-elsewhere", 1)], [], False), ([("from-elsewhere", 2)], [], False),
            ([("from-elsewhere", 2)], ["127.0.0.1/32"], True), ([("from-elsewhere", 3)], [], True),
            ([("not-from-here", 2)], ["127.0.0.1/32"], False)]):
        user = server.create_user(f"from{number}", filters={"allowed_ip": allowed},
                                  groups=[{"name": name, "type": kind} for name, kind in names])
        if gets_in:
            with Paramiko(user) as sftp:
                assert sftp.listdir("/") == []
        else:
            with pytest.raises(paramiko.AuthenticationException):
                Paramiko(user)


def test_accounts_of_a_group_expire(server):
    """Days after the user's creation, which a dump brings along; the user's own date goes before."""
    group(server, "for-a-day", expires_in=1)
    now, day = int(time.time() * 1000), 86_400_000

    def load(name, age, **fields):
        user = {"username": name, "password": "a user's Passw0rd", "home_dir": str(server.home_base / name), "status": 1,
                "permissions": {"/": ["*"]}, "groups": [{"name": "for-a-day", "type": 1}],
                "created_at": now - age * day // 2} | fields
        server.api("POST", "/loaddata", {"users": [user], "version": 17})
        return User(server, name, user["password"], None)

    for user in (load("of-today", 1), load("own-date", 3, expiration_date=now + day),
                 load("secondary", 3, groups=[{"name": "for-a-day", "type": 2}])):
        with Paramiko(user) as sftp:
            assert sftp.listdir("/") == []
    with pytest.raises(paramiko.AuthenticationException):
        Paramiko(load("of-yesterday", 3))


def test_quotas_and_transfer_limits_of_groups(server, tmp_path):
    group(server, "small", quota_size=500_000)
    group(server, "little-traffic", upload_data_transfer=1)
    user = server.create_user("small-home", groups=[{"name": "small", "type": 1}])
    large = random_file(tmp_path / "large", 1_500_000)
    with pytest.raises(ClientFailed):
        sftp(user, [f"put {large} large"])
    assert not (user.home / "large").exists()
    expect_used(user)
    user = server.create_user("sends-little", groups=[{"name": "little-traffic", "type": 1}])
    with pytest.raises(ClientFailed):
        sftp(user, [f"put {large} large"])
    assert server.api("GET", "/users/sends-little")["used_upload_data_transfer"] == 1024 * 1024
    assert not (user.home / "large").exists()
    own = server.create_user("sends-more", groups=[{"name": "little-traffic", "type": 1}], total_data_transfer=2)
    sftp(own, [f"put {large} large"])


def test_bandwidth_of_groups(server, tmp_path):
    """Of the primary group, and by source network of both kinds. What does not hold would take minutes."""
    def from_network(network, rate):
        return {"bandwidth_limits": [{"sources": [network], "upload_bandwidth": rate, "download_bandwidth": 0}]}
    group(server, "slow", upload_bandwidth=50)
    group(server, "slow-from-here", filters=from_network("127.0.0.0/8", 50))
    group(server, "crawling", upload_bandwidth=1)
    group(server, "crawling-from-there", filters=from_network("192.0.2.0/24", 1))
    source = random_file(tmp_path / "source", 100 * 1024)
    for name, kind, slow in (("slow", 1, True), ("slow-from-here", 2, True), ("crawling", 2, False),
                             ("crawling-from-there", 2, False)):
        user = server.create_user(f"is-{name}", groups=[{"name": name, "type": kind}])
        with Paramiko(user) as client:
            began = time.monotonic()
            client.put(str(source), "file")
            took = time.monotonic() - began
        assert took > 1.5 if slow else took < 20 * FACTOR, (name, took)


def test_each_member_has_a_directory_of_the_groups_folder(server, tmp_path):
    server.api("POST", "/folders", {"name": "tenants", "mapped_path": str(tmp_path / "tenants")})
    group(server, "tenants", [
        {"name": "tenants", "virtual_path": "/mine", "subpath": "/each/%username%"},
        {"name": "tenants", "virtual_path": "/ours", "subpath": "roles/%role%"}])
    server.api("POST", "/roles", {"name": "team"})
    groups = [{"name": "tenants", "type": 2}]
    for user in (server.create_user("tenant-one", groups=groups, role="team"),
                 server.create_user("tenant-two", groups=groups)):
        with Paramiko(user) as sftp:
            with sftp.open(f"/mine/of-{user.name}", "w") as file:
                file.write("x")
            assert sftp.listdir("/mine") == [f"of-{user.name}"]
            # Who has no role does not see what lies above those of others.
            assert sorted(sftp.listdir("/")) == (["mine", "ours"] if user.name == "tenant-one" else ["mine"])
    assert (tmp_path / "tenants/each/tenant-two/of-tenant-two").exists()
    assert (tmp_path / "tenants/roles/team").is_dir()
    assert [mount["subpath"] for mount in server.api("GET", "/groups/tenants")["virtual_folders"]] == [
        "/each/%username%", "/roles/%role%"]


def test_a_change_counts_from_the_next_login(server):
    group(server, "changing")
    user = server.create_user("member", groups=[{"name": "changing", "type": 2}])
    with Paramiko(user) as sftp:
        server.api("PUT", "/groups/changing", {"name": "changing",
                                               "user_settings": {"filters": {"denied_protocols": ["SSH"]}}})
        sftp.mkdir("/still")
        with pytest.raises(paramiko.AuthenticationException):
            Paramiko(user)
    server.api("PUT", "/groups/changing", {"name": "changing"})
    with Paramiko(user) as sftp:
        server.api("PUT", "/users/member?disconnect=1", server.api("GET", "/users/member"))
        with pytest.raises((EOFError, OSError, paramiko.SSHException)):
            for _ in range(100):
                sftp.listdir("/")
                time.sleep(0.05)


def limited_api(server, name, role, permissions):
    """api(method, path, body) as a new administrator with this role."""
    server.api("POST", "/admins", {"username": name, "password": "an admin's Passw0rd", "status": 1, "role": role,
                                   "permissions": permissions})
    basic = base64.b64encode(f"{name}:an admin's Passw0rd".encode()).decode()
    token = server.request("GET", "/api/v2/token", headers={"Authorization": f"Basic {basic}"})["access_token"]
    return lambda method, path, body=None: server.request(method, f"/api/v2{path}", body,
                                                          {"Authorization": f"Bearer {token}"})


def test_an_administrator_with_a_role_sees_and_closes_the_connections_of_its_users(server):
    server.api("POST", "/roles", {"name": "west"})
    api = limited_api(server, "west-admin", "west", ["view_conns", "close_conns"])
    mine, other = server.create_user("of-west", role="west"), server.create_user("of-no-role")
    with Paramiko(mine) as my_sftp, Paramiko(other) as other_sftp:
        ids = {one["username"]: one["connection_id"] for one in server.api("GET", "/connections")}
        assert [one["username"] for one in api("GET", "/connections")] == ["of-west"]
        for hidden in (ids["of-no-role"], "SFTP_nobody_1"):
            with pytest.raises(RestError) as refusal:
                api("DELETE", f"/connections/{hidden}")
            assert refusal.value.status == 404
        api("DELETE", f"/connections/{ids['of-west']}")
        with pytest.raises((EOFError, OSError, paramiko.SSHException)):
            for _ in range(100):
                my_sftp.listdir("/")
                time.sleep(0.05)
        assert other_sftp.listdir("/") == []


def test_an_administrator_with_a_role_is_told_of_its_users_alone(server, tmp_path):
    """Also where folders and groups list who has them, and of quotas."""
    server.api("POST", "/roles", {"name": "east"})
    server.api("POST", "/folders", {"name": "of-all", "mapped_path": str(tmp_path / "of-all")})
    group(server, "of-all")
    relations = {"groups": [{"name": "of-all", "type": 3}], "virtual_folders": [
        {"name": "of-all", "virtual_path": "/of-all", "quota_size": 0, "quota_files": 0}]}
    server.create_user("of-east", role="east", quota_files=5, **relations)
    server.create_user("not-of-east", quota_files=5, **relations)
    api = limited_api(server, "east-admin", "east", ["manage_folders", "manage_groups", "quota_scans", "view_users"])
    for kind in ("folders", "groups"):
        assert sorted(server.api("GET", f"/{kind}/of-all")["users"]) == ["not-of-east", "of-east"]
        assert api("GET", f"/{kind}/of-all")["users"] == ["of-east"]
        assert [one["users"] for one in api("GET", f"/{kind}?limit=500") if one["name"] == "of-all"] == [["of-east"]]
    for method, path in (("POST", "scan"), ("PUT", "usage"), ("PUT", "transfer-usage")):
        body = {} if method == "PUT" else None
        api(method, f"/quotas/users/of-east/{path}", body)
        with pytest.raises(RestError) as refusal:
            api(method, f"/quotas/users/not-of-east/{path}", body)
        assert refusal.value.status == 404


def test_an_administrator_with_a_role(server):
    server.api("POST", "/roles", {"name": "north"})
    permissions = ["view_users", "add_users", "edit_users", "view_conns", "close_conns"]
    api = limited_api(server, "north-admin", "north", permissions)
    server.create_user("not-of-north")

    assert api("GET", "/users") == []
    made = api("POST", "/users", {"username": "of-north", "home_dir": str(server.home_base / "of-north"),
                                  "permissions": {"/": ["*"]}, "password": "a user's Passw0rd", "role": ""})
    assert made["role"] == "north"
    assert [user["username"] for user in api("GET", "/users")] == ["of-north"]
    for method, path in (("GET", "/users/not-of-north"), ("PUT", "/users/not-of-north"), ("GET", "/roles"),
                         ("GET", "/groups"), ("DELETE", "/users/of-north"), ("GET", "/dumpdata?output-data=1")):
        with pytest.raises(RestError) as refused:
            api(method, path, {} if method == "PUT" else None)
        assert refused.value.status in (403, 404), (method, path)
    # Its authority ends with the account.
    server.api("PUT", "/admins/north-admin", server.api("GET", "/admins/north-admin") | {"status": 0})
    with pytest.raises(RestError) as refused:
        api("GET", "/users")
    assert refused.value.status == 401


def test_relations_follow_what_is_changed_and_removed(server, tmp_path):
    def shown(kind, name, what):
        return server.api("GET", f"/{kind}/{name}").get(what) or []
    for number in (1, 2):
        server.api("POST", "/folders", {"name": f"rel-folder{number}", "mapped_path": str(tmp_path / f"rel{number}")})
        group(server, f"rel-group{number}", [{"name": f"rel-folder{number}", "virtual_path": "/of-group"}])
        server.api("POST", "/roles", {"name": f"rel-role{number}"})
    user = server.create_user("related", role="rel-role1", groups=[{"name": "rel-group1", "type": 2}], virtual_folders=[
        {"name": "rel-folder1", "virtual_path": "/one", "quota_size": 0, "quota_files": 0}])

    def users_of(number):
        return [shown(kind, f"rel-{kind[:-1]}{number}", "users") for kind in ("folders", "groups", "roles")]
    assert users_of(1) == [["related"]] * 3 and users_of(2) == [[]] * 3
    assert shown("folders", "rel-folder1", "groups") == ["rel-group1"]
    user.update(role="rel-role2", groups=[{"name": "rel-group2", "type": 2}], virtual_folders=[
        {"name": "rel-folder2", "virtual_path": "/two", "quota_size": 0, "quota_files": 0}])
    assert users_of(1) == [[]] * 3 and users_of(2) == [["related"]] * 3
    with pytest.raises(RestError) as refusal:  # what it denied its users would be allowed
        server.api("DELETE", "/groups/rel-group2")
    assert 400 <= refusal.value.status < 500 and users_of(2) == [["related"]] * 3
    with Paramiko(user) as client:
        assert sorted(client.listdir("/")) == ["of-group", "two"]
    server.api("DELETE", "/folders/rel-folder2")
    assert shown("users", "related", "virtual_folders") == shown("groups", "rel-group2", "virtual_folders") == []
    server.api("DELETE", "/roles/rel-role2")
    assert server.api("GET", "/users/related").get("role", "") == ""
    with Paramiko(user) as client:
        assert client.listdir("/") == []
    server.api("DELETE", "/users/related")
    assert shown("groups", "rel-group2", "users") == []
    server.api("DELETE", "/groups/rel-group2")
