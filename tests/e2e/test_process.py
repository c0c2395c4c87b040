"""The process: configuration errors, first start, signals, drain."""
import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

import raw_sftp
from clients import Paramiko, askpass, random_file, same, sftp, sftp_command, wait_for
from ferry import Ferry, User, binary, clean_environment, sanitized
from raw_sftp import Raw


def serve(config_dir, environment=None, arguments=()):
    """Runs `serve` to its end; a server that starts is ended and the test fails."""
    return subprocess.run([binary(), "serve", "--config-dir", config_dir, *arguments], text=True, capture_output=True,
                          env=clean_environment() | (environment or {}), timeout=20)


BAD = {
    "wrong type": ("ferry.json", '{"sftpd": {"bindings": [{"port": "twenty"}]}}', ["ferry.json", "port"]),
    "port range": ("ferry.json", '{"sftpd": {"bindings": [{"port": 70000}]}}', ["ferry.json", "port"]),
    "bad address": ("ferry.json", '{"httpd": {"bindings": [{"port": 8080, "address": "300.0.0.1"}]}}',
                    ["ferry.json", "address"]),
    "not json": ("ferry.json", '{"sftpd": ', ["ferry.json"]),
    "not yaml": ("ferry.yaml", "sftpd: [unclosed", ["ferry.yaml"]),
    "yaml type": ("ferry.yaml", "common:\n  upload_mode: atomic\n", ["ferry.yaml", "upload_mode"]),
    "toml type": ("ferry.toml", '[common]\nidle_timeout = "long"\n', ["ferry.toml", "idle_timeout"]),
    "other name": ("sftpgo.json", '{"common": {"upload_mode": "x"}}', ["sftpgo.json", "upload_mode"]),
}


@pytest.mark.parametrize("name,text,words", BAD.values(), ids=BAD)
def test_a_bad_configuration_is_one_clear_line(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    result = serve(tmp_path)
    output = (result.stdout + result.stderr).strip()
    assert result.returncode == 1, output
    assert len(output.splitlines()) == 1 and all(word in output for word in words), output
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]


def test_a_bad_environment_override_names_the_variable(tmp_path):
    result = serve(tmp_path, {"FERRY_SFTPD__BINDINGS__0__PORT": "many"})
    output = (result.stdout + result.stderr).strip()
    assert result.returncode == 1 and len(output.splitlines()) == 1, output
    assert "FERRY_SFTPD__BINDINGS__0__PORT" in output


def test_a_configuration_file_that_is_missing(tmp_path):
    result = serve(tmp_path, arguments=["--config-file", str(tmp_path / "absent.json")])
    assert result.returncode == 1 and "absent.json" in result.stdout + result.stderr


def test_a_port_in_use_is_told(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environment = Ferry(tmp_path).environment
        environment["FERRY_SFTPD__BINDINGS__0__PORT"] = str(taken.getsockname()[1])
        result = serve(tmp_path, environment)
    assert result.returncode == 1
    assert re.search("in use", result.stdout + result.stderr, re.IGNORECASE)


def test_unknown_keys_warn_with_the_nearest(make_server, tmp_path):
    server = make_server(start=False)
    (server.config_dir / "ferry.json").write_text('{"common": {"upload_mod": 1}}')
    server.start()
    warnings = [line for line in server.log().splitlines() if "upload_mod" in line]
    assert warnings and any("upload_mode" in line for line in warnings)


@pytest.mark.parametrize("prefix", ["FERRY", "SFTPGO"])
def test_both_prefixes_and_env_files(make_server, prefix):
    server = make_server(start=False)
    port = server.environment.pop("FERRY_SFTPD__BINDINGS__0__PORT")
    (server.config_dir / "env.d").mkdir()
    (server.config_dir / "env.d" / "port.env").write_text(f"{prefix}_SFTPD__BINDINGS__0__PORT={port}\n")
    server.start()
    with socket.create_connection(("127.0.0.1", server.sftp_port), timeout=5) as one:
        assert one.recv(100).startswith(b"SSH-2.0-")


def test_the_log_is_json_lines(make_server, public_keys, keys, tmp_path):
    server = make_server()
    user = server.create_user("logged", public_keys=public_keys)
    file = random_file(tmp_path / "file", 1000)
    sftp(user, [f"put {file} there", f"get there {tmp_path}/back", "rm there"], keys["ed25519"])
    server.stop()
    lines = [json.loads(line) for line in server.log().splitlines()]
    senders = {line["sender"] for line in lines}
    assert {"Upload", "Download", "Remove"} <= senders
    upload = next(line for line in lines if line["sender"] == "Upload")
    assert (upload["username"], upload["size_bytes"], upload["protocol"]) == ("logged", 1000, "SFTP")
    assert user.password not in server.log()


def test_log_rotation_by_signal(make_server):
    server = make_server()
    first = server.log()
    server.process.send_signal(signal.SIGUSR1)
    wait_for(lambda: len(list(server.config_dir.glob("ferry*.log"))) == 2, "a second log file")
    old = [log for log in server.config_dir.glob("ferry*.log") if log != server.log_path]
    assert first in old[0].read_text()
    assert server.healthy()
    wait_for(lambda: "healthz" in server.log(), "the new log to be written")


def test_reload_keeps_serving(make_server, public_keys, keys):
    server = make_server()
    user = server.create_user("steady", public_keys=public_keys)
    with Paramiko(user, keys["ed25519"]) as client:
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        assert client.listdir(".") == []
    assert server.healthy() and "Remote working" in sftp(user, ["pwd"], keys["ed25519"])


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_an_idle_server_ends_at_once(make_server, name):
    server = make_server()
    start = time.monotonic()
    server.process.send_signal(signal.Signals[name])
    assert server.process.wait(10) == 0 and time.monotonic() - start < 5


def test_drain_lets_a_transfer_finish(make_server, public_keys, keys, tmp_path):
    server = make_server(arguments=["--grace-time", "30"])
    user = server.create_user("draining", public_keys=public_keys)
    source = random_file(tmp_path / "source", 20_000_000)
    line = [str(part) for part in sftp_command(user, keys["ed25519"], ["-l", "50000"])]
    upload = subprocess.Popen(line, stdin=subprocess.PIPE, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    upload.stdin.write(f"put {source} there\n")
    upload.stdin.flush()
    target = user.home / "there"
    while not target.exists() or target.stat().st_size == 0:
        time.sleep(0.02)
    server.terminate()
    time.sleep(0.5)
    assert server.alive() and target.stat().st_size < source.stat().st_size
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", server.sftp_port), timeout=5) as one:
        if one.recv(100) == b"":
            raise ConnectionResetError
    _, errors = upload.communicate(timeout=30)
    assert upload.returncode == 0, errors
    assert server.process.wait(20) == 0
    assert same(source, target)


def test_without_grace_time_open_sessions_are_closed(make_server, public_keys, keys):
    server = make_server()
    user = server.create_user("interrupted", public_keys=public_keys)
    with Paramiko(user, keys["ed25519"]) as client:
        client.listdir(".")
        server.terminate()
        assert server.process.wait(10) == 0
        with pytest.raises((OSError, EOFError)):
            client.listdir(".")


HANGING_FSYNC = r'''
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
int fsync(int descriptor) {
  char link[64], target[4096] = "";
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  if (readlink(link, target, sizeof target - 1) > 0 && strstr(target, "/hanging")) sleep(120);
  return (int)syscall(SYS_fsync, descriptor);
}
'''


@pytest.mark.skipif(sanitized(), reason="a sanitizer's library must be loaded first")
def test_a_storage_that_does_not_answer_does_not_hold_the_end_up(make_server, public_keys, keys, tmp_path):
    (tmp_path / "hang.c").write_text(HANGING_FSYNC)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "hang.so", tmp_path / "hang.c"], check=True)
    server = make_server({"LD_PRELOAD": str(tmp_path / "hang.so")})
    user = server.create_user("waiting", public_keys=public_keys)
    raw = Raw(Paramiko(user, keys["ed25519"]).client)
    handle = raw.open("hanging", raw_sftp.WRITE | raw_sftp.CREATE)
    assert raw.write(handle, 0, b"data") == raw_sftp.OK
    raw.send(200, raw_sftp.text("fsync@openssh.com"), handle)
    time.sleep(0.5)
    server.terminate()
    assert server.process.wait(45) == 1
    assert "something still runs" in server.log()
    assert (user.home / "hanging").read_bytes() == b"data"


def test_what_is_stored_survives_a_restart(make_server, public_keys, keys):
    server = make_server()
    user = server.create_user("kept", public_keys=public_keys)
    fingerprints = subprocess.run(["ssh-keyscan", "-p", str(server.sftp_port), "127.0.0.1"], text=True,
                                  capture_output=True).stdout
    assert server.stop() == 0
    server.start()
    again = subprocess.run(["ssh-keyscan", "-p", str(server.sftp_port), "127.0.0.1"], text=True,
                           capture_output=True).stdout
    keys_of = lambda text: sorted(line for line in text.splitlines() if not line.startswith("#"))  # noqa: E731
    assert keys_of(fingerprints) == keys_of(again) and len(keys_of(again)) == 2  # ed25519 and rsa
    assert "Remote working" in sftp(user, ["pwd"]) and "Remote working" in sftp(user, ["pwd"], keys["ed25519"])


def test_files_made_by_the_server_are_private(make_server):
    server = make_server()
    for path in server.config_dir.iterdir():
        if path.name.startswith("id_") and path.suffix != ".pub" or path.name == "ferry.db":
            assert path.stat().st_mode & 0o077 == 0, path


COMMAND = r"(TOKEN=|curl|sftp) ?"


def test_the_lines_printed_on_first_start_work_as_printed(make_server, tmp_path):
    server = make_server(start=False)
    for name in ("FERRY_DATA_PROVIDER__CREATE_DEFAULT_ADMIN", "FERRY_DEFAULT_ADMIN_USERNAME",
                 "FERRY_DEFAULT_ADMIN_PASSWORD"):
        del server.environment[name]
    server.start()
    wait_for(lambda: " is ready: " in server.output(), "the server to say it is ready")  # it answers a moment before
    printed = server.output()
    lines = [line.strip() for line in printed.splitlines()]
    commands = [line for line in lines if re.match(COMMAND, line)]
    assert len(commands) == 3, printed
    assert str(server.sftp_port) in printed and str(server.http_port) in printed
    get_token, create_user, connect = commands
    assert connect.startswith("sftp")
    source = random_file(tmp_path / "source", 100_000)
    name = re.search(r'"username"\s*:\s*"([^"]+)"', create_user)[1]
    password = re.search(r'"password"\s*:\s*"([^"]+)"', create_user)[1]
    user = User(server, name, password, None)
    # The one change: the host key is accepted and the password given without a terminal.
    home = tmp_path / "home"
    home.mkdir()
    wrapper = tmp_path / "sftp"
    wrapper.write_text('#!/bin/sh\nexec /usr/bin/sftp -F none -o StrictHostKeyChecking=no '
                       '-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "$@"\n')
    wrapper.chmod(0o755)
    batch = f"put {source} there\nget there {tmp_path}/back\n"
    script = f"set -e\n{get_token}\n{create_user}\n{connect} <<'END'\n{batch}END\n"
    environment = clean_environment() | askpass(user) | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(home)}
    result = subprocess.run(["bash", "-c", script], text=True, capture_output=True, env=environment, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr
    assert same(source, tmp_path / "back"), result.stdout + result.stderr
    assert server.stop() == 0
    server.output_path.unlink()
    server.start()
    assert not [line for line in server.output().splitlines() if re.match(COMMAND, line.strip())]
    assert password not in server.log()


def test_the_first_administrators_environment_is_used_once(make_server):
    server = make_server()
    assert server.api("GET", "/admins")[0]["username"]
    assert server.stop() == 0
    server.environment["FERRY_DEFAULT_ADMIN_PASSWORD"] = "something else entirely"
    server.start()
    assert server.api("GET", "/version")["version"]


def test_help_and_version():
    for arguments in (["--help"], ["serve", "--help"], ["--version"]):
        result = subprocess.run([binary(), *arguments], text=True, capture_output=True, timeout=10)
        assert result.returncode == 0 and result.stdout, arguments
    for flag in ("config-dir", "config-file", "log-file-path", "log-max-size", "log-max-backups", "log-max-age",
                 "log-compress", "log-level", "log-utc-time", "loaddata-from", "loaddata-mode", "loaddata-scan",
                 "loaddata-clean", "grace-time"):
        assert f"--{flag}" in subprocess.run([binary(), "serve", "--help"], text=True, capture_output=True).stdout
