"""Endpoints as somebody may see them, with how they are on each node."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, or_, select, union_all
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor, Thing, decide
from freehold.accounts.tables import Account
from freehold.core import clock
from freehold.inference import access
from freehold.inference.following import GONE_S
from freehold.inference.service import names
from freehold.inference.tables import Endpoint, EndpointAdapter, ReplicaState
from freehold.repos.access import may, readable
from freehold.repos.tables import Repo

#: In one list.
MAX_LISTED = 500
#: The best first: one word for an endpoint that has several replicas.
_BEST = ("answering", "ready", "loading", "ending", "failed")

#: Whether there is anything that answers only some: most hubs have nothing, and every page of models asks.
_SOME_ANSWER_FEW = select(
    or_(
        exists(select(EndpointAdapter.id)),
        exists(select(Endpoint.id).join(Repo, Repo.id == Endpoint.repo_id).where(Repo.gated != "")),
    )
)


@dataclass(frozen=True)
class Standing:
    """An endpoint, with what runs of it. ``state``: ``off``, ``elsewhere`` (a remote one), ``sleeping``, or that
    of its best replica."""

    endpoint: Endpoint
    state: str
    message: str  #: why it failed, where it did
    replicas: Sequence[ReplicaState]
    memory_bytes: int
    calls: int
    called_at: datetime | None
    can_change: bool


def listed(db: Session, actor: Actor, namespace: str = "") -> Sequence[Standing]:
    """What ``actor`` may call, or change, by name. ``namespace``: only that of this account."""
    query = select(Endpoint)
    if namespace:
        query = query.join(Account, Account.id == Endpoint.namespace_id).where(Account.key == namespace.lower())
    callable_ids = access.visible(select(Endpoint.id), actor)
    mine = [one for one in {str(actor.id), *actor.roles} if _writes(actor, one)]
    query = query.where(or_(Endpoint.id.in_(callable_ids), Endpoint.namespace_id.in_(mine)))
    rows = [one for one in db.scalars(query.order_by(Endpoint.name).limit(MAX_LISTED)) if access.sees(actor, one)]
    return standings(db, actor, rows)


def standings(db: Session, actor: Actor, rows: Sequence[Endpoint]) -> Sequence[Standing]:
    """``rows``, which the caller has checked, with how they are. One query for all."""
    running = _running(db, [one.id for one in rows])
    return [_standing(actor, one, running.get(one.id, ())) for one in rows]


def one(db: Session, actor: Actor, endpoint_id: str) -> Standing:
    """Raises :class:`EndpointNotFound`."""
    (found,) = standings(db, actor, [access.load(db, actor, endpoint_id)])
    return found


def of_repo(db: Session, actor: Actor, repo: Repo) -> Sequence[tuple[str, Standing]]:
    """The model's endpoints that ``actor`` may call, with the served name; else those that it is an adapter beside."""
    beside = select(EndpointAdapter.endpoint_id).where(EndpointAdapter.repo_id == repo.id)
    query = select(Endpoint).where(or_(Endpoint.repo_id == repo.id, Endpoint.id.in_(beside)))
    rows = db.scalars(access.visible(query, actor).order_by(Endpoint.is_on.desc(), Endpoint.id).limit(20)).all()
    own = [row for row in rows if row.repo_id == repo.id]
    if own or not rows:
        return [(one.endpoint.name, one) for one in standings(db, actor, own)]
    if not may(actor, Action.READ, repo):
        return []
    named = {one.endpoint_id: one.name for row in rows for one in names.adapters_of(db, row) if one.repo_id == repo.id}
    return [(named[one.endpoint.id], one) for one in standings(db, actor, rows)]


def answering_besides(db: Session, actor: Actor) -> frozenset[str]:
    """Ids of repositories that answer ``actor`` and not everybody who may know of them: models behind a gate, and
    adapters, whose base has to be open to the caller too."""
    if not db.scalar(_SOME_ANSWER_FEW):
        return frozenset()
    models = select(Endpoint.repo_id.label("id")).join(Repo, Repo.id == Endpoint.repo_id)
    models = models.where(Endpoint.is_on.is_(True), Repo.gated != "")
    beside = select(EndpointAdapter.repo_id.label("id")).join(Endpoint, Endpoint.id == EndpointAdapter.endpoint_id)
    enabled = readable(select(Repo.id).where(Repo.is_disabled.is_(False)), actor)
    beside = beside.where(Endpoint.is_on.is_(True), EndpointAdapter.repo_id.in_(enabled))
    parts = [access.visible(one, actor).limit(MAX_LISTED).subquery() for one in (models, beside)]
    found = union_all(*(select(one.c.id) for one in parts))
    return frozenset(db.scalars(found))


def adapters(db: Session, actor: Actor, endpoint: Endpoint) -> Sequence[EndpointAdapter]:
    """Those beside it that ``actor`` may know of."""
    return [one for one in names.adapters_of(db, endpoint) if may(actor, Action.LIST, one.repo)]


def everywhere(db: Session) -> Sequence[tuple[ReplicaState, Endpoint]]:
    """Every replica of every node, for whoever administers the hub."""
    query = select(ReplicaState, Endpoint).join(Endpoint, Endpoint.id == ReplicaState.endpoint_id)
    alive = query.where(ReplicaState.seen_at > _since())
    rows = db.execute(alive.order_by(ReplicaState.node, Endpoint.name, ReplicaState.number).limit(MAX_LISTED)).all()
    return [(row[0], row[1]) for row in rows]


def _running(db: Session, ids: Sequence[str]) -> Mapping[str, Sequence[ReplicaState]]:
    query = select(ReplicaState).where(ReplicaState.endpoint_id.in_(ids), ReplicaState.seen_at > _since())
    found: dict[str, list[ReplicaState]] = {}
    for row in db.scalars(query.order_by(ReplicaState.node, ReplicaState.number)) if ids else ():
        found.setdefault(row.endpoint_id, []).append(row)
    return found


def _standing(actor: Actor, endpoint: Endpoint, replicas: Sequence[ReplicaState]) -> Standing:
    states = {one.state for one in replicas}
    idle = "elsewhere" if endpoint.repo_id is None else "sleeping"
    state = next((one for one in _BEST if one in states), idle) if endpoint.is_on else "off"
    return Standing(
        endpoint=endpoint,
        state=state,
        message=next((one.message for one in replicas if one.message), "") if state == "failed" else "",
        replicas=replicas,
        memory_bytes=sum(one.memory_bytes for one in replicas),
        calls=sum(one.calls for one in replicas),
        called_at=max((one.called_at for one in replicas if one.called_at), default=None),
        can_change=access.changes(actor, endpoint),
    )


def _writes(actor: Actor, owner_id: str) -> bool:
    return bool(decide(actor, Action.WRITE, Thing(owner_id=owner_id, visibility="private")))


def _since() -> datetime:
    return clock.now() - timedelta(seconds=GONE_S)
