"""What every endpoint has in common: who may make one, what it is called, and its row."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.accounts.errors import NotAllowed, SignInNeeded
from freehold.accounts.tables import Account
from freehold.content.kit import Kit
from freehold.core import clock, instance
from freehold.core.events import publish
from freehold.core.ids import ordered_id
from freehold.inference import rules
from freehold.inference.errors import BadEndpoint, TooManyEndpoints
from freehold.inference.events import EndpointDeployed
from freehold.inference.service import names
from freehold.inference.tables import Endpoint
from freehold.repos import service as repos
from freehold.repos.access import may
from freehold.repos.rules import checked_name
from freehold.repos.tables import Repo


@dataclass(frozen=True)
class Wanted:
    """How a model is to be served; '' and None: as is usual. ``namespace``: whose the endpoint is."""

    file: str = ""
    engine: str = ""
    namespace: str = ""
    name: str = ""
    context_tokens: int | None = None
    parallel: int = rules.USUAL_PARALLEL
    replicas: int = 1
    options: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    keep_warm: bool = False
    idle_s: int = rules.USUAL_IDLE_S
    keeps_content: bool = False


def refuse_deployer(db: Session, kit: Kit, actor: Actor) -> None:
    """Raises ``SignInNeeded`` and ``NotAllowed`` where this instance does not let ``actor`` deploy."""
    if actor.is_anonymous:
        raise SignInNeeded("Sign in to deploy a model.")
    if not may_deploy(db, kit, actor):
        raise NotAllowed("On this hub administrators deploy models. Ask one of them.")


def may_deploy(db: Session, kit: Kit, actor: Actor) -> bool:
    people = instance.chosen(db, "deployers", kit.settings.deployers) == "people"
    return actor.kind == "hub" or actor.is_admin or (people and not actor.is_anonymous)


def checked(wanted: Wanted) -> None:
    """Raises :class:`BadEndpoint` for numbers out of bounds and for parameters that no call may leave to us."""
    for value, (least, most, word) in (
        (wanted.context_tokens, (rules.MIN_CONTEXT, rules.MAX_CONTEXT, "context")),
        (wanted.parallel, (1, rules.MAX_PARALLEL, "parallel")),
        (wanted.replicas, (0, rules.MAX_REPLICAS, "replicas")),
        (wanted.idle_s, (0, rules.MAX_IDLE_S, "idle")),
    ):
        if value is not None and not least <= value <= most:
            raise BadEndpoint(f"{word} is {value:,}; it takes {least:,} to {most:,}.", field=word)
    for field_name, said in (("options", wanted.options), ("defaults", wanted.defaults)):
        if len(json.dumps(said)) > rules.MAX_PARAMETERS_CHARS:
            raise BadEndpoint(
                f"{field_name} are longer than {rules.MAX_PARAMETERS_CHARS:,} characters.", field=field_name
            )
    for name in wanted.defaults:
        if name in rules.OF_CALLS or len(name) > 64:
            raise BadEndpoint(f"{name[:64]!r} is a call's own to say, not a default.", field="defaults")


def usual_owner(actor: Actor, repo: Repo) -> str:
    """Whose an endpoint of the model is where nobody chose: the model's owner's, where the deployer may write to it."""
    return repo.owner.name if may(actor, Action.WRITE, repo) else actor.name


def named(db: Session, actor: Actor, repo: Repo, wanted: Wanted) -> tuple[Account, str]:
    """Whose the endpoint is, and its served name: the model's own where the deployer may write to it.

    Raises what ``repos.namespace_for`` does, and :class:`BadEndpoint` for the name of another model.
    """
    writes = bool(may(actor, Action.WRITE, repo))
    own = usual_owner(actor, repo)
    owner = repo.owner if actor.kind == "hub" and not wanted.namespace else None
    owner = owner or repos.namespace_for(db, actor, wanted.namespace or own)
    plain = repo.name if not wanted.name else checked_name(wanted.name)
    name = f"{owner.name}/{plain}"
    if name.lower() != repo.path_key or not writes:
        refuse_model(db, name, repo if writes else None)
    return owner, name


def refuse_model(db: Session, name: str, mine: Repo | None) -> None:
    """A name that is a model's means that model, whoever made it and however it is kept."""
    there = db.scalar(select(Repo).where(Repo.kind == "model", Repo.path_key == name.lower()))
    if there is not None and (mine is None or there.id != mine.id):
        raise BadEndpoint(f"{name} is the name of a repository. Take another name.", field="name")


def new(actor: Actor, owner: Account, name: str) -> Endpoint:
    """A row that is switched on and says nothing yet of what is served."""
    now = clock.now()
    endpoint = Endpoint(id=ordered_id(), namespace_id=owner.id, name=name, created_by_id=actor.id)
    endpoint.namespace, endpoint.created_at, endpoint.updated_at, endpoint.is_on = owner, now, now, True
    endpoint.visibility = "private"
    return endpoint


def describe(endpoint: Endpoint, wanted: Wanted) -> None:
    """What was wanted, but for what its engine is started with."""
    endpoint.replicas, endpoint.defaults = wanted.replicas, dict(wanted.defaults)
    endpoint.keep_warm, endpoint.idle_s = wanted.keep_warm, wanted.idle_s
    endpoint.keeps_content = wanted.keeps_content


def kept(db: Session, actor: Actor, owner: Account, endpoint: Endpoint) -> Endpoint:
    """The row stands, under its name. Raises :class:`TooManyEndpoints` and ``NameClaimed``."""
    there = db.scalar(select(func.count()).select_from(Endpoint).where(Endpoint.namespace_id == owner.id)) or 0
    if there >= rules.MAX_ENDPOINTS:
        raise TooManyEndpoints(f"{owner.name} has {rules.MAX_ENDPOINTS} endpoints, the most. Remove one first.")
    names.claim(db, endpoint.name, owner, "endpoint", endpoint.id)
    db.add(endpoint)
    db.flush()
    publish(db, EndpointDeployed(endpoint, actor))
    return endpoint
