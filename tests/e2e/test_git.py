"""git over SSH, with the real program on both sides, and what must not come of it."""
import gzip
import subprocess
from pathlib import Path

import pytest

from clients import ClientFailed, Paramiko, random_file, run, same, wait_for
from program_tools import children, git, url
from test_ssh_commands import ssh


@pytest.fixture
def user(programs):
    return programs()


@pytest.fixture
def repository(user, tmp_path, keys):
    """A bare repository on the account, and a clone of it with one commit pushed."""
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", user.home / "repo.git"], check=True)
    clone = tmp_path / "clone"
    git(user, keys["ed25519"], "clone", "-q", url(user, "repo.git"), clone)
    random_file(clone / "file", 50_000)
    git(user, keys["ed25519"], "add", ".", folder=clone)
    git(user, keys["ed25519"], "commit", "-qm", "one", folder=clone)
    git(user, keys["ed25519"], "push", "-q", "origin", "HEAD:main", folder=clone)
    return user.home / "repo.git", clone


def test_git_clone_push_and_fetch(user, repository, tmp_path, keys):
    bare, clone = repository
    for path in ("repo.git", "/repo.git", "repo", "~/repo.git"):
        copy = tmp_path / path.replace("/", "_")
        git(user, keys["ed25519"], "clone", "-q", url(user, path), copy)
        assert same(clone / "file", copy / "file")
    random_file(clone / "large", 3_000_000)
    git(user, keys["ed25519"], "add", ".", folder=clone)
    git(user, keys["ed25519"], "commit", "-qm", "two", folder=clone)
    git(user, keys["ed25519"], "push", "-q", "origin", "HEAD:main", folder=clone)
    git(user, keys["ed25519"], "pull", "-q", folder=tmp_path / "repo.git")
    assert same(clone / "large", tmp_path / "repo.git" / "large")
    git(user, keys["ed25519"], "fsck", "--strict", folder=bare)
    archive = tmp_path / "archive.tar"
    git(user, keys["ed25519"], "archive", "--remote", url(user, "repo.git"), "-o", archive, "HEAD")
    assert b"large" in archive.read_bytes()


def test_a_missing_repository(user, tmp_path, keys):
    with pytest.raises(ClientFailed) as failure:
        git(user, keys["ed25519"], "clone", "-q", url(user, "missing"), tmp_path / "x")
    assert "No such file or directory" in failure.value.output


def test_git_runs_nothing_that_an_account_stored(user, repository, tmp_path, keys):
    bare, clone = repository
    witness = tmp_path / "witness"
    inside = user.home / "repo.git" / "witness"
    script = f"#!/bin/sh\ntouch {witness} {inside}\nexit 0\n"
    for hook in ("pre-receive", "update", "post-receive", "post-update", "reference-transaction", "proc-receive",
                 "push-to-checkout"):
        (bare / "hooks" / hook).write_text(script)
        (bare / "hooks" / hook).chmod(0o755)
    program = bare / "program"
    program.write_text(script)
    program.chmod(0o755)
    (user.home / ".gitconfig").write_text(f"[uploadpack]\n packObjectsHook = {program}\n[core]\n hooksPath = hooks\n")
    with open(bare / "config", "a") as config:
        config.write(f'[core]\n hooksPath = {bare}/hooks\n fsmonitor = {program}\n alternateRefsCommand = {program}\n'
                     f' sshCommand = {program}\n[uploadpack]\n packObjectsHook = {program}\n'
                     f'[receive]\n denyCurrentBranch = updateInstead\n[gc]\n auto = 1\n'
                     f' recentObjectsHook = {program}\n[gpg]\n program = {program}\n'
                     f'[remote "evil"]\n url = ext::{program}\n promisor = true\n[protocol "ext"]\n allow = always\n'
                     f'[filter "x"]\n clean = {program}\n smudge = {program}\n')
    random_file(clone / "more", 1000)
    git(user, keys["ed25519"], "add", ".", folder=clone)
    git(user, keys["ed25519"], "commit", "-qm", "two", folder=clone)
    git(user, keys["ed25519"], "push", "-q", "origin", "HEAD:main", folder=clone)
    git(user, keys["ed25519"], "clone", "-q", url(user, "repo.git"), tmp_path / "again")
    assert same(clone / "more", tmp_path / "again" / "more")
    assert not witness.exists() and not inside.exists()


HOSTILE_ATTRIBUTES = "* filter=x diff=x merge=x\n"


def hostile_repository(user, name, program):
    """A repository that names `program` wherever configuration or attributes can, with one commit of one file."""
    folder = user.home / name
    program = program.replace("HERE", str(folder))
    work = user.home / (name + ".work")
    subprocess.run(["git", "init", "-q", "-b", "main", work], check=True)
    (work / "file").write_text("plain\n")
    (work / ".gitattributes").write_text(HOSTILE_ATTRIBUTES)
    for command in (["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "one"],
                    ["clone", "-q", "--bare", ".", folder]):
        subprocess.run(["git", *command], cwd=work, check=True)
    with open(folder / "config", "a") as config:
        config.write(f"""[tar "x"]
 command = {program}
 remote = true
[tar "tar.gz"]
 command = {program}
[tar "tgz"]
 command = {program}
[filter "x"]
 smudge = {program}
 clean = {program}
 required = false
[diff "x"]
 textconv = {program}
 command = {program}
[merge "x"]
 driver = {program}
[core]
 fsmonitor = {program}
 sshCommand = {program}
 pager = {program}
 hooksPath = {folder}/hooks
 alternateRefsCommand = {program}
[gpg "x509"]
 program = {program}
[uploadpack]
 packObjectsHook = {program}
[receive]
 certNonceSeed = x
[alias]
 upload-pack = !{program}
 pack-objects = !{program}
""")
    return folder


def archive(user, keys, name, form, target):
    git(user, keys["ed25519"], "archive", "--remote", url(user, name), f"--format={form}", "-o", target, "HEAD")


def test_git_runs_no_command_of_a_repository(user, tmp_path, keys):
    """Neither through a shell nor straight; programs of the system no more than those that were uploaded."""
    server = user.server.process.pid
    for number, program in enumerate(["touch HERE/witness", "HERE/script", "HERE/copied HERE/witness", "/usr/bin/env",
                                      f"kill -9 {server}"]):
        name = f"hostile{number}.git"
        folder = hostile_repository(user, name, program)
        (folder / "script").write_text(f"#!/bin/sh\ntouch {folder}/witness\n")
        (folder / "copied").write_bytes(Path("/usr/bin/touch").read_bytes())
        for file in ("script", "copied"):
            (folder / file).chmod(0o755)
        for form in ("x", "tgz", "tar.gz"):
            with pytest.raises(ClientFailed):
                archive(user, keys, name, form, tmp_path / "archive")
        archive(user, keys, name, "tar", tmp_path / "plain.tar")  # what the filter would have made is left as it is
        assert b"plain\n" in (tmp_path / "plain.tar").read_bytes()
        assert not (folder / "witness").exists()
    assert user.server.process.poll() is None
    clone = tmp_path / "clone"
    git(user, keys["ed25519"], "clone", "-q", url(user, "hostile0.git"), clone)
    random_file(clone / "more", 100)
    git(user, keys["ed25519"], "add", "more", folder=clone)
    git(user, keys["ed25519"], "commit", "-qm", "two", folder=clone)
    git(user, keys["ed25519"], "push", "-q", "origin", "HEAD:refs/heads/other", folder=clone)
    assert not (user.home / "hostile0.git" / "witness").exists()


def test_git_archive_compresses_by_itself(user, repository, tmp_path, keys):
    archive(user, keys, "repo.git", "tar.gz", tmp_path / "archive.tar.gz")
    assert b"file" in gzip.decompress((tmp_path / "archive.tar.gz").read_bytes())


def test_nothing_of_a_program_outlives_its_session(user, tmp_path, keys):
    """git runs parts of itself; all of them go with the client, and what they had open with them."""
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", user.home / "repo.git"], check=True)
    client = Paramiko(user).client
    channel = client.get_transport().open_session()
    channel.exec_command("git-receive-pack repo.git")
    wait_for(lambda: children(user), "the program")
    advertised = channel.recv(65536)
    assert advertised
    # A push of a pack that goes on for ever: receive-pack has index-pack or unpack-objects read it.
    command = b"0" * 40 + b" " + b"1" * 40 + b" refs/heads/main\0 report-status\n"
    channel.sendall(f"{len(command) + 4:04x}".encode() + command + b"0000PACK\0\0\0\2\0\0\x10\0")
    group = int(children(user)[0])

    def members():
        out = subprocess.run(["ps", "-A", "-o", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
        return [line for line in out.splitlines() if line.split()[0] == str(group) and "Z" not in line.split()[1]]
    wait_for(lambda: len(members()) > 1, "a part of git")
    client.get_transport().sock.close()
    wait_for(lambda: not members(), "all of it to end")


def test_git_reads_no_file_of_the_machine(user, tmp_path, keys):
    folder = hostile_repository(user, "reads.git", "false")
    with open(folder / "config", "a") as config:
        config.write("[include]\n path = /etc/passwd\n")
    with pytest.raises(ClientFailed) as failure:
        git(user, keys["ed25519"], "clone", "-q", url(user, "reads.git"), tmp_path / "x")
    assert "in file /etc/passwd" not in failure.value.output and "root:" not in failure.value.output
    secret = tmp_path / "secret.git"
    subprocess.run(["git", "init", "-q", "--bare", secret], check=True)
    blob = subprocess.run(["git", "-C", secret, "hash-object", "-w", "--stdin"], input=b"secret", check=True,
                          capture_output=True).stdout.decode().strip()
    borrowing = hostile_repository(user, "borrows.git", "false")
    (borrowing / "objects" / "info" / "alternates").write_text(f"{secret}/objects\n")
    with open(borrowing / "config", "a") as config:
        config.write("[uploadpack]\n allowAnySHA1InWant = true\n")
    clone = tmp_path / "clone"
    git(user, keys["ed25519"], "clone", "-q", url(user, "borrows.git"), clone)
    with pytest.raises(ClientFailed):
        git(user, keys["ed25519"], "fetch", "-q", "origin", blob, folder=clone)


def test_git_reaches_nothing_outside(user, tmp_path, keys):
    outside = tmp_path / "outside.git"
    subprocess.run(["git", "init", "-q", "--bare", outside], check=True)
    (user.home / "away").symlink_to(outside)
    (user.home / "alias").mkdir()
    (user.home / "alias" / ".git").write_text(f"gitdir: {outside}\n")
    for path in (str(outside), f"../../../../..{outside}", "away", "alias"):
        with pytest.raises(ClientFailed):
            git(user, keys["ed25519"], "clone", "-q", url(user, path), tmp_path / "x")


@pytest.mark.parametrize("line", ["git-upload-pack", "git-upload-pack --help", "git-upload-pack a b",
                                  "git-receive-pack '--x=y'", "git upload-pack repo"])
def test_git_arguments_are_checked(user, keys, line):
    status, _, errors = ssh(user, line, keys["ed25519"])
    assert status in (2, 127) and errors
