"""What calls asked and were answered: kept where the owner of what was called says so, and erased.

It is sealed by the hub's key, so that a copy of the database alone tells nothing of it.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.accounts.tables import Account
from freehold.core import clock, events
from freehold.core.ids import ordered_id
from freehold.core.sealing import Sealer
from freehold.usage import access
from freehold.usage.errors import NothingKept, NothingSaid
from freehold.usage.events import ContentErased
from freehold.usage.queries import kept
from freehold.usage.queries.kept import PURPOSE, Scope
from freehold.usage.tables import KeptCall

#: Of what was asked, and of what was answered.
MAX_BYTES = 64 << 10
#: Of one account; cut back once in so many calls.
KEPT, CUT_EVERY = 20_000, 16


@dataclass(frozen=True)
class Said:
    """One call as it is to be kept. ``kind``: endpoint or route."""

    at: datetime
    owner_id: str
    user_id: str | None
    kind: str
    served_name: str
    repo_id: str | None
    request_id: str
    asked: str
    answered: str
    is_cut: bool = False


def keep(db: Session, sealer: Sealer, said: Said, days: int) -> None:
    """What was said is kept for ``days``, cut where it is more than :data:`MAX_BYTES` a side. Raises ``CannotSeal``."""
    asked, answered = _bounded(said.asked), _bounded(said.answered)
    is_cut = said.is_cut or asked != said.asked or answered != said.answered
    row_id = ordered_id()
    text = json.dumps({"asked": asked, "answered": answered, "is_cut": is_cut}, ensure_ascii=False)
    db.add(
        KeptCall(
            id=row_id,
            at=said.at,
            expires_at=clock.now() + timedelta(days=days),
            account_id=said.owner_id,
            user_id=said.user_id,
            kind=said.kind,
            served_name=said.served_name[:320],
            repo_id=said.repo_id,
            request_id=said.request_id.replace("\0", "")[:256],
            sealed=sealer.seal(PURPOSE.format(id=row_id), text),
        )
    )
    db.flush()
    if int(row_id[-2:], 16) % CUT_EVERY == 0:
        _cut(db, said.owner_id)


def erase(
    db: Session, actor: Actor, *, is_own: bool, call_id: str = "", name: str = "", person: str = "", all_: bool = False
) -> int:
    """What ``actor`` asked (``is_own``), or what their models and those of organisations they administer were asked, is
    gone as far as it is meant: one call, all of a served name, all of a person, all; how many calls.

    Raises :class:`NothingSaid` where nothing is meant, :class:`NothingKept`, and what ``access.person`` does.
    """
    access.person(actor, writes=True)
    if not (call_id or name or person or all_):
        raise NothingSaid("Say what is to be erased: one call, all of a name, all of a person, or all.")
    user_id = actor.id if is_own else kept.person(db, person) if person else None
    owners = None if is_own else access.owned(actor)
    within = Scope(owners, user_id, name, call_id).within()
    # Told to each account whose models they were: its trail is its own.
    told = select(KeptCall.account_id).where(*within).distinct()
    accounts = [actor.id] if is_own else list(db.scalars(told))
    what = "; ".join(
        word
        for word in (f"call {call_id[:24]}" if call_id else "", name[:320], f"asked by {person[:96]}" if person else "")
        if word
    )
    count = 0
    for account_id in accounts:
        mine = within if is_own else [*within, KeptCall.account_id == account_id]
        gone = db.execute(delete(KeptCall).where(*mine), execution_options={"synchronize_session": False}).rowcount  # type: ignore[attr-defined]
        if gone:
            account = db.get_one(Account, account_id)
            events.publish(db, ContentErased(account, is_own, what or "all", gone))
        count += gone
    if not count:
        raise NothingKept("Nothing is kept of that, or it is not yours to erase.")
    return count


def _bounded(text: str) -> str:
    """As much as is kept, without what a database or a page takes for an end."""
    raw = text[: MAX_BYTES + 1].replace("\0", "").encode("utf-8", "replace")
    return raw[:MAX_BYTES].decode("utf-8", "ignore")


def _cut(db: Session, account_id: str) -> None:
    mine = select(KeptCall.id).where(KeptCall.account_id == account_id).order_by(KeptCall.id.desc())
    last = db.scalar(mine.offset(KEPT).limit(1))
    if last is not None:
        db.execute(delete(KeptCall).where(KeptCall.account_id == account_id, KeptCall.id <= last))
