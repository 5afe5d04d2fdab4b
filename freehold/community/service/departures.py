"""What somebody leaves behind when their account goes: marks are taken off, and off the counts."""

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from freehold.accounts.events import AccountDeleted
from freehold.community.tables import Collection, Like, Upvote
from freehold.core.events import Bus
from freehold.repos import service as repos


def subscribe(bus: Bus) -> None:
    bus.subscribe(AccountDeleted, on_account_deleted)


def on_account_deleted(db: Session, event: AccountDeleted) -> None:
    """Follows and collections go with the account's row by themselves; these are counted elsewhere too."""
    gone = event.account.id
    repos.uncount_likes(db, select(Like.repo_id).where(Like.user_id == gone))
    db.execute(delete(Like).where(Like.user_id == gone))
    upvoted = select(Upvote.collection_id).where(Upvote.user_id == gone)
    fewer = update(Collection).where(Collection.id.in_(upvoted)).values(upvotes=Collection.upvotes - 1)
    db.execute(fewer, execution_options={"synchronize_session": False})
    db.execute(delete(Upvote).where(Upvote.user_id == gone))
