"""Emulators of cloud storages on loopback, each started once a run: on a free port, with a bucket, ended by its pid.

    with Emulators(folder) as emulators:          # folder: logs, data
        emulators.environment()                   # starts all; what the conformance programs read
        emulators["FERRY_TEST_S3_MOTO"]           # starts one; the same value

Values are words: `URL access secret bucket` for S3, `URL bucket` for Google, `URL account key container` for Azure. The
URL of Azure ends in the account. `URL username password api-key root` for HTTP storage, where root is its directory on
this machine. Those called FAULTY go through fault_proxy.py, which faults every tenth request; its
control page is `/__faults` of the same address. scripts/install-emulators installs what runs here. Standard library
only.
"""
import base64
import ctypes
import hashlib
import hmac
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ACCESS, SECRET, BUCKET, REGION = "testing", "testing123", "ferry-test", "us-east-1"
# What every Azurite knows; Microsoft's documents print it.
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
PATIENCE = 60 * float(os.environ.get("FERRY_TEST_FACTOR", "1"))  # seconds until a server must answer
PR_SET_PDEATHSIG = 1


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def request(method, url, headers=None, body=b""):
    """(status, body) of an answer, whatever the status."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body or None, headers or {}, method=method)) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def hmac_sha256(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def s3_headers(method, host, path, access=ACCESS, secret=SECRET):
    """Signature version 4 of a request without a body and without a query."""
    now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(b"").hexdigest()
    signed = "host;x-amz-content-sha256;x-amz-date"
    headers = f"host:{host}\nx-amz-content-sha256:{digest}\nx-amz-date:{now}\n"
    canonical = f"{method}\n{path}\n\n{headers}\n{signed}\n{digest}"
    scope = f"{now[:8]}/{REGION}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = hmac_sha256(f"AWS4{secret}".encode(), now[:8])
    for part in (REGION, "s3", "aws4_request"):
        key = hmac_sha256(key, part)
    signature = hmac_sha256(key, text).hex()
    return {"Host": host, "x-amz-content-sha256": digest, "x-amz-date": now, "Authorization":
            f"AWS4-HMAC-SHA256 Credential={access}/{scope}, SignedHeaders={signed}, Signature={signature}"}


def make_s3_bucket(port, address="127.0.0.1"):
    host = f"{address}:{port}"
    return request("PUT", f"http://{host}/{BUCKET}", s3_headers("PUT", host, f"/{BUCKET}"))


def make_gcs_bucket(port):
    return request("POST", f"http://127.0.0.1:{port}/storage/v1/b?project=test", {"Content-Type": "application/json"},
                   json.dumps({"name": BUCKET}).encode())


def make_azure_container(port):
    """By shared key; the account stands twice in what is signed, as Azurite's URLs have it in the path."""
    now = datetime.now(timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
    text = (f"PUT{chr(10) * 12}x-ms-date:{now}\nx-ms-version:2021-12-02\n"
            f"/{AZURE_ACCOUNT}/{AZURE_ACCOUNT}/{BUCKET}\nrestype:container")
    signature = base64.b64encode(hmac_sha256(base64.b64decode(AZURE_KEY), text)).decode()
    return request("PUT", f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}/{BUCKET}?restype=container",
                   {"x-ms-date": now, "x-ms-version": "2021-12-02",
                    "Authorization": f"SharedKey {AZURE_ACCOUNT}:{signature}"})


def has_attributes(folder):
    try:
        os.setxattr(folder, "user.ferry", b"1")
        return True
    except OSError:
        return False


class Emulators:
    def __init__(self, folder, address="127.0.0.1"):
        self.folder, self.address = Path(folder), address  # `address`: where versitygw listens
        self.folder.mkdir(parents=True, exist_ok=True)
        self.values, self.processes, self.scratch = {}, [], []
        self.starts = {
            "FERRY_TEST_S3_VERSITYGW": self.versitygw, "FERRY_TEST_S3_MOTO": self.moto,
            "FERRY_TEST_S3_RCLONE": self.rclone, "FERRY_TEST_S3_STRICT_HEADERS": self.strict_headers,
            "FERRY_TEST_S3_FAULTY": lambda: self.faulty("FERRY_TEST_S3_VERSITYGW", "s3"),
            "FERRY_TEST_S3_SINK": self.sink,
            "FERRY_TEST_GCS_FAKE": self.fake_gcs, "FERRY_TEST_GCS_EMULATOR": self.gcs_emulator,
            "FERRY_TEST_GCS_FAULTY": lambda: self.faulty("FERRY_TEST_GCS_FAKE", "gcs"),
            "FERRY_TEST_AZURITE": self.azurite,
            "FERRY_TEST_HTTPFS": self.httpfs, "FERRY_TEST_HTTPFS_UNIX": lambda: self.httpfs(over="unix"),
            "FERRY_TEST_HTTPFS_STRANGE": lambda: self.httpfs("--strange"),
            "FERRY_TEST_HTTPFS_FAULTY": lambda: self.proxy(
                "faulty-httpfs", "FERRY_TEST_HTTPFS", "--flavour", "s3", "--rate", "0.1", "--seed", "1", "--kinds",
                "latency,503,500,reset-request,reset-answer,truncated"),
            "FERRY_TEST_AZURITE_FAULTY": lambda: self.faulty("FERRY_TEST_AZURITE", "azure"),
        }
        self.paths = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def __getitem__(self, name):
        """From the environment where scripts/run-tests has started it already."""
        if name not in self.values:
            self.values[name] = os.environ.get(name) or self.starts[name]()
        return self.values[name]

    def environment(self):
        return {name: self[name] for name in self.starts}

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for folder in self.scratch:
            shutil.rmtree(folder, ignore_errors=True)
        self.processes, self.scratch, self.values = [], [], {}

    def program(self, tool):
        if self.paths is None:
            done = subprocess.run([ROOT / "scripts/install-emulators", "--paths"], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, check=False)
            self.paths = json.loads(done.stdout)
        if not Path(self.paths[tool]).exists():
            raise RuntimeError(f"{tool} is not installed: run scripts/install-emulators")
        return Path(self.paths[tool])

    def data(self, name):
        """A folder for an emulator's data, on a file system with extended attributes, as versitygw needs them."""
        for place in ("/dev/shm", None, self.folder):
            if place and not Path(place).is_dir():
                continue
            folder = tempfile.mkdtemp(prefix=f"ferry-{name}-", dir=place)
            self.scratch.append(folder)
            if has_attributes(folder):
                return Path(folder)
        raise RuntimeError(f"no file system with extended attributes for {name}")

    def start(self, name, port, *command, environment=None, address=None):
        """Starts a server and waits until it takes connections. `port`: a number, or the path of a Unix socket."""
        log = self.folder / f"{name}.log"
        with open(log, "wb") as output:
            process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=subprocess.STDOUT, preexec_fn=die_with_parent, cwd=self.folder,
                                       env=os.environ | (environment or {}))
        self.processes.append(process)
        deadline = time.monotonic() + PATIENCE
        while True:
            family, where = socket.AF_INET, (address or "127.0.0.1", port)
            if isinstance(port, str):
                family, where = socket.AF_UNIX, port
            with socket.socket(family) as probe:
                if probe.connect_ex(where) == 0:
                    return
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not start:\n{log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.05)

    def made(self, name, make, port):
        """Makes the bucket; a server that takes connections may still answer that it is not ready."""
        deadline = time.monotonic() + PATIENCE
        while True:
            status, body = make(port)
            if status in (200, 201):
                return
            if status < 500 or time.monotonic() > deadline:
                raise RuntimeError(f"{name}: making the bucket answered {status} {body[:500]}")
            time.sleep(0.1)

    def versitygw(self):
        port, data = free_port(), self.data("versitygw")
        (data / "root").mkdir()
        (data / "versions").mkdir()
        self.start("versitygw", port, self.program("versitygw"), "--port", f"{self.address}:{port}", "--access", ACCESS,
                   "--secret", SECRET, "--region", REGION, "--keep-alive", "-q", "posix", "--versioning-dir",
                   data / "versions", data / "root", address=self.address)
        self.made("versitygw", lambda at: make_s3_bucket(at, self.address), port)
        return f"http://{self.address}:{port} {ACCESS} {SECRET} {BUCKET}"

    def moto(self):
        port = free_port()
        self.start("moto", port, self.program("moto"), "-m", "moto.server", "-H", "127.0.0.1", "-p", port)
        self.made("moto", make_s3_bucket, port)
        return f"http://127.0.0.1:{port} {ACCESS} {SECRET} {BUCKET}"

    def rclone(self):
        """S3 as a clone that ignores conditions."""
        port, data = free_port(), self.data("rclone")
        (data / BUCKET).mkdir()
        self.start("rclone", port, self.program("rclone"), "serve", "s3", "--config", data / "none", "--addr",
                   f"127.0.0.1:{port}", "--auth-key", f"{ACCESS},{SECRET}", data)
        return f"http://127.0.0.1:{port} {ACCESS} {SECRET} {BUCKET}"

    def fake_gcs(self):
        port = free_port()
        url = f"127.0.0.1:{port}"
        self.start("fake-gcs-server", port, self.program("fake-gcs-server"), "-scheme", "http", "-host", "127.0.0.1",
                   "-port", port, "-backend", "memory", "-external-url", f"http://{url}", "-public-host", url)
        self.made("fake-gcs-server", make_gcs_bucket, port)
        return f"http://{url} {BUCKET}"

    def gcs_emulator(self):
        port = free_port()
        self.start("gcp-storage-emulator", port, self.program("gcp-storage-emulator"), "-m", "gcp_storage_emulator",
                   "start", "--host=127.0.0.1", f"--port={port}", "--in-memory")
        self.made("gcp-storage-emulator", make_gcs_bucket, port)
        return f"http://127.0.0.1:{port} {BUCKET}"

    def azurite(self):
        port, node = free_port(), self.program("azurite")
        self.start("azurite", port, node, node.parent / "node_modules/azurite/dist/src/blob/main.js",
                   "--inMemoryPersistence", "--blobHost", "127.0.0.1", "--blobPort", port, "--skipApiVersionCheck",
                   "--disableTelemetry", "--silent")
        self.made("azurite", make_azure_container, port)
        return f"http://127.0.0.1:{port}/{AZURE_ACCOUNT} {AZURE_ACCOUNT} {AZURE_KEY} {BUCKET}"

    def proxy(self, name, behind, *arguments):
        url, *rest = self[behind].split()
        upstream, _, path = url.removeprefix("http://").partition("/")
        port = free_port()
        self.start(name, port, sys.executable, HERE / "fault_proxy.py", "--listen", port, "--upstream", upstream,
                   *arguments)
        return " ".join([f"http://127.0.0.1:{port}" + (f"/{path}" if path else ""), *rest])

    def faulty(self, behind, flavour):
        return self.proxy(f"faulty-{flavour}", behind, "--flavour", flavour, "--rate", "0.1", "--seed", "1")

    def strict_headers(self):
        """S3 as a clone that answers 501 to every x-amz- header that it does not know."""
        return self.proxy("strict-headers", "FERRY_TEST_S3_MOTO", "--flavour", "s3", "--strict-headers")

    def httpfs(self, *arguments, over="tcp"):
        """HTTP storage over a directory."""
        name, root = "-".join(["httpfs", over, *(word.strip("-") for word in arguments)]), self.data("httpfs")
        command = [sys.executable, HERE / "httpfs_server.py", "--root", root, "--username", ACCESS, "--password", SECRET,
                   "--api-key", "key", *arguments]
        if over == "tcp":
            port = free_port()
            self.start(name, port, *command, "--listen", port)
            return f"http://127.0.0.1:{port}/api/v1 {ACCESS} {SECRET} key {root}"
        path = root.parent / f"{root.name}.sock"
        self.start(name, str(path), *command, "--listen", path)
        query = urllib.parse.urlencode({"socket_path": path, "api_prefix": "/api/v1"})
        return f"http://unix?{query} {ACCESS} {SECRET} key {root}"

    def sink(self):
        """S3 that keeps no content and makes up listings: `bucket` counts keys, such as `keys-1000000`."""
        port = free_port()
        self.start("s3-sink", port, sys.executable, HERE / "s3_sink.py", "--listen", port)
        return f"http://127.0.0.1:{port} {ACCESS} {SECRET} keys-1000000"


def main():
    """Starts all and prints what to export, until standard input ends."""
    with tempfile.TemporaryDirectory(prefix="ferry-emulators-") as folder, Emulators(folder) as emulators:
        for name in sys.argv[1:] or emulators.starts:
            print(f"export {name}='{emulators[name]}'", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
