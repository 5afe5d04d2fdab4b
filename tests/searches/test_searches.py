"""Saved searches: the verbs, what is found once and told once, and to whom."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, text
from starlette.testclient import TestClient

from freehold.core import clock
from freehold.core.errors import TookTooLong
from freehold.discover import changes
from freehold.inbox.service import mail, matches
from freehold.inbox.tables import Notification
from freehold.repos import service as repos
from freehold.repos.tables import Repo
from freehold.searches import matching, queries, rules, tasks
from freehold.searches.tables import SavedSearch, SearchMatch
from freehold.tasks.tables import Task
from tests.discover.conftest import Publish
from tests.fixtures.people import Cast, Person
from tests.people.test_pages import Browser
from tests.searches.conftest import APACHE, MIT

API = "/api/settings/searches"
Turn = Callable[[], None]


def save(client: TestClient, who: Person, query: str = "filter=license:mit", name: str = "Free", **body: Any) -> Any:
    answer = client.post(API, json={"name": name, "query": query, **body}, headers=who.headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


def told(client: TestClient, who: Person) -> list[tuple[str, int, bool]]:
    found = client.get("/api/notifications", headers=who.headers).json()
    return [(one["title"], one["count"], one["read"]) for one in found if one["reason"] == "search"]


def stands(client: TestClient, who: Person) -> list[tuple[int, int]]:
    return [(one["matches"], one["new"]) for one in client.get(API, headers=who.headers).json()]


# ---- verbs -------------------------------------------------------------------------------------------------


def test_a_search_is_saved_changed_and_deleted(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/there", {"README.md": MIT})
    made = save(client, cast.bob, "sort=likes&filter=license:mit&direction=1")
    assert made["query"] == "filter=license%3Amit"  # its order is no part of what it asks for
    assert (made["matches"], made["new"], made["mail"], made["page"]) == (1, 0, "none", True)
    address = f"{API}/{made['id']}"
    changed = client.patch(address, json={"name": "Freer", "mail": "daily"}, headers=cast.bob.headers).json()
    assert (changed["name"], changed["mail"], changed["page"]) == ("Freer", "daily", True)
    assert client.patch(address, json={"name": "x"}, headers=cast.charlie.headers).status_code == 404
    assert client.get(address, headers=cast.charlie.headers).status_code == 404
    assert client.delete(address, headers=cast.bob.read_headers).status_code == 403
    assert client.delete(address, headers=cast.bob.headers).status_code == 204
    assert client.get(API, headers=cast.bob.headers).json() == []
    assert client.get(API).status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": " "}, 400),
        ({"name": "a\u202eb"}, 400),
        ({"name": "x" * 81}, 400),
        ({"name": "a", "query": "num_parameters=lots"}, 400),
        ({"name": "a", "query": "pipeline_tag=%00"}, 400),
        ({"name": "a", "query": "fits=lab:rack-2"}, 404),
        ({"name": "a", "query": "x" * 3000}, 400),
        ({"name": "a", "kind": "kernel"}, 422),
        ({"name": "a", "mail": "hourly"}, 422),
        ({"name": "FREE"}, 409),
        ({"name": "other", "query": "filter=license:mit"}, 409),
    ],
)
def test_what_cannot_be_saved_is_refused(client: TestClient, cast: Cast, body: dict[str, str], status: int) -> None:
    save(client, cast.bob)
    assert client.post(API, json=body, headers=cast.bob.headers).status_code == status


def test_a_person_has_only_so_many(client: TestClient, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_SEARCHES", 1)
    save(client, cast.bob)
    again = client.post(API, json={"name": "b", "query": "search=b"}, headers=cast.bob.headers)
    assert again.status_code == 409 and "the most" in again.json()["error"]


# ---- what is found, and told -------------------------------------------------------------------------------


def test_what_comes_to_match_is_told_once(client: TestClient, cast: Cast, publish: Publish, look_around: Turn) -> None:
    publish(cast.alice.actor, "alice/there", {"README.md": MIT})
    search = save(client, cast.bob)
    publish(cast.alice.actor, "alice/other", {"README.md": APACHE})
    publish(cast.alice.actor, "alice/there", {"NOTES.md": "It matched before, and changed."})
    look_around()
    assert told(client, cast.bob) == [] and stands(client, cast.bob) == [(1, 0)]

    publish(cast.alice.actor, "alice/fresh", {"README.md": MIT})
    look_around()
    assert told(client, cast.bob) == [("alice/fresh is new in your search Free", 1, False)]
    publish(cast.alice.actor, "alice/other", {"README.md": MIT})  # a licence that it had not
    publish(cast.alice.actor, "alice/fresh", {"NOTES.md": "Known by now."})
    look_around()
    look_around()
    assert told(client, cast.bob) == [("2 new matches of your search Free", 2, False)]
    assert stands(client, cast.bob) == [(3, 2)]

    client.put(f"{API}/{search['id']}/looked", headers=cast.bob.headers)
    assert stands(client, cast.bob) == [(3, 0)]
    assert told(client, cast.bob) == [("2 new matches of your search Free", 2, True)]
    publish(cast.alice.actor, "alice/other", {"README.md": APACHE})
    look_around()
    publish(cast.alice.actor, "alice/other", {"README.md": MIT})
    look_around()
    assert stands(client, cast.bob) == [(3, 0)]  # never twice


def test_nobody_is_told_of_what_they_may_not_see(
    client: TestClient, cast: Cast, publish: Publish, look_around: Turn
) -> None:
    for who in (cast.bob, cast.charlie):
        save(client, who)
    publish(cast.alice.actor, "lab/inner", {"README.md": MIT}, private=True)
    publish(cast.alice.actor, "alice/own", {"README.md": MIT}, private=True)
    look_around()
    assert told(client, cast.charlie) == [] and stands(client, cast.charlie) == [(0, 0)]
    assert told(client, cast.bob) == [("lab/inner is new in your search Free", 1, False)]

    hide(client, cast, "alice/own", "public")
    look_around()
    assert told(client, cast.charlie) == [("alice/own is new in your search Free", 1, False)]
    assert told(client, cast.bob) == [("2 new matches of your search Free", 2, False)]
    hide(client, cast, "alice/own", "private")
    assert told(client, cast.charlie) == []  # at once, by the right to read it
    look_around()
    assert told(client, cast.charlie) == [] and stands(client, cast.charlie) == [(0, 0)]
    assert told(client, cast.bob) == [("lab/inner is new in your search Free", 1, False)]
    with client.app.state.database.read() as db:  # type: ignore[attr-defined]
        assert not db.scalars(select(Notification.id).where(Notification.user_id == cast.charlie.id)).all()


def hide(client: TestClient, cast: Cast, path: str, visibility: str) -> None:
    body = {"private": visibility == "private"}
    assert client.put(f"/api/models/{path}/settings", json=body, headers=cast.alice.headers).status_code == 200


def test_a_gated_one_is_counted_and_not_named(
    client: TestClient, cast: Cast, publish: Publish, look_around: Turn
) -> None:
    save(client, cast.charlie)
    publish(cast.alice.actor, "alice/gated", {"README.md": MIT}, gated="manual")
    look_around()
    assert told(client, cast.charlie) == [("1 new match of your search Free", 1, False)]


def test_pausing_tells_nothing_and_goes_on_from_there(
    client: TestClient, cast: Cast, publish: Publish, look_around: Turn
) -> None:
    address = f"{API}/{save(client, cast.bob)['id']}"
    publish(cast.alice.actor, "alice/before", {"README.md": MIT})
    look_around()
    client.patch(address, json={"paused": True}, headers=cast.bob.headers)
    assert told(client, cast.bob) == []
    publish(cast.alice.actor, "alice/meanwhile", {"README.md": MIT})
    look_around()
    client.patch(address, json={"paused": False}, headers=cast.bob.headers)
    publish(cast.alice.actor, "alice/after", {"README.md": MIT})
    look_around()
    assert stands(client, cast.bob) == [(3, 2)]  # before and after
    assert told(client, cast.bob) == [("2 new matches of your search Free", 2, False)]


def test_a_broken_address_hurts_nobody(client: TestClient, cast: Cast, publish: Publish, look_around: Turn) -> None:
    save(client, cast.bob)
    save(client, cast.charlie)
    with client.app.state.database.write() as db:  # type: ignore[attr-defined]
        broken = db.scalars(select(SavedSearch).where(SavedSearch.user_id == cast.bob.id)).one()
        broken.query = "num_parameters=lots"
    publish(cast.alice.actor, "alice/fresh", {"README.md": MIT})
    look_around()
    assert len(told(client, cast.charlie)) == 1 and told(client, cast.bob) == []
    assert "num_parameters is like" in client.get(API, headers=cast.bob.headers).json()[0]["problem"]
    page = Browser(client.app, cast.bob).see("/searches")  # type: ignore[arg-type]
    assert "It finds nothing any more." in page


def test_one_that_the_database_cannot_answer_hurts_nobody(
    client: TestClient, cast: Cast, publish: Publish, look_around: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(client, cast.bob, query="search=fresh")
    save(client, cast.charlie)
    filtered, total = matching.discover.filtered, queries.counting.total

    def broken(query: Any, listing: Any, *besides: Any) -> Any:
        found = filtered(query, listing, *besides)
        return found.where(text("no_such_function(1) = 1")) if listing.search == "fresh" else found

    def slow(db: Any, actor: Any, listing: Any) -> int:
        if listing.search == "fresh":
            raise TookTooLong("This takes longer than it may.")
        return total(db, actor, listing)

    monkeypatch.setattr(matching.discover, "filtered", broken)
    publish(cast.alice.actor, "alice/fresh", {"README.md": MIT})
    look_around()
    monkeypatch.setattr(matching.discover, "filtered", filtered)
    assert len(told(client, cast.charlie)) == 1 and told(client, cast.bob) == []
    monkeypatch.setattr(queries.counting, "total", slow)
    assert client.get(API, headers=cast.bob.headers).json()[0]["problem"] == "This takes longer than it may."


def test_machines_are_those_of_whoever_searches(
    client: TestClient, cast: Cast, publish: Publish, look_around: Turn
) -> None:
    for who, memory in ((cast.bob, 64), (cast.charlie, 0.001)):
        body = {"name": "Desk", "kind": "cpu", "memoryGb": memory}
        client.post("/api/settings/machines", json=body, headers=who.headers)
        save(client, who, "fits=mine:desk")
    publish(cast.alice.actor, "alice/small", {"README.md": MIT})
    needs(client, "alice/small", 10**9)
    look_around()
    assert len(told(client, cast.bob)) == 1 and told(client, cast.charlie) == []
    client.delete("/api/settings/machines/desk", headers=cast.bob.headers)
    assert "You see no machine" in client.get(API, headers=cast.bob.headers).json()[0]["problem"]


def needs(client: TestClient, path: str, size: int) -> None:
    """The facts of the repository are kept by the task of its push."""
    from freehold.cards.tables import RepoFacts

    app = client.app
    app.state.worker.drain()  # type: ignore[attr-defined]
    with app.state.database.write() as db:  # type: ignore[attr-defined]
        repo = db.scalars(select(Repo).where(Repo.path_key == path)).one()
        db.get_one(RepoFacts, repo.id).needed_bytes = size


def test_one_that_matches_very_much_tells_of_what_is_made_later(
    client: TestClient, cast: Cast, publish: Publish, look_around: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MAX_KNOWN", 1)
    for name in ("a", "b", "c"):
        publish(cast.alice.actor, f"alice/{name}", {"README.md": MIT})
    save(client, cast.bob)
    publish(cast.alice.actor, "alice/a", {"NOTES.md": "Changed."})
    publish(cast.alice.actor, "alice/d", {"README.md": MIT})
    look_around()
    assert told(client, cast.bob) == [("alice/d is new in your search Free", 1, False)]
    with client.app.state.database.read() as db:  # type: ignore[attr-defined]
        assert len(db.scalars(select(SearchMatch)).all()) == 1
    assert "It matches too many to remember" in Browser(client.app, cast.bob).see("/searches")  # type: ignore[arg-type]


def test_one_that_came_to_know_too_much_forgets(
    client: TestClient, cast: Cast, publish: Publish, look_around: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MAX_NEW", 1)
    save(client, cast.bob)
    monkeypatch.setattr(rules, "MAX_KNOWN", 1)
    for name in ("a", "b", "c"):
        publish(cast.alice.actor, f"alice/{name}", {"README.md": MIT})
    look_around()
    with client.app.state.database.read() as db:  # type: ignore[attr-defined]
        assert len(db.scalars(select(SearchMatch)).all()) == 1
        assert db.scalars(select(SavedSearch)).one().made_after is not None
    before = told(client, cast.bob)
    for name in ("a", "b", "c"):
        publish(cast.alice.actor, f"alice/{name}", {"NOTES.md": "Changed."})
    look_around()
    assert told(client, cast.bob) == before and len(before) == 1


# ---- how it runs -------------------------------------------------------------------------------------------


def test_changes_that_were_missed_are_made_up_for(
    client: TestClient, cast: Cast, publish: Publish, look_around: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(client, cast.bob)
    publish(cast.alice.actor, "alice/fresh", {"README.md": MIT})

    def lost(*_: object) -> changes.News:
        raise changes.FellBehind

    with monkeypatch.context() as patched:
        patched.setattr(changes, "since", lost)
        look_around()
    assert len(told(client, cast.bob)) == 1
    look_around()
    assert len(told(client, cast.bob)) == 1


def test_a_turn_is_asked_for_where_something_changed(client: TestClient, cast: Cast, publish: Publish) -> None:
    database = client.app.state.database  # type: ignore[attr-defined]

    def asked() -> int:
        tasks.look(database)
        with database.read() as db:
            return len(db.scalars(select(Task).where(Task.name == tasks.MATCH.name)).all())

    publish(cast.alice.actor, "alice/there", {"README.md": MIT})
    assert asked() == 0  # nobody searches
    save(client, cast.bob)
    publish(cast.alice.actor, "alice/fresh", {"README.md": MIT})
    assert asked() == asked() == 1
    client.app.state.worker.drain()  # type: ignore[attr-defined]
    assert len(told(client, cast.bob)) == 1
    client.app.state.worker.drain()  # type: ignore[attr-defined]
    assert not matching.waits(database)


def test_two_nodes_tell_once(client: TestClient, cast: Cast, publish: Publish) -> None:
    save(client, cast.bob)
    publish(cast.alice.actor, "alice/fresh", {"README.md": MIT})
    database = client.app.state.database  # type: ignore[attr-defined]
    with database.read() as db:
        ids = db.scalars(select(Repo.id)).all()
        kept = matching._found(db, db.scalars(select(SavedSearch)).all(), ids)  # what the other node found too
    matching.turn(database)
    client.post("/api/notifications/read", json={"all": True}, headers=cast.bob.headers)
    with database.write() as db:
        people = matching.People(db)
        for search_id, found in kept.items():
            matching._tell(db, people, search_id, found)
    assert kept and told(client, cast.bob) == [("alice/fresh is new in your search Free", 1, True)]


# ---- mail --------------------------------------------------------------------------------------------------


@pytest.fixture
def mails(client: TestClient, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """Address, subject and text of what would go out."""
    sent: list[tuple[str, str, str]] = []

    def send(_db: object, _kit: object, to: str, subject: str, text: str, **_: str) -> bool:
        sent.append((to, subject, text))
        return True

    monkeypatch.setattr(mail, "send", send)
    with client.app.state.database.write() as db:  # type: ignore[attr-defined]
        from freehold.accounts.tables import Account

        db.get_one(Account, cast.bob.id).email = "bob@lab.example"
    return sent


def test_mail_gathers_and_says_each_once(
    client: TestClient, cast: Cast, publish: Publish, look_around: Turn, mails: list[tuple[str, str, str]]
) -> None:
    save(client, cast.bob, mail="daily", page=False)
    save(client, cast.bob, "search=fresh", "By name", mail="daily")
    publish(cast.alice.actor, "alice/fresh", {"README.md": MIT})
    publish(cast.alice.actor, "alice/gone", {"README.md": MIT})
    look_around()
    hide(client, cast, "alice/gone", "private")
    database = client.app.state.database  # type: ignore[attr-defined]
    with database.read() as db:
        (waiting,) = db.scalars(select(Task).where(Task.name == "inbox.matches")).all()
        assert (waiting.due_at - clock.now()).total_seconds() > 80_000
    for _ in range(2):
        with database.write() as db:
            matches.send(db, client.app.state.kit, cast.bob.id, "daily")  # type: ignore[attr-defined]
    ((to, subject, text),) = mails
    assert to == "bob@lab.example" and subject == "2 of your saved searches found something"
    assert text.count("/alice/fresh") == 2 and "gone" not in text
    assert "1 new match of your search By name" in text
    assert [title for title, _, _ in told(client, cast.bob)] == ["alice/fresh is new in your search By name"]


def test_who_wants_no_such_mail_gets_none(
    client: TestClient, cast: Cast, publish: Publish, look_around: Turn, mails: list[tuple[str, str, str]]
) -> None:
    save(client, cast.bob, mail="soon")
    choice = {"searches": {"page": True, "mail": False}}
    client.patch("/api/settings/notifications", json=choice, headers=cast.bob.headers)
    publish(cast.alice.actor, "alice/fresh", {"README.md": MIT})
    look_around()
    with client.app.state.database.write() as db:  # type: ignore[attr-defined]
        matches.send(db, client.app.state.kit, cast.bob.id, "soon")  # type: ignore[attr-defined]
    assert mails == [] and len(told(client, cast.bob)) == 1


# ---- pages -------------------------------------------------------------------------------------------------


def test_a_list_is_saved_and_marks_what_is_new(
    client: TestClient, cast: Cast, publish: Publish, look_around: Turn
) -> None:
    publish(cast.alice.actor, "alice/there", {"README.md": MIT})
    bob = Browser(client.app, cast.bob)  # type: ignore[arg-type]
    listed = bob.see("/models?filter=license%3Amit&sort=likes")
    form = "/searches/new?kind=model&amp;query=filter%3Dlicense%253Amit"
    assert form in listed and "Save this search" in client.get("/models").text
    page = form.replace("&amp;", "&")
    assert 'value="Models, Licence: mit"' in bob.see(page)
    fields = {"kind": "model", "query": "filter=license%3Amit", "inbox": "1"}
    assert bob.send("/searches", page=page, name="", **fields).status_code == 422
    saved = bob.send("/searches", page=page, name="<b>Free</b>", **fields).headers["location"]
    shown = bob.see(saved)
    assert "Saved as" in shown and "&lt;b&gt;Free" in shown and ">new</span>" not in shown

    publish(cast.alice.actor, "alice/fresh", {"README.md": MIT})
    look_around()
    assert "1 new" in bob.see("/searches")
    (row,) = client.get("/api/notifications", headers=cast.bob.headers).json()
    notice = row["url"].removeprefix("http://hub.test").removeprefix("http://127.0.0.1:8000")
    marked = bob.see(bob.client.get(notice[notice.index("/searches/") :]).headers["location"])
    assert marked.count(">new</span>") == 1 and "<b>1 is new</b>" in marked and "Mark as seen" in marked
    opened = bob.send(notice[notice.index("/searches/") :] + "/open", page="/searches").headers["location"]
    again = bob.see(opened)
    assert again.count(">new</span>") == 1 and "Mark as seen" not in again
    assert "1 new" not in bob.see("/searches")
    # Of another list, or of somebody else, the word says nothing.
    assert ">new</span>" not in bob.see(opened.replace("license%3Amit", "license%3Ax"))
    charlie = Browser(client.app, cast.charlie)  # type: ignore[arg-type]
    assert ">new</span>" not in charlie.see(opened)
    charlie.see(notice[notice.index("/searches/") :], status=404)
    assert client.get("/searches").headers["location"].startswith("/login")


def test_the_page_changes_and_deletes(client: TestClient, cast: Cast) -> None:
    search, other = save(client, cast.bob), save(client, cast.bob, "search=x", "Other")
    bob, address = Browser(client.app, cast.bob), f"/searches/{search['id']}"  # type: ignore[arg-type]
    refused = bob.send(address, page="/searches", name="other")
    assert refused.status_code == 422 and "You have a saved search called other" in refused.text
    assert bob.send(address, page="/searches", name="Free again", paused="1", mail="daily").status_code == 303
    shown = bob.see("/searches")
    assert "Free again" in shown and ">paused</span>" in shown
    assert bob.send(f"{address}/delete", page="/searches").status_code == 303
    assert "Free again" not in bob.see("/searches").replace("Free again is gone", "") and other["name"] in shown


def test_a_deleted_repository_is_known_no_more(
    client: TestClient, cast: Cast, publish: Publish, look_around: Turn
) -> None:
    save(client, cast.bob)
    publish(cast.alice.actor, "alice/fresh", {"README.md": MIT})
    look_around()
    with client.app.state.database.write() as db:  # type: ignore[attr-defined]
        repos.delete_repo(db, cast.alice.actor, "alice/fresh", kind="model")
    look_around()
    assert stands(client, cast.bob) == [(0, 0)] and told(client, cast.bob) == []
