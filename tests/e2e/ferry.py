"""A real Ferry server in a child process, and its REST API. Standard library only: the bench uses it too."""
import base64
import ctypes
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ADMIN, ADMIN_PASSWORD = "root-admin", "an admin's Passw0rd of tests"
PR_SET_PDEATHSIG = 1
# What time limits are multiplied by: programs with sanitizers are slow (scripts/run-tests --preset).
FACTOR = float(os.environ.get("FERRY_TEST_FACTOR", "1"))


def binary():
    """What to test; FERRY_BINARY names another build, such as the one with sanitizers."""
    return Path(os.environ.get("FERRY_BINARY", ROOT / "build/release/ferry")).resolve()


def sanitized():
    """Whether it is a build with sanitizers: several times slower, and with memory of their own."""
    return "san/" in str(binary())


# Where tests run in parallel each worker has ports of its own, all below those that the system gives to clients: nobody
# takes one between the choice and the start of who listens there.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
ports = itertools.count(random.randrange(1000))


def free_port():
    while True:
        port = 10_000 + WORKER * 1000 + next(ports) % 1000
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


def clean_environment():
    """This process's environment without anything that configures a server."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("FERRY_", "SFTPGO_"))}


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class RestError(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.status, self.body = status, body


class Ferry:
    """One server: its config directory, ports, process and log."""

    def __init__(self, config_dir, environment=None, arguments=(), wrapper=()):
        self.config_dir = Path(config_dir)
        self.config_dir.mkdir(parents=True, exist_ok=True)
        self.home_base = self.config_dir / "homes"
        self.log_path = self.config_dir / "ferry.log"
        self.output_path = self.config_dir / "output"
        self.sftp_port, self.http_port = free_port(), free_port()
        self.arguments = list(arguments)
        self.wrapper = list(wrapper)
        self.environment = clean_environment() | {
            "FERRY_SFTPD__BINDINGS__0__PORT": str(self.sftp_port),
            "FERRY_SFTPD__BINDINGS__0__ADDRESS": "127.0.0.1",
            "FERRY_HTTPD__BINDINGS__0__PORT": str(self.http_port),
            "FERRY_HTTPD__BINDINGS__0__ADDRESS": "127.0.0.1",
            "FERRY_COMMON__MAX_PER_HOST_CONNECTIONS": "0",
            "FERRY_COMMON__SYMLINK_MODE": "1",
            "FERRY_DATA_PROVIDER__CREATE_DEFAULT_ADMIN": "true",
            "FERRY_DATA_PROVIDER__USERS_BASE_DIR": str(self.home_base),
            "FERRY_DEFAULT_ADMIN_USERNAME": ADMIN,
            "FERRY_DEFAULT_ADMIN_PASSWORD": ADMIN_PASSWORD,
        } | (environment or {})
        self.process = None
        self._token = None

    # --- the process ---
    def launch(self):
        """Starts the process and returns at once."""
        self._token = None
        command = [*self.wrapper, binary(), "serve", "--config-dir", self.config_dir, "--log-file-path", "ferry.log",
                   *self.arguments]
        with open(self.output_path, "ab") as output:
            self.process = subprocess.Popen([str(part) for part in command], env=self.environment,
                                            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                            preexec_fn=die_with_parent)
        return self

    def start(self, timeout=30):
        return self.launch().wait_healthy(timeout)

    def wait_healthy(self, timeout=30):
        deadline = time.monotonic() + timeout * FACTOR
        while not self.healthy():
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}:\n{self.output()}\n{self.log()}")
            if time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"the server did not become healthy:\n{self.output()}\n{self.log()}")
            time.sleep(0.02)
        return self

    def healthy(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/healthz", timeout=2 * FACTOR) as answer:
                return answer.status == 200
        except OSError:
            return False

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self, timeout=20):
        """SIGTERM and the exit code; a server that does not end is killed and that is an error."""
        if not self.alive():
            return self.process.returncode if self.process else None
        self.terminate()
        try:
            return self.process.wait(timeout * FACTOR)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"the server did not end within {timeout} s of SIGTERM") from None

    def kill(self):
        if self.alive():
            self.process.kill()
            self.process.wait()

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def output(self):
        """What it printed, as opposed to logged."""
        return self.output_path.read_text(errors="replace") if self.output_path.exists() else ""

    # --- REST ---
    def url(self, path):
        return f"http://127.0.0.1:{self.http_port}{path}"

    def request(self, method, path, body=None, headers=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url(path), data, headers or {}, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60 * FACTOR) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise RestError(error.code, error.read().decode(errors="replace")) from None

    def token(self):
        if not self._token:
            basic = base64.b64encode(f"{ADMIN}:{ADMIN_PASSWORD}".encode()).decode()
            answer = self.request("GET", "/api/v2/token", headers={"Authorization": f"Basic {basic}"})
            self._token = answer["access_token"]
        return self._token

    def api(self, method, path, body=None):
        """A call below /api/v2 as the first administrator."""
        return self.request(method, f"/api/v2{path}", body, {"Authorization": f"Bearer {self.token()}"})

    def create_user(self, name, password="a user's Passw0rd", **fields):
        """Makes an account with all permissions and a home of its own; returns the User helper."""
        home = Path(fields.pop("home_dir", self.home_base / name))
        body = {"username": name, "password": password, "status": 1, "home_dir": str(home),
                "permissions": {"/": ["*"]}} | fields
        self.api("POST", "/users", body)
        return User(self, name, password, home)


class User:
    def __init__(self, server, name, password, home):
        self.server, self.name, self.password, self.home = server, name, password, home

    def update(self, **fields):
        current = self.server.api("GET", f"/users/{self.name}")
        self.server.api("PUT", f"/users/{self.name}", current | fields)


class Clock:
    """What time it is for a server: set with libfaketime, which leaves the monotonic clock alone."""

    def __init__(self, folder):
        self.file = folder / "clock"
        self.show(0)

    def show(self, seconds):
        """So much later than it is, or earlier."""
        new = self.file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.rename(self.file)

    def environment(self):
        libraries = [str(file) for file in Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")]
        assert libraries, "Debian's package faketime is missing"
        return {"LD_PRELOAD": libraries[0], "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
