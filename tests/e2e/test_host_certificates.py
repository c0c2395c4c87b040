"""Host certificates: clients that trust an authority need to know no key of the server."""
import os
import shutil
import signal
import subprocess

import pytest

from clients import ClientFailed, offered, sftp, wait_for
from ferry import binary

HOST = "127.0.0.1"


def keygen(*arguments):
    subprocess.run(["ssh-keygen", "-q", *map(str, arguments)], check=True)


class Authority:
    def __init__(self, file):
        self.file = file
        keygen("-t", "ed25519", "-N", "", "-f", file)

    def certify(self, key, *options):
        """Signs a private key's public half for hosts; answers the certificate's file."""
        public = self.file.parent / f"{key.name}.pub"
        public.write_text(subprocess.run(["ssh-keygen", "-y", "-f", key], check=True, capture_output=True,
                                         text=True).stdout)
        keygen("-s", self.file, "-I", "a host", *(options or ["-h", "-n", HOST, "-V", "-1h:+1h"]), public)
        return public.with_name(f"{key.name}-cert.pub")

    def trusted_in(self, known_hosts, server):
        """Options of a client that trusts this authority for the server, and nothing else."""
        known_hosts.write_text(f"@cert-authority [{HOST}]:{server.sftp_port} {self.file.with_suffix('.pub').read_text()}")
        return ["-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={known_hosts}", "-o",
                "GlobalKnownHostsFile=/dev/null"]


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "authority")


def server_with(make_server, authority, names, **options):
    server = make_server(start=False)
    for name in names:
        shutil.copy(authority.certify(server.config_dir / name), server.config_dir)
    files = ",".join(f"{name}-cert.pub" for name in names)
    server.environment["FERRY_SFTPD__HOST_CERTIFICATES"] = files
    return server.start()


KINDS = {"id_ed25519": ["ssh-ed25519"], "id_ecdsa": ["ecdsa-sha2-nistp256"], "id_rsa": ["rsa-sha2-512", "rsa-sha2-256"]}


def test_clients_accept_certificates_of_every_kind_of_key(make_server, authority, tmp_path, keys, public_keys):
    server = server_with(make_server, authority, KINDS)
    user = server.create_user("somebody", public_keys=public_keys)
    trust = authority.trusted_in(tmp_path / "known_hosts", server)
    names = [f"{name}-cert-v01@openssh.com" for kind in KINDS.values() for name in kind]
    assert set(names) <= set(offered(server)["host_key"])
    for name in names:
        sftp(user, ["pwd"], keys["ed25519"], [*trust, "-o", f"HostKeyAlgorithms={name}", "-o", "RekeyLimit=16K"])
    sftp(user, ["pwd"], keys["ed25519"], trust)  # what the client prefers by itself
    with pytest.raises(ClientFailed):
        sftp(user, ["pwd"], keys["ed25519"], [*trust, "-o", "HostKeyAlgorithms=ssh-ed25519"])
    sftp(user, ["pwd"], keys["ed25519"], ["-o", "HostKeyAlgorithms=ssh-ed25519"])  # who wants a key still gets one


def test_a_stranger_authority_is_not_believed(make_server, authority, tmp_path, keys, public_keys):
    server = server_with(make_server, authority, ["id_ed25519"])
    user = server.create_user("somebody", public_keys=public_keys)
    stranger = Authority(tmp_path / "stranger")
    with pytest.raises(ClientFailed):
        sftp(user, ["pwd"], keys["ed25519"], stranger.trusted_in(tmp_path / "known_hosts", server))


def test_reload_reads_certificates_again(make_server, authority, tmp_path, keys, public_keys):
    server = server_with(make_server, authority, ["id_ed25519"])
    user = server.create_user("somebody", public_keys=public_keys)
    other = Authority(tmp_path / "other")
    trust = other.trusted_in(tmp_path / "known_hosts", server)
    with pytest.raises(ClientFailed):
        sftp(user, ["pwd"], keys["ed25519"], trust)
    shutil.copy(other.certify(server.config_dir / "id_ed25519"), server.config_dir)
    os.kill(server.process.pid, signal.SIGHUP)
    wait_for(lambda: server.log().count("host certificate") == 2, "the reload")
    sftp(user, ["pwd"], keys["ed25519"], trust)
    (server.config_dir / "id_ed25519-cert.pub").write_text("no certificate\n")
    os.kill(server.process.pid, signal.SIGHUP)
    wait_for(lambda: "not reloaded: sftpd.host_certificates" in server.log(), "the refusal")
    sftp(user, ["pwd"], keys["ed25519"], trust)  # what was there goes on


def test_certificates_that_do_not_fit_are_left_out(make_server, authority, tmp_path):
    server = make_server(start=False)
    stranger = tmp_path / "stranger"
    keygen("-t", "ed25519", "-N", "", "-f", stranger)
    shutil.copy(authority.certify(stranger), server.config_dir / "stranger.pub")
    old = authority.certify(server.config_dir / "id_ed25519", "-h", "-n", HOST, "-V", "-2h:-1h")
    shutil.copy(old, server.config_dir / "old.pub")
    server.environment["FERRY_SFTPD__HOST_CERTIFICATES"] = "stranger.pub,old.pub"
    server.start()
    assert not [name for name in offered(server)["host_key"] if "cert" in name]
    assert "stranger.pub is not used: it belongs to none of the host keys" in server.log()
    assert "old.pub is not used: it is not valid now" in server.log()


@pytest.mark.parametrize("bad,why", {"missing": "cannot be read", "garbage": "expected a line with a certificate",
                                     "key": "expected a line with a certificate", "for users": "not for hosts",
                                     "changed": "signature of its authority is wrong"}.items())
def test_a_bad_file_ends_the_start(make_server, authority, bad, why):
    server = make_server(start=False)
    key, file = server.config_dir / "id_ed25519", server.config_dir / "bad.pub"
    if bad == "garbage":
        file.write_text("this is no certificate\n")
    elif bad == "key":
        file.write_text(authority.file.with_suffix(".pub").read_text())
    elif bad == "for users":
        shutil.copy(authority.certify(key, "-n", "somebody"), file)
    elif bad == "changed":  # a letter of the nonce
        kind, text, *_ = authority.certify(key).read_text().split()
        file.write_text(f"{kind} {text[:70]}{'A' if text[70] != 'A' else 'B'}{text[71:]}\n")
    environment = server.environment | {"FERRY_SFTPD__HOST_CERTIFICATES": "bad.pub"}
    result = subprocess.run([binary(), "serve", "--config-dir", server.config_dir], text=True, capture_output=True,
                            env=environment, timeout=60)
    output = (result.stdout + result.stderr).strip()
    assert result.returncode == 1 and len(output.splitlines()) == 1, output
    assert "sftpd.host_certificates: " in output and "bad.pub" in output and why in output
