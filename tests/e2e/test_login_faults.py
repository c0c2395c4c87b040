"""Each thing that a login needs fails in turn: the provider, its disk, the clock. The answer is a refusal and a line in
the log, never a login; afterwards all is as before. (Hooks that fail: test_hooks.py, test_keyboard_hook.py.)"""
import os
import sqlite3
import subprocess
import threading
import time

import paramiko
import pytest
import requests

from clients import ClientFailed, run, sftp, wait_for
from ferry import FACTOR
from logins import Login, one_time_code, totp_filters
from test_credentials import FILLER, by_key

DAY = 86_400


def by(user, method, *arguments):
    """Whether this login over SSH leads in."""
    try:
        with Login(user) as login:
            return getattr(login, method)(*arguments) == [] and login.works()
    except (paramiko.SSHException, EOFError, OSError):
        return False


def token_for(server, path, name, password):
    return requests.get(server.url(f"/api/v2{path}"), auth=(name, password), timeout=60 * FACTOR).status_code == 200


class Door:
    """A server, and everybody who may come in, each for the first time."""

    def __init__(self, server, keys, public_keys):
        self.server, self.key = server, keys["ed25519"]
        self.people = {name: server.create_user(name, public_keys=public_keys)
                       for name in ("password", "key", "dialogue", "token")}
        self.people["code"] = server.create_user("code", filters=totp_filters())
        server.api("POST", "/admins", {"username": "machine", "password": FILLER, "status": 1, "permissions": ["*"],
                                       "filters": {"allow_api_key_auth": True}})
        self.api_key = server.api("POST", "/apikeys", {"name": "job", "scope": 1, "admin": "machine"})["key"]

    def ways(self):
        people = self.people
        return {
            "password": lambda: by(people["password"], "password"),
            "key": lambda: by(people["key"], "key", self.key),
            "dialogue": lambda: by(people["dialogue"], "interactive", [people["dialogue"].password]),
            "code": lambda: by(people["code"], "interactive", [people["code"].password], [one_time_code(step=1)]),
            "token": lambda: token_for(self.server, "/user/token", "token", people["token"].password),
            "admin": lambda: token_for(self.server, "/token", "machine", FILLER),
            "API key": lambda: by_key(self.server, self.api_key) == 200,
        }

    def all_at_once(self):
        """Who gets in; those who wait for the database wait together."""
        inside = {}
        threads = [threading.Thread(target=lambda name=name, way=way: inside.update({name: way()}))
                   for name, way in self.ways().items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(90 * FACTOR)
        assert set(inside) == set(self.ways())
        return {name for name, entered in inside.items() if entered}

    def everybody(self):
        return set(self.ways())


@pytest.fixture
def door(make_server, keys, public_keys):
    return Door(make_server(), keys, public_keys)


def database(server):
    return sqlite3.connect(server.config_dir / "ferry.db", timeout=30)


def refusals(server, why):
    return [line for line in server.log().splitlines() if '"connection_failed"' in line and why in line]


def test_the_provider_is_down(door):
    """Its tables are not there."""
    server, token = door.server, door.server.token()
    tables = ("users", "admins", "api_keys")
    connection = database(server)
    for table in tables:
        connection.execute(f"ALTER TABLE {table} RENAME TO {table}_gone")
    connection.commit()
    assert door.all_at_once() == set()
    headers = {"Authorization": f"Bearer {token}"}
    assert requests.get(server.url("/api/v2/version"), headers=headers, timeout=60).status_code == 401
    for table in tables:
        connection.execute(f"ALTER TABLE {table}_gone RENAME TO {table}")
    connection.commit()
    connection.close()
    wait_for(lambda: len(refusals(server, "no such table")) >= 6, "the lines in the log")
    assert door.all_at_once() == door.everybody()
    assert requests.get(server.url("/api/v2/version"), headers=headers, timeout=60).status_code == 200


def test_somebody_else_writes_to_the_database_and_does_not_end(door):
    """Reading goes on, but a login that is to be noted is none when it cannot be."""
    server, known = door.server, door.server.create_user("known")
    assert by(known, "password")
    connection = database(server)
    connection.execute("BEGIN IMMEDIATE")
    assert by(known, "password"), "it was noted a moment ago"
    assert not by(door.people["password"], "password")  # takes the ten seconds that a lock is waited for
    connection.rollback()
    connection.close()
    wait_for(lambda: refusals(server, "could not be noted: sqlite: "), "the line in the log")
    assert door.all_at_once() == door.everybody()


def test_the_database_is_damaged(door):
    server = door.server
    connection = database(server)
    connection.execute("UPDATE users SET updated_at = updated_at + 1")  # what was read before is not current any more
    connection.commit()
    for name in ("ferry.db", "ferry.db-wal"):
        file = server.config_dir / name
        with open(file, "r+b") as damaged:
            damaged.write(os.urandom(file.stat().st_size))
    assert door.all_at_once() == set()
    wait_for(lambda: len(refusals(server, "sqlite: ")) >= 5, "the lines in the log")
    assert server.alive()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of four megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_the_disk_is_full(small_disk, make_server, keys, public_keys):
    server = make_server({"FERRY_DATA_PROVIDER__NAME": str(small_disk / "ferry.db")})
    door, known = Door(server, keys, public_keys), server.create_user("known")
    assert by(known, "password")
    filler = small_disk / "filler"
    with open(filler, "wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(bytes(4096))
    assert by(known, "password"), "it was noted a moment ago"
    assert door.all_at_once() == set()
    wait_for(lambda: len(refusals(server, "could not be noted: ")) >= 5, "the lines in the log")
    filler.unlink()
    assert door.all_at_once() == door.everybody()


# --- the clock ---

def weekdays(*days):
    return [{"day_of_week": day % 7, "from": "00:00", "to": "23:59"} for day in days]


def test_a_clock_that_is_set_back_revives_nothing(clock, make_server, tmp_path):
    authority, key = tmp_path / "ca", tmp_path / "id"
    for file in authority, key:
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file])
    run(["ssh-keygen", "-q", "-s", authority, "-I", "id", "-n", "certified", "-V", "-1h:+1h", f"{key}.pub"])
    server = make_server(clock.environment() | {"FERRY_SFTPD__TRUSTED_USER_CA_KEYS": f"{authority}.pub"})
    later = int((time.time() + 3600) * 1000)
    today = int(time.time()) // DAY + 4  # 1 January 1970 was a Thursday
    users = {"account": server.create_user("account", expiration_date=later),
             "password": server.create_user("password", filters={"password_expiration": 1}),
             "access time": server.create_user("hours", filters={"access_time": weekdays(today, today + 1)})}
    plain, certified = server.create_user("plain"), server.create_user("certified")
    server.api("POST", "/admins", {"username": "machine", "password": FILLER, "status": 1, "permissions": ["*"],
                                   "filters": {"allow_api_key_auth": True}})
    api_key = server.api("POST", "/apikeys", {"name": "job", "scope": 1, "admin": "machine", "expires_at": later})["key"]
    headers = {"Authorization": f"Bearer {server.token()}"}

    def by_certificate():
        try:
            return "Remote working directory" in sftp(certified, ["pwd"], key)
        except ClientFailed:
            return False

    def inside():
        return {name for name, user in users.items() if by(user, "password")} | {name for name, works in {
            "certificate": by_certificate(), "API key": by_key(server, api_key) == 200,
            "token": requests.get(server.url("/api/v2/version"), headers=headers, timeout=60).status_code == 200,
        }.items() if works}

    everything = {*users, "certificate", "API key", "token"}
    lasting = server.create_user("lasting", expiration_date=later + 30 * DAY * 1000)
    assert inside() == everything and by(plain, "password")
    clock.show(3 * DAY)
    assert inside() == set() and by(plain, "password") and by(lasting, "password")
    clock.show(0)
    assert inside() == set() and by(plain, "password") and by(lasting, "password")
    wait_for(lambda: "the clock was set back by 259" in server.log(), "the complaint")
    assert server.log().count("the clock was set back") == 1
    # After a restart the last login is what is known of later times.
    assert server.stop() == 0
    server.start()
    assert inside() == everything - {"token"}
    assert by(plain, "password") and not by(lasting, "password")
    assert refusals(server, "the clock is behind the last login")


def test_a_password_expires(clock, make_server):
    server = make_server(clock.environment())
    user = server.create_user("maria", filters={"password_expiration": 2})
    assert by(user, "password") and by(user, "interactive", [user.password])
    clock.show(DAY)
    assert by(user, "password")
    clock.show(3 * DAY)
    assert not by(user, "password") and not by(user, "interactive", [user.password])
    assert refusals(server, "the password has expired")
    # Over HTTP it opens nothing but the way to a new one.
    login = requests.get(server.url("/api/v2/user/token"), auth=(user.name, user.password), timeout=60)
    headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
    assert requests.put(server.url("/api/v2/user/profile"), headers=headers, json={}, timeout=60).status_code == 403
    changed = requests.put(server.url("/api/v2/user/changepwd"), headers=headers, timeout=60,
                           json={"current_password": user.password, "new_password": FILLER})
    assert changed.status_code == 200, changed.text
    assert by(user, "password", FILLER) and not by(user, "password")


def test_one_time_codes_go_by_the_clock_and_serve_once_whatever_it_shows(clock, make_server):
    server = make_server(clock.environment())
    user = server.create_user("maria", filters=totp_filters())

    def by_code(code):
        return by(user, "interactive", [user.password], [code])
    code = one_time_code()
    assert by_code(code)
    clock.show(3600)
    assert not by_code(one_time_code(step=1)) and by_code(one_time_code(step=120))
    clock.show(0)
    assert not by_code(code) and not by_code(one_time_code(step=1)), "older than one that was used"


def test_the_server_ends_while_a_login_waits_for_the_database(door):
    """Longer than connections have to end: it waits for what runs, and takes nothing away from it."""
    server = door.server
    connection = database(server)
    connection.execute("BEGIN IMMEDIATE")
    login = threading.Thread(target=by, args=(door.people["password"], "password"))
    login.start()
    time.sleep(1)
    assert server.stop(timeout=40) == 0
    login.join()
    connection.rollback()
    connection.close()
    assert '"stopped"' in server.log()
