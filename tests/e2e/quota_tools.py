"""What lies on the disk, and what the server believes of it."""
from clients import wait_for


def on_disk(*folders):
    """(files, bytes) of the regular files below; links are not followed."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return len(files), sum(path.stat().st_size for path in files)


def used(user):
    shown = user.server.api("GET", f"/users/{user.name}")
    return shown.get("used_quota_files", 0), shown.get("used_quota_size", 0)


def used_by_folder(server, name):
    shown = server.api("GET", f"/folders/{name}")
    return shown.get("used_quota_files", 0), shown.get("used_quota_size", 0)


def expect_used(user, *folders):
    """What is counted becomes what is there: a broken connection is settled a moment later."""
    wait_for(lambda: used(user) == on_disk(user.home, *folders), f"{used(user)} to be {on_disk(user.home, *folders)}")
