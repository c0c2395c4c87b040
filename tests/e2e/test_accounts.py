"""What an account may do: login methods, protocols, expiry, status, addresses, permissions."""
import paramiko
import pytest

from clients import ClientFailed, Paramiko, random_file, sftp
from ferry import RestError


def logs_in(user, key=None):
    try:
        return "Remote working directory" in sftp(user, ["pwd"], key)
    except ClientFailed as failure:
        assert "Permission denied" in failure.output or "Connection closed" in failure.output, failure.output
        return False


def test_password_and_key_log_in(user, keys):
    assert logs_in(user) and all(logs_in(user, key) for key in keys.values())


def test_wrong_credentials_do_not(user, new_user, keys):
    stranger = new_user(public_keys=[])
    assert not logs_in(stranger, keys["ed25519"])
    stranger.password = "wrong"
    assert not logs_in(stranger)
    stranger.name = "nobody-of-this-name"
    assert not logs_in(stranger) and not logs_in(stranger, keys["ed25519"])
    stranger.name = "../" + user.name
    assert not logs_in(stranger, keys["ed25519"])


def test_options_before_a_key_are_honoured_or_refused(server, new_user, public_keys, keys):
    ed25519, ecdsa, rsa = public_keys
    user = new_user(public_keys=['from="127.0.0.0/8" ' + ed25519, 'from="192.0.2.1" ' + ecdsa,
                                 'expiry-time="20200101" ' + rsa])
    assert [logs_in(user, keys[kind]) for kind in ("ed25519", "ecdsa", "rsa")] == [True, False, False]
    for options in ("restrict", 'command="true"', 'from="host.example.com"', "cert-authority"):
        with pytest.raises(RestError) as refused:
            new_user(public_keys=[ed25519, f"{options} {ecdsa}"])
        assert refused.value.status == 400 and "key 2: option " + options.split("=")[0] in refused.value.body


def test_an_account_without_password_has_none(new_user, keys):
    user = new_user(password="")
    for attempt in ("", "x"):
        user.password = attempt
        assert not logs_in(user)
    assert logs_in(user, keys["ed25519"])


@pytest.mark.parametrize("denied,password,key", [(["password"], False, True), (["publickey"], True, False),
                                                 (["password", "publickey"], False, False)])
def test_denied_login_methods(new_user, keys, denied, password, key):
    user = new_user(filters={"denied_login_methods": denied})
    assert logs_in(user) == password and logs_in(user, keys["ed25519"]) == key


def test_key_and_password_together_when_only_both_are_allowed(new_user, keys):
    user = new_user(filters={"denied_login_methods": ["publickey", "password", "keyboard-interactive",
                                                      "publickey+keyboard-interactive"]})
    assert not logs_in(user) and not logs_in(user, keys["ed25519"])
    transport = paramiko.Transport(("127.0.0.1", user.server.sftp_port))
    try:
        transport.start_client(timeout=20)
        key = paramiko.Ed25519Key.from_private_key_file(str(keys["ed25519"]))
        assert transport.auth_publickey(user.name, key) == ["password"]
        assert transport.auth_password(user.name, user.password) == []
        assert transport.is_authenticated()
    finally:
        transport.close()


# Fixed, as names of tests are made of them and the same in every worker.
IN_2001, IN_2100 = 1_000_000_000_000, 4_102_444_800_000


@pytest.mark.parametrize("fields", [
    {"status": 0}, {"expiration_date": IN_2001},
    {"filters": {"allowed_ip": ["192.0.2.0/24"]}}, {"filters": {"denied_ip": ["127.0.0.0/8"]}},
    {"filters": {"denied_protocols": ["SSH"]}}], ids=lambda fields: str(fields)[:40])
def test_shut_out(new_user, keys, fields):
    user = new_user(**fields)
    assert not logs_in(user) and not logs_in(user, keys["ed25519"])


@pytest.mark.parametrize("fields", [
    {"expiration_date": IN_2100}, {"filters": {"allowed_ip": ["127.0.0.1/32"]}},
    {"filters": {"allowed_ip": ["192.0.2.0/24", "127.0.0.0/8"]}}, {"filters": {"denied_ip": ["192.0.2.0/24"]}},
    {"filters": {"denied_protocols": ["FTP", "DAV", "HTTP"]}}], ids=lambda fields: str(fields)[:40])
def test_let_in(new_user, keys, fields):
    user = new_user(**fields)
    assert logs_in(user) and logs_in(user, keys["ed25519"])


def test_changes_hold_from_the_next_login(user, keys):
    assert logs_in(user)
    old = user.password
    user.update(password="another Passw0rd entirely")
    assert not logs_in(user)
    user.password = "another Passw0rd entirely"
    # An askpass script takes the password from the environment, so the new one is used at once.
    assert logs_in(user) and user.password != old
    user.update(status=0)
    assert not logs_in(user) and not logs_in(user, keys["ed25519"])


def test_methods_are_told_after_none(user):
    transport = paramiko.Transport(("127.0.0.1", user.server.sftp_port))
    try:
        transport.start_client(timeout=20)
        with pytest.raises(paramiko.BadAuthenticationType) as refusal:
            transport.auth_none(user.name)
        assert {"password", "publickey"} <= set(refusal.value.allowed_types)
    finally:
        transport.close()


def test_too_many_tries_end_the_connection(user):
    transport = paramiko.Transport(("127.0.0.1", user.server.sftp_port))
    try:
        transport.start_client(timeout=20)
        tries = 0
        while transport.is_active() and tries < 30:
            tries += 1
            with pytest.raises(paramiko.SSHException):
                transport.auth_password(user.name, f"wrong {tries}", fallback=False)
        assert 1 < tries <= 10
    finally:
        transport.close()


CHANGES = {
    "upload": lambda sftp, file: sftp.put(str(file), "new"),
    "overwrite": lambda sftp, file: sftp.put(str(file), "file"),
    "create_dirs": lambda sftp, file: sftp.mkdir("folder"),
    "rename": lambda sftp, file: sftp.rename("file", "renamed"),
    "delete": lambda sftp, file: sftp.remove("file"),
    "create_symlinks": lambda sftp, file: sftp.symlink("file", "link"),
    "chmod": lambda sftp, file: sftp.chmod("file", 0o600),
    "chtimes": lambda sftp, file: sftp.utime("file", (1, 1)),
    "download": lambda sftp, file: sftp.open("file").read(),
}


@pytest.mark.parametrize("lacking", CHANGES)
def test_a_permission_that_is_lacking_is_refused(new_user, keys, tmp_path, lacking):
    wanted = {"upload", "list", *CHANGES} - {lacking}
    if lacking == "upload":
        wanted.discard("overwrite")
    user = new_user(permissions={"/": sorted(wanted)})
    file = random_file(tmp_path / "source", 100)
    user.home.mkdir(parents=True, exist_ok=True)
    (user.home / "file").write_bytes(b"as it was")
    with Paramiko(user, keys["ed25519"]) as client:
        with pytest.raises(PermissionError):
            CHANGES[lacking](client, file)
        for name in ("chmod", "chtimes"):
            if name != lacking:
                CHANGES[name](client, file)
    assert [path.name for path in user.home.iterdir()] == ["file"] and (user.home / "file").read_bytes() == b"as it was"


def test_permissions_differ_by_folder(new_user, keys, tmp_path):
    user = new_user(permissions={"/": ["*"], "/locked": ["list", "download"]})
    for folder in ("locked", "locked2"):
        (user.home / folder).mkdir(parents=True)
    file = random_file(tmp_path / "source", 100)
    with Paramiko(user, keys["ed25519"]) as client:
        client.put(str(file), "locked2/file")
        client.put(str(file), "file")
        for target in ("locked/file", "/locked2/../locked/file", "./locked//file"):
            with pytest.raises(PermissionError):
                client.put(str(file), target)
        with pytest.raises(PermissionError):
            client.rename("file", "locked/file")
    assert not (user.home / "locked" / "file").exists()


def test_a_virtual_folder_is_mounted(server, new_user, keys, tmp_path):
    mapped = tmp_path / "mapped"
    mapped.mkdir()
    server.api("POST", "/folders", {"name": f"folder-{tmp_path.name}", "mapped_path": str(mapped)})
    user = new_user(virtual_folders=[{"name": f"folder-{tmp_path.name}", "virtual_path": "/shared",
                                      "quota_size": 0, "quota_files": 0}])
    file = random_file(tmp_path / "source", 100)
    listing = sftp(user, ["ls -1", f"put {file} shared/file"], keys["ed25519"])
    assert "shared" in listing and (mapped / "file").read_bytes() == file.read_bytes()
    with pytest.raises(ClientFailed):
        sftp(user, ["rmdir shared"], keys["ed25519"])
    assert mapped.is_dir()
