"""Served names: who resolves which, what is told of others, and what stays unsaid."""

import pytest
from starlette.applications import Starlette

from freehold.access.rules import Action, Actor
from freehold.access.service import from_credentials
from freehold.accounts import service as accounts
from freehold.core import clock, instance
from freehold.core.database import Database
from freehold.core.errors import HubError
from freehold.core.ids import ordered_id
from freehold.inference import access, naming
from freehold.inference.errors import EndpointOff, MayNotCall, ModelUnknown, NameClaimed, SignInToCall
from freehold.inference.naming import Called
from freehold.inference.service import names
from freehold.inference.tables import Endpoint, EndpointAdapter
from freehold.repos import service as repos
from freehold.repos.tables import Repo
from tests.fixtures.people import Cast
from tests.inference.conftest import REVISION, ServeRow, visibility


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("demo/smol", Called("demo/smol")),
        ("demo/smol@0123456", Called("demo/smol", "0123456")),
        ("demo/smol:q4/model.gguf", Called("demo/smol", "", "q4/model.gguf")),
        ("demo/smol@0123456:a.gguf", Called("demo/smol", "0123456", "a.gguf")),
        ("smol", None),
        ("a/b/c", None),
        ("demo/ smol", None),
        ("demo/smol@", None),
        ("", None),
        ("a/" + "b" * 5000, None),
    ],
)
def test_a_name_has_parts(name: str, parts: Called | None) -> None:
    assert naming.parsed(name) == parts


def test_close_names_are_near_or_of_another_namespace() -> None:
    others = ["demo/smollm2", "lab/smollm2", "demo/minilm", "demo/whisper"]
    assert naming.close("demo/smolm2", others)[0] == "demo/smollm2"
    assert "lab/smollm2" in naming.close("demo/smolm2", others)
    assert naming.close("alice/MINILM", others)[0] == "demo/minilm"
    assert naming.close("x/unheard-of", others) == []


# ---- who calls what ----------------------------------------------------------------------------------------

#: Whether alice (owner), bob (member), charlie (stranger), root and anonymous may call; anonymous as instances let it.
MATRIX = {
    "alice/open": "yes yes yes yes yes",
    "alice/hidden": "yes no no yes no",
    "lab/hidden": "yes yes no yes no",
    "lab/gated": "yes yes gate yes gate",
    "lab/remote-open": "yes yes yes yes no",
    "lab/remote-hidden": "yes yes no yes no",
}


@pytest.fixture
def served(serve_row: ServeRow, cast: Cast) -> dict[str, str]:
    """Every name of :data:`MATRIX`, with the id of its endpoint."""
    return {
        name: serve_row(
            cast.alice.actor,
            name,
            private="hidden" in name,
            gated="auto" if "gated" in name else "",
            remote="remote" in name,
        )
        for name in MATRIX
    }


def answer(database: Database, actor: Actor, name: str) -> str:
    """What resolving comes to for ``actor``; lists must say the same."""
    with database.read() as db:
        listed = {one.name for one in names.listed(db, actor)}
        try:
            target = names.resolve(db, actor, name)
            found = "yes"
            assert target.served_name == name
        except MayNotCall:
            found = "gate"
        except ModelUnknown as err:
            found = "no"
            assert name not in err.message.replace(repr(name), ""), "the refusal tells that there is one"
    assert (name in listed) == (found == "yes"), f"{actor.name} {name}: list and call disagree"
    return found


def test_a_model_answers_whoever_may_read_it(app: Starlette, database: Database, cast: Cast, served: object) -> None:
    with database.write() as db:
        instance.choose(db, "anonymous_calls", "yes")
    found = {name: " ".join(answer(database, person.actor, name) for person in cast.people) for name in MATRIX}
    assert found == MATRIX


def test_anonymous_is_asked_to_sign_in_before_anything_is_said(
    app: Starlette, database: Database, cast: Cast, served: object
) -> None:
    with database.read() as db:
        for name in (*MATRIX, "no/such"):
            with pytest.raises(SignInToCall):
                names.resolve(db, cast.anonymous.actor, name)
        assert names.listed(db, cast.anonymous.actor) == []


def test_a_narrow_token_calls_what_it_covers(
    app: Starlette, database: Database, cast: Cast, served: dict[str, str]
) -> None:
    with database.write() as db:
        alice = accounts.account(db, "alice")
        repo = repos.load(db, cast.alice.actor, "alice/hidden", Action.READ)
        narrow = accounts.create_token(db, alice, "narrow", "read", repo_ids=[repo.id])[1]
    with database.read() as db:
        actor = from_credentials(db, f"Bearer {narrow}", None)
    assert {name: answer(database, actor, name) for name in MATRIX} == {
        "alice/open": "yes",
        "alice/hidden": "yes",
        "lab/hidden": "no",
        "lab/gated": "gate",
        "lab/remote-open": "yes",
        "lab/remote-hidden": "no",
    }


def test_made_private_it_answers_only_those_who_still_read_it(
    app: Starlette, database: Database, cast: Cast, served: object
) -> None:
    assert answer(database, cast.charlie.actor, "alice/open") == "yes"
    visibility(database, cast.alice.actor, "alice/open", "private")
    assert answer(database, cast.charlie.actor, "alice/open") == "no"
    assert answer(database, cast.alice.actor, "alice/open") == "yes"


def test_close_names_are_only_such_as_one_may_call(
    app: Starlette, database: Database, cast: Cast, served: object
) -> None:
    with database.read() as db:
        assert "lab/hidden" in said(lambda: names.resolve(db, cast.alice.actor, "lab/hiden"))
        told = said(lambda: names.resolve(db, cast.charlie.actor, "lab/hiden"))
        assert "lab/hidden" not in told and "Did you mean" not in told
        assert "alice/flow" in said(lambda: names.resolve(db, cast.alice.actor, "alice/flows", also=["alice/flow"]))


def said(call: object) -> str:
    with pytest.raises(HubError) as refused:
        call()  # type: ignore[operator]
    return refused.value.message


# ---- revisions, files, adapters, switches ------------------------------------------------------------------


def test_a_revision_and_a_file_are_of_an_endpoint_that_has_them(
    app: Starlette, database: Database, cast: Cast, serve_row: ServeRow
) -> None:
    first = serve_row(cast.alice.actor, "alice/many", file="q4.gguf")
    with database.write() as db:
        one = db.get_one(Endpoint, first)
        values = {key: value for key, value in vars(one).items() if key in Endpoint.__table__.columns}
        db.add(Endpoint(**values | {"id": ordered_id(), "name": "alice/other", "file": "q8.gguf"}))
    with database.read() as db:

        def id_of(name: str) -> str:
            return names.resolve(db, cast.charlie.actor, name).endpoint_id

        assert id_of("Alice/MANY") == id_of(f"alice/many@{REVISION[:7]}") == id_of("alice/many:Q4.gguf") == first
        assert id_of(f"alice/many@{REVISION}:q8.gguf") == id_of("alice/many:q8.gguf") != first
        for wrong in ("alice/many@fffffff", "alice/many@0123", "alice/many:q2.gguf"):
            with pytest.raises(ModelUnknown):
                id_of(wrong)


def test_an_adapter_takes_the_right_to_both(
    app: Starlette, database: Database, cast: Cast, serve_row: ServeRow
) -> None:
    base = serve_row(cast.alice.actor, "alice/base")
    with database.write() as db:
        lora = repos.create(db, cast.alice.actor, "lora", visibility="private")
        before = names.target(db, db.get_one(Endpoint, base)).fingerprint
        adapter = EndpointAdapter(
            id=ordered_id(), endpoint_id=base, name="alice/lora", repo_id=lora.id, revision=REVISION,
            file="lora.gguf", created_at=clock.now(),
        )  # fmt: skip
        db.add(adapter)
        names.claim(db, "alice/lora", accounts.account(db, "alice"), "adapter", adapter.id)
    assert answer(database, cast.alice.actor, "alice/lora") == "yes"
    assert answer(database, cast.charlie.actor, "alice/lora") == "no"
    with database.read() as db:
        target = names.resolve(db, cast.alice.actor, "alice/lora")
        assert (target.endpoint_id, target.adapter, target.served_name) == (base, "alice/lora", "alice/lora")
        assert target.fingerprint == names.resolve(db, cast.charlie.actor, "alice/base").fingerprint != before
    visibility(database, cast.alice.actor, "alice/lora", "public")
    assert answer(database, cast.charlie.actor, "alice/lora") == "yes"
    visibility(database, cast.alice.actor, "alice/base", "private")
    assert answer(database, cast.charlie.actor, "alice/lora") == "no"


def test_what_is_off_says_so_to_who_may_call_it(
    app: Starlette, database: Database, cast: Cast, serve_row: ServeRow
) -> None:
    serve_row(cast.alice.actor, "alice/hidden", private=True, is_on=False)
    with database.read() as db:
        with pytest.raises(EndpointOff):
            names.resolve(db, cast.alice.actor, "alice/hidden")
        with pytest.raises(ModelUnknown):
            names.resolve(db, cast.charlie.actor, "alice/hidden")
        assert names.listed(db, cast.alice.actor) == []


def test_a_disabled_repository_answers_administrators_only(
    app: Starlette, database: Database, cast: Cast, serve_row: ServeRow
) -> None:
    serve_row(cast.alice.actor, "alice/open")
    with database.write() as db:
        repos.load(db, cast.alice.actor, "alice/open", Action.ADMIN).is_disabled = True
    assert answer(database, cast.root.actor, "alice/open") == "yes"
    assert answer(database, cast.alice.actor, "alice/open") == "gate"


def test_one_name_has_one_target(app: Starlette, database: Database, cast: Cast, serve_row: ServeRow) -> None:
    mine = serve_row(cast.alice.actor, "alice/open")
    with database.write() as db:
        alice = accounts.account(db, "alice")
        with pytest.raises(NameClaimed):
            names.claim(db, "Alice/Open", alice, "route", ordered_id())
        names.release(db, "route", mine)  # of another kind: nothing
        assert names.find(db, "alice/open") == names.Named("endpoint", mine, "alice/open")
        names.release(db, "endpoint", mine)
        names.claim(db, "Alice/Open", alice, "route", mine)
        assert names.find(db, "alice/open@0123456") == names.Named("route", mine, "Alice/Open", "0123456")
        with pytest.raises(ModelUnknown):
            names.resolve(db, cast.alice.actor, "alice/open")


def test_whoever_writes_in_its_namespace_changes_it(
    app: Starlette, database: Database, cast: Cast, served: dict[str, str]
) -> None:
    with database.read() as db:
        rows = {name: db.get_one(Endpoint, one) for name, one in served.items()}
        may = {name: [access.changes(one.actor, row) for one in cast.people] for name, row in rows.items()}
        assert {name: may[name] for name in MATRIX} == {
            name: [True, name.startswith("lab/"), False, True, False] for name in MATRIX
        }
        assert db.get(Repo, rows["lab/remote-open"].repo_id or "") is None
