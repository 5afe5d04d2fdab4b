"""The log of what changed in lists: written by triggers of the database, so that no verb can forget it.

*Watched* are the columns that lists show, sort by or are narrowed by. Whoever adds one adds it here, and a migration
beside it (an empty one will do): triggers are no history, they are made anew at the end of every upgrade, which also
brings back those that SQLite loses when a migration builds a table anew.

Readers keep a :class:`Position`. SQLite has one writer at a time, so numbers come to sight in order. PostgreSQL hands
them out before the commit: a later one may be seen first. So a reader there remembers the oldest transaction that was
still open when it looked, and looks again at everything from that one on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, select, text
from sqlalchemy.orm import Session

from freehold.core import clock
from freehold.core.database import Database
from freehold.core.instance import InstanceValue
from freehold.discover.tables import ListChange

#: Tables and their watched columns. Rows that come and go are always told; without columns, nothing else is.
WATCHED: Mapping[str, Sequence[str]] = {
    "repos": (
        *("kind", "owner_id", "path_key", "visibility", "gated", "sdk", "is_disabled", "is_served"),
        *("downloads", "likes", "trend", "created_at", "updated_at"),
    ),
    "repo_cards": ("license", "pipeline_tag", "library_name"),
    "repo_tags": ("tag",),
    "repo_texts": ("title", "tags", "body", "spellings", "pairs"),
    "repo_facts": (
        *("parameters", "active_parameters", "dtype", "context_length", "architecture", "tokenizer", "adapter_base"),
        *("has_pickle", "rows", "size_bytes", "needed_bytes", "formats", "quantisations"),
    ),
    "repo_verdicts": ("answer",),
    "repo_openness": ("weights", "code", "data", "recipe", "evaluation", "licence"),
    "eval_results": (),
    "accounts": ("key", "kind"),
}
#: Columns of JSON, which PostgreSQL compares as texts only.
_JSON = frozenset({"formats", "quantisations"})
#: The newest migration beside which the triggers changed, and what they were then (a test says when it is due).
SINCE = ("0043", "dd82a041f9432a34")
_PREFIX = "list_changes_"
#: How long a change is told. A reader that was away for longer reads everything anew.
KEPT = timedelta(hours=1)
#: Changes pruned in one transaction.
BATCH = 5_000
_PRUNED = "list_changes_pruned"
#: Changes by which a log is known again.
TRACES = 100


# ---- triggers ------------------------------------------------------------------------------------------------------


def triggers(dialect: str) -> Mapping[str, str]:
    """By name, what makes each trigger (and on PostgreSQL, with ``()`` in its name, each function)."""
    make = _postgres if dialect == "postgresql" else _sqlite
    return {name: made for table, columns in WATCHED.items() for name, made in make(table, columns)}


def install(connection: Connection) -> None:
    """The triggers are those of this release. Needs the schema of this release."""
    remove(connection)
    for made in triggers(connection.dialect.name).values():
        connection.exec_driver_sql(made.replace("%", "%%") if connection.dialect.name == "postgresql" else made)


def remove(connection: Connection) -> None:
    """There are none. SQLite builds no table anew while a trigger of another one names it."""
    for name, table in installed(connection):
        on = f" ON {table}" if connection.dialect.name == "postgresql" else ""
        connection.exec_driver_sql(f"DROP TRIGGER {name}{on}")


def installed(connection: Connection) -> Sequence[tuple[str, str]]:
    """The triggers that are there, each with its table."""
    if connection.dialect.name == "postgresql":
        found = (
            "SELECT t.tgname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace ORDER BY 1"
        )
    else:
        found = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' ORDER BY 1"
    rows = connection.execute(text(found)).all()
    return [(name, table) for name, table in rows if name.startswith(_PREFIX)]


def _sqlite(table: str, columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    for event, row, when in _events(table, columns, "IS NOT"):
        which = _which(table, row)
        # The newest of a repository is enough, and bounds the log by how many there are.
        told = (
            f"DELETE FROM list_changes WHERE repo_id IN ({which});"  # noqa: S608  # names of our own alone, as below
            " INSERT INTO list_changes (repo_id, transaction_id, at)"
            f" SELECT id, 0, strftime('%Y-%m-%d %H:%M:%f000', 'now') FROM ({which});"
        )
        name = f"{_PREFIX}{table}_{event.partition(' ')[0].lower()}"
        yield name, f"CREATE TRIGGER {name} AFTER {event} ON {table}{when} BEGIN {told} END"


def _postgres(table: str, columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    for event, row, when in _events(table, columns, "IS DISTINCT FROM"):
        name = f"{_PREFIX}{table}_{event.partition(' ')[0].lower()}"
        # Nothing of another transaction is touched: no verb waits for another here that it would not wait for anyway.
        yield (
            f"{name}()",
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$"  # noqa: S608
            " DECLARE mine bigint := pg_current_xact_id()::text::bigint; BEGIN"
            " INSERT INTO list_changes (repo_id, transaction_id, at)"
            f" SELECT id, mine, clock_timestamp() FROM ({_which(table, row)}) AS changed WHERE NOT EXISTS"
            " (SELECT 1 FROM list_changes told WHERE told.repo_id = changed.id AND told.transaction_id = mine);"
            " RETURN NULL; END $$",
        )
        yield name, f"CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW{when} EXECUTE FUNCTION {name}()"


def _events(table: str, columns: Sequence[str], differs: str) -> Iterator[tuple[str, str, str]]:
    """Event, the row it is about, and the condition under which it is told."""
    if table != "accounts":  # an account that comes or goes has no repositories
        yield "INSERT", "NEW", ""
        yield "DELETE", "OLD", ""
    if columns:
        as_text = "::text" if differs != "IS NOT" else ""
        changed = (
            f"OLD.{name}{cast} {differs} NEW.{name}{cast}"
            for name in columns
            for cast in (as_text if name in _JSON else "",)
        )
        yield f"UPDATE OF {', '.join(columns)}", "NEW", f" WHEN ({' OR '.join(changed)})"


def _which(table: str, row: str) -> str:
    """The query for the repositories that a row of ``table`` is about."""
    if table == "accounts":
        return f"SELECT id FROM repos WHERE owner_id = {row}.id"  # noqa: S608
    return f"SELECT {row}.{'id' if table == 'repos' else 'repo_id'} AS id"


# ---- reading the log -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Position:
    """Up to where the log was read. ``at`` is a number on SQLite, on PostgreSQL a transaction (see above).

    ``seen``: what was read beyond it already, and need not be taken in again.
    """

    at: int
    seen: frozenset[int] = field(default=frozenset())


@dataclass(frozen=True)
class News:
    """Repositories that changed since a position, and the position to go on from; ``since``: the oldest change."""

    repo_ids: Sequence[str]
    position: Position
    since: datetime | None


class FellBehind(Exception):
    """What came after the position was pruned in part: everything has to be read anew."""


@dataclass(frozen=True)
class Trace:
    """One change as the log told it, by which a reader that comes back knows the log again."""

    seq: int
    repo_id: str
    transaction_id: int
    at: str


def traces(db: Session, before: Position) -> Sequence[Trace]:
    """The newest changes up to a position, some of them."""
    rows = select(ListChange).where(_order(db) < before.at + (0 if _is_postgres(db) else 1))
    return [_trace(row) for row in db.scalars(rows.order_by(ListChange.seq.desc()).limit(TRACES))]


def goes_on_from(db: Session, before: Position, seen: Sequence[Trace]) -> bool:
    """Whether this log led to ``before`` and still tells all that came since: no other one, and none that was set
    back by a backup, whatever it told afterwards. Raises :class:`FellBehind` where it tells only some of it.
    """
    if before.at > position(db).at:
        return False
    _refuse_pruned(db, before)
    pruned = _pruned(db)
    rows = db.scalars(select(ListChange).where(ListChange.seq.in_([one.seq for one in seen])))
    there = {row.seq: _trace(row) for row in rows}
    gone = [one for one in seen if there.get(one.seq) != one]
    if _is_postgres(db):
        return all(one.transaction_id <= pruned for one in gone)
    gone = [one for one in gone if one.seq > pruned]
    later = select(ListChange.repo_id).where(
        ListChange.seq > before.at, ListChange.repo_id.in_([one.repo_id for one in gone])
    )
    return {one.repo_id for one in gone} == {*db.scalars(later)}  # told again since, and so read again


def number_since(db: Session, before: Position, most: int) -> int:
    """How many changes a reader has to take in, or ``most`` if there are more."""
    column = _order(db)
    since = column >= before.at if _is_postgres(db) else column > before.at
    return db.scalar(select(func.count()).select_from(select(column).where(since).limit(most).subquery())) or 0


def position(db: Session) -> Position:
    """Where the log ends now: whatever this transaction does not see comes after it."""
    if _is_postgres(db):
        return Position(_oldest_open(db))
    return Position(db.scalar(text("SELECT seq FROM sqlite_sequence WHERE name = 'list_changes'")) or 0)


def since(db: Session, before: Position, most: int) -> News:
    """What changed since, at most so many changes; raises :class:`FellBehind`.

    On PostgreSQL it must be one snapshot (REPEATABLE READ), and takes everything there is: what one transaction did
    cannot be parted.
    """
    is_postgres = _is_postgres(db)
    _refuse_pruned(db, before)
    columns = select(ListChange.seq, ListChange.repo_id, ListChange.at, ListChange.transaction_id)
    if not is_postgres:
        rows = db.execute(columns.where(ListChange.seq > before.at).order_by(ListChange.seq).limit(most)).all()
        return News([row.repo_id for row in rows], Position(rows[-1].seq if rows else before.at), _first(rows))
    oldest = _oldest_open(db)
    rows = db.execute(columns.where(ListChange.transaction_id >= before.at)).all()
    fresh = [row for row in rows if row.seq not in before.seen]
    ids = list(dict.fromkeys(row.repo_id for row in fresh))
    return News(
        ids, Position(oldest, frozenset(row.seq for row in rows if row.transaction_id >= oldest)), _first(fresh)
    )


def _is_postgres(db: Session) -> bool:
    return db.get_bind().dialect.name == "postgresql"


def _pruned(db: Session) -> int:
    return int(db.scalar(select(InstanceValue.value).where(InstanceValue.name == _PRUNED)) or -1)


def _refuse_pruned(db: Session, before: Position) -> None:
    pruned = _pruned(db)
    if pruned > before.at or (pruned == before.at and _is_postgres(db)):
        raise FellBehind


def _order(db: Session) -> Any:
    """The column that positions count."""
    return ListChange.transaction_id if _is_postgres(db) else ListChange.seq


def _trace(row: ListChange) -> Trace:
    return Trace(row.seq, row.repo_id, row.transaction_id, row.at.astimezone(UTC).isoformat())


def _first(rows: Sequence[Any]) -> datetime | None:
    return min((row.at for row in rows), default=None)


def _oldest_open(db: Session) -> int:
    """The oldest transaction that this one does not see and that may still end well; all before it are seen or void."""
    return int(db.scalar(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")) or 0)


def prune(database: Database) -> None:
    """Changes older than :data:`KEPT` are gone, a batch a transaction; readers that missed one are told."""
    while True:
        with database.write() as db:
            if _prune(db, clock.now() - KEPT) < BATCH:
                return


def _prune(db: Session, before: datetime) -> int:
    oldest = select(ListChange.seq, ListChange.transaction_id, ListChange.at).order_by(ListChange.seq).limit(BATCH)
    rows = [row for row in db.execute(oldest) if row.at < before]
    if not rows:
        return 0
    db.execute(delete(ListChange).where(ListChange.seq.in_([row.seq for row in rows])))
    is_postgres = _is_postgres(db)
    last = max(row.transaction_id if is_postgres else row.seq for row in rows)
    kept = db.get(InstanceValue, _PRUNED)
    if kept is None:
        db.add(InstanceValue(name=_PRUNED, value=str(last)))
    elif int(kept.value) < last:
        kept.value = str(last)
    return len(rows)


def waiting(db: Session) -> int:
    """How many changes the log holds."""
    return db.scalar(select(func.count()).select_from(ListChange)) or 0
