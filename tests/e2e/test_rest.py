"""The REST API as an operator's script uses it."""
import re
import time

import paramiko
import pytest
import requests

from clients import Paramiko
from ferry import ADMIN, ADMIN_PASSWORD


class Api:
    """requests with a base address and a token."""

    def __init__(self, server, token=None):
        self.base = server.url("/api/v2")
        self.session = requests.Session()
        if token:
            self.session.headers["Authorization"] = f"Bearer {token}"

    def __call__(self, method, path, **options):
        return self.session.request(method, self.base + path, timeout=30, **options)


@pytest.fixture
def api(server):
    return Api(server, server.token())


@pytest.fixture
def anonymous(server):
    return Api(server)


def is_error(answer, status):
    """Documented error body and code."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert isinstance(body.get("message", ""), str) and isinstance(body.get("error", ""), str)
    assert body.get("message") or body.get("error")
    return True


def test_healthz_needs_no_login(server):
    answer = requests.get(server.url("/healthz"), timeout=10)
    assert (answer.status_code, answer.text.strip()) == (200, "ok")


def test_token_and_logout(anonymous, server):
    answer = anonymous("GET", "/token", auth=(ADMIN, ADMIN_PASSWORD))
    assert answer.status_code == 200 and answer.json()["expires_at"].endswith("Z")
    mine = Api(server, answer.json()["access_token"])
    assert mine("GET", "/version").status_code == 200
    assert mine("GET", "/logout").status_code == 200
    assert is_error(mine("GET", "/version"), 401)


@pytest.mark.parametrize("login", [(ADMIN, "wrong"), ("nobody", ADMIN_PASSWORD), (ADMIN, ""), ("", "")])
def test_no_token_for_wrong_credentials(anonymous, login):
    assert is_error(anonymous("GET", "/token", auth=login), 401)


@pytest.mark.parametrize("path", ["/version", "/status", "/users", "/users/x", "/admins", "/folders", "/connections",
                                  "/admin/profile"])
@pytest.mark.parametrize("header", [None, "Bearer ", "Bearer x.y.z", "Basic eDp5",
                                    "Bearer eyJhbGciOiJub25lIn0.eyJ1c2VybmFtZSI6InJvb3QifQ."])
def test_nothing_without_a_valid_token(anonymous, path, header):
    headers = {"Authorization": header} if header else {}
    assert is_error(anonymous("GET", path, headers=headers), 401)


def test_users_life(api, server):
    name, home = "rest-user", str(server.home_base / "rest-user")
    body = {"username": name, "password": "a Passw0rd for REST", "status": 1, "home_dir": home,
            "email": "a@example.com", "permissions": {"/": ["*"], "/sub": ["list"]}, "description": "naïve ☂", "max_sessions": 3,
            "filters": {"allowed_ip": ["127.0.0.0/8"], "denied_protocols": ["FTP"]}, "quota_size": 2**40,
            "additional_info": "x" * 1000}
    created = api("POST", "/users", json=body)
    assert created.status_code == 201, created.text
    assert not created.json().get("password")
    got = api("GET", f"/users/{name}").json()
    assert not got.get("password")
    for field in ("username", "status", "home_dir", "email", "permissions", "description", "max_sessions", "quota_size",
                  "additional_info"):
        assert got[field] == body[field], field
    assert got["filters"]["allowed_ip"] == ["127.0.0.0/8"] and got["filters"]["denied_protocols"] == ["FTP"]
    assert abs(got["created_at"] / 1000 - time.time()) < 300
    changed = got | {"description": "changed", "status": 0}
    assert api("PUT", f"/users/{name}", json=changed).status_code == 200
    assert api("GET", f"/users/{name}").json()["description"] == "changed"
    assert api("GET", f"/users/{name}").json()["created_at"] == got["created_at"]
    assert api("DELETE", f"/users/{name}").status_code == 200
    assert is_error(api("GET", f"/users/{name}"), 404)
    assert is_error(api("DELETE", f"/users/{name}"), 404)
    assert is_error(api("PUT", f"/users/{name}", json=changed), 404)


def test_paging_and_order(api):
    names = [f"page{index:02d}" for index in range(7)]
    for name in names:
        assert api("POST", "/folders", json={"name": name, "mapped_path": f"/srv/{name}"}).status_code == 201
    try:
        def page(**query):
            return [one["name"] for one in api("GET", "/folders", params=query).json() if one["name"] in names]
        everything = [one["name"] for one in api("GET", "/folders", params={"limit": 500}).json()]
        assert everything == sorted(everything) and set(names) <= set(everything)
        assert page(limit=500, order="DESC") == names[::-1] and page(limit=1000) == names
        offset = everything.index("page00")
        assert page(limit=3, offset=offset) == names[:3] and page(limit=3, offset=offset + 3) == names[3:6]
        for query in ({"limit": 0}, {"limit": -1}, {"limit": "x"}, {"offset": "x"}, {"order": "UP"}):
            assert is_error(api("GET", "/folders", params=query), 400)
    finally:
        for name in names:
            api("DELETE", f"/folders/{name}")


def test_folders_life(api):
    body = {"name": "rest-folder", "mapped_path": "/srv/rest-folder", "description": "one"}
    assert api("POST", "/folders", json=body).status_code == 201
    assert api("PUT", "/folders/rest-folder", json=body | {"description": "two"}).status_code == 200
    assert api("GET", "/folders/rest-folder").json()["description"] == "two"
    assert api("DELETE", "/folders/rest-folder").status_code == 200
    assert is_error(api("GET", "/folders/rest-folder"), 404)


def test_secrets_are_redacted(api):
    secret = "the very secret passphrase"
    body = {"name": "crypted", "mapped_path": "/srv/crypted", "filesystem": {
        "provider": 4, "cryptconfig": {"passphrase": {"status": "Plain", "payload": secret}}}}
    assert api("POST", "/folders", json=body).status_code == 201
    try:
        for answer in (api("GET", "/folders/crypted"), api("GET", "/folders", params={"limit": 500})):
            assert secret not in answer.text
        passphrase = api("GET", "/folders/crypted").json()["filesystem"]["cryptconfig"]["passphrase"]
        assert passphrase["status"] not in ("", "Plain")
        assert not passphrase.get("key") and not passphrase.get("additional_data")
    finally:
        api("DELETE", "/folders/crypted")


def test_admins_life_and_own_account(api, anonymous, server):
    body = {"username": "second", "password": "the second Passw0rd", "status": 1, "permissions": ["view_users"]}
    assert api("POST", "/admins", json=body).status_code == 201
    try:
        token = anonymous("GET", "/token", auth=("second", body["password"])).json()["access_token"]
        second = Api(server, token)
        assert second("GET", "/users").status_code == 200
        assert is_error(second("POST", "/users", json={"username": "x", "home_dir": "/srv/x"}), 403)
        assert is_error(second("GET", "/admins"), 403)
        profile = {"email": "second@example.com", "description": "me"}
        assert second("PUT", "/admin/profile", json=profile).status_code == 200
        assert second("GET", "/admin/profile").json()["email"] == "second@example.com"
        wrong = {"current_password": "no", "new_password": "the third Passw0rd"}
        assert is_error(second("PUT", "/admin/changepwd", json=wrong), 400)
        right = wrong | {"current_password": body["password"]}
        assert second("PUT", "/admin/changepwd", json=right).status_code == 200
        assert is_error(anonymous("GET", "/token", auth=("second", body["password"])), 401)
        assert anonymous("GET", "/token", auth=("second", "the third Passw0rd")).status_code == 200
    finally:
        assert api("DELETE", "/admins/second").status_code == 200
    assert is_error(second("GET", "/users"), 401)
    assert is_error(api("DELETE", f"/admins/{ADMIN}"), 400)


@pytest.mark.parametrize("body", [
    {}, {"username": "", "home_dir": "/srv/x"}, {"username": "bad", "home_dir": "relative"},
    {"username": "bad", "home_dir": "/srv/x", "permissions": {"/": ["nonsense"]}},
    {"username": "bad", "home_dir": "/srv/x", "permissions": {"/": ["*"]}, "status": 7},
    {"username": "bad", "home_dir": "/srv/x", "permissions": {"/": ["*"]}, "public_keys": ["ssh-ed25519 nonsense"]},
    {"username": "bad", "home_dir": "/srv/x", "permissions": {"/": ["*"]}, "filters": {"allowed_ip": ["300.1.1.1/8"]}},
    {"username": "bad", "home_dir": "/srv/x", "permissions": {"/": ["*"]},
     "filters": {"denied_login_methods": ["telepathy"]}},
], ids=lambda body: str(list(body.values())[-1:])[:40])
def test_invalid_users_are_refused(api, body):
    assert is_error(api("POST", "/users", json=body | {"password": "a Passw0rd for REST"}), 400)
    assert is_error(api("GET", "/users/bad"), 404)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'"text"', b"\xff\xfe", b"{" * 100_000])
def test_bodies_that_are_not_an_object(api, data):
    answer = api("POST", "/users", data=data, headers={"Content-Type": "application/json"})
    assert is_error(answer, 400)


def test_a_huge_body_is_refused(api):
    try:
        answer = api("POST", "/users", data=b'{"description": "' + b"x" * 50_000_000 + b'"}')
        assert answer.status_code in (400, 413)
    except requests.exceptions.ConnectionError:
        pass  # the server need not read what it refuses
    assert api("GET", "/version").status_code == 200


def test_a_name_is_taken_once(api, server):
    body = {"username": "taken", "password": "a Passw0rd for REST", "home_dir": str(server.home_base / "taken"),
            "status": 1, "permissions": {"/": ["*"]}}
    assert api("POST", "/users", json=body).status_code == 201
    assert 400 <= api("POST", "/users", json=body).status_code <= 500
    assert api("DELETE", "/users/taken").status_code == 200


def test_unknown_routes_and_methods(api):
    assert is_error(api("GET", "/nonsense"), 404)
    assert api("PATCH", "/users").status_code in (404, 405)


def test_status_and_version(api, server):
    status = api("GET", "/status").json()
    assert status["data_provider"]["driver"] == "sqlite" and status["data_provider"]["is_active"]
    assert status["ssh"]["is_active"] and status["ssh"]["bindings"][0]["port"] == server.sftp_port
    assert status["ssh"]["host_keys"]
    assert set(status["ssh"]["authentications"]) >= {"password", "publickey", "keyboard-interactive"}
    assert "scp" in status["ssh"]["ssh_commands"]
    version = api("GET", "/version").json()
    assert version["version"] and isinstance(version["features"], list)


def test_a_connection_is_listed_and_closed(api, new_user, keys):
    user = new_user()
    with Paramiko(user, keys["ed25519"]) as sftp:
        sftp.listdir(".")
        mine = [one for one in api("GET", "/connections").json() if one["username"] == user.name]
        assert len(mine) == 1 and mine[0]["protocol"] == "SFTP" and "paramiko" in mine[0]["client_version"]
        assert mine[0]["remote_address"].startswith("127.0.0.1")
        # Random, so that no other run of the server has the same: lines of its log could not be told apart.
        assert re.fullmatch(r"SFTP_[0-9A-Za-z]{22}_1", mine[0]["connection_id"])
        assert api("DELETE", f"/connections/{mine[0]['connection_id']}").status_code == 200
        with pytest.raises((OSError, EOFError, paramiko.SSHException)):
            for _ in range(100):
                sftp.listdir(".")
                time.sleep(0.05)
    assert is_error(api("DELETE", "/connections/nonsense"), 404)


def test_disabling_an_account_can_end_its_sessions(api, new_user, keys):
    user = new_user()
    with Paramiko(user, keys["ed25519"]) as sftp:
        sftp.listdir(".")
        body = api("GET", f"/users/{user.name}").json() | {"status": 0}
        assert api("PUT", f"/users/{user.name}", params={"disconnect": 1}, json=body).status_code == 200
        with pytest.raises((OSError, EOFError, paramiko.SSHException)):
            for _ in range(100):
                sftp.listdir(".")
                time.sleep(0.05)
