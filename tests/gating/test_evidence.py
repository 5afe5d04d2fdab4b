"""Who agreed to which text when, for an auditor; and what listeners are told."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.core.database import Database
from freehold.gating import queries
from freehold.gating.events import AccessDecided, AccessRequested, AccessRevoked, TermsAgreed, TermsChanged
from freehold.repos.tables import Repo
from tests.fixtures.people import Cast, Person
from tests.gating.conftest import ANSWERS, API, Gated, ask, handle, publish


def _story(client: TestClient, cast: Cast) -> tuple[str, str]:
    """Charlie agrees twice and is put out; the hashes of both texts."""
    first = ask(client, cast.charlie).json()["terms"]
    handle(client, cast.bob, "charlie", "accepted")
    publish(client, cast.alice, licence="Two.\n")
    second = ask(client, cast.charlie).json()["terms"]
    handle(client, cast.alice, "charlie", "rejected", rejectionReason="=1+1")
    return first, second


def test_every_step_is_on_record_in_order(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("manual")
    first, second = _story(client, cast)
    records = client.get(f"{API}/access-records", headers=cast.bob.headers).json()
    assert [(one["what"], one["by"], one["termsSha256"]) for one in records] == [
        ("agreed", "charlie", first),
        ("asked", "charlie", None),
        ("accepted", "bob", None),
        ("agreed", "charlie", second),
        ("rejected", "alice", None),
    ]
    assert records == sorted(records, key=lambda one: one["at"])
    assert all(one["repo"] == "lab/model" and one["account"] == "charlie" for one in records)


def test_no_cell_of_a_table_is_a_formula(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("manual")
    _story(client, cast)
    answer = client.get(f"{API}/access-records?format=csv", headers=cast.alice.headers)
    assert answer.headers["content-disposition"] == 'attachment; filename="access-records-model.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["reason"] for row in rows] == ["", "", "", "", "'=1+1"]
    report = list(
        csv.DictReader(
            io.StringIO(client.get("/lab/model/user-access-report?format=csv", headers=cast.alice.headers).text)
        )
    )
    assert (report[0]["user"], report[0]["status"], json.loads(report[0]["fields"])) == ("charlie", "rejected", ANSWERS)
    (shown,) = client.get(f"{API}/user-access-report", headers=cast.alice.headers).json()
    assert {"user", "fullname", "status", "email", "time"} <= set(shown)
    assert client.get(f"{API}/user-access-report?format=xml", headers=cast.alice.headers).status_code == 422


def test_long_records_come_whole(client: TestClient, cast: Cast, gated: Gated, monkeypatch: pytest.MonkeyPatch) -> None:
    gated("manual")
    _story(client, cast)
    monkeypatch.setattr(queries, "MAX_PAGE", 2)
    assert len(client.get(f"{API}/access-records", headers=cast.alice.headers).json()) == 5


def test_what_an_organisation_agreed_to_outlives_the_repository(
    client: TestClient, cast: Cast, gated: Gated, acme: dict[str, Person], database: Database
) -> None:
    gated("auto")
    terms = ask(client, cast.charlie, organization="acme").json()["terms"]
    names = {"name": "model", "organization": "lab"}
    assert client.request("DELETE", "/api/repos/delete", json=names, headers=cast.alice.headers).status_code == 200
    records = client.get("/api/organizations/acme/access-records", headers=cast.charlie.headers).json()
    assert [(one["what"], one["repo"], one["termsSha256"]) for one in records] == [
        ("agreed", "lab/model", terms),
        ("accepted", "lab/model", None),
    ]
    text = client.get(f"/api/organizations/acme/terms/{terms}", headers=acme["dana"].headers)
    assert "Be good." in text.text
    with database.write() as db:
        assert db.execute(delete(Repo)).rowcount == 0  # type: ignore[attr-defined]


@pytest.fixture
def told(app: Starlette) -> list[Any]:
    """Every event of gates, in order."""
    events: list[Any] = []
    hear: Callable[[Any, Any], None] = lambda db, event: events.append(event)  # noqa: E731
    for kind in (AccessRequested, AccessDecided, AccessRevoked, TermsAgreed, TermsChanged):
        app.state.database.bus.subscribe(kind, hear)
    return events


def test_listeners_hear_of_everything_they_could_tell_people(
    told: list[Any], client: TestClient, cast: Cast, gated: Gated, database: Database
) -> None:
    gated("manual", gatedNotificationsMode="bulk", gatedNotificationsEmail="gate@lab.test")
    first, second = _story(client, cast)
    assert [type(event) for event in told] == [
        AccessRequested,
        AccessDecided,
        TermsChanged,
        TermsAgreed,
        AccessDecided,
        AccessRevoked,
    ]
    requested, accepted, changed, _, rejected, _ = told
    assert (requested.gate.notify_mode, requested.gate.notify_email) == ("bulk", "gate@lab.test")
    assert (requested.admission.account.name, requested.repo.path) == ("charlie", "lab/model")
    assert (accepted.before, accepted.actor.name, rejected.before) == ("pending", "bob", "accepted")
    assert (changed.before, changed.after) == (first, second)
    with database.read() as db:
        repo = db.query(Repo).one()
        assert [one.name for one in queries.keepers(db, repo)] == ["alice", "bob"]


def test_a_refused_call_tells_nothing(told: list[Any], client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("manual")
    ask(client, cast.charlie, fields={})
    handle(client, cast.charlie, "charlie", "accepted")
    handle(client, cast.alice, "charlie", "accepted")
    publish(client, cast.alice, card="---\nlicense: mit\n---\n")
    assert [type(event) for event in told] == [TermsChanged]


def test_whom_changed_terms_concern(client: TestClient, cast: Cast, gated: Gated, database: Database) -> None:
    gated("auto")
    ask(client, cast.charlie)
    publish(client, cast.alice, licence="Two.\n")
    with database.read() as db:
        repo = db.query(Repo).one()
        (one,) = queries.to_renew(db, repo, limit=10)
        assert one.account.name == "charlie"
        assert queries.to_renew(db, repo, limit=10, after=one.id) == []
        person = queries.asker(db, one)
        assert person is not None
        assert person.name == "charlie"
