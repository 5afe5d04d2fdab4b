"""Large files from a browser: what arrived is known when it comes back, and to nobody else."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from freehold.accounts.rules import SESSION_COOKIE
from freehold.content.keys import content_key
from freehold.content.service import resuming, uploads
from freehold.content.tables import MultipartUpload
from freehold.core import clock
from tests.content import given
from tests.content.given import digest
from tests.content.publishing import commit, committed, large
from tests.fixtures.people import Cast, Person

PART = 1 << 20
WHOLE = os.urandom(PART) * 2 + b"tail"
SMALL = b"small"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resuming, "PART_BYTES", PART)


@pytest.fixture
def path(client: TestClient, cast: Cast) -> str:
    return given.repo(client, cast.alice, "m")


def ask(client: TestClient, who: Person, path: str, *files: bytes, query: str = "", expect: int = 200) -> Any:
    body = {"files": [{"oid": digest(data), "size": len(data)} for data in files]}
    answer = client.post(f"/api/models/{path}/uploads/main{query}", json=body, headers=who.headers)
    assert answer.status_code == expect, answer.text
    return answer.json().get("files") if expect == 200 else answer


def put(client: TestClient, offer: Any, data: bytes, number: int) -> str:
    part = data[(number - 1) * offer["chunkSize"] : number * offer["chunkSize"]]
    answer = client.put(f"{offer['href']}/{number}?t={offer['token']}", content=part)
    assert answer.status_code == 200, answer.text
    return str(answer.headers["etag"])


def complete(client: TestClient, offer: Any, etags: dict[str, str], expect: int = 200) -> None:
    parts = [{"partNumber": int(number), "etag": etag} for number, etag in etags.items()]
    said = {"oid": offer["oid"], "parts": parts}
    answer = client.post(f"{offer['href']}?t={offer['token']}", json=said)
    assert answer.status_code == expect, answer.text


def sent(client: TestClient, offer: Any, data: bytes) -> None:
    """Whatever is missing is sent, and the upload complete."""
    etags = dict(offer["arrived"])
    for number in range(1, offer["parts"] + 1):
        if str(number) not in etags:
            etags[str(number)] = put(client, offer, data, number)
    complete(client, offer, etags)


def test_what_arrived_is_not_sent_again(client: TestClient, cast: Cast, path: str) -> None:
    (offer,) = ask(client, cast.alice, path, WHOLE)
    assert (offer["state"], offer["parts"], offer["arrived"]) == ("parts", 3, {})
    first, last = put(client, offer, WHOLE, 1), put(client, offer, WHOLE, 3)

    (again,) = ask(client, cast.alice, path, WHOLE)
    assert again["href"] == offer["href"] and again["arrived"] == {"1": first, "3": last}
    complete(client, again, {**again["arrived"], "2": put(client, again, WHOLE, 2)})

    assert ask(client, cast.alice, path, WHOLE)[0]["state"] == "here"
    committed(client, cast.alice, path, large("w.bin", WHOLE))
    assert client.get(f"/{path}/resolve/main/w.bin").content == WHOLE


def test_a_small_file_is_one_body_and_one_that_is_readable_elsewhere_is_here(
    client: TestClient, cast: Cast, path: str
) -> None:
    (small,) = ask(client, cast.alice, path, SMALL)
    assert small["state"] == "whole" and client.put(small["href"], content=SMALL).status_code == 200
    mine = given.repo(client, cast.charlie, "mine")
    assert [one["state"] for one in ask(client, cast.charlie, mine, SMALL, SMALL)] == ["here", "here"]
    committed(client, cast.charlie, mine, large("s.bin", SMALL))


def test_nobody_learns_what_another_is_sending_or_keeps(client: TestClient, cast: Cast, path: str) -> None:
    secret = given.repo(client, cast.alice, "secret", private=True)
    (hers,) = ask(client, cast.alice, secret, WHOLE)
    put(client, hers, WHOLE, 1)
    given.large_file(client, secret, cast.alice, SMALL)
    (his,) = ask(client, cast.charlie, path, WHOLE, query="?create_pr=1")
    assert his["href"] != hers["href"] and his["arrived"] == {}
    assert ask(client, cast.charlie, path, SMALL, query="?create_pr=1")[0]["state"] == "whole"
    assert ask(client, cast.charlie, secret, SMALL, query="?create_pr=1", expect=404)


def test_who_may(client: TestClient, cast: Cast, path: str) -> None:
    ask(client, cast.charlie, path, WHOLE, expect=403)
    ask(client, cast.charlie, path, WHOLE, query="?create_pr=1")
    ask(client, cast.anonymous, path, WHOLE, query="?create_pr=1", expect=401)
    reading = client.post(f"/api/models/{path}/uploads/main", json={"files": []}, headers=cast.alice.read_headers)
    assert reading.status_code == 403
    nowhere = client.post(f"/api/models/{path}/uploads/nowhere", json={"files": []}, headers=cast.alice.headers)
    assert (nowhere.status_code, nowhere.headers["X-Error-Code"]) == (404, "RevisionNotFound")


def test_a_session_sends_only_from_our_own_pages(app: Starlette, client: TestClient, cast: Cast, path: str) -> None:
    with app.state.database.write() as db:
        secret = accounts.open_session(db, cast.alice.id, life_s=3600)
    cookie = {"Cookie": f"{SESSION_COOKIE}={secret}"}
    address, body = f"/api/models/{path}/uploads/main", {"files": []}
    assert client.post(address, json=body, headers=cookie | {"Origin": "http://hub.test"}).status_code == 200
    assert client.post(address, json=body, headers=cookie | {"Sec-Fetch-Site": "same-origin"}).status_code == 200
    assert client.post(address, json=body, headers=cookie | {"Origin": "http://evil.test"}).status_code == 403
    assert client.post(address, json=body, headers=cookie).status_code == 403


def test_another_file_than_announced_is_not_kept_and_starts_anew(client: TestClient, cast: Cast, path: str) -> None:
    (offer,) = ask(client, cast.alice, path, WHOLE)
    etags = {str(number): put(client, offer, b"x" * len(WHOLE), number) for number in (1, 2, 3)}
    complete(client, offer, etags, expect=400)
    (again,) = ask(client, cast.alice, path, WHOLE)
    assert again["arrived"] == {}
    sent(client, again, WHOLE)
    assert ask(client, cast.alice, path, WHOLE)[0]["state"] == "here"


def test_an_upload_is_given_up(app: Starlette, client: TestClient, cast: Cast, path: str) -> None:
    (offer,) = ask(client, cast.alice, path, WHOLE)
    put(client, offer, WHOLE, 1)
    assert client.delete(f"{offer['href']}?t=forged").status_code == 403
    for _ in range(2):
        assert client.delete(f"{offer['href']}?t={offer['token']}").status_code == 204
    assert list(app.state.kit.tmp.iterdir()) == []
    complete(client, offer, {"1": "x"}, expect=404)
    assert ask(client, cast.alice, path, WHOLE)[0]["arrived"] == {}


def test_parts_wait_two_days_for_their_sender(app: Starlette, client: TestClient, cast: Cast, path: str) -> None:
    (offer,) = ask(client, cast.alice, path, WHOLE)
    put(client, offer, WHOLE, 1)
    now = datetime.now(UTC)
    with clock.frozen(now + timedelta(hours=40)):
        uploads.drop_stale(app.state.database, app.state.kit)
        assert len(ask(client, cast.alice, path, WHOLE)[0]["arrived"]) == 1, "which begins the two days anew"
    with clock.frozen(now + timedelta(hours=80)):
        uploads.drop_stale(app.state.database, app.state.kit)
        assert len(ask(client, cast.alice, path, WHOLE)[0]["arrived"]) == 1
    with clock.frozen(now + timedelta(hours=130)):
        uploads.drop_stale(app.state.database, app.state.kit)
    with app.state.database.read() as db:
        assert db.query(MultipartUpload).count() == 0
    assert list(app.state.kit.tmp.iterdir()) == []


def test_unfinished_uploads_and_sizes_have_bounds(
    client: TestClient, cast: Cast, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resuming, "MAX_UNFINISHED", 2)
    ask(client, cast.alice, path, WHOLE, WHOLE + b"2")
    refused = ask(client, cast.alice, path, WHOLE + b"3", expect=409)
    assert "unfinished" in refused.json()["error"]
    ask(client, cast.alice, path, WHOLE, WHOLE + b"2")  # going on is always possible
    many = {"files": [{"oid": "a" * 64, "size": 1}] * 101}
    huge = {"files": [{"oid": "a" * 64, "size": 1 << 61}]}
    for body, status in ((many, 422), (huge, 413), ({"files": [{"oid": "A", "size": 1}]}, 422), ({}, 422)):
        answer = client.post(f"/api/models/{path}/uploads/main", json=body, headers=cast.alice.headers)
        assert answer.status_code == status, body


def test_a_reader_brings_a_large_file_as_a_pull_request(client: TestClient, cast: Cast, path: str) -> None:
    (offer,) = ask(client, cast.charlie, path, WHOLE, query="?create_pr=1")
    sent(client, offer, WHOLE)
    answer = commit(client, cast.charlie, path, large("w.bin", WHOLE), query="?create_pr=1")
    assert answer.json()["pullRequestUrl"].endswith("/discussions/1")
    assert client.get(f"/{path}/resolve/refs%2Fpr%2F1/w.bin").content == WHOLE


def test_parts_lie_in_s3_where_any_node_finds_them(
    new_app: Callable[..., Starlette], cast: Cast, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    service = request.getfixturevalue("s3_service")
    monkeypatch.setattr(resuming, "PART_BYTES", 5 << 20)
    whole = os.urandom(1 << 20) * 6
    keys = {"s3_access_key": service.access_key, "s3_secret_key": service.secret_key}
    app = new_app(store_url=f"s3://{service.new_bucket()}", s3_endpoint=service.endpoint, **keys)
    with TestClient(app, base_url="http://hub.test") as client:
        path = given.repo(client, cast.alice, "m")
        (offer,) = ask(client, cast.alice, path, whole)
        assert offer["href"].startswith("/lfs/"), "by the hub, which pages may reach"
        etag = put(client, offer, whole, 1)
        assert list(app.state.kit.tmp.iterdir()) == [], "nothing stays on this node"
        (again,) = ask(client, cast.alice, path, whole)
        assert again["arrived"] == {"1": etag}
        sent(client, again, whole)
        assert app.state.kit.store.get(content_key(digest(whole))) == whole
        assert ask(client, cast.alice, path, whole)[0]["state"] == "here"
        (gone,) = ask(client, cast.alice, path, whole + b"x")
        assert client.delete(f"{gone['href']}?t={gone['token']}").status_code == 204
        assert ask(client, cast.alice, path, whole + b"x")[0]["href"] != gone["href"]


def test_who_still_sends_a_part_when_the_file_is_kept_changes_nothing_of_it(
    new_app: Callable[..., Starlette], cast: Cast
) -> None:
    app = new_app(store_url="")  # a directory, which takes the very file that was sent
    kit = app.state.kit
    with TestClient(app, base_url="http://hub.test") as client:
        (offer,) = ask(client, cast.alice, given.repo(client, cast.alice, "m"), WHOLE)
        parts = uploads.checked_parts(kit, offer["href"].rpartition("/")[2], offer["token"])
        etags = {"2": put(client, offer, WHOLE, 2), "3": put(client, offer, WHOLE, 3)}
        with uploads.part_slot(kit, parts, 1) as slow:  # a sender who takes hours over it
            slow.take(memoryview(WHOLE[:10]))
            complete(client, offer, etags | {"1": put(client, offer, WHOLE, 1)})
            slow.take(memoryview(b"poison"))
        assert kit.store.get(content_key(digest(WHOLE))) == WHOLE
        assert list(kit.tmp.iterdir()) == []


@pytest.mark.parametrize("end", ["completed", "given up"])
def test_addresses_of_an_upload_that_ended_bring_nothing(
    app: Starlette, client: TestClient, cast: Cast, path: str, end: str
) -> None:
    (offer,) = ask(client, cast.alice, path, WHOLE)
    if end == "completed":
        sent(client, offer, WHOLE)
    else:
        client.delete(f"{offer['href']}?t={offer['token']}")
    answer = client.put(f"{offer['href']}/1?t={offer['token']}", content=WHOLE[:PART])
    assert answer.status_code == 400 and "is over" in answer.text
    assert list(app.state.kit.tmp.iterdir()) == [], "nobody would ever sweep it"


def test_one_upload_too_many_opens_none_in_the_store(
    app: Starlette, client: TestClient, cast: Cast, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(type(app.state.kit.store), "multipart_start", lambda _, key: opened.append(key))
    monkeypatch.setattr(resuming, "MAX_UNFINISHED", 1)
    ask(client, cast.alice, path, WHOLE + b"2", WHOLE + b"3", expect=409)
    assert opened == []
