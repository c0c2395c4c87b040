"""Custom actions: what hooks are told of files and objects, what they decide, and that nothing is lost."""
import json
import resource
import time

import pytest

from clients import NO_HOST_CHECK, ClientFailed, Paramiko, askpass, run
from clients import sftp as openssh
from ferry import ADMIN, Ferry, RestError
from event_hooks import Program, Url, wait_for

FILE_ACTIONS = ("download first-download pre-download upload first-upload pre-upload delete pre-delete rename mkdir "
                "rmdir ssh_cmd copy")


def settings(hook, actions=FILE_ACTIONS, sync="", objects_hook="", **more):
    return {"FERRY_COMMON__ACTIONS__HOOK": str(hook), "FERRY_COMMON__ACTIONS__EXECUTE_ON": actions.replace(" ", ","),
            "FERRY_COMMON__ACTIONS__EXECUTE_SYNC": sync.replace(" ", ","),
            "FERRY_DATA_PROVIDER__ACTIONS__HOOK": str(objects_hook),
            "FERRY_DATA_PROVIDER__ACTIONS__EXECUTE_ON": "add,update,delete",
            "FERRY_DATA_PROVIDER__ACTIONS__EXECUTE_FOR": "user,folder,group,admin,role"} | more


@pytest.fixture
def program(tmp_path):
    return Program(tmp_path)


@pytest.fixture
def url():
    server = Url()
    yield server
    server.close()


def put(sftp, path, data=b"12345"):
    with sftp.open(path, "wb") as file:
        file.write(data)


def put_with_openssh(user, name):
    """It says whether closing the file went well; paramiko does not."""
    source = user.server.config_dir / name
    source.write_bytes(b"12345")
    openssh(user, [f"put {source} /{name}"])


def ssh(user, command):
    return run(["ssh", *NO_HOST_CHECK, "-F", "none", "-p", user.server.sftp_port, f"{user.name}@127.0.0.1", command],
               None, askpass(user))


def queue(server):
    return server.api("GET", "/events/queue")


def empties(server):
    return wait_for(lambda: queue(server)["waiting"] == 0)


def test_program_is_told_of_every_action(make_server, program):
    server = make_server(settings(program.path, FERRY_SFTPD__ENABLED_SSH_COMMANDS="*"))
    user = server.create_user("alice")
    with Paramiko(user) as sftp:
        sftp.mkdir("/d")
        put(sftp, "/d/a\nb \u00e9$(touch x)")
        with sftp.open("/d/a\nb \u00e9$(touch x)") as file:
            assert file.read() == b"12345"
        sftp.rename("/d/a\nb \u00e9$(touch x)", "/d/c")
        put(sftp, "/d/c", b"123")
        sftp.remove("/d/c")
        sftp.rmdir("/d")
        put(sftp, "/e", b"1234")
    ssh(user, "sftpgo-copy /e /f")
    with pytest.raises(Exception):
        ssh(user, "md5sum /missing")
    assert len(program.wait("ssh_cmd", 2)) == 2
    assert empties(server)
    upload, again, third = program.seen("upload")
    name = "a\x01b \u00e9$(touch x)"  # the script writes its line ends so
    assert upload["ACTION_PATH"] == str(user.home / "d") + "/" + name
    assert upload["ACTION_VIRTUAL_PATH"] == "/d/" + name
    assert (upload["ACTION_USERNAME"], upload["ACTION_FILE_SIZE"], upload["ACTION_STATUS"]) == ("alice", "5", "1")
    assert (upload["ACTION_PROTOCOL"], upload["ACTION_IP"], upload["ACTION_FS_PROVIDER"]) == ("SFTP", "127.0.0.1", "0")
    assert upload["ACTION_SESSION_ID"].startswith("SFTP_")
    assert abs(int(upload["ACTION_TIMESTAMP"]) / 1e9 - time.time()) < 600
    assert (again["ACTION_FILE_SIZE"], third["ACTION_VIRTUAL_PATH"]) == ("3", "/e")
    assert len(program.seen("first-upload")) == len(program.seen("first-download")) == 1
    new, replaced, _ = program.seen("pre-upload")
    assert int(new["ACTION_OPEN_FLAGS"]) & 512 and "ACTION_FILE_SIZE" in new
    assert (replaced["ACTION_FILE_SIZE"], int(replaced["ACTION_OPEN_FLAGS"]) & 512) == ("5", 512)
    [download] = program.seen("download")
    assert (download["ACTION_FILE_SIZE"], download["ACTION_STATUS"]) == ("5", "1")
    assert len(program.seen("pre-download")) == 2  # the second asks for what is missing
    [rename] = program.seen("rename")
    assert rename["ACTION_TARGET"] == str(user.home / "d/c") and rename["ACTION_VIRTUAL_TARGET"] == "/d/c"
    [remove], [asked] = program.seen("delete"), program.seen("pre-delete")
    assert remove["ACTION_FILE_SIZE"] == asked["ACTION_FILE_SIZE"] == "3"
    assert [event["ACTION_VIRTUAL_PATH"] for event in program.seen("mkdir") + program.seen("rmdir")] == ["/d", "/d"]
    [copy] = program.seen("copy")
    assert (copy["ACTION_VIRTUAL_PATH"], copy["ACTION_VIRTUAL_TARGET"], copy["ACTION_FILE_SIZE"]) == ("/e", "/f", "4")
    copied, digest = program.seen("ssh_cmd")
    assert (copied["ACTION_SSH_CMD"], copied["ACTION_STATUS"]) == ("sftpgo-copy", "1")
    assert (copied["ACTION_VIRTUAL_PATH"], copied["ACTION_VIRTUAL_TARGET"]) == ("/e", "/f")
    assert (digest["ACTION_SSH_CMD"], digest["ACTION_STATUS"], digest["ACTION_PROTOCOL"]) == ("md5sum", "2", "SSH")
    assert not list(user.home.rglob("x")), "a name was run"
    shown = server.api("GET", "/users/alice")
    assert shown["first_upload"] > 0 and shown["first_download"] > 0


def test_hook_decides_before(make_server, program):
    server = make_server(settings(program.path, "pre-upload pre-download pre-delete delete",
                                  FERRY_COMMAND__TIMEOUT="2"))
    user = server.create_user("alice", quota_files=100)
    with Paramiko(user) as sftp:
        put(sftp, "/a")
        put(sftp, "/b", b"123")
        for refusal in ["kill -9 $$", "sleep 60", "yes", "exec /nonexistent"]:
            program.behave(refusal)
            with pytest.raises(PermissionError):
                put(sftp, "/new")
            assert not (user.home / "new").exists()
        program.behave("exit 1")
        with pytest.raises(PermissionError):
            sftp.open("/a").read()
        with pytest.raises(PermissionError):
            put(sftp, "/a", b"")
        with pytest.raises(PermissionError):
            sftp.remove("/a")
        assert (user.home / "a").read_bytes() == b"12345"
        assert not program.seen("delete")
        # The hook may take the file away itself.
        program.behave('[ "$SFTPGO_ACTION" != pre-delete ] || rm -f "$SFTPGO_ACTION_PATH"')
        sftp.remove("/a")
        with pytest.raises(FileNotFoundError):
            sftp.remove("/a")
        program.behave("")
        sftp.remove("/b")
    events = program.wait("delete")
    assert [event["ACTION_VIRTUAL_PATH"] for event in events] == ["/b"]
    shown = server.api("GET", "/users/alice")
    assert (shown.get("used_quota_files", 0), shown.get("used_quota_size", 0)) == (0, 0)


def test_synchronous_upload_hook_may_refuse(make_server, program):
    for mode in ("0", "1"):
        server = make_server(settings(program.path, "upload", "upload", FERRY_COMMON__UPLOAD_MODE=mode))
        user = server.create_user(f"alice{mode}", quota_files=100)
        with Paramiko(user) as sftp:
            program.behave("exit 0")
            put(sftp, "/kept")
            assert program.seen("upload"), "it was waited for"
            program.behave("exit 3")
            with pytest.raises(ClientFailed):
                put_with_openssh(user, "refused")
            assert not (user.home / "refused").exists()
        shown = server.api("GET", f"/users/{user.name}")
        assert (shown.get("used_quota_files", 0), shown.get("used_quota_size", 0)) == (1, 5)
        assert queue(server)["waiting"] == 0
        server.stop()
        program.seen_path.unlink()


def test_url_and_objects(make_server, url):
    server = make_server(settings(url.url, "upload mkdir", objects_hook=url.url))
    user = server.create_user("alice", "the secret Passw0rd", description="d\u00e9")
    server.api("POST", "/folders", {"name": "f", "mapped_path": "/srv/f"})
    server.api("PUT", "/users/alice", server.api("GET", "/users/alice") | {"description": "new"})
    with pytest.raises(RestError):
        server.api("POST", "/folders", {"name": "f", "mapped_path": "/srv/f"})
    with Paramiko(user) as sftp:
        put(sftp, "/a b")
    server.api("PUT", "/admin/profile", {"description": "me"})
    server.api("DELETE", "/users/alice")
    assert empties(server)
    [upload] = url.bodies("upload")
    assert upload == upload | {"username": "alice", "virtual_path": "/a b", "path": str(user.home / "a b"),
                               "file_size": 5, "status": 1, "fs_provider": 0, "protocol": "SFTP", "ip": "127.0.0.1"}
    assert "target_path" not in upload and upload["timestamp"] > 10**18
    changes = [(query, body) for query, body in url.requests if query]
    assert [(query["action"], query["object_type"], query["object_name"], query["username"])
            for query, _ in changes] == [("add", "user", "alice", ADMIN), ("add", "folder", "f", ADMIN),
                                         ("update", "user", "alice", ADMIN), ("update", "admin", ADMIN, "__self__"),
                                         ("delete", "user", "alice", ADMIN)]
    assert changes[0][0]["ip"] == "127.0.0.1" and "role" not in changes[0][0]
    assert changes[0][1]["description"] == "d\u00e9" and changes[2][1]["description"] == "new"
    assert changes[4][1]["username"] == "alice"
    assert "password" not in changes[0][1] and "Passw0rd" not in str(changes)


def test_program_is_told_of_objects_whatever_it_says(make_server, program):
    program.behave("head -c 200000 /dev/zero")  # an answer that nobody reads
    server = make_server(settings(program.path, "mkdir", objects_hook=program.path, FERRY_COMMON__ACTIONS__RETRY_FOR="2"))
    user = server.create_user("alice", description="d")
    # More than the kernel lets a program be told in one variable: it gets the beginning.
    many = {f"/{'d' * 200}{index}": ["list"] for index in range(1000)}
    server.api("POST", "/groups", {"name": "large", "user_settings": {"permissions": {"/": ["*"]} | many}})
    server.api("POST", "/folders", {"name": "f", "mapped_path": "/srv/f"})
    with Paramiko(user) as sftp:
        sftp.mkdir("/a")
    [add, large, folder] = program.wait("add", 3)
    assert (add["PROVIDER_OBJECT_TYPE"], add["PROVIDER_OBJECT_NAME"], add["PROVIDER_USERNAME"],
            add["PROVIDER_IP"]) == ("user", "alice", ADMIN, "127.0.0.1")
    assert json.loads(add["PROVIDER_OBJECT"])["description"] == "d" and int(add["PROVIDER_TIMESTAMP"]) > 10**18
    assert large["PROVIDER_OBJECT_NAME"] == "large" and large["PROVIDER_OBJECT"].startswith('{"')
    assert 100_000 < len(large["PROVIDER_OBJECT"]) < 131_072
    assert folder["PROVIDER_OBJECT_NAME"] == "f"
    assert wait_for(lambda: queue(server) == {"waiting": 0, "dead": 0}), queue(server)
    assert len(program.seen("mkdir")) == 1 and len(program.seen("add")) == 3


def test_hook_that_is_away_is_told_later_in_order(make_server, url):
    server = make_server(settings(url.url, "mkdir", FERRY_HTTP__TIMEOUT="1", FERRY_HTTP__RETRY_MAX="0"))
    user = server.create_user("alice")
    with Paramiko(user) as sftp:
        url.answer = "die"
        sftp.mkdir("/0")
        url.wait("mkdir")
        url.answer = "stall"
        sftp.mkdir("/1")
        url.wait("mkdir", 2)
        url.answer = 503
        sftp.mkdir("/2")
        url.wait("mkdir", 3)
        assert queue(server)["waiting"] == 3
        url.answer = 200
    assert empties(server)
    # Each until it was answered, one after the other.
    order = [body["virtual_path"] for body in url.bodies("mkdir")]
    assert sorted(set(order)) == ["/0", "/1", "/2"] and order == sorted(order)


@pytest.mark.parametrize("failure", ["kill -9 $$", "sleep 1000"])
def test_a_program_that_fails_is_told_again(make_server, program, failure):
    server = make_server(settings(program.path, "mkdir", FERRY_COMMAND__TIMEOUT="2"))
    program.behave(failure)
    with Paramiko(server.create_user("alice")) as sftp:
        sftp.mkdir("/a")
        program.wait("mkdir")
        sftp.mkdir("/b")
        assert queue(server)["waiting"] == 2
        program.behave("")
    assert empties(server)
    order = [event["ACTION_VIRTUAL_PATH"] for event in program.seen("mkdir")]
    assert set(order) == {"/a", "/b"} and order.count("/a") >= 2
    if failure == "sleep 1000":  # it keeps the others waiting; one that fails waits alone
        assert order == sorted(order)


def test_dead_letters_are_listed_and_replayed(make_server, url):
    server = make_server(settings(url.url, "mkdir", FERRY_COMMON__ACTIONS__RETRY_FOR="1"))
    user = server.create_user("alice")
    url.answer = 500
    with Paramiko(user) as sftp:
        for name in "abc":
            sftp.mkdir(f"/{name}")
    assert wait_for(lambda: queue(server) == {"waiting": 0, "dead": 3})
    letters = server.api("GET", "/events/dead-letters")
    assert [letter["event"]["virtual_path"] for letter in letters] == ["/a", "/b", "/c"]
    assert letters[0]["hook"] == "fs_actions" and "500" in letters[0]["error"] and letters[0]["attempts"] >= 1
    assert server.api("GET", f"/events/dead-letters?limit=1&from_id={letters[0]['id']}") == [letters[1]]
    url.answer = 200
    before = len(url.bodies("mkdir"))
    server.api("POST", f"/events/dead-letters/{letters[1]['id']}/replay")
    assert url.wait("mkdir", before + 1)[-1]["virtual_path"] == "/b"
    server.api("DELETE", f"/events/dead-letters/{letters[0]['id']}")
    server.api("POST", "/events/dead-letters/replay")
    assert url.wait("mkdir", before + 2)[-1]["virtual_path"] == "/c"
    assert wait_for(lambda: queue(server) == {"waiting": 0, "dead": 0})
    for method, path in [("DELETE", "/1"), ("POST", "/x/replay"), ("POST", f"/{letters[1]['id']}/replay")]:
        with pytest.raises(RestError) as refused:
            server.api(method, f"/events/dead-letters{path}")
        assert refused.value.status == 404


def test_killed_server_tells_after_its_restart(make_server, url):
    url.answer = "die"
    server = make_server(settings(url.url, "upload", FERRY_HTTP__RETRY_MAX="0"))
    user = server.create_user("alice")
    with Paramiko(user) as sftp:
        put(sftp, "/a")
        server.kill()
    before = len(url.bodies("upload"))
    url.answer = 200
    server.start()
    # What the killed server had sent may be read only now.
    told = url.wait("upload", before + 1)[before:]
    assert {event["virtual_path"] for event in told} == {"/a"}
    assert empties(server)


def test_cut_upload_is_reported_as_it_is_left(make_server, program):
    for mode in ("0", "1", "2"):
        server = make_server(settings(program.path, "upload first-upload", FERRY_COMMON__UPLOAD_MODE=mode))
        user = server.create_user(f"alice{mode}", quota_files=100)
        connection = Paramiko(user)
        with connection as sftp:
            file = sftp.open("/cut", "wb")
            file.set_pipelined(True)
            for _ in range(4):
                file.write(b"x" * 30000)
            file.stat()
            connection.client.get_transport().sock.close()
        [event] = program.wait("upload")
        there = user.home / "cut"
        size = there.stat().st_size if there.exists() else 0
        assert there.exists() == (mode != "1") and (mode == "1" or size == 120000)
        assert (event["ACTION_STATUS"], int(event["ACTION_FILE_SIZE"])) == ("2", size)
        shown = server.api("GET", f"/users/{user.name}")
        assert (shown.get("used_quota_files", 0), shown.get("used_quota_size", 0)) == (int(there.exists()), size)
        assert not program.seen("first-upload")
        server.stop()
        program.seen_path.unlink()


def test_upload_over_quota_says_so(make_server, program):
    server = make_server(settings(program.path, "upload", FERRY_COMMON__UPLOAD_MODE="0"))
    user = server.create_user("alice", quota_size=1000)
    with Paramiko(user) as sftp, pytest.raises(OSError):
        put(sftp, "/large", b"x" * 2000)
    [event] = program.wait("upload")
    assert event["ACTION_STATUS"] == "3"
    assert int(event["ACTION_FILE_SIZE"]) == 0 and not (user.home / "large").exists()
    assert server.api("GET", "/users/alice").get("used_quota_size", 0) == 0


def test_full_disk_is_no_success(server, tmp_path, url):
    """What cannot be queued is not answered with OK; once there is room, all is well again."""
    mine = Ferry(tmp_path / "full", settings(url.url, "upload"), wrapper=["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"])
    for key in server.config_dir.glob("id_*"):
        (mine.config_dir / key.name).write_bytes(key.read_bytes())
        (mine.config_dir / key.name).chmod(0o600)
    mine.start()
    try:
        user = mine.create_user("alice")
        with Paramiko(user) as sftp:
            put(sftp, "/before")
            assert empties(mine)
            room = (mine.config_dir / "ferry.db-events-wal").stat().st_size
            hard = resource.prlimit(mine.process.pid, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(mine.process.pid, resource.RLIMIT_FSIZE, (room, hard))
            with pytest.raises(ClientFailed):
                put_with_openssh(user, "meanwhile")
            assert (user.home / "meanwhile").read_bytes() == b"12345", "the file is there all the same"
            resource.prlimit(mine.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
            put(sftp, "/after")
        assert empties(mine)
        assert [body["virtual_path"] for body in url.bodies("upload")] == ["/before", "/after"]
        assert "cannot be queued" in mine.log()
    finally:
        mine.kill()
