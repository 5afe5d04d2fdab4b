"""A person's own settings: for them alone, through a browser or a token that reaches everything of theirs."""

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor, Thing, decide
from freehold.access.service import of_user
from freehold.accounts.errors import SignInNeeded
from freehold.accounts.tables import Account
from freehold.inbox.errors import TokenTooNarrow
from freehold.inbox.tables import News
from freehold.repos.access import may
from freehold.repos.tables import Repo


def own(actor: Actor, *, writes: bool) -> str:
    """The id of the person who asks. Raises ``SignInNeeded``, :class:`TokenTooNarrow`."""
    if actor.kind != "user" or actor.id is None:
        raise SignInNeeded("Sign in first: this belongs to a person.")
    if actor.token is not None and actor.token.is_fine_grained:
        raise TokenTooNarrow("This token is for chosen repositories; a person's own settings need one for everything.")
    if writes and actor.token is not None and actor.token.scope != "write":
        raise TokenTooNarrow(f"The token {actor.token.name!r} may read; this needs one that may write.")
    return actor.id


def reader(db: Session, user_id: str) -> Actor | None:
    """The actor that a person is now, or None when they are gone or disabled."""
    user = db.get(Account, user_id)
    return None if user is None or user.is_disabled or user.kind != "user" else of_user(db, user)


def may_read(actor: Actor, repo: Repo) -> bool:
    """Whether ``actor`` may read ``repo`` now."""
    return bool(may(actor, Action.READ, repo)) and not (repo.is_disabled and not actor.is_admin)


def may_read_news(actor: Actor, news: News, repo: Repo | None) -> bool:
    """Whether ``actor`` may read now what ``news`` tells: by the repository as it is, or as it was when it went."""
    if news.repo_id is None or news.owner_id is None:
        return False
    if repo is not None:
        return may_read(actor, repo)
    was = Thing(news.owner_id, news.visibility, news.repo_id, str(news.data.get("gated", "")))
    return bool(decide(actor, Action.READ, was))
