"""Bandwidth by ratio of bytes and time, and transfers in the list of connections."""
import threading
import time

import pytest

from clients import Paramiko, random_file, same, sftp, wait_for
from ferry import RestError

KB = 1024
RATE = 512  # KB/s
SECONDS = 10


def timed(connections, work):
    """How long it takes to run work(number) on that many threads."""
    failures = []

    def guarded(number):
        try:
            work(number)
        except Exception as failure:  # noqa: BLE001
            failures.append(failure)
    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(connections)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    return time.monotonic() - start


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("direction", ["upload", "download"])
def test_rate(new_user, connections, direction):
    user = new_user(**{f"{direction}_bandwidth": RATE})
    each = RATE * KB * SECONDS // connections
    data = b"x" * each
    user.home.mkdir(parents=True, exist_ok=True)
    for number in range(connections):
        (user.home / f"down{number}").write_bytes(data)
    clients = [Paramiko(user) for _ in range(connections)]
    sessions = [client.__enter__() for client in clients]

    def move(number):
        if direction == "upload":
            with sessions[number].open(f"up{number}", "w") as file:
                file.set_pipelined(True)
                file.write(data)
        else:
            with sessions[number].open(f"down{number}") as file:
                file.prefetch(each)
                assert len(file.read()) == each

    took = timed(connections, move)
    for client in clients:
        client.__exit__(None, None, None)
    ratio = each * connections / took / (RATE * KB)
    assert 0.95 <= ratio <= 1.05, f"{ratio:.3f} of the rate"


def test_the_network_decides(new_user, tmp_path):
    limits = [{"sources": ["192.0.2.0/24"], "upload_bandwidth": 1, "download_bandwidth": 1},
              {"sources": ["127.0.0.0/8"], "upload_bandwidth": 0, "download_bandwidth": RATE}]
    user = new_user(upload_bandwidth=1, download_bandwidth=1, filters={"bandwidth_limits": limits})
    source = random_file(tmp_path / "source", RATE * KB * 3)
    start = time.monotonic()
    sftp(user, [f"put {source} file"])
    uploaded = time.monotonic()
    sftp(user, [f"get file {tmp_path / 'back'}"])
    assert same(source, tmp_path / "back")
    assert time.monotonic() - uploaded >= 2.8, "the download was not limited"
    assert uploaded - start < 1000, "the upload was limited to 1 KB/s"


def transfers(server, user):
    return [(connection["connection_id"], transfer) for connection in server.api("GET", "/connections")
            if connection["username"] == user.name for transfer in connection.get("active_transfers", [])]


@pytest.mark.parametrize("direction", ["upload", "download"])
def test_transfers_are_shown_and_ended(new_user, direction):
    """A slow transfer is in the list with its bytes; closing its connection ends it at once."""
    user = new_user(quota_size=100_000_000, **{f"{direction}_bandwidth": 64})
    user.home.mkdir(parents=True, exist_ok=True)
    (user.home / "file").write_bytes(b"x" * 4_000_000)
    broken = threading.Event()

    def move():
        try:
            with Paramiko(user) as client:
                if direction == "upload":
                    with client.open("new", "w") as file:
                        for _ in range(100):
                            file.write(b"x" * 30_000)
                else:
                    client.open("file").read()
        except Exception:  # noqa: BLE001 (paramiko has several for it)
            broken.set()

    before = int(time.time() * 1000) - 1000
    thread = threading.Thread(target=move)
    thread.start()
    wait_for(lambda: any(t["size"] > 0 for _, t in transfers(user.server, user)), "bytes of the transfer")
    connection, first = transfers(user.server, user)[0]
    assert first["operation_type"] == direction
    assert first["path"] == ("/new" if direction == "upload" else "/file") and first["start_time"] >= before
    assert 0 < first["speed"] < 10 * 64 * KB
    wait_for(lambda: transfers(user.server, user)[0][1]["size"] > first["size"], "more bytes")
    user.server.api("DELETE", f"/connections/{connection}")
    thread.join(30)
    assert broken.is_set() and not thread.is_alive()
    wait_for(lambda: not transfers(user.server, user), "the transfer to end")
    sender = "Upload" if direction == "upload" else "Download"
    wait_for(lambda: any(f'"sender":"{sender}"' in line and f'"username":"{user.name}"' in line and '"error"' in line
                         for line in user.server.log().splitlines()), "the log line")
    with pytest.raises(RestError, match="404"):
        user.server.api("DELETE", f"/connections/{connection}")


def test_a_throttled_client_that_leaves_is_not_waited_for(new_user):
    user = new_user(upload_bandwidth=1)
    client = Paramiko(user)
    with client as session:
        file = session.open("slow", "w")
        file.set_pipelined(True)
        file.write(b"x" * 200_000)  # minutes at this rate
        wait_for(lambda: transfers(user.server, user), "the transfer")
        client.client.get_transport().sock.close()
    wait_for(lambda: not transfers(user.server, user), "the transfer to end")
