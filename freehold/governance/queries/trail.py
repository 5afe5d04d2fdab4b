"""Reads of the trail: filtered, a page at a time or as a stream in batches."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from freehold.core.database import Database
from freehold.core.ids import id_at
from freehold.governance import rules
from freehold.governance.errors import BadFilter
from freehold.governance.tables import AuditEntry, AuditLink

PAGE = 50
BATCH = 500
#: Entries of one export; whoever wants more narrows the days, or goes on where it ended.
MAX_EXPORTED = 100_000


@dataclass(frozen=True)
class Filter:
    """What is looked for; an empty part looks for everything. ``what`` is a verb, or the part of one before its dot."""

    who: str = ""
    what: str = ""
    thing: str = ""
    since: str = ""  # a day, as 2026-11-26
    until: str = ""  # a day, which counts
    owner_id: str = ""  # only what is this account's

    def given(self) -> dict[str, str]:
        """What was filled in, as the query of an address has it."""
        parts = {"who": self.who, "what": self.what, "on": self.thing, "from": self.since, "to": self.until}
        return {name: value for name, value in parts.items() if value}


def parsed(query: Mapping[str, str], *, owner_id: str = "") -> Filter:
    """The filter that an address asks for; raises :class:`BadFilter` for a day that is none."""
    got = {name: query.get(name, "").replace("\x00", "").strip()[:200] for name in ("who", "what", "on", "from", "to")}
    found = Filter(got["who"], got["what"], got["on"], got["from"], got["to"], owner_id)
    _day(found.since), _day(found.until)
    return found


def entries(db: Session, wanted: Filter, *, before: str = "", limit: int = PAGE) -> Sequence[AuditEntry]:
    """The newest entries older than ``before`` (an entry's id)."""
    query = _filtered(select(AuditEntry), wanted)
    if before:
        query = query.where(AuditEntry.id < before)
    return db.scalars(query.order_by(AuditEntry.id.desc()).limit(limit)).all()


def exported(database: Database, wanted: Filter) -> Iterator[Sequence[AuditEntry]]:
    """Every entry in batches, the newest first, each batch in a read of its own: no transaction waits for a client."""
    before, left = "", MAX_EXPORTED
    while left > 0:
        with database.read() as db:
            batch = entries(db, wanted, before=before, limit=min(BATCH, left))
        if batch:
            yield batch
        if len(batch) < BATCH:
            return
        before, left = batch[-1].id, left - len(batch)


@dataclass(frozen=True)
class Chain:
    """How far the chain reaches: its last digest, entries in it, and entries that wait to be tied."""

    digest: str
    length: int
    waiting: int


def chain(db: Session) -> Chain:
    last = db.scalar(select(AuditLink).order_by(AuditLink.number.desc()).limit(1))
    total = db.scalar(select(func.count()).select_from(AuditEntry)) or 0
    tied = db.scalar(select(func.count()).select_from(AuditLink)) or 0
    return Chain(last.digest if last else "", tied, max(0, total - tied))


def _filtered(query: Select[AuditEntry], wanted: Filter) -> Select[AuditEntry]:
    if wanted.owner_id:
        query = query.where(AuditEntry.owner_id == wanted.owner_id)
    if wanted.who:
        query = query.where(AuditEntry.actor_key == wanted.who.lower()[:96])
    if wanted.what in rules.VERBS:
        query = query.where(AuditEntry.verb == wanted.what)
    elif wanted.what:
        query = query.where(AuditEntry.verb.in_([v for v in rules.VERBS if v.startswith(f"{wanted.what}.")]))
    if wanted.thing:
        key = wanted.thing.lower()
        of_account = AuditEntry.thing_key.startswith(f"{key}/", autoescape=True)
        query = query.where(or_(AuditEntry.thing_key == key, of_account))
    since, until = _day(wanted.since), _day(wanted.until)
    if since is not None:
        query = query.where(AuditEntry.id >= id_at(since))
    if until is not None:
        query = query.where(AuditEntry.id < id_at(until + timedelta(days=1)))
    return query


def _day(text: str) -> datetime | None:
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as err:
        raise BadFilter(f"{text[:20]!r} is no day; write it as 2026-11-26.") from err
    if not 1970 < day.year < 2200:
        raise BadFilter(f"{text[:20]!r} is a day that no entry is of.")
    return day
