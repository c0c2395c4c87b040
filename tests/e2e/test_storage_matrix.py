"""A folder on each kind of storage in a home on each kind: what is moved and copied across arrives whole, quotas count what
is there, and one storage that is gone leaves the others as they are."""
import socket
import threading

import pytest

from clients import ClientFailed, Paramiko, random_file, same, sftp, wait_for
from quota_tools import used
from test_azure import Container
from test_encrypted import encrypted
from test_quota_scans import scan
from test_s3 import Bucket
from test_sftp_storage import OpenSsh, remote  # noqa: F401
from test_ssh_commands import ssh

KINDS = ["local", "encrypted", "s3", "azure", "sftp"]
# Within one home: a file, a directory, one below, and an empty one.
FILES = {"f": 70_000, "d/a": 5_000, "d/sub/b": 200_001}


@pytest.fixture
def storages(emulators, remote):  # noqa: F811
    """storages(kind): a place of its own."""
    there = remote(OpenSsh)
    numbers = iter(range(1000))

    def make(kind):
        if kind == "local":
            return {"provider": 0}
        if kind == "encrypted":
            return encrypted()
        if kind == "s3":
            return Bucket(emulators["FERRY_TEST_S3_VERSITYGW"]).config()
        if kind == "azure":
            return Container(emulators["FERRY_TEST_AZURITE"]).config()
        return there.storage(prefix=f"{there.data}/{next(numbers)}")

    yield make


def run(user, command):
    status, _, errors = ssh(user, command)
    assert status == 0, (command, errors)


def check_tree(user, at, sources, tmp_path):
    """f and d lie at this path as they were made."""
    folder = tmp_path / "fetched"
    folder.mkdir(exist_ok=True)
    sftp(user, [f"get -r {at}/d {folder}/", f"get {at}/f {folder}/f"])
    for name in FILES:
        assert same(folder / name, sources / name), (at, name)
        (folder / name).unlink()
    with Paramiko(user) as client:
        assert client.listdir(f"{at}/d/empty") == []


def is_gone(user, at):
    with Paramiko(user) as client:
        return not {"f", "d"} & set(client.listdir(at))


@pytest.mark.parametrize("home", KINDS)
def test_from_each_kind_to_each_and_back(make_server, storages, tmp_path, home):
    server = make_server({"FERRY_COMMON__RENAME_MODE": "1", "FERRY_SFTPD__ENABLED_SSH_COMMANDS": "*"})
    for kind in KINDS:
        server.api("POST", "/folders", {"name": kind, "mapped_path": str(tmp_path / f"folder-{kind}"),
                                        "filesystem": storages(kind)})
    user = server.create_user("anna", filesystem=storages(home), quota_files=1000, quota_size=100_000_000, virtual_folders=[
        {"name": kind, "virtual_path": f"/{kind}", "quota_size": -1, "quota_files": -1} for kind in KINDS])
    sources = tmp_path / "sources"
    (sources / "d/sub").mkdir(parents=True)
    for name, size in FILES.items():
        random_file(sources / name, size)
    sftp(user, [f"put {sources}/f f", f"put -r {sources}/d d", "mkdir d/empty"])
    once = used(user)
    assert once[0] == len(FILES) and once[1] >= sum(FILES.values())
    for kind in KINDS:
        sftp(user, [f"rename f {kind}/f", f"rename d {kind}/d"])
        check_tree(user, f"/{kind}", sources, tmp_path)
        assert is_gone(user, "/") and used(user)[0] == len(FILES), kind
        run(user, f"sftpgo-copy /{kind}/f /f")
        run(user, f"sftpgo-copy /{kind}/d /d")
        check_tree(user, "", sources, tmp_path)
        check_tree(user, f"/{kind}", sources, tmp_path)
        assert used(user)[0] == 2 * len(FILES), kind
        run(user, "sftpgo-remove /f")
        run(user, "sftpgo-remove /d")
        sftp(user, [f"rename {kind}/f f", f"rename {kind}/d d"])
        assert is_gone(user, f"/{kind}") and used(user) == once, kind
        run(user, f"sftpgo-copy /f /{kind}/f")
        run(user, f"sftpgo-copy /d /{kind}/d")
        check_tree(user, f"/{kind}", sources, tmp_path)
        run(user, f"sftpgo-remove /{kind}/f")
        run(user, f"sftpgo-remove /{kind}/d")
        assert used(user) == once, kind
    for kind in KINDS:
        run(user, f"sftpgo-copy /f /{kind}/f")
        run(user, f"sftpgo-copy /d /{kind}/d")
    counted = used(user)
    assert counted[0] == (1 + len(KINDS)) * len(FILES)
    scan(server, "users", "anna")
    assert used(user) == counted
    for kind in KINDS:
        run(user, f"sftpgo-remove /{kind}/f")
        run(user, f"sftpgo-remove /{kind}/d")
    assert used(user) == once
    check_tree(user, "", sources, tmp_path)


class Forwarder:
    """Passes connections on to a port, until it is stopped; then nobody listens there."""

    def __init__(self, port):
        self.to, self.open = port, set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.to))
            self.open |= {client, server}
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self.carry, args=(source, target), daemon=True).start()

    @staticmethod
    def carry(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for one in self.open:
            one.close()


def test_one_that_is_gone_leaves_the_others(make_server, emulators, remote, tmp_path):  # noqa: F811
    server, there = make_server(), remote(OpenSsh)
    bucket, container = Bucket(emulators["FERRY_TEST_S3_VERSITYGW"]), Container(emulators["FERRY_TEST_AZURITE"])
    way = Forwarder(int(bucket.endpoint.rpartition(":")[2]))
    storages = {"s3": bucket.config(endpoint=f"http://127.0.0.1:{way.port}"), "azure": container.config(),
                "sftp": there.storage()}
    for name, storage in storages.items():
        server.api("POST", "/folders", {"name": name, "filesystem": storage})
    user = server.create_user("anna", virtual_folders=[{"name": name, "virtual_path": f"/{name}"} for name in storages])
    file = random_file(tmp_path / "file", 10_000)
    sftp(user, [f"put {file} file"] + [f"put {file} {name}/file" for name in storages])

    def works(*names):
        sftp(user, ["ls"] + [f"get {name}/file {tmp_path}/back" for name in names] + [f"get file {tmp_path}/back"])

    def fails(name, words):
        with pytest.raises(ClientFailed):
            sftp(user, [f"get {name}/file {tmp_path}/none"])
        assert words in server.log()
    there.stop()
    fails("sftp", "[refused]")
    works("s3", "azure")
    with pytest.raises(ClientFailed):
        sftp(user, ["rename file sftp/moved"])
    works("s3", "azure")
    there.start()
    wait_for(lambda: not fails_now(user, "sftp", tmp_path), "the remote server's return")
    way.stop()
    fails("s3", "Couldn't connect to server [refused]")
    works("azure", "sftp")


def fails_now(user, name, tmp_path):
    try:
        sftp(user, [f"get {name}/file {tmp_path}/again"])
        return False
    except ClientFailed:
        return True
