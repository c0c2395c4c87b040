"""What sftpd.folder_prefix, banner and rename_replaces change for clients."""
import socket

import pytest

from clients import ClientFailed, Paramiko, scp, sftp
from ferry import FACTOR


@pytest.fixture
def user(make_server, public_keys):
    server = make_server({"FERRY_SFTPD__FOLDER_PREFIX": "/srv/files", "FERRY_SFTPD__BANNER": "Old_Server 1.2",
                          "FERRY_SFTPD__RENAME_REPLACES": "false"})
    user = server.create_user("prefixed", public_keys=public_keys,
                              permissions={"/": ["*"], "/closed": ["list"]})
    (user.home / "closed").mkdir(parents=True)
    (user.home / "there").write_text("there")
    return user


def test_sftpd_keys(user, keys, tmp_path):
    key, source = keys["ed25519"], tmp_path / "source"
    source.write_text("data")
    with socket.create_connection(("127.0.0.1", user.server.sftp_port), 30 * FACTOR) as connection:
        assert connection.makefile("rb").readline() == b"SSH-2.0-Old_Server 1.2\r\n"

    # The prefix is in front of every path; permissions are written without it.
    listing = sftp(user, ["pwd", "ls -1 /", "ls -1 /srv", f"put {source} one", f"put {source} /srv/files/two", "ls -1"], key)
    assert "working directory: /srv/files\n" in listing and "/srv/files" in listing
    assert {"one", "two"} <= set(listing.split())
    assert (user.home / "one").read_text() == (user.home / "two").read_text() == "data"
    for command in (f"put {source} /outside", f"put {source} /srv/files/closed/x", "mkdir /srv/more", "ls /other"):
        with pytest.raises(ClientFailed):
            sftp(user, [command], key)
    assert sorted(path.name for path in user.home.iterdir()) == ["closed", "one", "there", "two"]
    with pytest.raises(ClientFailed):
        scp(user, [source], ":/srv/files/three", key, ["-O"])

    with Paramiko(user, key) as client:
        with pytest.raises(OSError, match="already exists"):
            client.rename("one", "there")
        client.posix_rename("one", "there")
    assert (user.home / "there").read_text() == "data"
