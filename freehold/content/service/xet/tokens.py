"""Xet tokens: sealed claims that name a person, a repository and a scope, checked against the present on every call.

A sealed token is not the last word: whoever lost the right since it was sealed has lost it here too.
"""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from freehold.access.rules import HUB, Action, Actor
from freehold.access.service import remembered
from freehold.content.service.xet.errors import BadXetToken, ReadOnlyToken
from freehold.core import clock
from freehold.core.signing import Signer
from freehold.repos import service as repos
from freehold.repos.errors import repo_not_found
from freehold.repos.tables import Repo

PURPOSE = "xet token"
#: A 401 in mid-upload kills it, so a running upload may use its token for so long after the end. Source: xet.md 9.
GRACE_S = 3600


@dataclass(frozen=True)
class Grant:
    """A token and when it ends (unix seconds)."""

    token: str
    expires_at: int
    repo_id: str


@dataclass(frozen=True)
class Caller:
    """Who calls, through a token of which repository."""

    actor: Actor
    repo: Repo


def grant(
    db: Session,
    signer: Signer,
    actor: Actor,
    path: str,
    *,
    kind: str,
    scope: Literal["read", "write"],
    create_pr: bool = False,
    life_s: int,
) -> Grant:
    """A token for ``actor`` on the repository; ``write`` implies read, and for a pull request it needs only PROPOSE.

    Raises what ``repos.service.load`` raises.
    """
    action = Action.READ if scope == "read" else Action.PROPOSE if create_pr else Action.WRITE
    repo = repos.load(db, actor, path, action, kind=kind)
    expires_at = clock.epoch_s() + life_s
    claims = {
        "repo": repo.id,
        "may": action.value,
        "kind": actor.kind,
        "user": actor.id,
        "by": actor.token.token_id if actor.token else None,
    }
    return Grant(signer.seal(PURPOSE, claims, expires_at), expires_at, repo.id)


def caller(db: Session, signer: Signer, authorization: str | None, *, writes: bool) -> Caller:
    """Who holds the token in an ``Authorization: Bearer`` header, checked against the present.

    Raises :class:`BadXetToken`, :class:`ReadOnlyToken`, and what loading the repository raises.
    """
    scheme, _, token = (authorization or "").partition(" ")
    claims = signer.open(PURPOSE, token.strip(), grace_s=GRACE_S) if scheme.lower() == "bearer" else None
    if claims is None:
        raise BadXetToken
    action = Action(claims["may"])
    if writes and action is Action.READ:
        raise ReadOnlyToken
    actor = HUB if claims["kind"] == "hub" else remembered(db, claims["user"], claims["by"])
    repo = db.get(Repo, claims["repo"])
    if repo is None:
        raise repo_not_found(anonymous=actor.is_anonymous)
    refusal = repos.refused(actor, action if writes else Action.READ, repo)
    if refusal is not None:
        raise refusal
    return Caller(actor, repo)
