"""SSH itself, to be misused: packets of any content, in the clear or under keys, in any order.

    with RawSSH(server) as ssh:
        ssh.exchange_keys()
        ssh.log_in(user.name, user.password)
        ssh.send(b"\\x50" + ...)     # a payload, its message number first
        payload = ssh.receive()

curve25519-sha256 and aes128-gcm@openssh.com alone; the host's signature is not looked at.
"""
import hashlib
import os
import socket
import struct

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ferry import FACTOR

(DISCONNECT, IGNORE, UNIMPLEMENTED, DEBUG, SERVICE_REQUEST, SERVICE_ACCEPT, EXT_INFO, KEXINIT, NEWKEYS, KEX_INIT,
 KEX_REPLY) = (1, 2, 3, 4, 5, 6, 7, 20, 21, 30, 31)
USERAUTH_REQUEST, USERAUTH_FAILURE, USERAUTH_SUCCESS = 50, 51, 52
GLOBAL_REQUEST, REQUEST_SUCCESS, REQUEST_FAILURE = 80, 81, 82
(CHANNEL_OPEN, CHANNEL_CONFIRMATION, CHANNEL_OPEN_FAILURE, WINDOW_ADJUST, CHANNEL_DATA, EXTENDED_DATA, CHANNEL_EOF,
 CHANNEL_CLOSE, CHANNEL_REQUEST, CHANNEL_SUCCESS, CHANNEL_FAILURE) = range(90, 101)
PING, PONG = 192, 193
STRICT = "kex-strict-c-v00@openssh.com"
VERSION = b"SSH-2.0-Raw"


class Closed(Exception):
    """The server ended the connection; `text` is what it said last."""

    def __init__(self, text=""):
        super().__init__(text)
        self.text = text


def u32(value):
    return struct.pack(">I", value)


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return u32(len(value)) + value


def mpint(value):
    value = value.lstrip(b"\0")
    return text(b"\0" + value if value[:1] >= b"\x80" else value)


def take(data):
    size = struct.unpack_from(">I", data)[0]
    return data[4:4 + size], data[4 + size:]


def kexinit(kex="curve25519-sha256," + STRICT, host_keys="ssh-ed25519", cipher="aes128-gcm@openssh.com", rest=None):
    lists = [kex, host_keys, cipher, cipher, "hmac-sha2-256", "hmac-sha2-256", "none", "none", "", ""]
    body = b"".join(text(one) for one in lists) if rest is None else rest
    return bytes([KEXINIT]) + os.urandom(16) + body + b"\0" + u32(0)


def packet(payload, block=8, counted=4):
    """Length, padding length, payload and padding; `counted` bytes of the length field count for the block size."""
    padding = block - (counted + 1 + len(payload)) % block
    padding += block if padding < 4 else 0
    return u32(1 + len(payload) + padding) + bytes([padding]) + payload + os.urandom(padding)


class Keys:
    def __init__(self, key, iv):
        self.cipher, self.fixed, self.counter = AESGCM(key), iv[:4], int.from_bytes(iv[4:], "big")

    def nonce(self):
        nonce = self.fixed + self.counter.to_bytes(8, "big")
        self.counter = (self.counter + 1) % 2**64
        return nonce

    def seal(self, whole):
        return whole[:4] + self.cipher.encrypt(self.nonce(), whole[4:], whole[:4])

    def open(self, length, rest):
        return self.cipher.decrypt(self.nonce(), rest, length)


class RawSSH:
    def __init__(self, server, timeout=120, version=VERSION):
        self.socket = socket.create_connection(("127.0.0.1", server.sftp_port), timeout * FACTOR)
        self.out = self.into = None
        self.buffer = b""
        self.session_id = None
        self.version = version
        if version is not None:
            self.raw(version + b"\r\n")
            self.server_version = self.line()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    # --- bytes ---
    def raw(self, data):
        try:
            self.socket.sendall(data)
        except ConnectionError:
            raise Closed(self.last_words()) from None

    def more(self):
        try:
            part = self.socket.recv(65536)
        except ConnectionError:
            part = b""
        if not part:
            raise Closed()
        self.buffer += part

    def take(self, size):
        while len(self.buffer) < size:
            self.more()
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def line(self):
        while b"\r\n" not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    # --- packets ---
    def sealed(self, payload):
        return self.out.seal(packet(payload, 16, 0)) if self.out else packet(payload)

    def send(self, *payloads):
        self.raw(b"".join(self.sealed(payload) for payload in payloads))

    def receive(self):
        """The next payload; Closed with the text when it is DISCONNECT."""
        length = self.take(4)
        size = struct.unpack(">I", length)[0]
        body = self.into.open(length, self.take(size + 16)) if self.into else self.take(size)
        payload = body[1:len(body) - body[0]]
        if payload[0] == DISCONNECT:
            raise Closed(take(payload[5:])[0].decode())
        return payload

    def wait_for(self, *numbers):
        """The next payload with one of these message numbers; others are passed over."""
        while True:
            payload = self.receive()
            if payload[0] in numbers:
                return payload

    def last_words(self):
        """What the server says before it ends the connection, which it must do; its packets are read until then."""
        try:
            while True:
                self.receive()
        except Closed as closed:
            return closed.text

    # --- handshake ---
    def exchange_keys(self, own=None, before_newkeys=(), server_kexinit=None):
        """One whole key exchange from our side; `before_newkeys` are payloads put where they may not be."""
        own = own or kexinit(*(() if self.session_id is None else ("curve25519-sha256",)))
        self.send(own)
        server_kexinit = server_kexinit or self.wait_for(KEXINIT)
        private = X25519PrivateKey.generate()
        public = private.public_key().public_bytes_raw()
        self.send(bytes([KEX_INIT]) + text(public))
        reply = self.wait_for(KEX_REPLY)
        host_key, rest = take(reply[1:])
        theirs, _ = take(rest)
        secret = mpint(private.exchange(X25519PublicKey.from_public_bytes(theirs)))
        hashed = hashlib.sha256(text(self.version) + text(self.server_version) + text(own) + text(server_kexinit) +
                                text(host_key) + text(public) + text(theirs) + secret).digest()
        self.session_id = self.session_id or hashed

        def derived(letter, size):
            return hashlib.sha256(secret + hashed + letter + self.session_id).digest()[:size]

        if before_newkeys:
            self.send(*before_newkeys)
        self.send(bytes([NEWKEYS]))
        self.out = Keys(derived(b"C", 16), derived(b"A", 12))
        self.wait_for(NEWKEYS)
        self.into = Keys(derived(b"D", 16), derived(b"B", 12))

    def log_in(self, name, password):
        self.send(bytes([SERVICE_REQUEST]) + text("ssh-userauth"))
        self.wait_for(SERVICE_ACCEPT)
        self.send(bytes([USERAUTH_REQUEST]) + text(name) + text("ssh-connection") + text("password") + b"\0" +
                  text(password))
        assert self.wait_for(USERAUTH_SUCCESS, USERAUTH_FAILURE)[0] == USERAUTH_SUCCESS

    # --- channels ---
    def open_channel(self, number=0, window=2**21, packet_size=32768):
        """The server's number of a new session channel."""
        self.send(bytes([CHANNEL_OPEN]) + text("session") + u32(number) + u32(window) + u32(packet_size))
        answer = self.wait_for(CHANNEL_CONFIRMATION, CHANNEL_OPEN_FAILURE)
        assert answer[0] == CHANNEL_CONFIRMATION, answer
        return struct.unpack_from(">II", answer, 1)[1]

    def start_sftp(self, channel):
        self.send(bytes([CHANNEL_REQUEST]) + u32(channel) + text("subsystem") + b"\1" + text("sftp"))
        assert self.wait_for(CHANNEL_SUCCESS, CHANNEL_FAILURE)[0] == CHANNEL_SUCCESS

    def data(self, channel, data):
        self.send(bytes([CHANNEL_DATA]) + u32(channel) + text(data))
