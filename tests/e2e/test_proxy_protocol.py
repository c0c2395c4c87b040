"""The PROXY protocol: behind a real haproxy, and what must not be believed."""
import socket
import subprocess
import time

import paramiko
import pytest

from clients import wait_for
from ferry import die_with_parent, free_port
from test_guarding import TIMEOUT, TWO_EACH, deny, hosts, knock, log_in, start

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V2 = SIGNATURE + b"\x21\x11\0\x0c" + bytes([192, 0, 2, 9, 127, 0, 0, 1]) + b"\x12\x34\0\x16"
V1 = b"PROXY TCP4 192.0.2.9 127.0.0.1 4660 22\r\n"


@pytest.fixture
def haproxy(tmp_path):
    """haproxy(v1=port, ...): proxies in front of ports, by how they send the header (`plain`: not at all), from an
    address that is to be skipped when they are called so; their own ports."""
    started = []

    def run(**services):
        lines = ["global", "  maxconn 100", "defaults", "  mode tcp", "  timeout connect 30s", "  timeout client 60s",
                 "  timeout server 60s"]
        ports = {}
        for name, port in services.items():
            ports[name] = free_port()
            send = {"v1": "send-proxy", "v2": "send-proxy-v2"}.get(name[:2], "")
            source = "127.0.0.30" if name.endswith("_skipped") else "127.0.0.20"
            lines += [f"listen {name}", f"  bind 127.0.0.1:{ports[name]}",
                      f"  server s 127.0.0.1:{port} {send} source {source}"]
        config = tmp_path / "haproxy.cfg"
        config.write_text("\n".join(lines) + "\n")
        started.append(subprocess.Popen(["haproxy", "-db", "-f", str(config)], preexec_fn=die_with_parent,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

        def ready():
            for port in ports.values():
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) != 0:
                        return False
            return True
        wait_for(ready, "haproxy")
        return ports

    yield run
    for process in started:
        process.kill()
        process.wait()


def behind(make_server, mode, **more):
    """A server whose second HTTP binding speaks the protocol too."""
    port = free_port()
    binding = "FERRY_HTTPD__BINDINGS__1__"
    server = start(make_server, {
        "FERRY_COMMON__PROXY_PROTOCOL": str(mode), "FERRY_COMMON__PROXY_ALLOWED": "127.0.0.20",
        "FERRY_COMMON__PROXY_SKIPPED": "127.0.0.30", f"{binding}PORT": str(port), f"{binding}ADDRESS": "127.0.0.1",
        f"{binding}PROXY_MODE": "1"} | more)
    server.proxied_http_port = port
    return server


def client(port, source, say):
    connection = socket.socket()
    connection.settimeout(TIMEOUT)
    connection.bind((source, 0))
    connection.connect(("127.0.0.1", port))
    connection.sendall(say)
    return connection


def log_gets(server, *words):
    """Waits for a line with all the words: the log is written a little later."""
    wait_for(lambda: any(all(word in line for word in words) for line in server.log().splitlines()), repr(words))


def test_the_real_address_behind_haproxy(make_server, haproxy):
    server = behind(make_server, 2, **TWO_EACH)
    user = server.create_user("proxied")
    ports = haproxy(v1=server.sftp_port, v2=server.sftp_port, v2http=server.proxied_http_port)
    for source, name in ("127.0.0.44", "v1"), ("127.0.0.45", "v2"):
        direct, server.sftp_port = server.sftp_port, ports[name]
        assert log_in(server, source, user.name, user.password)
        server.sftp_port = direct
        log_gets(server, '"sender":"login"', f'"ip":"{source}"')
    with client(ports["v2http"], "127.0.0.46", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") as web:
        assert web.recv(255).startswith(b"HTTP/1.1 200 ")
    log_gets(server, '"remote_addr":"127.0.0.46:', "/healthz")
    # Lists and limits are about the client, not the proxy.
    deny(server, "127.0.0.47")
    assert not knock(server, "127.0.0.47", port=ports["v1"]) and knock(server, "127.0.0.48", port=ports["v1"])
    kept = [client(ports["v2"], "127.0.0.49", b"") for _ in range(2)]
    assert all(one.recv(255).startswith(b"SSH-") for one in kept)
    assert not knock(server, "127.0.0.49", port=ports["v2"])
    assert knock(server, "127.0.0.48", port=ports["v2"])
    # So are bans: whoever guesses passwords is out, and the others behind the same proxy are not.
    direct, server.sftp_port = server.sftp_port, ports["v2"]

    def banned():
        try:
            assert not log_in(server, "127.0.0.50", user.name, "wrong")
        except paramiko.SSHException:
            pass  # the connection before still counts, or it is banned
        return "ban_time" in hosts(server).get("127.0.0.50", {})
    wait_for(banned, "the ban")
    assert "127.0.0.20" not in hosts(server)
    assert not knock(server, "127.0.0.50") and not knock(server, "127.0.0.50", port=ports["v1"])
    assert not knock(server, "127.0.0.50", port=direct)
    assert log_in(server, "127.0.0.51", user.name, user.password)


def log_in_through(server, port, source, user):
    """Whether that works; a proxy whose header is not understood has no SSH server behind it."""
    direct, server.sftp_port = server.sftp_port, port
    try:
        return log_in(server, source, user.name, user.password)
    except (paramiko.SSHException, EOFError, OSError):
        return False
    finally:
        server.sftp_port = direct


@pytest.mark.parametrize("mode,inside", [
    # As whom each comes in: the client, the proxy, or not at all.
    (0, {"plain": "127.0.0.20", "plain_skipped": "127.0.0.30"}),
    (1, {"v1": "client", "v2": "client", "plain": "127.0.0.20", "plain_skipped": "127.0.0.30"}),
    (2, {"v1": "client", "v2": "client", "plain_skipped": "127.0.0.30"})])
def test_each_mode_behind_haproxy(make_server, haproxy, mode, inside):
    server = behind(make_server, mode)
    user = server.create_user("proxied")
    names = ["v1", "v2", "plain", "v1_skipped", "v2_skipped", "plain_skipped"]
    ports = haproxy(**dict.fromkeys(names, server.sftp_port))
    for number, name in enumerate(names):
        source = f"127.0.0.{60 + number}"
        assert log_in_through(server, ports[name], source, user) == (name in inside), name
        if name in inside:
            seen = source if inside[name] == "client" else inside[name]
            log_gets(server, '"sender":"login"', f'"ip":"{seen}"')
    # Over HTTP, too.
    ports = haproxy(**dict.fromkeys(["v1", "plain", "v2_skipped", "plain_skipped"], server.proxied_http_port))
    for number, (name, port) in enumerate(ports.items()):
        client_ip = f"127.0.0.{70 + number}"
        with client(port, client_ip, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") as web:
            answered = web.recv(255).startswith(b"HTTP/1.1 200 ")
        assert answered == (name in inside), name
        if answered:
            seen = client_ip if inside[name] == "client" else inside[name]
            log_gets(server, f'"remote_addr":"{seen}:', "/healthz")


def test_required_headers(make_server):
    server = behind(make_server, 2)
    proxy, skipped, other = "127.0.0.20", "127.0.0.30", "127.0.0.40"
    for header in V1, V2, b"PROXY UNKNOWN\r\n", SIGNATURE + b"\x20\0\0\0", V1 + b"SSH-2.0-x\r\n":
        assert knock(server, proxy, header), header
    bad = [b"PROXY TCP4 192.0.2.9 127.0.0.1 4660\r\n", b"PROXY TCP4 192.0.2.9\r\n", b"PROXY TCP9 a b 1 2\r\n",
           b"PROXY " + b"x" * 200, SIGNATURE + b"\x31\x11\0\x0c" + bytes(12), SIGNATURE + b"\x21\x11\0\x02ab",
           SIGNATURE + b"\x21\x11\xff\xff", V2[:13] + b"\x41" + V2[14:], b"SSH-2.0-client\r\n", b"GET / HTTP/1.1\r\n"]
    for header in bad:
        assert not knock(server, proxy, header), header
    assert not knock(server, other, V1) and not knock(server, other, b"SSH-2.0-client\r\n")
    assert knock(server, skipped, b"SSH-2.0-client\r\n")
    # In pieces, with the client's own bytes right behind it.
    with client(server.sftp_port, proxy, b"") as slow:
        for at in range(0, len(V2), 7):
            slow.sendall(V2[at:at + 7])
            time.sleep(0.02)
        slow.sendall(b"SSH-2.0-client\r\n")
        assert slow.recv(255).startswith(b"SSH-")
    # One that stops in the middle is let go.
    assert not knock(server, proxy, V1[:20])
    assert knock(server, proxy, V1), "and the server goes on"


def test_optional_headers(make_server):
    server = behind(make_server, 1)
    user = server.create_user("plain")
    deny(server, "192.0.2.0/24")
    assert not knock(server, "127.0.0.20", V1), "believed: that client is on the block list"
    assert knock(server, "127.0.0.40", V1), "read and ignored"
    assert knock(server, "127.0.0.40", V2)
    assert log_in(server, "127.0.0.20", user.name, user.password), "none came"
    log_gets(server, '"sender":"login"', '"ip":"127.0.0.20"')
    knock(server, "127.0.0.30", V1)
    log_gets(server, "from 127.0.0.30:", "a PROXY header from one whose headers are not read")


def test_bindings_may_do_without(make_server):
    server = behind(make_server, 2, FERRY_SFTPD__BINDINGS__0__APPLY_PROXY_CONFIG="false")
    assert knock(server, "127.0.0.40", b"SSH-2.0-client\r\n")
    assert server.api("GET", "/status")["ssh"]["bindings"][0]["apply_proxy_config"] is False
