"""Fifty clients upload, overwrite, append, cut, rename and remove the same names in a home and two folders; in the
end what is counted is what lies on the disk."""
import subprocess
import sys
from pathlib import Path

import pytest

from quota_tools import on_disk, used, used_by_folder
from clients import wait_for


@pytest.mark.parametrize("mode", ["0", "1"], ids=["standard", "atomic"])
def test_fifty_clients(make_server, tmp_path, mode):
    server = make_server({"FERRY_COMMON__UPLOAD_MODE": mode, "FERRY_SFTPD__MAX_AUTH_TRIES": "6"})
    one, two = tmp_path / "one", tmp_path / "two"
    mounts = []
    for name, path, quota in (("one", one, {"quota_size": 300_000, "quota_files": 8}),
                              ("two", two, {"quota_size": -1, "quota_files": -1})):
        server.api("POST", "/folders", {"name": name, "mapped_path": str(path)})
        mounts.append({"name": name, "virtual_path": f"/{name}"} | quota)
    user = server.create_user("stress", quota_size=700_000, quota_files=18, virtual_folders=mounts)
    script = Path(__file__).with_name("quota_stress.py")
    processes = [subprocess.Popen([sys.executable, str(script), str(server.sftp_port), user.name, user.password, "10",
                                   str(seed), "8"], stdout=subprocess.PIPE, text=True) for seed in range(5)]
    done = [int(process.communicate(timeout=120)[0]) for process in processes]
    assert all(process.returncode == 0 for process in processes) and sum(done) > 50, done
    wait_for(lambda: used(user) == on_disk(user.home, two), f"the user: {used(user)}, {on_disk(user.home, two)}")
    wait_for(lambda: used_by_folder(server, "one") == on_disk(one), f"{used_by_folder(server, 'one')} {on_disk(one)}")
    wait_for(lambda: used_by_folder(server, "two") == on_disk(two), f"{used_by_folder(server, 'two')} {on_disk(two)}")
    assert on_disk(user.home, two)[1] <= 700_000 and on_disk(one)[1] <= 300_000
    assert on_disk(user.home, two)[0] <= 18 and on_disk(one)[0] <= 8
