"""What was kept of calls: a page of it, opened, for whoever may read it."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from freehold.accounts.tables import Account
from freehold.core.sealing import CannotSeal, Sealer
from freehold.usage.tables import KeptCall

PURPOSE = "kept call {id}"
#: Of one page.
MAX_ROWS = 25


@dataclass(frozen=True)
class Scope:
    """Which kept calls. ``owner_ids``: whose endpoints and routes; ``user_id``: who asked. None: whoever's."""

    owner_ids: Collection[str] | None = None
    user_id: str | None = None
    served_name: str = ""
    id: str = ""

    def within(self) -> list[ColumnElement[bool]]:
        """As conditions."""
        found: list[ColumnElement[bool]] = []
        if self.owner_ids is not None:
            found.append(KeptCall.account_id.in_(self.owner_ids))
        if self.user_id is not None:
            found.append(KeptCall.user_id == self.user_id)
        if self.served_name:
            found.append(func.lower(KeptCall.served_name) == _plain(self.served_name).lower())
        if self.id:
            found.append(KeptCall.id == _plain(self.id))
        return found


@dataclass(frozen=True)
class Opened:
    """One kept call. ``is_cut``: more was asked or answered than is kept. ``repo_id`` '' where there is none."""

    id: str
    at: datetime
    expires_at: datetime
    kind: str
    served_name: str
    repo_id: str
    owner: str
    user: str  #: who asked; '': somebody who was not signed in
    request_id: str
    asked: str
    answered: str
    is_cut: bool


def page(db: Session, sealer: Sealer, scope: Scope, *, before: str = "") -> tuple[Sequence[Opened], str]:
    """The newest within ``scope``, older than the id ``before``; and where the next page begins, '' after the last."""
    wanted = select(KeptCall).where(*scope.within()).order_by(KeptCall.id.desc()).limit(MAX_ROWS + 1)
    rows = db.scalars(wanted.where(KeptCall.id < _plain(before)) if before else wanted).all()
    ids = {one for row in rows for one in (row.account_id, row.user_id) if one}
    names = {row[0]: row[1] for row in db.execute(select(Account.id, Account.name).where(Account.id.in_(ids)))}
    found = [_opened(row, sealer, names) for row in rows[:MAX_ROWS]]
    return found, found[-1].id if len(rows) > MAX_ROWS else ""


def person(db: Session, name: str) -> str:
    """The id of who is called so; '' for nobody."""
    found = select(Account.id).where(Account.key == _plain(name).lower(), Account.kind == "user")
    return db.scalar(found) or ""


def _plain(value: str) -> str:
    """As a database may be asked for it, whatever an address says."""
    return value[:320].replace("\0", " ").encode("utf-8", "replace").decode()


def _opened(row: KeptCall, sealer: Sealer, names: dict[str, str]) -> Opened:
    try:
        said = json.loads(sealer.open(PURPOSE.format(id=row.id), row.sealed))
    except CannotSeal:  # the hub has another key by now: it can still be erased
        said = {"asked": "", "answered": "", "is_cut": True}
    return Opened(
        id=row.id,
        at=row.at,
        expires_at=row.expires_at,
        kind=row.kind,
        served_name=row.served_name,
        repo_id=row.repo_id or "",
        owner=names.get(row.account_id, ""),
        user=names.get(row.user_id or "", ""),
        request_id=row.request_id,
        asked=said["asked"],
        answered=said["answered"],
        is_cut=said["is_cut"],
    )
