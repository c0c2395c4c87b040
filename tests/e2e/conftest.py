"""Fixtures: a server shared by most tests, servers of a test's own, accounts, keys; logs on failure."""
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "emulators"))

from emulators import Emulators

from clients import host_key_of
from ferry import Clock, Ferry, binary, sanitized

servers = []  # every server started and not yet stopped, for the log of a failed test
numbers = itertools.count(1)
LOG_TAIL = 15000
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
# Seconds that each file of tests took: in the last run, where scripts/run-tests kept them, else where they were written
# down. A file is run by one worker, one test after the other, so those that take longest begin first; else all would
# wait for them in the end.
WRITTEN_DOWN = Path(__file__).with_name("times.json")


def pytest_sessionstart(session):
    if not os.access(binary(), os.X_OK):
        pytest.exit(f"no server to test at {binary()}: build it, or set FERRY_BINARY", 1)


def seconds_by_file():
    last = Path(os.environ.get("FERRY_TEST_TIMES", ""))
    return json.loads((last if last.is_file() else WRITTEN_DOWN).read_text())


def pytest_collection_modifyitems(items):
    seconds = seconds_by_file()
    items.sort(key=lambda item: -seconds.get(item.path.stem, 0))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for server in servers:
            report.sections.append((f"output of the server in {server.config_dir}", server.output()[-LOG_TAIL:]))
            report.sections.append((f"log of the server in {server.config_dir}", server.log()[-LOG_TAIL:]))


def sanitizer_reports(server):
    return [line for line in server.output().splitlines() if "Sanitizer" in line or "runtime error:" in line]


@pytest.fixture(scope="session")
def scratch(tmp_path_factory):
    """Room for large files: tmpfs when it has enough for the largest and, beside it, one of each worker; else pytest's
    own folder."""
    shm = Path("/dev/shm")
    if shm.is_dir() and shutil.disk_usage(shm).free > (5 + 3 * WORKERS) * 2**30:
        folder = shm / f"ferry-e2e-{os.getpid()}"
        folder.mkdir()
        yield folder
        shutil.rmtree(folder, ignore_errors=True)
    else:
        yield tmp_path_factory.mktemp("scratch")


def run_server(server):
    servers.append(server)
    try:
        yield server.start()
        assert server.alive(), f"the server died: {server.process.returncode}"
    finally:
        try:
            server.stop()
        finally:
            servers.remove(server)
        assert not sanitizer_reports(server)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The server that most tests share, as configured by default."""
    yield from run_server(Ferry(tmp_path_factory.mktemp("ferry")))


def copy_host_keys(source, target):
    """Spares a server the seconds that making an RSA key takes."""
    for key in source.config_dir.glob("id_*"):
        shutil.copy2(key, target.config_dir)


@pytest.fixture
def make_server(server, tmp_path):
    """make_server(environment, arguments): a server of this test's own, stopped at its end."""
    mine, shared = [], server

    def make(environment=None, arguments=(), start=True):
        server = Ferry(tmp_path / "config", environment, arguments)
        copy_host_keys(shared, server)
        servers.append(server)
        mine.append(server)
        return server.start() if start else server

    yield make
    for server in mine:
        server.kill()
        servers.remove(server)
        assert not sanitizer_reports(server)


@pytest.fixture(scope="session")
def emulators(tmp_path_factory):
    """emulators["FERRY_TEST_S3_MOTO"]: "URL access secret bucket", see tests/emulators; started when first asked for,
    unless scripts/run-tests has done so."""
    with Emulators(tmp_path_factory.mktemp("emulators")) as started:
        yield started


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """Private key files by type; the public half lies beside each as .pub."""
    folder = tmp_path_factory.mktemp("keys")
    made = {}
    for kind, options in {"ed25519": [], "ecdsa": ["-b", "256"], "rsa": ["-b", "3072"]}.items():
        made[kind] = folder / kind
        subprocess.run(["ssh-keygen", "-q", "-t", kind, *options, "-N", "", "-C", "e2e", "-f", made[kind]], check=True)
    return made


@pytest.fixture(scope="session")
def public_keys(keys):
    return [Path(f"{file}.pub").read_text().strip() for file in keys.values()]


@pytest.fixture
def new_user(server, public_keys):
    """new_user(**fields): an account with a fresh name on the shared server."""
    return lambda **fields: server.create_user(f"user{next(numbers)}", **({"public_keys": public_keys} | fields))


@pytest.fixture(scope="module")
def programs(tmp_path_factory, server, public_keys):
    """make(**fields): an account on a server with every command enabled."""
    mine = Ferry(tmp_path_factory.mktemp("programs"), {"FERRY_SFTPD__ENABLED_SSH_COMMANDS": "*"})
    copy_host_keys(server, mine)
    running = run_server(mine)
    next(running)
    count = iter(range(1000))

    def make(**fields):
        user = mine.create_user(f"programs{next(count)}", **({"public_keys": public_keys} | fields))
        user.home.mkdir(parents=True, exist_ok=True)
        return user

    yield make
    next(running, None)


@pytest.fixture
def user(new_user):
    return new_user()


@pytest.fixture
def host_key_fingerprint(server):
    return host_key_of(server)


@pytest.fixture
def clock(tmp_path):
    if sanitized():
        pytest.skip("libfaketime and sanitizers do not go together")
    return Clock(tmp_path)
