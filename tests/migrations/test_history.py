"""The one history of schema changes: straight, true to the mapped classes, and kind to the rows that are there."""

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    func,
    select,
    text,
)
from sqlalchemy.exc import IntegrityError

from freehold.core import migrate
from freehold.core.database import Base, Database
from freehold.core.migrate import SchemaError, upgrade
from tests.fixtures.databases import sqlalchemy_url
from tests.fixtures.people import assemble


@pytest.fixture
def empty(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with nothing in it at all."""
    if database_kind == "sqlite":
        url = f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        url = sqlalchemy_url(request.getfixturevalue("postgres_cluster").create("empty"))
    database = Database(url)
    yield database
    database.close()


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """``history(body)``: from now on the history has one step more, whose ``upgrade`` has this body."""
    copy = tmp_path / "migrations"
    shutil.copytree(migrate.HISTORY, copy, ignore=shutil.ignore_patterns("__pycache__"))

    def add(body: str) -> None:
        step = (
            f"import sqlalchemy as sa\nfrom alembic import op\nrevision = '9999'\ndown_revision = '{migrate.head()}'\n"
        )
        (copy / "versions" / "9999_step.py").write_text(f"{step}\ndef upgrade():\n    {body}\n")
        monkeypatch.setattr(migrate, "HISTORY", copy)

    return add


@pytest.mark.rules
def test_history_is_one_straight_line() -> None:
    before = None
    for number, path in enumerate(sorted((migrate.HISTORY / "versions").glob("[0-9]*.py")), start=1):
        source = path.read_text()
        assert path.name.startswith(f"{number:04d}_"), f"{path.name} is not number {number}"
        assert re.search(rf'^revision = "{number:04d}"$', source, re.M), path.name
        assert f"down_revision = {before!r}".replace("'", '"') in source, path.name
        before = f"{number:04d}"
    assert before == migrate.head()


def test_built_from_empty_it_is_what_the_classes_say(empty: Database) -> None:
    import freehold.main  # noqa: F401  # the classes of every room: the history that is run reads none of them

    upgrade(empty)
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_object": migrate.is_mapped}
        )
        assert compare_metadata(context, Base.metadata) == [], "the classes changed: make migration NAME='what changed'"
    assert migrate.current(empty) == migrate.head()


def test_a_server_leaves_the_work_to_a_process_that_ends(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def ran_here(_: object) -> None:
        raise AssertionError("the history was run in the process that stays")

    monkeypatch.setattr(migrate, "_run", ran_here)
    migrate.upgrade_apart(empty)
    assert migrate.current(empty) == migrate.head()


def test_what_fails_apart_is_said_by_the_process_that_stays(empty: Database) -> None:
    upgrade(empty)
    with empty.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9998'"))
    with pytest.raises(SchemaError, match="schema 9998"):
        migrate.upgrade_apart(empty)


def test_a_second_upgrade_changes_nothing(empty: Database) -> None:
    upgrade(empty)
    assemble(empty)
    upgrade(empty)
    assert _count(empty, "accounts") == 5


def test_a_newer_database_is_refused_in_one_sentence(empty: Database) -> None:
    upgrade(empty)
    with empty.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9998'"))
    with pytest.raises(SchemaError, match=r"schema 9998, and this release of Freehold knows up to \d{4}"):
        upgrade(empty)


def test_nodes_that_start_at_once_agree(empty: Database) -> None:
    failed: list[BaseException] = []
    together = threading.Barrier(4)

    def start() -> None:
        database = Database(empty.engine.url.render_as_string(hide_password=False))
        try:
            together.wait(10)
            upgrade(database)
        except BaseException as err:
            failed.append(err)
        finally:
            database.close()

    nodes = [threading.Thread(target=start) for _ in range(4)]
    for node in nodes:
        node.start()
    for node in nodes:
        node.join(60)
    assert failed == []
    assert migrate.current(empty) == migrate.head()


def test_rows_survive_a_table_built_anew(empty: Database, history: Callable[[str], None]) -> None:
    """SQLite alters a table by dropping the old one; with foreign keys on, that would take what refers to it along."""
    upgrade(empty)
    assemble(empty)
    tokens, members = _count(empty, "tokens"), _count(empty, "memberships")
    history(
        "with op.batch_alter_table('accounts', recreate='always' if op.get_bind().dialect.name == 'sqlite' else 'auto')"
        " as batch: batch.add_column(sa.Column('motto', sa.String(80), nullable=True))"
    )
    upgrade(empty)
    assert migrate.current(empty) == "9999"
    assert (_count(empty, "tokens"), _count(empty, "memberships")) == (tokens, members)
    assert tokens == 8


def test_a_step_that_fails_leaves_the_schema_as_it_was(empty: Database, history: Callable[[str], None]) -> None:
    upgrade(empty)
    before = migrate.head()
    history("op.create_table('half', sa.Column('x', sa.Integer())); op.execute('SELECT * FROM nowhere')")
    with pytest.raises(Exception, match="nowhere"):
        upgrade(empty)
    assert migrate.current(empty) == before
    with empty.engine.connect() as connection:
        assert not empty.engine.dialect.has_table(connection, "half")


def test_rows_from_the_first_release_reach_this_one(empty: Database, history: Callable[[str], None]) -> None:
    """An installation of the first schema, with rows, comes up whole on today's."""
    _upgrade_to(empty, "0001")
    moment = "2026-01-02 03:04:05+00:00"
    with empty.engine.begin() as connection:
        for statement in FIRST_ROWS:
            connection.execute(text(statement), {"at": moment})
    upgrade(empty)
    assert _count(empty, "repos") == 1
    with empty.read() as db:
        from freehold.repos.tables import Repo

        assert db.query(Repo).one().path == "alice/first"


@pytest.mark.parametrize("before", ["0033", "0039"])
def test_a_row_of_every_table_from_before_models_ran_reaches_this_release(empty: Database, before: str) -> None:
    """0033 is the last that served no model, 0039 the first that had all tables of serving."""
    import freehold.main  # noqa: F401  # the classes of every room

    _upgrade_to(empty, before)
    filled = _fill(empty)
    assert len(filled) > 60
    upgrade(empty)
    assert {name: _count(empty, name) for name in filled} == dict.fromkeys(filled, 1)
    with empty.read() as db:
        for mapper in Base.registry.mappers:
            if mapper.local_table.name in filled:
                assert len(db.scalars(select(mapper.class_)).unique().all()) == 1, mapper.class_.__name__


def test_links_of_data_sets_are_read_from_the_cards_that_are_there(empty: Database) -> None:
    """Of what stands in a card nothing is sure to be a text, nor short."""
    _upgrade_to(empty, "0043")
    by = [{"model": "lab/M"}, {"model": "gpt"}, {"model": "lab/m"}, "x", {"model": 3}]
    said = {"source_datasets": ["a/B", "original", "extended|c/d", 3, f"x/{'y' * 300}"], "generated": {"by": by}}
    with empty.engine.begin() as connection:
        for statement in FIRST_ROWS:
            connection.execute(text(statement.replace("'model'", "'dataset'")), {"at": "2026-01-02 03:04:05+00:00"})
        table = Table("repo_cards", MetaData(), autoload_with=connection)
        card = {"repo_id": "r", "commit": "c", "data": said, "config": {}, "tags": [], "summary": ""}
        connection.execute(table.insert(), card)
        connection.execute(text("INSERT INTO repo_tags (repo_id, tag) VALUES ('r', 'source_datasets:a/B')"))
    upgrade(empty)
    with empty.engine.connect() as connection:
        found = connection.execute(text("SELECT relation, kind, path_key FROM repo_links ORDER BY path_key")).all()
    assert [tuple(one) for one in found] == [
        ("drawn", "dataset", "a/b"), ("drawn", "dataset", "c/d"), ("written", "model", "lab/m")
    ]  # fmt: skip


FIRST_ROWS = [
    "INSERT INTO accounts (id, kind, name, key, full_name, is_admin, is_disabled, private_by_default, created_at) "
    "VALUES ('a', 'user', 'alice', 'alice', '', false, false, false, :at)",
    "INSERT INTO repos (id, kind, owner_id, name, path_key, visibility, gated, is_disabled, created_at, updated_at) "
    "VALUES ('r', 'model', 'a', 'first', 'alice/first', 'public', '', false, :at, :at)",
    "INSERT INTO refs (repo_id, name, target, updated_at) VALUES ('r', 'refs/heads/main', 'c0ffee', :at)",
]


def _upgrade_to(database: Database, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrate.HISTORY))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _fill(database: Database) -> list[str]:
    """One row in each table that today's classes still have: of every value the plainest. The tables' names.

    Left out are those that ask for more of a row than a list of words for a column (somebody else, one of two).
    """
    tables = MetaData()
    with database.engine.begin() as connection:
        tables.reflect(connection, only=lambda name, _: name in Base.metadata.tables)
        made: dict[str, dict[str, Any]] = {}
        for table in tables.sorted_tables:
            if not connection.scalar(select(func.count()).select_from(table)):
                row = {one.name: _plain(one, made) for one in table.columns if not one.nullable}
                with suppress(IntegrityError), connection.begin_nested():
                    connection.execute(table.insert(), row)
                    made[table.name] = row
    return list(made)


def _plain(column: Column[Any], made: dict[str, dict[str, Any]]) -> Any:
    for key in column.foreign_keys:
        return made[key.column.table.name][key.column.name]
    kind = column.type
    if isinstance(kind, (Boolean, Integer, Float)):
        return False if isinstance(kind, Boolean) else 1
    if isinstance(kind, (DateTime, Date)):
        moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        return moment if isinstance(kind, DateTime) else moment.date()
    if isinstance(kind, LargeBinary):
        return b"x"
    for one in Base.metadata.tables[column.table.name].constraints:
        allowed = isinstance(one, CheckConstraint) and re.match(rf"{column.name} in \('(\w*)'", str(one.sqltext))
        if allowed:
            return allowed[1]
    return {} if isinstance(kind, JSON) else "x"


def _count(database: Database, table: str) -> int:
    with database.engine.connect() as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)
