"""SFTP 3 as bytes: requests in any order and number, answers exactly as they come."""
import struct

from ferry import FACTOR

OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, BAD_MESSAGE, UNSUPPORTED = 0, 1, 2, 3, 4, 5, 8
READ, WRITE, APPEND, CREATE, TRUNCATE, EXCLUSIVE = 1, 2, 4, 8, 16, 32
SIZE, OWNER, MODE, TIMES = 1, 2, 4, 8
NO_ATTRIBUTES = struct.pack(">I", 0)
OPEN, CLOSE, READ_DATA, WRITE_DATA, LSTAT, FSTAT, SETSTAT, FSETSTAT = 3, 4, 5, 6, 7, 8, 9, 10
OPENDIR, READDIR, REMOVE, MKDIR, RMDIR, REALPATH, STAT, RENAME = 11, 12, 13, 14, 15, 16, 17, 18
STATUS, HANDLE, DATA, NAME, ATTRS = 101, 102, 103, 104, 105


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack(">I", len(value)) + value


def take(data):
    """The string at the start of data, and the rest."""
    size = struct.unpack_from(">I", data)[0]
    return data[4:4 + size], data[4 + size:]


def request(kind, number, *fields):
    """A whole request with its id, to be sent with others in one breath."""
    return text(struct.pack(">BI", kind, number) + b"".join(fields))


def handle_in(output, number):
    """The handle that answers request `number`, as a field; None before it is there."""
    mark = struct.pack(">BI", HANDLE, number)
    return text(take(output[output.index(mark) + len(mark):])[0]) if mark in output else None


class Raw:
    """The protocol itself on a channel of paramiko's: send() a request, answer() the next reply."""

    def __init__(self, client):
        self.channel = client.get_transport().open_session()
        self.channel.settimeout(120 * FACTOR)
        self.channel.invoke_subsystem("sftp")
        self.last_id = 0
        self.send_packet(bytes([1]) + struct.pack(">I", 6))
        reply = self.packet()
        assert reply[0] == 2 and struct.unpack_from(">I", reply, 1)[0] == 3
        self.extensions, rest = {}, reply[5:]
        while rest:
            name, rest = take(rest)
            self.extensions[name.decode()], rest = take(rest)

    def send_packet(self, body):
        self.channel.sendall(struct.pack(">I", len(body)) + body)

    def exactly(self, size):
        data = b""
        while len(data) < size:
            part = self.channel.recv(size - len(data))
            assert part, "the server closed the channel"
            data += part
        return data

    def packet(self):
        return self.exactly(struct.unpack(">I", self.exactly(4))[0])

    def send(self, kind, *fields):
        self.last_id += 1
        self.send_packet(bytes([kind]) + struct.pack(">I", self.last_id) + b"".join(fields))
        return self.last_id

    def answer(self, request_id):
        reply = self.packet()
        assert struct.unpack_from(">I", reply, 1)[0] == request_id
        return reply[0], reply[5:]

    def ask(self, kind, *fields):
        return self.answer(self.send(kind, *fields))

    def status(self, kind, *fields):
        reply, body = self.ask(kind, *fields)
        assert reply == 101, f"reply {reply} instead of a STATUS"
        return struct.unpack_from(">I", body)[0]

    def extended(self, name, *fields):
        return self.ask(200, text(name), *fields)

    def extended_status(self, name, *fields):
        return self.status(200, text(name), *fields)

    def open(self, path, flags, attributes=NO_ATTRIBUTES):
        reply, body = self.ask(3, text(path), struct.pack(">I", flags), attributes)
        assert reply == 102, body
        return text(take(body)[0])

    def open_status(self, path, flags):
        return self.status(3, text(path), struct.pack(">I", flags), NO_ATTRIBUTES)

    def read(self, handle, offset, size):
        reply, body = self.ask(5, handle, struct.pack(">QI", offset, size))
        return take(body)[0] if reply == 103 else struct.unpack_from(">I", body)[0]

    def write(self, handle, offset, data):
        return self.status(6, handle, struct.pack(">Q", offset), text(data))

    def name(self, kind, *fields):
        """The only name of a NAME reply."""
        reply, body = self.ask(kind, *fields)
        assert reply == 104 and struct.unpack_from(">I", body)[0] == 1, (reply, body)
        return take(body[4:])[0].decode()
