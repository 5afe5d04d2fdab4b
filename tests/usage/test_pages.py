"""What was used, as pages and exports show it, and to whom."""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.access.rules import HUB
from freehold.accounts import service as accounts
from freehold.accounts.tables import Account
from freehold.core import clock
from freehold.core.database import Database
from freehold.governance.tables import AuditEntry
from freehold.inbox.tables import Notification
from freehold.repos import service as repos
from freehold.usage.rules import subject_key
from freehold.usage.tables import Budget, Limit, MeterRow, Price, UsageDay
from tests.fixtures.people import Cast
from tests.usage.conftest import NOW, account_id, token_id

HIDDEN = "a model you may not see"


@pytest.fixture(autouse=True)
def _at_noon() -> Iterator[None]:
    with clock.frozen(NOW):
        yield


@pytest.fixture
def secret(database: Database, cast: Cast) -> str:
    """A private model of Alice's; its id."""
    with database.write() as db:
        return repos.create(db, HUB, "hidden", namespace="alice", visibility="private").id


def test_ones_own_month(app: Starlette, cast: Cast, called: Callable[..., None], browser: Callable[..., Any]) -> None:
    for back in range(6):
        with clock.frozen(NOW - timedelta(days=back)):
            called(cast.alice, tokens=1000, price=1_000_000)
    called(cast.alice, token=token_id(app.state.database, cast.alice), outcome="failed", tokens=0)
    page = browser(cast.alice).see("/settings/usage")
    assert "November 2026" in page
    assert "6,070" in page, "6 × (10 + 1,000) tokens, and 10 of the call that failed"
    assert "How the month will end" in page
    assert "between" in page
    assert "the hub's own pages" in page.replace("&#39;", "'")
    assert ">write<" in page, "its token by name"
    assert "failed" in page
    before = browser(cast.alice).see("/settings/usage?month=2026-10")
    assert "No calls in October 2026" in before
    assert "usage" in browser(cast.alice).see("/settings/usage?month=oops&token=%20&name=" + "x" * 500)
    assert app.state is not None


def test_nobody_tells_the_end_of_a_month_from_two_days(
    app: Starlette, cast: Cast, called: Callable[..., None], browser: Callable[..., Any]
) -> None:
    called(cast.alice)
    assert "Unknown: it takes three whole days" in browser(cast.alice).see("/settings/usage")


def test_a_model_that_one_may_not_read_any_more_has_no_name(
    app: Starlette, cast: Cast, called: Callable[..., None], browser: Callable[..., Any], secret: str
) -> None:
    for person in (cast.alice, cast.charlie):
        called(person, served_name="alice/hidden", model="alice/hidden", repo_id=secret)
    assert "alice/hidden" in browser(cast.alice).see("/settings/usage")
    seen = browser(cast.charlie).see("/settings/usage")
    assert "alice/hidden" not in seen
    assert HIDDEN in seen
    client = TestClient(app, base_url="http://hub.test")
    for address in ("/api/usage", "/api/usage.csv"):
        told = client.get(address, headers=cast.charlie.headers).text
        assert "hidden" not in told.replace(HIDDEN, ""), address
        assert "alice/hidden" in client.get(address, headers=cast.alice.headers).text
    assert "alice/hidden" in browser(cast.root).see("/admin/usage")


#: Who sees what of the lab's usage, which Alice (who administers it) and Bob (a member) made: the calls told of.
SEES = (("alice", 3), ("bob", 1), ("charlie", None), ("root", 3), ("anonymous", None))


@pytest.mark.parametrize(("who", "calls"), SEES)
def test_who_sees_what_an_organisation_used(
    app: Starlette, cast: Cast, called: Callable[..., None], browser: Callable[..., Any], who: str, calls: int | None
) -> None:
    called(cast.alice, payer="lab")
    called(cast.alice, payer="lab")
    called(cast.bob, payer="lab")
    called(cast.bob)
    person = getattr(cast, who)
    client = TestClient(app, base_url="http://hub.test")
    answer = client.get("/api/usage?account=lab", headers=person.headers)
    if calls is None:
        assert answer.status_code in (401, 403)
        assert "demo/tiny" not in answer.text
        return
    assert sum(day["calls"] for day in answer.json()["days"]) == calls
    page = browser(person).see("/organizations/lab/settings/usage")
    assert ("By person" in page) is (calls == 3)
    # What an address asks for never widens what somebody sees.
    wide = client.get(f"/api/usage?account=lab&person={cast.alice.id}", headers=person.headers).json()["days"]
    assert sum(day["calls"] for day in wide) == (1 if who == "bob" else 2)


def test_what_the_instance_used_is_for_its_administrators(
    app: Starlette, cast: Cast, called: Callable[..., None], browser: Callable[..., Any]
) -> None:
    called(cast.alice)
    called(cast.bob, payer="lab")
    page = browser(cast.root).see("/admin/usage")
    assert "/admin/usage/lab" in page
    assert "By account" in page
    assert "What calls that" in browser(cast.root).see("/admin/usage/lab")
    client = TestClient(app, base_url="http://hub.test")
    for person, status in ((cast.root, 200), (cast.alice, 403), (cast.anonymous, 401)):
        assert client.get("/api/usage?account=*", headers=person.headers).status_code == status
        assert client.get("/api/usage/prices", headers=person.headers).status_code == status
    for address in ("/admin/usage", "/admin/usage/bob", "/admin/prices"):
        browser(cast.alice).see(address, 403)


def test_the_export_adds_up_and_runs_no_formula(
    app: Starlette, cast: Cast, called: Callable[..., None], secret: str
) -> None:
    with app.state.database.write() as db:
        listed = repos.create(db, HUB, "open", namespace="alice").id
    for name in ("=cmd/x", "+a/b", "ok/ok"):
        called(cast.alice, served_name=name, model=name, repo_id=listed)
    client = TestClient(app, base_url="http://hub.test")
    answer = client.get("/api/usage.csv", headers=cast.alice.headers)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert sum(int(row["calls"]) for row in rows) == 3
    assert {row["served_name"] for row in rows} == {"'=cmd/x", "'+a/b", "ok/ok"}
    assert rows[0]["energy_joules_estimated"] == "20.0"


def test_an_administrator_sets_prices(
    app: Starlette, cast: Cast, browser: Callable[..., Any], database: Database
) -> None:
    root = browser(cast.root)
    form = {"kind": "name", "name": "Demo/Tiny", "input": "0,10", "output": "0.4", "second": ""}
    assert root.send("/admin/prices", page="/admin/prices", **form).status_code == 303
    with database.read() as db:
        price = db.get_one(Price, "name:demo/tiny")
    assert (price.input_price, price.cached_price, price.output_price) == (100_000, 100_000, 400_000)
    assert "demo/tiny" in root.see("/admin/prices")
    refused = root.send("/admin/prices", page="/admin/prices", **(form | {"input": "cheap"}))
    assert refused.status_code == 422
    assert "cheap" in refused.text
    assert root.send("/admin/prices", page="/admin/prices", kind="model", name="no slash").status_code == 422
    gone = {"kind": "name", "name": "demo/tiny"}
    assert root.send("/admin/prices/delete", page="/admin/prices", **gone).status_code == 303
    assert root.send("/admin/prices/delete", page="/admin/prices", **gone).status_code == 422
    assert browser(cast.alice).send("/admin/prices", **form).status_code == 403


def test_a_budget_begins_with_what_was_spent(
    app: Starlette, cast: Cast, called: Callable[..., None], browser: Callable[..., Any], database: Database
) -> None:
    for payer, person in (("lab", cast.bob), ("lab", cast.alice), ("bob", cast.bob)):
        called(person, payer=payer, tokens=1000, price=1_000_000)
    alice, bob = browser(cast.alice), browser(cast.bob)
    form = {"subject": f"person:{cast.bob.id}", "amount": "0.001", "hard": "1", "calls": "", "tokens": "500"}
    page = "/organizations/lab/settings/usage"
    assert alice.send(f"{page}/bounds", page=page, **form).status_code == 303
    lab = account_id(database, "lab")
    with database.read() as db:
        budget = db.scalars(select(Budget)).one()
        limit = db.scalars(select(Limit)).one()
    assert (budget.key, budget.spent_micros, budget.is_hard) == (subject_key(lab, cast.bob.id), 1000, True)
    assert (limit.calls, limit.tokens) == (None, 500)
    assert "Calls that cost something are refused" in bob.see(page)
    assert bob.send(f"{page}/bounds", page="/settings/usage", **form).status_code == 403
    wrong = alice.send(f"{page}/bounds", page=page, **(form | {"calls": "many"}))
    assert wrong.status_code == 422
    assert "many" in wrong.text
    assert (
        alice.send(f"{page}/bounds", page=page, **(form | {"subject": f"person:{cast.charlie.id}"})).status_code == 422
    )
    assert alice.send(f"{page}/bounds", page=page, **(form | {"subject": "account"})).status_code == 403
    assert alice.send(f"{page}/bounds", page=page, subject=form["subject"]).status_code == 303
    with database.read() as db:
        assert db.scalars(select(Budget)).all() == db.scalars(select(Limit)).all() == []


def test_a_person_bounds_their_own_tokens_and_the_hub_accounts(
    app: Starlette, cast: Cast, browser: Callable[..., Any], database: Database
) -> None:
    mine = f"token:{token_id(database, cast.alice)}"
    alice, root = browser(cast.alice), browser(cast.root)
    own = {"page": "/settings/usage", "amount": "5"}
    assert alice.send("/settings/usage/bounds", subject=mine, **own).status_code == 303
    assert "token write" in alice.see("/settings/usage")
    bobs = f"token:{token_id(database, cast.bob)}"
    assert alice.send("/settings/usage/bounds", subject=bobs, **own).status_code == 422
    assert alice.send("/settings/usage/bounds", subject="account", **own).status_code == 403
    of_hub = {"page": "/admin/usage"}
    assert root.send("/admin/usage/bounds", account="alice", amount="50", **of_hub).status_code == 303
    assert root.send("/admin/usage/bounds", account="", calls="60", **of_hub).status_code == 303
    assert root.send("/admin/usage/bounds", account="", amount="60", **of_hub).status_code == 422
    assert root.send("/admin/usage/bounds", account="nobody-here", amount="60", **of_hub).status_code == 422
    with database.read() as db:
        assert {one.key for one in db.scalars(select(Budget))} == {
            subject_key(cast.alice.id), subject_key(cast.alice.id, None, mine.partition(":")[2])
        }  # fmt: skip
        assert db.scalars(select(Limit.key)).all() == [subject_key("")]
    client = TestClient(app, base_url="http://hub.test")
    told = client.get("/api/usage/bounds", headers=cast.alice.headers).json()
    assert {one["subject"] for one in told} == {"account", mine}
    narrow = {"account": "alice", "subject": "account", "amount_micros": 1}
    assert client.put("/api/usage/bounds", json=narrow, headers=cast.alice.headers).status_code == 403
    assert client.put("/api/usage/bounds", json=narrow, headers=cast.root.read_headers).status_code == 403
    assert client.put("/api/usage/bounds", json=narrow, headers=cast.root.headers).status_code == 204
    price = {"kind": "model", "name": "a/b", "output_price": 7}
    assert client.put("/api/usage/prices", json=price, headers=cast.alice.headers).status_code == 403
    assert client.put("/api/usage/prices", json=price, headers=cast.root.headers).status_code == 204
    assert client.get("/api/usage/prices", headers=cast.root.headers).json()[0]["output_price"] == 7

    # What is left out is not bounded, or free: a name that is none is told, and changes nothing.
    told = client.get("/api/usage/bounds", headers=cast.alice.headers).json()
    for path, body in (("bounds", {**narrow, "amount_micro": 5}), ("prices", {**price, "ouput_price": 9})):
        assert client.put(f"/api/usage/{path}", json=body, headers=cast.root.headers).status_code == 422
    assert client.get("/api/usage/prices", headers=cast.root.headers).json()[0]["output_price"] == 7
    assert client.get("/api/usage/bounds", headers=cast.alice.headers).json() == told


def test_people_are_told_of_their_budgets_and_the_trail_of_who_set_them(
    app: Starlette, cast: Cast, called: Callable[..., None], database: Database
) -> None:
    client = TestClient(app, base_url="http://hub.test")
    token = token_id(database, cast.bob)
    for body in (
        {"account": "lab", "subject": f"person:{cast.bob.id}", "amount_micros": 1000},
        {"account": "lab", "subject": f"token:{token}", "amount_micros": 1000, "is_hard": True},
    ):
        assert client.put("/api/usage/bounds", json=body, headers=cast.alice.headers).status_code == 204
    called(cast.bob, payer="lab", token=token, tokens=850, price=1_000_000)
    called(cast.bob, payer="lab", token=token, tokens=300, price=1_000_000)
    with database.read() as db:
        told = {(row.user_id, row.title) for row in db.scalars(select(Notification))}
        entries = [entry.verb for entry in db.scalars(select(AuditEntry)) if entry.verb.startswith("bounds")]
    mine, part = "the token write", "your part at lab"
    refused = ": calls that cost something are refused"
    assert told == {
        (cast.bob.id, f"80 % of this month's budget of {mine} is spent"),
        (cast.bob.id, f"100 % of this month's budget of {mine} is spent{refused}"),
        (cast.bob.id, f"80 % of this month's budget of {part} is spent"),
        (cast.bob.id, f"100 % of this month's budget of {part} is spent"),
        (cast.alice.id, "80 % of this month's budget of a token at lab is spent"),
        (cast.alice.id, f"100 % of this month's budget of a token at lab is spent{refused}"),
        (cast.alice.id, "80 % of this month's budget of a member of lab is spent"),
        (cast.alice.id, "100 % of this month's budget of a member of lab is spent"),
    }
    assert entries == ["bounds.changed", "bounds.changed"]


def test_nothing_tells_what_somebody_used_who_is_gone(
    app: Starlette, cast: Cast, called: Callable[..., None], database: Database
) -> None:
    called(cast.charlie)
    called(cast.bob)
    with database.write() as db:
        accounts.delete_account(db, db.get_one(Account, cast.charlie.id), by=None)
    with database.read() as db:
        assert {row.payer_id for row in db.scalars(select(UsageDay))} == {cast.bob.id}
        assert {row.payer_id for row in db.scalars(select(MeterRow))} == {cast.bob.id}
