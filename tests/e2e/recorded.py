"""Replays recorded REST requests on a server and tells which answers differ from the recorded ones.

A file of tests/data/observed/rest is a story for one fresh server: one request a line, in the order in which SFTPGo 2.7.5
got them, with what it answered. `as` says who asks: `admin`, `admin:NAME` and `user:NAME` with a token (their password is
`p`), `basic:NAME:PASSWORD`, `key:VARIABLE` with an API key, `tok:VARIABLE` with a saved token, `none`. `saves` keeps what
an answer brings in a variable, which later lines name as `{variable}`. A value that starts with `@` is compared by its kind
only (PLACEHOLDERS). How an error is worded is not compared, only which of `error` and `message` say something.
"""
import base64
import contextlib
import hmac
import http.client
import json
import re
import time
from urllib.parse import quote

ABSENT = "(absent)"
PLACEHOLDERS = {
    "id": r"[\w-]+", "token": r"[\w.-]+", "api_key": r"\w+\.[\w-]+", "recovery_code": r"[\w-]+", "port": r"\d+",
    "totp_secret": r"[A-Z2-7]+", "ciphertext": r".+", "secret_key": r".+", "base64_png": r"[\w+/=]+", "fingerprint": r".+",
    "build_date": r".*", "commit_hash": r".*", "password_hash": r"[${].+",
    "time_rfc3339": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
    "http_date": r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT",
}
PLACEHOLDER = re.compile("@(" + "|".join(sorted(PLACEHOLDERS, key=len, reverse=True)) + r")(?![A-Za-z0-9])")
TIME_UNITS = {"@time_s": 1, "@time_ms": 1e3, "@time_ns": 1e9}
NUMBERS = ("@id", "@uid", "@ms", "@n", "@port")
HEADERS = ("Location", "X-Object-ID", "Content-Disposition", "Content-Type", "Allow", "WWW-Authenticate", "Set-Cookie")


def passcode(secret, ahead=0):
    """The TOTP code of a base32 secret, so many seconds ahead."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, (int(time.time() + ahead) // 30).to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset:offset + 4], 'big') & 0x7FFFFFFF) % 1000000:06}"


def body_bytes(body):
    """A recorded body's bytes and type; {"@bytes": size} stands for a long one, made of `head`, `fill` and `tail`."""
    if isinstance(body, dict) and "@bytes" in body:
        size = body["@bytes"] - len(body["head"]) - len(body["tail"])
        return (body["head"] + body["fill"] * size + body["tail"]).encode(), None
    if isinstance(body, (dict, list)):
        return json.dumps(body).encode(), "application/json"
    return (None if body is None else body.encode()), None


def matches(expected, got):
    """Whether a value is the recorded one; `expected` may be a placeholder or hold some."""
    if expected == "@any":
        return got != ABSENT
    if isinstance(expected, str) and isinstance(got, (int, float)) and not isinstance(got, bool):
        unit = TIME_UNITS.get(expected)
        return abs(got / unit - time.time()) < 86400 if unit else expected in NUMBERS and got >= 0
    if not isinstance(expected, str) or not isinstance(got, str):
        return type(expected) is type(got) and expected == got
    pieces = PLACEHOLDER.split(expected)
    return re.fullmatch("".join(PLACEHOLDERS[p] if i % 2 else re.escape(p) for i, p in enumerate(pieces)), got,
                        re.DOTALL) is not None


def compare(expected, got, field, ordered):
    """All fields that differ, as {field: (expected, got)}."""
    found = {}
    if isinstance(expected, dict) and isinstance(got, dict):
        for key in expected.keys() | got.keys():
            found |= compare(expected.get(key, ABSENT), got.get(key, ABSENT), f"{field}.{key}", ordered)
    elif isinstance(expected, list) and isinstance(got, list):
        if not ordered:
            got = [next((one for one in got if not compare(item, one, "", ordered)), ABSENT) for item in expected] + [
                one for one in got if all(compare(item, one, "", ordered) for item in expected)]
        for i in range(max(len(expected), len(got))):
            pair = [side[i] if i < len(side) else ABSENT for side in (expected, got)]
            found |= compare(*pair, f"{field}.{i}", ordered)
    elif not matches(expected, got):
        found[field] = (expected, got)
    return found


def without_wording(answer):
    """An error's body with "..." for each text that says something."""
    if isinstance(answer, str):
        return "..."
    if not isinstance(answer, dict):
        return answer
    return {key: "..." if key in ("error", "message") and value else value for key, value in answer.items()}


def compare_headers(recorded, got):
    found = {}
    for name in HEADERS:
        sides = [side.get(name, ABSENT) for side in (recorded, got)]
        if name == "Content-Type":
            sides = [side.replace(" ", "").lower().removesuffix(";charset=utf-8") for side in sides]
        elif name == "Allow":
            sides = [", ".join(sorted(re.split(r",\s*", side))) for side in sides]
        elif name == "WWW-Authenticate":
            sides = [side.split(" ")[0] for side in sides]
        if not matches(*sides):
            found[f"header.{name}"] = tuple(sides)
    return found


class Replay:
    """The requests of one file on one server."""

    def __init__(self, server, admin="admin", password="password"):
        self.server, self.admin = server, f"{admin}:{password}"
        self.tokens = {}
        self.variables = {"@HOME@": str(server.home_base), "@DIR@": str(server.home_base.parent),
                          "@BASE@": server.url(""), "@HOST@": f"127.0.0.1:{server.http_port}"}

    def fill(self, value):
        text = json.dumps(value, ensure_ascii=False)
        for name, filling in self.variables.items():
            text = text.replace("{" + name + "}", filling).replace(name, filling)
        return json.loads(text)

    def save(self, name, answer, headers):
        first = answer[0] if isinstance(answer, list) and answer else answer
        value = headers.get("X-Object-ID") or (first if isinstance(first, str) else "none")
        if isinstance(first, dict):
            value = next((first[key] for key in ("access_token", "key", "code", "secret") if isinstance(first.get(key), str)),
                         value)
            if first.get("secret") == value:
                self.variables |= {"{otp}": passcode(value), "{otp_next}": passcode(value, 30)}
        self.variables["{" + name + "}"] = value.split(".")[0] if name.startswith("id") else value

    def token(self, who):
        """The bearer token of `admin`, `admin:NAME` or `user:NAME`, who log in once."""
        if who not in self.tokens:
            kind, _, name = who.partition(":")
            path = "/api/v2/user/token" if kind == "user" else "/api/v2/token"
            answer = self.send("GET", path, self.credentials(f"basic:{name}:p" if name else "basic:admin:password"))[2]
            self.tokens[who] = answer.get("access_token", "none") if isinstance(answer, dict) else "none"
        return self.tokens[who]

    def credentials(self, who):
        """The header fields by which `as` is shown to the server."""
        kind, _, rest = who.partition(":")
        if kind in ("admin", "user"):
            return {"Authorization": "Bearer " + self.token(who)}
        if kind == "basic":
            login = self.admin if rest == "admin:password" else rest
            return {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()}
        name, *suffix = rest.split(".")
        value = ".".join([self.variables.get("{" + name + "}", name), *suffix])
        return {"key": {"X-SFTPGO-API-KEY": value}, "tok": {"Authorization": "Bearer " + value}}.get(kind, {})

    def send(self, method, target, headers, body=None):
        """Status, header fields and answer, parsed when it is JSON; the status is None when the connection was closed."""
        target = quote(target, safe="!#$%&'()*+,/:;=?@[]~")
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.server.http_port, timeout=60)) as connection:
            try:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused before all of it was sent
                    connection.request(method, target, body, headers)
                reply = connection.getresponse()
                data = reply.read().decode(errors="replace")
            except (http.client.HTTPException, OSError):
                return None, {}, None
        answer = data or None
        if data and "json" in reply.headers.get("Content-Type", ""):
            answer = json.loads(data)
        return reply.status, reply.headers, answer

    def differences(self, line):
        """Sends the request of a line; {field: (recorded, got)}, empty when the answer is the recorded one."""
        body, content_type = body_bytes(self.fill(line.get("body")))
        headers = {"Content-Type": content_type} if content_type else {}
        headers |= self.fill(line.get("headers") or {}) | self.credentials(line["as"])
        target = self.fill(line["path"] + ("?" + line["query"] if line.get("query") else ""))
        time.sleep(line.get("wait", 0))
        status, got_headers, answer = self.send(line["method"], target, headers, body)
        for name in line.get("saves", []):
            self.save(name, answer, got_headers)
        if status != line["status"]:
            return {"status": (line["status"], f"{status} {answer}")}
        recorded = self.fill(line["answer"])
        if status >= 400:
            recorded, answer = without_wording(recorded), without_wording(answer)
        found = compare(recorded, answer, "answer", "unordered" not in line)
        return found | compare_headers(self.fill(line["answer_headers"]), got_headers)


def replay(path, server):
    """{line number: {field: (recorded, got)}} of every line that is sent; a line that is marked `skip` is not."""
    story = Replay(server)
    lines = {number: json.loads(text) for number, text in enumerate(path.read_text().splitlines(), 1)}
    return {number: story.differences(line) for number, line in lines.items() if "skip" not in line}
