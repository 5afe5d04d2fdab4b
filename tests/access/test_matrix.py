"""The rule, as a readable matrix; lists agree with single loads; every route names its action."""

from itertools import product

import pytest
from sqlalchemy import select
from starlette.applications import Starlette

from freehold.access.rules import ANONYMOUS, HUB, Action, Actor, Thing, TokenScope, decide
from freehold.accounts import service as accounts
from freehold.core.database import Database
from freehold.repos import service as repos
from freehold.repos.access import may, readable, visible
from freehold.repos.tables import Repo
from scripts import access_matrix


def test_the_printed_matrix_is_what_the_code_decides(app: Starlette) -> None:
    assert access_matrix.PAGE.read_text() == access_matrix.page(app), "docs/access.md is stale: run make docs"


def test_every_route_names_its_action_or_says_public(app: Starlette) -> None:
    known = {*Action, "public", "own"}
    framework = {"/openapi.json"}
    walked = {path for _, path, _ in access_matrix.routes(app)}
    assert {"/api/repos/create", "/health"} <= walked, "routes of routers, and routes of their own"
    unnamed = [(m, p) for m, p, action in access_matrix.routes(app) if action not in known and p not in framework]
    assert unnamed == []


def test_nobody_changes_anything_without_signing_in() -> None:
    for thing, action in product(access_matrix.THINGS.values(), Action):
        if action not in (Action.LIST, Action.READ):
            assert not decide(ANONYMOUS, action, thing)


def test_a_read_token_never_changes_anything() -> None:
    for role in ("read", "contributor", "write", "admin"):
        actor = Actor(kind="user", id="u", roles={"org": role}, token=TokenScope("t", "t", "read"))
        for thing, action in product(access_matrix.THINGS.values(), Action):
            if action not in (Action.LIST, Action.READ):
                assert not decide(actor, action, thing)


def test_a_narrow_token_sees_no_less_of_what_is_public_than_no_token() -> None:
    actor = Actor(kind="user", id="u", token=TokenScope("t", "t", "read", frozenset()))
    assert decide(actor, Action.READ, Thing(owner_id="org", repo_id="r"))
    assert not decide(actor, Action.READ, Thing(owner_id="u", visibility="private", repo_id="r"))


def test_a_refusal_says_why() -> None:
    actor = Actor(kind="user", id="u", roles={"org": "read"})
    assert decide(actor, Action.WRITE, Thing(owner_id="org")).reason == "denied: read may not write"


@pytest.fixture
def everything(database: Database) -> list[Actor]:
    """Repositories of every visibility under a person and an organisation, and every kind of actor."""
    with database.write() as db:
        users = {name: accounts.create_user(db, name) for name in ("alice", "bob", "charlie", "root")}
        org = accounts.create_org(db, "lab", owner=users["alice"])
        for owner in ("lab", "alice"):
            for visibility, gated in product(("public", "private"), ("", "auto", "manual")):
                repo = repos.create(
                    db, HUB, f"r-{visibility}-{gated or 'open'}", namespace=owner, visibility=visibility
                )
                repo.gated = gated
        one = db.scalars(select(Repo.id).where(Repo.visibility == "private")).first()
        assert one is not None
        org_id, ids = org.id, {name: user.id for name, user in users.items()}
    actors = [ANONYMOUS, HUB]
    scopes = (None, TokenScope("t", "t", "read"), TokenScope("t", "t", "write", frozenset({one})))
    for token in scopes:
        actors.append(Actor(kind="user", id=ids["charlie"], token=token))
        actors.append(Actor(kind="user", id=ids["alice"], roles={org_id: "admin"}, token=token))
        actors.append(Actor(kind="user", id=ids["root"], is_admin=True, token=token))
        actors += [Actor(kind="user", id=ids["bob"], roles={org_id: r}, token=token) for r in ("read", "contributor")]
    return actors


def test_lists_show_exactly_what_single_loads_allow(database: Database, everything: list[Actor]) -> None:
    with database.read() as db:
        all_repos = db.scalars(select(Repo)).all()
        for actor in everything:
            for narrow, action in ((visible, Action.LIST), (readable, Action.READ)):
                listed = {repo.path for repo in db.scalars(narrow(select(Repo), actor))}
                allowed = {repo.path for repo in all_repos if may(actor, action, repo)}
                assert listed == allowed, (actor, action)
