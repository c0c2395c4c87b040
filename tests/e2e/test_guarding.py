"""The door: lists, bans, rate limits, connection limits. 127.0.0.x makes one machine many hosts; 127.0.0.1 is the
administrator's, and safe."""
import asyncio
import base64
import http.client
import json
import signal
import socket
import sqlite3
import subprocess
import time

import paramiko
import pytest

from clients import NO_HOST_CHECK, wait_for
from ferry import FACTOR, RestError

TIMEOUT = 30 * FACTOR


def knock(server, source, first=b"", port=None):
    """Whether the SSH server speaks to this address."""
    with socket.socket() as client:
        client.settimeout(TIMEOUT)
        client.bind((source, 0))
        try:
            client.connect(("127.0.0.1", port or server.sftp_port))
            client.sendall(first)
            return client.recv(255).startswith(b"SSH-")
        except (ConnectionResetError, BrokenPipeError):
            return False


def hold(server, source):
    """A connection that stays, once the server has spoken."""
    client = socket.socket()
    client.settimeout(TIMEOUT)
    client.bind((source, 0))
    client.connect(("127.0.0.1", server.sftp_port))
    assert client.recv(255).startswith(b"SSH-")
    return client


def log_in(server, source, name, password):
    """Tries a password from this address; whether it was right."""
    client = socket.socket()
    client.settimeout(TIMEOUT)
    client.bind((source, 0))
    client.connect(("127.0.0.1", server.sftp_port))
    transport = paramiko.Transport(client)
    try:
        transport.start_client(timeout=TIMEOUT)
        transport.auth_password(name, password, fallback=False)
        return True
    except paramiko.AuthenticationException:
        return False
    finally:
        transport.close()


def ask(server, source, path="/healthz", headers=None):
    """GET from this address: status, fields, body."""
    client = http.client.HTTPConnection("127.0.0.1", server.http_port, TIMEOUT, (source, 0))
    client.request("GET", path, headers=headers or {})
    answer = client.getresponse()
    body = answer.read().decode()
    client.close()
    return answer.status, answer.headers, body


def hosts(server):
    return {host["ip"]: host for host in server.api("GET", "/defender/hosts")}


def deny(server, network, kind=2, mode=2):
    server.api("POST", f"/iplists/{kind}", {"ipornet": network, "type": kind, "mode": mode})


def write_list(server, name, *addresses):
    (server.config_dir / name).write_text(json.dumps({"addresses": list(addresses)}))


TWO_EACH = {"FERRY_COMMON__MAX_PER_HOST_CONNECTIONS": "2"}
DEFENDER = {
    "FERRY_COMMON__DEFENDER__ENABLED": "true",
    "FERRY_COMMON__DEFENDER__THRESHOLD": "4",
    "FERRY_COMMON__DEFENDER__LOGIN_DELAY__PASSWORD_FAILED": "0",
}


def start(make_server, environment, lists=True, arguments=()):
    server = make_server(DEFENDER | environment, arguments, start=False)
    if lists:
        server.environment |= {"FERRY_COMMON__DEFENDER__SAFELIST_FILE": "safe.json",
                               "FERRY_COMMON__DEFENDER__BLOCKLIST_FILE": "blocked.json"}
        write_list(server, "safe.json", "127.0.0.1")
        write_list(server, "blocked.json", "127.0.0.66")
    return server.start()


def overdo(server, source, times=2):
    """Goes beyond max_per_host_connections, `times` times."""
    kept = [hold(server, source), hold(server, source)]
    for _ in range(times):
        assert not knock(server, source)
    ports = [client.getsockname()[1] for client in kept]
    for client in kept:
        client.close()
    wait_for(lambda: all(f"connection from {source}:{port} ends" in server.log() for port in ports), "the places")


def test_bans_lists_and_files(make_server):
    server = start(make_server, TWO_EACH)
    assert server.api("GET", "/status")["defender"]["is_active"]
    # Too many connections, twice 3 points: banned, and shown.
    overdo(server, "127.0.0.7")
    assert not knock(server, "127.0.0.7")
    host = hosts(server)["127.0.0.7"]
    assert host["ban_time"].endswith("Z") and "score" not in host
    assert server.api("GET", f"/defender/hosts/{host['id']}")["ip"] == "127.0.0.7"
    assert knock(server, "127.0.0.8")
    with pytest.raises(RestError) as unknown:
        server.api("GET", "/defender/hosts/3132372e302e302e38")  # 127.0.0.8
    assert unknown.value.status == 404
    # An administrator lets it in again.
    server.api("DELETE", f"/defender/hosts/{host['id']}")
    assert knock(server, "127.0.0.7") and "127.0.0.7" not in hosts(server)
    # Whoever is safe is never banned; a list of the data provider holds from the next connection on.
    overdo(server, "127.0.0.1", 5)
    assert "127.0.0.1" not in hosts(server) and knock(server, "127.0.0.1")
    deny(server, "127.0.1.0/24")
    deny(server, "127.0.1.9", mode=1)
    assert not knock(server, "127.0.1.1") and knock(server, "127.0.1.9") and knock(server, "127.0.2.1")
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        ask(server, "127.0.1.1")
    server.api("PUT", "/iplists/2/127.0.1.0%2F24", {"mode": 2, "protocols": 8})
    assert knock(server, "127.0.1.1")
    server.api("DELETE", "/iplists/2/127.0.1.0%2F24")
    assert ask(server, "127.0.1.1")[0] == 200
    # Files are read again on SIGHUP; what cannot be read changes nothing.
    assert not knock(server, "127.0.0.66")
    write_list(server, "blocked.json", "127.0.0.67")
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: knock(server, "127.0.0.66"), "the block list to be read again")
    assert not knock(server, "127.0.0.67")
    (server.config_dir / "blocked.json").write_text("{")
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "not reloaded: common.defender.blocklist_file" in server.log(), "the complaint")
    assert not knock(server, "127.0.0.67")


def test_wrong_passwords_ban(make_server):
    server = start(make_server, {"FERRY_COMMON__DEFENDER__SCORE_NO_AUTH": "1"})
    user = server.create_user("guessed")
    # Four points are not above the threshold of four: the right password still gets in.
    for _ in range(4):
        assert not log_in(server, "127.0.0.11", user.name, "wrong")
    assert hosts(server)["127.0.0.11"]["score"] == 4
    assert log_in(server, "127.0.0.11", user.name, user.password)
    assert not log_in(server, "127.0.0.11", user.name, "wrong")
    assert "ban_time" in hosts(server)["127.0.0.11"]
    assert not knock(server, "127.0.0.11") and log_in(server, "127.0.0.12", user.name, user.password)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        ask(server, "127.0.0.11")  # over every protocol
    # An account that does not exist counts twice, leaving without a try as configured; so do administrators' logins.
    for _ in range(2):
        assert not log_in(server, "127.0.0.13", "nobody", "wrong")
    assert hosts(server)["127.0.0.13"]["score"] == 4
    assert knock(server, "127.0.0.13")
    wait_for(lambda: "ban_time" in hosts(server)["127.0.0.13"], "the ban")
    basic = base64.b64encode(b"no-admin:wrong").decode()
    for _ in range(3):
        assert ask(server, "127.0.0.14", "/api/v2/token", {"Authorization": f"Basic {basic}"})[0] == 401
    assert "ban_time" in hosts(server)["127.0.0.14"]
    # The safe list's hosts may go on.
    for _ in range(8):
        assert not log_in(server, "127.0.0.1", "nobody", "wrong")
    assert log_in(server, "127.0.0.1", user.name, user.password)


def test_refused_keys_count_once_a_connection(make_server, keys, public_keys, tmp_path):
    others = [keys["rsa"], keys["ecdsa"]]
    server = start(make_server, {})
    user = server.create_user("keys", public_keys=[public_keys[0]])

    def try_keys(files, name=user.name):
        offered = [part for file in files for part in ("-i", file)]
        return subprocess.run(["ssh", *NO_HOST_CHECK, "-F", "none", "-b", "127.0.0.17", "-o", "IdentitiesOnly=yes", "-o",
                               "PreferredAuthentications=publickey", *offered, "-p", str(server.sftp_port),
                               f"{name}@127.0.0.1", "pwd"], capture_output=True, timeout=TIMEOUT).returncode

    # The right one comes last: nothing is held against anybody.
    assert try_keys([*others, keys["ed25519"]]) == 0
    assert try_keys(others) == 255
    wait_for(lambda: "127.0.0.17" in hosts(server), "the points")
    assert hosts(server)["127.0.0.17"]["score"] == 1
    assert try_keys(others, "nobody") == 255
    wait_for(lambda: hosts(server)["127.0.0.17"].get("score") == 3, "the points")

    def failures(event):
        return [(one["username"], one["ip"]) for one in server.api("GET", f"/events/logs?events={event}")]
    wait_for(lambda: failures(2) == [("nobody", "127.0.0.17")], "the event")
    assert failures(1) == [("keys", "127.0.0.17")] and failures(3) == []


def test_answers_are_delayed(make_server):
    server = start(make_server, {"FERRY_COMMON__DEFENDER__LOGIN_DELAY__PASSWORD_FAILED": "700",
                                 "FERRY_COMMON__DEFENDER__LOGIN_DELAY__SUCCESS": "300"})
    user = server.create_user("slow")

    def seconds(password):
        began = time.monotonic()
        assert log_in(server, "127.0.0.15", user.name, password) == (password == user.password)
        return time.monotonic() - began
    assert seconds("wrong") >= 0.7 and seconds(user.password) >= 0.3


def test_what_is_kept_in_memory_has_its_limits(make_server):
    """Beyond the hard limit those seen longest ago go until the soft limit is reached; of bans those that end first."""
    limits = {"FERRY_COMMON__DEFENDER__ENTRIES_SOFT_LIMIT": "2", "FERRY_COMMON__DEFENDER__ENTRIES_HARD_LIMIT": "4",
              "FERRY_COMMON__DEFENDER__SCORE_NO_AUTH": "2"}
    server = start(make_server, limits)

    def leave(last, want):
        assert knock(server, f"127.0.3.{last}")
        wait_for(lambda: set(hosts(server)) == {f"127.0.3.{one}" for one in want}, f"{want} to be known")
    leave(1, [1])
    leave(2, [1, 2])
    leave(3, [1, 2, 3])
    leave(1, [1, 2, 3])
    leave(4, [1, 2, 3, 4])
    leave(5, [4, 5])
    # Banned ones are counted apart.
    for last in range(11, 15):
        for _ in range(3):
            assert knock(server, f"127.0.3.{last}")
            wait_for(lambda: f"127.0.3.{last}" in hosts(server), "the points")
        wait_for(lambda: "ban_time" in hosts(server)[f"127.0.3.{last}"], "the ban")
    banned = {ip for ip, host in hosts(server).items() if "ban_time" in host}
    assert banned == {f"127.0.3.{last}" for last in range(11, 15)}
    assert not knock(server, "127.0.3.11"), "which makes its ban the longest"
    for _ in range(3):
        assert knock(server, "127.0.3.15")
    wait_for(lambda: {ip for ip, host in hosts(server).items() if "ban_time" in host} == {"127.0.3.11", "127.0.3.15"},
             "the others to be forgotten")
    assert knock(server, "127.0.3.12") and not knock(server, "127.0.3.15")


def test_limits_that_make_no_sense_end_the_start(make_server):
    server = make_server(DEFENDER | {"FERRY_COMMON__DEFENDER__ENTRIES_SOFT_LIMIT": "5",
                                     "FERRY_COMMON__DEFENDER__ENTRIES_HARD_LIMIT": "4"}, start=False).launch()
    assert server.process.wait(60) == 1 and "entries_soft_limit" in server.output()


def test_a_ban_survives_a_restart_with_the_provider_driver(make_server):
    server = start(make_server, TWO_EACH | {"FERRY_COMMON__DEFENDER__DRIVER": "provider"}, lists=False)
    overdo(server, "127.0.0.7")
    wait_for(lambda: not knock(server, "127.0.0.7"), "the ban")
    assert "ban_time" in hosts(server)["127.0.0.7"]
    overdo(server, "127.0.0.8", 1)
    wait_for(lambda: hosts(server).get("127.0.0.8", {}).get("score") == 3, "the score")
    assert server.stop() == 0
    server.start()
    assert not knock(server, "127.0.0.7")
    assert set(hosts(server)) == {"127.0.0.7", "127.0.0.8"} and hosts(server)["127.0.0.8"]["score"] == 3
    server.api("DELETE", f"/defender/hosts/{hosts(server)['127.0.0.7']['id']}")
    assert knock(server, "127.0.0.7")


def test_nobody_comes_in_while_bans_cannot_be_read(make_server):
    server = start(make_server, {"FERRY_COMMON__DEFENDER__DRIVER": "provider"}, lists=False)
    assert knock(server, "127.0.0.7")
    with sqlite3.connect(server.config_dir / "ferry.db") as database:
        database.execute("ALTER TABLE defender_hosts RENAME TO gone")
    assert not knock(server, "127.0.0.7") and not server.healthy()
    wait_for(lambda: "whether it is banned cannot be said: sqlite: " in server.log(), "the line in the log")
    with sqlite3.connect(server.config_dir / "ferry.db") as database:
        database.execute("ALTER TABLE gone RENAME TO defender_hosts")
    assert knock(server, "127.0.0.7") and server.healthy()


def test_rate_limits(make_server):
    limit = "FERRY_COMMON__RATE_LIMITERS__"
    server = start(make_server, {
        f"{limit}0__AVERAGE": "1", f"{limit}0__PERIOD": "600000", f"{limit}0__BURST": "2",
        f"{limit}0__PROTOCOLS": "SSH,HTTP", f"{limit}0__ALLOW_LIST": "127.0.0.1,127.0.3.0/24",
        f"{limit}0__GENERATE_DEFENDER_EVENTS": "true",
        f"{limit}1__AVERAGE": "1", f"{limit}1__PERIOD": "600000", f"{limit}1__BURST": "1", f"{limit}1__TYPE": "1",
        f"{limit}1__PROTOCOLS": "FTP"})
    assert server.api("GET", "/status")["rate_limiters"] == {"is_active": True, "protocols": ["SSH", "FTP", "HTTP"]}
    assert [knock(server, "127.0.0.9") for _ in range(3)] == [True, True, False]
    assert all(knock(server, "127.0.3.1") for _ in range(5)), "the limiter's own list"
    deny(server, "127.0.4.0/24", kind=3, mode=1)
    assert all(knock(server, "127.0.4.1") for _ in range(5)), "the safe list"
    # Of HTTP the requests count, and the client is told.
    answers = [ask(server, "127.0.0.10") for _ in range(3)]
    assert [answer[0] for answer in answers] == [200, 200, 429]
    assert int(answers[2][1]["Retry-After"]) > 1
    # Each refusal was an event: the second makes the ban.
    assert hosts(server)["127.0.0.9"]["score"] == 3
    assert not knock(server, "127.0.0.9")
    assert "ban_time" in hosts(server)["127.0.0.9"]


def test_a_rate_limit_for_all_together(make_server):
    limit = "FERRY_COMMON__RATE_LIMITERS__0__"
    server = start(make_server, {
        f"{limit}AVERAGE": "1", f"{limit}PERIOD": "600000", f"{limit}BURST": "3", f"{limit}TYPE": "1",
        f"{limit}PROTOCOLS": "SSH,HTTP", f"{limit}ALLOW_LIST": "127.0.0.1", f"{limit}GENERATE_DEFENDER_EVENTS": "true"})
    # Connections and requests of whomever take from the same.
    assert knock(server, "127.0.0.9") and ask(server, "127.0.0.10")[0] == 200 and knock(server, "127.0.0.11")
    for source in "127.0.0.9", "127.0.0.12":
        assert not knock(server, source)
        assert ask(server, source)[0] == 429
    assert all(knock(server, "127.0.0.1") for _ in range(5)), "the limiter's own list"
    deny(server, "127.0.0.12", kind=3, mode=1)
    assert all(knock(server, "127.0.0.12") for _ in range(5)), "the safe list"
    assert hosts(server) == {}, "nobody is to blame for all"


def test_a_short_wait_is_waited(make_server):
    limit = "FERRY_COMMON__RATE_LIMITERS__0__"
    server = start(make_server, {f"{limit}AVERAGE": "4", f"{limit}PERIOD": "1000", f"{limit}PROTOCOLS": "SSH"})
    assert all(knock(server, "127.0.0.9") for _ in range(4)), "one a quarter of a second: nobody waits longer"


def test_the_allow_list(make_server, tmp_path):
    dump = tmp_path / "dump.json"
    dump.write_text(json.dumps({"ip_lists": [{"ipornet": "127.0.0.1", "type": 1, "mode": 1},
                                             {"ipornet": "127.0.5.0/24", "type": 1, "mode": 1, "protocols": 1}]}))
    server = start(make_server, {"FERRY_COMMON__ALLOWLIST_STATUS": "1", "FERRY_COMMON__DEFENDER__ENABLED": "false"},
                   arguments=["--loaddata-from", dump])
    assert server.api("GET", "/status")["allow_list"]["is_active"]
    assert knock(server, "127.0.0.1") and knock(server, "127.0.5.1") and not knock(server, "127.0.0.2")
    for source in "127.0.0.2", "127.0.5.1":  # that entry is for SSH
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            ask(server, source)
    deny(server, "127.0.0.2", kind=1, mode=1)
    assert knock(server, "127.0.0.2") and ask(server, "127.0.0.2")[0] == 200
    server.api("DELETE", "/iplists/1/127.0.0.2")
    assert not knock(server, "127.0.0.2")
    assert len(server.api("GET", "/dumpdata?output-data=1&scopes=ip_lists")["ip_lists"]) == 2


def test_one_of_two_hundred_at_once(make_server):
    server = start(make_server, {"FERRY_COMMON__MAX_PER_HOST_CONNECTIONS": "1",
                                 "FERRY_COMMON__DEFENDER__ENABLED": "false"})

    async def knock_once():
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.sftp_port, local_addr=("127.0.0.3", 0))
            return await reader.read(255), writer
        except ConnectionError:
            return b"", None

    async def race():
        answers = await asyncio.gather(*[knock_once() for _ in range(200)])
        spoken = sum(text.startswith(b"SSH-") for text, _ in answers)
        for _, writer in answers:
            if writer:
                writer.close()
        return spoken

    assert asyncio.run(race()) == 1
    wait_for(lambda: knock(server, "127.0.0.3"), "the place to be free again")


def test_requests_through_a_proxy(make_server):
    """pitfall 9: a field of strangers names nobody."""
    binding = "FERRY_HTTPD__BINDINGS__0__"
    server = start(make_server, {f"{binding}PROXY_ALLOWED": "127.0.0.2", f"{binding}CLIENT_IP_PROXY_HEADER": "X-Real-IP"})
    deny(server, "203.0.113.0/24")
    forged = {"X-Real-IP": "203.0.113.5"}
    assert ask(server, "127.0.0.1", headers=forged)[0] == 200
    assert ask(server, "127.0.0.3", headers=forged | {"X-Forwarded-For": "127.0.0.2"})[0] == 200
    assert ask(server, "127.0.0.2", headers=forged)[0] == 403
    assert ask(server, "127.0.0.2", headers={"X-Real-IP": "198.51.100.5"})[0] == 200
    assert ask(server, "127.0.0.2")[0] == 200
    named = {"127.0.0.3", "203.0.113.5", "198.51.100.5", "127.0.0.2"}
    wait_for(lambda: named <= {json.loads(line)["remote_addr"].split(":")[0]
                               for line in server.log().splitlines() if "/healthz" in line}, "lines of the requests")
