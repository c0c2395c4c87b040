"""User certificates made by ssh-keygen, presented by OpenSSH, PuTTY, paramiko and asyncssh; their revocation."""
import asyncio
import base64
import hashlib
import itertools
import json
import os
import shutil
import signal
import struct
import subprocess

import asyncssh
import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from clients import ClientFailed, NO_HOST_CHECK, run, sftp, wait_for
from conftest import copy_host_keys, run_server
from ferry import Ferry
from logins import Login, openssh

KINDS = {"ed25519": ["-t", "ed25519"], "ecdsa256": ["-t", "ecdsa", "-b", "256"], "ecdsa384": ["-t", "ecdsa", "-b", "384"],
         "ecdsa521": ["-t", "ecdsa", "-b", "521"], "rsa": ["-t", "rsa", "-b", "3072"]}
numbers = itertools.count(1)


def make_key(file, options=("-t", "ed25519")):
    run(["ssh-keygen", "-q", "-N", "", "-C", "e2e", "-f", file, *options])
    return file


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder):
    return make_key(folder / "ca", KINDS["ecdsa256"])


@pytest.fixture(scope="module")
def trusting(server, tmp_path_factory, authority):
    """A server that trusts two authorities, one in each of two files."""
    mine = Ferry(tmp_path_factory.mktemp("ferry-ca"), {
        "FERRY_SFTPD__TRUSTED_USER_CA_KEYS": "other.pub,ca.pub", "FERRY_SFTPD__REVOKED_USER_CERTS_FILE": "revoked",
        "FERRY_SFTPD__ENABLED_SSH_COMMANDS": "*"})
    copy_host_keys(server, mine)
    make_key(mine.config_dir / "other")
    (mine.config_dir / "ca.pub").write_text("# whom we trust\n\n" + authority.with_suffix(".pub").read_text())
    (mine.config_dir / "revoked").write_text("")
    yield from run_server(mine)


@pytest.fixture
def maria(trusting):
    """An account without keys of its own."""
    return trusting.create_user(f"maria{next(numbers)}")


@pytest.fixture
def certify(folder, authority):
    """certify(name, *options): a key of this kind and its certificate; the private key's file."""
    def make(principals, *options, kind="ed25519", key=None, ca=authority):
        if key is None:
            key = make_key(folder / f"id{next(numbers)}", KINDS[kind])
        names = ["-n", principals] if principals else []
        run(["ssh-keygen", "-q", "-s", ca, "-I", f"id of {key.name}", *names, *options, f"{key}.pub"])
        return key
    return make


def logs_in(user, key, *options):
    try:
        return "Remote working directory" in sftp(user, ["pwd"], key, options)
    except ClientFailed as failure:
        assert "Permission denied" in failure.output, failure.output
        return False


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_key(maria, certify, kind):
    key = certify(maria.name, kind=kind)
    assert logs_in(maria, key)
    asyncio.run(asyncssh_lists(maria, asyncssh.load_keypairs([(str(key), f"{key}-cert.pub")])))


async def asyncssh_lists(user, pairs):
    async with asyncssh.connect("127.0.0.1", user.server.sftp_port, username=user.name, known_hosts=None, config=None,
                                agent_path=None, login_timeout=120, client_keys=pairs, password=None,
                                preferred_auth="publickey") as connection:
        async with connection.start_sftp_client() as client:
            await client.listdir(".")


@pytest.mark.parametrize("algorithm", ["rsa-sha2-256", "rsa-sha2-512"])
def test_rsa_signatures(maria, certify, algorithm):
    key = certify(maria.name, kind="rsa")
    name = f"PubkeyAcceptedAlgorithms={algorithm}-cert-v01@openssh.com"
    assert logs_in(maria, key, "-o", name)


@pytest.mark.parametrize("kind,algorithm", [("rsa", "rsa-sha2-256"), ("rsa", "rsa-sha2-512"), ("ed25519", "")])
def test_kinds_of_authorities(server, make_server, certify, folder, kind, algorithm):
    ca = make_key(folder / f"ca{next(numbers)}", KINDS[kind])
    mine = make_server({"FERRY_SFTPD__TRUSTED_USER_CA_KEYS": f"{ca}.pub"})
    user = mine.create_user("maria")
    assert logs_in(user, certify("maria", *(["-t", algorithm] if algorithm else []), ca=ca))


def test_paramiko(maria, certify):
    for kind, load in (("ed25519", paramiko.Ed25519Key), ("rsa", paramiko.RSAKey), ("ecdsa256", paramiko.ECDSAKey)):
        key = load.from_private_key_file(str(file := certify(maria.name, kind=kind)))
        key.load_certificate(f"{file}-cert.pub")
        with Login(maria) as login:
            assert login.transport.auth_publickey(maria.name, key) == [] and login.works()


def test_putty(maria, certify, host_key_fingerprint):
    if not shutil.which("puttygen"):
        pytest.skip("puttygen is not installed")
    version = float(run(["psftp", "--version"]).split()[2])
    if version < 0.78:
        pytest.skip("PuTTY knows certificates since 0.78")
    key = certify(maria.name)
    run(["puttygen", key, "-O", "private", "-o", f"{key}.ppk"])
    fingerprint = host_key_fingerprint  # the host keys are the shared server's
    out = run(["psftp", "-batch", "-P", maria.server.sftp_port, "-hostkey", fingerprint, "-i", f"{key}.ppk", "-cert",
               f"{key}-cert.pub", "-b", "/dev/stdin", f"{maria.name}@127.0.0.1"], "pwd\n",
              {"HOME": str(maria.server.config_dir)})
    assert "Remote directory is /" in out


# --- security keys: the signatures that a token would make ---

class Token(asyncssh.SSHKeyPair):
    """A software security key (PROTOCOL.u2f) with a certificate."""

    def __init__(self, file, flags):
        self.key, self.flags = ed25519.Ed25519PrivateKey.generate(), flags
        public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        name = b"sk-ssh-ed25519@openssh.com"
        blob = b"".join(struct.pack(">I", len(part)) + part for part in (name, public, b"ssh:"))
        file.with_suffix(".pub").write_text(f"{name.decode()} {base64.b64encode(blob).decode()} token\n")
        self.file = file

    def load(self):
        blob = base64.b64decode(self.file.with_name(f"{self.file.name}-cert.pub").read_text().split()[1])
        algorithm = b"sk-ssh-ed25519-cert-v01@openssh.com"
        # asyncssh itself knows security keys only with a driver for tokens: it may think this is an ed25519 key.
        super().__init__(algorithm, algorithm, (b"ssh-ed25519",), (algorithm,), blob, b"token")
        return self

    def set_sig_algorithm(self, sig_algorithm):
        pass

    def sign(self, data):
        tail = bytes([self.flags]) + struct.pack(">I", 1)
        message = hashlib.sha256(b"ssh:").digest() + tail + hashlib.sha256(data).digest()
        name, signature = b"sk-ssh-ed25519@openssh.com", self.key.sign(message)
        return b"".join(struct.pack(">I", len(part)) + part for part in (name, signature)) + tail


@pytest.mark.parametrize("options,flags,right", [([], 1, True), ([], 0, False), (["-O", "verify-required"], 5, True),
                                                 (["-O", "verify-required"], 1, False)])
def test_security_keys(maria, certify, folder, options, flags, right):
    token = Token(folder / f"sk{next(numbers)}", flags)
    certify(maria.name, *options, key=token.file)
    pair = token.load()

    if right:
        asyncio.run(asyncssh_lists(maria, [pair]))
    else:
        with pytest.raises(asyncssh.PermissionDenied):
            asyncio.run(asyncssh_lists(maria, [pair]))


# --- what a certificate says ---

def test_principals(maria, certify):
    assert logs_in(maria, certify(f"somebody,{maria.name}"))
    for principals in ("somebody", f"{maria.name}x", maria.name.upper(), None):
        assert not logs_in(maria, certify(principals)), principals


def test_the_account_still_decides(maria, certify):
    key = certify(maria.name)
    assert logs_in(maria, key)
    maria.update(filters={"denied_login_methods": ["publickey"]})
    assert not logs_in(maria, key)
    maria.update(filters={}, status=0)
    assert not logs_in(maria, key)
    stranger = maria.server.create_user(f"stranger{next(numbers)}")
    name, stranger.name = stranger.name, "nobody-of-this-name"
    assert not logs_in(stranger, certify("nobody-of-this-name"))
    stranger.name = name
    assert not logs_in(stranger, key)


@pytest.mark.parametrize("window,right", [("-5m:+5m", True), ("always:forever", True), ("+5m:+10m", False),
                                          ("-10m:-5m", False), ("20200101:20210101", False)])
def test_validity(maria, certify, window, right):
    assert logs_in(maria, certify(maria.name, "-V", window)) == right


def test_authorities(maria, certify, folder):
    assert not logs_in(maria, certify(maria.name, ca=make_key(folder / f"ca{next(numbers)}")))
    assert logs_in(maria, certify(maria.name, ca=maria.server.config_dir / "other"))
    assert not logs_in(maria, certify(maria.name, "-h"))  # a host's


@pytest.mark.parametrize("list,right", [("127.0.0.1", True), ("10.0.0.0/8,127.0.0.0/8", True), ("10.0.0.0/8", False)])
def test_source_address(maria, certify, list, right):
    assert logs_in(maria, certify(maria.name, "-O", f"source-address={list}")) == right


def test_unknown_critical_options(maria, certify):
    assert not logs_in(maria, certify(maria.name, "-O", "critical:later@example.com=x"))
    assert logs_in(maria, certify(maria.name, "-O", "extension:later@example.com=x"))


def ssh(user, key, *command):
    return subprocess.run(["ssh", "-F", "none", *NO_HOST_CHECK, "-p", str(user.server.sftp_port), "-i", str(key), "-o",
                           "IdentitiesOnly=yes", "-o", "BatchMode=yes", f"{user.name}@127.0.0.1", *command],
                          capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)


def test_force_command(maria, certify):
    maria.home.mkdir(parents=True, exist_ok=True)
    (maria.home / "file").write_bytes(b"hello\n")
    free = certify(maria.name)
    assert ssh(maria, free, "pwd").stdout == "/\n"
    for forced in ("internal-sftp", "/usr/lib/openssh/sftp-server -l INFO"):
        key = certify(maria.name, "-O", f"force-command={forced}")
        assert logs_in(maria, key)
        assert ssh(maria, key, "pwd").stdout == ""
    key = certify(maria.name, "-O", "force-command=md5sum file")
    expected = hashlib.md5(b"hello\n").hexdigest()
    for command in (["pwd"], ["rm", "-rf", "/"], []):
        result = ssh(maria, key, *command)
        assert result.stdout.split()[0] == expected, (command, result)
    assert (maria.home / "file").read_bytes() == b"hello\n"
    with pytest.raises(ClientFailed):
        sftp(maria, ["pwd"], key)
    assert ssh(maria, certify(maria.name, "-O", "force-command=/bin/sh"), "pwd").returncode == 127


def test_as_a_first_step(maria, certify):
    maria.update(filters={"denied_login_methods": ["publickey", "password", "keyboard-interactive",
                                                   "publickey+keyboard-interactive"]})
    key = certify(maria.name, "-O", "force-command=pwd")
    with pytest.raises(ClientFailed):  # the forced command speaks no SFTP
        openssh(maria, {"assword": maria.password}, "-i", str(key), "-o", "IdentitiesOnly=yes")
    key = certify(maria.name)
    prompts, output = openssh(maria, {"assword": maria.password}, "-i", str(key), "-o", "IdentitiesOnly=yes")
    assert len(prompts) == 1 and "Remote working directory" in output


# --- revocation ---

def revoke(server, content):
    file = server.config_dir / "revoked"
    temporary = file.with_suffix(".new")
    temporary.write_bytes(content if isinstance(content, bytes) else content.encode())
    temporary.rename(file)
    before = server.log().count("reloading")
    os.kill(server.process.pid, signal.SIGHUP)
    wait_for(lambda: server.log().count('"reloaded"') > before or server.log().count("reloading") > before, "the reload")


@pytest.fixture
def revoking(trusting):
    yield lambda content: revoke(trusting, content)
    revoke(trusting, "")


def fingerprint(file):
    return run(["ssh-keygen", "-l", "-f", file]).split()[1]


def becomes(user, key, right):
    wait_for(lambda: logs_in(user, key) == right, f"the login to be {right}", timeout=60)


def test_revoked_by_a_list_of_fingerprints(maria, certify, revoking):
    good, bad = certify(maria.name), certify(maria.name)
    revoking(json.dumps([fingerprint(f"{bad}-cert.pub")]))
    becomes(maria, bad, False)
    assert logs_in(maria, good)
    revoking("[]")
    becomes(maria, bad, True)


def test_revoked_by_keys(maria, certify, revoking, authority, trusting):
    good, bad = certify(maria.name, ca=trusting.config_dir / "other"), certify(maria.name)
    revoking(f"# lost\n{bad.with_suffix('.pub').read_text()}")
    becomes(maria, bad, False)
    assert logs_in(maria, good)
    revoking(authority.with_suffix(".pub").read_text())
    becomes(maria, bad, False)
    assert logs_in(maria, good)
    # A plain key, too.
    user = trusting.create_user(f"plain{next(numbers)}", public_keys=[bad.with_suffix(".pub").read_text().strip()])
    shutil.copy(bad, plain := bad.with_name(f"plain-{bad.name}"))
    assert logs_in(user, plain)
    revoking(fingerprint(bad.with_suffix(".pub")))
    becomes(user, plain, False)


@pytest.mark.parametrize("line", ["serial: 4711", "serial: 4000-5000", "id: id of {}", "key", "sha256"])
def test_revoked_by_a_krl(maria, certify, revoking, authority, folder, line):
    good, bad = certify(maria.name, "-z", "1"), certify(maria.name, "-z", "4711")
    if line in ("key", "sha256"):
        line = f"{line}: {bad.with_suffix('.pub').read_text()}"
    (specification := folder / "spec").write_text(line.format(bad.name) + "\n")
    run(["ssh-keygen", "-q", "-k", "-f", folder / "krl", "-s", authority.with_suffix(".pub"), specification])
    revoking((folder / "krl").read_bytes())
    becomes(maria, bad, False)
    assert logs_in(maria, good)


def test_a_damaged_list_changes_nothing(maria, certify, revoking, trusting):
    good, bad = certify(maria.name), certify(maria.name)
    revoking(fingerprint(f"{bad}-cert.pub"))
    becomes(maria, bad, False)
    complaints = trusting.log().count("not reloaded")
    revoking("rubbish")
    wait_for(lambda: trusting.log().count("not reloaded") > complaints, "the complaint")
    assert not logs_in(maria, bad) and logs_in(maria, good)


def test_authorities_are_read_again(make_server, certify, authority, folder):
    server = make_server({"FERRY_SFTPD__TRUSTED_USER_CA_KEYS": "ca.pub"}, start=False)
    shutil.copy(authority.with_suffix(".pub"), server.config_dir / "ca.pub")
    server.start()
    user = server.create_user("maria")
    old, new = certify("maria"), certify("maria", ca=make_key(folder / f"ca{next(numbers)}"))
    assert logs_in(user, old) and not logs_in(user, new)
    newest = max(folder.glob("ca*.pub"), key=lambda file: file.stat().st_mtime_ns)
    shutil.copy(newest, server.config_dir / "ca.pub")
    os.kill(server.process.pid, signal.SIGHUP)
    becomes(user, new, True)
    assert not logs_in(user, old)


@pytest.mark.parametrize("files", [{}, {"ca.pub": "rubbish\n"}, {"ca.pub": "# nobody\n"}])
def test_without_readable_authorities_it_does_not_start(make_server, files):
    server = make_server({"FERRY_SFTPD__TRUSTED_USER_CA_KEYS": "ca.pub"}, start=False)
    for name, text in files.items():
        (server.config_dir / name).write_text(text)
    server.launch()
    assert server.process.wait(60) == 1
    assert "trusted_user_ca_keys" in server.output()
