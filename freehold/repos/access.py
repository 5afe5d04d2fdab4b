"""Repositories in terms of the rule: one thing at a time, and as a filter for lists that must say the same."""

from typing import Any

from sqlalchemy import Select, false, or_

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
    if actor.kind == "hub":
        return query
    conditions = [Repo.visibility == "public"]
    if not actor.is_anonymous:
        mine = or_(Repo.owner_id == actor.id, Repo.owner_id.in_(actor.roles))
        conditions.append(_covered(actor) if actor.is_admin else mine & _covered(actor))
    return query.where(or_(*conditions))


def readable(query: Select[Any], actor: Actor) -> Select[Any]:
    """As :func:`visible`, for READ: gated repositories count only for their owner's people."""
    query = visible(query, actor)
    if actor.kind == "hub" or actor.is_admin:
        return query
    own = false() if actor.is_anonymous else or_(Repo.owner_id == actor.id, Repo.owner_id.in_(actor.roles))
    return query.where(or_(Repo.gated == "", own & _covered(actor)))


def _covered(actor: Actor) -> Any:
    """What the actor's token reaches of what is not public."""
    if actor.token is None or actor.token.repo_ids is None:
        return Repo.id == Repo.id
    return Repo.id.in_(actor.token.repo_ids)
