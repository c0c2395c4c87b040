"""Hooks around connections and logins: programs and URLs, good ones and bad ones, against the real server."""
import base64
import json
import threading
import time

import paramiko
import pytest

from clients import Paramiko, wait_for
from conftest import copy_host_keys, run_server
from ferry import Ferry, RestError, User
from hook_tools import Program, Url
from logins import Login

PROGRAMS = {"STARTUP": "COMMON", "POST_CONNECT": "COMMON", "POST_DISCONNECT": "COMMON", "PRE_LOGIN": "DATA_PROVIDER",
            "POST_LOGIN": "DATA_PROVIDER", "CHECK_PASSWORD": "DATA_PROVIDER"}
BAD = {"hangs": "sleep 1000", "dies": "exit 1", "is killed": "kill -9 $$", "floods": "yes", "lies": "echo rubbish",
       "floods its errors": "yes >&2", "leaves somebody behind": "setsid sleep 30 & exit 1"}
# What each program says when no test has it say something else.
USUAL = {"check_password": """echo '{"status":2,"to_verify":"'"$SFTPGO_AUTHD_PASSWORD"'"}'"""}


def hook_settings(places):
    return {f"FERRY_{PROGRAMS[name]}__{name}_HOOK": where for name, where in places.items()}


def logs_in(user, password=None):
    try:
        with Login(user) as login:
            return login.password(password) == [] and login.works()
    except (paramiko.SSHException, EOFError, OSError):
        return False


def user_token(user):
    """The status of a user's login over REST."""
    basic = base64.b64encode(f"{user.name}:{user.password}".encode()).decode()
    try:
        user.server.request("GET", "/api/v2/user/token", headers={"Authorization": f"Basic {basic}"})
        return 200
    except RestError as error:
        return error.status


def account(name, **fields):
    return {"username": name, "status": 1, "home_dir": f"/tmp/ferry-e2e-{name}", "permissions": {"/": ["*"]}} | fields


@pytest.fixture(scope="module")
def programs(tmp_path_factory, server):
    """A server whose hooks are all programs; they may take two seconds."""
    folder = tmp_path_factory.mktemp("programs")
    program = Program(folder / "hooks")
    places = {name: program.path(name.lower()) for name in PROGRAMS}
    ours = Ferry(folder / "ferry", hook_settings(places) | {
        "FERRY_COMMAND__TIMEOUT": "2", "FERRY_COMMAND__ENV": "LDAP=ldap.example.com",
        "FERRY_COMMAND__COMMANDS__0__PATH": places["POST_LOGIN"], "FERRY_COMMAND__COMMANDS__0__TIMEOUT": "20",
        "FERRY_COMMAND__COMMANDS__0__ARGS": "from the section"})
    copy_host_keys(server, ours)
    program.says("check_password", USUAL["check_password"])
    for running in run_server(ours):
        program.user = running.create_user("maria")
        program.free = running.create_user("free", filters={"hooks": {"pre_login_disabled": True,
                                                                      "check_password_disabled": True}})
        yield program


def test_startup(programs):
    wait_for((programs.folder / "startup.seen").exists, "the startup hook")


def test_connections_are_told_of(programs):
    programs.forget("post_connect")
    programs.forget("post_disconnect")
    programs.forget("post_login")
    assert logs_in(programs.user)
    assert {"SFTPGO_CONNECTION_IP": "127.0.0.1", "SFTPGO_CONNECTION_PROTOCOL": "SSH"} in programs.seen("post_connect")
    wait_for(lambda: programs.seen("post_disconnect"), "the end of the channel")
    gone, = programs.seen("post_disconnect")
    assert (gone["SFTPGO_CONNECTION_USERNAME"], gone["SFTPGO_CONNECTION_PROTOCOL"]) == ("maria", "SFTP")
    assert int(gone["SFTPGO_CONNECTION_DURATION"]) >= 0
    wait_for(lambda: programs.seen("post_login"), "the post-login hook")
    login, = programs.seen("post_login")
    assert json.loads(login.pop("SFTPGO_LOGIND_USER"))["username"] == "maria"
    assert login == {"SFTPGO_LOGIND_IP": "127.0.0.1", "SFTPGO_LOGIND_METHOD": "password", "SFTPGO_LOGIND_STATUS": "1",
                     "SFTPGO_LOGIND_PROTOCOL": "SSH"}


def test_who_leaves_without_a_word_is_told_of(programs):
    programs.forget("post_disconnect")
    programs.forget("post_login")
    with Login(programs.user):
        pass
    wait_for(lambda: programs.seen("post_login"), "the hook")
    login, = programs.seen("post_login")
    assert (login["SFTPGO_LOGIND_METHOD"], login["SFTPGO_LOGIND_STATUS"]) == ("no_auth_tried", "0")
    assert json.loads(login["SFTPGO_LOGIND_USER"])["username"] == ""
    # Of whom no session was served nobody hears that it has ended: the next one is the first.
    assert logs_in(programs.user)
    wait_for(lambda: programs.seen("post_disconnect"), "the end of a session")
    assert [gone["SFTPGO_CONNECTION_USERNAME"] for gone in programs.seen("post_disconnect")] == ["maria"]


def test_who_fails_is_told_of_as_a_whole(programs):
    programs.forget("post_login")
    assert not logs_in(programs.user, "wrong")
    wait_for(lambda: programs.seen("post_login"), "the hook")
    login, = programs.seen("post_login")
    account = json.loads(login["SFTPGO_LOGIND_USER"])
    assert login["SFTPGO_LOGIND_STATUS"] == "0" and account["home_dir"] == str(programs.user.home)
    assert "password" not in account


def test_a_no_at_the_door(programs):
    programs.says("post_connect", 'test "$SFTPGO_CONNECTION_PROTOCOL" != SSH')
    try:
        assert not logs_in(programs.user) and programs.user.server.healthy()
        # Over HTTP it is asked about users who log in, not about monitors and administrators.
        programs.says("post_connect", 'test "$SFTPGO_CONNECTION_PROTOCOL" != HTTP')
        programs.forget("post_connect")
        assert logs_in(programs.user) and programs.user.server.healthy()
        assert programs.user.server.api("GET", "/users/maria")["username"] == "maria"
        assert [call["SFTPGO_CONNECTION_PROTOCOL"] for call in programs.seen("post_connect")] == ["SSH"]
        assert user_token(programs.user) == 403
        programs.says("post_connect")
        assert user_token(programs.user) == 200
    finally:
        programs.says("post_connect")
    assert logs_in(programs.user) and programs.user.server.healthy()


def test_the_section_reaches_programs(programs):
    try:
        programs.says("post_login", 'echo "ARGS=$1 LDAP=$LDAP HOME=$HOME" > "$0.told"')
        assert logs_in(programs.user)
        told = programs.folder / "post_login.told"
        wait_for(told.exists, "the program")
        assert told.read_text() == "ARGS=from the section LDAP=ldap.example.com HOME=/nonexistent\n"
    finally:
        programs.says("post_login")


def test_pre_login_makes_and_changes_accounts(programs):
    new = account("fresh", password="fresh Passw0rd")
    try:
        programs.says("pre_login", f"""case "$SFTPGO_LOGIND_USER" in *'"fresh"'*) echo '{json.dumps(new)}' ;; esac""")
        fresh = User(programs.user.server, "fresh", "fresh Passw0rd", None)
        assert logs_in(fresh) and not logs_in(fresh, "wrong") and logs_in(programs.user)
        assert programs.user.server.api("GET", "/users/fresh")["has_password"]
        programs.says("pre_login", """echo '{"status":0}'""")
        assert not logs_in(fresh) and logs_in(programs.free)
        assert programs.user.server.api("GET", "/users/fresh")["status"] == 0
    finally:
        programs.says("pre_login")


def test_check_password(programs):
    try:
        programs.says("check_password", """case "$SFTPGO_AUTHD_PASSWORD" in
*123456) echo "{\\"status\\":2,\\"to_verify\\":\\"${SFTPGO_AUTHD_PASSWORD%123456}\\"}" ;;
token) echo '{"status":1}' ;;
*) echo '{"status":0}' ;; esac""")
        user = programs.user
        assert logs_in(user, user.password + "123456") and logs_in(user, "token")
        assert not logs_in(user) and not logs_in(user, "wrong123456") and logs_in(programs.free)
    finally:
        programs.says("check_password", USUAL["check_password"])
    assert logs_in(user) and not logs_in(user, "wrong")


@pytest.mark.parametrize("hook", ["post_connect", "pre_login", "check_password"])
def test_bad_programs_are_refusals_and_hurt_nobody(programs, hook):
    """All at once; meanwhile somebody who needs no hook logs in."""
    server, inside, threads = programs.user.server, {}, []
    cases = "\n".join(f'bad{i}) {script} ;;' for i, script in enumerate(BAD.values()))
    try:
        if hook == "post_connect":  # knows no name: one after the other
            for name, script in BAD.items():
                programs.says(hook, f'test "$SFTPGO_CONNECTION_PROTOCOL" = SSH || exit 0\n{script}')
                if name != "lies":  # its status is all that counts
                    inside[name] = logs_in(programs.user)
                assert server.healthy()
        else:
            users = [server.create_user(f"bad{i}-{hook}") for i in range(len(BAD))]
            word = '"${SFTPGO_AUTHD_USERNAME%%-*}"' if hook == "check_password" else \
                '"$(echo "$SFTPGO_LOGIND_USER" | sed \'s/.*"username":"\\([^"-]*\\).*/\\1/\')"'
            programs.says(hook, f"case {word} in\n{cases}\nesac")
            for (name, _), user in zip(BAD.items(), users):
                threads.append(threading.Thread(
                    target=lambda name=name, user=user: inside.update({name: logs_in(user)})))
                threads[-1].start()
            assert logs_in(programs.free)
            for thread in threads:
                thread.join(120)
            assert set(inside) == set(BAD)
    finally:
        programs.says(hook, USUAL.get(hook, ""))
    assert not any(inside.values()), inside
    what = {"post_connect": "post-connect", "pre_login": "pre-login", "check_password": "check-password"}[hook]
    assert f"the {what} hook: " in server.log()
    assert logs_in(programs.user) and server.alive()


def test_many_logins_wait_for_a_hanging_hook_and_others_do_not(programs):
    """More of them than the server has threads for blocking work."""
    server = programs.user.server
    programs.says("pre_login", "sleep 1000")
    inside, threads = [], []
    try:
        for _ in range(40):
            threads.append(threading.Thread(target=lambda: inside.append(logs_in(programs.user))))
            threads[-1].start()
        others = [logs_in(programs.free) for _ in range(3)]
        for thread in threads:
            thread.join(120)
    finally:
        programs.says("pre_login")
    assert others == [True] * 3 and not any(inside) and len(inside) == 40
    assert logs_in(programs.user) and server.alive()


# --- external authentication ---

@pytest.fixture(scope="module")
def external(tmp_path_factory, server):
    folder = tmp_path_factory.mktemp("external")
    program = Program(folder / "hooks")
    ours = Ferry(folder / "ferry", {"FERRY_DATA_PROVIDER__EXTERNAL_AUTH_HOOK": program.path("external_auth"),
                                    "FERRY_COMMAND__TIMEOUT": "2"})
    copy_host_keys(server, ours)
    for running in run_server(ours):
        program.server = running
        yield program


def lets_in(name, **fields):
    """As the documentation's example: this account, with the password `right` or any key."""
    return f"""if test "$SFTPGO_AUTHD_USERNAME" = {name} && test "$SFTPGO_AUTHD_PASSWORD$SFTPGO_AUTHD_PUBLIC_KEY" != wrong
then echo '{json.dumps(account(name, **fields))}'; else echo '{{"username":""}}'; fi"""


def test_external_authentication(external, keys):
    user = User(external.server, "outside", "right", None)
    external.says("external_auth", lets_in("outside"))
    assert logs_in(user) and not logs_in(user, "wrong")
    assert not logs_in(User(external.server, "stranger", "right", None))
    with Login(user) as login:
        assert login.key(keys["ed25519"]) == [] and login.works()
    seen = external.seen("external_auth")[-1]
    assert seen["SFTPGO_AUTHD_PUBLIC_KEY"].startswith("ssh-ed25519 ") and seen["SFTPGO_AUTHD_PASSWORD"] == ""
    assert json.loads(seen["SFTPGO_AUTHD_USER"])["username"] == "outside"
    # Who is disabled there is disabled here, by the account's own rules.
    external.says("external_auth", lets_in("outside", status=0))
    assert not logs_in(user)


def test_external_accounts_are_cached_and_the_cache_ends_with_them(external):
    user = User(external.server, "cached", "right", None)
    external.says("external_auth", lets_in("cached", filters={"external_auth_cache_time": 100}))
    assert logs_in(user)
    external.says("external_auth", "exit 1")
    assert logs_in(user) and not logs_in(user, "other")
    user.update(status=0)
    assert not logs_in(user)
    user.update(status=1)
    assert not logs_in(user), "its time is over: the account has changed"


@pytest.mark.parametrize("lie", ["echo rubbish", "sleep 1000", "yes", "exit 3",
                                 f"echo '{json.dumps(account('admin-of-all'))}'"],
                         ids=["rubbish", "hangs", "floods", "dies", "another account"])
def test_external_authentication_that_lies(external, lie):
    known = external.server
    external.says("external_auth", lie)
    before = known.log().count("external authentication: ")
    assert not logs_in(User(known, "outside", "right", None))
    wait_for(lambda: known.log().count("external authentication: ") > before, "the line in the log")


# --- URLs ---

@pytest.fixture(scope="module")
def urls(tmp_path_factory, server):
    url = Url()
    folder = tmp_path_factory.mktemp("urls")
    ours = Ferry(folder / "ferry", hook_settings({name: url.place(f"/{name.lower()}") for name in PROGRAMS}) | {
        "FERRY_HTTP__TIMEOUT": "2", "FERRY_HTTP__RETRY_MAX": "1", "FERRY_HTTP__RETRY_WAIT_MIN": "1",
        "FERRY_HTTP__RETRY_WAIT_MAX": "1"})
    copy_host_keys(server, ours)
    good(url)
    for running in run_server(ours):
        url.user = running.create_user("maria")
        url.free = running.create_user("free", filters={"hooks": {"pre_login_disabled": True,
                                                                  "check_password_disabled": True}})
        yield url
    url.shutdown()
    url.server_close()


def good(url):
    url.answers.clear()
    url.answers["/pre_login"] = lambda *_: (204, b"")
    url.answers["/check_password"] = lambda _, body: (200, json.dumps({"status": 2, "to_verify": body["password"]}).encode())


def test_urls_are_told(urls):
    urls.asked.clear()
    assert logs_in(urls.user)
    wait_for(lambda: urls.told("/post_login") and urls.told("/post_disconnect"), "the hooks in the background")
    assert ("GET", {"ip": "127.0.0.1", "protocol": "SSH"}, None) in urls.told("/post_connect")
    (method, query, body), = urls.told("/pre_login")
    assert (method, query) == ("POST", {"login_method": "password", "ip": "127.0.0.1", "protocol": "SSH"})
    assert body["username"] == "maria" and body["id"] > 0 and body["password"].startswith("$2a$")
    assert urls.told("/check_password") == [("POST", {}, {"username": "maria", "password": urls.user.password,
                                                          "ip": "127.0.0.1", "protocol": "SSH"})]
    (method, query, body), = urls.told("/post_login")
    assert (method, query["status"], query["login_method"]) == ("POST", "1", "password") and "password" not in body
    (method, query, _), = urls.told("/post_disconnect")
    assert method == "GET" and (query["username"], query["ip"]) == ("maria", "127.0.0.1")
    assert int(query["connection_duration"]) >= 0


def bad_answers():
    """Late, dead, lying, flooding, redirecting: each is a function like those of Url."""
    def stall(*_):
        time.sleep(20)
        return 200, b""

    def die(*_):
        raise ConnectionResetError
    return {"stalls": stall, "dies": die, "lies": lambda *_: (200, b"rubbish"), "500": lambda *_: (500, b""),
            "floods": lambda *_: (200, b"x" * 5_000_000), "redirects": lambda *_: (302, b""),
            "403": lambda *_: (403, b"")}


@pytest.mark.parametrize("hook", ["pre_login", "check_password"])
def test_bad_urls_are_refusals(urls, hook):
    inside = {}
    try:
        for name, answer in bad_answers().items():
            urls.answers[f"/{hook}"] = answer
            thread = threading.Thread(target=lambda name=name: inside.update({name: logs_in(urls.user)}))
            thread.start()
            assert logs_in(urls.free)
            thread.join(60)
    finally:
        good(urls)
    assert inside == dict.fromkeys(bad_answers(), False)
    assert not urls.told("/elsewhere") and logs_in(urls.user)


def test_only_200_opens_the_door(urls):
    refused = 0
    try:
        for name, answer in bad_answers().items():
            if name not in ("stalls", "lies", "floods"):  # the first is slow, the others are 200
                urls.answers["/post_connect"] = lambda query, body, answer=answer: (
                    answer(query, body) if query["protocol"] == "SSH" else (200, b""))
                refused += not logs_in(urls.user)
    finally:
        good(urls)
    assert refused == 4 and logs_in(urls.user)


def test_what_is_to_be_retried_is(urls):
    times = []

    def second_time(*_):
        times.append(1)
        return (200 if len(times) > 1 else 503), b""
    try:
        urls.answers["/post_login"] = second_time
        assert logs_in(urls.user)
        wait_for(lambda: len(times) == 2, "the second request")
    finally:
        good(urls)


@pytest.mark.parametrize("key", ["COMMON__STARTUP_HOOK", "COMMON__POST_CONNECT_HOOK", "DATA_PROVIDER__PRE_LOGIN_HOOK"])
def test_what_is_no_hook_ends_the_start(make_server, key):
    server = make_server({f"FERRY_{key}": "relative/path"}, start=False).launch()
    assert server.process.wait(60) == 1 and key.lower().replace("__", ".") in server.output()


def test_what_a_url_hides_stays_out_of_the_log(make_server):
    server = make_server({"FERRY_COMMON__POST_DISCONNECT_HOOK": "http://me:s3cret@127.0.0.1:1/left?token=s3cret",
                          "FERRY_HTTP__RETRY_MAX": "0"})
    with Paramiko(server.create_user("alice")) as sftp:
        sftp.listdir(".")
    wait_for(lambda: "post_disconnect: http://127.0.0.1:1/left: " in server.log(), "the failure")
    assert "s3cret" not in server.log()


def test_external_authentication_by_url(make_server):
    url = Url()
    server = make_server({"FERRY_DATA_PROVIDER__EXTERNAL_AUTH_HOOK": url.place("/auth"), "FERRY_HTTP__TIMEOUT": "2",
                          "FERRY_HTTP__RETRY_MAX": "0"})
    outside = User(server, "outside", "right", None)

    def vouches(_, body):
        right = body["password"] == "right" and body["username"] in ("outside", "inside")
        return 200, json.dumps({"username": body["username"] if right else "", "status": 1, "permissions": {"/": ["*"]},
                                "home_dir": str(server.home_base / "outside")}).encode()
    url.answers["/auth"] = vouches
    assert logs_in(outside) and not logs_in(outside, "wrong")
    (method, query, first), (_, _, second) = url.told("/auth")
    assert (method, query) == ("POST", {}) and "user" not in first, "there was no such account"
    assert first == {"username": "outside", "ip": "127.0.0.1", "protocol": "SSH", "password": "right", "public_key": "",
                     "keyboard_interactive": "", "tls_cert": ""}
    assert second["user"]["username"] == "outside" and second["password"] == "wrong"
    # Nothing to add: the stored password decides. What nobody vouched for is stored without one.
    inside = server.create_user("inside")
    url.answers["/auth"] = lambda *_: (200, b"")
    assert logs_in(inside) and not logs_in(inside, "wrong") and not logs_in(outside)
    for name, answer in bad_answers().items():
        url.answers["/auth"] = answer
        assert not logs_in(inside), name
        assert not logs_in(outside), name
    assert not url.told("/elsewhere")
    url.shutdown()
    url.server_close()
