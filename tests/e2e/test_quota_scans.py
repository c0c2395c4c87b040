"""Scans, usage over REST, data-transfer quotas, free space, and the truth after a crash."""
import asyncio

import pytest

from clients import ClientFailed, Paramiko, asyncssh_connect, random_file, run, same, scp, sftp, ssh_options, wait_for
from quota_tools import on_disk, used, used_by_folder
from test_quota import INCLUDED, UNLIMITED, new_folder  # noqa: F401 (a fixture)

MB = 1024 * 1024


def scan(server, kind, name):
    server.api("POST", f"/quotas/{kind}/{name}/scan")
    wait_for(lambda: not server.api("GET", f"/quotas/{kind}/scans"), "the scan", 60)


def test_a_scan_finds_the_truth_and_reports_the_drift(new_user, new_folder, tmp_path):  # noqa: F811
    name, path = new_folder()
    user = new_user(quota_size=1_000_000, virtual_folders=[{"name": name, "virtual_path": "/f"} | INCLUDED])
    sftp(user, [f"put {random_file(tmp_path / 'x', 1000)} x"])
    (user.home / "deep" / "er").mkdir(parents=True)
    random_file(user.home / "deep" / "er" / "y", 500)
    random_file(path / "z", 70)
    (user.home / "link").symlink_to(user.home / "x")
    user.server.api("PUT", f"/quotas/users/{user.name}/usage?mode=add", {"used_quota_files": 7, "used_quota_size": 7})
    assert used(user) == (8, 1007)
    scan(user.server, "users", user.name)
    assert used(user) == (3, 1570) == on_disk(user.home, path)
    scan(user.server, "folders", name)
    assert used_by_folder(user.server, name) == (1, 70) == on_disk(path)
    assert f'scan of user \\"{user.name}\\": 3 files, 1570 bytes' in user.server.log()
    assert "drift -5 files, +563 bytes" in user.server.log()


def test_a_scan_while_uploads_run_counts_them_once(new_user):
    user = new_user(quota_size=100_000_000)
    with Paramiko(user) as client:
        with client.open("running", "w") as file:
            file.write(b"x" * 1_000_000)
            file.stat()
            scan(user.server, "users", user.name)
            file.write(b"x" * 1_000_000)
    assert used(user) == (1, 2_000_000) == on_disk(user.home)


def test_a_scan_after_a_crash(make_server, tmp_path):
    server = make_server()
    server.api("POST", "/folders", {"name": "shared", "mapped_path": str(tmp_path / "shared")})
    mounts = [{"name": "shared", "virtual_path": "/shared"} | UNLIMITED]
    user = server.create_user("crashed", quota_size=1_000_000_000, virtual_folders=mounts)

    async def uploads():
        async with asyncssh_connect(user) as connection, connection.start_sftp_client() as client:
            async def upload(number):
                place = "/" if number % 2 else "/shared/"
                for again in range(1000):
                    async with client.open(f"{place}f{number}", "wb") as file:
                        for _ in range(20):
                            await file.write(b"x" * (10_000 + again))
            tasks = [asyncio.create_task(upload(number)) for number in range(8)]
            await asyncio.sleep(1)
            server.kill()
            await asyncio.gather(*tasks, return_exceptions=True)

    try:
        asyncio.run(uploads())
    except OSError:
        pass  # the connection broke, as it should
    server.start()
    scan(server, "users", user.name)
    scan(server, "folders", "shared")
    assert used(user) == on_disk(user.home) and used(user)[0] > 0
    assert used_by_folder(server, "shared") == on_disk(tmp_path / "shared")
    sftp(user, ["rm /f*", "rm /shared/f*"])
    assert used(user) == (0, 0) == used_by_folder(server, "shared")


def test_nothing_to_scan_when_tracking_is_off(make_server):
    server = make_server({"FERRY_DATA_PROVIDER__TRACK_QUOTA": "0"})
    user = server.create_user("free")
    with pytest.raises(Exception, match="403"):
        server.api("POST", f"/quotas/users/{user.name}/scan")
    with pytest.raises(Exception, match="403"):
        server.api("PUT", f"/quotas/users/{user.name}/usage", {})


def test_transferred_data_is_limited_each_way(new_user, tmp_path):
    user = new_user(upload_data_transfer=2, download_data_transfer=1)
    large = random_file(tmp_path / "large", 1_500_000)
    sftp(user, [f"put {large} one"])
    with pytest.raises(ClientFailed):
        sftp(user, [f"put {large} two"])
    assert not (user.home / "two").exists()
    with pytest.raises(ClientFailed):
        sftp(user, [f"get one {tmp_path / 'back'}"])
    with pytest.raises(ClientFailed) as failure:
        scp(user, [":one"], tmp_path / "back", options=["-O"])
    assert "quota exceeded" in failure.value.output
    shown = user.server.api("GET", f"/users/{user.name}")
    assert shown["used_upload_data_transfer"] == 2 * MB and shown["used_download_data_transfer"] == MB
    user.server.api("PUT", f"/quotas/users/{user.name}/transfer-usage", {})
    small = random_file(tmp_path / "small", 900_000)
    sftp(user, [f"put {small} small", f"get small {tmp_path / 'again'}"])
    assert same(small, tmp_path / "again")


def test_transferred_data_is_limited_both_ways_together(new_user, tmp_path):
    user = new_user(total_data_transfer=2)
    source = random_file(tmp_path / "source", 1_500_000)
    sftp(user, [f"put {source} one"])
    with pytest.raises(ClientFailed):
        sftp(user, [f"get one {tmp_path / 'back'}"])
    shown = user.server.api("GET", f"/users/{user.name}")
    assert shown["used_upload_data_transfer"] == 1_500_000
    assert shown["used_download_data_transfer"] == 2 * MB - 1_500_000
    with pytest.raises(ClientFailed):
        sftp(user, [f"put {source} two"])
    assert not (user.home / "two").exists()
    user.server.api("PUT", f"/quotas/users/{user.name}/transfer-usage", {"used_download_data_transfer": MB})
    small = random_file(tmp_path / "small", MB // 2 - 1)
    sftp(user, [f"put {small} small", f"get small {tmp_path / 'again'}"])
    assert same(small, tmp_path / "again")
    with pytest.raises(ClientFailed):
        sftp(user, [f"put {small} more"])
    assert not (user.home / "more").exists()


def test_use_that_is_set_by_hand_is_what_limits(new_user, new_folder, tmp_path):  # noqa: F811
    name, path = new_folder()
    user = new_user(quota_size=1_000_000, virtual_folders=[
        {"name": name, "virtual_path": "/f", "quota_size": 1_000_000, "quota_files": 0}])
    source = random_file(tmp_path / "source", 600_000)
    for kind, who, place, home, shown in (("users", user.name, "/", user.home, lambda: used(user)),
                                          ("folders", name, "/f/", path, lambda: used_by_folder(user.server, name))):
        sftp(user, [f"put {source} {place}one"])
        assert shown() == (1, 600_000)
        with Paramiko(user) as client:  # holds for sessions that are there, too
            usage = {"used_quota_files": 5, "used_quota_size": 900_000}
            user.server.api("PUT", f"/quotas/{kind}/{who}/usage?mode=reset", usage)
            assert shown() == (5, 900_000)
            file = client.open(f"{place}two", "w")
            with pytest.raises(OSError):
                file.write(b"x" * 100_001)
                file.flush()
            file.close()
        assert shown() == (5, 900_000) and not (home / "two").exists()
        user.server.api("PUT", f"/quotas/{kind}/{who}/usage", {"used_quota_files": 2, "used_quota_size": 400_000})
        sftp(user, [f"put {source} {place}three"])
        assert shown() == (3, 1_000_000)


def test_a_folder_that_is_mounted_twice_counts_once(new_user, new_folder, tmp_path):  # noqa: F811
    name, path = new_folder()
    user = new_user(quota_size=1_000_000, virtual_folders=[
        {"name": name, "virtual_path": "/part", "subpath": "sub"} | INCLUDED,
        {"name": name, "virtual_path": "/whole"} | INCLUDED])
    sftp(user, [f"put {random_file(tmp_path / 'x', 1000)} /part/x", f"put {tmp_path / 'x'} /whole/y"])
    assert used(user) == (2, 2000) == on_disk(path)
    scan(user.server, "users", user.name)
    assert used(user) == (2, 2000)


def test_free_space_is_the_quotas(new_user, tmp_path):
    user = new_user(quota_size=10 * MB, quota_files=100)
    sftp(user, [f"put {random_file(tmp_path / 'x', MB)} x"])
    lines = sftp(user, ["df", "df -i"]).splitlines()
    size, used_kb, available = [line for line in lines if line.strip().endswith("%")][0].split()[:3]
    assert (int(size), int(used_kb), int(available)) == (10 * 1024, 1024, 9 * 1024)
    inodes = [line for line in lines if line.strip().endswith("%")][1].split()
    assert inodes[:3] == ["100", "1", "99"]


def test_what_rsync_stored_is_counted(new_user, keys, make_server, tmp_path):
    server = make_server({"FERRY_SFTPD__ENABLED_SSH_COMMANDS": "*"})
    public = [f"{keys['ed25519']}.pub"]
    user = server.create_user("program", quota_size=1_000_000, public_keys=[open(public[0]).read().strip()])
    source = random_file(tmp_path / "source", 300_000)
    shell = "ssh " + " ".join(map(str, ssh_options(user, keys["ed25519"])))
    run(["rsync", "-e", shell, source, f"{user.name}@127.0.0.1:one"])
    wait_for(lambda: used(user) == (1, 300_000), "the count after rsync")
    with pytest.raises(ClientFailed) as failure:
        run(["rsync", "-e", shell, random_file(tmp_path / "large", 800_000), f"{user.name}@127.0.0.1:two"])
    assert "Disk quota exceeded" in failure.value.output
    wait_for(lambda: used(user) == on_disk(user.home), "the count after rsync")


def test_a_parallel_rush_on_room_for_one(new_user):
    """Pitfall: a limit is checked, then used. 200 uploads at once, room for one file."""
    user = new_user(quota_files=1)
    stored = []

    async def rush():
        async with asyncssh_connect(user) as one, asyncssh_connect(user) as other:
            async with one.start_sftp_client() as first, other.start_sftp_client() as second:
                async def upload(number):
                    try:
                        async with (first if number % 2 else second).open(f"f{number}", "wb") as file:
                            await file.write(b"x")
                        stored.append(number)
                    except Exception as error:
                        assert "quota exceeded" in str(error), error
                await asyncio.gather(*(upload(number) for number in range(200)))

    asyncio.run(rush())
    assert len(stored) == 1 and used(user) == (1, 1) == on_disk(user.home)
