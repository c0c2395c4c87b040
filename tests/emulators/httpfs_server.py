"""A server of the HTTP storage interface that SFTPGo documents (openapi/httpfs.yaml), over a directory.

    httpfs_server.py --listen PORT|PATH --root DIRECTORY [--username U --password P] [--api-key K] [--strange]

The interface is at /api/v1, for the directory itself, and at /api/v1/NAME, for the directory NAME in it.
It is a careless one: it writes an upload into the file as it comes and keeps what came when the client breaks off, and
its rename replaces. `--strange`: listings also hold names that cannot be ones. Standard library only.
"""
import argparse
import base64
import http.server
import json
import os
import socketserver
import stat
import sys
import urllib.parse
from datetime import datetime, timezone

PIECE = 65536
PREFIX = "/api/v1"
MODES = [(stat.S_ISDIR, 1 << 31), (stat.S_ISLNK, 1 << 27), (stat.S_ISFIFO, 1 << 25), (stat.S_ISSOCK, 1 << 24)]


class BrokenOff(Exception):
    pass


def go_mode(mode):
    return stat.S_IMODE(mode) & 0o777 | sum(bit for is_type, bit in MODES if is_type(mode))


def described(name, info):
    whole = datetime.fromtimestamp(info.st_mtime_ns // 10 ** 9, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    return {"name": name, "size": info.st_size, "mode": go_mode(info.st_mode),
            "last_modified": f"{whole}.{info.st_mtime_ns % 10 ** 9:09}Z"}


def nanoseconds(text):
    """Of RFC 3339 in UTC."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = int(datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc).timestamp())
    return seconds * 10 ** 9 + int(fraction.ljust(9, "0") or 0)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    options = root = None

    def log_message(self, *_):
        pass

    def address_string(self):
        return "client"

    def answer(self, status, value=None):
        body = json.dumps({"message": "", "error": ""} if value is None else value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        """The pieces of the request's body; BrokenOff when it has no end."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while True:
                line = self.rfile.readline(100)
                if not line.endswith(b"\r\n"):
                    raise BrokenOff
                size = int(line, 16)
                yield from self.pieces(size)
                if self.rfile.readline(10) != b"\r\n":
                    raise BrokenOff
                if size == 0:
                    return
        yield from self.pieces(int(self.headers.get("Content-Length", 0)))

    def pieces(self, left):
        while left:
            piece = self.rfile.read1(min(left, PIECE))
            if not piece:
                raise BrokenOff
            left -= len(piece)
            yield piece

    def allowed(self):
        pair = f"{self.options.username}:{self.options.password}".encode()
        if self.options.username and self.headers.get("Authorization") != "Basic " + base64.b64encode(pair).decode():
            return False
        return not self.options.api_key or self.headers.get("X-API-KEY") == self.options.api_key

    def place(self, name):
        """Where a name lies: nothing leads out of the directory."""
        path = os.path.normpath("/" + name).lstrip("/")
        return os.path.join(self.root, path) if path else self.root

    def serve(self):
        url = urllib.parse.urlsplit(self.path)
        prefix, _, name = url.path.rpartition("/")
        base, _, operation = prefix.rpartition("/")
        query = dict(urllib.parse.parse_qsl(url.query))
        if not self.allowed():
            self.close_connection = True
            return self.answer(401)
        act = getattr(self, f"{self.command}_{operation}", None)
        if act is None or not (base + "/").startswith(PREFIX + "/") or ".." in base:
            self.close_connection = True
            return self.answer(501)
        self.root = os.path.join(self.options.root, base.removeprefix(PREFIX).strip("/")).rstrip("/")
        os.makedirs(self.root, exist_ok=True)  # the folder of each test
        try:
            return act(self.place(urllib.parse.unquote(name)), query)
        except BrokenOff:
            self.close_connection = True
        except (FileNotFoundError, NotADirectoryError):
            self.answer(404)
        except PermissionError:
            self.answer(403)
        except OSError as error:
            self.answer(500, {"error": str(error)})

    do_GET = do_POST = do_PATCH = do_DELETE = serve

    def GET_stat(self, path, _):
        self.answer(200, described(os.path.basename(path), os.stat(path)))

    def GET_open(self, path, query):
        with open(path, "rb") as file:
            file.seek(int(query.get("offset", 0)))
            left = max(os.fstat(file.fileno()).st_size - file.tell(), 0)
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(left))
            self.end_headers()
            while left:
                piece = file.read(min(left, PIECE))
                if not piece:
                    self.close_connection = True
                    return
                left -= len(piece)
                self.wfile.write(piece)

    def POST_create(self, path, query):
        flags = int(query.get("flags", os.O_RDWR | os.O_CREAT | os.O_TRUNC))
        file = os.open(path, flags | os.O_CLOEXEC, 0o644)
        try:
            for piece in self.body():
                while piece:
                    piece = piece[os.write(file, piece):]
        finally:
            os.close(file)
        self.answer(201)

    def POST_mkdir(self, path, _):
        os.mkdir(path)
        self.answer(200)

    def PATCH_rename(self, path, query):
        os.rename(path, self.place(query["target"]))
        self.answer(200)

    def DELETE_remove(self, path, _):
        os.rmdir(path) if os.path.isdir(path) else os.remove(path)
        self.answer(200)

    def PATCH_chmod(self, path, query):
        os.chmod(path, int(query["mode"]))
        self.answer(200)

    def PATCH_chtimes(self, path, query):
        os.utime(path, ns=(nanoseconds(query["access_time"]), nanoseconds(query["modification_time"])))
        self.answer(200)

    def PATCH_truncate(self, path, query):
        os.truncate(path, int(query["size"]))
        self.answer(200)

    def GET_readdir(self, path, _):
        found = [described(entry.name, entry.stat()) for entry in os.scandir(path)]
        if self.options.strange:
            found += [found[0] | {"name": name} if found else {"name": name, "size": 1, "mode": 420}
                      for name in ("..", "../out", "a/b", "/etc", "", "nul\0")]
        self.answer(200, found)

    def GET_statvfs(self, path, _):
        info = os.statvfs(path)
        self.answer(200, {"bsize": info.f_bsize, "frsize": info.f_frsize, "blocks": info.f_blocks,
                          "bfree": info.f_bfree, "bavail": info.f_bavail, "files": info.f_files,
                          "ffree": info.f_ffree, "favail": info.f_favail, "flag": info.f_flag,
                          "namemax": info.f_namemax})


class TcpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads, request_queue_size = True, True, 128


class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads, request_queue_size = True, 128


def main():
    parser = argparse.ArgumentParser(description="HTTP storage over a directory")
    parser.add_argument("--listen", required=True)
    parser.add_argument("--root", required=True)
    parser.add_argument("--username", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--api-key", default="")
    parser.add_argument("--strange", action="store_true")
    Handler.options = options = parser.parse_args()
    if options.listen.startswith("/"):
        server = UnixServer(options.listen, Handler)
    else:
        server = TcpServer(("127.0.0.1", int(options.listen)), Handler)
    with server:
        server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
