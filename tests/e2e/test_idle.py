"""common.idle_timeout, which counts minutes: the one test that has to wait for one."""
import time

import pytest

from clients import Paramiko, wait_for


def test_who_does_nothing_is_disconnected(make_server):
    """Of five clients for a minute and more: one that asks, one that uploads slowly, a silent one, one that holds a file
    open and says nothing, and one that never opened a channel."""
    server = make_server({"FERRY_COMMON__IDLE_TIMEOUT": "1"})
    user = server.create_user("idle", quota_size=1_000_000)
    clients = {name: Paramiko(user) for name in ("asks", "uploads", "silent", "holds")}
    sessions = {name: client.__enter__() for name, client in clients.items()}
    held = sessions["holds"].open("held", "w")
    held.write(b"x" * 1000)
    held.flush()
    slow = sessions["uploads"].open("slow", "w")
    clients["bare"] = Paramiko(user)
    began = time.monotonic()

    def gone(name):
        return not clients[name].client.get_transport().is_active()

    def go_on():
        sessions["asks"].stat("/")
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
    listed = {one["remote_address"] for one in server.api("GET", "/connections")}
    assert len(listed) == 2
    # What was open is ended as any broken upload: kept, counted, logged as failed.
    wait_for(lambda: any('"sender":"Upload"' in line and '/held"' in line and '"error":"' in line
                         for line in server.log().splitlines()), "the log line")
    shown = server.api("GET", "/users/idle")
    assert (shown["used_quota_files"], shown["used_quota_size"]) == (
        2, sum((user.home / name).stat().st_size for name in ("held", "slow")))
    with pytest.raises((OSError, EOFError)):
        sessions["silent"].stat("/")
    for client in clients.values():
        client.__exit__()
