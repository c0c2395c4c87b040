"""An account's home on Azure Blob Storage (Azurite), with real clients, also by a SAS URL."""
import base64
import datetime
import hashlib
import hmac
import stat
import urllib.parse
import uuid

import pytest

from clients import ClientFailed, Paramiko, random_file, same, scp, sftp, wait_for


class Container:
    """A place of its own in the container of the emulator."""

    def __init__(self, words):
        self.url, self.account, self.key, self.name = words.split()
        self.prefix = f"e2e-{uuid.uuid4().hex[:12]}/"

    def config(self, **fields):
        return {"provider": 3, "azblobconfig": {"container": self.name, "account_name": self.account,
                                                "account_key": {"status": "Plain", "payload": self.key},
                                                "endpoint": self.url.rpartition("/")[0], "use_emulator": True,
                                                "key_prefix": self.prefix} | fields}

    def sas_url(self, permissions):
        """A service SAS of the container, as "Create a service SAS" of Microsoft's reference has it (2021-12-02)."""
        ends = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        signed = [permissions, "", ends, f"/blob/{self.account}/{self.name}", "", "", "", "2021-12-02", "c", "", "",
                  "", "", "", "", ""]
        digest = hmac.new(base64.b64decode(self.key), "\n".join(signed).encode(), hashlib.sha256).digest()
        query = {"sp": permissions, "se": ends, "sv": "2021-12-02", "sr": "c", "sig": base64.b64encode(digest).decode()}
        return f"{self.url}/{self.name}?{urllib.parse.urlencode(query)}"


@pytest.fixture
def container(emulators):
    return Container(emulators["FERRY_TEST_AZURITE"])


def listing(user, path="."):
    """{name: size}; None for a directory."""
    with Paramiko(user) as client:
        return {entry.filename: None if stat.S_ISDIR(entry.st_mode) else entry.st_size
                for entry in client.listdir_attr(path)}


def test_files_and_directories(server, new_user, tmp_path, container):
    user = new_user(filesystem=container.config(), quota_files=100, quota_size=100_000_000)
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
        assert client.stat("d/small").st_mtime == 1_000_000_000
        assert {entry.filename: entry.st_mtime for entry in client.listdir_attr("d")}["small"] == 1_000_000_000
        client.remove("by-scp")
        with pytest.raises(OSError):
            client.open("back\\slash", "w")
    shown = server.api("GET", f"/users/{user.name}")
    assert (shown["used_quota_files"], shown["used_quota_size"]) == (3, 5_000 + 5_000 + 17_000_000)
    assert shown["filesystem"]["azblobconfig"]["account_key"]["status"] != "Plain"


def test_a_sas_url_gives_its_rights_and_no_more(new_user, tmp_path, container):
    small = random_file(tmp_path / "small", 5_000)
    url = {"status": "Plain", "payload": container.sas_url("racwdl")}
    all_rights = container.config(sas_url=url, account_key={}, container="", account_name="", endpoint="")
    writer = new_user(filesystem=all_rights)
    sftp(writer, [f"put {small} f", "rename f g"])
    assert listing(writer) == {"g": 5_000}
    url = {"status": "Plain", "payload": container.sas_url("rl")}
    reader = new_user(filesystem=container.config(sas_url=url, account_key={}, endpoint=""))
    sftp(reader, [f"get g {tmp_path / 'back'}"])
    assert same(small, tmp_path / "back")
    with pytest.raises(ClientFailed):
        sftp(reader, [f"put {small} h"])
    assert listing(reader) == {"g": 5_000}


def test_what_is_not_whole_is_not_there(make_server, tmp_path, container):
    """Cut in the middle of an upload over an old file: the old one stays, nothing more is counted."""
    server = make_server()
    user = server.create_user("cut", filesystem=container.config(), quota_files=100)
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
        wait_for(lambda: not server.api("GET", "/connections"), "the session to end")
    sftp(user, [f"get target {tmp_path / 'back'}"])
    assert same(old, tmp_path / "back") and listing(user) == {"target": 3_000}
    shown = server.api("GET", f"/users/{user.name}")
    assert (shown["used_quota_files"], shown["used_quota_size"]) == (1, 3_000)
