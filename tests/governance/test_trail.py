"""What is written down: by whom, on what, in the same transaction; and that it stays."""

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, text, update
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.access.rules import HUB
from freehold.accounts import service as accounts
from freehold.accounts.service import Profile
from freehold.core import clock
from freehold.core.caller import address_of
from freehold.core.database import Database
from freehold.core.errors import Conflict, HubError
from freehold.governance.queries import trail
from freehold.governance.service import chaining
from freehold.governance.service import trail as writing
from freehold.governance.service.listening import MAX_REFUSED_AN_HOUR
from freehold.governance.service.trail import Thing
from freehold.governance.tables import AuditEntry
from freehold.oauth.service import grants
from freehold.people.service import invitations, organizations
from freehold.people.service.organizations import Changes
from freehold.repos import service as repos
from freehold.web.sheets import safe_cell
from tests.fixtures.people import Cast
from tests.fixtures.pushes import Made, head, push
from tests.governance.conftest import ORIGIN, Browser

Entries = Callable[..., list[AuditEntry]]


def _last(entries: Entries, verb: str) -> AuditEntry:
    found = entries(verb)
    assert found, f"{verb} was not written down"
    return found[-1]


# ---- every event ---------------------------------------------------------------------------------------------


def test_what_is_done_to_repositories_is_written_down(client: TestClient, cast: Cast, entries: Entries) -> None:
    def call(method: str, path: str, body: object, person: object = cast.alice) -> None:
        answer = client.request(method, path, json=body, headers=person.headers | {"X-Request-Id": "r-1"})  # type: ignore[attr-defined]
        assert answer.status_code < 300, answer.text

    call("POST", "/api/repos/create", {"name": "m", "private": True})
    made = _last(entries, "repo.made")
    assert (made.thing_kind, made.thing_name, made.actor_name, made.via) == ("model", "alice/m", "alice", "token write")
    assert (made.request_id, made.address, made.details) == ("r-1", "testclient", {"visibility": "private"})
    assert made.owner_id == made.actor_id == cast.alice.id
    call("PUT", "/api/models/alice/m/settings", {"private": False, "gated": "auto"})
    assert _last(entries, "repo.changed").details == {"visibility": "public", "gated": "auto"}
    call("POST", "/api/models/alice/m/branch/side", {})
    call("POST", "/api/models/alice/m/super-squash/side", {"message": "short"})
    assert _last(entries, "ref.forced").details["ref"] == "refs/heads/side"
    call("DELETE", "/api/models/alice/m/branch/side", None)
    assert _last(entries, "ref.deleted").details["ref"] == "refs/heads/side"
    call("POST", "/api/models/alice/m/user-access-request/grant", {"user": "charlie"})
    assert _last(entries, "access.given").details == {"account": "charlie"}
    call("POST", "/api/models/alice/m/user-access-request/handle", {"user": "charlie", "status": "rejected"})
    assert _last(entries, "access.ended").thing_name == "alice/m"
    assert _last(entries, "access.refused").details["account"] == "charlie"
    call("POST", "/api/repos/move", {"fromRepo": "alice/m", "toRepo": "lab/m", "type": "model"})
    new, old = entries("repo.moved")
    assert (new.thing_name, new.details) == ("lab/m", {"before": "alice/m"})
    assert (old.thing_name, old.owner_id) == ("alice/m", cast.alice.id)
    call("DELETE", "/api/repos/delete", {"name": "m", "organization": "lab"})
    assert _last(entries, "repo.deleted").thing_name == "lab/m"
    webhook = {
        "url": "https://hooks.example.org/secret-path?key=s3cret",
        "watched": [{"type": "user", "name": "alice"}],
    }
    call("POST", "/api/settings/webhooks", webhook | {"domains": ["repo"]})
    hook = _last(entries, "webhook.made")
    assert (hook.thing_name, "s3cret" in json.dumps(hook.details)) == ("hooks.example.org", False)
    call("DELETE", f"/api/settings/webhooks/{hook.thing_id}", None)
    assert _last(entries, "webhook.deleted").actor_name == "alice"


def test_a_push_that_rewrites_is_written_down_and_one_that_goes_on_is_not(
    client: TestClient, cast: Cast, entries: Entries, tmp_path: Path
) -> None:
    assert client.post("/api/repos/create", json={"name": "m"}, headers=cast.alice.headers).status_code == 200
    main, begin = "refs/heads/main", head(client, cast.alice, "alice/m")

    def pushed(name: str, old: str, *parents: str) -> str:
        made = Made(tmp_path / name)
        commit = made.commit(made.tree(("100644", b"a.txt", made.blob(name.encode()))), *parents)
        assert push(client, cast.alice, "alice/m", main, commit, made.pack(), old=old).refs == {main: None}
        return commit

    before = len(entries())
    on = pushed("on", begin, begin)
    assert len(entries()) == before
    other = pushed("other", on, begin)
    forced = entries()[before:]
    assert [(entry.verb, entry.via) for entry in forced] == [("ref.forced", "token write")]
    assert forced[0].details == {"ref": main, "before": on, "after": other}


def test_a_commit_that_goes_on_is_no_entry_and_a_refused_call_leaves_none(
    client: TestClient, cast: Cast, entries: Entries
) -> None:
    before = len(entries())
    assert client.post("/api/repos/create", json={"name": "m"}, headers=cast.alice.read_headers).status_code == 403
    assert len(entries()) == before
    assert client.post("/api/repos/create", json={"name": "m"}, headers=cast.alice.headers).status_code == 200
    lines = [{"key": "header", "value": {"summary": "more"}}]
    lines.append({"key": "file", "value": {"path": "a.txt", "content": "a"}})
    sent = client.post(
        "/api/models/alice/m/commit/main",
        content="\n".join(json.dumps(line) for line in lines),
        headers=cast.alice.headers | {"content-type": "application/x-ndjson"},
    )
    assert sent.status_code == 200
    assert [entry.verb for entry in entries()[before:]] == ["repo.made"]


def test_what_is_done_to_people_and_organisations_is_written_down(app: Starlette, cast: Cast, entries: Entries) -> None:
    with app.state.database.write() as db:
        dan = accounts.create_user(db, "dan", password="correct horse")
        accounts.change_profile(db, dan, Profile(email="dan@example.org"))
        accounts.set_disabled(db, dan, True)
        accounts.set_disabled(db, dan, False)
        accounts.set_admin(db, dan, True)
        accounts.set_admin(db, dan, False)
        accounts.create_password_link(db, dan)
        accounts.set_password(db, dan, "battery staple")
        token, secret = accounts.create_token(db, dan, "ci", "write")
        accounts.revoke_token(db, dan.id, token.id)
        session = accounts.open_session(db, dan.id, life_s=60)
        accounts.sign_out(db, session)
        organizations.change(db, cast.alice.actor, "lab", Changes(takes_requests=True))
        invitations.invite(db, cast.alice.actor, "lab", user_name="dan", sign_up="invited")
        lab = accounts.account(db, "lab")
        accounts.set_role(db, lab, dan, "read")
        accounts.set_role(db, lab, dan, "write")
        accounts.remove_member(db, lab, dan)
        accounts.create_org(db, "guild", owner=dan)
        organizations.delete(db, HUB, "guild", confirmed="guild")
        accounts.delete_account(db, dan)
    told = [entry.verb for entry in entries()]
    expected = """person.made person.changed person.disabled person.enabled person.admin person.no-admin link.made
        password.changed token.made token.revoked session.opened session.ended org.changed member.invited member.added
        member.role member.removed org.made org.deleted person.deleted""".split()  # noqa: SIM905
    assert [verb for verb in expected if verb not in told] == []
    assert _last(entries, "org.changed").details == {"fields": ["takes_requests"]}
    kept = json.dumps([entry.details for entry in entries()])
    assert secret not in kept
    assert session not in kept


def test_signing_in_is_written_down_and_failing_too(
    app: Starlette, browser: Callable[..., Browser], cast: Cast, entries: Entries
) -> None:
    with app.state.database.write() as db:
        accounts.set_password(db, accounts.account(db, "alice"), "correct horse")
    visitor = browser()
    for name, password in (("alice", "wrong"), ("my-Secret-password", "x"), ("alice", "correct horse")):
        visitor.client.post("/login", data={"name": name, "password": password}, headers=ORIGIN)
    opened = _last(entries, "session.opened")
    assert (opened.actor_name, opened.details) == ("alice", {"how": "password"})
    known, unknown = entries("session.refused")
    assert (known.actor_kind, known.thing_name) == ("anonymous", "alice")
    assert "secret" not in f"{unknown.thing_name}{unknown.details}".lower(), "people type passwords into that field"


def test_guessing_does_not_fill_the_disk(app: Starlette, cast: Cast, entries: Entries) -> None:
    with app.state.database.write() as db:
        for _ in range(MAX_REFUSED_AN_HOUR + 5):
            accounts.sign_in_failed(db, "alice")
    assert len(entries("session.refused")) == MAX_REFUSED_AN_HOUR


def test_what_fails_leaves_no_entry(app: Starlette, cast: Cast, entries: Entries) -> None:
    before = len(entries())

    def twice() -> None:
        with app.state.database.write() as db:
            repos.create(db, cast.alice.actor, "m")
            repos.create(db, cast.alice.actor, "m")

    with pytest.raises(HubError):
        twice()
    assert len(entries()) == before


# ---- it stays ------------------------------------------------------------------------------------------------


def test_an_entry_outlives_what_it_is_about(app: Starlette, cast: Cast, entries: Entries) -> None:
    with app.state.database.write() as db:
        dan = accounts.create_user(db, "dan")
        repos.create(db, HUB, "m", namespace="dan")
    with app.state.database.write() as db:
        repos.delete_repo(db, HUB, "dan/m", kind="model")
        accounts.delete_account(db, accounts.account(db, "dan"))
    assert [entry.thing_name for entry in entries("repo.deleted")] == ["dan/m"]
    assert _last(entries, "person.deleted").thing_id == dan.id


def test_the_chain_shows_what_was_changed_and_what_was_taken_out(app: Starlette, cast: Cast) -> None:
    database: Database = app.state.database
    _write(database, 20)
    assert chaining.tie(database) >= 20
    assert chaining.tie(database) == 0
    assert not chaining.check(database).broken
    with database.write() as db:
        some = db.scalars(select(AuditEntry.id).order_by(AuditEntry.id).offset(5).limit(2)).all()
        db.execute(update(AuditEntry).where(AuditEntry.id == some[0]).values(actor_name="mallory"))
    assert some[0] in chaining.check(database).broken
    with pytest.raises(Conflict), database.write() as db:  # the database itself keeps what is tied
        db.execute(delete(AuditEntry).where(AuditEntry.id == some[1]))
    with database.write() as db:
        db.execute(text("DELETE FROM audit_links WHERE entry_id IN (:a, :b)"), {"a": some[0], "b": some[1]})
        db.execute(delete(AuditEntry).where(AuditEntry.id.in_(some)))
    assert "taken out" in chaining.check(database).broken


def test_what_commits_late_is_tied_all_the_same(app: Starlette, cast: Cast) -> None:
    database: Database = app.state.database
    with clock.frozen(clock.now() - timedelta(minutes=30)):
        late = _entry()
    _write(database, 3)
    chaining.tie(database)
    with database.write() as db:
        db.add(late)
    assert chaining.tie(database) == 1
    assert not chaining.check(database).broken


def test_old_entries_go_only_when_asked_and_the_rest_still_holds(app: Starlette, cast: Cast, entries: Entries) -> None:
    database: Database = app.state.database
    with clock.frozen(clock.now() - timedelta(days=40)):
        _write(database, 4)
        chaining.tie(database)
    _write(database, 2)
    chaining.tie(database)
    before = len(entries())
    assert chaining.prune(database, 0) == 0
    assert chaining.prune(database, 41) == 0
    assert chaining.prune(database, 30) == 4
    assert len(entries()) == before - 4
    assert not chaining.check(database).broken


def _entry() -> AuditEntry:
    class Kept:
        info: dict[str, object] = {}
        entry: AuditEntry

        def add(self, entry: AuditEntry) -> None:
            self.entry = entry

    kept = Kept()
    writing.record(kept, "choice.changed", Thing("setting", "notice", "notice"), actor=HUB)  # type: ignore[arg-type]
    return kept.entry


def _write(database: Database, count: int) -> None:
    with database.write() as db:
        for _ in range(count):
            writing.record(db, "choice.changed", Thing("setting", "notice", "notice"), actor=HUB)


# ---- pages and files -----------------------------------------------------------------------------------------


def test_the_trail_is_for_administrators(client: TestClient, browser: Callable[..., Browser], cast: Cast) -> None:
    for address in ("/admin/audit", "/admin/audit/export.csv", "/admin/audit/export.jsonl"):
        assert browser().client.get(address).status_code == 401, address
        assert browser(cast.root).client.get(address).status_code == 200
        assert client.get(address, headers=cast.root.read_headers).status_code == 200
        for person in (cast.alice, cast.bob, cast.charlie):
            assert browser(person).client.get(address).status_code == 403, (person.name, address)
            assert client.get(address, headers=person.headers).status_code == 403
    assert "Administration" in browser(cast.root).see("/")
    assert "Administration" not in browser(cast.alice).see("/")


def test_the_trail_is_filtered_and_goes_on(app: Starlette, browser: Callable[..., Browser], cast: Cast) -> None:
    root = browser(cast.root)
    with app.state.database.write() as db:
        for number in range(trail.PAGE + 5):
            repos.create(db, cast.alice.actor, f"m{number}")
    page = root.see("/admin/audit?who=Alice&what=repo")
    assert page.count("<tr>") == trail.PAGE + 1
    older = page.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    assert "alice/m0<" in root.see(older)
    assert "alice/m7<" in root.see("/admin/audit?on=alice/M7")
    assert "alice/m7<" in root.see("/admin/audit?on=alice")
    assert "No entry matches" in root.see("/admin/audit?who=nobody")
    assert "No entry matches" in root.see("/admin/audit?to=2001-01-01")
    assert "No entry matches" in root.see("/admin/audit?what=%27%3B--")
    for bad in ("from=yesterday", "to=0001-01-01", "from=9999-12-31"):
        root.see(f"/admin/audit?{bad}", 400)
    root.see("/admin/audit?before=%F0%9F%98%80&who=%25_&on=" + "x" * 900)


def test_an_organisation_sees_its_own_part_without_addresses(
    app: Starlette, browser: Callable[..., Browser], cast: Cast
) -> None:
    with app.state.database.write() as db:
        repos.create(db, cast.alice.actor, "theirs", namespace="lab")
        repos.create(db, cast.alice.actor, "mine")
    alice = browser(cast.alice)
    alice.send("/organizations/lab/settings/choices", takes_requests="1")
    page = alice.see("/organizations/lab/settings/audit")
    assert "lab/theirs" in page
    assert "alice/mine" not in page
    assert "testclient" not in page
    rows = alice.see("/organizations/lab/settings/audit/export.jsonl").splitlines()
    assert {json.loads(row)["address"] for row in rows} == {""}
    for person, status in ((cast.bob, 403), (cast.charlie, 403), (cast.root, 200)):
        browser(person).see("/organizations/lab/settings/audit", status)
        browser(person).see("/organizations/lab/settings/audit/export.csv", status)
    assert browser().client.get("/organizations/lab/settings/audit").headers["location"].startswith("/login")
    browser().see("/organizations/lab/settings/audit/export.csv", 401)


def test_exports_are_whole_and_no_spreadsheet_runs_them(
    app: Starlette, browser: Callable[..., Browser], cast: Cast
) -> None:
    hostile = ("=cmd|'/C calc'!A0", "+1", "-1", "@sum", "\tx", "\u202egnp", 'a"b,c\nd', "<script>")
    with app.state.database.write() as db:
        for name in hostile:
            writing.record(db, "choice.changed", Thing("setting", "x", name), actor=HUB, said=name)
    root = browser(cast.root)
    with app.state.database.read() as db:
        count = len(trail.entries(db, trail.Filter(), limit=10_000))
    rows = list(csv.DictReader(io.StringIO(root.client.get("/admin/audit/export.csv").text, newline="")))
    assert len(rows) >= count
    assert all(cell[:1] not in ("=", "+", "-", "@", "\t") for row in rows for cell in row.values())
    lines = [json.loads(line) for line in root.client.get("/admin/audit/export.jsonl").text.splitlines()]
    assert {line["thing"] for line in lines} >= set(hostile)
    page = root.see("/admin/audit?what=choice")
    assert "<script>" not in page.split("<main")[1]


@pytest.mark.parametrize(
    ("value", "cell"), [("alice", "alice"), ("", ""), ("=1", "'=1"), ("-", "'-"), ("a=1", "a=1"), ("\r", "'\r")]
)
def test_cells(value: str, cell: str) -> None:
    assert safe_cell(value) == cell


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.7", "203.0.113.9", "192.0.2.7"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("::1", "2001:db8::1", "2001:db8::1"),
        ("127.0.0.1", "<script>", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
    ],
)
def test_only_a_proxy_on_this_machine_is_believed(peer: str, forwarded: str, address: str) -> None:
    assert address_of(peer, forwarded) == address


def test_programs_that_were_let_in_are_written_down(app: Starlette, cast: Cast, entries: Entries) -> None:
    with app.state.database.write() as db:
        alice = accounts.account(db, "alice")
        given = grants.give(db, alice, grants.Client("c-1", "A site", None), "openid read-repos", life_s=60)
        grants.end(db, cast.alice.actor, given.grant.id)
    let_in, shut_out = entries("program.let-in")[0], entries("program.shut-out")[0]
    assert (let_in.thing_name, let_in.details) == ("alice: A site", {"scopes": "openid read-repos"})
    assert (shut_out.thing_id, shut_out.owner_id) == (let_in.thing_id, cast.alice.id)
    assert given.access_token not in json.dumps(let_in.details)
