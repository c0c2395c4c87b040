"""An account's home, and folders of others, on S3 (versitygw and moto), with real clients: what is not whole is never an
object, quotas count what the bucket holds, and everything else goes on being true."""
import hashlib
import stat
import urllib.request
import uuid

import pytest

from clients import ClientFailed, Paramiko, random_file, same, scp, sftp, wait_for

KINDS = ["FERRY_TEST_S3_VERSITYGW", "FERRY_TEST_S3_MOTO"]


class Bucket:
    """A place of its own in the bucket of an emulator."""

    def __init__(self, words, is_moto=False):
        self.endpoint, self.access, self.secret, self.name = words.split()
        self.is_moto = is_moto
        self.prefix = f"e2e-{uuid.uuid4().hex[:12]}/"

    def config(self, **fields):
        secret = {"status": "Plain", "payload": self.secret}
        return {"provider": 1, "s3config": {"bucket": self.name, "region": "us-east-1", "access_key": self.access,
                                            "access_secret": secret, "endpoint": self.endpoint,
                                            "force_path_style": True, "key_prefix": self.prefix} | fields}


@pytest.fixture(params=KINDS, ids=["versitygw", "moto"])
def bucket(request, emulators):
    return Bucket(emulators[request.param], is_moto=request.param == "FERRY_TEST_S3_MOTO")


def listing(user, path="."):
    """{name: size}; None for a directory."""
    with Paramiko(user) as client:
        return {entry.filename: None if stat.S_ISDIR(entry.st_mode) else entry.st_size
                for entry in client.listdir_attr(path)}


def used(server, name):
    shown = server.api("GET", f"/users/{name}")
    return shown["used_quota_files"], shown["used_quota_size"]


def test_files_and_directories(make_server, tmp_path, bucket):
    server = make_server({"FERRY_SFTPD__ENABLED_SSH_COMMANDS": "*"})
    user = server.create_user("s3", filesystem=bucket.config(), quota_files=100, quota_size=100_000_000)
    small, large = random_file(tmp_path / "small", 5_000), random_file(tmp_path / "large", 17_000_000)
    sftp(user, ["mkdir d", f"put {small} d/small", f"put {large} large", f"put {small} 'a b+c%20&d'"])
    assert listing(user) == {"d": None, "large": 17_000_000, "a b+c%20&d": 5_000}
    assert listing(user, "d") == {"small": 5_000}
    sftp(user, [f"get large {tmp_path / 'back'}", f"get d/small {tmp_path / 'small back'}"])
    assert same(large, tmp_path / "back")
    scp(user, [large], ":by-scp", options=["-O"])
    scp(user, [":by-scp"], tmp_path / "by-scp", options=["-O"])
    assert same(large, tmp_path / "by-scp")
    sftp(user, ["rename by-scp d/moved", "rm large"])
    assert "moved" in listing(user, "d") and "large" not in listing(user)
    with pytest.raises(ClientFailed):
        sftp(user, ["rmdir d"])
    paramiko = Paramiko(user)
    with paramiko as client:
        _, output, _ = paramiko.client.exec_command("sha256sum /d/small")
        assert hashlib.sha256(small.read_bytes()).hexdigest() in output.read().decode()
        client.utime("d/small", (1_000_000_000, 1_000_000_000))
        assert client.stat("d/small").st_mtime == 1_000_000_000
        with client.open("d/moved", "rb") as file:
            file.seek(9_000_000)
            assert file.read(1000) == large.read_bytes()[9_000_000:9_001_000]
    assert used(server, "s3") == (3, 5_000 + 5_000 + 17_000_000)


def test_what_is_not_whole_is_not_there(make_server, tmp_path, bucket):
    """Cut at every tenth of an upload, new and over an old file: the old one stays, nothing is counted."""
    server = make_server()
    user = server.create_user("cut", filesystem=bucket.config(), quota_files=100)
    source = random_file(tmp_path / "source", 13_000_000)
    data = source.read_bytes()
    with Paramiko(user) as client:
        client.putfo(open(random_file(tmp_path / "old", 3_000), "rb"), "old")
    before = used(server, "cut")
    for tenth in range(0, 10, 3):
        for name in ("new", "old"):
            cut = Paramiko(user)
            with cut as client:
                file = client.open(name, "w")
                file.set_pipelined(True)
                file.write(data[:len(data) * tenth // 10])
                file.flush()
                cut.client.get_transport().sock.close()
            wait_for(lambda: not server.api("GET", "/connections"), "the session to end")
            assert listing(user) == {"old": 3_000}, (tenth, name)
            assert used(server, "cut") == before
    sftp(user, [f"put {source} old"])
    sftp(user, [f"get old {tmp_path / 'back'}"])
    assert same(source, tmp_path / "back")
    wait_for(lambda: used(server, "cut") == (1, 13_000_000), "the new size")


def test_a_killed_server_leaves_no_parts(make_server, bucket):
    """Killed during an upload; the next start removes the parts, for which the service would ask money without end."""
    def open_uploads():
        with urllib.request.urlopen(f"{bucket.endpoint}/{bucket.name}?uploads&prefix={bucket.prefix}") as answer:
            return answer.read().count(b"<UploadId>")

    server = make_server()
    user = server.create_user("killed", filesystem=bucket.config())
    connection = Paramiko(user)
    client = connection.__enter__()
    file = client.open("file", "w")
    file.set_pipelined(True)
    file.write(b"x" * 12_000_000)
    file.stat()
    if bucket.is_moto:  # which asks nobody who he is
        assert open_uploads() == 1
    server.kill()
    connection.__exit__()
    server.start()
    wait_for(lambda: "the parts of an upload that was not completed are removed" in server.log(), "the parts to go")
    if bucket.is_moto:  # which asks nobody who he is
        assert open_uploads() == 0
    assert listing(user) == {}


def test_limits_and_what_such_storage_cannot(make_server, tmp_path, bucket):
    server = make_server()
    user = server.create_user("limits", filesystem=bucket.config(), quota_size=7_000_000)
    source = random_file(tmp_path / "source", 6_000_000)
    sftp(user, [f"put {source} file"])
    with pytest.raises(ClientFailed):
        sftp(user, [f"put {source} second"])
    assert listing(user) == {"file": 6_000_000} and used(server, "limits") == (1, 6_000_000)
    with Paramiko(user) as client:
        for mode in ("a", "r+"):
            with pytest.raises(OSError):
                with client.open("file", mode) as file:
                    file.write(b"more")
        with pytest.raises(OSError):
            client.symlink("file", "link")
        with pytest.raises(OSError):
            client.truncate("file", 10)
    sftp(user, [f"get file {tmp_path / 'back'}"])
    assert same(source, tmp_path / "back")


def test_a_folder_on_s3_in_a_local_home(make_server, tmp_path, bucket):
    server = make_server()
    server.api("POST", "/folders", {"name": "cloud", "mapped_path": str(tmp_path / "unused"),
                                    "filesystem": bucket.config()})
    user = server.create_user("mixed", quota_files=100, virtual_folders=[
        {"name": "cloud", "virtual_path": "/cloud", "quota_size": -1, "quota_files": -1}])
    source = random_file(tmp_path / "source", 8_000_000)
    sftp(user, [f"put {source} here", "rename here cloud/there", f"get cloud/there {tmp_path / 'back'}"])
    assert same(source, tmp_path / "back") and not (user.home / "here").exists()
    assert used(server, "mixed") == (1, 8_000_000)
    sftp(user, ["mkdir cloud/d", "rename cloud/there back"])
    assert same(source, user.home / "back") and used(server, "mixed") == (1, 8_000_000)
    assert listing(user, "cloud") == {"d": None}


def test_a_configuration_that_does_not_work_says_why(make_server, tmp_path, bucket):
    server = make_server()
    wrong = server.create_user("wrong", filesystem=bucket.config(bucket="not-there"))
    with pytest.raises(ClientFailed):
        sftp(wrong, [f"put {random_file(tmp_path / 'file', 10)} file"])
    log = str(server.log())
    assert "NoSuchBucket" in log and bucket.secret not in log
