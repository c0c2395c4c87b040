"""git and rsync of the machine, as clients of an account."""
import os
import subprocess

from clients import digest, random_file, run, ssh_options

ENABLED = {"FERRY_SFTPD__ENABLED_SSH_COMMANDS": "*"}

NEEDED = ["list", "download", "upload", "overwrite", "delete", "rename", "create_dirs"]


def ssh_program(user, key):
    return "ssh " + " ".join(str(option) for option in ssh_options(user, key))


def git(user, key, *arguments, folder=None):
    environment = {"GIT_SSH_COMMAND": ssh_program(user, key), "GIT_CONFIG_GLOBAL": "/dev/null",
                   "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a",
                   "GIT_COMMITTER_EMAIL": "a@b"}
    where = ["-C", folder] if folder else []
    return run(["git", "-c", "init.defaultBranch=main", "-c", "protocol.version=2", *where, *arguments], None,
               environment)


def rsync(user, key, *arguments, environment=None):
    full = [f"{user.name}@127.0.0.1{one}" if str(one).startswith(":") else one for one in arguments]
    return run(["rsync", "-e", ssh_program(user, key), *full], None, environment)


def url(user, path):
    return f"{user.name}@127.0.0.1:{path}"


def tree(folder):
    return {str(path.relative_to(folder)): digest(path) if path.is_file() else None for path in folder.rglob("*")}


def make_tree(folder):
    (folder / "inner").mkdir(parents=True)
    random_file(folder / "one", 2_000_000)
    random_file(folder / "inner" / "two words", 1000)
    os.utime(folder / "one", (1_000_000_000, 1_100_000_000))


def used(user, what):
    return user.server.api("GET", f"/users/{user.name}").get(f"used_quota_{what}", 0)


def on_disk(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def children(user):
    pid = user.server.process.pid
    out = subprocess.run(["ps", "--ppid", str(pid), "-o", "pid="], capture_output=True, text=True, check=False).stdout
    return out.split()
