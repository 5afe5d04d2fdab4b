"""Requests as the official client lists and answers them (huggingface_hub, access requests)."""

from starlette.testclient import TestClient

from freehold.core.database import Database
from freehold.gating import queries
from tests.fixtures.people import Cast
from tests.gating.conftest import ANSWERS, API, REQUESTS, SETTINGS, Gated, ask, handle, listed, mine, reads


def test_an_automatic_gate_opens_for_whoever_agrees(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("auto")
    refused = client.get("/lab/model/resolve/main/README.md", headers=cast.charlie.headers)
    assert (refused.status_code, refused.headers["x-error-code"]) == (403, "GatedRepo")
    sentence = "Access to model lab/model is restricted and you are not in the authorized list."
    assert refused.headers["x-error-message"] == f"{sentence} Ask for access on its page, /lab/model."
    answer = ask(client, cast.charlie)
    assert (answer.status_code, answer.json()["status"]) == (200, "accepted")
    assert reads(client, cast.charlie) == 200
    assert mine(client, cast.charlie)["status"] == "accepted"
    (item,) = listed(client, cast.alice, "accepted")
    assert item["fields"] == ANSWERS
    assert listed(client, cast.alice, "pending") == []


def test_a_manual_gate_waits_for_the_owner(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("manual")
    assert ask(client, cast.charlie).json()["status"] == "pending"
    waiting = client.get("/lab/model/resolve/main/README.md", headers=cast.charlie.headers)
    assert (waiting.status_code, waiting.headers["x-error-code"]) == (403, "GatedRepo")
    assert waiting.headers["x-error-message"].endswith("Your request waits for its owner's answer.")
    (item,) = listed(client, cast.bob, "pending")
    assert set(item) == {"requestId", "user", "status", "timestamp", "fields", "terms"}
    assert {item["user"][key] for key in ("user", "fullname", "type")} == {"charlie", "Charlie", "user"}
    assert "email" in item["user"]
    accepted = client.post(
        f"{REQUESTS}/handle", json={"requestId": item["requestId"], "status": "accepted"}, headers=cast.bob.headers
    )
    assert (accepted.status_code, accepted.json()["status"]) == (200, "accepted")
    assert reads(client, cast.charlie) == 200
    assert handle(client, cast.alice, "charlie", "rejected", rejectionReason="Not now").status_code == 200
    assert reads(client, cast.charlie) == 403
    (rejected,) = listed(client, cast.alice, "rejected")
    assert rejected["rejectionReason"] == "Not now"
    assert mine(client, cast.charlie)["requests"][0]["rejectionReason"] == "Not now"
    assert ask(client, cast.charlie).status_code == 403, "a rejected request is not asked again"
    assert client.delete(f"{API}/access-request", headers=cast.charlie.headers).status_code == 403


def test_what_is_so_already_is_not_found_among_the_others(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("manual")
    ask(client, cast.charlie)
    for status in ("pending", "accepted", "rejected"):
        assert handle(client, cast.alice, "charlie", status).status_code == (404 if status == "pending" else 200)
        again = handle(client, cast.alice, "charlie", status)
        assert (again.status_code, again.json()["error"]) == (404, f"The request of charlie is {status} already.")
    assert ask(client, cast.charlie).status_code == 403


IMPOSSIBLE: list[tuple[object, int]] = [
    ({"user": "charlie", "status": "maybe"}, 400),
    ({"user": "charlie", "requestId": "0" * 24, "status": "accepted"}, 400),
    ({"status": "accepted"}, 400),
    ({"user": "nobody", "status": "accepted"}, 404),
    ({"user": "bob", "status": "accepted"}, 404),
    ({"requestId": "0" * 24, "status": "accepted"}, 404),
    ({"requestId": "\u202e' OR 1=1", "status": "accepted"}, 404),
    ({"user": "charlie", "status": "accepted", "rejectionReason": "x"}, 400),
    ({"user": "charlie", "status": "rejected", "rejectionReason": "x" * 201}, 400),
    ({"user": ["charlie"], "status": "accepted"}, 422),
    ([], 422),
]


def test_an_answer_that_cannot_be_is_refused(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("manual")
    ask(client, cast.charlie)
    for body, status in IMPOSSIBLE:
        answer = client.post(f"{REQUESTS}/handle", json=body, headers=cast.alice.headers)
        assert (answer.status_code, bool(answer.json()["error"])) == (status, True), body
    assert len(listed(client, cast.alice, "pending")) == 1


def test_access_is_given_unasked_once(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("auto")

    def grant(user: str) -> int:
        return client.post(f"{REQUESTS}/grant", json={"user": user}, headers=cast.alice.headers).status_code

    assert [grant("charlie"), grant("CHARLIE"), grant("bob"), grant("lab"), grant("nobody")] == [
        200,
        400,
        400,
        400,
        404,
    ]
    (item,) = listed(client, cast.alice, "accepted")
    assert "email" not in item["user"], "nobody agreed to share it"
    assert item["grantedBy"]["user"] == "alice"
    assert reads(client, cast.charlie) == 200
    assert handle(client, cast.alice, "charlie", "pending").status_code == 200
    assert reads(client, cast.charlie) == 403


def test_who_was_put_back_does_not_come_in_by_the_automatic_gate(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("auto")
    ask(client, cast.charlie)
    handle(client, cast.alice, "charlie", "pending")
    assert ask(client, cast.charlie).status_code == 409
    assert client.delete(f"{API}/access-request", headers=cast.charlie.headers).status_code == 403
    assert reads(client, cast.charlie) == 403


def test_a_request_can_be_withdrawn_and_access_given_up(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("manual")
    assert client.delete(f"{API}/access-request", headers=cast.charlie.headers).status_code == 404
    ask(client, cast.charlie)
    assert ask(client, cast.charlie).status_code == 409
    assert client.delete(f"{API}/access-request", headers=cast.charlie.headers).status_code == 200
    assert listed(client, cast.alice, "pending") == []
    ask(client, cast.charlie)
    handle(client, cast.alice, "charlie", "accepted")
    assert client.delete(f"{API}/access-request", headers=cast.charlie.headers).status_code == 200
    assert reads(client, cast.charlie) == 403


def test_only_those_who_may_write_see_and_decide(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("manual")
    ask(client, cast.charlie)
    for person, headers, status in (
        (cast.charlie, cast.charlie.headers, 403),
        (cast.alice, cast.alice.read_headers, 403),
        (cast.anonymous, {}, 401),
    ):
        assert client.get(f"{REQUESTS}/pending", headers=headers).status_code == status, person.name
        body = {"user": "charlie", "status": "accepted"}
        assert client.post(f"{REQUESTS}/handle", json=body, headers=headers).status_code == status
        assert client.post(f"{REQUESTS}/grant", json={"user": "charlie"}, headers=headers).status_code == status
        assert client.get(f"{API}/user-access-report", headers=headers).status_code == status
        assert client.get(f"{API}/access-records", headers=headers).status_code == status
    assert client.put(f"{API}/access-request", json={"fields": ANSWERS}).status_code == 401
    read_only = client.put(f"{API}/access-request", json={"fields": ANSWERS}, headers=cast.charlie.read_headers)
    assert read_only.status_code == 403


def test_what_is_not_gated_has_no_requests(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("auto")
    ask(client, cast.charlie)
    client.put(SETTINGS, json={"gated": False}, headers=cast.alice.headers)
    for answer in (
        client.get(f"{REQUESTS}/pending", headers=cast.alice.headers),
        handle(client, cast.alice, "charlie", "rejected"),
        client.post(f"{REQUESTS}/grant", json={"user": "bob"}, headers=cast.alice.headers),
        ask(client, cast.charlie),
    ):
        assert (answer.status_code, "is not gated" in answer.json()["error"]) == (400, True)
    client.put(SETTINGS, json={"gated": "manual"}, headers=cast.alice.headers)
    assert reads(client, cast.charlie) == 200, "off and on again, who was in is in"


def test_lists_come_in_pages(client: TestClient, cast: Cast, gated: Gated, database: Database) -> None:
    gated("manual")
    ask(client, cast.charlie)
    client.post(f"{REQUESTS}/grant", json={"user": "root"}, headers=cast.alice.headers)
    first = client.get(f"{REQUESTS}/pending?limit=1", headers=cast.alice.headers)
    assert "link" not in first.headers
    with database.write() as db:
        from freehold.accounts import service as accounts
        from freehold.repos import admissions
        from freehold.repos.tables import Repo

        repo = db.query(Repo).one()
        for number in range(4):
            admissions.add(db, repo, accounts.create_user(db, f"u{number}"), "pending")
        assert queries.counts(db, repo) == {"pending": 5, "accepted": 0, "rejected": 0}
    address, seen = f"{REQUESTS}/pending?limit=2", []
    while address:
        answer = client.get(address, headers=cast.alice.headers)
        seen += [item["user"]["user"] for item in answer.json()]
        address = answer.links.get("next", {}).get("url", "")
    assert sorted(seen) == ["charlie", "u0", "u1", "u2", "u3"]
    assert client.get(f"{REQUESTS}/denied", headers=cast.alice.headers).status_code == 400


def test_how_the_owner_hears_of_requests_is_a_setting(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("manual")
    given = {"gatedNotificationsMode": "bulk", "gatedNotificationsEmail": "gate@lab.test"}
    answer = client.put(SETTINGS, json=given, headers=cast.alice.headers)
    assert (answer.status_code, answer.json()) == (200, answer.json() | given | {"gated": "manual"})
    answer = client.put(SETTINGS, json={"gatedNotificationsEmail": ""}, headers=cast.alice.headers)
    assert (answer.json()["gatedNotificationsEmail"], answer.json()["gatedNotificationsMode"]) == (None, "bulk")
    for bad in (
        {"gatedNotificationsMode": "hourly"},
        {"gatedNotificationsEmail": "no address"},
        {"gatedNotificationsEmail": "a@b\r\nBcc: x@y"},
        {"gatedRenew": "never"},
        {"gated": "sometimes"},
    ):
        assert client.put(SETTINGS, json=bad, headers=cast.alice.headers).status_code == 400, bad
    assert client.put(SETTINGS, json={"gatedGraceDays": 10**9}, headers=cast.alice.headers).status_code == 422
    assert client.put(SETTINGS, json=given, headers=cast.charlie.headers).status_code == 403
