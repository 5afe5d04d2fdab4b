"""The chain: each entry's digest holds the digest before it, so that nobody changes the past unseen.

Not in the transaction that adds an entry, where every change of the hub would wait for the one before it: entries are
tied a moment later, in the order they are found, by one node at a time. Whoever keeps a digest elsewhere can tell later
that everything tied up to it is as it was.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile
from typing import Any

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from freehold.core import clock
from freehold.core.database import Database
from freehold.core.errors import Conflict
from freehold.core.ids import id_at
from freehold.governance import rules
from freehold.governance.tables import AuditEntry, AuditLink

BATCH = 500
#: A transaction may end so much later than its entries were made; what is older was seen before.
LATEST = timedelta(hours=2)
_LAST = select(AuditLink).order_by(AuditLink.number.desc()).limit(1)


@dataclass(frozen=True)
class Verdict:
    """Whether the chain holds; ``broken`` says where it does not, in a sentence."""

    checked: int
    broken: str = ""


def tie(database: Database) -> int:
    """Entries that are not in the chain are; how many. Two nodes at once: one of them does it."""
    with database.read() as db:
        if not db.scalars(_waiting(db, db.scalar(_LAST)).limit(1)).all():
            return 0  # nobody waits for the write lock of an idle hub
    tied = 0
    try:
        while True:
            with database.write() as db:
                some = _tie_some(db)
            tied += some
            if some < BATCH:
                return tied
    except Conflict:  # another node took the same number
        return tied


def _tie_some(db: Session) -> int:
    last = db.scalar(_LAST.with_for_update())
    number, before = (last.number, last.digest) if last is not None else (0, rules.NO_LINK)
    found = db.scalars(_waiting(db, last).limit(BATCH)).all()
    for entry in found:
        number += 1
        link = AuditLink(number=number, entry_id=entry.id, before=before, digest=rules.digest(before, columns(entry)))
        before = link.digest
        db.add(link)
    return len(found)


def _waiting(db: Session, last: AuditLink | None) -> Select[AuditEntry]:
    """Entries that ``last``, or one before it, has not tied."""
    query = select(AuditEntry).outerjoin(AuditLink, AuditLink.entry_id == AuditEntry.id)
    query = query.where(AuditLink.entry_id.is_(None)).order_by(AuditEntry.id)
    newest = db.get(AuditEntry, last.entry_id) if last is not None else None
    return query if newest is None else query.where(AuditEntry.id > id_at(newest.at - LATEST))


def check(database: Database, *, most: int = 1_000_000) -> Verdict:
    """Every link is computed again, oldest first, up to ``most``."""
    checked, before = 0, None
    for link, entry in _links(database, most):
        checked += 1
        if before is not None and link.before != before:
            return Verdict(checked, f"Link {link.number} does not follow the one before it: an entry was taken out.")
        if entry is None or rules.digest(link.before, columns(entry)) != link.digest:
            when = "" if entry is None else f", of {clock.wire(entry.at)}"
            return Verdict(checked, f"Entry {link.entry_id}{when}, is not what it was when it was tied.")
        before = link.digest
    return Verdict(checked)


def _links(database: Database, most: int) -> Iterator[tuple[AuditLink, AuditEntry | None]]:
    after, left = 0, most
    while left > 0:
        with database.read() as db:
            query = select(AuditLink, AuditEntry).outerjoin(AuditEntry, AuditEntry.id == AuditLink.entry_id)
            rows = db.execute(
                query.where(AuditLink.number > after).order_by(AuditLink.number).limit(min(BATCH, left))
            ).all()
        for row in rows:
            yield row[0], row[1]
        if len(rows) < BATCH:
            return
        after, left = rows[-1][0].number, left - len(rows)


def prune(database: Database, days: int) -> int:
    """Entries older than ``days`` are gone, a batch at a time, and the links that tied them; 0: all are kept.

    Only tied entries go, and from the beginning of the chain, so that the rest of it still holds.
    """
    if days <= 0:
        return 0
    until, gone = id_at(clock.now() - timedelta(days=days)), 0
    while True:
        with database.write() as db:
            links = db.scalars(select(AuditLink).order_by(AuditLink.number).limit(BATCH)).all()
            # The oldest in the chain's own order: a gap in its middle would look like an entry taken out.
            old = list(takewhile(lambda link: link.entry_id < until, links))
            if not old:
                return gone
            db.execute(delete(AuditLink).where(AuditLink.number.in_([link.number for link in old])))
            db.execute(delete(AuditEntry).where(AuditEntry.id.in_([link.entry_id for link in old])))
            gone += len(old)
        if len(old) < BATCH:
            return gone


def columns(entry: AuditEntry) -> dict[str, Any]:
    """What of an entry the chain vouches for: all of it."""
    told = {column.key: getattr(entry, column.key) for column in AuditEntry.__table__.columns}
    return told | {"at": clock.wire(entry.at)}
