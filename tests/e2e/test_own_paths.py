"""The server's own directories are no account's, wherever links lead (docs/accounts.md)."""
from pathlib import Path

import paramiko
import pytest

from clients import Paramiko, wait_for
from ferry import RestError
from logins import Login


def lists_its_home(user, key):
    try:
        with Paramiko(user, key) as sftp:
            return sftp.listdir(".") is not None
    except (OSError, EOFError, paramiko.SSHException):
        return False


def lead(link, target):
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def test_nobody_is_given_the_servers_directories(make_server, tmp_path, keys):
    server = make_server()
    for path in (server.config_dir, server.config_dir / "env.d", server.config_dir.parent, "/", server.config_dir / "new"):
        for kind, body in (("users", {"username": "u", "home_dir": str(path), "permissions": {"/": ["*"]}}),
                           ("folders", {"name": "f", "mapped_path": str(path)}),
                           ("groups", {"name": "g", "user_settings": {"home_dir": str(path)}})):
            with pytest.raises(RestError) as refused:
                server.api("POST", f"/{kind}", body)
            assert refused.value.status == 400, (kind, path)
    # A link that led elsewhere when the account was made.
    outside, link = tmp_path / "outside", tmp_path / "link"
    outside.mkdir()
    lead(link, outside)
    maria = server.create_user("maria", home_dir=link, public_keys=[Path(f"{keys['ed25519']}.pub").read_text().strip()])
    assert lists_its_home(maria, keys["ed25519"])
    for target in (server.config_dir, server.config_dir / "env.d", tmp_path):
        (server.config_dir / "env.d").mkdir(exist_ok=True)
        lead(link, target)
        assert not lists_its_home(maria, keys["ed25519"]), target
        with Login(maria) as login:
            assert login.refused(login.password), target
    assert f'home directory \\"{link}\\": it is, or lies above, the configuration directory' in server.log()
    # It is named when the server starts, and the others are not.
    lead(link, server.config_dir)
    server.create_user("paul")
    server.stop()
    server.start()
    wait_for(lambda: 'account \\"maria\\"' in server.log(), "the warning")
    assert 'account \\"paul\\"' not in server.log()
    lead(link, outside)
    assert lists_its_home(maria, keys["ed25519"])
