"""keyboard-interactive, one-time codes and logins in several steps, with the clients people use."""
import os
import signal

import asyncssh
import paramiko
import pytest

from clients import ClientFailed, wait_for
from logins import INTERACTIVE, Login, asyncssh_interactive, one_time_code, openssh, putty, totp_filters

KEY_AND_DIALOGUE = ["publickey", "password", "keyboard-interactive", "publickey+password"]
KEY_AND_PASSWORD = ["publickey", "password", "keyboard-interactive", "publickey+keyboard-interactive"]


def fresh_code(user, used={}):
    """A code that this account has not used: that of now, or of the next step."""
    codes = [code for code in (one_time_code(), one_time_code(step=1)) if code not in used.get(user.name, ())]
    used.setdefault(user.name, []).append(codes[0])
    return codes[0]


def test_openssh_asks_for_the_password(user):
    prompts, output = openssh(user, {"Password": user.password}, *INTERACTIVE)
    assert "Remote working directory" in output and len(prompts) == 1 and prompts[0].endswith("Password: ")
    with pytest.raises(ClientFailed):
        openssh(user, {"Password": "wrong"}, *INTERACTIVE)


def test_openssh_asks_for_the_code(new_user):
    user = new_user(filters=totp_filters())
    code = fresh_code(user)
    prompts, output = openssh(user, {"Password": user.password, "Authentication code": code}, *INTERACTIVE)
    assert "Remote working directory" in output
    assert [prompt.rsplit(") ", 1)[-1] for prompt in prompts] == ["Password: ", "Authentication code: "]
    with pytest.raises(ClientFailed):  # used
        openssh(user, {"Password": user.password, "Authentication code": code}, *INTERACTIVE)
    with pytest.raises(ClientFailed) as failure:
        openssh(user, {"Password": "wrong", "Authentication code": one_time_code(step=1)}, *INTERACTIVE)
    assert "Permission denied" in failure.value.output


def test_putty_asks_for_the_code(new_user, host_key_fingerprint):
    user = new_user(filters=totp_filters(), public_keys=[])
    shown = putty(user, [("Password:", user.password), ("Authentication code:", fresh_code(user))],
                  host_key_fingerprint)
    assert "Remote working directory is /" in shown or "Remote directory is /" in shown, shown


def test_paramiko_and_asyncssh(new_user):
    user = new_user(filters=totp_filters())
    with Login(user) as login:
        assert login.interactive([user.password], [fresh_code(user)]) == [] and login.works()
        assert [prompts for _, prompts in login.rounds] == [[("Password: ", False)], [("Authentication code: ", False)]]
    assert asyncssh_interactive(user, [user.password, fresh_code(user)]) == ["Password: ", "Authentication code: "]
    with pytest.raises(asyncssh.PermissionDenied):
        asyncssh_interactive(user, [user.password, "000000"])


def test_the_password_alone_lacks_the_code(new_user, keys):
    user = new_user(filters=totp_filters())
    with Login(user) as login:
        assert "Authentication failed" in login.refused(login.password)
        assert login.refused(login.password, user.password + one_time_code())
        assert login.refused(login.interactive, [user.password], [""])
        assert login.refused(login.interactive, [user.password], ["RECOVERY-CODE"])
        assert login.key(keys["ed25519"]) == []  # a key needs no code, as documented


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_the_algorithm_is_configured(make_server, algorithm):
    server = make_server({"FERRY_MFA__TOTP__0__NAME": "Default", "FERRY_MFA__TOTP__0__ALGO": algorithm})
    user = server.create_user("maria", filters=totp_filters())
    with Login(user) as login:
        assert login.refused(login.interactive, [user.password], [one_time_code()])
        assert login.interactive([user.password], [one_time_code(algorithm=algorithm)]) == [] and login.works()


def test_two_steps_with_a_dialogue(new_user, keys):
    user = new_user(filters=totp_filters(denied_login_methods=KEY_AND_DIALOGUE))
    code = fresh_code(user)
    with Login(user) as login:
        assert login.refused(login.interactive, [user.password], [code])  # the second step alone
        assert login.key(keys["ed25519"]) == ["keyboard-interactive"]
        assert login.refused(login.password)
        assert not login.transport.is_authenticated()
        assert login.interactive([user.password], [code]) == [] and login.works()
    code = fresh_code(user)
    prompts, output = openssh(user, {"Password": user.password, "code": code}, "-i", str(keys["ed25519"]), "-o",
                              "IdentitiesOnly=yes")
    assert "Remote working directory" in output and len(prompts) == 2


def test_two_steps_with_a_password(new_user, keys):
    user = new_user(filters={"denied_login_methods": KEY_AND_PASSWORD})
    with Login(user) as login:
        assert login.refused(login.interactive, [user.password])
        assert login.refused(login.password)
        assert login.key(keys["ed25519"]) == ["password"]
        assert login.refused(login.interactive, [user.password])
        assert login.password() == [] and login.works()
    prompts, output = openssh(user, {"assword": user.password}, "-i", str(keys["ed25519"]), "-o", "IdentitiesOnly=yes")
    assert "Remote working directory" in output and len(prompts) == 1


def test_password_over_ssh_can_be_denied(new_user, keys):
    user = new_user(filters={"denied_login_methods": ["password-over-SSH"]})
    with Login(user) as login:
        assert login.refused(login.password)
        assert login.interactive([user.password]) == [] and login.works()


def test_refusals_look_alike(new_user):
    """What a client is told does not say whether there is an account, nor what is wrong with it."""
    user = new_user()
    variants = {"wrong password": user, "no account": new_user(), "disabled": new_user(status=0),
                "no password": new_user(password=""), "denied": new_user(filters={"denied_login_methods": ["password"]}),
                "second factor": new_user(filters=totp_filters()),
                "two steps": new_user(filters={"denied_login_methods": KEY_AND_PASSWORD})}
    variants["no account"].name = "nobody-of-this-name"
    seen = {}
    for name, account in variants.items():
        with Login(account) as login:
            none = login.refused(login.transport.auth_none, account.name)
            password = login.refused(login.password, "wrong")
            dialogue = login.refused(login.interactive, ["wrong"])
            seen[name] = (none, password, dialogue, login.rounds)
    assert all(answers == seen["wrong password"] for answers in seen.values()), seen


def test_it_can_be_switched_off(make_server):
    server = make_server({"FERRY_SFTPD__KEYBOARD_INTERACTIVE_AUTHENTICATION": "false"})
    user = server.create_user("maria")
    with Login(user) as login:
        with pytest.raises(paramiko.BadAuthenticationType) as refusal:
            login.interactive([user.password])
        assert set(refusal.value.allowed_types) == {"publickey", "password"} and not login.rounds
        assert login.password() == []


def test_too_many_dialogues_end_the_connection(make_server):
    server = make_server({"FERRY_SFTPD__MAX_AUTH_TRIES": "2"})
    user = server.create_user("maria")
    with Login(user) as login:
        assert login.refused(login.interactive, ["wrong"])
        with pytest.raises(paramiko.SSHException):
            login.interactive(["wrong"])
        login.transport.join(20)
        assert not login.transport.is_active()


def test_ping_before_the_login(user):
    """ping@openssh.com is announced with the first keys, so it is answered from then on."""
    with Login(user) as login:
        pongs = []
        table = login.transport._handler_table
        login.transport._handler_table = table | {193: lambda message: pongs.append(message.get_binary())}
        message = paramiko.Message()
        message.add_byte(bytes([192]))
        message.add_string(b"are you there")
        login.transport._send_user_message(message)
        assert login.password() == [] and login.works()
        assert pongs == [b"are you there"]


def test_the_banner_is_shown_before_the_login(make_server):
    server = make_server({"FERRY_SFTPD__LOGIN_BANNER_FILE": "banner"}, start=False)
    (server.config_dir / "banner").write_text("Authorised users only.\nOthers leave.\n")
    server.start()
    user = server.create_user("maria")

    def shown():
        with Login(user) as login:
            login.refused(login.transport.auth_none, user.name)
            return login.transport.get_banner()
    assert shown() == b"Authorised users only.\nOthers leave.\r\n"
    (server.config_dir / "banner").write_text("Closed today.\n")
    os.kill(server.process.pid, signal.SIGHUP)
    wait_for(lambda: shown() == b"Closed today.\r\n", "the new banner")


def test_a_missing_banner_ends_the_start(make_server):
    server = make_server({"FERRY_SFTPD__LOGIN_BANNER_FILE": "missing"}, start=False).launch()
    assert server.process.wait(60) == 1 and "login_banner_file" in server.output()
