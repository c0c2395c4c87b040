"""How many may be there at once: max_sessions, max_total_connections, max_per_host_connections."""
import asyncio

import asyncssh
import paramiko
import pytest

from clients import Paramiko, asyncssh_connect, wait_for


async def race(user, key, connections, channels):
    """Opens `channels` SFTP sessions on each of `connections`, all at once, and keeps them; how many there are."""
    async def one(client):
        try:
            return await client.start_sftp_client()
        except (asyncssh.Error, OSError):
            return None
    clients = await asyncio.gather(*[asyncssh_connect(user, key) for _ in range(connections)])
    try:
        sessions = await asyncio.gather(*[one(client) for client in clients for _ in range(channels)])
        open_now = [session for session in sessions if session is not None]
        for session in open_now:
            await session.stat(".")
        return len(sessions), len(open_now), len(user.server.api("GET", "/connections"))
    finally:
        for client in clients:
            client.close()
        await asyncio.gather(*[client.wait_closed() for client in clients])


@pytest.mark.parametrize("limit", [1, 3])
def test_two_hundred_at_once_against_max_sessions(make_server, public_keys, keys, limit):
    user = make_server().create_user("limited", public_keys=public_keys, max_sessions=limit)
    key = asyncssh.read_private_key(str(keys["ed25519"]))
    assert asyncio.run(race(user, key, 20, 10)) == (200, limit, limit)
    wait_for(lambda: not user.server.api("GET", "/connections"), "the sessions to end")
    assert asyncio.run(race(user, key, 1, 1)) == (1, 1, 1)


def test_one_account_cannot_take_all_descriptors(make_server, public_keys, keys):
    """The process may have 256 descriptors; whoever opens files without end leaves some for logins, REST and others."""
    server = make_server(start=False)
    server.wrapper = ["prlimit", "--nofile=256:256"]
    server.start()
    greedy, other = (server.create_user(name, public_keys=public_keys) for name in ("greedy", "other"))
    for user in (greedy, other):
        user.home.mkdir(parents=True)
        (user.home / "file").write_text("data")
    handles, refused = [], None
    with Paramiko(greedy, keys["ed25519"]) as first:
        transport = first.get_channel().get_transport()
        sessions = [first] + [paramiko.SFTPClient.from_transport(transport) for _ in range(3)]
        for session in sessions:
            while refused is None:
                try:
                    handles.append(session.open("file"))
                except OSError as error:
                    refused = str(error)
        assert "Too many open files" in refused and len(handles) < 100
        with pytest.raises(OSError, match="Too many open files"):
            first.listdir(".")
        with Paramiko(other, keys["ed25519"]) as second, second.open("file") as file:
            assert file.read() == b"data" and second.listdir(".") == ["file"]
        assert server.api("GET", "/connections")
        assert "common.max_open_files_per_account" in server.log()
        for handle in handles:
            handle.close()
        assert first.listdir(".") == ["file"]


@pytest.mark.parametrize("setting", ["MAX_TOTAL_CONNECTIONS", "MAX_PER_HOST_CONNECTIONS"])
def test_connections_beyond_the_limit_are_turned_away(make_server, public_keys, keys, setting):
    server = make_server({"FERRY_COMMON__MAX_PER_HOST_CONNECTIONS": "0", f"FERRY_COMMON__{setting}": "2"})
    user = server.create_user("limited", public_keys=public_keys)
    first, second = Paramiko(user, keys["ed25519"]), Paramiko(user, keys["ed25519"])
    with pytest.raises((paramiko.SSHException, EOFError, OSError)):
        Paramiko(user, keys["ed25519"])
    first.client.close()

    def there_is_room():
        try:
            Paramiko(user, keys["ed25519"]).client.close()
            return True
        except (paramiko.SSHException, EOFError, OSError):
            return False
    wait_for(there_is_room, "the place of the one that left", 60)
    second.client.close()
