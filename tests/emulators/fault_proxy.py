"""A proxy before an HTTP/1.1 server that does what clouds do on bad days. Standard library only.

    fault_proxy.py --listen PORT --upstream HOST:PORT [--flavour s3|gcs|azure] [--seed N] [--rate 0..1]
                   [--kinds a,b,...] [--latency SECONDS] [--strict-headers]

Which request gets a fault is drawn from the seed, one request in 1/rate, and of the kinds one that fits it:

    latency        the answer comes later
    503            503 with Retry-After, nothing was done (429 for gcs); of those drawn three in four name no pause
    500            500, nothing was done
    reset-request  the connection is reset after some bytes of the request's body; nothing was done
    reset-answer   a GET's connection is reset after some bytes of the answer's body
    truncated      a GET's body ends early, in good order, under its full Content-Length
    error-200      200 with an error in the body where S3 does so (copy, complete); nothing was done

and, only when named:

    lost-answer    the request is done, its answer is lost with the connection
    stuck-page     a listing's answer names the page token of its request again, as if it were the next one

POST /__faults?... changes the schedule while it runs, without being drawn itself:

    kinds=a,b  rate=0.5  seed=3  latency=0.2   from now on
    next=KIND  count=2  match=REGEX  at=N     the next `count` requests whose "METHOD /target" matches get KIND,
                                              whatever the rate; `at`: after how many bytes a reset or a cut comes,
                                              or the seconds of Retry-After
    clear=1                                   no faults any more

GET /__faults tells what was done: {"requests": 10, "faults": {"503": 1}}. --strict-headers answers 501 to every
x-amz- header beyond the oldest ones. Of flavour gcs the question how much of an upload is stored (PUT with `Content-Range:
bytes */*`) is answered here, from what earlier answers said: fake-gcs-server would end the upload there. The client's Host goes on unchanged, as signatures cover it; Location is
rewritten.
"""
import argparse
import asyncio
import json
import random
import re
import signal
import socket
import struct
import sys
import urllib.parse
from collections import Counter

HEAD_LIMIT = 1 << 20
PIECE = 1 << 16
DEFAULT_KINDS = ("latency", "503", "500", "reset-request", "reset-answer", "truncated", "error-200")
NAMED_KINDS = ("lost-answer", "stuck-page")
OLD_HEADERS = {"x-amz-date", "x-amz-content-sha256", "x-amz-security-token", "x-amz-acl", "x-amz-copy-source",
               "x-amz-metadata-directive", "x-amz-storage-class", "x-amz-copy-source-range"}
PAGE_TOKENS = {"s3": ("continuation-token", r"<NextContinuationToken>[^<]*</NextContinuationToken>",
                      "<NextContinuationToken>{}</NextContinuationToken>"),
               "gcs": ("pageToken", r'"nextPageToken"\s*:\s*"[^"]*"', '"nextPageToken":"{}"'),
               "azure": ("marker", r"<NextMarker>[^<]*</NextMarker>", "<NextMarker>{}</NextMarker>")}


class Gone(Exception):
    """A side closed its connection, or must lose it."""


def error_body(flavour, code, message):
    if flavour == "gcs":
        return "application/json", json.dumps({"error": {"code": 503, "message": message, "status": code}}).encode()
    declaration = '<?xml version="1.0" encoding="UTF-8"?>'
    return "application/xml", f"{declaration}<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


class Head:
    """The first line and the fields of a request or an answer, as bytes that go on unchanged."""

    def __init__(self, raw):
        self.lines = raw.removesuffix(b"\r\n\r\n").split(b"\r\n")
        self.first = self.lines[0].decode("latin-1")

    def get(self, name):
        for line in self.lines[1:]:
            key, _, value = line.partition(b":")
            if key.strip().lower() == name.encode():
                return value.strip().decode("latin-1")
        return None

    def names(self):
        return {line.partition(b":")[0].strip().lower().decode("latin-1") for line in self.lines[1:]}

    def replace(self, name, value):
        kept = [line for line in self.lines if line.partition(b":")[0].strip().lower() != name.encode()]
        self.lines = [*kept, f"{name}: {value}".encode("latin-1")]

    def raw(self):
        return b"\r\n".join(self.lines) + b"\r\n\r\n"

    def chunked(self):
        return "chunked" in (self.get("transfer-encoding") or "").lower()

    def length(self):
        return int(self.get("content-length") or 0)


async def read_head(reader):
    try:
        return Head(await reader.readuntil(b"\r\n\r\n"))
    except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError) as error:
        raise Gone from error


async def pieces_of(reader, head, until_end=False):
    """The body's bytes as they stand on the wire, with the framing of chunks."""
    if head.chunked():
        while True:
            line = await reader.readuntil(b"\r\n")
            size = int(line.split(b";")[0], 16)
            yield line
            if size == 0:
                while True:
                    trailer = await reader.readuntil(b"\r\n")
                    yield trailer
                    if trailer == b"\r\n":
                        return
            yield await reader.readexactly(size + 2)
    left = head.length()
    if head.get("content-length") is None and until_end:
        while piece := await reader.read(PIECE):
            yield piece
        return
    while left:
        piece = await reader.read(min(left, PIECE))
        if not piece:
            raise Gone
        left -= len(piece)
        yield piece


def reset(writer):
    """Closes with RST instead of FIN: what was sent may be lost."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Schedule:
    def __init__(self, options):
        self.random = random.Random(options.seed)
        self.rate, self.kinds, self.latency = options.rate, options.kinds, options.latency
        self.planned = []  # [kind, count, pattern, at]
        self.requests, self.faults = 0, Counter()

    def fits(self, kind, request, flavour):
        method, target, has_body = request
        query = urllib.parse.urlsplit(target).query
        if kind in ("reset-answer", "truncated"):
            return method == "GET"
        if kind == "reset-request":
            return has_body
        if kind == "error-200":
            return flavour == "s3" and ((method == "POST" and "uploadId=" in query) or method == "COPY")
        if kind == "stuck-page":
            return method == "GET" and f"{PAGE_TOKENS[flavour][0]}=" in query
        return True

    def draw(self, request, flavour):
        """(kind or None, the byte at which a reset or a cut comes or the seconds of Retry-After; None: as it comes)."""
        self.requests += 1
        for plan in self.planned:
            kind, count, pattern, at = plan
            if count and pattern.search(f"{request[0]} {request[1]}") and self.fits(kind, request, flavour):
                plan[1] -= 1
                self.faults[kind] += 1
                return kind, at
        if self.random.random() >= self.rate:
            return None, None
        fitting = [kind for kind in self.kinds if self.fits(kind, request, flavour)]
        if not fitting:
            return None, None
        kind = self.random.choice(fitting)
        self.faults[kind] += 1
        return kind, self.random.choice((0, 0, 0, 1)) if kind == "503" else None

    def change(self, query):
        if "clear" in query:
            self.rate, self.planned = 0.0, []
        if "seed" in query:
            self.random = random.Random(int(query["seed"]))
        self.rate = float(query.get("rate", self.rate))
        self.latency = float(query.get("latency", self.latency))
        if "kinds" in query:
            self.kinds = kinds_of(query["kinds"])
        if "next" in query:
            at = int(query["at"]) if "at" in query else None
            pattern = re.compile(query.get("match", ""))
            self.planned.append([kinds_of(query["next"])[0], int(query.get("count", 1)), pattern, at])


class Proxy:
    def __init__(self, options):
        self.options, self.schedule = options, Schedule(options)
        self.stored = {}  # upload session -> Range of its last answer

    async def serve(self, reader, writer):
        upstream = None
        try:
            while True:
                head = await read_head(reader)
                if " /__faults" in head.first:
                    await self.control(head, reader, writer)
                    continue
                upstream = await self.pass_on(head, reader, writer, upstream)
                if (head.get("connection") or "").lower() == "close":
                    return
        except (Gone, OSError, asyncio.IncompleteReadError):
            pass
        finally:
            for end in (writer, upstream and upstream[1]):
                if end:
                    end.close()

    async def control(self, head, reader, writer):
        async for _ in pieces_of(reader, head):
            pass
        method, target = head.first.split(" ")[:2]
        status = "200 OK"
        body = {"requests": self.schedule.requests, "faults": dict(self.schedule.faults)}
        if method == "POST":
            try:
                self.schedule.change(dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(target).query)))
            except (ValueError, re.error) as error:
                status, body = "400 Bad Request", {"error": str(error)}
        await self.answer(writer, status, "application/json", json.dumps(body).encode())

    async def answer(self, writer, status, kind, body, extra="", close=False):
        """An answer of ours. `close`: the request's body was not read, so the connection cannot go on."""
        lines = f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}"
        ending = "Connection: close\r\n" if close else ""
        writer.write(f"HTTP/1.1 {status}\r\n{lines}{ending}\r\n".encode() + body)
        await writer.drain()

    async def refuse(self, head, reader, writer, status, code, extra=""):
        """Reads the body first: a client that still sends would miss the answer."""
        if (head.get("expect") or "").lower() != "100-continue":
            async for _ in pieces_of(reader, head):
                pass
        kind, body = error_body(self.options.flavour, code, "made by the fault proxy")
        close = (head.get("expect") or "").lower() == "100-continue"
        if head.first.startswith("HEAD "):
            kind, body = "text/plain", b""
        await self.answer(writer, status, kind, body, extra, close)
        if close:
            raise Gone

    async def pass_on(self, head, reader, writer, upstream):
        method, target = head.first.split(" ")[:2]
        copies = method == "PUT" and head.get("x-amz-copy-source") is not None
        if self.options.strict_headers and self.strange(head):
            await self.refuse(head, reader, writer, "501 Not Implemented", "NotImplemented")
            return upstream
        has_body = head.chunked() or head.length() > 0
        kind, at = self.schedule.draw(("COPY" if copies else method, target, has_body), self.options.flavour)
        if self.options.flavour == "gcs" and self.asks_stored(head, target):
            await self.tell_stored(target, writer)
            return upstream
        if kind == "latency":
            await asyncio.sleep(self.schedule.latency)
        elif kind == "503":
            await self.slow_down(head, reader, writer, 1 if at is None else at)
            return upstream
        elif kind == "500":
            await self.refuse(head, reader, writer, "500 Internal Server Error", "InternalError")
            return upstream
        elif kind == "error-200":
            await self.refuse(head, reader, writer, "200 OK", "InternalError")
            return upstream
        elif kind == "reset-request":
            await self.break_request(head, reader, writer, at)
        upstream = await self.forward(head, reader, writer, upstream)
        await self.back(head, kind, at, writer, upstream)
        return upstream

    async def slow_down(self, head, reader, writer, pause):
        code = {"s3": "SlowDown", "gcs": "rateLimitExceeded", "azure": "ServerBusy"}[self.options.flavour]
        status = "429 Too Many Requests" if self.options.flavour == "gcs" else "503 Slow Down"
        await self.refuse(head, reader, writer, status, code, f"Retry-After: {pause}\r\n")

    def asks_stored(self, head, target):
        """Not when the upload is all there: then the server behind completes it, as Google does."""
        size = (head.get("content-range") or "").removeprefix("bytes */")
        return size == "*" or (size.isdecimal() and self.stored.get(target) != f"bytes=0-{int(size) - 1}")

    async def tell_stored(self, target, writer):
        stored = self.stored.get(target)
        extra = f"Range: {stored}\r\n" if stored else ""
        await self.answer(writer, "308 Resume Incomplete", "text/plain", b"", extra)

    @staticmethod
    def strange(head):
        return any(name.startswith("x-amz-") and name not in OLD_HEADERS and not name.startswith("x-amz-meta-")
                   for name in head.names())

    async def break_request(self, head, reader, writer, at):
        """Takes some of the body and resets; the server behind never hears of it."""
        at = self.schedule.random.randrange(1 + head.length()) if at is None else at
        if (head.get("expect") or "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        taken = 0
        async for piece in pieces_of(reader, head):
            taken += len(piece)
            if taken >= at:
                break
        reset(writer)
        raise Gone

    async def forward(self, head, reader, writer, upstream):
        """Sends the request behind, on a new connection when the kept one has ended meanwhile."""
        if upstream is None or upstream[0].at_eof() or upstream[1].is_closing():
            if upstream:
                upstream[1].close()
            host, _, port = self.options.upstream.rpartition(":")
            upstream = await asyncio.open_connection(host, int(port), limit=HEAD_LIMIT)
        expects = (head.get("expect") or "").lower() == "100-continue"
        if expects:  # answered here, so that the server behind need not
            head.lines = [line for line in head.lines if not line.lower().startswith(b"expect:")]
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        upstream[1].write(head.raw())
        async for piece in pieces_of(reader, head):
            upstream[1].write(piece)
            await upstream[1].drain()
        await upstream[1].drain()
        return upstream

    async def back(self, request, kind, at, writer, upstream):
        answer = await read_head(upstream[0])
        while answer.first.split(" ")[1] == "100":
            answer = await read_head(upstream[0])
        if self.options.flavour == "gcs" and " 308 " in answer.first:
            self.stored[request.first.split(" ")[1]] = answer.get("range")
        if kind == "lost-answer":
            reset(writer)
            raise Gone
        location = answer.get("location")
        if location and self.options.upstream in location and request.get("host"):
            answer.replace("Location", location.replace(self.options.upstream, request.get("host")))
        status = answer.first.split(" ")[1]
        if request.first.startswith("HEAD ") or status in ("204", "304"):
            writer.write(answer.raw())
            await writer.drain()
            return
        if kind == "stuck-page":
            await self.stuck_page(request, answer, writer, upstream)
            return
        cut = None
        if kind in ("reset-answer", "truncated"):
            cut = self.schedule.random.randrange(max(1, answer.length())) if at is None else at
        writer.write(answer.raw())
        sent = 0
        async for piece in pieces_of(upstream[0], answer, until_end=True):
            if cut is not None and sent + len(piece) > cut:
                writer.write(piece[:cut - sent])
                await writer.drain()
                upstream[1].close()
                if kind == "reset-answer":
                    await asyncio.sleep(0.01)  # an RST at once takes what the client has not read yet
                    reset(writer)
                raise Gone
            sent += len(piece)
            writer.write(piece)
            await writer.drain()
        ended_by_its_end = not answer.chunked() and answer.get("content-length") is None
        if ended_by_its_end or (answer.get("connection") or "").lower() == "close":
            raise Gone

    async def stuck_page(self, request, answer, writer, upstream):
        body = b"".join([piece async for piece in pieces_of(upstream[0], answer, until_end=True)])
        name, pattern, template = PAGE_TOKENS[self.options.flavour]
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(request.first.split(" ")[1]).query))
        changed = re.sub(pattern.encode(), lambda _: template.format(query[name]).encode(), body)
        if not answer.chunked():
            answer.replace("Content-Length", str(len(changed)))
            writer.write(answer.raw() + changed)
        else:  # the framing stands in `body`: not worth taking apart, none of the emulators chunks its listings
            writer.write(answer.raw() + body)
        await writer.drain()


def kinds_of(text):
    kinds = tuple(text.split(","))
    for kind in kinds:
        if kind not in DEFAULT_KINDS + NAMED_KINDS:
            raise ValueError(f"no such kind of fault: {kind}")
    return kinds


def arguments():
    parser = argparse.ArgumentParser(description="a proxy that makes faults")
    parser.add_argument("--listen", type=int, required=True)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--flavour", choices=("s3", "gcs", "azure"), default="s3")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--kinds", type=kinds_of, default=DEFAULT_KINDS)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--strict-headers", action="store_true")
    return parser.parse_args()


async def main(options):
    server = await asyncio.start_server(Proxy(options).serve, "127.0.0.1", options.listen, limit=HEAD_LIMIT)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.close)
    async with server:
        try:
            await server.serve_forever()
        except asyncio.CancelledError:
            pass


if __name__ == "__main__":
    sys.exit(asyncio.run(main(arguments())))
