"""Entries of the audit trail: added in the transaction of what they tell, and never changed."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from freehold.access.rules import HUB, Actor
from freehold.accounts.tables import Account
from freehold.core import caller, clock
from freehold.core.ids import ordered_id
from freehold.governance import rules
from freehold.governance.tables import AuditEntry
from freehold.repos.tables import Repo

#: Under this name a session's ``info`` says by what the hub itself acts (the command line).
VIA = "via"


@dataclass(frozen=True)
class Thing:
    """What an entry is about, by the name it has now. ``owner_id``: whose it is; None: the hub's."""

    kind: str
    id: str
    name: str
    owner_id: str | None = None


def of_repo(repo: Repo) -> Thing:
    return Thing(repo.kind, repo.id, repo.path, repo.owner_id)


def of_account(account: Account) -> Thing:
    return Thing(account.kind, account.id, account.name, account.id)


def record(
    db: Session, verb: str, thing: Thing, *, actor: Actor | None = None, by: Account | None = None, **details: Any
) -> None:
    """``verb`` was done to ``thing``: by ``actor``, else by ``by``, else by whoever this transaction belongs to.

    ``details`` are small plain values; nothing that opens anything may be among them.
    """
    assert verb in rules.VERBS, f"{verb} has no words in governance.rules"
    who = actor or _acting(db, by)
    called = caller.current()
    db.add(
        AuditEntry(
            id=ordered_id(),
            at=clock.now(),
            verb=verb,
            actor_kind=who.kind,
            actor_id=who.id,
            actor_name=who.name[:96],
            actor_key=who.name.lower()[:96],
            via=_via(db, who),
            address=called.address if called else "",
            request_id=called.request_id[:64] if called else "",
            thing_kind=thing.kind[:12],
            thing_id=thing.id[:64],
            thing_name=rules.text(thing.name, 200),
            thing_key=rules.text(thing.name.lower(), 200),
            owner_id=thing.owner_id,
            details=rules.details(details),
        )
    )


def _acting(db: Session, by: Account | None) -> Actor:
    acting: Actor | None = db.info.get("actor")
    if by is None:
        return acting or HUB
    if acting is not None and acting.id == by.id:
        return acting  # knows the token, too
    return Actor(kind="user", id=by.id, name=by.name, is_admin=by.is_admin)


def _via(db: Session, who: Actor) -> str:
    if who.kind == "hub":
        return str(db.info.get(VIA, ""))
    if who.token is not None:
        return f"token {who.token.name}"[:120]
    return "session" if who.kind == "user" and caller.current() is not None else ""
