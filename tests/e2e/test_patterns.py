"""file_patterns: names an account may not touch (deny_policy 0) or not even see (1), over SFTP, SCP and SSH commands."""
import errno

import pytest

from clients import ClientFailed, Paramiko, random_file, scp, sftp
from ferry import RestError
from test_ssh_commands import ssh

COMMANDS = {"FERRY_SFTPD__ENABLED_SSH_COMMANDS": "*"}


@pytest.fixture(scope="module")
def commands_server(tmp_path_factory, server):
    from conftest import copy_host_keys, run_server
    from ferry import Ferry
    mine = Ferry(tmp_path_factory.mktemp("patterns"), COMMANDS)
    copy_host_keys(server, mine)
    yield from run_server(mine)


@pytest.fixture
def account(commands_server, public_keys, request):
    """account(*filters): an account whose home holds docs/{a.txt,Key.PEM,keys.d/a.txt} and plain/f."""
    def make(*filters, **fields):
        fields.setdefault("filters", {"file_patterns": list(filters)})
        user = commands_server.create_user(f"p{abs(hash(request.node.name)) % 10**8}", public_keys=public_keys, **fields)
        for name in ("docs/a.txt", "docs/Key.PEM", "docs/keys.d/a.txt", "plain/f"):
            (user.home / name).parent.mkdir(parents=True, exist_ok=True)
            (user.home / name).write_text(name)
        return user
    return make


def secrets(policy, path="/docs"):
    return {"path": path, "denied_patterns": ["*.pem", "KEYS*"], "deny_policy": policy}


def fails(error, operation, *arguments):
    with pytest.raises(OSError) as failure:
        operation(*arguments)
    assert failure.value.errno == error, failure.value


@pytest.mark.parametrize("policy,error", [(0, errno.EACCES), (1, errno.ENOENT)])
def test_sftp(account, keys, tmp_path, policy, error):
    user = account(secrets(policy))
    file = random_file(tmp_path / "file", 1000)
    with Paramiko(user, keys["ed25519"]) as client:
        seen = {"a.txt", "Key.PEM", "keys.d"} if policy == 0 else {"a.txt"}
        assert set(client.listdir("docs")) == seen
        for name in ("docs/Key.PEM", "docs/new.pem", "docs/keys.d/a.txt", "docs/keys.new"):
            fails(error, client.put, str(file), name)
            fails(error, client.mkdir, name)
            fails(error, client.rename, "plain/f", name)
            fails(error, client.posix_rename, "plain/f", name)
            fails(error, client.remove, name)
            fails(error, client.rmdir, name)
            fails(error, client.chmod, name, 0o600)
            fails(error, client.rename, name, "plain/there")
        fails(error, client.open, "docs/Key.PEM")
        if policy == 0:
            assert client.stat("docs/Key.PEM").st_size == len("docs/Key.PEM")
        else:
            fails(error, client.stat, "docs/Key.PEM")
            fails(error, client.lstat, "docs/Key.PEM")
            fails(error, client.listdir, "docs/keys.d")
        client.put(str(file), "docs/b.txt")
        client.put(str(file), "plain/x.pem")
        fails(errno.EACCES, client.rename, "docs", "moved")
    assert (user.home / "docs/Key.PEM").read_text() == "docs/Key.PEM"
    assert (user.home / "docs/keys.d/a.txt").read_text() == "docs/keys.d/a.txt"


REASON = {0: "Permission denied", 1: "No such file"}


@pytest.mark.parametrize("options", [[], ["-O"]], ids=["sftp", "legacy"])
@pytest.mark.parametrize("policy", [0, 1])
def test_scp(account, keys, tmp_path, options, policy):
    """What is refused (0) costs its own file alone, and the client is told; of what is hidden (1) it knows nothing."""
    user = account(secrets(policy))

    def refused(sources, target, *more):
        with pytest.raises(ClientFailed) as failure:
            scp(user, sources, target, keys["ed25519"], [*more, *options])
        assert REASON[policy].lower() in failure.value.output.lower()
    if policy == 0:
        refused([":docs"], tmp_path / "got", "-r")
    else:
        scp(user, [":docs"], tmp_path / "got", keys["ed25519"], ["-r", *options])
    assert {str(path.relative_to(tmp_path / "got")) for path in (tmp_path / "got").rglob("*")
            if path.is_file() or policy == 1} == {"a.txt"}
    for name in ("Key.PEM", "new.pem", "keys.d/a.txt"):
        refused([tmp_path / "got/a.txt"], f":docs/{name}")
    for name in ("Key.PEM", "keys.d/a.txt"):
        refused([f":docs/{name}"], tmp_path / "x")
    scp(user, [tmp_path / "got/a.txt"], ":docs/b.txt", keys["ed25519"], options)
    assert (user.home / "docs/b.txt").read_text() == "docs/a.txt"
    assert (user.home / "docs/Key.PEM").read_text() == "docs/Key.PEM" and not (user.home / "docs/new.pem").exists()


@pytest.mark.parametrize("policy", [0, 1])
def test_scp_wildcards(account, keys, tmp_path, policy):
    user = account(secrets(policy))
    if policy == 0:
        with pytest.raises(ClientFailed) as failure:
            scp(user, [":docs/*.*"], tmp_path, keys["ed25519"], ["-O"])
        assert "Key.PEM" in failure.value.output and REASON[0] in failure.value.output
    else:
        scp(user, [":docs/*"], tmp_path, keys["ed25519"], ["-O"])
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["a.txt"]


@pytest.mark.parametrize("policy", [0, 1])
def test_ssh_commands(account, keys, policy):
    user = account(secrets(policy))
    key = keys["ed25519"]
    status, output, _ = ssh(user, "md5sum docs/a.txt", key)
    assert status == 0 and "docs/a.txt" in output
    for path in ("docs/Key.PEM", "docs/keys.d/a.txt"):
        status, output, errors = ssh(user, f"md5sum {path}", key)
        assert status != 0 and output == "" and REASON[policy] in errors
    copied = ssh(user, "sftpgo-copy docs docs2", key)
    if policy == 0:  # all of it or nothing
        assert copied[0] != 0 and REASON[0] in copied[2] and not (user.home / "docs2").exists()
    else:
        hidden, missing = ssh(user, "md5sum docs/Key.PEM", key), ssh(user, "md5sum docs/None.txt", key)
        assert hidden[0] == missing[0] and hidden[2].replace("Key.PEM", "None.txt") == missing[2]
        assert copied[0] == 0 and {path.name for path in (user.home / "docs2").iterdir()} == {"a.txt"}
    for pair in ("plain/f docs/x.pem", "docs/Key.PEM plain/key", "docs/a.txt docs/Key.PEM"):
        assert ssh(user, f"sftpgo-copy {pair}", key)[0] != 0
    assert not (user.home / "docs/x.pem").exists() and not (user.home / "plain/key").exists()
    assert (user.home / "docs/Key.PEM").read_text() == "docs/Key.PEM"
    assert ssh(user, "sftpgo-remove docs/keys.d", key)[0] != 0
    assert ssh(user, "sftpgo-remove docs", key)[0] != 0
    assert (user.home / "docs/Key.PEM").exists() and (user.home / "docs/keys.d/a.txt").exists()
    for line in ("git-upload-pack docs", "rsync --server --sender -logDtpre.iLsfxCIvu . docs"):
        assert ssh(user, line, key)[0] != 0


def test_only_what_is_allowed(account, keys, tmp_path):
    user = account({"path": "/", "allowed_patterns": ["*.jpg", "docs"], "denied_patterns": ["x*"], "deny_policy": 1},
                   {"path": "/docs", "allowed_patterns": ["*"]})
    file = random_file(tmp_path / "file", 10)
    key = keys["ed25519"]
    sftp(user, [f"put {file} a.JPG", "ls -l a.JPG", f"put {file} docs/anything", "cd docs", "ls -l Key.PEM"], key)
    for command in (f"put {file} a.png", f"put {file} xa.jpg", "cd plain", "mkdir new", "ls -l plain/f"):
        with pytest.raises(ClientFailed):
            sftp(user, [command], key)
    assert sftp(user, ["ls -1"], key).splitlines()[1:] == ["a.JPG", "docs"]


def test_rest_refuses_patterns_without_meaning(commands_server):
    for wrong in ("[a", "", "x" * 256, "[z-a]"):
        with pytest.raises(RestError) as refusal:
            commands_server.create_user("nobody", filters={"file_patterns": [{"path": "/", "denied_patterns": [wrong]}]})
        assert refusal.value.status == 400
