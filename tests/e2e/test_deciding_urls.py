"""Custom actions that a URL decides: before something is done, and of uploads that wait for it."""
import pytest

from clients import ClientFailed, Paramiko
from event_hooks import Url
from test_events import put, put_with_openssh, queue, settings

WRONG = [403, 404, 204, 302, 500, "die"]
IMPATIENT = {"FERRY_HTTP__TIMEOUT": "1", "FERRY_HTTP__RETRY_MAX": "0"}


@pytest.fixture
def url():
    server = Url()
    yield server
    server.close()


def test_a_url_decides_before(make_server, url):
    server = make_server(settings(url.url, "pre-upload pre-download pre-delete", **IMPATIENT))
    user = server.create_user("alice", quota_files=100)
    with Paramiko(user) as sftp:
        put(sftp, "/a")
        for answer in WRONG:
            url.answer = answer
            with pytest.raises(PermissionError):
                put(sftp, "/new")
            with pytest.raises(PermissionError):
                put(sftp, "/a", b"")
            with pytest.raises(PermissionError):
                sftp.open("/a").read()
            with pytest.raises(PermissionError):
                sftp.remove("/a")
            assert [path.name for path in user.home.iterdir()] == ["a"]
            assert (user.home / "a").read_bytes() == b"12345"
        url.answer = "stall"
        with pytest.raises(PermissionError):
            put(sftp, "/new")
        url.answer = 200
        with sftp.open("/a") as file:
            assert file.read() == b"12345"
        put(sftp, "/a", b"123")
        sftp.remove("/a")
    assert not list(user.home.iterdir())
    body = url.bodies("pre-upload")[-1]
    assert (body["virtual_path"], body["file_size"], body["username"], body["protocol"]) == ("/a", 5, "alice", "SFTP")
    assert body["path"] == str(user.home / "a") and body["ip"] == "127.0.0.1" and body["open_flags"] & 512
    assert url.bodies("pre-delete")[-1]["file_size"] == 3 and url.bodies("pre-download")[-1]["virtual_path"] == "/a"
    assert server.api("GET", "/users/alice").get("used_quota_files", 0) == 0
    assert queue(server)["waiting"] == 0, "what decides is not told of later"


@pytest.mark.parametrize("mode", ["0", "1"])
def test_a_url_refuses_uploads(make_server, url, mode):
    server = make_server(settings(url.url, "upload", "upload", FERRY_COMMON__UPLOAD_MODE=mode, **IMPATIENT))
    user = server.create_user("alice", quota_files=100)
    with Paramiko(user) as sftp:
        put(sftp, "/kept")
    assert [body["virtual_path"] for body in url.bodies("upload")] == ["/kept"], "it was waited for"
    for answer in (403, 500, "die", "stall"):
        url.answer = answer
        with pytest.raises(ClientFailed):
            put_with_openssh(user, "refused")
        assert [path.name for path in user.home.iterdir()] == ["kept"]
    url.answer = 200
    put_with_openssh(user, "good")
    assert sorted(path.name for path in user.home.iterdir()) == ["good", "kept"]
    shown = server.api("GET", "/users/alice")
    assert (shown["used_quota_files"], shown["used_quota_size"]) == (2, 10) and queue(server)["waiting"] == 0
