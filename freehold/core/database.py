"""One database: SQLite in WAL or PostgreSQL, the same code.

Verbs get a :class:`sqlalchemy.orm.Session`; ``Database.write`` and ``Database.read`` are the only places that open and
commit one. ``Database.row`` is the prepared road for the few hot single-row reads.
"""

import logging
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

from sqlalchemy import DateTime, Dialect, Engine, MetaData, String, TypeDecorator, create_engine, event, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.orm.exc import StaleDataError

from freehold.core.errors import Conflict, StorageFull, StorageReadOnly, TookTooLong, Unavailable
from freehold.core.events import Bus

log = logging.getLogger("freehold.database")
BUSY_TIMEOUT_S = 30
#: Readers of a write-ahead log wait for nobody, but for its recovery; the event loop may be what waits here.
ROW_TIMEOUT_S = 1
_NUMBERS = count()
#: Steps of SQLite's machine between looks at the clock: some tenths of a millisecond.
STEPS = 20_000


class Base(DeclarativeBase):
    """Mapped classes of every room; names of constraints follow one convention so that migrations can find them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python on both databases; SQLite alone would hand back naive values."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        assert value is None or value.tzinfo is not None, "a moment without a time zone"
        return value if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or value.tzinfo is None:
            return value and value.replace(tzinfo=UTC)
        return value.astimezone(UTC)  # PostgreSQL tells it in the zone of its session, where it may be another day


Id = String(24)


class Database:
    """The pool and its sessions.

    ``url`` is an SQLAlchemy URL (``sqlite:///path`` or ``postgresql+psycopg://...``).
    """

    def __init__(self, url: str, *, bus: Bus | None = None, pool_size: int = 16, **info: Any) -> None:
        """``info`` is put into every session's ``info``, beside the ``bus``."""
        self.url = url
        self.bus = bus or Bus()
        self.info = info
        self.is_sqlite = url.startswith("sqlite")
        self.engine = _engine(url, pool_size)
        self._local = threading.local()

    @contextmanager
    def write(self, *, passing: bool = False) -> Iterator[Session]:
        """A transaction that may write; committed when the block ends, rolled back when it raises.

        SQLite takes its one write lock at the first statement (``BEGIN IMMEDIATE``), so that two writers queue up
        rather than fail half-way. ``passing``: what is written means nothing once this machine lost its power, and its
        commit does not wait for the disk; to everybody else it is a commit like any other.
        """
        with self._session(writes=True, passing=passing) as session:
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that only reads: a snapshot that never waits for a writer."""
        with self._session(writes=False) as session:
            yield session

    @contextmanager
    def _session(self, *, writes: bool, passing: bool = False) -> Iterator[Session]:
        session = Session(self.engine, expire_on_commit=False, info={"bus": self.bus, **self.info})
        try:
            if writes:
                session.connection(execution_options={"freehold_writes": True, "freehold_passing": passing})
                if passing and not self.is_sqlite:
                    session.execute(text("SET LOCAL synchronous_commit = off"))
            yield session
            if writes:
                session.commit()
        except OperationalError as err:
            raise _named(err) from err
        except (IntegrityError, StaleDataError) as err:
            # Verbs look before they write. On PostgreSQL another transaction can still take a name, or delete the row
            # that ours is about to refer to, in between; the constraint has the last word.
            log.warning("A transaction lost a race: %s", str(err).partition("\n")[0])
            raise Conflict("What this call is about changed at the same moment: nothing was done. Repeat it.") from err
        finally:
            session.close()
        for action in session.info.pop("after_commit", ()):
            action()

    def row(self, query: "RowQuery", **values: Any) -> tuple[Any, ...] | None:
        """The first row of a prepared query, straight from the driver (no ORM, no compile): for hot doors only."""
        if self.is_sqlite:
            try:
                found = self._raw_sqlite().execute(query.sqlite, values).fetchone()
            except sqlite3.OperationalError as err:
                raise _named(err) from err
        else:
            with self.engine.connect() as connection:
                raw = connection.connection.cursor()
                raw.execute(query.postgres, values)
                found = raw.fetchone()
        return None if found is None else tuple(found)

    def version(self) -> tuple[int, int] | None:
        """What is another one after every commit, whoever made it, to the thread that asks; None where the database
        does not say. Some microseconds. Source: SQLite, PRAGMA data_version."""
        if not self.is_sqlite:
            return None
        raw = self._raw_sqlite()
        try:
            found = raw.execute("PRAGMA data_version").fetchone()
        except sqlite3.OperationalError as err:
            raise _named(err) from err
        # Numbers of two connections are not to be compared.
        return self._local.number, int(found[0])

    def close(self) -> None:
        self.engine.dispose()

    def _raw_sqlite(self) -> sqlite3.Connection:
        # One connection a thread: autocommit reads see the newest commit and hold no snapshot open.
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            path = self.engine.url.database
            connection = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=ROW_TIMEOUT_S)
            connection.execute("PRAGMA query_only=ON")
            self._local.connection, self._local.number = connection, next(_NUMBERS)
        return connection


@contextmanager
def bounded(db: Session, seconds: float) -> Iterator[None]:
    """What is read of ``db`` meanwhile takes no longer: raises :class:`TookTooLong` instead.

    On PostgreSQL each statement has that long.
    """
    deadline = time.monotonic() + seconds
    is_sqlite = db.get_bind().dialect.name == "sqlite"
    raw: Any = db.connection().connection.driver_connection
    if is_sqlite:
        raw.set_progress_handler(lambda: time.monotonic() > deadline, STEPS)
    else:
        db.execute(text(f"SET LOCAL statement_timeout = {int(seconds * 1000)}"))
    try:
        yield
        if not is_sqlite:
            db.execute(text("SET LOCAL statement_timeout = 0"))
    except OperationalError as err:
        if "interrupted" not in str(err.orig) and "statement timeout" not in str(err.orig):
            raise
        raise TookTooLong(
            f"This takes longer than {seconds:g} seconds to find here. Ask for less, or repeat it in a minute.",
            headers={"Retry-After": "30"},
        ) from err
    finally:
        if is_sqlite:
            raw.set_progress_handler(None, 0)


class RowQuery:
    """One SQL text in both drivers' spelling, from ``:name`` parameters; ``postgres`` where that one is another."""

    def __init__(self, sql: str, postgres: str = "") -> None:
        self.sqlite = sql
        self.postgres = re.sub(r"(?<!:):([a-z_][a-z0-9_]*)", r"%(\1)s", (postgres or sql).replace("%", "%%"))


def _engine(url: str, pool_size: int) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=True)
    engine = create_engine(url, pool_size=pool_size, max_overflow=pool_size, connect_args={"timeout": BUSY_TIMEOUT_S})

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transaction control is switched off: it begins too late and deferred.
        connection.isolation_level = None
        _to_wal(connection)
        for pragma in (
            "synchronous=FULL",  # an acknowledged commit survives a power cut, not only a killed process
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "mmap_size=134217728",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        options = connection.get_execution_options()
        writes = options.get("freehold_writes", False)
        if writes:  # not to be said within a transaction
            level = "NORMAL" if options.get("freehold_passing") else "FULL"
            connection.connection.driver_connection.execute(f"PRAGMA synchronous={level}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _to_wal(connection: sqlite3.Connection) -> None:
    """The file is in WAL mode. While another process makes the same first switch, SQLite refuses without waiting."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as err:
            if "locked" not in str(err) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _named(err: OperationalError | sqlite3.OperationalError) -> Exception:
    """A full disk and a locked or absent database get their own names; the rest stays what it is."""
    text = str(err.orig if isinstance(err, OperationalError) else err).lower()
    if "disk is full" in text or "no space left" in text:
        return StorageFull("The hub's disk is full: nothing was recorded. Free some space, then repeat the call.")
    if "readonly" in text or "read-only" in text:
        return StorageReadOnly("The hub's data directory is read-only: nothing was recorded. Make it writable.")
    if "deadlock" in text or "locked" in text or "connect" in text or "disk i/o" in text or "unable to open" in text:
        return Unavailable(
            "The hub's database does not answer; the call can be repeated.", headers={"Retry-After": "2"}
        )
    return err
