"""Every algorithm works with OpenSSH, in every pair that could disagree; newer ones with other clients. What is offered
by default and what can be configured."""
import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import paramiko
import pytest

from clients import ClientFailed, Paramiko, asyncssh_connect, offered, random_file, run, same, sftp, sftp_command
from conftest import copy_host_keys, run_server
from ferry import ROOT, Ferry, binary, clean_environment

JSCH = ROOT / "build/interop-jsch"  # made by scripts/run-tests

POST_QUANTUM = "mlkem768x25519-sha256"  # OpenSSH speaks it from 9.9 on: other clients have to
AEAD = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"]
CTR = ["aes128-ctr", "aes192-ctr", "aes256-ctr"]
CBC = ["aes128-cbc", "aes192-cbc", "aes256-cbc", "3des-cbc"]
MACS = ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512"]
SHA1_MACS = ["hmac-sha1", "hmac-sha1-96"]
KEX = ["curve25519-sha256", "curve25519-sha256@libssh.org", "diffie-hellman-group16-sha512",
       "diffie-hellman-group14-sha256"]
CURVES = ["ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521"]
OTHER_KEX = ["diffie-hellman-group18-sha512", "diffie-hellman-group14-sha1"]
HOST_KEYS = ["ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"]
OTHER_HOST_KEYS = ["ecdsa-sha2-nistp256", "ssh-rsa"]
PROTECTION = [(cipher, None) for cipher in AEAD] + [(cipher, mac) for cipher in CTR for mac in MACS]
OLD_PROTECTION = [(cipher, mac) for cipher in CBC for mac in [*MACS, *SHA1_MACS]] + \
    [("aes256-ctr", mac) for mac in SHA1_MACS]
EVERYTHING = {
    "FERRY_SFTPD__KEX_ALGORITHMS": ",".join([POST_QUANTUM, *KEX, *CURVES, *OTHER_KEX]),
    "FERRY_SFTPD__CIPHERS": ",".join([*AEAD, *CTR, *CBC]),
    "FERRY_SFTPD__MACS": ",".join([*MACS, *SHA1_MACS]),
    "FERRY_SFTPD__HOST_KEY_ALGORITHMS": ",".join([*HOST_KEYS, *OTHER_HOST_KEYS]),
    "FERRY_SFTPD__PUBLIC_KEY_ALGORITHMS": "ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512,rsa-sha2-256,ssh-rsa",
}


@pytest.fixture(scope="module")
def complete_server(server, tmp_path_factory):
    """A server with every algorithm that there is."""
    mine = Ferry(tmp_path_factory.mktemp("complete"), EVERYTHING)
    copy_host_keys(server, mine)
    yield from run_server(mine)


@pytest.fixture(scope="module")
def anyone(complete_server, public_keys):
    """An account there."""
    return complete_server.create_user("anyone", public_keys=public_keys)


def options(cipher=None, mac=None, kex=None, host_key=None):
    chosen = {"Ciphers": cipher, "MACs": mac, "KexAlgorithms": kex, "HostKeyAlgorithms": host_key}
    return [part for name, value in chosen.items() if value for part in ("-o", f"{name}={value}")]


def round_trip(user, key, tmp_path, chosen):
    source = random_file(tmp_path / "source", 700_003)
    sftp(user, [f"put {source} there", f"get there {tmp_path}/back"], key, chosen)
    assert same(source, user.home / "there") and same(source, tmp_path / "back")


@pytest.mark.parametrize("kex", [*KEX, *CURVES])
@pytest.mark.parametrize("cipher,mac", PROTECTION)
def test_cipher_and_mac_under_each_key_exchange(anyone, keys, tmp_path, cipher, mac, kex):
    round_trip(anyone, keys["ed25519"], tmp_path, options(cipher, mac, kex))


@pytest.mark.parametrize("cipher,mac", OLD_PROTECTION)
def test_old_ciphers_and_macs(anyone, keys, tmp_path, cipher, mac):
    round_trip(anyone, keys["ed25519"], tmp_path, options(cipher, mac))


@pytest.mark.parametrize("kex", [*KEX, *CURVES, *OTHER_KEX])
@pytest.mark.parametrize("host_key", [*HOST_KEYS, *OTHER_HOST_KEYS])
def test_host_key_under_each_key_exchange(anyone, keys, tmp_path, host_key, kex):
    round_trip(anyone, keys["ed25519"], tmp_path, options(kex=kex, host_key=host_key))


# What a client of long ago needs, as its owner would write it.
def test_an_old_client_is_let_in_where_that_is_configured(anyone, keys, tmp_path):
    old = ["KexAlgorithms=+diffie-hellman-group14-sha1", "HostKeyAlgorithms=+ssh-rsa", "Ciphers=+aes128-cbc",
           "PubkeyAcceptedAlgorithms=ssh-rsa"]
    round_trip(anyone, keys["rsa"], tmp_path, [part for option in old for part in ("-o", option)])


def test_signatures_with_sha1_are_refused_by_default(user, keys):
    with pytest.raises(ClientFailed) as failure:
        sftp(user, ["pwd"], keys["rsa"], ["-o", "PubkeyAcceptedAlgorithms=ssh-rsa"])
    assert "Permission denied" in failure.value.output
    sftp(user, ["pwd"], keys["rsa"], ["-o", "PubkeyAcceptedAlgorithms=rsa-sha2-256"])


def test_post_quantum_key_exchange_with_paramiko(user, keys, tmp_path):
    source = random_file(tmp_path / "source", 700_003)
    others = [name for name in paramiko.Transport._preferred_kex if name != POST_QUANTUM]
    assert len(others) < len(paramiko.Transport._preferred_kex)
    with Paramiko(user, keys["ed25519"], disabled_algorithms={"kex": others}) as sftp_client:
        sftp_client.put(str(source), "there")
        sftp_client.get_channel().get_transport().renegotiate_keys()
        sftp_client.get("there", str(tmp_path / "back"))
    assert same(source, tmp_path / "back")


def test_post_quantum_key_exchange_with_jsch(user, tmp_path):
    source = random_file(tmp_path / "source", 700_003)
    run(["java", "-cp", JSCH / "*", JSCH / "JschClient.java", "127.0.0.1", user.server.sftp_port, user.name,
         user.password, POST_QUANTUM, source, "there", tmp_path / "back"])
    assert same(source, user.home / "there") and same(source, tmp_path / "back")


def test_post_quantum_rekeying_with_asyncssh_in_transfers_both_ways(user, keys, tmp_path):
    up, down = random_file(tmp_path / "up", 10_000_000), random_file(tmp_path / "down", 10_000_000)
    user.home.mkdir(parents=True, exist_ok=True)
    os.link(down, user.home / "down")

    async def work():
        options = {"kex_algs": [POST_QUANTUM], "rekey_bytes": 1_000_000}
        async with asyncssh_connect(user, keys["ed25519"], **options) as connection:
            async with connection.start_sftp_client() as one, connection.start_sftp_client() as two:
                await asyncio.gather(one.put(str(up), "up"), two.get("down", str(tmp_path / "back")))

    asyncio.run(work())
    assert same(up, user.home / "up") and same(down, tmp_path / "back")


WEAK = [*(options(cipher) for cipher in CBC), options("aes128-ctr", "hmac-md5"),
        *(options("aes128-ctr", mac) for mac in SHA1_MACS),
        *(options(kex=kex) for kex in [*CURVES, *OTHER_KEX, "diffie-hellman-group1-sha1"]),
        *(options(host_key=name) for name in OTHER_HOST_KEYS)]


@pytest.mark.parametrize("weak", WEAK, ids=lambda chosen: chosen[-1].split("=")[1])
def test_weak_algorithms_are_not_offered(user, keys, weak):
    with pytest.raises(ClientFailed) as failure:
        sftp(user, ["pwd"], keys["ed25519"], ["-o", "LogLevel=INFO", *weak])
    assert "no matching" in failure.value.output


def test_what_is_offered_by_default(server):
    lists = offered(server)
    assert lists["kex"] == [POST_QUANTUM, *KEX, "ext-info-s", "kex-strict-s-v00@openssh.com"]
    assert lists["host_key"] == HOST_KEYS
    assert lists["cipher_in"] == lists["cipher_out"] == [*AEAD, *CTR]
    assert lists["mac_in"] == lists["mac_out"] == MACS


def test_compatibility_with_sftpgo(make_server, tmp_path):
    """What JSch 0.1.5x and phpseclib 2 find, and what a known_hosts with the ECDSA key alone needs."""
    server = make_server({"FERRY_SFTPD__COMPATIBILITY": "sftpgo"})
    lists = offered(server)
    assert {"ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521"} <= set(lists["kex"])
    assert "ecdsa-sha2-nistp256" in lists["host_key"]
    user = server.create_user("maria")
    for curve in ("nistp256", "nistp384", "nistp521"):
        options = [f"KexAlgorithms=ecdh-sha2-{curve}", "HostKeyAlgorithms=ecdsa-sha2-nistp256"]
        assert "Remote working directory" in sftp(user, ["pwd"], None, [part for one in options for part in ("-o", one)])


def test_configured_lists_are_offered_in_their_order(make_server):
    wanted = {"KEX_ALGORITHMS": ["curve25519-sha256", POST_QUANTUM], "CIPHERS": ["aes256-ctr", "aes128-cbc"],
              "MACS": ["hmac-sha2-512"], "HOST_KEY_ALGORITHMS": ["ecdsa-sha2-nistp256", "ssh-ed25519"],
              "PUBLIC_KEY_ALGORITHMS": ["rsa-sha2-512"]}
    server = make_server({f"FERRY_SFTPD__{name}": ",".join(names) for name, names in wanted.items()})
    lists = offered(server)
    assert lists["kex"] == [*wanted["KEX_ALGORITHMS"], "ext-info-s", "kex-strict-s-v00@openssh.com"]
    assert lists["host_key"] == wanted["HOST_KEY_ALGORITHMS"]
    assert lists["cipher_in"] == lists["cipher_out"] == wanted["CIPHERS"]
    assert lists["mac_in"] == lists["mac_out"] == wanted["MACS"]
    status = server.api("GET", "/status")["ssh"]
    assert status["public_key_algorithms"] == wanted["PUBLIC_KEY_ALGORITHMS"]
    assert status["kex_algorithms"] == wanted["KEX_ALGORITHMS"] and status["ciphers"] == wanted["CIPHERS"]
    assert {name for key in status["host_keys"] for name in key["algorithms"]} == set(wanted["HOST_KEY_ALGORITHMS"])


def test_configured_public_key_algorithms_decide_who_gets_in(make_server, keys, public_keys):
    server = make_server({"FERRY_SFTPD__PUBLIC_KEY_ALGORITHMS": "rsa-sha2-512"})
    user = server.create_user("somebody", public_keys=public_keys)
    sftp(user, ["pwd"], keys["rsa"])
    for key in ("ed25519", "ecdsa"):
        with pytest.raises(ClientFailed):
            sftp(user, ["pwd"], keys[key])
    with pytest.raises(ClientFailed):
        sftp(user, ["pwd"], keys["rsa"], ["-o", "PubkeyAcceptedAlgorithms=rsa-sha2-256"])


@pytest.mark.parametrize("key,valid", {"kex_algorithms": POST_QUANTUM, "ciphers": "aes256-ctr", "macs": "hmac-sha1",
                                       "host_key_algorithms": "ssh-rsa", "public_key_algorithms": "ssh-rsa"}.items())
def test_an_unknown_algorithm_ends_the_start_with_the_valid_ones(tmp_path, key, valid):
    environment = clean_environment() | {f"FERRY_SFTPD__{key.upper()}": f"{valid},no-such-thing"}
    result = subprocess.run([binary(), "serve", "--config-dir", tmp_path], text=True, capture_output=True,
                            env=environment, timeout=60)
    output = (result.stdout + result.stderr).strip()
    assert result.returncode == 1 and len(output.splitlines()) == 1, output
    assert f"sftpd.{key}: " in output and '"no-such-thing"' in output
    assert valid in output.split("valid: ")[1].split(","), output


# Of both, every client today has something better; they are there for those of yesterday.
EXPECTED_WARNINGS = {
    "does not provide protection against post-quantum attacks": set(KEX),
    "2048-bit modulus only provides 112-bits of symmetric strength": {"diffie-hellman-group14-sha256"},
    "using encrypt-and-MAC mode": {"hmac-sha2-256", "hmac-sha2-512"},
}


def test_ssh_audit_finds_no_failure(server):
    program = Path(sys.executable).parent / "ssh-audit"
    result = subprocess.run([program, "--json", "--skip-rate-test", "--port", str(server.sftp_port), "127.0.0.1"],
                            text=True, capture_output=True, timeout=120)
    found = json.loads(result.stdout)
    notes = [(note, entry["algorithm"], text) for kind in ("kex", "key", "enc", "mac") for entry in found[kind]
             for note in ("fail", "warn") for text in entry.get("notes", {}).get(note, [])]
    assert len(found["kex"]) > len(KEX) and found["key"], result.stdout
    assert [entry for entry in notes if entry[0] == "fail"] == []
    assert {(name, text) for note, name, text in notes} == \
        {(name, text) for text, names in EXPECTED_WARNINGS.items() for name in names}
    assert found.get("cves", []) == [], found["cves"]


def test_strict_key_exchange_and_signature_algorithms_are_announced(user, keys):
    line = [str(part) for part in sftp_command(user, keys["ed25519"], ["-o", "LogLevel=DEBUG3"])]
    result = subprocess.run(line, input="pwd\n", text=True, capture_output=True, timeout=30)
    assert result.returncode == 0, result.stderr
    assert re.search(r"kex-strict-s-v00@openssh\.com", result.stderr)
    assert re.search(r"server-sig-algs=<[^>]*rsa-sha2-512[^>]*>", result.stderr)
    assert "SSH-2.0-Ferry" in result.stderr or "remote software version Ferry" in result.stderr


@pytest.mark.parametrize("cipher,mac", [(AEAD[0], None), (AEAD[2], None), (CTR[0], MACS[0]), (CTR[2], MACS[3]),
                                        (CBC[0], MACS[2]), (CBC[3], SHA1_MACS[1])])
def test_rekeying_every_megabyte(anyone, keys, tmp_path, cipher, mac):
    user = anyone
    source = random_file(tmp_path / "source", 20_000_000)
    chosen = [*options(cipher, mac), "-o", "RekeyLimit=1M"]
    sftp(user, [f"put {source} there", f"get there {tmp_path}/back"], keys["ed25519"], chosen)
    assert same(source, user.home / "there") and same(source, tmp_path / "back")
