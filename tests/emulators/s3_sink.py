"""S3 that keeps nothing: discards what is stored, makes up listings and content. For tests of memory and speed.

    s3_sink.py --listen PORT [--page-delay SECONDS]

A bucket `keys-N` lists N objects `key-0000000000`... of 1 byte, page by page, by V2 with `prefix`, `delimiter`,
`start-after`, `continuation-token`, `max-keys` (only prefixes that begin `key-` hold any). Any other bucket is empty.
HEAD and GET of `content-N` answer N zero bytes, with ranges; of anything that was stored, its size and ETag and as many
zero bytes; of the rest 404. PUT, parts, complete, copy and abort are answered as S3 does, the bytes are read and thrown
away. Signatures are not checked. `GET /__sink` tells {"requests", "bytes", "open_uploads", "objects", "most_at_once"}.
Standard library only.
"""
import argparse
import asyncio
import json
import re
import signal
import sys
import urllib.parse
from xml.sax.saxutils import escape

HEAD_LIMIT = 1 << 20
PIECE = 1 << 18
ZEROES = bytes(PIECE)
MOST_KEYS = 1000
ETAG = '"00000000000000000000000000000000"'
WHEN = "2026-01-01T00:00:00.000Z"
HTTP_WHEN = "Thu, 01 Jan 2026 00:00:00 GMT"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def key_of(number):
    return f"key-{number:010d}"


def first_not_before(text):
    """The number of the first key that does not sort before `text`."""
    if not text.startswith("key-"):
        return 0 if text < "key-" else 10**10
    digits = re.match("[0-9]{0,10}", text[4:]).group()
    rest = text[4 + len(digits):]
    if len(digits) == 10:
        return int(digits) + (rest != "")
    number = int(digits.ljust(10, "0"))
    return number + 10**(10 - len(digits)) if rest > "9" else number


class Sink:
    def __init__(self, options):
        self.options = options
        self.requests = self.received = self.at_once = self.most_at_once = self.numbers = 0
        self.uploads, self.objects = {}, {}  # id: {part: size}; (bucket, key): size

    async def serve(self, reader, writer):
        try:
            while True:
                raw = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, target, _ = raw[0].split(" ")
                headers = {}
                for line in raw[1:-2]:
                    name, _, value = line.partition(":")
                    headers[name.strip().lower()] = value.strip()
                if headers.get("expect", "").lower() == "100-continue":
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                try:
                    size, body = await self.take(reader, headers)
                    await self.dispatch(method, target, headers, size, body, writer)
                finally:
                    self.at_once -= 1
        except (OSError, asyncio.IncompleteReadError, ValueError):
            pass
        finally:
            writer.close()

    async def take(self, reader, headers):
        """(size, body) of a request; the body only of small ones, the rest is thrown away."""
        left = size = int(headers.get("content-length", 0))
        kept = b""
        while left:
            piece = await reader.read(min(left, PIECE))
            if not piece:
                raise asyncio.IncompleteReadError(b"", left)
            left -= len(piece)
            kept = kept + piece if size <= 4 << 20 and "partNumber" not in headers else b""
        self.received += size
        return int(headers.get("x-amz-decoded-content-length", size)), kept

    async def answer(self, writer, status, body="", headers=None, length=None, head=False):
        data = body.encode()
        fields = {"Content-Length": str(len(data) if length is None else length), "x-amz-request-id": "sink",
                  "Content-Type": "application/xml"} | (headers or {})
        if status.startswith("204"):
            del fields["Content-Length"]
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + (b"" if head else data))
        await writer.drain()

    async def error(self, writer, status, code, head=False):
        body = f"{DECLARATION}<Error><Code>{code}</Code><Message>of the sink</Message></Error>"
        await self.answer(writer, status, body, head=head)

    async def dispatch(self, method, target, headers, size, body, writer):
        self.requests += 1
        parts = urllib.parse.urlsplit(target)
        query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        bucket, _, key = urllib.parse.unquote(parts.path.removeprefix("/")).partition("/")
        if bucket == "__sink":
            counts = {"requests": self.requests, "bytes": self.received, "open_uploads": len(self.uploads),
                      "objects": len(self.objects), "most_at_once": self.most_at_once}
            await self.answer(writer, "200 OK", json.dumps(counts), {"Content-Type": "application/json"})
        elif not key and method == "POST" and "delete" in query:
            for name in re.findall(r"<Key>([^<]*)</Key>", body.decode()):
                self.objects.pop((bucket, name), None)
            await self.answer(writer, "200 OK", f"{DECLARATION}<DeleteResult {NAMESPACE}/>")
        elif not key and method == "GET":
            await asyncio.sleep(self.options.page_delay)
            await self.answer(writer, "200 OK", self.page(bucket, query))
        elif not key:
            await self.answer(writer, "200 OK")
        elif method in ("GET", "HEAD") and "uploadId" not in query:
            await self.content(method, bucket, key, headers, writer)
        else:
            await self.change(method, bucket, key, query, headers, size, writer)

    def page(self, bucket, query):
        """One page of ListObjectsV2; made-up keys hold no delimiter, so none are put together."""
        total = int(bucket.removeprefix("keys-")) if re.fullmatch("keys-[0-9]{1,10}", bucket) else 0
        prefix = query.get("prefix", "")
        most = min(MOST_KEYS, int(query.get("max-keys", MOST_KEYS)))
        token = query.get("continuation-token") or query.get("start-after") or ""
        begin = first_not_before(max(prefix, token + "\0" if token else ""))
        numbers = []
        while begin < total and len(numbers) < most and key_of(begin).startswith(prefix):
            numbers.append(begin)
            begin += 1
        more = bool(numbers) and begin < total and key_of(begin).startswith(prefix)
        rows = "".join(f"<Contents><Key>{key_of(number)}</Key><LastModified>{WHEN}</LastModified><ETag>{escape(ETAG)}"
                       f"</ETag><Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>" for number in numbers)
        following = f"<NextContinuationToken>{key_of(numbers[-1])}</NextContinuationToken>" if more else ""
        return (f"{DECLARATION}<ListBucketResult {NAMESPACE}><Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix>"
                f"<KeyCount>{len(numbers)}</KeyCount><MaxKeys>{most}</MaxKeys><EncodingType>url</EncodingType>"
                f"<IsTruncated>{str(more).lower()}</IsTruncated>{following}{rows}</ListBucketResult>")

    async def content(self, method, bucket, key, headers, writer):
        size = self.objects.get((bucket, key))
        if size is None and re.fullmatch("content-[0-9]{1,15}", key):
            size = int(key.removeprefix("content-"))
        if size is None:
            await self.error(writer, "404 Not Found", "NoSuchKey", head=method == "HEAD")
            return
        begin, end, status = 0, size, "200 OK"
        fields = {"ETag": ETAG, "Last-Modified": HTTP_WHEN, "Accept-Ranges": "bytes",
                  "Content-Type": "application/octet-stream"}
        wanted = re.fullmatch(r"bytes=([0-9]+)-([0-9]*)", headers.get("range", ""))
        if wanted:
            begin, end = int(wanted[1]), min(size, int(wanted[2]) + 1 if wanted[2] else size)
            if begin >= size:
                await self.error(writer, "416 Range Not Satisfiable", "InvalidRange", head=method == "HEAD")
                return
            status = "206 Partial Content"
            fields["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
        await self.answer(writer, status, headers=fields, length=end - begin, head=True)
        left = end - begin if method == "GET" else 0
        while left:
            writer.write(ZEROES[:min(left, PIECE)])
            left -= min(left, PIECE)
            await writer.drain()

    async def change(self, method, bucket, key, query, headers, size, writer):
        upload = query.get("uploadId")
        if upload is not None and upload not in self.uploads:
            await self.error(writer, "404 Not Found", "NoSuchUpload")
        elif method == "POST" and "uploads" in query:
            self.numbers += 1
            upload = f"upload-{self.numbers}"
            self.uploads[upload] = {}
            await self.answer(writer, "200 OK", f"{DECLARATION}<InitiateMultipartUploadResult {NAMESPACE}>"
                              f"<Bucket>{bucket}</Bucket><Key>{escape(key)}</Key><UploadId>{upload}</UploadId>"
                              "</InitiateMultipartUploadResult>")
        elif method == "PUT" and upload is not None:
            self.uploads[upload][int(query["partNumber"])] = size
            await self.answer(writer, "200 OK", headers={"ETag": ETAG})
        elif method == "GET":
            rows = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(ETAG)}</ETag><Size>{part}</Size>"
                           "</Part>" for number, part in sorted(self.uploads[upload].items()))
            await self.answer(writer, "200 OK", f"{DECLARATION}<ListPartsResult {NAMESPACE}><IsTruncated>false"
                              f"</IsTruncated>{rows}</ListPartsResult>")
        elif method == "POST" and upload is not None:
            self.objects[bucket, key] = sum(self.uploads.pop(upload).values())
            await self.answer(writer, "200 OK", f"{DECLARATION}<CompleteMultipartUploadResult {NAMESPACE}>"
                              f"<Bucket>{bucket}</Bucket><Key>{escape(key)}</Key><ETag>{escape(ETAG)}</ETag>"
                              "</CompleteMultipartUploadResult>")
        elif method == "DELETE":
            self.uploads.pop(upload, None)
            if upload is None:
                self.objects.pop((bucket, key), None)
            await self.answer(writer, "204 No Content")
        else:
            await self.store(bucket, key, headers, size, writer)

    async def store(self, bucket, key, headers, size, writer):
        """A PUT of a whole object, or a copy."""
        if headers.get("if-none-match") == "*" and (bucket, key) in self.objects:
            await self.error(writer, "412 Precondition Failed", "PreconditionFailed")
            return
        source = headers.get("x-amz-copy-source")
        if source is None:
            self.objects[bucket, key] = size
            await self.answer(writer, "200 OK", headers={"ETag": ETAG})
            return
        from_bucket, _, from_key = urllib.parse.unquote(source.removeprefix("/")).partition("/")
        if (from_bucket, from_key) not in self.objects:
            await self.error(writer, "404 Not Found", "NoSuchKey")
            return
        self.objects[bucket, key] = self.objects[from_bucket, from_key]
        await self.answer(writer, "200 OK", f"{DECLARATION}<CopyObjectResult {NAMESPACE}><ETag>{escape(ETAG)}</ETag>"
                          f"<LastModified>{WHEN}</LastModified></CopyObjectResult>")


async def main():
    parser = argparse.ArgumentParser(description="S3 that keeps nothing")
    parser.add_argument("--listen", type=int, required=True)
    parser.add_argument("--page-delay", type=float, default=0.0)
    options = parser.parse_args()
    server = await asyncio.start_server(Sink(options).serve, "127.0.0.1", options.listen, limit=HEAD_LIMIT)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.close)
    async with server:
        try:
            await server.serve_forever()
        except asyncio.CancelledError:
            pass


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
