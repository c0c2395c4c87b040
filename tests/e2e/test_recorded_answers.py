"""The REST API answers what SFTPGo 2.7.5 was seen to answer, but for the differences that are accepted with their reason.

See recorded.py for the recorded requests. tests/data/observed/rest/accepted.txt lists every line that is answered in another
way; a line that is not listed and differs, and one that is listed and does not, fail.
"""
import fnmatch
import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import copy_host_keys, sanitizer_reports, servers
from ferry import ROOT, Ferry
from recorded import replay

DATA = ROOT / "tests/data/observed/rest"
FILES = sorted(path.name for path in DATA.glob("admin_*.jsonl"))
LEAST_SHARE = 0.95
# What the recorded server had: its first administrator, its name in one-time codes, and no delay of failed logins.
ENVIRONMENT = {"FERRY_MFA__TOTP__0__NAME": "Default", "FERRY_MFA__TOTP__0__ISSUER": "SFTPGo", "FERRY_MFA__TOTP__0__ALGO": "sha1",
               "FERRY_DEFAULT_ADMIN_USERNAME": "admin", "FERRY_DEFAULT_ADMIN_PASSWORD": "password",
               "FERRY_COMMON__DEFENDER__LOGIN_DELAY__PASSWORD_FAILED": "0"}


def read_accepted():
    """{(file, line number): patterns of the fields that may differ}; each has a reason."""
    accepted = {}
    for text in (DATA / "accepted.txt").read_text().splitlines():
        if not text or text.startswith("#"):
            continue
        place = re.fullmatch(r"(\S+):(\d+) (\S+) +(\S.*)", text)
        assert place, f"FILE:LINE FIELD,FIELD reason expected: {text}"
        assert (place[1], int(place[2])) not in accepted, f"stands twice: {text}"
        accepted[place[1], int(place[2])] = place[3].split(",")
    return accepted


def make_server(folder):
    """Its users_base_dir lies in the directory that recorded bodies call @DIR@, as it did."""
    one = Ferry(folder / "config", ENVIRONMENT | {"FERRY_DATA_PROVIDER__USERS_BASE_DIR": str(folder / "home")})
    one.home_base = folder / "home"
    return one


@pytest.fixture(scope="module")
def replayed(server, tmp_path_factory):
    """{file: what recorded.replay returns}: each file on a server of its own, all at once."""
    mine = [make_server(tmp_path_factory.mktemp(name.removesuffix(".jsonl"))) for name in FILES]
    servers.extend(mine)
    try:
        for one in mine:
            copy_host_keys(server, one)
            one.launch()
        with ThreadPoolExecutor(len(FILES)) as pool:
            results = pool.map(lambda name, one: replay(DATA / name, one.wait_healthy()), FILES, mine)
            yield dict(zip(FILES, results))
        assert not [line for one in mine for line in sanitizer_reports(one)]
    finally:
        for one in mine:
            one.kill()
            servers.remove(one)


@pytest.mark.parametrize("name", FILES)
def test_answers_are_the_recorded_ones(replayed, name):
    accepted = read_accepted()
    wrong = []
    for number, found in replayed[name].items():
        patterns = accepted.get((name, number), [])
        wrong += [f"{name}:{number} {field}: {expected!r} was recorded, {got!r} came"
                  for field, (expected, got) in found.items() if not any(fnmatch.fnmatchcase(field, p) for p in patterns)]
        wrong += [f"{name}:{number} {p}: is accepted as different, but is the same"
                  for p in patterns if not fnmatch.filter(found, p)]
    assert not wrong, "\n".join(wrong)


def test_accepted_differences_name_lines_that_are_sent(replayed):
    assert [place for place in read_accepted() if place[1] not in replayed.get(place[0], {})] == []


def recorded_status(name):
    """{line number: the status that was recorded}."""
    lines = (DATA / name).read_text().splitlines()
    return {number: json.loads(text).get("status") for number, text in enumerate(lines, 1)}


def test_share_of_recorded_answers(replayed):
    """Lines that the recorded server answered with 500, a fault of its own, are no model and do not count."""
    assert sum(len(results) for results in replayed.values()) == 744
    models = [found for name, results in replayed.items()
              for number, found in results.items() if recorded_status(name)[number] != 500]
    same = sum(not found for found in models)
    print(f"{same} of {len(models)} answers are the recorded ones")
    assert same / len(models) >= LEAST_SHARE
