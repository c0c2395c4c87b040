"""Hooks for tests: a program whose behaviour is a file, and an HTTP server whose behaviour is an attribute."""
import http.server
import json
import threading
import time
from urllib.parse import parse_qsl, urlsplit

from ferry import FACTOR

WAIT = 30


def wait_for(condition, seconds=WAIT):
    """The condition's first true value; None when it does not come true."""
    deadline = time.monotonic() + seconds * FACTOR
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    return None


class Program:
    """A shell script that appends its SFTPGO_ variables to a file and then does what `behave` says."""

    def __init__(self, folder):
        self.path, self.seen_path, self.rules = folder / "hook.sh", folder / "seen", folder / "rules.sh"
        self.behave("")
        self.path.write_text(f"""#!/bin/sh
exec 9>> {self.seen_path}
flock 9  # one that decides may run beside one that is told
{{ env -0 | tr '\\n\\0' '\\001\\n' | grep ^SFTPGO_; echo .; }} >&9
exec 9>&-
. {self.rules}
""")
        self.path.chmod(0o755)

    def behave(self, script):
        new = self.rules.with_suffix(".new")
        new.write_text(script + "\n")
        new.rename(self.rules)

    def seen(self, action=None):
        """What it was told, as dictionaries of variables without their prefix."""
        text = self.seen_path.read_text(errors="surrogateescape") if self.seen_path.exists() else ""
        events = [dict(line.removeprefix("SFTPGO_").split("=", 1) for line in part.splitlines())
                  for part in text.split("\n.\n")[:-1]]
        return [event for event in events if action in (None, event.get("ACTION"), event.get("PROVIDER_ACTION"))]

    def wait(self, action, count=1):
        events = wait_for(lambda: self.seen(action) if len(self.seen(action)) >= count else None)
        assert events, f"{action} did not come {count} times: {self.seen()}"
        return events


class Url:
    """An HTTP server: `answer` is a status, "stall" or "die"."""

    def __init__(self):
        self.answer, self.requests = 200, []
        self.released = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.requests.append((dict(parse_qsl(urlsplit(self.path).query)), json.loads(body or b"null")))
                if outer.answer == "stall":
                    outer.released.wait(60)
                if not isinstance(outer.answer, int):
                    self.close_connection = True
                    return
                self.send_response(outer.answer)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def bodies(self, action):
        return [body for _, body in self.requests if body and body.get("action") == action]

    def wait(self, action, count=1):
        bodies = wait_for(lambda: self.bodies(action) if len(self.bodies(action)) >= count else None)
        assert bodies, f"{action} did not come {count} times: {self.requests}"
        return bodies

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
