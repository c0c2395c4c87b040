"""Authority ends with its owner: whoever is disabled, expires or gets another password has no cache, session or token
left that lets in."""
import base64
import threading

import paramiko
import pytest

from clients import Paramiko, wait_for
from ferry import RestError
from hook_tools import Program
from logins import Login


def logs_in(user, password):
    with Login(user) as login:
        return not login.refused(login.password, password)


def ended(sftp):
    try:
        sftp.listdir(".")
        return False
    except (OSError, EOFError, paramiko.SSHException):
        return True


ENDS = {"disabled": {"status": 0}, "expired": {"expiration_date": 1}, "another password": {"password": "Another Passw0rd"}}


@pytest.mark.parametrize("how", ENDS)
def test_no_cached_password_lets_in(new_user, how):
    user = new_user()
    assert logs_in(user, user.password) and logs_in(user, user.password)  # the second time from the cache
    user.update(**ENDS[how])
    assert not logs_in(user, user.password)
    user.update(status=1, expiration_date=0)
    assert logs_in(user, ENDS[how].get("password", user.password))


@pytest.mark.parametrize("how", ["disabled", "expired", "deleted"])
def test_sessions_end(server, new_user, keys, how):
    user = new_user()
    with Paramiko(user, keys["ed25519"]) as sftp:
        sftp.listdir(".")
        server.api("DELETE", f"/users/{user.name}") if how == "deleted" else user.update(**ENDS[how])
        wait_for(lambda: ended(sftp), "the session's end")


@pytest.mark.parametrize("how", ["disabled", "expired", "deleted"])
def test_logins_without_a_session_end(server, new_user, how):
    user = new_user()
    with Login(user) as login:
        assert login.password() == []
        server.api("DELETE", f"/users/{user.name}") if how == "deleted" else user.update(**ENDS[how])
        with pytest.raises((OSError, EOFError, paramiko.SSHException)):
            login.transport.open_sftp_client().listdir(".")
        wait_for(lambda: not login.transport.is_active(), "the connection's end")


def test_sessions_end_with_another_password_when_that_is_asked_for(server, new_user, keys):
    user = new_user()
    with Paramiko(user, keys["ed25519"]) as sftp:
        sftp.listdir(".")
        user.update(password="Another Passw0rd")
        assert not ended(sftp)
        server.api("PUT", f"/users/{user.name}?disconnect=1", server.api("GET", f"/users/{user.name}"))
        wait_for(lambda: ended(sftp), "the session's end")


@pytest.mark.parametrize("how", ["disabled", "another password", "deleted"])
def test_tokens_end(server, how):
    name, password = f"admin-{how.replace(' ', '-')}", "an admin's Passw0rd"
    server.api("POST", "/admins", {"username": name, "password": password, "status": 1, "permissions": ["*"]})
    basic = base64.b64encode(f"{name}:{password}".encode()).decode()
    token = server.request("GET", "/api/v2/token", headers={"Authorization": f"Basic {basic}"})["access_token"]

    def works():
        try:
            return server.request("GET", "/api/v2/version", headers={"Authorization": f"Bearer {token}"}) is not None
        except RestError as error:
            assert error.status == 401
            return False
    assert works()
    if how == "deleted":
        server.api("DELETE", f"/admins/{name}")
    else:
        server.api("PUT", f"/admins/{name}", server.api("GET", f"/admins/{name}") | ENDS[how])
    assert not works()


def test_a_login_that_waits_for_a_hook_meanwhile(make_server, tmp_path):
    """What a hook was asked about is looked at again: the account may have ended while it thought."""
    program = Program(tmp_path / "hooks")
    server = make_server({"FERRY_DATA_PROVIDER__CHECK_PASSWORD_HOOK": program.path("check_password")})
    go_on = tmp_path / "go on"
    program.says("check_password", f"""while ! test -e '{go_on}'; do sleep 0.05; done; echo '{{"status":1}}'""")
    for how in ("disabled", "expired", "deleted", "as before"):
        user = server.create_user(f"user-{how.replace(' ', '-')}")
        program.forget("check_password")
        inside = []
        thread = threading.Thread(target=lambda user=user: inside.append(logs_in(user, user.password)))
        thread.start()
        wait_for(lambda: program.seen("check_password"), "the hook")
        if how == "deleted":
            server.api("DELETE", f"/users/{user.name}")
        else:
            user.update(**ENDS.get(how, {}))
        go_on.touch()
        thread.join(60)
        go_on.unlink()
        assert inside == [how == "as before"], how


@pytest.mark.parametrize("hook,variable", [("pre_login", "SFTPGO_LOGIND_USER"), ("external_auth", "SFTPGO_AUTHD_USER")])
def test_a_hook_does_not_bring_back_what_changed_meanwhile(make_server, tmp_path, hook, variable):
    """It answers the account as it saw it, and one change of its own."""
    program = Program(tmp_path / "hooks")
    server = make_server({f"FERRY_DATA_PROVIDER__{hook.upper()}_HOOK": program.path(hook)})
    go_on = tmp_path / "go on"
    program.says(hook, f"""while ! test -e '{go_on}'; do sleep 0.05; done
printf %s "${variable}" | sed 's/"email":"[^"]*"/"email":"hook@example.com"/'""")
    for how in ("disabled", "another password", "deleted", "as before"):
        user = server.create_user(f"user-{how.replace(' ', '-')}", email="a@example.com")
        program.forget(hook)
        inside = []
        thread = threading.Thread(target=lambda user=user: inside.append(logs_in(user, user.password)))
        thread.start()
        wait_for(lambda: program.seen(hook), "the hook")
        if how == "deleted":
            server.api("DELETE", f"/users/{user.name}")
        elif how != "as before":
            user.update(description="by an admin", **ENDS[how])
        go_on.touch()
        thread.join(60)
        if how == "deleted":
            assert inside == [False]
            with pytest.raises(RestError) as gone:
                server.api("GET", f"/users/{user.name}")
            assert gone.value.status == 404
        else:
            now = server.api("GET", f"/users/{user.name}")
            assert now["email"] == "hook@example.com" and now["status"] == (0 if how == "disabled" else 1)
            assert now.get("description", "") == ("" if how == "as before" else "by an admin")
            # Who vouches for the password is the hook.
            assert inside == [how == "as before" or (how == "another password" and hook == "external_auth")]
        if how == "another password" and hook == "pre_login":
            assert not logs_in(user, user.password) and logs_in(user, ENDS[how]["password"])
        go_on.unlink()
