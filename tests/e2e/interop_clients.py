"""The clients of test_interop.py, each with the same operations on one account.

A client has the operations that the program has: upload, download, list, rename, remove, mkdir, resume_upload,
resume_download. Paths on the server are relative to the account's home; `key` is a private key file or None for the
password. Each call is a connection of its own, as the programs are used.
"""
import asyncio
import shutil
import subprocess
from pathlib import Path

import clients
from clients import Paramiko, asyncssh_connect, run

HERE = Path(__file__).resolve().parent / "interop"
BUILD = Path(__file__).resolve().parents[2] / "build" / "interop"
OPERATIONS = ("upload", "download", "list", "rename", "remove", "mkdir", "resume_upload", "resume_download")


def names_of(lines):
    return {line.strip().rstrip("/").rsplit("/", 1)[-1] for line in lines if line.strip()} - {".", ".."}


class Client:
    def __init__(self, user, key, work):
        self.user, self.key, self.work = user, key, work


class OpenSSHSftp(Client):
    """sftp with a batch; its words serve psftp's too."""

    def batch(self, *commands):
        return clients.sftp(self.user, list(commands), self.key)

    def upload(self, local, remote):
        self.batch(f"put {local} {remote}")

    def download(self, remote, local):
        self.batch(f"get {remote} {local}")

    def list(self, folder):
        return names_of(line for line in self.batch(f"ls -1 {folder}").splitlines() if not line.startswith("sftp>"))

    def rename(self, old, new):
        self.batch(f"rename {old} {new}")

    def remove(self, file):
        self.batch(f"rm {file}")

    def mkdir(self, folder):
        self.batch(f"mkdir {folder}")

    def resume_upload(self, local, remote):
        self.batch(f"reput {local} {remote}")

    def resume_download(self, remote, local):
        self.batch(f"reget {remote} {local}")


class OpenSSHScp(Client):
    def upload(self, local, remote):
        clients.scp(self.user, [local], f":{remote}", self.key)

    def download(self, remote, local):
        clients.scp(self.user, [f":{remote}"], local, self.key)


def putty_options(client):
    user = client.user
    if not client.key:
        login = ["-pw", user.password]
    else:
        key = client.work / f"{Path(client.key).name}.ppk"
        if not key.exists():
            run(["puttygen", client.key, "-O", "private", "-o", key])
        login = ["-i", key]
    return ["-batch", "-noagent", "-P", user.server.sftp_port, "-hostkey", clients.host_key_of(user.server), *login]


class Psftp(OpenSSHSftp):
    def batch(self, *commands):
        line = ["psftp", *putty_options(self), "-b", "/dev/stdin", f"{self.user.name}@127.0.0.1"]
        return run(line, "\n".join([*commands, "quit"]) + "\n", {"HOME": str(self.work)})

    def list(self, folder):
        lines = self.batch(f"ls {folder}").splitlines()
        return names_of(line.split(None, 8)[-1] for line in lines if line[:1] in ("-", "d"))

    def rename(self, old, new):
        self.batch(f"mv {old} {new}")

    def remove(self, file):
        self.batch(f"del {file}")


class Pscp(Client):
    def run(self, *words):
        return run(["pscp", *putty_options(self), "-sftp", *words], None, {"HOME": str(self.work)})

    def at(self, path):
        return f"{self.user.name}@127.0.0.1:{path}"

    def upload(self, local, remote):
        self.run("-q", local, self.at(remote))

    def download(self, remote, local):
        self.run("-q", self.at(remote), local)

    def list(self, folder):
        lines = self.run("-ls", self.at(folder)).splitlines()
        return names_of(line.split(None, 8)[-1] for line in lines if line[:1] in ("-", "d"))


class Lftp(OpenSSHSftp):
    def batch(self, *commands):
        return clients.lftp(self.user, commands, self.key)

    def upload(self, local, remote):
        self.batch(f"put {local} -o {remote}")

    def download(self, remote, local):
        self.batch("set xfer:clobber yes", f"get {remote} -o {local}")

    def list(self, folder):
        return names_of(self.batch(f"cls -1 -a {folder}/").splitlines())

    def rename(self, old, new):
        self.batch(f"mv {old} {new}")

    def resume_upload(self, local, remote):
        self.batch(f"put -c {local} -o {remote}")

    def resume_download(self, remote, local):
        self.batch(f"get -c {remote} -o {local}")


class Rclone(Client):
    def run(self, *words):
        return clients.rclone(self.user, *words, key=self.key)

    def upload(self, local, remote):
        self.run("copyto", local, f"remote:{remote}")

    def download(self, remote, local):
        self.run("copyto", f"remote:{remote}", local)

    def list(self, folder):
        return names_of(self.run("lsf", f"remote:{folder}").splitlines())

    def rename(self, old, new):
        self.run("moveto", f"remote:{old}", f"remote:{new}")

    def remove(self, file):
        self.run("deletefile", f"remote:{file}")

    def mkdir(self, folder):
        self.run("mkdir", f"remote:{folder}")


class ParamikoClient(Client):
    def call(self, name, *words):
        with Paramiko(self.user, self.key) as sftp:
            return getattr(sftp, name)(*words)

    def upload(self, local, remote):
        self.call("put", str(local), remote)

    def download(self, remote, local):
        self.call("get", remote, str(local))

    def list(self, folder):
        return set(self.call("listdir", folder))

    def rename(self, old, new):
        self.call("posix_rename", old, new)

    def remove(self, file):
        self.call("remove", file)

    def mkdir(self, folder):
        self.call("mkdir", folder)

    def resume_upload(self, local, remote):
        with Paramiko(self.user, self.key) as sftp, sftp.open(remote, "r+") as to, open(local, "rb") as source:
            to.set_pipelined(True)
            source.seek(to.stat().st_size)
            to.seek(source.tell())
            shutil.copyfileobj(source, to, 32768)

    def resume_download(self, remote, local):
        with Paramiko(self.user, self.key) as sftp, sftp.open(remote) as source, open(local, "ab") as to:
            source.seek(to.tell())
            shutil.copyfileobj(source, to, 32768)


class Asyncssh(Client):
    def call(self, work):
        async def connected():
            async with asyncssh_connect(self.user, self.key) as connection, connection.start_sftp_client() as sftp:
                return await work(sftp)
        return asyncio.run(connected())

    def upload(self, local, remote):
        self.call(lambda sftp: sftp.put(str(local), remote))

    def download(self, remote, local):
        self.call(lambda sftp: sftp.get(remote, str(local)))

    def list(self, folder):
        return names_of(self.call(lambda sftp: sftp.listdir(folder)))

    def rename(self, old, new):
        self.call(lambda sftp: sftp.posix_rename(old, new))

    def remove(self, file):
        self.call(lambda sftp: sftp.remove(file))

    def mkdir(self, folder):
        self.call(lambda sftp: sftp.mkdir(folder))

    def resume_upload(self, local, remote):
        async def work(sftp):
            async with sftp.open(remote, "ab") as to:
                await to.write(Path(local).read_bytes()[await to.tell():])
        self.call(work)

    def resume_download(self, remote, local):
        async def work(sftp):
            have = Path(local).stat().st_size
            async with sftp.open(remote, "rb") as source:
                with open(local, "ab") as to:
                    to.write(await source.read(-1, have))
        self.call(work)


class OwnProgram(Client):
    """One of the programs in interop/, which share their arguments (libssh_client.c)."""

    def command(self):
        raise NotImplementedError

    def run(self, *words):
        way = ["key", self.key] if self.key else ["password", self.user.password]
        return run([*self.command(), self.user.server.sftp_port, self.user.name, *way, *words])

    def upload(self, local, remote):
        self.run("put", local, remote, 0)

    def download(self, remote, local):
        self.run("get", remote, local, 0)

    def list(self, folder):
        return names_of(self.run("list", folder).splitlines())

    def rename(self, old, new):
        self.run("rename", old, new)

    def remove(self, file):
        self.run("remove", file)

    def mkdir(self, folder):
        self.run("mkdir", folder)

    def resume_upload(self, local, remote):
        self.run("put", local, remote, (self.user.home / remote).stat().st_size)

    def resume_download(self, remote, local):
        self.run("get", remote, local, Path(local).stat().st_size)


class Libssh(OwnProgram):
    def command(self):
        program = self.work / "libssh_client"
        if not program.exists():
            subprocess.run(["cc", "-O1", "-o", program, HERE / "libssh_client.c", "-lssh"], check=True)
        return [program]


class Ssh2(OwnProgram):
    """ssh2 for Node; scripts/run-tests puts it and Node into place."""

    def command(self):
        return [BUILD / "node", BUILD / "ssh2_client.js"]


class Curl(Client):
    """curl is libssh2."""

    def run(self, path, *words):
        login = (["--key", self.key, "--pubkey", f"{self.key}.pub", "-u", f"{self.user.name}:"] if self.key else
                 ["-u", f"{self.user.name}:{self.user.password}"])
        return run(["curl", "-q", "-s", "-S", "-k", *login, *words,
                    f"sftp://127.0.0.1:{self.user.server.sftp_port}/{path}"])

    def upload(self, local, remote):
        self.run(remote, "-T", local)

    def download(self, remote, local):
        self.run(remote, "-o", local)

    def list(self, folder):
        return names_of(self.run(f"{folder}/", "-l").splitlines())

    def rename(self, old, new):
        self.run("", "-l", "-Q", f"rename /{old} /{new}")

    def remove(self, file):
        self.run("", "-l", "-Q", f"rm /{file}")

    def mkdir(self, folder):
        self.run("", "-l", "-Q", f"mkdir /{folder}")

    def resume_upload(self, local, remote):
        self.run(remote, "-T", local, "-C", "-")

    def resume_download(self, remote, local):
        self.run(remote, "-o", local, "-C", "-")


def dbclient(client):
    """A script in the place of ssh for sftp -S and scp -S, and its environment."""
    words = ["exec dbclient -y -y"]
    if client.key:
        key = client.work / f"{Path(client.key).name}.dropbear"
        if not key.exists():
            run(["dropbearconvert", "openssh", "dropbear", client.key, key])
        words.append(f"-i {key}")
    script = client.work / ("dbclient-" + (Path(client.key).name if client.key else "password"))
    script.write_text("#!/bin/sh\n" + " ".join(words) + ' "$@"\n')
    script.chmod(0o755)
    return script, {"DROPBEAR_PASSWORD": client.user.password, "HOME": str(client.work)}


class DropbearSftp(OpenSSHSftp):
    """dbclient below OpenSSH's sftp."""

    def batch(self, *commands):
        script, environment = dbclient(self)
        return run(["sftp", "-b", "-", "-S", script, "-P", self.user.server.sftp_port, f"{self.user.name}@127.0.0.1"],
                   "\n".join(commands) + "\n", environment)


class DropbearScp(Client):
    """dbclient below OpenSSH's scp and its old protocol."""

    def scp(self, *words):
        script, environment = dbclient(self)
        run(["scp", "-O", "-S", script, "-P", self.user.server.sftp_port, *words], None, environment)

    def upload(self, local, remote):
        self.scp(local, f"{self.user.name}@127.0.0.1:{remote}")

    def download(self, remote, local):
        self.scp(f"{self.user.name}@127.0.0.1:{remote}", local)
