"""Records of what happened at gates: written beside each change, in its transaction."""

from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.accounts.tables import Account
from freehold.core import clock
from freehold.core.ids import new_id
from freehold.gating.tables import AccessRecord
from freehold.repos.tables import Repo


def write(
    db: Session,
    repo: Repo,
    actor: Actor | None,
    account: Account,
    what: str,
    *,
    sha256: str | None = None,
    reason: str = "",
) -> None:
    """It is on record that this happened. ``actor`` None: the gate did it by itself."""
    db.add(
        AccessRecord(
            id=new_id(),
            at=clock.now(),
            what=what,
            repo_id=repo.id,
            repo_kind=repo.kind,
            repo_path=repo.path,
            account_id=account.id,
            account_kind=account.kind,
            account_name=account.name,
            by_id=actor.id if actor else None,
            by_name=actor.name if actor else "",
            sha256=sha256,
            reason=reason,
        )
    )
    db.flush()
