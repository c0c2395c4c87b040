"""keyboard-interactive led by a hook: the documentation's own examples as programs and behind a URL, and bad ones."""
import http.server
import json
import threading
import time

import pytest

from clients import ClientFailed, Paramiko, sftp
from logins import INTERACTIVE, Login, asyncssh_interactive, one_time_code, openssh, totp_filters

QUESTIONS = """#!/bin/sh
echo '{"questions":["Question1: ","Question2: "],"instruction":"This is a sample","echos":[true,false]}'
read ANSWER1
read ANSWER2
echo '{"questions":["Question3: "],"instruction":"","echos":[true]}'
read ANSWER3
if test "$ANSWER3" = "answer3"; then
  echo '{"auth_result":1}'
else
  echo '{"auth_result":-1}'
fi
"""
PASSWORD_AND_CODE = """#!/bin/sh
echo '{"questions":["Password: "],"instruction":"","echos":[false],"check_password":1}'
read ANSWER1
if test "$ANSWER1" != "OK"; then exit 1; fi
echo '{"questions":["One time token: "],"instruction":"","echos":[false],"check_password":2}'
read ANSWER2
if test "$ANSWER2" = "OK"; then echo '{"auth_result":1}'; else echo '{"auth_result":-1}'; fi
"""


@pytest.fixture
def hooked(make_server, tmp_path):
    """hooked(script): a server with this program as its hook, and an account."""
    def make(script, **fields):
        program = tmp_path / "hook"
        program.write_text(script)
        program.chmod(0o700)
        server = make_server({"FERRY_SFTPD__KEYBOARD_INTERACTIVE_AUTH_HOOK": str(program)})
        return server.create_user("maria", **fields)
    return make


def test_a_program_asks(hooked):
    user = hooked(QUESTIONS)
    prompts, output = openssh(user, {"Question1": "a", "Question2": "b", "Question3": "answer3"}, *INTERACTIVE)
    assert "Remote working directory" in output and len(prompts) == 3
    with pytest.raises(ClientFailed):
        openssh(user, {"Question1": "a", "Question2": "b", "Question3": "c"}, *INTERACTIVE)
    with Login(user) as login:
        assert login.interactive(["a", "b"], ["answer3"]) == [] and login.works()
        assert login.rounds == [("This is a sample", [("Question1: ", True), ("Question2: ", False)]),
                                ("", [("Question3: ", True)])]
    assert asyncssh_interactive(user, ["a", "b", "answer3"]) == ["Question1: ", "Question2: ", "Question3: "]
    with Login(user) as login:
        login.user.name = "nobody-of-this-name"
        assert login.refused(login.interactive, ["a", "b"], ["answer3"]) and len(login.rounds) == 2


def test_a_program_has_the_password_and_the_code_checked(hooked):
    user = hooked(PASSWORD_AND_CODE, filters=totp_filters())
    with Login(user) as login:
        assert login.refused(login.interactive, ["wrong"], [one_time_code()])
        assert login.refused(login.interactive, ["OK"], ["OK"])
        assert login.refused(login.interactive, [user.password], ["000000"])
        assert login.interactive([user.password], [one_time_code()]) == [] and login.works()


BAD = {"hangs": "sleep 1000", "dies": "exit 1", "talks rubbish": "echo rubbish", "floods": "yes",
       "floods in a line": "tr '\\0' x < /dev/zero", "floods errors": "yes >&2", "is killed": "kill -9 $$",
       "goes to the background": "setsid sleep 1000 & exit 0"}


def test_bad_programs_are_refusals_and_hurt_nobody(hooked, keys, public_keys):
    user = hooked("#!/bin/sh\n", public_keys=public_keys)
    program = user.server.environment["FERRY_SFTPD__KEYBOARD_INTERACTIVE_AUTH_HOOK"]
    refusals, threads = {}, []

    def attempt(name):
        with Login(user) as login:
            refusals[name] = login.refused(login.interactive)
    for name, script in BAD.items():
        with open(program, "w") as file:
            file.write(f"#!/bin/sh\n{script}\n")
        threads.append(threading.Thread(target=attempt, args=[name]))
        threads[-1].start()
        time.sleep(0.7)  # the shell has read its script
    started = time.monotonic()
    with Paramiko(user, keys["ed25519"]) as client:  # others are served meanwhile
        assert client.listdir(".") == []
    assert time.monotonic() - started < 40
    for thread in threads:
        thread.join(110)
    assert set(refusals) == set(BAD) and all(refusals.values()), refusals
    assert user.server.alive()
    lines = [line for line in user.server.log().splitlines() if '"connection_failed"' in line]
    assert len([line for line in lines if '"login_type":"keyboard-interactive"' in line]) >= len(BAD), lines


# --- behind a URL ---

class Hook(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answer):
        self.asked = []
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hook.asked.append((self.path, dict(self.headers), body))
                status, text = answer(body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # a client that did not wait

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/keyIntHookPwd"


@pytest.fixture
def behind_url(make_server):
    hooks = []

    def make(answer, environment=None, **fields):
        hook = Hook(answer)
        hooks.append(hook)
        server = make_server({"FERRY_SFTPD__KEYBOARD_INTERACTIVE_AUTH_HOOK": hook.url} | (environment or {}))
        return hook, server.create_user("maria", **fields)
    yield make
    for hook in hooks:
        hook.shutdown()
        hook.server_close()


def dialogue(body):
    """The documentation's example, with a code in the end."""
    steps = [{"questions": ["Password: "], "check_password": 1, "instruction": "A sample", "echos": [False]},
             {"questions": ["Question2: "], "instruction": "", "echos": [True]}]
    if body["step"] <= 2:
        return 200, json.dumps(steps[body["step"] - 1]).encode()
    return 200, json.dumps({"auth_result": 1 if body["answers"] == ["answer2"] else -1}).encode()


def test_a_url_asks(behind_url):
    hook, user = behind_url(dialogue, {"FERRY_HTTP__HEADERS__0__KEY": "X-Token", "FERRY_HTTP__HEADERS__0__VALUE": "abc"})
    with Login(user) as login:
        assert login.refused(login.interactive, ["wrong"], ["answer2"])
        assert login.refused(login.interactive, [user.password], ["no"])
        hook.asked.clear()
        assert login.interactive([user.password], ["answer2"]) == [] and login.works()
    bodies = [body for _, _, body in hook.asked]
    assert [body["step"] for body in bodies] == [1, 2, 3] and len({body["request_id"] for body in bodies}) == 1
    assert all((body["username"], body["ip"]) == ("maria", "127.0.0.1") for body in bodies)
    assert all(body["password"].startswith("$2a$") for body in bodies)
    assert "answers" not in bodies[0] and "questions" not in bodies[0]
    assert (bodies[1]["questions"], bodies[1]["answers"]) == (["Password: "], ["OK"])
    assert (bodies[2]["questions"], bodies[2]["answers"]) == (["Question2: "], ["answer2"])
    assert all(headers["X-Token"] == "abc" and path == "/keyIntHookPwd" for path, headers, _ in hook.asked)
    prompts, output = openssh(user, {"Password": user.password, "Question2": "answer2"}, *INTERACTIVE)
    assert "Remote working directory" in output and len(prompts) == 2


@pytest.mark.parametrize("answer", [(200, b"rubbish"), (200, b""), (500, b'{"auth_result":1}'),
                                    (201, b'{"auth_result":1}'), (200, b'{"auth_result":-1}'),
                                    (200, b'{"x":"' + b"x" * 100_000 + b'","auth_result":1}')],
                         ids=["rubbish", "empty", "500", "201", "no", "flood"])
def test_bad_urls_are_refusals(behind_url, answer):
    _, user = behind_url(lambda _: answer)
    with Login(user) as login:
        assert login.refused(login.interactive) and not login.rounds
        assert login.password() == []


def test_silent_urls_hold_nobody_up(behind_url, keys, public_keys):
    free = threading.Event()

    def wait(_):
        free.wait(60)
        return 200, b'{"auth_result":1}'
    hook, user = behind_url(wait, {"FERRY_HTTP__TIMEOUT": "3"}, public_keys=public_keys)
    refusals = []

    def attempt():
        with Login(user) as login:
            refusals.append(login.refused(login.interactive))
    threads = [threading.Thread(target=attempt) for _ in range(20)]
    for thread in threads:
        thread.start()
    assert "Remote working directory" in sftp(user, ["pwd"], keys["ed25519"])
    for thread in threads:
        thread.join(60)
    free.set()
    assert len(refusals) == 20 and all(refusals)


@pytest.mark.parametrize("hook", ["relative/path", "ftp://127.0.0.1/"])
def test_what_is_no_hook_ends_the_start(make_server, hook):
    server = make_server({"FERRY_SFTPD__KEYBOARD_INTERACTIVE_AUTH_HOOK": hook}, start=False).launch()
    assert server.process.wait(60) == 1 and "keyboard_interactive_auth_hook" in server.output()
