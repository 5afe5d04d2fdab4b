"""Who calls an endpoint and who changes it: one at a time, and as a filter for lists that must say the same.

Whoever may read the model calls it. A remote one has no repository: ``visibility`` says whether everybody signed in
calls it, or the people of its namespace. Whoever may write in its namespace changes it.
"""

from typing import Any

from sqlalchemy import Select, and_, false, or_, select, true
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor, Decision, Thing, decide
from freehold.accounts.errors import SignInNeeded
from freehold.core import instance
from freehold.core.errors import HubError
from freehold.inference.errors import EndpointNotFound, MayNotCall, NotYourEndpoint
from freehold.inference.tables import Endpoint
from freehold.repos import access as repos
from freehold.repos.tables import Repo


def calls(actor: Actor, endpoint: Endpoint) -> Decision:
    """Whether ``actor`` may call it, as far as the model goes; whether the instance lets anonymous call at all is
    ``service.names.resolve``'s."""
    if endpoint.repo is not None:
        if endpoint.repo.is_disabled and not actor.is_admin:
            return Decision(False, "denied: the repository is disabled")
        return repos.may(actor, Action.READ, endpoint.repo)
    if endpoint.visibility == "public" and not actor.is_anonymous:
        return Decision(True, "allowed: open to people")
    return decide(actor, Action.READ, Thing(owner_id=endpoint.namespace_id, visibility="private"))


def sees(actor: Actor, endpoint: Endpoint) -> bool:
    """Whether it is in the actor's lists: who calls it, or changes it."""
    return bool(calls(actor, endpoint)) or (changes(actor, endpoint) and _knows_model(actor, endpoint))


def changes(actor: Actor, endpoint: Endpoint) -> bool:
    """Whether ``actor`` may change it."""
    return bool(decide(actor, Action.WRITE, Thing(owner_id=endpoint.namespace_id, visibility="private")))


def _knows_model(actor: Actor, endpoint: Endpoint) -> bool:
    return endpoint.repo is None or bool(repos.may(actor, Action.LIST, endpoint.repo))


def load(db: Session, actor: Actor, endpoint_id: str, action: Action = Action.READ) -> Endpoint:
    """The endpoint of this id, if ``actor`` may call it (READ), or change it (WRITE).

    Raises :class:`EndpointNotFound` where it is not there or not to be known, :class:`NotYourEndpoint` otherwise,
    and ``SignInNeeded`` to whoever is not signed in.
    """
    endpoint = db.get(Endpoint, endpoint_id[:24])
    if endpoint is None or not sees(actor, endpoint):
        raise EndpointNotFound("There is no such endpoint, or it is not yours to see.")
    if action is not Action.READ and not changes(actor, endpoint):
        if actor.is_anonymous:
            raise SignInNeeded("Sign in, or send a token: only who may write in its namespace changes it.")
        raise NotYourEndpoint(
            f"{endpoint.name} is served by {endpoint.namespace.name}: only who may write there changes it."
        )
    return endpoint


def refused(actor: Actor, endpoint: Endpoint) -> HubError | None:
    """Why ``actor`` may not call an endpoint whose name it may know; None: it may, or it may not know it (see
    ``calls``)."""
    if calls(actor, endpoint) or not _knows_model(actor, endpoint) or endpoint.repo is None:
        return None
    return MayNotCall(
        f"{endpoint.name} answers those who may read {endpoint.repo.path}. Its page says how to be let in."
    )


def visible(query: Select[Any], actor: Actor) -> Select[Any]:
    """``query`` over :class:`Endpoint`, narrowed to what ``actor`` may call: the rule of :func:`calls`."""
    if actor.kind == "hub":
        return query
    enabled = true() if actor.is_admin else Repo.is_disabled.is_(False)
    of_repos = Endpoint.repo_id.in_(repos.readable(select(Repo.id).where(enabled), actor))
    if actor.is_anonymous:
        return query.where(of_repos)
    covered = actor.token is None or actor.token.repo_ids is None
    mine = {str(actor.id), *actor.roles}
    if not covered:
        assert actor.token is not None
        mine &= actor.token.owner_ids
    everything = true() if actor.is_admin and covered else false()
    members = or_(Endpoint.namespace_id.in_(mine), everything)
    return query.where(or_(of_repos, and_(Endpoint.repo_id.is_(None), or_(Endpoint.visibility == "public", members))))


def anonymous_may_call(db: Session, default: bool) -> bool:
    """Whether this instance lets anonymous callers to models that anonymous may read."""
    return instance.chosen(db, "anonymous_calls", "yes" if default else "no") == "yes"
