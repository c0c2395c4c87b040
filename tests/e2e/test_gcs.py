"""An account's home on Google Cloud Storage (fake-gcs-server), with real clients."""
import json
import stat
import urllib.parse
import uuid

import pytest

from clients import ClientFailed, Paramiko, random_file, same, scp, sftp, wait_for
from emulators import request


class Bucket:
    """A place of its own in the bucket of the emulator."""

    def __init__(self, words):
        self.url, self.name = words.split()
        self.prefix = f"e2e-{uuid.uuid4().hex[:12]}/"

    def config(self, **fields):
        return {"provider": 2, "gcsconfig": {"bucket": self.name, "automatic_credentials": 1,
                                             "key_prefix": self.prefix} | fields}

    def object(self, name):
        """The resource of an object, as the service tells it."""
        path = urllib.parse.quote(self.prefix + name, safe="")
        status, body = request("GET", f"{self.url}/storage/v1/b/{self.name}/o/{path}")
        assert status == 200, body
        return json.loads(body)


@pytest.fixture
def bucket(emulators):
    return Bucket(emulators["FERRY_TEST_GCS_FAKE"])


@pytest.fixture
def google(make_server, bucket):
    """A server whose operator has named the emulator."""
    return make_server({"STORAGE_EMULATOR_HOST": bucket.url})


def listing(user, path="."):
    """{name: size}; None for a directory."""
    with Paramiko(user) as client:
        return {entry.filename: None if stat.S_ISDIR(entry.st_mode) else entry.st_size
                for entry in client.listdir_attr(path)}


def test_files_and_directories(google, tmp_path, bucket):
    user = google.create_user("maria", filesystem=bucket.config(storage_class="NEARLINE"), quota_files=100,
                              quota_size=100_000_000)
    small, large = random_file(tmp_path / "small", 5_000), random_file(tmp_path / "large", 40_000_000)
    sftp(user, ["mkdir d", f"put {small} d/small", f"put {large} large", f"put {small} 'a b+c%20&d'"])
    assert listing(user) == {"d": None, "large": 40_000_000, "a b+c%20&d": 5_000}
    assert listing(user, "d") == {"small": 5_000}
    sftp(user, [f"get large {tmp_path / 'back'}", "rename large d/moved", f"get d/moved {tmp_path / 'moved'}"])
    assert same(large, tmp_path / "back") and same(large, tmp_path / "moved")
    assert listing(user, "d") == {"small": 5_000, "moved": 40_000_000}
    assert bucket.object("d/small")["storageClass"] == "NEARLINE"
    with pytest.raises(ClientFailed):
        sftp(user, ["rmdir d"])
    scp(user, [small], ":by-scp", options=["-O"])
    scp(user, [":by-scp"], tmp_path / "by-scp", options=["-O"])
    assert same(small, tmp_path / "by-scp")
    with Paramiko(user) as client:
        client.utime("d/small", (1_000_000_000, 1_000_000_000))
        assert client.stat("d/small").st_mtime == 1_000_000_000
        assert {entry.filename: entry.st_mtime for entry in client.listdir_attr("d")}["small"] == 1_000_000_000
        client.remove("by-scp")
        with client.open("back\\slash", "w") as file:
            file.write(b"content")
    assert bucket.object("d/small")["metadata"]["mtime"] == "2001-09-09T01:46:40Z"
    assert bucket.object("back\\slash")["size"] == "7"
    shown = google.api("GET", f"/users/{user.name}")
    assert (shown["used_quota_files"], shown["used_quota_size"]) == (4, 5_000 + 5_000 + 40_000_000 + 7)


def test_what_is_not_whole_is_not_there(google, tmp_path, bucket):
    """Cut in the middle of an upload over an old file: the old one stays, nothing more is counted."""
    user = google.create_user("cut", filesystem=bucket.config(upload_part_size=1), quota_files=100)
    old, new = random_file(tmp_path / "old", 3_000), random_file(tmp_path / "new", 13_000_000)
    sftp(user, [f"put {old} target"])
    for part in (1, 5, 9):
        client = Paramiko(user)
        with client as session:
            file = session.open("target", "w")
            file.set_pipelined(True)
            file.write(new.read_bytes()[:13_000_000 * part // 10])
            file.flush()
            client.client.get_transport().sock.close()
        wait_for(lambda: not google.api("GET", "/connections"), "the session to end")
    sftp(user, [f"get target {tmp_path / 'back'}"])
    assert same(old, tmp_path / "back") and listing(user) == {"target": 3_000}
    shown = google.api("GET", f"/users/{user.name}")
    assert (shown["used_quota_files"], shown["used_quota_size"]) == (1, 3_000)


def test_credentials_that_are_none(make_server, tmp_path, bucket):
    """Without an emulator. An account's credentials may not make the server read its own files."""
    server = make_server()
    external = {"type": "external_account", "audience": "a", "subject_token_type": "t",
                "token_url": "https://sts.googleapis.com/v1/token", "credential_source": {"file": "/etc/passwd"}}
    for name, text in (("none", "no JSON"), ("external", json.dumps(external))):
        secret = {"status": "Plain", "payload": text}
        user = server.create_user(name, filesystem=bucket.config(automatic_credentials=0, credentials=secret))
        shown = server.api("GET", f"/users/{name}")["filesystem"]["gcsconfig"]["credentials"]
        assert shown["status"] != "Plain" and text not in json.dumps(shown)
        with pytest.raises(ClientFailed):
            sftp(user, ["ls"])
