"""Quotas of size and files with stock clients: what is refused, how it is said, what is counted."""
import itertools

import pytest

from clients import ClientFailed, Paramiko, random_file, scp, sftp, wait_for
from quota_tools import expect_used, on_disk, used, used_by_folder
from test_scp import Raw

numbers = itertools.count(1)
UNLIMITED = {"quota_size": 0, "quota_files": 0}
INCLUDED = {"quota_size": -1, "quota_files": -1}


@pytest.fixture
def new_folder(server, tmp_path):
    """new_folder(): the name of a fresh folder, and where it lies."""
    def make():
        name = f"folder{next(numbers)}"
        path = tmp_path / name
        server.api("POST", "/folders", {"name": name, "mapped_path": str(path)})
        return name, path
    return make


def test_sftp_stops_at_the_limit(new_user, tmp_path):
    user = new_user(quota_size=1_000_000)
    fits, large = random_file(tmp_path / "fits", 600_000), random_file(tmp_path / "large", 2_000_000)
    sftp(user, [f"put {fits} fits"])
    with pytest.raises(ClientFailed) as failure:
        sftp(user, [f"put {large} large"])
    assert "Failure" in failure.value.output  # OpenSSH has its own words for the code
    # Nothing stays that could be taken for the whole file.
    assert not (user.home / "large").exists()
    expect_used(user)
    assert used(user) == (1, 600_000)
    with pytest.raises(ClientFailed) as failure:
        sftp(user, [f"put {fits} more"])
    assert "Failure" in failure.value.output and not (user.home / "more").exists()
    sftp(user, [f"put {random_file(tmp_path / 'filler', 400_000)} filler"])
    with Paramiko(user) as client, pytest.raises(OSError, match="quota exceeded"):
        client.open("more", "w")
    sftp(user, ["rm filler"])
    sftp(user, [f"put {random_file(tmp_path / 'rest', 400_000)} rest"])
    assert used(user) == (2, 1_000_000)
    assert '"error":"quota exceeded' in user.server.log()


@pytest.mark.parametrize("options", [[], ["-O"]], ids=["sftp", "legacy"])
def test_scp_stops_at_the_limit(new_user, tmp_path, options):
    user = new_user(quota_size=1_000_000)
    large = random_file(tmp_path / "large", 2_000_000)
    with pytest.raises(ClientFailed) as failure:
        scp(user, [large], ":large", options=options)
    assert "quota exceeded" in failure.value.output or not options
    expect_used(user)
    assert used(user) == (0, 0) and not (user.home / "large").exists()
    small = random_file(tmp_path / "small", 1_000_000)
    scp(user, [small], ":large", options=options)
    assert used(user) == (1, 1_000_000)


def test_number_of_files(new_user, tmp_path):
    user = new_user(quota_files=2)
    source = random_file(tmp_path / "source", 100)
    sftp(user, [f"put {source} one", f"put {source} two", f"put {source} one"])
    with pytest.raises(ClientFailed) as failure:
        sftp(user, [f"put {source} three"])
    assert "Failure" in failure.value.output and not (user.home / "three").exists()
    sftp(user, ["mkdir directory", "symlink one link", "rename one first", "rm two", f"put {source} three"])
    assert used(user) == (2, 200) == on_disk(user.home)


def test_largest_file(new_user, tmp_path):
    user = new_user(filters={"max_upload_file_size": 100_000})
    fits, large = random_file(tmp_path / "fits", 100_000), random_file(tmp_path / "large", 100_001)
    sftp(user, [f"put {fits} file"])
    with pytest.raises(ClientFailed):
        sftp(user, [f"put {large} large"])
    with pytest.raises(ClientFailed) as failure:
        scp(user, [large], ":large", options=["-O"])
    assert "quota exceeded" in failure.value.output
    with Paramiko(user) as client, pytest.raises(OSError):
        client.truncate("file", 100_001)


def test_appends_together_keep_to_the_largest_file(new_user):
    """Of an account without quotas, from two connections: they do not add up to more."""
    user = new_user(filters={"max_upload_file_size": 100_000})
    with Paramiko(user) as one, Paramiko(user) as other, one.open("f", "a") as mine, other.open("f", "a") as theirs:
        for _ in range(5):
            for file in (mine, theirs):
                file.write(b"x" * 10_000)
                file.flush()
        for file in (mine, theirs):
            with pytest.raises(OSError):
                file.write(b"x")
                file.flush()
        assert (user.home / "f").stat().st_size == 100_000


def test_who_has_closed_a_file_pays_no_more_for_it(new_user, new_folder):
    """A file of a folder that two users write: what one adds later is not counted with the other."""
    name, path = new_folder()
    mine = new_user(quota_size=1_000_000, virtual_folders=[{"name": name, "virtual_path": "/f"} | INCLUDED])
    theirs = new_user(virtual_folders=[{"name": name, "virtual_path": "/f"} | UNLIMITED])
    with Paramiko(theirs) as other:
        with other.open("/f/file", "w") as file:
            file.write(b"x" * 1000)
            file.flush()
            with Paramiko(mine) as client:
                with client.open("/f/file", "r+") as again:
                    again.write(b"y" * 900_000)
                file.seek(900_000)
                file.write(b"z" * 1_000_000)
                file.flush()
                assert used(mine)[1] == 900_000
                with client.open("own", "w") as small:
                    small.write(b"s" * 100_000)  # there is room for it
    assert used(mine)[1] == 1_000_000
    assert used_by_folder(mine.server, name) == on_disk(path)


def test_atomic_upload_leaves_nothing(make_server, tmp_path):
    server = make_server({"FERRY_COMMON__UPLOAD_MODE": "1"})
    user = server.create_user("atomic", quota_size=1_000_000)
    old, large = random_file(tmp_path / "old", 700_000), random_file(tmp_path / "large", 1_000_001)
    sftp(user, [f"put {old} file"])
    for name in ("file", "other"):
        with pytest.raises(ClientFailed) as failure:
            sftp(user, [f"put {large} {name}"])
        assert "Failure" in failure.value.output
        wait_for(lambda: [path.name for path in user.home.iterdir()] == ["file"], "the partial file to go")
        assert used(user) == (1, 700_000) == on_disk(user.home)
    sftp(user, [f"put {random_file(tmp_path / 'all', 1_000_000)} file"])
    assert used(user) == (1, 1_000_000) == on_disk(user.home)


def test_what_changes_sizes_is_counted(new_user):
    user = new_user(quota_size=10_000_000)
    with Paramiko(user) as client:
        with client.open("f", "w") as file:
            file.write(b"x" * 1000)
        with client.open("f", "a") as file:
            file.write(b"y" * 500)
        assert used(user) == (1, 1500)
        client.truncate("f", 200)
        assert used(user) == (1, 200)
        with client.open("f", "r+") as file:
            file.seek(5_000_000)
            file.write(b"sparse")
        assert used(user) == (1, 5_000_006) == on_disk(user.home)
        with client.open("f", "r+") as file, pytest.raises(OSError):
            file.truncate(10_000_001)
        with client.open("g", "w") as file:
            file.write(b"z" * 300)
        client.posix_rename("g", "f")
        assert used(user) == (1, 300) == on_disk(user.home)
    sftp(user, ["ln f second"])
    assert used(user) == (2, 600)
    sftp(user, ["rm second", "rm f"])
    assert used(user) == (0, 0)


def test_a_file_with_two_names_keeps_its_size(new_user):
    """It counts once for each name: else removing one name would give back what was written through the other."""
    user = new_user(quota_size=1_000_000)
    with Paramiko(user) as client:
        client.open("f", "w").write(b"x")
    sftp(user, ["ln f g"])
    with Paramiko(user) as client:
        for mode in ("a", "r+", "w"):
            with pytest.raises(PermissionError):
                client.open("f", mode)
        with pytest.raises(PermissionError):
            client.truncate("g", 900_000)
        assert used(user) == (2, 2) == on_disk(user.home)
        client.remove("g")
        with client.open("f", "a") as file:
            file.write(b"y" * 900_000)
            with pytest.raises(ClientFailed):
                sftp(user, ["ln f g"])
        assert used(user) == (1, 900_001) == on_disk(user.home)
        with pytest.raises(OSError):
            client.open("h", "w").write(b"z" * 100_000)
    expect_used(user)
    assert "a file with several names" in user.server.log()


def test_what_moves_between_mounts_is_counted_where_it_is(new_user, new_folder, tmp_path):
    (one, one_path), (other, other_path), (included, included_path) = new_folder(), new_folder(), new_folder()
    user = new_user(quota_size=1_000_000, virtual_folders=[
        {"name": one, "virtual_path": "/one", "quota_size": 1_000_000, "quota_files": 0},
        {"name": other, "virtual_path": "/other", "quota_size": 500_000, "quota_files": 0},
        {"name": included, "virtual_path": "/included"} | INCLUDED])

    def counted():
        return used_by_folder(user.server, one), used_by_folder(user.server, other), used(user)
    sftp(user, ["mkdir /one/d", f"put {random_file(tmp_path / 'a', 300_000)} /one/d/a",
                f"put {random_file(tmp_path / 'b', 100_000)} /one/d/b"])
    assert counted() == ((2, 400_000), (0, 0), (0, 0))
    sftp(user, ["rename /one/d /other/d"])
    assert counted() == ((0, 0), (2, 400_000), (0, 0)) == (on_disk(one_path), on_disk(other_path), (0, 0))
    sftp(user, [f"put {tmp_path / 'a'} /one/more"])
    with pytest.raises(ClientFailed):
        sftp(user, ["rename /one/more /other/more"])  # no room there
    assert (one_path / "more").exists() and not (other_path / "more").exists()
    assert counted() == ((1, 300_000), (2, 400_000), (0, 0))
    sftp(user, ["rename /other/d/a /d", "rename /other/d/b /included/b"])
    assert counted() == ((1, 300_000), (0, 0), (2, 400_000))
    with Paramiko(user) as client:
        client.posix_rename("/one/more", "/d")  # in the place of what was there
    assert counted() == ((0, 0), (0, 0), (2, 400_000)) == (on_disk(one_path), on_disk(other_path),
                                                          on_disk(user.home, included_path))


def test_folders_of_their_own_and_included(new_user, new_folder, tmp_path):
    own, own_path = new_folder()
    included, included_path = new_folder()
    mounts = [{"name": own, "virtual_path": "/own", "quota_size": 500_000, "quota_files": 0},
              {"name": included, "virtual_path": "/included"} | INCLUDED]
    user = new_user(quota_size=1_000_000, virtual_folders=mounts)
    guest = new_user(virtual_folders=[{"name": own, "virtual_path": "/there"} | UNLIMITED])
    half, most = random_file(tmp_path / "half", 500_000), random_file(tmp_path / "most", 900_000)
    sftp(user, [f"put {half} /own/half", f"put {most} /included/most"])
    assert used(user) == (1, 900_000) and used_by_folder(user.server, own) == (1, 500_000)
    assert used_by_folder(user.server, included) == (1, 900_000)
    with pytest.raises(ClientFailed):
        sftp(user, [f"put {half} /half"])
    assert not (user.home / "half").exists()
    sftp(guest, [f"put {most} /there/most"])  # the folder's limit is this user's, not that one's
    with pytest.raises(ClientFailed):
        sftp(user, [f"put {half} /own/more"])
    assert used_by_folder(user.server, own) == (2, 1_400_000) == on_disk(own_path) and not (own_path / "more").exists()
    assert used_by_folder(user.server, included) == on_disk(included_path)
    assert used(guest) == (0, 0)


def test_nothing_is_counted_when_tracking_is_off(make_server, tmp_path):
    server = make_server({"FERRY_DATA_PROVIDER__TRACK_QUOTA": "0"})
    user = server.create_user("free", quota_size=10)
    sftp(user, [f"put {random_file(tmp_path / 'large', 100_000)} large"])
    assert used(user) == (0, 0)


def test_everybody_is_counted_when_asked(make_server, tmp_path):
    server = make_server({"FERRY_DATA_PROVIDER__TRACK_QUOTA": "1"})
    user = server.create_user("plain")
    sftp(user, [f"put {random_file(tmp_path / 'large', 100_000)} large"])
    assert used(user) == (1, 100_000)


def test_updates_are_gathered_and_told_at_the_end(make_server, tmp_path):
    server = make_server({"FERRY_DATA_PROVIDER__DELAYED_QUOTA_UPDATE": "3600"})
    user = server.create_user("late", quota_size=150_000)
    source = random_file(tmp_path / "source", 100_000)
    sftp(user, [f"put {source} one"])
    assert used(user) == (0, 0)
    with pytest.raises(ClientFailed):
        sftp(user, [f"put {source} two"])  # the limit holds all the same
    assert server.stop() == 0
    server.start()
    assert used(user) == (1, 100_000) == on_disk(user.home)


def test_gathered_updates_are_told_in_time(make_server, tmp_path):
    server = make_server({"FERRY_DATA_PROVIDER__DELAYED_QUOTA_UPDATE": "1"})
    user = server.create_user("soon", quota_size=150_000)
    sftp(user, [f"put {random_file(tmp_path / 'source', 100_000)} one"])
    wait_for(lambda: used(user) == (1, 100_000), "the update", 30)


def test_a_cut_connection_is_counted_right(new_user):
    """Cut at every tenth of a file: what is counted is what is there, and it is logged as failed."""
    user = new_user(quota_size=100_000_000)
    size = 2_000_000
    for tenth in range(1, 10):
        client = Paramiko(user)
        with client as session:
            file = session.open(f"cut{tenth}", "w")
            file.set_pipelined(True)
            for _ in range(size * tenth // 10 // 20_000):
                file.write(b"x" * 20_000)
            client.client.get_transport().sock.close()
        wait_for(lambda name=f"cut{tenth}": f'{name}"' in user.server.log() and used(user)[0] == tenth, "the end")
        expect_used(user)
    assert user.server.log().count("/cut") >= 9 and "connection lost" in user.server.log()


def cut_scp(user, name, size, tenth):
    """Sends the first tenths of a file over the legacy protocol, and breaks the connection."""
    raw = Raw(user, f"scp -t {name}")
    assert raw.receive(1) == b"\0"
    raw.send(f"C0644 {size} {name}\n".encode())
    assert raw.receive(1) == b"\0"
    raw.send(b"x" * (size * tenth // 10))
    raw.client.get_transport().sock.close()


@pytest.mark.parametrize("mode", ["0", "1", "2"])
def test_a_cut_scp_is_counted_right(make_server, mode):
    """The same over SCP, in each upload mode: new files, and files that are there already."""
    server = make_server({"FERRY_COMMON__UPLOAD_MODE": mode})
    user = server.create_user("cut", quota_size=10_000_000)
    size = 1_000_000
    with Paramiko(user) as client:
        for tenth in range(10):
            client.open(f"old{tenth}", "w").write(b"o" * 1000)
    for tenth in range(10):
        for name in (f"new{tenth}", f"old{tenth}"):
            cut_scp(user, name, size, tenth)
            wait_for(lambda name=name: any(f'/{name}"' in line and '"error":"' in line
                                           for line in server.log().splitlines()), f"the end of {name}")
    expect_used(user)
    there = {path.name: path.stat().st_size for path in user.home.iterdir()}
    if mode == "1":
        assert there == {f"old{tenth}": 1000 for tenth in range(10)}
    else:
        assert set(there) == {f"{kind}{tenth}" for kind in ("old", "new") for tenth in range(10)}
    assert max(there.values()) < size and not [line for line in server.log().splitlines() if '"sender":"Upload"' in line
                                               and '"error"' not in line and '/new' in line]
    # Nothing stays reserved: all that is left can be used.
    left = 10_000_000 - used(user)[1]
    with Paramiko(user) as client:
        with client.open("rest", "w") as file:
            file.set_pipelined(True)
            file.write(b"r" * left)
        with pytest.raises(OSError):
            client.open("more", "w").write(b"x")


def test_a_cut_copy_is_counted_right(make_server, scratch, tmp_path):
    """Copies and moves that are broken off: sftpgo-copy of a client that leaves, on one quota and between two."""
    server = make_server({"FERRY_SFTPD__ENABLED_SSH_COMMANDS": "*"})
    server.api("POST", "/folders", {"name": "own", "mapped_path": str(scratch / "own")})
    user = server.create_user("copies", quota_size=10 * 2**30, home_dir=scratch / "copies", virtual_folders=[
        {"name": "own", "virtual_path": "/own", "quota_size": 10 * 2**30, "quota_files": 0}])
    (user.home / "tree").mkdir(parents=True)
    random_file(user.home / "tree" / "small", 1000)
    with open(user.home / "tree" / "large", "wb") as file:
        file.truncate(2 * 2**30)
    server.api("POST", "/quotas/users/copies/scan")
    wait_for(lambda: used(user) == (2, 2 * 2**30 + 1000), "the scan")
    for target, place in (("copied", user.home), ("own/copied", scratch / "own")):
        raw = Raw(user, f"sftpgo-copy tree {target}")
        wait_for(lambda place=place: list(place.glob(".ferry-upload.*")), "the copy to begin")
        raw.client.get_transport().sock.close()
        wait_for(lambda place=place: not list(place.glob(".ferry-upload.*")), "the half copy to go", 60)
        expect_used(user)
        assert used_by_folder(server, "own") == on_disk(scratch / "own")
        assert not (place / "copied").exists()  # else it was faster than its client could leave
