"""Following people and organisations."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.accounts import service as accounts
from freehold.accounts.tables import Account
from freehold.community import access
from freehold.community.events import AccountFollowed
from freehold.community.tables import Follow
from freehold.content.rows import insert_new
from freehold.core import clock, events
from freehold.core.errors import BadRequest


def follow(db: Session, actor: Actor, name: str, *, kind: str | None = None) -> Account:
    """``actor`` follows the account ``name``, once however often it says so. Nobody follows themselves."""
    account = accounts.account(db, name, kind=kind)
    access.check_follows(actor, account)
    if account.id == actor.id:
        raise BadRequest("You cannot follow yourself.")
    if insert_new(db, Follow, {"account_id": account.id, "follower_id": actor.id, "created_at": clock.now()}):
        events.publish(db, AccountFollowed(account, actor))
    return account


def unfollow(db: Session, actor: Actor, name: str, *, kind: str | None = None) -> Account:
    """``actor`` does not follow the account, whether it did before or not."""
    account = accounts.account(db, name, kind=kind)
    access.check_follows(actor, account)
    db.execute(delete(Follow).where(Follow.account_id == account.id, Follow.follower_id == actor.id))
    return account
