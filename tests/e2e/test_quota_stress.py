"""Fifty clients of three users upload, overwrite, append, cut, link, copy, move, rename and remove the same names in their
homes, in folders of their own and in one that they share; in the end what is counted is what lies on the disk."""
import subprocess
import sys
from pathlib import Path

import pytest

from clients import wait_for
from ferry import FACTOR
from quota_tools import on_disk, used, used_by_folder

# Of the shared folder, by user; what a user may store in its home and its own folder together.
SHARED = [(300_000, 8), (400_000, 10), (400_000, 10)]
QUOTA = {"quota_size": 600_000, "quota_files": 16}


@pytest.mark.parametrize("mode", ["0", "1"], ids=["standard", "atomic"])
def test_fifty_clients(make_server, tmp_path, mode):
    server = make_server({"FERRY_COMMON__UPLOAD_MODE": mode, "FERRY_SFTPD__ENABLED_SSH_COMMANDS": "*"})
    shared = tmp_path / "shared"
    server.api("POST", "/folders", {"name": "shared", "mapped_path": str(shared)})
    users, own = [], {}
    for number, (size, files) in enumerate(SHARED):
        own[f"own{number}"] = tmp_path / f"own{number}"
        server.api("POST", "/folders", {"name": f"own{number}", "mapped_path": str(tmp_path / f"own{number}")})
        users.append(server.create_user(f"stress{number}", **QUOTA, virtual_folders=[
            {"name": "shared", "virtual_path": "/shared", "quota_size": size, "quota_files": files},
            {"name": f"own{number}", "virtual_path": "/mine", "quota_size": -1, "quota_files": -1}]))
    script = Path(__file__).with_name("quota_stress.py")
    processes = [subprocess.Popen([sys.executable, str(script), str(server.sftp_port), users[0].password, "10", str(seed),
                                   "8", *(user.name for user in users)], stdout=subprocess.PIPE, text=True)
                 for seed in range(5)]
    done = [process.communicate(timeout=120 * FACTOR)[0] for process in processes]
    assert all(process.returncode == 0 for process in processes)
    # Each kind of operation has worked, not only failed.
    assert {int(what) for text in done for what in text.split()} >= set(range(10)), done
    for user, folder in zip(users, own.values()):
        wait_for(lambda: used(user) == on_disk(user.home, folder), f"{user.name}: {used(user)} {on_disk(user.home, folder)}")
        files, size = on_disk(user.home, folder)
        assert files <= QUOTA["quota_files"] and size <= QUOTA["quota_size"]
    for name, folder in [*own.items(), ("shared", shared)]:
        wait_for(lambda: used_by_folder(server, name) == on_disk(folder),
                 f"{name}: {used_by_folder(server, name)} {on_disk(folder)}")
    assert on_disk(shared)[0] <= 10 and on_disk(shared)[1] <= 400_000
