"""When hooks are asked, by method and protocol, and how long each may take."""
import json

import pytest

from clients import wait_for
from ferry import FACTOR, User
from hook_tools import Program
from test_credentials import ask
from test_login_faults import by


@pytest.fixture
def program(tmp_path):
    return Program(tmp_path / "hooks")


def methods(user, key):
    """Who of the three gets in."""
    return {"password": by(user, "password"), "key": by(user, "key", key),
            "interactive": by(user, "interactive", [user.password])}


@pytest.mark.parametrize("scope,asked", [
    (1, {"password"}), (2, {"key"}), (6, {"key", "interactive"}), (0, {"password", "key", "interactive"})])
def test_scopes_of_external_authentication(make_server, program, keys, public_keys, scope, asked):
    """The hook says no: what it is asked about is refused, for the rest what is stored decides."""
    server = make_server({"FERRY_DATA_PROVIDER__EXTERNAL_AUTH_HOOK": program.path("external_auth"),
                          "FERRY_DATA_PROVIDER__EXTERNAL_AUTH_SCOPE": str(scope)})
    program.says("external_auth", """echo '{"username":""}'""")
    user = server.create_user("maria", public_keys=public_keys)
    assert methods(user, keys["ed25519"]) == {name: name not in asked for name in ("password", "key", "interactive")}
    told = [{"password" if one["SFTPGO_AUTHD_PASSWORD"] else "key" if one["SFTPGO_AUTHD_PUBLIC_KEY"] else
             "interactive" if one["SFTPGO_AUTHD_KEYBOARD_INTERACTIVE"] else "?"} for one in program.seen("external_auth")]
    assert sorted(told, key=str) == sorted([{name} for name in asked], key=str)
    # An account that only the hook knows comes in by what the hook is asked about, and in no other way.
    new = {"username": "fresh", "status": 1, "home_dir": str(server.home_base / "fresh"), "permissions": {"/": ["*"]}}
    program.says("external_auth", f"echo '{json.dumps(new)}'")
    fresh = User(server, "fresh", "whatever it is", None)
    opened = {name: name in asked for name in ("password", "key")}
    # For questions it gives the account, whose password decides then: it has none.
    assert methods(fresh, keys["ed25519"]) == opened | {"interactive": False}


def test_external_authentication_gives_the_account_of_a_dialogue(make_server, program, keys):
    server = make_server({"FERRY_DATA_PROVIDER__EXTERNAL_AUTH_HOOK": program.path("external_auth"),
                          "FERRY_DATA_PROVIDER__EXTERNAL_AUTH_SCOPE": "4"})
    new = {"username": "fresh", "status": 1, "home_dir": str(server.home_base / "fresh"), "permissions": {"/": ["*"]},
           "password": "fresh Passw0rd"}
    program.says("external_auth", f"echo '{json.dumps(new)}'")
    fresh = User(server, "fresh", "fresh Passw0rd", None)
    assert not by(fresh, "password"), "out of its scope: there is no such account yet"
    assert not by(fresh, "interactive", ["wrong"]) and by(fresh, "interactive", [fresh.password])
    assert by(fresh, "password") and not by(fresh, "key", keys["ed25519"])


@pytest.mark.parametrize("scope,asked", [(1, {"SSH"}), (8, {"HTTP"}), (6, set())])
def test_scopes_of_the_check_password_hook(make_server, program, scope, asked):
    server = make_server({"FERRY_DATA_PROVIDER__CHECK_PASSWORD_HOOK": program.path("check_password"),
                          "FERRY_DATA_PROVIDER__CHECK_PASSWORD_SCOPE": str(scope)})
    program.says("check_password", """echo '{"status":0}'""")
    user = server.create_user("maria")
    assert by(user, "password") == ("SSH" not in asked) == by(user, "interactive", [user.password])
    assert (ask(server, "/user/token", user.name, user.password).status_code == 200) == ("HTTP" not in asked)
    assert {one["SFTPGO_AUTHD_PROTOCOL"] for one in program.seen("check_password")} == asked
    # What it lets in is let in, by a password that is not the stored one.
    program.says("check_password", """echo '{"status":1}'""")
    assert by(user, "password", "token") == ("SSH" in asked)
    assert (ask(server, "/user/token", user.name, "token").status_code == 200) == ("HTTP" in asked)


@pytest.mark.parametrize("scope,told", [(0, ["0", "1"]), (1, ["0"]), (2, ["1"])])
def test_scopes_of_the_post_login_hook(make_server, program, scope, told):
    server = make_server({"FERRY_DATA_PROVIDER__POST_LOGIN_HOOK": program.path("post_login"),
                          "FERRY_DATA_PROVIDER__POST_LOGIN_SCOPE": str(scope)})
    user = server.create_user("maria")
    for protocol in ("SSH", "HTTP"):
        program.forget("post_login")
        for password in ("wrong", user.password):
            if protocol == "SSH":
                assert by(user, "password", password) == (password == user.password)
            else:
                assert (ask(server, "/user/token", "maria", password).status_code == 200) == (password == user.password)
        wait_for(lambda: len(program.seen("post_login")) >= len(told), "the hook")
        assert server.api("GET", "/status")  # an administrator, who is not told of
        seen = program.seen("post_login")
        assert sorted(one["SFTPGO_LOGIND_STATUS"] for one in seen) == told
        assert {one["SFTPGO_LOGIND_PROTOCOL"] for one in seen} == {protocol}


LIMIT = max(2, int(FACTOR))  # seconds; a program of a few lines needs less


def test_each_command_has_its_time(make_server, program):
    """Of a path, of a path as one hook, and of all others."""
    places = {name: program.path(name) for name in ("pre_login", "check_password")}
    command = "FERRY_COMMAND__"
    server = make_server({
        "FERRY_DATA_PROVIDER__PRE_LOGIN_HOOK": places["pre_login"],
        "FERRY_DATA_PROVIDER__CHECK_PASSWORD_HOOK": places["check_password"], f"{command}TIMEOUT": str(LIMIT),
        f"{command}COMMANDS__0__PATH": places["check_password"], f"{command}COMMANDS__0__TIMEOUT": "120",
        f"{command}COMMANDS__1__PATH": places["pre_login"], f"{command}COMMANDS__1__HOOK": "external_auth",
        f"{command}COMMANDS__1__TIMEOUT": "120"})
    user = server.create_user("maria")
    program.says("check_password", f"""sleep {LIMIT + 2}; echo '{{"status":1}}'""")
    assert by(user, "password"), "it has two minutes"
    program.says("pre_login", "sleep 1000")
    assert not by(user, "password"), "as this hook it has no more than the others"
    assert "the pre-login hook: " in server.log()
    program.says("pre_login", "")
    assert by(user, "password")


def test_a_command_may_have_less_time_than_others(make_server, program):
    place = program.path("pre_login")
    command = "FERRY_COMMAND__COMMANDS__0__"
    server = make_server({"FERRY_DATA_PROVIDER__PRE_LOGIN_HOOK": place, f"{command}PATH": place,
                          f"{command}HOOK": "pre_login", f"{command}TIMEOUT": str(LIMIT)})
    user = server.create_user("maria")
    program.says("pre_login", "sleep 1000")
    assert not by(user, "password") and "the pre-login hook: " in server.log()
    program.says("pre_login", "")
    assert by(user, "password")
