"""common.idle_timeout, which counts minutes: the one test that has to wait for one."""
import time

import pytest

from clients import Paramiko, wait_for
from quota_tools import on_disk, used


@pytest.mark.long
def test_who_does_nothing_is_disconnected(make_server):
    """Of six clients for a minute and more: one that asks, one that uploads slowly, a silent one, one that holds a file
    open and says nothing, one that does so in one channel and asks in another, and one that never opened a channel."""
    server = make_server({"FERRY_COMMON__IDLE_TIMEOUT": "1"})
    user = server.create_user("idle", quota_size=1_000_000)
    clients = {name: Paramiko(user) for name in ("asks", "uploads", "silent", "holds", "both")}
    sessions = {name: client.__enter__() for name, client in clients.items()}
    held = sessions["holds"].open("held", "w")
    held.write(b"x" * 1000)
    held.flush()
    slow = sessions["uploads"].open("slow", "w")
    resting = sessions["both"].open("resting", "w")
    busy = clients["both"].client.open_sftp()
    clients["bare"] = Paramiko(user)
    began = time.monotonic()

    def gone(name):
        return not clients[name].client.get_transport().is_active()

    def go_on():
        sessions["asks"].stat("/")
        busy.stat("/")
        slow.write(b"y" * 100)
        slow.flush()
        time.sleep(1)
        return all(gone(name) for name in ("silent", "holds", "bare"))
    go_on()
    assert not any(gone(name) for name in clients)
    wait_for(go_on, "the idle ones to be disconnected", 150)
    assert time.monotonic() - began > 55
    slow.close()
    assert sessions["asks"].stat("slow").st_size >= 200
    # Idle is a connection, not one of its channels.
    resting.write(b"z")
    resting.close()
    assert busy.stat("resting").st_size == 1
    listed = {one["remote_address"] for one in server.api("GET", "/connections")}
    assert len(listed) == 3
    # What was open is ended as any broken upload: kept, counted, logged as failed.
    wait_for(lambda: any('"sender":"Upload"' in line and '/held"' in line and '"error":"' in line
                         for line in server.log().splitlines()), "the log line")
    assert used(user) == on_disk(user.home)
    with pytest.raises((OSError, EOFError)):
        sessions["silent"].stat("/")
    for client in clients.values():
        client.__exit__()
