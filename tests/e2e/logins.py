"""What a person does at a login: reads prompts and types answers, into OpenSSH, PuTTY, paramiko and asyncssh."""
import asyncio
import base64
import hashlib
import hmac
import os
import pty
import select
import signal
import struct
import time

import asyncssh
import paramiko

from clients import NO_HOST_CHECK, run
from ferry import clean_environment

TOTP_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def one_time_code(secret=TOTP_SECRET, algorithm="sha1", step=0):
    """RFC 6238, `step` steps of 30 seconds from now."""
    counter = struct.pack(">Q", int(time.time()) // 30 + step)
    tag = hmac.new(base64.b32decode(secret), counter, getattr(hashlib, algorithm)).digest()
    at = tag[-1] & 15
    return f"{(struct.unpack('>I', tag[at:at + 4])[0] & 0x7fffffff) % 1_000_000:06}"


def totp_filters(name="Default", **more):
    secret = {"status": "Plain", "payload": TOTP_SECRET}
    return {"totp_config": {"enabled": True, "config_name": name, "secret": secret, "protocols": ["SSH"]}} | more


def openssh(user, answers, *options, command=("pwd",)):
    """OpenSSH's sftp; `answers` maps a word of a prompt to what is typed. Returns all prompts and the output."""
    folder = user.server.config_dir
    script, seen = folder / "answers.sh", folder / f"prompts-{user.name}"
    cases = "\n".join(f'*"{word}"*) printf "%s\\n" "{answer}" ;;' for word, answer in answers.items())
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$1" >> {seen}\ncase "$1" in\n{cases}\nesac\n')
    script.chmod(0o700)
    seen.unlink(missing_ok=True)
    output = run(["sftp", *options, "-F", "none", *NO_HOST_CHECK, "-o", f"Port={user.server.sftp_port}", "-o",
                  "NumberOfPasswordPrompts=1", "-o", "BatchMode=no", "-b", "-", f"{user.name}@127.0.0.1"],
                 "\n".join(command) + "\n", {"SSH_ASKPASS": str(script), "SSH_ASKPASS_REQUIRE": "force"})
    return seen.read_text().splitlines() if seen.exists() else [], output


INTERACTIVE = ("-o", "PreferredAuthentications=keyboard-interactive", "-o", "PubkeyAuthentication=no")


def putty(user, answers, host_key, timeout=60):
    """psftp at a terminal: types each answer when its word has been shown, then `pwd` and `bye`. All that was shown."""
    line = ["psftp", "-P", str(user.server.sftp_port), "-hostkey", host_key, f"{user.name}@127.0.0.1"]
    process, terminal = pty.fork()
    if process == 0:
        os.execvpe(line[0], line, clean_environment() | {"HOME": str(user.server.config_dir)})
    shown, waiting = "", [*answers, ("psftp>", "pwd"), ("psftp>", "bye")]
    seen, deadline = 0, time.monotonic() + timeout
    try:
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 0.5)[0]:
                continue
            try:
                data = os.read(terminal, 4096)
            except OSError:
                break
            if not data:
                break
            shown += data.decode(errors="replace")
            while waiting and waiting[0][0] in shown[seen:]:
                word, answer = waiting.pop(0)
                seen = shown.index(word, seen) + len(word)
                os.write(terminal, answer.encode() + b"\n")
    finally:
        os.close(terminal)
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(process, 0)
    return shown


class Login:
    """paramiko, method by method: each call answers the methods that must follow, [] when logged in."""

    def __init__(self, user):
        self.user, self.rounds = user, []
        self.transport = paramiko.Transport(("127.0.0.1", user.server.sftp_port))
        self.transport.start_client(timeout=60)
        self.transport.auth_timeout = 120

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.transport.close()

    def key(self, file):
        return self.transport.auth_publickey(self.user.name, paramiko.Ed25519Key.from_private_key_file(str(file)))

    def password(self, password=None):
        return self.transport.auth_password(self.user.name, password or self.user.password, fallback=False)

    def interactive(self, *answers):
        """One list of answers a round."""
        left = list(answers)

        def handler(_title, instructions, prompts):
            self.rounds.append((instructions, prompts))
            return left.pop(0) if left else [""] * len(prompts)
        return self.transport.auth_interactive(self.user.name, handler)

    def works(self):
        return self.transport.is_authenticated() and self.transport.open_sftp_client().listdir(".") is not None

    def refused(self, method, *arguments):
        """Whether that is refused; the error's name for a look at what the client was told."""
        try:
            method(*arguments)
        except paramiko.BadAuthenticationType as error:
            return f"methods {error.allowed_types}"
        except paramiko.AuthenticationException as error:
            return str(error)
        return None


def asyncssh_interactive(user, answers):
    """asyncssh; `answers` are given prompt by prompt. The prompts it was shown."""
    left, shown = list(answers), []

    class Client(asyncssh.SSHClient):
        def kbdint_auth_requested(self):
            return ""

        def kbdint_challenge_received(self, name, instructions, lang, prompts):
            shown.extend(text for text, _ in prompts)
            return [left.pop(0) if left else "" for _ in prompts]

    async def go():
        connection = await asyncssh.connect("127.0.0.1", user.server.sftp_port, username=user.name, known_hosts=None,
                                            client_factory=Client, client_keys=None, agent_path=None, config=None,
                                            preferred_auth="keyboard-interactive", login_timeout=120)
        async with connection, connection.start_sftp_client() as sftp:
            await sftp.listdir(".")
    asyncio.run(go())
    return shown
