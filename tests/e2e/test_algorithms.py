"""Every algorithm that is offered works with OpenSSH, in every pair that could disagree; newer ones with other clients."""
import asyncio
import os
import re
import subprocess

import paramiko
import pytest

from clients import ClientFailed, Paramiko, asyncssh_connect, offered, random_file, same, sftp, sftp_command

AEAD = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"]
CTR = ["aes128-ctr", "aes192-ctr", "aes256-ctr"]
MACS = ["hmac-sha2-256", "hmac-sha2-512", "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"]
KEX = ["curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384",
       "ecdh-sha2-nistp521", "diffie-hellman-group14-sha256", "diffie-hellman-group16-sha512"]
HOST_KEYS = ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-256", "rsa-sha2-512"]
PROTECTION = [(cipher, None) for cipher in AEAD] + [(cipher, mac) for cipher in CTR for mac in MACS]


def options(cipher=None, mac=None, kex=None, host_key=None):
    chosen = {"Ciphers": cipher, "MACs": mac, "KexAlgorithms": kex, "HostKeyAlgorithms": host_key}
    return [part for name, value in chosen.items() if value for part in ("-o", f"{name}={value}")]


def round_trip(user, key, tmp_path, chosen):
    source = random_file(tmp_path / "source", 700_003)
    sftp(user, [f"put {source} there", f"get there {tmp_path}/back"], key, chosen)
    assert same(source, user.home / "there") and same(source, tmp_path / "back")


@pytest.mark.parametrize("kex", KEX)
@pytest.mark.parametrize("cipher,mac", PROTECTION)
def test_cipher_and_mac_under_each_key_exchange(user, keys, tmp_path, cipher, mac, kex):
    round_trip(user, keys["ed25519"], tmp_path, options(cipher, mac, kex))


@pytest.mark.parametrize("kex", KEX)
@pytest.mark.parametrize("host_key", HOST_KEYS)
def test_host_key_under_each_key_exchange(user, keys, tmp_path, host_key, kex):
    round_trip(user, keys["ed25519"], tmp_path, options(kex=kex, host_key=host_key))


# OpenSSH speaks it from 9.9 on.
POST_QUANTUM = "mlkem768x25519-sha256"


def test_post_quantum_key_exchange_with_paramiko(user, keys, tmp_path):
    source = random_file(tmp_path / "source", 700_003)
    others = [name for name in paramiko.Transport._preferred_kex if name != POST_QUANTUM]
    assert len(others) < len(paramiko.Transport._preferred_kex)
    with Paramiko(user, keys["ed25519"], disabled_algorithms={"kex": others}) as sftp_client:
        sftp_client.put(str(source), "there")
        sftp_client.get_channel().get_transport().renegotiate_keys()
        sftp_client.get("there", str(tmp_path / "back"))
    assert same(source, tmp_path / "back")


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


def test_post_quantum_key_exchange_is_the_servers_first_choice(user):
    assert offered(user.server)["kex"][0] == POST_QUANTUM


@pytest.mark.parametrize("weak", [options("aes128-cbc"), options("3des-cbc"), options("aes128-ctr", "hmac-md5"),
                                  options("aes128-ctr", "hmac-sha1"), options(kex="diffie-hellman-group1-sha1"),
                                  options(kex="diffie-hellman-group14-sha1"), options(host_key="ssh-rsa")],
                         ids=lambda chosen: chosen[-1].split("=")[1])
def test_weak_algorithms_are_not_offered(user, keys, weak):
    with pytest.raises(ClientFailed) as failure:
        sftp(user, ["pwd"], keys["ed25519"], ["-o", "LogLevel=INFO", *weak])
    assert "no matching" in failure.value.output


def test_strict_key_exchange_and_signature_algorithms_are_announced(user, keys):
    line = [str(part) for part in sftp_command(user, keys["ed25519"], ["-o", "LogLevel=DEBUG3"])]
    result = subprocess.run(line, input="pwd\n", text=True, capture_output=True, timeout=30)
    assert result.returncode == 0, result.stderr
    assert re.search(r"kex-strict-s-v00@openssh\.com", result.stderr)
    assert re.search(r"server-sig-algs=<[^>]*rsa-sha2-512[^>]*>", result.stderr)
    assert "SSH-2.0-Ferry" in result.stderr or "remote software version Ferry" in result.stderr


@pytest.mark.parametrize("cipher,mac", [(AEAD[0], None), (AEAD[2], None), (CTR[0], MACS[0]), (CTR[2], MACS[3])])
def test_rekeying_every_megabyte(user, keys, tmp_path, cipher, mac):
    source = random_file(tmp_path / "source", 20_000_000)
    chosen = [*options(cipher, mac), "-o", "RekeyLimit=1M"]
    sftp(user, [f"put {source} there", f"get there {tmp_path}/back"], keys["ed25519"], chosen)
    assert same(source, user.home / "there") and same(source, tmp_path / "back")
