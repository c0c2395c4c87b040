"""Names that would climb, end a text or break a line: refused wherever an object has a name; odd ones lead nowhere."""
import json
import urllib.parse

import paramiko
import pytest

from clients import Paramiko
from ferry import RestError

HOSTILE = ["..", ".", "", "../x", "..\\x", "a/b", "/etc", "a\\b", "a\0b", "\0", "a\x01b", "a\nb", "a\r\nb", "a\x7fb",
           "a\u0085b", "a\u202eb", "a\u2028b", "x" * 256, "ä" * 128]
ODD = ["%username%", "%role%", "%%", "%00", "%2e%2e", "%2f", "...", "~", "$HOME", "`id`", "*", "-rf", "a b",
       "'; DROP TABLE users; --", "?mode=1", "#", "&", "ключ", "<b>", '"quoted"']
KINDS = {
    "users": lambda name, home: {"username": name, "password": "a user's Passw0rd", "home_dir": home,
                                 "permissions": {"/": ["*"]}},
    "admins": lambda name, home: {"username": name, "password": "an admin's Passw0rd", "permissions": ["view_users"]},
    "folders": lambda name, home: {"name": name, "mapped_path": home},
    "groups": lambda name, home: {"name": name},
    "roles": lambda name, home: {"name": name},
}


def names(server, kind):
    return {one.get("username", one.get("name")) for one in server.api("GET", f"/{kind}?limit=500")}


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_names_are_refused(server, tmp_path, kind):
    before = names(server, kind)
    for name in HOSTILE:
        body = KINDS[kind](name, str(tmp_path / "home"))
        with pytest.raises(RestError) as refusal:
            server.api("POST", f"/{kind}", body)
        assert refusal.value.status == 400, ascii(name)
        with pytest.raises(RestError) as refusal:
            server.api("POST", "/loaddata", {kind: [body], "version": 17})
        assert refusal.value.status == 400, ascii(name)
    assert names(server, kind) == before


def test_odd_names_stay_what_they_are(server, tmp_path):
    """As user, role and folder at once: what they make of placeholders lies exactly where they say."""
    homes, shared = tmp_path / "homes", tmp_path / "shared"
    server.api("POST", "/folders", {"name": "of-odd-names", "mapped_path": str(shared / "%role%" / "%username%")})
    server.api("POST", "/groups", {
        "name": "odd", "user_settings": {"home_dir": str(homes / "%role%" / "%username%"),
                                         "filters": {"start_directory": "/in/%username%"}},
        "virtual_folders": [{"name": "of-odd-names", "virtual_path": "/of/%role%/%username%"}]})
    for name in ODD:
        server.api("POST", "/roles", {"name": name})
        user = server.create_user(name, role=name, groups=[{"name": "odd", "type": 1}])
        with Paramiko(user) as client:
            assert client.normalize(".") == f"/in/{name}"
            client.open("/at home", "w").close()
            client.open(f"/of/{name}/{name}/in the folder", "w").close()
        path = urllib.parse.quote(name, safe="")
        assert server.api("GET", f"/users/{path}")["username"] == name
        assert server.api("GET", f"/roles/{path}")["users"] == [name]
        server.api("DELETE", f"/users/{path}")
        server.api("DELETE", f"/roles/{path}")
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert found == ({f"homes/{name}/{name}/at home" for name in ODD} |
                     {f"shared/{name}/{name}/in the folder" for name in ODD})


@pytest.mark.parametrize("settings,mounts", [
    ({"filters": {"start_directory": "/%username%/../../.."}}, False),
    ({"permissions": {"/%username%/../../..": ["*"]}}, False),
    ({}, True),
])
def test_virtual_paths_that_climb_stay_in_the_tree(server, tmp_path, settings, mounts, request):
    """Refused when they are stored or at the login, or what they are in a tree that has nothing above."""
    name = f"climbs{abs(hash(request.node.name)) % 10**8}"
    base = tmp_path / "a" / "b"
    (tmp_path / "a").mkdir()
    (tmp_path / "secret").write_text("secret")
    try:
        server.api("POST", "/folders", {"name": name, "mapped_path": str(base / "folder")})
        folder = {"name": name, "virtual_path": "/%username%/../../../../up"}
        server.api("POST", "/groups", {"name": name, "user_settings": settings,
                                       "virtual_folders": [folder] if mounts else []})
        user = server.create_user(name, groups=[{"name": name, "type": 1}], home_dir=base / "home")
        with Paramiko(user) as client:
            for path in (".", "/", "/up", "../../.."):
                assert "secret" not in client.listdir(path)
            client.open("/up/file" if mounts else "/file", "w").close()
    except (RestError, OSError, EOFError, paramiko.SSHException):
        pass
    assert {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")} <= {"a", "secret"}
    assert (tmp_path / "secret").read_text() == "secret"
