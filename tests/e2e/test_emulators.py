"""The proxy that makes faults and the S3 that keeps nothing do what tests of storages rely on."""
import http.client
import json
import re
import urllib.parse

import pytest


class Client:
    """One connection a request, no retries: what the server did is what is seen."""

    def __init__(self, value):
        words = value.split()
        self.bucket = words[-1]
        self.address = urllib.parse.urlsplit(words[0]).netloc

    def __call__(self, method, target, body=None, headers=None):
        connection = http.client.HTTPConnection(self.address, timeout=30)
        connection.request(method, target, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def fault(self, **query):
        status, _, body = self("POST", "/__faults?" + urllib.parse.urlencode(query))
        assert status == 200, body
        return json.loads(body)


@pytest.fixture
def google(emulators):
    client = Client(emulators["FERRY_TEST_GCS_FAULTY"])
    client.fault(clear=1)
    yield client
    client.fault(clear=1, rate=0.1)  # as it was started


def store(client, name, content, **query):
    query = urllib.parse.urlencode({"uploadType": "media", "name": name} | query)
    return client("POST", f"/upload/storage/v1/b/{client.bucket}/o?{query}", content)


def read(client, name):
    return client("GET", f"/storage/v1/b/{client.bucket}/o/{name}?alt=media")


def test_refusals_do_nothing(google):
    for kind, expected in (("503", 429), ("500", 500)):
        google.fault(next=kind, match="name=refused")
        status, headers, _ = store(google, "refused", b"content")
        assert status == expected
        assert headers["Retry-After"] == ("1" if kind == "503" else None)
        assert read(google, "refused")[0] == 404


def test_a_lost_request_and_a_lost_answer(google):
    google.fault(next="reset-request", match="name=lost", at=3)
    with pytest.raises(ConnectionError):
        store(google, "lost", b"content")
    assert read(google, "lost")[0] == 404
    google.fault(next="lost-answer", match="name=lost")
    with pytest.raises(ConnectionError):
        store(google, "lost", b"content")
    assert read(google, "lost")[2] == b"content"


def test_bodies_that_end_early(google):
    content = bytes(range(256)) * 1000
    store(google, "early", content)
    google.fault(next="truncated", match="GET.*early", at=100_000)
    with pytest.raises(http.client.IncompleteRead) as broken:
        read(google, "early")
    assert broken.value.partial == content[:100_000]
    google.fault(next="reset-answer", match="GET.*early", at=100_000)
    with pytest.raises(ConnectionError):
        read(google, "early")
    assert read(google, "early")[2] == content


def test_a_page_that_names_itself(google):
    for number in range(4):
        store(google, f"pages/{number}", b"x")
    listing = f"/storage/v1/b/{google.bucket}/o?prefix=pages/&maxResults=1"
    token = json.loads(google("GET", listing)[2])["nextPageToken"]
    following = f"{listing}&pageToken={urllib.parse.quote(token)}"
    google.fault(next="stuck-page")
    assert [json.loads(google("GET", following)[2])["nextPageToken"] == token for _ in range(2)] == [True, False]


def test_sessions_of_uploads_lead_through_the_proxy(google):
    _, headers, _ = google("POST", f"/upload/storage/v1/b/{google.bucket}/o?uploadType=resumable&name=session", b"{}",
                           {"Content-Type": "application/json"})
    assert urllib.parse.urlsplit(headers["Location"]).netloc == google.address


def test_the_seed_decides(google):
    google.fault(rate=0.3, kinds="503")
    drawn = []
    for _ in range(2):
        google.fault(seed=7)
        drawn.append([read(google, "none")[0] for _ in range(40)])
    assert drawn[0] == drawn[1]
    assert 4 < drawn[0].count(429) < 20 and drawn[0].count(404) == 40 - drawn[0].count(429)


def test_a_control_that_is_wrong(google):
    for query in ("kinds=nothing", "rate=much", "next=503&match=("):
        assert google("POST", f"/__faults?{query}")[0] == 400


def test_unknown_headers_are_refused(emulators):
    client = Client(emulators["FERRY_TEST_S3_STRICT_HEADERS"])
    target = f"/{client.bucket}/strict"
    assert client("PUT", target, b"x", {"x-amz-checksum-crc32c": "AAAAAA=="})[0] == 501
    assert client("PUT", target, b"x", {"x-amz-meta-mtime": "1"})[0] == 200


def test_an_error_in_an_answer_of_200(emulators):
    client = Client(emulators["FERRY_TEST_S3_STRICT_HEADERS"])
    client("PUT", f"/{client.bucket}/from", b"x")
    client.fault(next="error-200")
    answers = [client("PUT", f"/{client.bucket}/to", None, {"x-amz-copy-source": f"/{client.bucket}/from"})
               for _ in range(2)]
    assert [status for status, _, _ in answers] == [200, 200]
    assert b"<Error>" in answers[0][2] and b"<CopyObjectResult" in answers[1][2]


@pytest.mark.parametrize("prefix,expected", [("", 1_000_000), ("key-00000012", 100), ("key-0000999999", 1), ("kez", 0)])
def test_made_up_listings(emulators, prefix, expected):
    client = Client(emulators["FERRY_TEST_S3_SINK"])
    found, token, last = 0, "", ""
    for _ in range(20 if expected == 1_000_000 else 2):
        query = {"list-type": 2, "prefix": prefix} | ({"continuation-token": token} if token else {})
        body = client("GET", f"/{client.bucket}?{urllib.parse.urlencode(query)}")[2].decode()
        keys = re.findall("<Key>([^<]*)</Key>", body)
        assert keys == sorted(set(keys)) and (not keys or keys[0] > last)
        found += len(keys)
        more = re.search("<NextContinuationToken>([^<]*)<", body)
        if not more:
            break
        token, last = more[1], keys[-1]
    assert found == min(expected, 20_000)
    assert bool(more) == (expected > 20_000)


def test_what_is_discarded_is_counted(emulators):
    client = Client(emulators["FERRY_TEST_S3_SINK"])
    upload = re.search("<UploadId>([^<]*)<", client("POST", "/sink/object?uploads")[2].decode())[1]
    part = bytes(1 << 20)
    for number in (1, 2):
        assert client("PUT", f"/sink/object?uploadId={upload}&partNumber={number}", part)[0] == 200
    assert client("HEAD", "/sink/object")[0] == 404
    assert client("POST", f"/sink/object?uploadId={upload}", b"<CompleteMultipartUpload/>")[0] == 200
    assert client("HEAD", "/sink/object")[1]["Content-Length"] == str(2 << 20)
    assert client("GET", "/sink/object", headers={"Range": "bytes=10-19"})[2] == bytes(10)
    assert client("PUT", "/sink/object", b"x", {"If-None-Match": "*"})[0] == 412
