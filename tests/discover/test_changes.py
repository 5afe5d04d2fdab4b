"""The log of what changed in lists: no verb can forget it, and no reader misses any of it."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session
from sqlalchemy.sql import visitors
from starlette.applications import Starlette

from freehold.accounts.tables import Account
from freehold.cards.tables import RepoFacts, RepoVerdict
from freehold.community.service import likes
from freehold.content.service import counting
from freehold.core import clock, migrate
from freehold.core.database import Base, Database
from freehold.discover import changes, questions
from freehold.discover.changes import FellBehind, Position
from freehold.discover.tables import ListChange
from freehold.repos import service as repos
from freehold.repos.service import Changes
from freehold.repos.tables import Repo
from tests.discover.conftest import Publish
from tests.fixtures.people import Cast

MANY = 10_000


def told(database: Database, before: Position) -> tuple[set[str], Position]:
    """The repositories that changed since, and the next position; read as a reader of the log reads."""
    with database.engine.connect() as connection:
        if not database.is_sqlite:
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with Session(connection) as db:
            news = changes.since(db, before, MANY)
            return set(news.repo_ids), news.position


def here(database: Database) -> Position:
    with database.read() as db:
        return changes.position(db)


def _id(database: Database, path: str) -> str:
    with database.read() as db:
        return db.scalars(select(Repo.id).where(Repo.path_key == path)).one()


def test_the_triggers_of_a_new_database_are_those_of_this_release(database: Database) -> None:
    dialect = database.engine.dialect.name
    wanted = {name for name in changes.triggers(dialect) if not name.endswith("()")}
    with database.engine.connect() as connection:
        assert {name for name, _ in changes.installed(connection)} == wanted
        assert {table for _, table in changes.installed(connection)} == set(changes.WATCHED)
    for table, columns in changes.WATCHED.items():
        assert set(columns) <= set(Base.metadata.tables[table].columns.keys()), table


@pytest.mark.rules
def test_whatever_lists_are_narrowed_or_sorted_by_is_watched() -> None:
    read = [one.value.column for one in questions.QUESTIONS if not isinstance(one.value, questions.Tags)]
    read += [column for _, column in questions.ORDERS.values()]
    for column in read:
        for part in visitors.iterate(column.expression if hasattr(column, "expression") else column):
            name = getattr(getattr(part, "table", None), "name", "")
            if name and not getattr(part, "primary_key", False) and (name, part.name) not in FIXED:
                assert part.name in changes.WATCHED[name], (
                    f"{name}.{part.name} is read by lists, and nothing tells of it"
                )


#: What an answer is computed from together with watched columns, and never without them.
FIXED = {("repo_openness", "opened"), ("eval_results", "repo_id")}


@pytest.mark.rules
def test_who_changes_a_trigger_adds_a_migration() -> None:
    """Without one, an installation that is up to date would keep the triggers it has."""
    made = [[*changes.triggers(dialect).items()] for dialect in ("sqlite", "postgresql")]
    digest = hashlib.sha256(json.dumps(made).encode()).hexdigest()[:16]
    revision, known = changes.SINCE
    assert digest == known, f"add a migration, then let changes.SINCE name it, with {digest!r}"
    assert revision <= migrate.head()


@pytest.fixture
def model(publish: Publish, cast: Cast, database: Database) -> str:
    """The id of ``alice/m``."""
    publish(cast.alice.actor, "alice/m")
    publish(cast.alice.actor, "alice/other", kind="dataset")
    return _id(database, "alice/m")


VERBS: dict[str, Callable[[Session, Cast, Repo], object]] = {
    "moved": lambda db, cast, repo: repos.move(db, cast.alice.actor, repo.path, "lab/n", kind="model"),
    "made private": lambda db, cast, repo: repos.change_settings(
        db, cast.alice.actor, repo.path, Changes(visibility="private"), kind="model"
    ),
    "gated": lambda db, cast, repo: repos.change_settings(
        db, cast.alice.actor, repo.path, Changes(gated="auto"), kind="model"
    ),
    "deleted": lambda db, cast, repo: repos.delete_repo(db, cast.alice.actor, repo.path, kind="model"),
    "liked": lambda db, cast, repo: likes.like(db, cast.bob.actor, repo.path, kind="model"),
    "downloaded": lambda db, cast, repo: counting.record(db, Counter({(clock.now().date(), repo.id): 3})),
    "ranked": lambda db, cast, repo: repos.rank(db, {repo.id: 7}),
    "judged": lambda db, cast, repo: db.add(RepoVerdict(repo_id=repo.id, answer="yes", own="yes", version=1)),
    "gone at once": lambda db, cast, repo: db.execute(delete(Repo).where(Repo.id == repo.id)),
    "its people are called otherwise": lambda db, cast, repo: db.execute(
        update(Account).where(Account.id == repo.owner_id).values(key="alicia")
    ),
}


@pytest.mark.parametrize("what", VERBS)
def test_whatever_happens_to_a_repository_is_told(what: str, database: Database, cast: Cast, model: str) -> None:
    before = here(database)
    with database.write() as db:
        VERBS[what](db, cast, db.get_one(Repo, model))
    found, after = told(database, before)
    assert model in found
    assert len(found) == (2 if what.startswith("its people") else 1), "another one is told of as well"
    assert told(database, after)[0] == set()


def test_creating_pushing_and_what_is_computed_later_are_told(
    app: Starlette, publish: Publish, cast: Cast, database: Database
) -> None:
    before = here(database)
    publish(cast.alice.actor, "alice/new", {"README.md": "# New"})
    found, before = told(database, before)
    assert found == {_id(database, "alice/new")}
    publish(cast.alice.actor, "alice/new", {"README.md": "---\ntags: [fresh]\n---\n"})
    found, before = told(database, before)
    assert found == {_id(database, "alice/new")}
    app.state.worker.drain()
    found, _ = told(database, before)
    assert found == {_id(database, "alice/new")}, "facts and verdict"


def test_what_no_list_shows_is_not_told(database: Database, cast: Cast, model: str) -> None:
    with database.write() as db:
        db.add(
            RepoFacts(
                **dict.fromkeys(("repo_id", "commit"), model),
                version=1,
                computed_at=clock.now(),
                has_pickle=False,
                size_bytes=1,
                formats=["gguf"],
                quantisations=[],
                details={},
            )
        )
    before = here(database)
    with database.write() as db:
        repo = db.get_one(Repo, model)
        repo.discussions_disabled = True
        db.execute(update(Repo).where(Repo.id == model).values(likes=repo.likes, downloads_all_time=9))
        db.execute(update(RepoFacts).values(version=2, formats=["gguf"]))
        db.execute(update(Account).values(full_name="Somebody"))
    assert told(database, before)[0] == set()
    with database.write() as db:
        db.execute(update(RepoFacts).values(formats=["gguf", "onnx"]))
    assert told(database, before)[0] == {model}


def test_what_is_undone_is_not_told(database: Database, cast: Cast, model: str) -> None:
    def give_up() -> None:
        with database.write() as db:
            repos.rank(db, {model: 7})
            raise ZeroDivisionError

    before = here(database)
    with pytest.raises(ZeroDivisionError):
        give_up()
    assert told(database, before)[0] == set()


def test_one_change_of_many_rows_is_one_line(database: Database, publish: Publish, cast: Cast) -> None:
    publish(cast.alice.actor, "alice/m", {"README.md": f"---\ntags: {[f't{n}' for n in range(50)]}\n---\n"})
    with database.read() as db:
        lines = Counter((line.repo_id, line.transaction_id) for line in db.scalars(select(ListChange)))
    assert set(lines.values()) == {1}


def test_two_open_transactions_are_both_told_whichever_ends_first(
    database: Database, cast: Cast, publish: Publish
) -> None:
    """PostgreSQL: the first began first, and has the lower number, but a reader sees the second's change first."""
    if database.is_sqlite:
        pytest.skip("one transaction writes at a time")
    for name in ("alice/first", "alice/second"):
        publish(cast.alice.actor, name)
    first, second = _id(database, "alice/first"), _id(database, "alice/second")
    position = here(database)
    with database.write() as slow:
        repos.rank(slow, {first: 5})
        with database.write() as quick:
            repos.rank(quick, {second: 5})
        found, position = told(database, position)
        assert found == {second}
        found, position = told(database, position)
        assert found == set(), "nor is it told again while the other is open"
    found, position = told(database, position)
    assert found == {first}
    assert told(database, position)[0] == set()


def test_a_reader_that_was_away_too_long_is_told_so(
    database: Database, cast: Cast, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = here(database)
    with database.write() as db:
        repos.rank(db, {model: 1})
    _, current = told(database, old)
    monkeypatch.setattr(changes, "KEPT", timedelta(seconds=-60))
    monkeypatch.setattr(changes, "BATCH", 1)
    changes.prune(database)
    with database.read() as db:
        assert changes.waiting(db) == 0
    with pytest.raises(FellBehind):
        told(database, old)
    with database.write() as db:
        repos.rank(db, {model: 2})
    assert told(database, current)[0] == {model}, "numbers go on where they were, though no row is left"


def test_a_table_built_anew_keeps_its_triggers(database: Database) -> None:
    """As a migration does on SQLite: the triggers go before, and come back after."""
    with database.engine.begin() as connection:
        before = changes.installed(connection)
        changes.remove(connection)
        assert changes.installed(connection) == []
        changes.install(connection)
        assert changes.installed(connection) == before
        connection.execute(text("DELETE FROM list_changes"))
