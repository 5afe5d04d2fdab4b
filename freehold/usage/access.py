"""Who pays, who may see what was used, and who bounds it."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.accounts.errors import SignInNeeded
from freehold.accounts.tables import Account
from freehold.usage.errors import NoSuchPayer
from freehold.usage.rules import Payer


def payer(db: Session, actor: Actor, bill_to: str = "") -> Payer:
    """Whose budget a call of ``actor`` is: their own, or that of the organisation ``bill_to`` that they belong to.

    Raises :class:`SignInNeeded`, :class:`NoSuchPayer`. A token for chosen repositories pays for an organisation only
    where it was made for all of that organisation's.
    """
    if actor.is_anonymous or actor.id is None:
        raise SignInNeeded("Sign in, or send a token: somebody has to stand for what the call uses.")
    token_id = actor.token.token_id if actor.token is not None else None
    if not bill_to or bill_to.lower() == actor.name.lower():
        return Payer(actor.id, actor.id, token_id)
    org = db.scalar(select(Account).where(Account.key == bill_to.lower()[:96], Account.kind == "org"))
    narrow = actor.token is not None and actor.token.is_fine_grained
    covers = not narrow or (org is not None and actor.token is not None and org.id in actor.token.owner_ids)
    if org is None or org.id not in actor.roles or not covers:
        raise NoSuchPayer(
            f"{bill_to[:96]!r} cannot be billed: it is not an organisation that you belong to"
            + (", or this token is not for it." if narrow else ".")
        )
    return Payer(org.id, actor.id, token_id)
