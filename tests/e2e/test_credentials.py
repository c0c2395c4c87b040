"""Second factors, API keys and password rules over REST, as an operator and a person with a phone use them."""
import base64
import subprocess
import time
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from clients import ClientFailed, sftp
from ferry import ADMIN, ADMIN_PASSWORD, FACTOR, binary
from logins import INTERACTIVE, Login, one_time_code, openssh

FILLER = "a better Passw0rd"


def ask(server, path, name, password, code=None):
    """A login over REST; the whole answer."""
    headers = {"X-SFTPGO-OTP": code} if code else {}
    return requests.get(server.url(f"/api/v2{path}"), auth=(name, password), headers=headers, timeout=60 * FACTOR)


class Account:
    """A user or an administrator that is logged in over REST."""

    def __init__(self, server, kind, name, password, code=None):
        self.server, self.kind, self.name, self.password = server, kind, name, password
        answer = ask(server, "/user/token" if kind == "user" else "/token", name, password, code)
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["access_token"]

    def __call__(self, method, path, body=None, status=200):
        answer = requests.request(method, self.server.url(f"/api/v2{path}"), json=body, timeout=60 * FACTOR,
                                  headers={"Authorization": f"Bearer {self.token}"})
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def set_up(self, protocols=("HTTP",)):
        """What an authenticator app and its owner do; returns the secret."""
        made = self("POST", f"/{self.kind}/totp/generate", {"config_name": "Default"})
        secret = made["secret"]
        code = one_time_code(secret)
        checked = {"config_name": "Default", "secret": secret, "passcode": code}
        self("POST", f"/{self.kind}/totp/validate", checked)
        self("POST", f"/{self.kind}/totp/validate", checked | {"passcode": "12345x"}, 400)
        self("POST", f"/{self.kind}/totp/save", {"enabled": True, "config_name": "Default", "protocols": list(protocols),
                                                 "secret": {"status": "Plain", "payload": secret}})
        return secret


def as_user(user):
    return Account(user.server, "user", user.name, user.password)


@pytest.fixture
def new_admin(server):
    made = []

    def make(name, permissions=("*",), **filters):
        server.api("POST", "/admins", {"username": name, "password": FILLER, "status": 1,
                                       "permissions": list(permissions), "filters": filters})
        made.append(name)
        return name
    yield make
    for name in made:
        server.api("DELETE", f"/admins/{name}")


def fresh(secret, used):
    """A code that was not used yet: of now, or of the next step."""
    for step in (0, 1):
        code = one_time_code(secret, step=step)
        if code not in used:
            used.append(code)
            return code
    raise AssertionError("no code left")


def test_the_qr_code_is_what_an_app_reads(user, tmp_path):
    made = as_user(user)("POST", "/user/totp/generate", {"config_name": "Default"})
    picture = tmp_path / "code.png"
    picture.write_bytes(base64.b64decode(made["qr_code"]))
    read = subprocess.run(["zbarimg", "--quiet", "--raw", str(picture)], check=True, capture_output=True, text=True)
    url = urlsplit(read.stdout.strip())
    assert (url.scheme, url.netloc, url.path) == ("otpauth", "totp", f"/Ferry:User%20%22{user.name}%22")
    assert {key: values[0] for key, values in parse_qs(url.query).items()} == {
        "secret": made["secret"], "issuer": "Ferry", "algorithm": "SHA1", "digits": "6", "period": "30"}


def test_a_user_sets_up_a_second_factor_and_openssh_asks_for_it(user, keys):
    prompts, _ = openssh(user, {"Password": user.password}, *INTERACTIVE)
    assert len(prompts) == 1
    secret, used = as_user(user).set_up(("SSH", "HTTP")), []
    prompts, output = openssh(user, {"Password": user.password, "Authentication code": fresh(secret, used)},
                              *INTERACTIVE)
    assert len(prompts) == 2 and "Remote working directory" in output
    with pytest.raises(ClientFailed):
        openssh(user, {"Password": user.password, "Authentication code": used[0]}, *INTERACTIVE)
    assert ask(user.server, "/user/token", user.name, user.password).status_code == 401
    assert ask(user.server, "/user/token", user.name, user.password, used[0]).status_code == 401
    assert ask(user.server, "/user/token", user.name, user.password, fresh(secret, used)).status_code == 200
    with Login(user) as login:  # the password alone is not enough, a key is not asked
        assert login.refused(login.password)
        assert login.key(keys["ed25519"]) == []
    user.server.api("PUT", f"/users/{user.name}/2fa/disable")
    assert as_user(user)


@pytest.mark.parametrize("protocol", ["SSH", "HTTP"])
def test_a_factor_is_for_the_protocols_it_was_set_up_for(user, protocol):
    secret = as_user(user).set_up((protocol,))
    with Login(user) as login:
        assert bool(login.refused(login.password)) == (protocol == "SSH")
    assert ask(user.server, "/user/token", user.name, user.password).status_code == (401 if protocol == "HTTP" else 200)
    with Login(user) as login:
        answers = [[user.password], [one_time_code(secret)]] if protocol == "SSH" else [[user.password]]
        assert login.interactive(*answers) == []


def test_recovery_codes_serve_once_and_over_http_alone(user):
    account = as_user(user)
    account("GET", "/user/2fa/recoverycodes", status=403)
    account.set_up(("SSH", "HTTP"))
    codes = [one["secret"]["payload"] for one in account("GET", "/user/2fa/recoverycodes")]
    assert len(set(codes)) == 12
    with Login(user) as login:
        assert login.refused(login.interactive, [user.password], [codes[0]])
    assert ask(user.server, "/user/token", user.name, "wrong", codes[0]).status_code == 401
    assert ask(user.server, "/user/token", user.name, user.password, codes[0]).status_code == 200
    assert ask(user.server, "/user/token", user.name, user.password, codes[0]).status_code == 401
    assert [one["used"] for one in account("GET", "/user/2fa/recoverycodes")].count(True) == 1
    shown = user.server.api("GET", f"/users/{user.name}")
    assert codes[1] not in str(shown) and {one["secret"]["status"] for one in shown["filters"]["recovery_codes"]} == {"Secretbox"}
    renewed = account("POST", "/user/2fa/recoverycodes")
    assert ask(user.server, "/user/token", user.name, user.password, codes[1]).status_code == 401
    assert ask(user.server, "/user/token", user.name, user.password, renewed[1]).status_code == 200


def test_used_codes_are_remembered_across_restarts(make_server):
    server = make_server({"FERRY_KMS__SECRETS__MASTER_KEY": "the key of this test"})
    user = server.create_user("maria")
    account = as_user(user)
    secret = account.set_up(("HTTP", "SSH"))
    recovery = account("GET", "/user/2fa/recoverycodes")[0]["secret"]["payload"]
    code = one_time_code(secret, step=1)  # it stays valid for a minute yet
    assert ask(server, "/user/token", "maria", user.password, code).status_code == 200
    assert ask(server, "/user/token", "maria", user.password, recovery).status_code == 200
    stored = (server.config_dir / "ferry.db").read_bytes() + b"".join(
        path.read_bytes() for path in server.config_dir.glob("ferry.db-*"))
    assert secret.encode() not in stored and recovery.encode() not in stored
    assert server.stop() == 0
    server.start()
    assert ask(server, "/user/token", "maria", user.password, code).status_code == 401
    assert ask(server, "/user/token", "maria", user.password, recovery).status_code == 401
    with pytest.raises(ClientFailed):
        openssh(user, {"Password": user.password, "Authentication code": code}, *INTERACTIVE)


def test_a_master_key_in_a_file(make_server, tmp_path):
    file = tmp_path / "master.key"
    file.write_text("the key of this test\n")
    server = make_server({"FERRY_KMS__SECRETS__MASTER_KEY_PATH": str(file)})
    user = server.create_user("maria")
    account = as_user(user)
    secret, used = account.set_up(("HTTP",)), []
    recovery = account("GET", "/user/2fa/recoverycodes")[0]["secret"]["payload"]

    def let_in(code=None):
        return ask(server, "/user/token", "maria", user.password, code or fresh(secret, used)).status_code == 200

    def restart(text):
        assert server.stop() == 0
        file.write_text(text)
        server.start()
    assert let_in()
    restart("another key")
    assert not let_in(one_time_code(secret, step=1)) and not let_in(recovery)
    assert "the secret of the one-time codes cannot be opened" in server.log()
    restart("the key of this test")
    assert let_in()
    assert "the key of this test" not in server.log() + server.output()
    # It is the same key as one in the configuration; a file that is not there ends the start.
    assert server.stop() == 0
    del server.environment["FERRY_KMS__SECRETS__MASTER_KEY_PATH"]
    server.environment["FERRY_KMS__SECRETS__MASTER_KEY"] = "the key of this test"
    server.start()
    assert let_in(recovery)
    assert server.stop() == 0
    del server.environment["FERRY_KMS__SECRETS__MASTER_KEY"]
    server.environment["FERRY_KMS__SECRETS__MASTER_KEY_PATH"] = str(tmp_path / "none")
    assert server.launch().process.wait(60) == 1 and "kms.secrets.master_key_path" in server.output()


def test_a_required_factor_comes_first(server, new_user, new_admin):
    user = new_user(filters={"two_factor_protocols": ["SSH", "HTTP"]})
    with Login(user) as login:
        assert login.refused(login.interactive, [user.password])
    account = as_user(user)
    account("PUT", "/user/profile", {}, 403)
    secret = account.set_up(("SSH", "HTTP"))
    account("GET", "/user/profile")
    account("POST", "/user/totp/save", {"enabled": False}, 400)
    with Login(user) as login:
        assert login.interactive([user.password], [one_time_code(secret)]) == []
    name = new_admin("must-have-two", require_two_factor=True)
    limited = Account(server, "admin", name, FILLER)
    limited("GET", "/users", status=403)
    secret = limited.set_up()
    limited("GET", "/users")
    assert ask(server, "/token", name, FILLER).status_code == 401
    Account(server, "admin", name, FILLER, one_time_code(secret))("GET", "/users")
    server.api("PUT", f"/admins/{name}/2fa/disable")
    Account(server, "admin", name, FILLER)("GET", "/users", status=403)


def test_switching_it_off_can_be_forbidden(new_user):
    account = as_user(new_user(filters={"web_client": ["mfa-disabled"]}))
    for method, path in (("GET", "totp/configs"), ("POST", "totp/generate"), ("POST", "totp/validate"),
                         ("POST", "totp/save"), ("GET", "2fa/recoverycodes"), ("POST", "2fa/recoverycodes")):
        account(method, f"/user/{path}", {} if method == "POST" else None, 403)


# --- API keys ---

def by_key(server, key, path="/version", method="GET", body=None):
    return requests.request(method, server.url(f"/api/v2{path}"), headers={"X-SFTPGO-API-KEY": key}, json=body,
                            timeout=60 * FACTOR).status_code


def test_api_keys_and_impersonation(server, new_admin):
    name = new_admin("machine", allow_api_key_auth=True)
    made = server.api("POST", "/apikeys", {"name": "backup job", "scope": 1})
    key = made["key"]
    assert by_key(server, key) == 401  # bound to nobody
    assert by_key(server, f"{key}.{name}") == 200
    assert by_key(server, f"{key}.{name}", "/users") == 200
    assert by_key(server, f"{key}.{ADMIN}") == 401  # does not allow API keys
    assert by_key(server, f"{key}x.{name}") == 401
    assert by_key(server, f"{key}.{name}", "/apikeys") == 403
    assert by_key(server, f"{key}.{name}", "/admin/changepwd", "PUT", {}) == 403
    key_id = key.split(".")[0]
    shown = server.api("GET", f"/apikeys/{key_id}")
    assert "key" not in shown and abs(shown["last_use_at"] / 1000 - time.time()) < 300
    assert key.split(".")[1] not in server.log()
    stored = [one for one in server.api("GET", "/dumpdata?output-data=1&scopes=api_keys")["api_keys"]
              if one["id"] == key_id]
    assert stored and key.split(".")[1] not in str(stored)
    server.api("PUT", f"/apikeys/{key_id}", {"name": "late", "scope": 1, "expires_at": 1})
    assert by_key(server, f"{key}.{name}") == 401
    server.api("DELETE", f"/apikeys/{key_id}")


def test_a_key_ends_with_its_owner(server, new_admin):
    name = new_admin("short-lived", allow_api_key_auth=True)
    key = server.api("POST", "/apikeys", {"name": "bound", "scope": 1, "admin": name})["key"]
    assert by_key(server, key) == 200
    body = server.api("GET", f"/admins/{name}")
    server.api("PUT", f"/admins/{name}", body | {"status": 0})
    assert by_key(server, key) == 401
    server.api("PUT", f"/admins/{name}", body | {"status": 1})
    assert by_key(server, key) == 200
    server.api("DELETE", f"/admins/{name}")
    assert by_key(server, key) == 401
    assert key.split(".")[0] not in [one["id"] for one in server.api("GET", "/apikeys")]
    server.api("POST", "/admins", {"username": name, "password": FILLER, "status": 1, "permissions": ["*"],
                                   "filters": {"allow_api_key_auth": True}})
    assert by_key(server, key) == 401  # somebody else of that name


def test_a_users_key_opens_nothing_of_administrators(server, new_user):
    user = new_user(filters={"allow_api_key_auth": True})
    key = server.api("POST", "/apikeys", {"name": "script", "scope": 2, "user": user.name})["key"]
    for path in ("/version", "/users", f"/users/{user.name}", "/apikeys", "/user/profile"):
        assert by_key(server, key, path) in (401, 403), path
    assert server.api("GET", f"/apikeys/{key.split('.')[0]}")["last_use_at"] > 0, "it was a good one"


# --- passwords ---

def test_logins_are_noted(server, new_user, new_admin):
    def recent(ms):
        return abs(ms / 1000 - time.time()) < 300
    user, name = new_user(), new_admin("noted")
    assert "last_login" not in server.api("GET", f"/users/{user.name}")
    assert ask(server, "/user/token", user.name, "wrong").status_code == 401
    assert "last_login" not in server.api("GET", f"/users/{user.name}")
    sftp(user, ["pwd"])
    assert recent(server.api("GET", f"/users/{user.name}")["last_login"])
    Account(server, "admin", name, FILLER)
    assert recent(server.api("GET", f"/admins/{name}")["last_login"])


def test_a_new_password_ends_the_other_tokens(user):
    one, other = as_user(user), as_user(user)
    one("PUT", "/user/changepwd", {"current_password": user.password, "new_password": FILLER})
    other("GET", "/user/profile", status=401)
    assert ask(user.server, "/user/token", user.name, user.password).status_code == 401
    user.password = FILLER
    assert "Remote working directory" in sftp(user, ["pwd"])
    assert as_user(user)("GET", "/user/profile")["public_keys"]


def test_a_password_that_must_be_changed(new_user, keys):
    user = new_user(filters={"require_password_change": True})
    with Login(user) as login:
        assert login.refused(login.password)
        assert login.key(keys["ed25519"]) == []
    assert "must be changed" in user.server.log()
    account = as_user(user)
    account("PUT", "/user/profile", {}, 403)
    account("PUT", "/user/changepwd", {"current_password": user.password, "new_password": FILLER})
    user.password = FILLER
    with Login(user) as login:
        assert login.password() == []


def test_weak_passwords_are_refused(make_server):
    server = make_server({"FERRY_DATA_PROVIDER__PASSWORD_VALIDATION__USERS__MIN_ENTROPY": "60",
                          "FERRY_DATA_PROVIDER__PASSWORD_VALIDATION__ADMINS__MIN_ENTROPY": "80"})
    home, strong, fair = str(server.home_base / "x"), "Kw7#qvBm2!xNz9-Lp4", "kw7#qvbm2!xn"
    body = {"username": "x", "status": 1, "home_dir": home, "permissions": {"/": ["*"]}}

    def status(method, path, body):
        return requests.request(method, server.url(f"/api/v2{path}"), json=body, timeout=60 * FACTOR,
                                headers={"Authorization": f"Bearer {server.token()}"}).status_code
    for weak in ("password", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "1234567890abcdefghij"):
        assert status("POST", "/users", body | {"password": weak}) == 400
    assert status("POST", "/users", body | {"password": fair}) == 201
    assert status("PUT", "/users/x", body | {"password": "password"}) == 400
    assert status("PUT", "/users/x", body) == 200
    account = Account(server, "user", "x", fair)
    account("PUT", "/user/changepwd", {"current_password": fair, "new_password": "password"}, 400)
    account("PUT", "/user/changepwd", {"current_password": fair, "new_password": strong})
    admin = {"username": "y", "status": 1, "permissions": ["*"]}
    assert status("POST", "/admins", admin | {"password": fair}) == 400
    assert status("POST", "/admins", admin | {"password": strong}) == 201
    # The account's own number goes first, then its primary group's.
    assert status("POST", "/groups", {"name": "strict", "user_settings": {"filters": {"password_strength": 110}}}) == 201
    group = {"groups": [{"name": "strict", "type": 1}]}
    assert status("POST", "/users", body | group | {"username": "z", "password": strong[:14]}) == 400
    own = {"filters": {"password_strength": 30}}
    assert status("POST", "/users", body | group | own | {"username": "z", "password": strong[:14]}) == 201


def test_resetpwd_on_a_stopped_servers_database(make_server):
    server = make_server()
    admin = Account(server, "admin", ADMIN, ADMIN_PASSWORD)
    admin.set_up()
    assert ask(server, "/token", ADMIN, ADMIN_PASSWORD).status_code == 401
    assert server.stop() == 0

    def reset(name, text):
        return subprocess.run([binary(), "resetpwd", "--config-dir", server.config_dir, "--admin", name], input=text,
                              env=server.environment, capture_output=True, text=True, timeout=60 * FACTOR)
    assert reset("nobody", f"{FILLER}\n").returncode == 1
    assert reset(ADMIN, "\n").returncode == 1
    assert reset(ADMIN, "").returncode == 1
    assert reset("", f"{FILLER}\n").returncode == 1
    done = reset(ADMIN, f"{FILLER}\n")
    assert done.returncode == 0 and FILLER not in done.stdout + done.stderr
    server.start()
    assert ask(server, "/token", ADMIN, ADMIN_PASSWORD).status_code == 401
    assert ask(server, "/token", ADMIN, FILLER).status_code == 200  # and no code
