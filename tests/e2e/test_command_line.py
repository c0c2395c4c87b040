"""Verbs and flags as SFTPGo's scripts, units and images use them, and what only a running server shows of addresses."""
import http.client
import json
import os
import socket
import subprocess

import pytest

from clients import ClientFailed, sftp, wait_for
from ferry import ADMIN, ADMIN_PASSWORD, Ferry, binary, clean_environment
from test_portable import Portable


def ferry(*arguments, environment=None):
    return subprocess.run([str(part) for part in (binary(), *arguments)], text=True, capture_output=True, timeout=60,
                          env=clean_environment() | (environment or {}))


class Plain(Ferry):
    """Without the flag for the log's file that tests use otherwise."""

    def launch(self):
        self._token = None
        with open(self.output_path, "ab") as output:
            self.process = subprocess.Popen([binary(), "serve", "-c", str(self.config_dir), *self.arguments],
                                            env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        return self


def over_socket(path, target):
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(path))
    connection.request("GET", target)
    return connection.getresponse().status


@pytest.fixture(scope="module")
def on_a_socket(server, tmp_path_factory):
    """Ferry as containers run it: HTTP at a path, the log on stderr by SFTPGo's empty variable, short flags."""
    from conftest import copy_host_keys
    folder = tmp_path_factory.mktemp("socket")
    ours = Plain(folder / "ferry", {"SFTPGO_LOG_FILE_PATH": "", "FERRY_SFTPD__BINDINGS__0__ADDRESS": "localhost",
                                    "FERRY_HTTPD__BINDINGS__0__PORT": "0",
                                    "FERRY_HTTPD__BINDINGS__0__ADDRESS": str(folder / "http.sock")},
                 arguments=["-s", "5", "-b", "1", "-a", "2", "-z", "-v"])
    copy_host_keys(server, ours)
    ours.socket = folder / "http.sock"
    ours.launch()
    wait_for(lambda: ours.socket.exists() and "is ready" in ours.output(), "the server")
    yield ours
    assert ours.stop() == 0
    assert not ours.socket.exists()


def test_a_unix_domain_socket_serves_http(on_a_socket):
    assert over_socket(on_a_socket.socket, "/healthz") == 200
    assert over_socket(on_a_socket.socket, "/api/v2/version") == 401
    assert f"unix:{on_a_socket.socket}" in on_a_socket.output()


def test_ping(on_a_socket, server, tmp_path):
    answer = ferry("ping", "--config-dir", on_a_socket.config_dir, environment=on_a_socket.environment)
    assert answer.returncode == 0 and "healthy" in answer.stdout, answer.stderr
    assert ferry("ping", "-c", server.config_dir, environment=server.environment).returncode == 0
    off = ferry("ping", "-c", tmp_path, environment={"FERRY_HTTPD__BINDINGS__0__PORT": "0"})
    assert off.returncode == 1 and "httpd.bindings" in off.stderr
    nobody = ferry("ping", "-c", tmp_path, environment={"FERRY_HTTPD__BINDINGS__0__ADDRESS": str(tmp_path / "none.sock")})
    assert nobody.returncode == 1 and "none.sock" in nobody.stderr


def test_an_empty_variable_for_the_logs_path_means_stderr(on_a_socket):
    lines = [json.loads(line) for line in on_a_socket.output().splitlines() if line.startswith("{")]
    assert any(line["sender"] == "server" for line in lines)
    assert not (on_a_socket.config_dir / "ferry.log").exists()


def test_verbosity(tmp_path):
    for arguments in (["--log-verbose=false"], ["--no-log-verbose"], ["-v"]):
        # The flag is understood: what ends the start is the database.
        started = ferry("serve", "-c", tmp_path, "-l", "", *arguments,
                        environment={"FERRY_DATA_PROVIDER__DRIVER": "mysql"})
        assert started.returncode == 1 and "data_provider.driver" in started.stderr


def test_a_proxy_header_from_a_stranger_is_named_in_the_log(server):
    header = b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"
    for port, rest in ((server.sftp_port, b"SSH-2.0-x\r\n"), (server.http_port, b"GET /healthz HTTP/1.1\r\n\r\n")):
        before = len(server.log())
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(header + rest)
            while connection.recv(4096):
                pass
        wait_for(lambda: "a PROXY header from" in server.log()[before:], "the line")


def test_the_administrator_of_the_environment_is_made_beside_those_of_a_dump(make_server, server, tmp_path):
    dump = tmp_path / "dump.json"
    dump.write_text(json.dumps({"version": 17, "admins": [
        {"username": "other", "password": "$2a$10$OGUAlZiVgFf6DaTSJDtcQOSB4EIPVJXPXaSYSxQAQtfrCxLfRnFwa", "status": 1,
         "permissions": ["*"]}]}))
    new = make_server(arguments=["--loaddata-from", dump])
    assert {admin["username"] for admin in new.api("GET", "/admins")} == {ADMIN, "other"}
    assert ADMIN_PASSWORD not in new.output()


def test_portable_understands_what_switches_protocols_off(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "a.jpg").write_text("a")
    (shared / "b.txt").write_text("b")
    one = Portable(tmp_path, "-d", shared, "--ftpd-port", "-1", "--webdav-port=-1", "--httpd-port", "-1", "--ftpd-cert", "x",
                   "--allowed-patterns", "/::*.jpg")
    try:
        user = one.user(tmp_path)
        sftp(user, [f"get a.jpg {tmp_path}/got"])
        with pytest.raises(ClientFailed):
            sftp(user, [f"get b.txt {tmp_path}/got"])
    finally:
        assert one.stop() == 0
    for flag, port in (("--ftpd-port", "2121"), ("--webdav-port", "0")):
        refused = ferry("portable", "-d", shared, flag, port)
        assert refused.returncode == 1 and f"{flag}: not built yet" in refused.stderr
    assert ferry("portable", "-d", shared, "--denied-patterns", "*.jpg").returncode == 1


def test_the_first_starts_lines_use_what_make_run_installs():
    root = os.path.join(os.path.dirname(__file__), "..", "..")
    with open(os.path.join(root, "packaging", "debian-packages.txt")) as file:
        packages = {line.strip() for line in file}
    assert {"run curl", "run openssh-client"} <= packages
    with open(os.path.join(root, "Makefile")) as file:
        assert "scripts/install-packages build run" in file.read()
