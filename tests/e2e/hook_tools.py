"""Hooks for tests: a program that runs what a file says, and an HTTP server that answers what a function says."""
import http.server
import json
import threading
import urllib.parse


class Program:
    """One program for all hooks. `says(hook, script)` changes what it does as that hook; by default nothing."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    def path(self, hook):
        """The hook's place. It notes its environment, then runs its script."""
        file = self.folder / hook
        # In one write: several may run at a time.
        file.write_text(f'#!/bin/sh\nprintf "%s\\n----\\n" "$(env | grep -a ^SFTPGO_)" >> "{file}.seen"\n'
                        f'. "{file}.script"\n')
        file.chmod(0o700)
        self.says(hook, "")
        return str(file)

    def says(self, hook, script=""):
        new = self.folder / f"{hook}.new"
        new.write_text(script + "\n")
        new.rename(self.folder / f"{hook}.script")

    def seen(self, hook):
        """What it was told, a dict each time."""
        file = self.folder / f"{hook}.seen"
        text = file.read_text(errors="replace") if file.exists() else ""
        return [dict(line.split("=", 1) for line in part.strip().splitlines() if "=" in line)
                for part in text.split("----\n")[:-1]]

    def forget(self, hook):
        (self.folder / f"{hook}.seen").unlink(missing_ok=True)


class Url(http.server.ThreadingHTTPServer):
    """`answers[path]` is a function of (query, body) that returns (status, bytes); 200 without a body by default."""
    daemon_threads = True
    request_queue_size = 256

    def __init__(self):
        self.asked, self.answers = [], {}
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                text = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                url = urllib.parse.urlsplit(self.path)
                query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
                hook.asked.append((self.command, url.path, query, json.loads(text) if text else None))
                status, answer = hook.answers.get(url.path, lambda *_: (200, b""))(query, hook.asked[-1][3])
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                if status != 204:
                    self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                if status != 204:
                    self.wfile.write(answer)

            do_POST = do_GET

            def log_message(self, *_):
                pass
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # a client that did not wait

    def place(self, path):
        return f"http://127.0.0.1:{self.server_port}{path}"

    def told(self, path):
        return [(method, query, body) for method, where, query, body in self.asked if where == path]
