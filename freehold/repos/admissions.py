"""Who is let through the gates of repositories: the verbs that write it, for the room that decides (``gating``).

What a door asks is answered by :func:`freehold.repos.access.may`; nothing here decides who may ask or answer.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from freehold.accounts.tables import Account
from freehold.core import clock
from freehold.core.ids import new_id
from freehold.repos.rules import GateChanges, GateSettings
from freehold.repos.tables import Admission, Gate, Repo


def gate_of(db: Session, repo: Repo) -> GateSettings:
    """How the gate of ``repo`` is kept, whether or not it is shut now."""
    kept = db.get(Gate, repo.id)
    if kept is None:
        return GateSettings()
    return GateSettings(kept.renew, kept.grace_days, kept.notify_mode, kept.notify_email)


def change_gate(db: Session, repo: Repo, changes: GateChanges) -> None:
    """The gate is kept as asked. Raises ``BadRequest`` saying what a setting may be."""
    before = gate_of(db, repo)
    after = changes.applied(before)
    if after == before:
        return
    row = db.get(Gate, repo.id)
    if row is None:
        row = Gate(repo_id=repo.id)
        db.add(row)
    row.renew, row.grace_days = after.renew, after.grace_days
    row.notify_mode, row.notify_email = after.notify_mode, after.notify_email
    db.flush()


def locked(db: Session, repo: Repo) -> None:
    """Nobody else asks, decides or changes terms at this gate until the transaction ends."""
    # Not FOR UPDATE: rows that refer to the repository may still be added. SQLite has one writer anyway.
    db.execute(select(Repo.id).where(Repo.id == repo.id).with_for_update(key_share=True))


def find(db: Session, repo: Repo, account_id: str) -> Admission | None:
    return db.scalar(select(Admission).where(Admission.repo_id == repo.id, Admission.account_id == account_id))


def numbered(db: Session, repo: Repo, request_id: str) -> Admission | None:
    return db.scalar(select(Admission).where(Admission.repo_id == repo.id, Admission.id == request_id))


def add(
    db: Session,
    repo: Repo,
    account: Account,
    status: str,
    *,
    terms: str | None = None,
    answers: dict[str, Any] | None = None,
    asked_by_id: str | None = None,
) -> Admission:
    """The account stands at the gate. The constraint has the last word on two at once."""
    admission = Admission(
        id=new_id(),
        repo_id=repo.id,
        account_id=account.id,
        status=status,
        ends_at=None,
        terms=terms,
        answers=answers,
        asked_by_id=asked_by_id,
        asked_at=clock.now(),
        decided_by_id=None,
        decided_at=None,
        reason="",
    )
    admission.account = account
    db.add(admission)
    db.flush()
    return admission


def agree(db: Session, admission: Admission, terms: str, answers: dict[str, Any], asked_by_id: str | None) -> None:
    """The account agreed to ``terms``, which are those of now."""
    admission.terms, admission.answers, admission.ends_at = terms, answers, None
    admission.asked_by_id = asked_by_id
    db.flush()


def decide(
    db: Session,
    admission: Admission,
    status: str,
    by_id: str | None,
    *,
    reason: str = "",
    ends_at: datetime | None = None,
) -> None:
    """The admission is ``status`` from now on, for every door; ``ends_at`` where its terms were changed since."""
    admission.status, admission.reason, admission.ends_at = status, reason, ends_at
    admission.decided_by_id, admission.decided_at = by_id, clock.now()
    db.flush()


def drop(db: Session, admission: Admission) -> None:
    """The account is a stranger at this gate."""
    db.execute(delete(Admission).where(Admission.id == admission.id))
    db.expunge(admission)


def end_unrenewed(db: Session, repo: Repo, ends: Mapping[str, datetime]) -> None:
    """Whoever agreed to terms named in ``ends`` is let through until then, everybody else without an end."""
    here = update(Admission).where(Admission.repo_id == repo.id)
    db.execute(here.where(Admission.ends_at.is_not(None)).values(ends_at=None))
    for terms, ends_at in ends.items():
        db.execute(here.where(Admission.terms == terms).values(ends_at=ends_at))
