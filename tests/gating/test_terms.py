"""Terms by their hash: kept, shown, renewed; who does not renew is let in no more, as the owner chose."""

import hashlib
import subprocess
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from freehold.core import clock
from tests.content.publishing import commit, file
from tests.fixtures.people import Cast
from tests.gating.conftest import API, CARD, FILE, SETTINGS, Gated, ask, handle, listed, mine, publish, reads

RENEW = "Its terms changed and were not agreed to anew in time: read and accept them on its page, /lab/model."


def _later(days: float) -> AbstractContextManager[None]:
    return clock.frozen(clock.now() + timedelta(days=days))


def test_the_text_is_kept_under_the_hash_of_its_bytes(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("auto")
    first = ask(client, cast.charlie).json()["terms"]
    publish(client, cast.alice, licence="Another.\n")
    publish(client, cast.alice, card=CARD.replace("Ask for it", "Another heading"))
    now, before = client.get(f"{API}/terms").json()
    assert before["sha256"] == first != now["sha256"]
    for name, licence in ((first, "Be good.\n"), (now["sha256"], "Another.\n")):
        text = client.get(f"{API}/terms/{name.upper()}")
        assert hashlib.sha256(text.content).hexdigest() == name
        assert f"File LICENSE, SHA-256 {hashlib.sha256(licence.encode()).hexdigest()}" in text.text
        assert client.get(f"/lab/model/terms/{name}").status_code == 200
    for absent in ("0" * 64, "x", "%00", "..%2f.."):
        assert client.get(f"{API}/terms/{absent}").status_code in (400, 404)


def test_changed_terms_are_agreed_to_within_the_days_of_grace(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("manual")
    ask(client, cast.charlie)
    handle(client, cast.alice, "charlie", "accepted")
    publish(client, cast.alice, licence="Be better.\n")
    (mine_now,) = mine(client, cast.charlie)["requests"]
    assert (mine_now["isCurrent"], mine_now["endsAt"] is not None) == (False, True)
    assert reads(client, cast.charlie) == 200
    assert "endsAt" in listed(client, cast.alice, "accepted")[0]
    with _later(13.9):
        assert reads(client, cast.charlie) == 200
    with _later(14.1):
        assert reads(client, cast.charlie) == 403
        refused = client.get(FILE, headers=cast.charlie.headers)
        assert refused.headers["x-error-code"] == "GatedRepo"
        assert refused.headers["x-error-message"].endswith(RENEW)
        assert mine(client, cast.charlie)["status"] == "lapsed"
        renewed = ask(client, cast.charlie)
        assert renewed.json()["status"] == "accepted", "the owner let the person in; only the text is new"
        assert reads(client, cast.charlie) == 200
    assert client.get(f"{API}/auth-check", headers=cast.charlie.headers).status_code == 200


def test_without_grace_access_ends_with_the_push(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("auto", gatedGraceDays=0)
    ask(client, cast.charlie)
    publish(client, cast.alice, card=CARD)
    assert reads(client, cast.charlie) == 200, "the same text"
    publish(client, cast.alice, licence="Be better.\n")
    assert reads(client, cast.charlie) == 403
    publish(client, cast.alice, licence="Be good.\n")
    assert reads(client, cast.charlie) == 200, "the text that was agreed to is in force again"


def test_notified_people_stay_and_are_seen_to_have_agreed_to_another_text(
    client: TestClient, cast: Cast, gated: Gated
) -> None:
    gated("auto", gatedRenew="notified", gatedGraceDays=0)
    ask(client, cast.charlie)
    publish(client, cast.alice, licence="Be better.\n")
    assert reads(client, cast.charlie) == 200
    assert mine(client, cast.charlie)["requests"][0]["isCurrent"] is False
    assert client.put(SETTINGS, json={"gatedRenew": "required"}, headers=cast.alice.headers).status_code == 200
    assert reads(client, cast.charlie) == 403
    client.put(SETTINGS, json={"gatedRenew": "notified"}, headers=cast.alice.headers)
    assert reads(client, cast.charlie) == 200


def test_a_second_change_gives_no_new_days(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("auto", gatedGraceDays=10)
    ask(client, cast.charlie)
    publish(client, cast.alice, licence="Two.\n")
    with _later(11):
        assert reads(client, cast.charlie) == 403
        publish(client, cast.alice, licence="Three.\n")
        client.put(SETTINGS, json={"gatedNotificationsMode": "bulk"}, headers=cast.alice.headers)
        assert reads(client, cast.charlie) == 403


def test_changes_in_the_same_moment_are_changes(client: TestClient, cast: Cast, gated: Gated) -> None:
    with clock.frozen(clock.now()):
        gated("auto", gatedGraceDays=0)
        first = ask(client, cast.charlie).json()["terms"]
        publish(client, cast.alice, licence="Two.\n")
        assert reads(client, cast.charlie) == 403
        second = ask(client, cast.charlie).json()["terms"]
        assert reads(client, cast.charlie) == 200
        publish(client, cast.alice, licence="Three.\n")
        assert reads(client, cast.charlie) == 403
        names = [one["sha256"] for one in client.get(f"{API}/terms").json()]
        assert names[1:] == [second, first]


def test_who_was_let_in_unasked_has_agreed_to_nothing_and_stays(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("manual", gatedGraceDays=0)
    client.post(f"{API}/user-access-request/grant", json={"user": "charlie"}, headers=cast.alice.headers)
    publish(client, cast.alice, licence="Be better.\n")
    assert reads(client, cast.charlie) == 200


def test_a_request_that_waited_while_the_terms_changed(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("manual", gatedGraceDays=0)
    ask(client, cast.charlie)
    publish(client, cast.alice, licence="Be better.\n")
    handle(client, cast.alice, "charlie", "accepted")
    assert reads(client, cast.charlie) == 403, "accepted, but what it agreed to is not in force any more"
    assert ask(client, cast.charlie).status_code == 200
    assert reads(client, cast.charlie) == 200


def test_terms_change_while_the_gate_stands_open(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("auto", gatedGraceDays=0)
    ask(client, cast.charlie)
    client.put(SETTINGS, json={"gated": False}, headers=cast.alice.headers)
    publish(client, cast.alice, licence="Be better.\n")
    assert reads(client, cast.charlie) == 200
    client.put(SETTINGS, json={"gated": "auto"}, headers=cast.alice.headers)
    assert reads(client, cast.charlie) == 403
    assert client.get(FILE, headers=cast.charlie.headers).headers["x-error-message"].endswith(RENEW)


@pytest.mark.parametrize("way", ["same text", "card broken", "licence gone"])
def test_the_gate_holds_whatever_happens_to_the_text(client: TestClient, cast: Cast, gated: Gated, way: str) -> None:
    gated("auto", gatedGraceDays=0)
    ask(client, cast.charlie)
    lines = {
        "same text": [file("README.md", CARD)],
        "card broken": [file("README.md", "No front matter at all")],
        "licence gone": [{"key": "deletedFile", "value": {"path": "LICENSE"}}],
    }[way]
    assert commit(client, cast.alice, "lab/model", *lines).status_code == 200
    status = 200 if way == "same text" else 403
    assert client.head("/lab/model/resolve/main/.gitattributes", headers=cast.charlie.headers).status_code == status
    assert client.head("/lab/model/resolve/main/.gitattributes", headers=cast.root.headers).status_code == 200


def test_an_auditor_checks_the_hash_with_tools_of_their_own(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("auto")
    name = ask(client, cast.charlie).json()["terms"]
    text = client.get(f"{API}/terms/{name}").content
    done = subprocess.run(["sha256sum"], input=text, capture_output=True, check=True)
    assert done.stdout.decode().split()[0] == name
