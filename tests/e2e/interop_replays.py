"""FileZilla and WinSCP as the requests they send: each class has the operations of interop_clients.py.

The programs need a screen or Windows; what reaches a server is this. Every answer is checked as strictly as they do.
"""
import struct
from pathlib import Path

from clients import Paramiko
from interop_clients import Client
from raw_sftp import (ATTRS, CLOSE, CREATE, DATA, EOF, FSTAT, HANDLE, LSTAT, MKDIR, MODE, NAME, NO_ATTRIBUTES,
                      NO_SUCH_FILE, OK, OPEN, OPENDIR, READ, READ_DATA, READDIR, REALPATH, REMOVE, RENAME, SETSTAT,
                      STAT, STATUS, TIMES, TRUNCATE, WRITE, WRITE_DATA, Raw, take, text)

CHUNK = 32768
MODIFIED = 1_100_000_000


def status_of(answer):
    assert answer[0] == STATUS, answer[0]
    return struct.unpack_from(">I", answer[1])[0]


class Replay(Client):
    """What both have in common: a session on a connection of its own, windows of reads and writes in flight."""

    reads, writes, ahead = 1, 1, 1

    def __enter__(self):
        self.connection = Paramiko(self.user, self.key)
        self.raw = Raw(self.connection.client)
        assert self.raw.name(REALPATH, text(".")) == "/"
        return self.raw

    def __exit__(self, *_):
        self.connection.client.close()

    def size_of(self, raw, kind, what):
        answer, body = raw.ask(kind, what)
        if answer == STATUS:
            assert status_of((answer, body)) == NO_SUCH_FILE  # nothing else makes WinSCP go on
            return None
        assert answer == ATTRS and struct.unpack_from(">I", body)[0] & 1
        return struct.unpack_from(">Q", body, 4)[0]

    def write_all(self, raw, handle, data, offset):
        waiting = []
        for at in range(offset, len(data), CHUNK):
            waiting.append(raw.send(WRITE_DATA, handle, struct.pack(">Q", at), text(data[at:at + CHUNK])))
            if len(waiting) == self.writes:
                assert status_of(raw.answer(waiting.pop(0))) == OK
        for request in waiting:
            assert status_of(raw.answer(request)) == OK

    def read_all(self, raw, handle, offset):
        """Keeps `reads` requests in flight whatever the size is, so that many lie behind the end."""
        data, waiting, ended, at = b"", [], False, offset
        while waiting or not ended:
            while not ended and len(waiting) < self.reads:
                waiting.append(raw.send(READ_DATA, handle, struct.pack(">QI", at, CHUNK)))
                at += CHUNK
            kind, body = raw.answer(waiting.pop(0))
            if kind == STATUS:
                assert status_of((kind, body)) == EOF
                ended = True
                continue
            part = take(body)[0]
            assert kind == DATA and part and not ended, "data behind the end, or none of it"
            data += part
            ended = len(part) < CHUNK
        return data

    def upload(self, local, remote):
        with self as raw:
            self.put(raw, Path(local).read_bytes(), remote, 0)

    def download(self, remote, local):
        with self as raw:
            handle = raw.open(remote, READ)
            Path(local).write_bytes(self.read_all(raw, handle, 0))
            assert raw.status(CLOSE, handle) == OK

    def list(self, folder):
        names, ended, waiting = set(), False, []
        with self as raw:
            kind, body = raw.ask(OPENDIR, text(f"/{folder}"))
            assert kind == HANDLE
            handle = text(take(body)[0])
            while waiting or not ended:
                while not ended and len(waiting) < self.ahead:
                    waiting.append(raw.send(READDIR, handle))
                kind, body = raw.answer(waiting.pop(0))
                if kind == STATUS:
                    assert status_of((kind, body)) == EOF
                    ended = True
                    continue
                assert kind == NAME and not ended
                names |= self.entries(body)
            assert raw.status(CLOSE, handle) == OK
        return names

    @staticmethod
    def entries(body):
        names, rest = set(), body[4:]
        for _ in range(struct.unpack_from(">I", body)[0]):
            name, rest = take(rest)
            rest = take(rest)[1][4 + 8 + 8 + 4 + 8:]
            names.add(name.decode())
        assert rest == b""
        return names - {".", ".."}

    def rename(self, old, new):
        with self as raw:
            assert raw.status(RENAME, text(old), text(new)) == OK

    def mkdir(self, folder):
        with self as raw:
            assert raw.status(MKDIR, text(folder), NO_ATTRIBUTES) == OK


class FileZilla(Replay):
    """32 KiB at a time and a megabyte in flight; 16 READDIRs ahead; resumes by seeking."""

    reads, writes, ahead = 32, 32, 16

    def put(self, raw, data, remote, offset):
        handle = raw.open(remote, WRITE | CREATE | (0 if offset else TRUNCATE))
        self.write_all(raw, handle, data, offset)
        assert raw.status(CLOSE, handle) == OK
        assert raw.status(SETSTAT, text(remote), struct.pack(">III", TIMES, MODIFIED, MODIFIED)) == OK

    def remove(self, file):
        with self as raw:
            assert raw.status(REMOVE, text(file)) == OK

    def resume_upload(self, local, remote):
        with self as raw:
            self.put(raw, Path(local).read_bytes(), remote, self.size_of(raw, STAT, text(remote)))

    def resume_download(self, remote, local):
        with self as raw, open(local, "ab") as to:
            handle = raw.open(remote, READ)
            to.write(self.read_all(raw, handle, to.tell()))
            assert raw.status(CLOSE, handle) == OK


class WinSCP(Replay):
    """32 reads and 64 writes in flight; uploads beside the target, resumes without APPEND, renames, sets times."""

    reads, writes, ahead = 32, 64, 1

    def put(self, raw, data, remote, offset):
        target, part = text(remote), f"{remote}.filepart"
        there = self.size_of(raw, LSTAT, target) is not None
        handle = raw.open(part, WRITE | CREATE | (0 if offset else TRUNCATE))
        if offset:
            assert self.size_of(raw, FSTAT, handle) == offset
        self.write_all(raw, handle, data, offset)
        assert raw.status(CLOSE, handle) == OK
        if there:
            assert raw.status(REMOVE, target) == OK
        assert raw.status(RENAME, text(part), target) == OK
        wanted = struct.pack(">IIII", MODE | TIMES, 0o640, MODIFIED, MODIFIED)
        assert raw.status(SETSTAT, target, wanted) == OK
        kind, body = raw.ask(STAT, target)
        assert kind == ATTRS
        flags, size, _, _, mode, accessed, modified = struct.unpack_from(">IQIIIII", body)
        assert (flags & 15, size, mode & 0o777, accessed, modified) == (15, len(data), 0o640, MODIFIED, MODIFIED)

    def remove(self, file):
        with self as raw:
            assert self.size_of(raw, LSTAT, text(file)) is not None
            assert raw.status(REMOVE, text(file)) == OK
            assert self.size_of(raw, LSTAT, text(file)) is None

    def resume_upload(self, local, remote):
        """What is there lies in the .filepart of a broken upload."""
        with self as raw:
            assert raw.status(RENAME, text(remote), text(f"{remote}.filepart")) == OK
            self.put(raw, Path(local).read_bytes(), remote, self.size_of(raw, STAT, text(f"{remote}.filepart")))

    resume_download = FileZilla.resume_download
