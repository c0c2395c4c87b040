"""Clients that mean harm, before and after the login: others are served meanwhile, memory stays bounded, and
afterwards everything is as it was."""
import contextlib
import os
import threading
from pathlib import Path

import pytest

import raw_ssh
from clients import random_file, same, sftp, wait_for
from conftest import copy_host_keys, run_server
from ferry import Ferry, sanitized
from raw_ssh import Closed, RawSSH, kexinit, text, u32

MEGABYTE = 1024  # of the kilobytes that /proc counts in
SANE = 60        # seconds for a transfer that takes half of one on an idle machine


class Victim:
    """The server under attack, seen from outside: memory, descriptors, connections."""

    def __init__(self, server):
        self.server = server
        self.user = server.create_user("victim")

    def resident(self):
        status = Path(f"/proc/{self.server.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.server.process.pid}/fd"))

    def sessions(self):
        return len(self.server.api("GET", "/connections"))

    def serves(self, tmp_path):
        source = random_file(tmp_path / "source", 3_000_000)
        sftp(self.user, [f"put {source} there", f"get there {tmp_path}/back"], timeout=SANE)
        assert same(source, tmp_path / "back")

    def connect(self):
        return RawSSH(self.server)

    def keyed(self):
        """A connection with keys, not logged in."""
        ssh = RawSSH(self.server)
        ssh.exchange_keys()
        return ssh

    def logged_in(self):
        ssh = self.keyed()
        ssh.log_in(self.user.name, self.user.password)
        return ssh


@pytest.fixture(scope="module")
def victim(server, tmp_path_factory):
    mine = Ferry(tmp_path_factory.mktemp("hostile"))
    copy_host_keys(server, mine)
    for running in run_server(mine):
        victim = Victim(running)
        victim.serves(tmp_path_factory.mktemp("warm"))
        yield victim


@pytest.fixture
def attack(victim, tmp_path):
    """attack(megabytes): what is inside happens, a real client is served during it, then all is as it was.

    `megabytes` is what the server may grow by meanwhile; sanitizers keep memory of their own, so they are not measured.
    """
    @contextlib.contextmanager
    def under(megabytes):
        resident, descriptors = victim.resident(), victim.descriptors()
        held = contextlib.ExitStack()
        with held:
            yield held
            victim.serves(tmp_path)
            grown = (victim.resident() - resident) / MEGABYTE
            assert sanitized() or grown < megabytes, f"grew by {grown:.0f} MB"
        wait_for(lambda: victim.sessions() == 0, "the sessions to end", SANE)
        wait_for(lambda: victim.descriptors() <= descriptors + 4, "the descriptors to be closed", SANE)
        victim.serves(tmp_path)
    return under


def ends(ssh, words=""):
    """The server ends this connection, saying `words` where it says anything."""
    said = ssh.last_words()
    assert not said or words in said, said
    ssh.close()


# --- before the login ---

def says_nothing(server):
    return RawSSH(server, version=None)


def sends_half_a_version(server):
    ssh = RawSSH(server, version=None)
    ssh.raw(b"SSH-2.0-Half")
    return ssh


def sends_its_kexinit(server):
    ssh = RawSSH(server)
    ssh.send(kexinit())
    return ssh


def sends_half_a_packet(server):
    ssh = RawSSH(server)
    ssh.raw(u32(34_996) + b"\x08" + b"x" * 34_000)
    return ssh


@pytest.mark.parametrize("open_one,megabytes", [(says_nothing, 64), (sends_half_a_version, 80), (sends_its_kexinit, 80),
                                                (sends_half_a_packet, 250)])
def test_2000_half_open_connections(victim, attack, open_one, megabytes):
    with attack(megabytes) as held:
        for _ in range(2000):
            held.enter_context(open_one(victim.server))


def test_connections_above_the_limit_are_refused_and_the_others_go_on(make_server, tmp_path):
    server = make_server({"FERRY_COMMON__MAX_TOTAL_CONNECTIONS": "50", "FERRY_COMMON__MAX_PER_HOST_CONNECTIONS": "0"})
    victim = Victim(server)
    with contextlib.ExitStack() as held:
        for _ in range(48):
            held.enter_context(victim.connect())
        victim.serves(tmp_path)
        held.enter_context(victim.connect())
        held.enter_context(victim.connect())
        for _ in range(100):
            with pytest.raises(Closed):
                RawSSH(server)
    wait_for(lambda: victim.descriptors() < 50, "the descriptors to be closed", SANE)
    victim.serves(tmp_path)


def test_out_of_descriptors(server, tmp_path):
    """What cannot be accepted waits; once others leave, the server goes on as before."""
    if sanitized():
        pytest.skip("UBSan opens a pipe to look at an object's type, and takes a pipe it cannot have for a wrong type")
    few = Ferry(tmp_path / "few", wrapper=["prlimit", "--nofile=120:120"])
    copy_host_keys(server, few)
    for running in run_server(few):
        victim = Victim(running)
        with contextlib.ExitStack() as held:
            for _ in range(200):
                held.enter_context(RawSSH(running, version=None))
            wait_for(lambda: "accept failed" in running.log(), "the descriptors to be used up", SANE)
        wait_for(lambda: victim.descriptors() < 100, "the descriptors to be closed", SANE)
        victim.serves(tmp_path)


def test_versions_that_come_letter_by_letter(victim, attack):
    stop = threading.Event()

    def drip(ssh):
        with contextlib.suppress(Closed, OSError):
            for letter in b"SSH-2.0-" + b"slow" * 50:
                ssh.raw(bytes([letter]))
                if stop.wait(0.05):
                    return

    with attack(32) as held:
        slow = [held.enter_context(RawSSH(victim.server, version=None)) for _ in range(50)]
        threads = [threading.Thread(target=drip, args=[ssh]) for ssh in slow]
        for thread in threads:
            thread.start()
        held.callback(lambda: (stop.set(), [thread.join() for thread in threads]))


@pytest.mark.parametrize("version", [b"SSH-2.0-" + b"x" * 300 + b"\r\n", b"x" * 255, b"SSH-1.5-old\r\n",
                                     b"SSH-2.0-\x00\r\n", b"\r\n", b"SSH-2.0\n"])
def test_versions_that_are_none(victim, version):
    ssh = RawSSH(victim.server, version=None)
    ssh.raw(version)
    ends(ssh)


LISTS = {
    "one name of 34,000 letters": kexinit("x" * 34_000),
    "17,000 names": kexinit("a," * 17_000 + "a"),
    "17,000 empty names": kexinit("," * 34_000),
    "a length beyond the packet": kexinit(rest=u32(0xffffffff) + b"x" * 1000),
    "nine lists": kexinit(rest=text("curve25519-sha256") * 9),
    "nothing in common": kexinit("none-of-ours"),
    "no cipher in common": kexinit(cipher="none"),
    "a packet too long": bytes([raw_ssh.KEXINIT]) + b"x" * 35_000,
}


@pytest.mark.parametrize("name", LISTS)
def test_name_lists(victim, attack, name):
    with attack(32):
        for _ in range(50):
            ssh = victim.connect()
            ssh.send(LISTS[name])
            ends(ssh)


# Packets in the clear: length, padding length and what follows.
FRAMES = {
    "length 0": u32(0), "length 0, many": u32(0) * 1000, "length 1": u32(1) + b"\0" * 16,
    "no payload": u32(12) + b"\x0b" + b"\0" * 11, "padding beyond the packet": u32(12) + b"\xff" + b"\0" * 11,
    "padding 3": u32(12) + b"\x03\x02" + b"\0" * 10, "not a whole block": u32(13) + b"\x04\x02" + b"\0" * 11,
    "4 GiB": u32(0xffffffff) + b"\0" * 64, "above 35000": u32(35_004) + b"\0" * 64,
}


@pytest.mark.parametrize("name", FRAMES)
def test_frames_that_are_no_packet(victim, name):
    with victim.connect() as ssh:
        with contextlib.suppress(Closed):
            ssh.raw(FRAMES[name])
        ends(ssh, "bad")


def test_key_exchanges_without_end_before_the_login(victim, attack):
    with attack(32):
        for _ in range(20):
            ssh = victim.keyed()
            with pytest.raises(Closed, match="too many key exchanges"):
                for _ in range(20):
                    ssh.exchange_keys()
            ssh.close()


def test_kexinit_upon_kexinit(victim, attack):
    with attack(32):
        for _ in range(50):
            ssh = victim.connect()
            ssh.send(*[kexinit()] * 50)
            ends(ssh, "key exchange")


def flood_unread(ssh, payload, most):
    """Sends without ever reading, until the server takes no more; answers how many bytes it took."""
    ssh.socket.settimeout(1)
    taken = 0
    with contextlib.suppress(TimeoutError, Closed):
        while taken < most:
            ssh.raw(ssh.sealed(payload))
            taken += len(payload)
    return taken


def test_answers_that_are_never_read_before_the_login(victim, attack):
    ping = bytes([raw_ssh.PING]) + text(b"p" * 30_000)
    with attack(60) as held:
        ssh = [held.enter_context(victim.keyed()) for _ in range(60)]
        threads = [threading.Thread(target=flood_unread, args=[one, ping, 2**26]) for one in ssh]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("number", [raw_ssh.GLOBAL_REQUEST, raw_ssh.CHANNEL_OPEN, raw_ssh.CHANNEL_DATA,
                                    raw_ssh.CHANNEL_REQUEST, raw_ssh.USERAUTH_SUCCESS, raw_ssh.USERAUTH_REQUEST, 255])
def test_nothing_is_acted_on_before_the_login(victim, number):
    with victim.keyed() as ssh:
        ssh.send(bytes([number]) + text("session") + u32(0) + u32(2**21) + u32(32768))
        ends(ssh)


# --- Terrapin (CVE-2023-48795): a message slipped into the handshake in the clear shifts the sequence numbers ---

@pytest.mark.parametrize("slipped", [bytes([raw_ssh.IGNORE]) + text(""), bytes([raw_ssh.DEBUG]) + b"\0" + text("") * 2,
                                     bytes([raw_ssh.UNIMPLEMENTED]) + u32(0), bytes([raw_ssh.EXT_INFO]) + u32(0)],
                         ids=["IGNORE", "DEBUG", "UNIMPLEMENTED", "EXT_INFO"])
@pytest.mark.parametrize("where", ["before KEXINIT", "after KEXINIT", "before NEWKEYS"])
def test_a_prefix_is_not_truncated(victim, slipped, where):
    ssh = victim.connect()
    announced = ssh.wait_for(raw_ssh.KEXINIT)
    assert b"kex-strict-s-v00@openssh.com" in announced
    with pytest.raises(Closed, match="inside a key exchange|not the first packet"):
        if where == "before NEWKEYS":
            ssh.exchange_keys(before_newkeys=[slipped], server_kexinit=announced)
            ssh.log_in(victim.user.name, victim.user.password)
        else:
            own = kexinit()
            ssh.send(*([slipped, own] if where == "before KEXINIT" else [own, slipped]))
            ssh.send(bytes([raw_ssh.KEX_INIT]) + text(b"\x09" * 32))
            ssh.wait_for(raw_ssh.NEWKEYS)
    ssh.close()


def test_without_strict_key_exchange_ignore_is_allowed(victim):
    """The clients that know no strict key exchange may send IGNORE there (RFC 4253 section 7.1)."""
    with victim.connect() as ssh:
        own = kexinit("curve25519-sha256")
        ssh.exchange_keys(own, before_newkeys=[bytes([raw_ssh.IGNORE]) + text("")])
        ssh.log_in(victim.user.name, victim.user.password)


# --- after the login ---

def test_key_exchanges_without_end(victim, attack):
    with attack(32) as held:
        stop = threading.Event()

        def rekey(ssh):
            while not stop.is_set():
                ssh.exchange_keys()

        threads = [threading.Thread(target=rekey, args=[held.enter_context(victim.logged_in())]) for _ in range(4)]
        for thread in threads:
            thread.start()
        held.callback(lambda: (stop.set(), [thread.join() for thread in threads]))


def test_channels_without_end(victim, attack):
    with attack(32) as held:
        ssh = held.enter_context(victim.logged_in())
        opening = bytes([raw_ssh.CHANNEL_OPEN]) + text("session") + u32(7) + u32(2**21) + u32(32768)
        ssh.send(*[opening] * 2000)
        answers = [ssh.wait_for(raw_ssh.CHANNEL_CONFIRMATION, raw_ssh.CHANNEL_OPEN_FAILURE)[0] for _ in range(2000)]
        opened = answers.count(raw_ssh.CHANNEL_CONFIRMATION)
        assert 1 <= opened <= 10 and set(answers[opened:]) == {raw_ssh.CHANNEL_OPEN_FAILURE}
        for _ in range(200):
            ssh.send(bytes([raw_ssh.CHANNEL_CLOSE]) + u32(0))
            ssh.wait_for(raw_ssh.CHANNEL_CLOSE)
            assert ssh.open_channel() == 0


@pytest.mark.parametrize("kind", ["direct-tcpip", "x11", "forwarded-tcpip", "", "s" * 30_000])
def test_channels_of_other_kinds(victim, kind):
    with victim.logged_in() as ssh:
        for _ in range(50):
            ssh.send(bytes([raw_ssh.CHANNEL_OPEN]) + text(kind) + u32(0) + u32(2**21) + u32(32768) + b"more")
            assert ssh.wait_for(raw_ssh.CHANNEL_CONFIRMATION, raw_ssh.CHANNEL_OPEN_FAILURE)[0] == (
                raw_ssh.CHANNEL_OPEN_FAILURE)


def test_more_data_than_the_window(victim, attack):
    with attack(64):
        for _ in range(5):
            ssh = victim.logged_in()
            channel = ssh.open_channel()
            ssh.start_sftp(channel)
            # An unfinished request: the server waits for the rest, and grants no more than it can hold.
            with contextlib.suppress(Closed):
                ssh.data(channel, u32(200_000) + b"\x06")
                for _ in range(2000):
                    ssh.data(channel, b"x" * 32_000)
            ends(ssh)


def test_window_adjustments(victim, attack):
    with attack(32) as held:
        ssh = held.enter_context(victim.logged_in())
        channel = ssh.open_channel(window=0)
        ssh.start_sftp(channel)
        ssh.data(channel, u32(5) + b"\x01" + u32(3))
        adjust = bytes([raw_ssh.WINDOW_ADJUST]) + u32(channel)
        ssh.send(*[adjust + u32(0)] * 20_000)
        ssh.send(adjust + u32(1))  # the first byte of the answer may come now, and no more
        assert ssh.wait_for(raw_ssh.CHANNEL_DATA) == bytes([raw_ssh.CHANNEL_DATA]) + u32(0) + text(b"\0")
        for _ in range(200):
            ssh.send(adjust + u32(1))
            assert len(ssh.wait_for(raw_ssh.CHANNEL_DATA)) == 10
        ssh.send(adjust + u32(0xffffffff), adjust + u32(0xffffffff))
        ends(ssh, "window")


def test_data_of_no_length(victim, attack):
    with attack(32) as held:
        ssh = held.enter_context(victim.logged_in())
        channel = ssh.open_channel()
        ssh.start_sftp(channel)
        empty = bytes([raw_ssh.CHANNEL_DATA]) + u32(channel) + text(b"")
        ssh.send(*[empty] * 20_000)
        ssh.data(channel, u32(5) + b"\x01" + u32(3))
        assert ssh.wait_for(raw_ssh.CHANNEL_DATA)[13:14] == b"\x02"


def test_channels_with_absurd_limits(victim):
    with victim.logged_in() as ssh:
        for packet_size in (0, 1, 9):
            ssh.send(bytes([raw_ssh.CHANNEL_OPEN]) + text("session") + u32(0) + u32(0xffffffff) + u32(packet_size))
            assert ssh.wait_for(raw_ssh.CHANNEL_CONFIRMATION, raw_ssh.CHANNEL_OPEN_FAILURE)[0] == (
                raw_ssh.CHANNEL_OPEN_FAILURE)


def test_unknown_requests_and_messages(victim, attack):
    with attack(32) as held:
        ssh = held.enter_context(victim.logged_in())
        channel = ssh.open_channel()
        for number in range(300):
            ssh.send(bytes([raw_ssh.GLOBAL_REQUEST]) + text(f"unknown-{number}@example.com") + b"\1" + os.urandom(50))
            assert ssh.wait_for(raw_ssh.REQUEST_SUCCESS, raw_ssh.REQUEST_FAILURE)[0] == raw_ssh.REQUEST_FAILURE
            ssh.send(bytes([raw_ssh.CHANNEL_REQUEST]) + u32(channel) + text("unknown") + b"\1" + os.urandom(50))
            assert ssh.wait_for(raw_ssh.CHANNEL_SUCCESS, raw_ssh.CHANNEL_FAILURE)[0] == raw_ssh.CHANNEL_FAILURE
            ssh.send(bytes([200]) + os.urandom(50))
            assert ssh.wait_for(raw_ssh.UNIMPLEMENTED)[0] == raw_ssh.UNIMPLEMENTED
        ssh.start_sftp(channel)


def test_answers_that_are_never_read(victim, attack):
    request = bytes([raw_ssh.GLOBAL_REQUEST]) + text("x" * 20) + b"\1"
    with attack(60) as held:
        for payload in (request, bytes([raw_ssh.PING]) + text(b"p" * 30_000), bytes([200])):
            ssh = held.enter_context(victim.logged_in())
            assert flood_unread(ssh, payload, 2**26) < 2**26


SFTP_FLOODS = {
    "STAT": bytes([17]) + u32(1) + text("/" + "x" * 200),
    "READ": bytes([5]) + u32(1) + text(b"\0\0\0\0") + b"\0" * 8 + u32(261_120),
    "OPENDIR": bytes([11]) + u32(1) + text("/"),
    "check-file-name": bytes([200]) + u32(1) + text("check-file-name") + text("/large") + text("sha256") + b"\0" * 20,
}


@pytest.mark.parametrize("name", SFTP_FLOODS)
def test_sftp_answers_that_are_never_read(victim, attack, name):
    with open(victim.user.home / "large", "wb") as file:
        file.truncate(50_000_000)
    with attack(60) as held:
        for _ in range(3):
            ssh = held.enter_context(victim.logged_in())
            channel = ssh.open_channel(window=0xffffffff)
            ssh.start_sftp(channel)
            ssh.data(channel, u32(5) + b"\x01" + u32(3))
            ssh.data(channel, text(bytes([3]) + u32(1) + text("/large") + u32(1) + u32(0)))
            requests = text(SFTP_FLOODS[name]) * 100
            flood_unread(ssh, bytes([raw_ssh.CHANNEL_DATA]) + u32(channel) + text(requests), 2**24)


@pytest.mark.parametrize("length", [0, 2**31, 2**32 - 1, 300_000])
def test_sftp_packets_of_absurd_lengths(victim, attack, length):
    with attack(32):
        for _ in range(20):
            ssh = victim.logged_in()
            channel = ssh.open_channel()
            ssh.start_sftp(channel)
            ssh.data(channel, u32(5) + b"\x01" + u32(3))
            ssh.wait_for(raw_ssh.CHANNEL_DATA)
            with contextlib.suppress(Closed):
                ssh.data(channel, u32(length) + b"\x03" * 1000)
                ssh.wait_for(raw_ssh.CHANNEL_CLOSE, raw_ssh.CHANNEL_EOF)
            ssh.close()
