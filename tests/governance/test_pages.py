"""The administration in a browser: who gets in, and what each page does."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from freehold.accounts.errors import LastAdministrator
from freehold.accounts.tables import Account
from freehold.core import clock
from freehold.core.database import Database
from freehold.discover.index.client import State
from freehold.governance import rules
from freehold.governance.queries import health, repositories
from freehold.governance.service import choices, people, upkeep
from freehold.governance.service.listening import MAX_REFUSED_AN_HOUR
from freehold.governance.tables import UpkeepRun
from freehold.repos import service as repos
from freehold.tasks.queue import enqueue
from freehold.tasks.rules import GiveUp, Kind
from freehold.tasks.tables import Task
from freehold.tasks.worker import Worker
from scripts import access_matrix
from tests.fixtures.people import Cast
from tests.governance.conftest import ORIGIN, Browser
from tests.governance.test_trail import Entries

GIVEN = {"{name}": "alice", "{task_id}": "0" * 24, "{change}": "disable", "{kind}": "rehearse", "{form}": "csv"}


def _addresses(app: Starlette, repo_id: str) -> list[tuple[str, str]]:
    found = []
    for method, path, _ in access_matrix.routes(app):  # type: ignore[arg-type]
        if path == "/admin" or path.startswith("/admin/"):
            name = "lab" if "/organizations/" in path else "alice"
            for part, value in (GIVEN | {"{name}": name, "{repo_id}": repo_id}).items():
                path = path.replace(part, value)
            found.append((method, path))
    return found


@pytest.fixture
def repo_id(app: Starlette, cast: Cast) -> str:
    with app.state.database.write() as db:
        return repos.create(db, cast.alice.actor, "m", visibility="private").id


def test_every_address_is_for_administrators_alone(
    app: Starlette, client: TestClient, browser: Callable[..., Browser], cast: Cast, repo_id: str
) -> None:
    addresses = _addresses(app, repo_id)
    assert len(addresses) > 25
    visitor, stranger, owner, root = browser(), browser(cast.charlie), browser(cast.alice), browser(cast.root)
    with app.state.database.write() as db:
        account = accounts.account(db, "root")
        _, narrow = accounts.create_token(db, account, "narrow", "write", repo_ids=[repo_id])
    for method, address in addresses:
        if method == "GET":
            assert visitor.client.get(address).status_code == 401, address
            assert stranger.client.get(address).status_code == owner.client.get(address).status_code == 403, address
            assert client.get(address, headers=cast.alice.headers).status_code == 403, address
            assert client.get(address, headers={"Authorization": f"Bearer {narrow}"}).status_code == 403, address
            assert root.client.get(address).status_code in (200, 503), address
        else:
            for person in (visitor, stranger, owner):
                assert person.client.post(address, headers=ORIGIN).status_code in (401, 403), address
            sent = owner.send(address, name="x", confirmed="alice")
            assert sent.status_code == 403, (address, sent.text)
            assert root.client.post(address, headers=ORIGIN).status_code == 403, f"{address}: no form of ours"
            token = client.post(address, headers=cast.root.headers)
            assert token.status_code == 403, f"{address}: not in person"
    with app.state.database.read() as db:
        assert not accounts.account(db, "alice").is_disabled


def test_pages_hold_no_script_and_odd_input_breaks_none(
    app: Starlette, browser: Callable[..., Browser], cast: Cast, repo_id: str
) -> None:
    root = browser(cast.root)
    with app.state.database.write() as db:
        accounts.account(db, "charlie").full_name = '<script>"&\u202e'
    for method, address in _addresses(app, repo_id):
        if method == "GET" and "export" not in address and ".json" not in address:
            page = root.see(address).split("<main")[1]
            assert not re.search(r"<script|\son\w+=|style=", page), address
            assert '<script>"' not in page
            for odd in ("%F0%9F%98%80", "%25_'\"", "a" * 3000, "%E2%80%AE"):
                query = "&".join(f"{name}={odd}" for name in ("q", "owner", "kind", "order", "show", "after", "state"))
                assert root.client.get(f"{address}?{query}&name={odd}").status_code == 200, (address, odd)
    for cursor in ("x", "W10", "WyJhIiwiYiJd", "WyI5OTk5OTk5OTk5OTk5OTk5OTk5OTkiLCJiIl0"):
        assert root.client.get(f"/admin/repositories?cursor={cursor}").status_code == 400
    for missing in ("people/nobody", "people/lab", "organizations/alice", "repositories/x", "nothing"):
        root.see(f"/admin/{missing}", 404)


# ---- people --------------------------------------------------------------------------------------------------


def test_a_person_is_made_linked_locked_out_and_let_back(
    app: Starlette, browser: Callable[..., Browser], cast: Cast, entries: Entries
) -> None:
    root, here = browser(cast.root), "/admin/people/dan"
    form = {"page": "/admin/people", "full_name": "Dan", "email": "dan@example.org"}
    assert root.send("/admin/people", name="dan", **form).headers["location"] == here
    assert "dan is here" in root.see(here)
    assert root.send("/admin/people", name="dan", **form).status_code == 422
    refused = root.send("/admin/people", name="a b", **form)
    assert (refused.status_code, 'value="dan@example.org"' in refused.text) == (422, True)
    shown = root.send(f"{here}/links", page=here, purpose="password")
    assert shown.headers["cache-control"] == "no-store"
    link = re.search(r"http://hub.test(/password/\w+)", shown.text)
    assert link is not None
    assert "/password/" not in root.see(here), "shown once"
    browser().see(link[1])
    assert root.send(f"{here}/links", page=here, purpose="session").text.count("http://hub.test/login/") == 1
    assert entries("link.made")[-1].actor_name == "root"
    assert root.send(f"{here}/make-admin", page=here).status_code == 303
    assert root.send(f"{here}/end-admin", page=here).status_code == 303
    assert root.send(f"{here}/disable", page=here).status_code == 303
    assert "locked out" in root.see("/admin/people?show=disabled")
    assert root.send(f"{here}/links", page=here).status_code == 422
    assert root.send(f"{here}/enable", page=here).status_code == 303
    assert root.send(f"{here}/nonsense", page=here).status_code == 422
    told = [entry.verb for entry in entries() if entry.thing_name == "dan" and entry.actor_name == "root"]
    assert told[:2] == ["person.made", "person.changed"]
    assert told[-4:] == ["person.admin", "person.no-admin", "person.disabled", "person.enabled"]


def test_sessions_and_tokens_of_somebody_end(
    app: Starlette, client: TestClient, browser: Callable[..., Browser], cast: Cast
) -> None:
    root, alice, here = browser(cast.root), browser(cast.alice), "/admin/people/alice"
    assert root.send(f"{here}/end-sessions", page=here).status_code == 303
    assert alice.client.get("/settings/account").status_code == 303
    assert root.send(f"{here}/revoke-tokens", page=here).status_code == 303
    assert client.get("/api/whoami-v2", headers=cast.alice.headers).status_code == 401


def test_nobody_locks_out_the_last_administrator_or_themselves(
    app: Starlette, browser: Callable[..., Browser], cast: Cast
) -> None:
    root, here = browser(cast.root), "/admin/people/root"
    for change in ("disable", "end-admin", "delete"):
        refused = root.send(f"{here}/{change}", page=here, confirmed="root")
        assert refused.status_code == 422, change
    with app.state.database.write() as db:
        people.make_admin(db, cast.root.actor, "alice", is_admin=True)
    assert root.send(f"{here}/end-admin", page=here).status_code == 303
    root.see("/admin", 403)
    alice = browser(cast.alice)
    assert alice.send("/admin/people/root/disable", page="/admin").status_code == 303
    assert alice.send("/admin/people/alice/end-admin", page="/admin").status_code == 422


def test_somebody_is_deleted_with_what_they_own_once_the_name_is_typed(
    app: Starlette, browser: Callable[..., Browser], cast: Cast, entries: Entries, repo_id: str
) -> None:
    root, here = browser(cast.root), "/admin/people/alice"
    assert "the only administrator of lab" in root.see(here)
    assert root.send("/admin/organizations/lab/take-over", page="/admin/organizations/lab").status_code == 303
    assert entries("org.taken-over")[-1].thing_name == "lab"
    assert "1 repository" in root.see(here)
    assert "type its name" in root.send(f"{here}/delete", page=here, confirmed="alic").text
    kept = root.send(f"{here}/delete", page=here, confirmed="alice")
    assert (kept.status_code, "still owns model alice/m" in kept.text) == (422, True)
    assert root.send(f"{here}/delete", page=here, confirmed="Alice", takes_repos="1").status_code == 303
    root.see(here, 404)
    assert [entry.actor_name for entry in entries("repo.deleted")] == ["root"]
    assert root.send("/admin/organizations/lab/delete", page="/admin/organizations", confirmed="lab").status_code in (
        303,
        403,
    )


def test_an_invitation_without_mail_is_shown_to_hand_on(browser: Callable[..., Browser], cast: Cast) -> None:
    root = browser(cast.root)
    shown = root.send("/admin/people/-/invite", page="/admin/people", email="new@example.org")
    link = re.search(r"http://hub.test(/join/\w+)", shown.text)
    assert link is not None
    browser().see(link[1])
    assert root.send("/admin/people/-/invite", page="/admin/people", email="new@example.org").status_code == 422
    assert root.send("/admin/people/-/invite", page="/admin/people", email="x").status_code == 422


def test_lists_find_and_go_on(app: Starlette, browser: Callable[..., Browser], cast: Cast) -> None:
    root = browser(cast.root)
    with app.state.database.write() as db:
        for number in range(60):
            accounts.create_user(db, f"p{number:02}", email=f"p{number}@example.org")
    first = root.see("/admin/people")
    more = re.search(r'href="([^"]+after=[^"]+)"', first)
    assert more is not None
    assert "p59" in root.see(more[1].replace("&amp;", "&"))
    assert root.see("/admin/people?q=P41%40example").count("/admin/people/p") == 1
    assert root.see("/admin/people?show=admins").count('href="/admin/people/root"') == 1
    assert "Nobody is found" in root.see("/admin/people?show=nonsense")
    assert "lab" in root.see("/admin/organizations?q=LA")
    assert "is found by this" in root.see("/admin/organizations?q=zz")


# ---- repositories --------------------------------------------------------------------------------------------


def test_a_private_repository_is_listed_shown_moved_and_deleted(
    app: Starlette, browser: Callable[..., Browser], cast: Cast, entries: Entries, repo_id: str
) -> None:
    root, here = browser(cast.root), f"/admin/repositories/{repo_id}"
    for order in repositories.ORDERS:
        assert here in root.see(f"/admin/repositories?order={order}&private=1&owner=alice&kind=model&q=M")
    assert here not in root.see("/admin/repositories?owner=bob")
    assert root.send(f"{here}/visibility", page=here, visibility="public").status_code == 303
    assert root.send(f"{here}/visibility", page=here, visibility="odd").status_code == 422
    assert entries("repo.changed")[-1].details == {"visibility": "public"}
    assert root.send(f"{here}/move", page=here, name="lab").status_code == 422
    taken = root.send(f"{here}/move", page=here, name="nobody/m")
    assert (taken.status_code, 'value="nobody/m"' in taken.text) == (422, True)
    assert root.send(f"{here}/move", page=here, name="lab/n").status_code == 303
    assert "lab/n" in root.see(here)
    assert root.send(f"{here}/delete", page=here, confirmed="n").status_code == 422
    assert root.send(f"{here}/delete", page=here, confirmed="LAB/n").status_code == 303
    root.see(here, 404)


@pytest.mark.parametrize("order", repositories.ORDERS)
def test_the_list_of_repositories_goes_on_without_gap(app: Starlette, cast: Cast, order: str) -> None:
    database: Database = app.state.database
    with database.write() as db:
        made = {repos.create(db, cast.alice.actor, f"m{number}").id for number in range(7)}
    seen, cursor = [], ""
    while True:
        with database.read() as db:
            rows, cursor = repositories.listed(db, repositories.Wanted(order=order), cursor=cursor, limit=3)
        seen += [row.repo.id for row in rows]
        if not cursor:
            break
    assert sorted(seen) == sorted(made)


# ---- storage and tasks ---------------------------------------------------------------------------------------


def test_upkeep_is_asked_for_done_by_a_worker_and_told(
    app: Starlette, browser: Callable[..., Browser], cast: Cast, entries: Entries, repo_id: str
) -> None:
    root = browser(cast.root)
    for kind in ("rehearse", "collect", "scrub"):
        assert root.send(f"/admin/storage/{kind}", page="/admin/storage").status_code == 303
        again = root.send(f"/admin/storage/{kind}", page="/admin/storage")
        assert (again.status_code, "has not ended yet" in again.text) == (422, True)
        assert app.state.worker.drain() >= 1
    assert root.send("/admin/storage/burn", page="/admin/storage").status_code == 422
    page = root.see("/admin/storage")
    assert "every byte as named" in page
    assert "rehearsed" in page
    with app.state.database.read() as db:
        runs = {run.kind: run for run in db.query(UpkeepRun)}
    assert runs["scrub"].report["objects"] >= 1
    assert all(run.ended_at and not run.error for run in runs.values())
    assert [entry.thing_name for entry in entries("upkeep.asked")] == ["rehearse", "collect", "scrub"]


def test_damage_is_told_and_a_run_that_was_broken_off_makes_room(app: Starlette, cast: Cast, repo_id: str) -> None:
    database: Database = app.state.database
    keys = [found.key for found in app.state.kit.store.listed("")]
    app.state.kit.store.put_bytes(next(key for key in keys if key.endswith(".pack")), b"damaged")
    with database.write() as db:
        lost = upkeep.ask(db, cast.root.actor, "scrub").id
        db.query(Task).delete()
    with database.write() as db:
        upkeep.ask(db, cast.root.actor, "scrub")
    app.state.worker.drain()
    with database.read() as db:
        run = db.query(UpkeepRun).order_by(UpkeepRun.id.desc()).first()
        assert run is not None
        assert run.report["damaged"] == 1
        assert ".pack" in run.report["problems"][0]
        assert "broken off" in db.get_one(UpkeepRun, lost).error


def test_failed_tasks_are_tried_again_or_forgotten(
    app: Starlette, browser: Callable[..., Browser], cast: Cast, entries: Entries
) -> None:
    database: Database = app.state.database
    kind = Kind("test.fails")

    def fails(turn: object) -> None:
        raise GiveUp("<b>no</b> such host")

    with database.write() as db:
        for _ in range(2):
            enqueue(db, kind)
        enqueue(db, kind, after_s=3600)
    Worker(database, {kind: fails}, threads=0).drain()
    root = browser(cast.root)
    page = root.see("/admin/tasks?state=failed")
    assert "&lt;b&gt;no&lt;/b&gt; such host" in page
    ids = list(dict.fromkeys(re.findall(r"/admin/tasks/(\w{24})/retry", page)))
    assert len(ids) == 2
    assert "2 background tasks failed" in root.see("/admin")
    assert root.send(f"/admin/tasks/{ids[0]}/retry", page="/admin/tasks").status_code == 303
    assert root.send(f"/admin/tasks/{ids[0]}/retry", page="/admin/tasks").status_code == 422
    assert root.send(f"/admin/tasks/{ids[1]}/drop", page="/admin/tasks").status_code == 303
    assert root.send(f"/admin/tasks/{ids[1]}/drop", page="/admin/tasks").status_code == 422
    assert entries("task.dropped")[-1].details == {"error": "<b>no</b> such host"}
    assert entries("task.retried")[-1].thing_name == "test.fails"
    assert "waiting" in root.see("/admin/tasks?state=waiting&name=test.fails")
    Worker(database, {kind: fails}, threads=0).drain()
    assert root.send("/admin/tasks/-/retry", page="/admin/tasks").status_code == 303
    assert entries("task.retried")[-1].details == {"count": 1}


# ---- settings ------------------------------------------------------------------------------------------------


def test_choices_count_at_once_and_are_written_down(
    app: Starlette, client: TestClient, browser: Callable[..., Browser], cast: Cast, entries: Entries
) -> None:
    root, here = browser(cast.root), "/admin/settings"
    form = {"hub_name": "Models of <Lab>", "notice": "Down at <b>noon</b>.", "sign_up": "open", "new_repos": "private"}
    assert root.send(here, page=here, founders="administrators", audit_days="30", **form).status_code == 303
    home = browser().see("/")
    assert "Models of &lt;Lab&gt;" in home
    assert "Down at &lt;b&gt;noon&lt;/b&gt;." in home
    assert "Make an account" in browser().see("/join")
    joined = browser().client.post(
        "/join", data={"name": "dan", "password": "correct horse", "again": "correct horse"}, headers=ORIGIN
    )
    assert joined.status_code == 303
    assert client.post("/api/repos/create", json={"name": "m"}, headers=cast.alice.headers).status_code == 200
    assert client.get("/api/models/alice/m").status_code == 401
    refused = browser(cast.alice).send("/organizations/new", page="/organizations/new", name="guild")
    assert "only administrators" in refused.text
    assert {entry.thing_name for entry in entries("choice.changed")} == {*form, "founders", "audit_days"}
    assert entries("choice.changed")[0].details == {"after": "Models of <Lab>"}
    assert root.send(here, page=here).status_code == 303
    assert "noon" not in browser().see("/")
    assert browser().client.post("/join", data={"name": "eve"}, headers=ORIGIN).status_code == 403
    for bad in (
        {"sign_up": "maybe"},
        {"audit_days": "-1"},
        {"audit_days": "x"},
        {"notice": "\u202e"},
        {"hub_name": "x" * 41},
    ):
        refused = root.send(here, page=here, **bad)
        assert refused.status_code == 422, bad
        assert "Nothing was changed" in refused.text


def test_old_entries_go_where_that_was_chosen(app: Starlette, cast: Cast, entries: Entries) -> None:
    database: Database = app.state.database
    from freehold.governance.service import chaining

    chaining.tie(database)
    assert choices.prune_trail(database) == 0
    with database.write() as db:
        choices.change(db, cast.root.actor, {"audit_days": "7"})
    before = len(entries()) - 1
    with clock.frozen(clock.now() + timedelta(days=8)):
        assert choices.prune_trail(database) == before
        assert entries("trail.pruned")[0].details == {"entries": before}


def test_settings_are_shown_and_keys_are_not(new_app: Callable[..., Starlette], cast: Cast) -> None:
    secrets = {"s3_secret_key": "hush-1", "s3_access_key": "hush-2", "sealing_key": "ab" * 32}
    app = new_app(smtp_url="smtp://ann:hush-3@mail.example.org", **secrets)
    page = Browser(app, cast.root).see("/admin/settings")
    assert "FREEHOLD_SMTP_URL" in page
    assert "smtp://ann:…@mail.example.org" in page
    assert not re.search("hush|abab", page)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("database_url", "postgresql://u:p@ss@h/n", "postgresql://u:…@ss@h/n"),
        ("database_url", "postgresql://u:p@h/n", "postgresql://u:…@h/n"),
        ("store_url", "file:///srv/a:b@c", "file:///srv/a:b@c"),
        ("sealing_key", "", ""),
        ("port", "8000", "8000"),
    ],
)
def test_masking(name: str, value: str, shown: str) -> None:
    assert rules.masked(name, value) == shown


# ---- health --------------------------------------------------------------------------------------------------


def test_health_is_looked_at_and_told_to_monitoring(
    app: Starlette, client: TestClient, browser: Callable[..., Browser], cast: Cast, repo_id: str
) -> None:
    page = browser(cast.root).see("/admin/health")
    assert "can be written" in page
    told = client.get("/admin/health.json", headers=cast.root.read_headers)
    assert (told.status_code, told.json()["well"]) == (200, True)
    assert told.json()["figures"]["database_bytes"] > 0
    assert told.json()["index"]["word"] == "off"
    assert "off: lists come from the database" in page
    for found in list(app.state.kit.store.listed("")):
        app.state.kit.store.delete([found.key])
    sick = client.get("/admin/health.json", headers=cast.root.read_headers)
    assert (sick.status_code, sick.json()["well"]) == (503, False)
    assert "Restore them from a backup" in json.dumps(sick.json()["findings"])


@pytest.mark.rules
def test_the_index_of_lists_is_told_of_as_it_is() -> None:
    ready = State("ready", repos=20_000, lag_s=0.2, built_s=3, memory_bytes=90 << 20, starts=1)
    assert health.of_index(ready).seen == "20,000 repositories in 90 MiB, 0.2 s behind, built in 3 s"
    assert not health.of_index(ready).advice
    assert health.of_index(replace(ready, is_resumed=True)).seen.endswith("read from its snapshot in 3 s")
    for word in ("starting", "building", "behind"):
        finding = health.of_index(replace(ready, word=word, lag_s=9))
        assert "Lists come from the database" in finding.advice
        assert not finding.is_fatal, "the hub is well without it"


def test_many_failed_sign_ins_want_attention(app: Starlette, browser: Callable[..., Browser], cast: Cast) -> None:
    assert MAX_REFUSED_AN_HOUR > 20
    with app.state.database.write() as db:
        for _ in range(20):
            accounts.sign_in_failed(db, "alice")
    assert "20 sign-ins failed" in browser(cast.root).see("/admin")


# ---- rules and races -----------------------------------------------------------------------------------------


def test_the_plan_shows_each_owner_as_large_as_it_is() -> None:
    lots = rules.plan([("a", 60), ("b", 20), ("c", 10), ("d", 6), ("e", 4), ("none", 0)])
    assert [lot.name for lot in lots] == ["a", "b", "c", "others"]
    whole = rules.PLAN_WIDTH * rules.PLAN_HEIGHT
    for lot in lots:
        assert lot.width * lot.height / whole == pytest.approx(lot.size / 100, rel=0.02)
    assert rules.plan([]) == []


def test_two_administrators_do_not_both_give_it_up(app: Starlette, cast: Cast) -> None:
    database: Database = app.state.database
    with database.write() as db:
        accounts.set_admin(db, accounts.account(db, "alice"), True)
    with database.write() as db:
        accounts.set_admin(db, accounts.account(db, "root"), False)
    with pytest.raises(LastAdministrator), database.write() as db:
        accounts.set_admin(db, db.get_one(Account, cast.alice.id), False)
