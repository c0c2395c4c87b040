"""The stock clients as functions: each runs the program against an account and returns what it printed."""
import hashlib
import os
import socket
import stat
import struct
import subprocess
import time
from pathlib import Path

import asyncssh
import paramiko

from ferry import FACTOR, clean_environment

TIMEOUT = 120
NO_HOST_CHECK = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]


class ClientFailed(Exception):
    def __init__(self, result):
        super().__init__(f"{result.args[0]} exited with {result.returncode}:\n{result.stdout}\n{result.stderr}")
        self.result = result
        self.output = result.stdout + result.stderr


def run(command, text=None, environment=None, timeout=TIMEOUT):
    result = subprocess.run([str(part) for part in command], input=text, text=True, capture_output=True,
                            timeout=timeout * FACTOR, env=clean_environment() | (environment or {}))
    if result.returncode != 0:
        raise ClientFailed(result)
    return result.stdout


def askpass(user):
    """Environment that answers ssh's password prompt without a terminal."""
    script = user.server.config_dir / "askpass"
    if not script.exists():
        script.write_text('#!/bin/sh\nprintf "%s\\n" "$TEST_PASSWORD"\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return {"SSH_ASKPASS": str(script), "SSH_ASKPASS_REQUIRE": "force", "TEST_PASSWORD": user.password}


def ssh_options(user, key=None):
    """Options of sftp, scp and ssh for one way of logging in: this key, or the password."""
    options = ["-F", "none", *NO_HOST_CHECK, "-o", f"Port={user.server.sftp_port}", "-o", "IdentitiesOnly=yes"]
    if key:
        return [*options, "-i", key, "-o", "PreferredAuthentications=publickey"]
    return [*options, "-o", "BatchMode=no", "-o", "PreferredAuthentications=password", "-o",
            "NumberOfPasswordPrompts=1"]


def sftp_command(user, key=None, options=()):
    # ssh takes the first value of an option: those given here come before the standing ones.
    return ["sftp", *options, *ssh_options(user, key), "-b", "-", f"{user.name}@127.0.0.1"]


def sftp(user, commands, key=None, options=(), timeout=TIMEOUT):
    """Runs OpenSSH's sftp with a batch of commands; the first that fails raises ClientFailed."""
    batch = commands if isinstance(commands, str) else "\n".join(commands)
    return run(sftp_command(user, key, options), batch + "\n", askpass(user), timeout)


def scp(user, sources, target, key=None, options=()):
    """scp where a path that starts with ':' is the account's."""
    def full(path):
        return f"{user.name}@127.0.0.1{path}" if str(path).startswith(":") else path
    run(["scp", *ssh_options(user, key), *options, *map(full, sources), full(target)], None, askpass(user))


def host_key_of(server):
    """The fingerprint of a server's ed25519 key, as PuTTY's -hostkey wants it."""
    return run(["ssh-keygen", "-l", "-f", server.config_dir / "id_ed25519"]).split()[1]


def lftp(user, commands, key=None):
    connect = "ssh -a -x " + " ".join(NO_HOST_CHECK) + " -F none"
    if key:
        connect += f" -o IdentitiesOnly=yes -o PreferredAuthentications=publickey -i {key}"
    script = [f'set sftp:connect-program "{connect}"', "set net:max-retries 1", "set net:timeout 60",
              "set cmd:fail-exit yes",
              f'open -u "{user.name},{"" if key else user.password}" sftp://127.0.0.1:{user.server.sftp_port}']
    home = {"HOME": str(user.server.config_dir), "LFTP_HOME": str(user.server.config_dir)}
    return run(["lftp", "--norc", "-c", "\n".join([*script, *commands])], None, home)


def rclone(user, *arguments, key=None):
    """rclone with `remote:` being the account."""
    login = ({"RCLONE_CONFIG_REMOTE_KEY_FILE": str(key)} if key else
             {"RCLONE_CONFIG_REMOTE_PASS": run(["rclone", "obscure", user.password]).strip()})
    environment = {"RCLONE_CONFIG": "/dev/null", "RCLONE_CONFIG_REMOTE_TYPE": "sftp",
                   "RCLONE_CONFIG_REMOTE_HOST": "127.0.0.1", "RCLONE_CONFIG_REMOTE_PORT": str(user.server.sftp_port),
                   "RCLONE_CONFIG_REMOTE_USER": user.name, "RCLONE_CONFIG_REMOTE_DISABLE_HASHCHECK": "true"} | login
    return run(["rclone", "--retries", "1", "--low-level-retries", "1", *arguments], None, environment)


class Paramiko:
    """with Paramiko(user) as sftp: ... ; a key file instead of the password when given."""

    def __init__(self, user, key=None, **options):
        self.client = paramiko.SSHClient()
        self.client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        login = {"key_filename": str(key)} if key else {"password": user.password}
        self.client.connect("127.0.0.1", user.server.sftp_port, user.name, allow_agent=False, look_for_keys=False,
                            timeout=60 * FACTOR, banner_timeout=60 * FACTOR, auth_timeout=60 * FACTOR, **login, **options)

    def __enter__(self):
        self.sftp = self.client.open_sftp()
        return self.sftp

    def __exit__(self, *_):
        self.client.close()


def asyncssh_connect(user, key=None, **options):
    """async with asyncssh_connect(user) as connection: ..."""
    if key:
        login = {"client_keys": [key if isinstance(key, asyncssh.SSHKey) else str(key)], "password": None}
    else:
        login = {"client_keys": None, "password": user.password}
    return asyncssh.connect("127.0.0.1", user.server.sftp_port, username=user.name, known_hosts=None, config=None,
                            agent_path=None, login_timeout=60 * FACTOR, **login, **options)


def offered(server):
    """What a server's KEXINIT lists, by kind (RFC 4253 section 7.1)."""
    with socket.create_connection(("127.0.0.1", server.sftp_port), timeout=20) as connection, \
            connection.makefile("rb") as stream:
        assert stream.readline().startswith(b"SSH-2.0-")
        size, padding = struct.unpack(">IB", stream.read(5))
        payload = stream.read(size - 1)[:size - 1 - padding]
    lists, at = [], 17  # after the message's number and the cookie
    for _ in range(10):
        length, = struct.unpack_from(">I", payload, at)
        lists.append(payload[at + 4:at + 4 + length].decode().split(","))
        at += 4 + length
    return dict(zip(["kex", "host_key", "cipher_in", "cipher_out", "mac_in", "mac_out"], lists))


def wait_for(condition, what, timeout=20):
    deadline = time.monotonic() + timeout * FACTOR
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout} s for {what}"
        time.sleep(0.05)


def random_file(path, size):
    path = Path(path)
    path.write_bytes(os.urandom(size))
    return path


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def same(one, other):
    return digest(one) == digest(other)
