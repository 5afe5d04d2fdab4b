"""Repositories in terms of the rule: one thing at a time, and as a filter for lists that must say the same."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, or_, true

from freehold.access.rules import Action, Actor, Decision, Thing, decide
from freehold.repos.tables import Repo


def thing(repo: Repo) -> Thing:
    return Thing(
        owner_id=repo.owner_id,
        visibility=repo.visibility,
        repo_id=repo.id,
        gated=repo.gated,
        creator_id=repo.creator_id,
    )


def may(actor: Actor, action: Action, repo: Repo) -> Decision:
    return decide(actor, action, thing(repo))


def visible(query: Select[Any], actor: Actor) -> Select[Any]:
    """``query`` over :class:`Repo`, narrowed to what ``actor`` may list: the same rule as ``decide(..., LIST)``."""
    return query.where(or_(Repo.visibility == "public", _own(actor)))


def readable(query: Select[Any], actor: Actor) -> Select[Any]:
    """As :func:`visible`, for READ: gated repositories count only for their owner's people."""
    return query.where(or_((Repo.visibility == "public") & (Repo.gated == ""), _own(actor)))


def _own(actor: Actor) -> ColumnElement[bool]:
    """What the actor reaches as owner, member or administrator, as far as its token goes."""
    if actor.kind == "hub":
        return true()
    if actor.is_anonymous:
        return false()
    belongs = true() if actor.is_admin else or_(Repo.owner_id == actor.id, Repo.owner_id.in_(actor.roles))
    return and_(belongs, _covered(actor))


def _covered(actor: Actor) -> ColumnElement[bool]:
    """What the actor's token reaches of what is not open to all."""
    if actor.token is None or actor.token.repo_ids is None:
        return true()
    return Repo.id.in_(actor.token.repo_ids)
