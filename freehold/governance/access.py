"""Who administers: the hub as a whole, or an organisation's part of the trail."""

from freehold.access.rules import Actor
from freehold.accounts.errors import NotAllowed, SignInNeeded


def administer(actor: Actor, *, writes: bool = False) -> None:
    """Nothing, if ``actor`` administers the hub (``writes``: and may change things).

    Raises ``SignInNeeded`` (401) or ``NotAllowed`` (403): that there is an administration is no secret.
    """
    if actor.is_anonymous:
        raise SignInNeeded("Sign in as an administrator of this hub.")
    narrow = actor.token is not None and (actor.token.is_fine_grained or actor.token.is_granted)
    if not actor.is_admin or narrow:
        raise NotAllowed("Only who administers this hub may see this.")
    if writes and actor.token is not None and actor.token.scope != "write":
        raise NotAllowed(f"The token {actor.token.name!r} may only read.")
