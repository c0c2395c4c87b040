"""POST /storage-checks against versitygw, Azurite and OpenSSH: what is wrong is named, secrets are told to nobody."""
import base64
import contextlib
import http.server
import socket
import ssl
import threading

import pytest

from clients import run
from ferry import RestError, free_port
from test_azure import Container
from test_s3 import Bucket
from test_sftp_storage import OpenSsh, remote  # noqa: F401

OTHER = {"status": "Plain", "payload": "another secret of nobody"}
FINE, WRITTEN = ["settings", "list"], ["settings", "list", "write", "read", "remove"]


def check(server, filesystem, write=False, **fields):
    """The names of the steps and the problem of the last, "": none."""
    answer = server.api("POST", "/storage-checks", {"filesystem": filesystem, "write": write} | fields)
    steps = answer["checks"]
    assert answer["ok"] == all(step["ok"] for step in steps) and all(step["ok"] for step in steps[:-1])
    return [step["name"] for step in steps], steps[-1].get("problem", "")


def problem(server, filesystem):
    names, found = check(server, filesystem, write=True)
    assert names == FINE, names
    return found


@pytest.fixture
def bucket(emulators):
    return Bucket(emulators["FERRY_TEST_S3_VERSITYGW"])


@pytest.fixture
def container(emulators):
    return Container(emulators["FERRY_TEST_AZURITE"])


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory):
    """The address of an HTTPS server whose certificate nobody has signed."""
    folder = tmp_path_factory.mktemp("tls")
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-keyout", folder / "key", "-out", folder / "cert"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert", folder / "key")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def test_s3(server, bucket, tls_server):
    assert check(server, bucket.config()) == (FINE, "")
    assert check(server, bucket.config(), write=True) == (WRITTEN, "")
    assert check(server, bucket.config(key_prefix="not/there/yet/"), write=True) == (WRITTEN, "")
    host = bucket.endpoint.removeprefix("http://")
    for fields, expected in [
            ({"bucket": "not-there"}, "no_bucket"),
            ({"access_secret": OTHER}, "bad_key"),
            ({"access_key": "nobody"}, "bad_key"),
            ({"endpoint": f"http://127.0.0.1:{free_port()}"}, "refused"),
            ({"endpoint": f"https://{host}"}, "tls"),
            ({"endpoint": f"https://{tls_server}"}, "certificate"),
            ({"endpoint": "http://no-such-host.invalid"}, "host_not_found"),
            ({"endpoint": server.url("")}, "not_found")]:
        assert problem(server, bucket.config(**fields)) == expected, fields
    log = str(server.log())
    assert "[no_bucket]" in log and bucket.secret not in log and OTHER["payload"] not in log


def test_azure(server, container, tls_server):
    assert check(server, container.config()) == (FINE, "")
    assert check(server, container.config(), write=True) == (WRITTEN, "")
    wrong_key = {"status": "Plain", "payload": base64.b64encode(b"another key of nobody").decode()}
    for fields, expected in [
            ({"container": "not-there"}, "no_bucket"),
            ({"account_key": wrong_key}, "denied"),  # Azurite answers another code than the service, for which it is bad_key
            ({"endpoint": f"http://127.0.0.1:{free_port()}"}, "refused"),
            ({"endpoint": f"https://{tls_server}"}, "certificate"),
            ({"endpoint": "http://no-such-host.invalid"}, "host_not_found")]:
        assert problem(server, container.config(**fields)) == expected, fields
    reader = {"status": "Plain", "payload": container.sas_url("rl")}
    only_reads = container.config(sas_url=reader, account_key={}, endpoint="")
    assert check(server, only_reads) == (FINE, "")
    assert check(server, only_reads, write=True) == (["settings", "list", "write"], "denied")
    log = str(server.log())
    assert container.key not in log and wrong_key["payload"] not in log and "sig=" not in log


def test_sftp(server, remote):  # noqa: F811
    there = remote(OpenSsh)
    assert check(server, there.storage()) == (FINE, "")
    assert check(server, there.storage(), write=True) == (WRITTEN, "")
    assert check(server, there.storage(prefix=f"{there.data}/new/one"), write=True) == (FINE, "")
    assert not list(there.data.iterdir())
    for fields, expected in [
            ({"username": "nobody-of-this-name"}, "bad_key"),
            ({"private_key": OTHER}, "bad_key"),
            ({"fingerprints": ["SHA256:RFzBCUItH9LZS0cKB5UE6ceAYhBD5C8GeOBip8Z11+4"]}, "host_key"),
            ({"endpoint": f"127.0.0.1:{free_port()}"}, "refused"),
            ({"endpoint": f"127.0.0.1:{server.sftp_port}", "fingerprints": []}, "own_server"),
            ({"endpoint": "no-such-host.invalid"}, "host_not_found"),
            ({"prefix": str(there.folder / "key")}, "not_a_directory")]:
        assert problem(server, there.storage(**fields)) == expected, fields
    log = str(server.log())
    assert "PRIVATE KEY" not in log and OTHER["payload"] not in log


def test_what_is_stored(server, new_user, bucket):
    user = new_user(filesystem=bucket.config())
    server.api("POST", "/folders", {"name": "checked", "filesystem": bucket.config(bucket="gone")})
    assert server.api("POST", "/storage-checks", {"username": user.name, "write": True}) == {
        "ok": True, "provider": 1, "checks": [{"name": name, "ok": True} for name in WRITTEN]}
    answer = server.api("POST", "/storage-checks", {"folder": "checked"})
    assert answer["ok"] is False and answer["checks"][-1]["problem"] == "no_bucket"
    assert not any(bucket.secret in str(text) for text in (answer, server.log()))


def test_local_and_encrypted(server, new_user):
    user = new_user()
    assert server.api("POST", "/storage-checks", {"username": user.name, "write": True})["ok"]
    assert not user.home.exists()
    user.home.mkdir(parents=True)
    assert [step["name"] for step in
            server.api("POST", "/storage-checks", {"username": user.name, "write": True})["checks"]] == WRITTEN
    encrypted = {"provider": 4, "cryptconfig": {"passphrase": {"status": "Plain", "payload": "a good passphrase, long"}}}
    assert check(server, encrypted, write=True, mapped_path=str(user.home)) == (WRITTEN, "")
    assert not list(user.home.iterdir())
    with pytest.raises(RestError) as refused:
        check(server, {"provider": 0}, mapped_path=str(server.config_dir))
    assert refused.value.status == 400


@contextlib.contextmanager
def silent_listener():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(30)
        yield listener


def test_one_at_a_time(server):
    """The second is refused while the first waits for a server that never answers, which ends in time."""
    with silent_listener() as listener:
        port = listener.getsockname()[1]
        silent = {"provider": 5, "sftpconfig": {"endpoint": f"127.0.0.1:{port}", "username": "u", "password": OTHER}}
        first = []
        thread = threading.Thread(target=lambda: first.append(check(server, silent)))
        thread.start()
        connection, _ = listener.accept()
        with connection:
            with pytest.raises(RestError) as refused:
                check(server, {"provider": 0}, mapped_path="/srv/ferry-check-none")
            assert refused.value.status == 429
            thread.join(30)
        assert first == [(FINE, "timeout")]
