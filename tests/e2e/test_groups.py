"""Groups and roles as clients and administrators meet them."""
import base64
import time

import paramiko
import pytest

from clients import Paramiko
from ferry import RestError


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
        sftp.remove("large")  # what arrived up to the limit
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


def test_an_administrator_with_a_role(server):
    server.api("POST", "/roles", {"name": "north"})
    limited = {"username": "north-admin", "password": "an admin's Passw0rd", "status": 1, "role": "north",
               "permissions": ["view_users", "add_users", "edit_users", "view_conns", "close_conns"]}
    server.api("POST", "/admins", limited)
    server.create_user("not-of-north")
    basic = base64.b64encode(b"north-admin:an admin's Passw0rd").decode()
    token = server.request("GET", "/api/v2/token", headers={"Authorization": f"Basic {basic}"})["access_token"]

    def api(method, path, body=None):
        return server.request(method, f"/api/v2{path}", body, {"Authorization": f"Bearer {token}"})

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
    server.api("PUT", "/admins/north-admin", limited | {"status": 0})
    with pytest.raises(RestError) as refused:
        api("GET", "/users")
    assert refused.value.status == 401
