"""The history of a repository and of one path, as callers and readers see it."""

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from freehold.accounts.queries import logins
from freehold.content import queries
from freehold.content.kit import Kit
from freehold.content.service.foreseeing import Foresight
from freehold.content.tables import Push
from freehold.core.database import Database
from freehold.gitkit.commits import Put
from freehold.gitkit.objects import Objects
from freehold.repos.tables import Repo
from tests.content.given import commit as commit_as_somebody
from tests.content.given import repo
from tests.content.publishing import committed, deleted, file
from tests.fixtures.people import Cast


@pytest.fixture
def path(client: TestClient, cast: Cast) -> str:
    made = repo(client, cast.alice, "m")
    committed(client, cast.alice, made, file("a/one", "1"), summary="one")
    committed(client, cast.alice, made, file("b", "1"), summary="unrelated")
    committed(client, cast.alice, made, file("a/one", "2"), summary="two")
    committed(client, cast.alice, made, deleted("a/one"), file("a/two", "2"), summary="moved")
    return made


def titles(client: TestClient, address: str) -> list[str]:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return [found["title"] for found in answer.json()]


def test_the_history_of_one_path(client: TestClient, path: str) -> None:
    log = f"/api/models/{path}/commits/main"
    assert titles(client, f"{log}?path=a") == ["moved", "two", "one"]
    assert titles(client, f"{log}?path=a/one") == ["moved", "two", "one"]  # it is gone, and has a history
    answer = client.get(f"{log}?path=a%2Ftwo")
    assert [found["title"] for found in answer.json()] == ["moved"]
    assert answer.json()[-1]["renamedFrom"] == "a/one"
    assert answer.headers["X-Total-Count"] == "1"
    missing = client.get(f"{log}?path=never")
    assert (missing.status_code, missing.headers["X-Error-Code"]) == (404, "EntryNotFound")


def test_pages_of_a_path_hold_on_to_the_first(client: TestClient, cast: Cast, path: str) -> None:
    first = client.get(f"/api/models/{path}/commits/main?path=a&limit=2")
    committed(client, cast.alice, path, file("a/three", "3"), summary="later")
    second = client.get(first.links["next"]["url"])
    assert [found["title"] for found in first.json() + second.json()] == ["moved", "two", "one"]
    assert "next" not in second.links


def test_the_page_of_a_path(client: TestClient, path: str) -> None:
    shown = client.get(f"/{path}/commits/main/a/two", headers={"Accept": "text/html"})
    assert shown.status_code == 200
    assert "moved" in shown.text and "unrelated" not in shown.text
    assert "Before that it was called" in shown.text
    assert f'href="/{path}/commits/main/a/two"' in client.get(f"/{path}/blob/main/a/two").text
    assert client.get(f"/{path}/commits/main/never", headers={"Accept": "text/html"}).status_code == 404


def test_authors_are_shown_by_login_name(client: TestClient, cast: Cast, path: str, database: Database) -> None:
    with database.write() as db:
        accounts.create_user(db, "Dora", full_name="Dora", email="Dora@Example.org")
    commit_as_somebody(client.app, path, [Put("x", b"1")])  # type: ignore[arg-type]  # signed alice@hub.test, unknown here
    log = client.get(f"/api/models/{path}/commits/main").json()
    assert [found["authors"] for found in log[:2]] == [[{"user": "Alice"}], [{"user": "alice"}]]
    with database.read() as db:
        asked = ["dora@example.ORG", "alice@users.noreply.freehold", "nobody@users.noreply.freehold", "\0", "x" * 999]
        assert logins(db, asked) == {"dora@example.org": "Dora", "alice@users.noreply.freehold": "alice"}
        assert logins(db, []) == {}


def test_an_ambiguous_id_names_what_it_may_mean(client: TestClient, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Objects, "expand", lambda self, prefix: [prefix.ljust(40, "0"), prefix.ljust(40, "1")])
    answer = client.get(f"/api/models/{path}/revision/abcd")
    assert (answer.status_code, answer.headers["X-Error-Code"]) == (404, "RevisionNotFound")
    assert "abcd is ambiguous, 2 commits begin with it: abcd0000" in answer.json()["error"]


def test_the_history_of_what_was_pushed_is_known_before_anybody_asks(
    client: TestClient, cast: Cast, path: str, kit: Kit, database: Database
) -> None:
    foresight = Foresight(database, kit)
    assert foresight.turn() == 0
    committed(client, cast.alice, path, file("a/new", "1"))
    assert foresight.turn() == 1
    head = client.get(f"/api/models/{path}/commits/main").json()[0]["id"]
    with database.read() as db:
        (repo_id,) = db.scalars(select(Push.repo_id).where(Push.after == head))
        objects = queries.objects(db, db.get_one(Repo, repo_id), kit)
    assert all(objects.history.is_looked_into(oid) for oid in objects.order(head))
    assert foresight.turn() == 0
