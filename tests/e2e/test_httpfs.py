"""An account's home on HTTP storage, with real clients: over TCP, a Unix socket, and a server that fails now and then."""
import os
import stat
import urllib.parse
import uuid

import pytest

from clients import ClientFailed, Paramiko, random_file, same, scp, sftp, wait_for


class Place:
    """A directory of its own on the server, which its endpoint names, and the same directory on this machine."""

    def __init__(self, words):
        self.url, self.username, self.password, self.key, root = words.split()
        self.name = f"e2e-{uuid.uuid4().hex[:12]}"
        self.path = os.path.join(root, self.name)

    def config(self, **fields):
        secret = lambda text: {"status": "Plain", "payload": text}
        end = urllib.parse.quote("/" + self.name, safe="") if "?" in self.url else "/" + self.name
        return {"provider": 6, "httpconfig": {"endpoint": self.url + end, "username": self.username,
                                              "password": secret(self.password), "api_key": secret(self.key)} | fields}

    def sizes(self):
        return {name: os.path.getsize(os.path.join(self.path, name)) for name in os.listdir(self.path)}


@pytest.fixture
def place(emulators):
    return Place(emulators["FERRY_TEST_HTTPFS"])


def listing(user, path="."):
    """{name: size}; None for a directory."""
    with Paramiko(user) as client:
        return {entry.filename: None if stat.S_ISDIR(entry.st_mode) else entry.st_size
                for entry in client.listdir_attr(path)}


@pytest.mark.parametrize("where", ["FERRY_TEST_HTTPFS", "FERRY_TEST_HTTPFS_UNIX"])
def test_files_and_directories(server, new_user, tmp_path, emulators, where):
    user = new_user(filesystem=Place(emulators[where]).config(), quota_files=100, quota_size=100_000_000)
    small, large = random_file(tmp_path / "small", 5_000), random_file(tmp_path / "large", 17_000_000)
    sftp(user, ["mkdir d", f"put {small} d/small", f"put {large} large", f"put {small} 'a b+c%20&d'"])
    assert listing(user) == {"d": None, "large": 17_000_000, "a b+c%20&d": 5_000}
    assert listing(user, "d") == {"small": 5_000}
    sftp(user, [f"get large {tmp_path / 'back'}", "rename large d/moved", f"get d/moved {tmp_path / 'moved'}"])
    assert same(large, tmp_path / "back") and same(large, tmp_path / "moved")
    assert listing(user, "d") == {"small": 5_000, "moved": 17_000_000}
    with pytest.raises(ClientFailed):
        sftp(user, ["rmdir d"])
    scp(user, [small], ":by-scp", options=["-O"])
    scp(user, [":by-scp"], tmp_path / "by-scp", options=["-O"])
    assert same(small, tmp_path / "by-scp")
    with Paramiko(user) as client:
        client.utime("d/small", (1_000_000_000, 1_000_000_000))
        client.chmod("d/small", 0o600)
        shown = client.stat("d/small")
        assert (shown.st_mtime, stat.S_IMODE(shown.st_mode)) == (1_000_000_000, 0o600)
        with client.open("d/moved", "r") as file:
            file.seek(16_999_000)
            assert file.read(5_000) == large.read_bytes()[16_999_000:]
            file.seek(123_456)
            assert file.read(1_000) == large.read_bytes()[123_456:124_456]
        client.remove("by-scp")
    shown = server.api("GET", f"/users/{user.name}")
    assert (shown["used_quota_files"], shown["used_quota_size"]) == (3, 5_000 + 5_000 + 17_000_000)
    assert shown["filesystem"]["httpconfig"]["password"]["status"] != "Plain"


@pytest.mark.parametrize("mode", [0, 1])
def test_a_cut_upload_is_not_there(make_server, tmp_path, place, mode):
    """The server keeps what it got of a body that has no end: Ferry must see to it that it goes."""
    server = make_server({"FERRY_COMMON__UPLOAD_MODE": str(mode)})
    user = server.create_user("cut", filesystem=place.config(), quota_files=100)
    old, data = random_file(tmp_path / "old", 3_000), random_file(tmp_path / "new", 13_000_000).read_bytes()
    sftp(user, [f"put {old} old"])
    for part in (0, 5, 9):
        for name in ("new", "old"):
            cut = Paramiko(user)
            with cut as client:
                file = client.open(name, "w")
                file.set_pipelined(True)
                file.write(data[:len(data) * part // 10])
                file.flush()
                cut.client.get_transport().sock.close()
            wait_for(lambda: not server.api("GET", "/connections"), "the session to end")
            assert place.sizes() == {"old": 3_000}, (part, name)
    shown = server.api("GET", f"/users/{user.name}")
    assert (shown["used_quota_files"], shown["used_quota_size"]) == (1, 3_000)


def test_what_such_storage_cannot(new_user, place):
    user = new_user(filesystem=place.config())
    with Paramiko(user) as client:
        with client.open("f", "w") as file:
            file.write(b"one")
        for mode in ("a", "r+"):
            with pytest.raises(OSError):
                client.open("f", mode).write(b"x")
        with pytest.raises(OSError):
            client.truncate("f", 1)
        assert client.open("f").read() == b"one"


def test_wrong_credentials_are_refused(new_user, place):
    user = new_user(filesystem=place.config(api_key={"status": "Plain", "payload": "wrong"}))
    with pytest.raises(OSError):
        listing(user)


def test_names_that_cannot_be_are_left_out(new_user, tmp_path, emulators):
    user = new_user(filesystem=Place(emulators["FERRY_TEST_HTTPFS_STRANGE"]).config())
    sftp(user, [f"put {random_file(tmp_path / 'f', 10)} f"])
    assert listing(user) == {"f": 10}


def test_a_server_that_fails_stores_all_or_tells(new_user, tmp_path, emulators):
    """One request in ten fails: what the client is told has succeeded is whole, and what has failed is not there."""
    place = Place(emulators["FERRY_TEST_HTTPFS_FAULTY"])
    user = new_user(filesystem=place.config())
    local = random_file(tmp_path / "local", 1_500_000)
    stored = 0
    for i in range(30):
        try:
            sftp(user, [f"put {local} f{i}"])
            stored += 1
            assert (tmp_path / "local").read_bytes() == open(os.path.join(place.path, f"f{i}"), "rb").read()
        except ClientFailed:
            pass
    assert stored > 5
    assert set(place.sizes().values()) == {1_500_000}
    read = 0
    for name in place.sizes():
        try:
            sftp(user, [f"get {name} {tmp_path / 'back'}"])
            assert same(local, tmp_path / "back")
            read += 1
        except ClientFailed:
            pass
    assert read > stored // 2
