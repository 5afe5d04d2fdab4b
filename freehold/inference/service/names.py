"""Served names: claimed, released, and found for a call. Rooms above claim theirs by the same verbs."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Select, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.accounts.tables import Account
from freehold.core import events
from freehold.inference import access, naming
from freehold.inference.errors import EndpointOff, ModelUnknown, NameClaimed, SignInToCall
from freehold.inference.naming import Called
from freehold.inference.rules import Target
from freehold.inference.tables import Endpoint, EndpointAdapter, ServedName
from freehold.repos import access as repos
from freehold.repos.tables import Repo

Kind = Literal["endpoint", "adapter", "route", "pipeline"]
#: Names in one list of them.
MAX_LISTED = 1000
#: Under this name a session's ``info`` says whether anonymous callers are let in where nobody chose (``main.py``).
ANONYMOUS_CALLS = "anonymous_calls"


@dataclass(frozen=True)
class Named:
    """A name that is served: ``shown`` as its owner wrote it, and what was asked of it besides."""

    kind: Kind
    target_id: str
    shown: str
    revision: str = ""
    file: str = ""


@dataclass(frozen=True)
class Listed:
    """An endpoint or an adapter that somebody may call. ``base``: the served name that an adapter stands beside.
    ``keeps_content``: its owner keeps what is asked and answered."""

    name: str
    kind: Kind
    endpoint_id: str
    owner: str
    model: str
    revision: str
    file: str
    engine: str
    abilities: Sequence[str]
    context_tokens: int | None
    created_at: datetime
    base: str = ""
    keeps_content: bool = False


def claim(db: Session, name: str, namespace: Account, kind: Kind, target_id: str) -> ServedName:
    """``name`` is served by this target from now on. Raises :class:`NameClaimed` where another one has it.

    Whether the actor may make names in ``namespace`` is the caller's to have checked.
    """
    taken = db.get(ServedName, name.lower())
    if taken is not None:
        raise NameClaimed(f"{taken.shown} is the served name of another {taken.kind}. Take another name.", field="name")
    served = ServedName(name=name.lower(), shown=name, namespace_id=namespace.id, kind=kind, target_id=target_id)
    try:
        with events.savepoint(db):
            db.add(served)
            db.flush()
    except IntegrityError as err:
        raise NameClaimed(f"{name} was taken at this moment. Take another name.", field="name") from err
    return served


def release(db: Session, kind: Kind, target_id: str) -> None:
    """No name leads to this target any more."""
    db.execute(delete(ServedName).where(ServedName.kind == kind, ServedName.target_id == target_id))


def find(db: Session, name: str) -> Named | None:
    """What is served under ``name``, whoever asks: the caller checks. None: nothing."""
    called = naming.parsed(name)
    served = db.get(ServedName, called.key) if called else None
    if called is None or served is None:
        return None
    return Named(served.kind, served.target_id, served.shown, called.revision, called.file)  # type: ignore[arg-type]  # a constraint says so


def resolve(db: Session, actor: Actor, name: str, *, also: Iterable[str] = ()) -> Target:
    """The endpoint or adapter that ``name`` means, if ``actor`` may call it. ``also``: other names that it may call,
    for a close one to be told.

    Raises :class:`SignInToCall`, :class:`ModelUnknown`, :class:`MayNotCall`, :class:`EndpointOff`.
    """
    refuse_anonymous(db, actor)
    called = naming.parsed(name)
    found = _found(db, actor, called) if called else None
    if called is None or found is None:
        raise unknown(db, actor, name, also=also)
    endpoint, adapter = found
    if not endpoint.is_on:
        raise EndpointOff(
            f"{endpoint.name} is switched off. Who may write in {endpoint.namespace.name} switches it on."
        )
    return target(db, endpoint, adapter)


def refuse_anonymous(db: Session, actor: Actor) -> None:
    """Raises :class:`SignInToCall` where this instance does not let anonymous callers in."""
    if actor.is_anonymous and not access.anonymous_may_call(db, bool(db.info.get(ANONYMOUS_CALLS))):
        raise SignInToCall("Models answer whoever is signed in: send a token of this hub as the API key.")


def unknown(db: Session, actor: Actor, name: str, *, also: Iterable[str] = ()) -> ModelUnknown:
    """That no such name is served, with close ones: only such as ``actor`` may call."""
    others = [one.name for one in listed(db, actor, limit=naming.MAX_COMPARED)]
    near = naming.close((naming.parsed(name[: naming.MAX_CALLED]) or Called(name)).name, [*others, *also])
    hint = f" Did you mean {' or '.join(near)}?" if near else " GET /v1/models lists what you may call."
    return ModelUnknown(f"No model that you may call is served as {name[:200]!r}.{hint}")


def listed(db: Session, actor: Actor, *, limit: int = MAX_LISTED) -> Sequence[Listed]:
    """What is switched on and ``actor`` may call, by name; nothing for an anonymous caller that may not call."""
    if actor.is_anonymous and not access.anonymous_may_call(db, bool(db.info.get(ANONYMOUS_CALLS))):
        return []
    rows = db.scalars(_endpoints(actor).order_by(Endpoint.name).limit(limit)).all()
    beside = db.scalars(_adapters(actor).order_by(EndpointAdapter.name).limit(limit))
    found = [*map(_listed, rows), *(_listed(one.endpoint, one) for one in beside)]
    return sorted(found, key=lambda one: one.name.lower())[:limit]


def one(db: Session, actor: Actor, name: str) -> Listed | None:
    """The endpoint or adapter of this very name as :func:`listed` has it; None: it would not be there."""
    called = naming.parsed(name)
    served = db.get(ServedName, called.key) if called and not (called.revision or called.file) else None
    is_let = not actor.is_anonymous or access.anonymous_may_call(db, bool(db.info.get(ANONYMOUS_CALLS)))
    if served is None or not is_let:
        return None
    if served.kind == "adapter":
        adapter = db.scalar(_adapters(actor).where(EndpointAdapter.id == served.target_id))
        return _listed(adapter.endpoint, adapter) if adapter is not None else None
    endpoint = db.scalar(_endpoints(actor).where(Endpoint.id == served.target_id))
    return _listed(endpoint) if endpoint is not None else None


def _endpoints(actor: Actor) -> Select[Any]:
    return access.visible(select(Endpoint).where(Endpoint.is_on.is_(True)), actor)


def _adapters(actor: Actor) -> Select[Any]:
    beside = select(EndpointAdapter).join(Endpoint, Endpoint.id == EndpointAdapter.endpoint_id)
    beside = access.visible(beside.where(Endpoint.is_on.is_(True)), actor)
    return beside.where(EndpointAdapter.repo_id.in_(_enabled(actor)))


def target(db: Session, endpoint: Endpoint, adapter: EndpointAdapter | None = None) -> Target:
    """What a call of ``endpoint`` is about. The caller has checked that it may be."""
    return Target(
        endpoint_id=endpoint.id,
        served_name=adapter.name if adapter else endpoint.name,
        model=endpoint.repo.path if endpoint.repo else endpoint.remote_model or "",
        revision=endpoint.revision,
        engine=endpoint.engine,
        abilities=frozenset(endpoint.abilities),  # type: ignore[arg-type]  # written from an engine's offer
        owner_id=endpoint.namespace_id,
        adapter=adapter.name if adapter else "",
        context_tokens=endpoint.context_tokens,
        defaults=dict(endpoint.defaults),
        fingerprint=fingerprint(endpoint, adapters_of(db, endpoint)),
        replicas=endpoint.replicas,
        parallel=endpoint.parallel,
        repo_id=adapter.repo_id if adapter else endpoint.repo_id,
        keeps_content=endpoint.keeps_content,
    )


def fingerprint(endpoint: Endpoint, adapters: Sequence[EndpointAdapter]) -> str:
    """Of all that its engine is started with: where it is another, what runs is out of date."""
    said = (
        *(endpoint.repo_id, endpoint.revision, endpoint.file, endpoint.engine, endpoint.paths),
        *(endpoint.context_tokens, endpoint.parallel, endpoint.options),
        *(endpoint.remote_url, endpoint.remote_model, endpoint.sealed_key),
        [(one.name, one.repo_id, one.revision, one.file) for one in adapters],
    )
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def adapters_of(db: Session, endpoint: Endpoint) -> Sequence[EndpointAdapter]:
    """In the order they came."""
    mine = select(EndpointAdapter).where(EndpointAdapter.endpoint_id == endpoint.id)
    return db.scalars(mine.order_by(EndpointAdapter.id)).all()


def _found(db: Session, actor: Actor, called: Called) -> tuple[Endpoint, EndpointAdapter | None] | None:
    """Raises :class:`MayNotCall` for what it may know of and not call."""
    served = db.get(ServedName, called.key)
    if served is not None and served.kind == "adapter":
        adapter = db.get(EndpointAdapter, served.target_id)
        if adapter is None or not _is_asked(called, adapter.revision, adapter.file):
            return None
        base = adapter.endpoint
        is_let = access.calls(actor, base) and repos.may(actor, Action.READ, adapter.repo)
        return (base, adapter) if is_let and (actor.is_admin or not adapter.repo.is_disabled) else None
    endpoint = db.get(Endpoint, served.target_id) if served is not None and served.kind == "endpoint" else None
    if endpoint is None or not _is_asked(called, endpoint.revision, endpoint.file):
        endpoint = _other_of_repo(db, actor, called)
    if endpoint is None:
        return None
    if not access.calls(actor, endpoint):
        if refusal := access.refused(actor, endpoint):
            raise refusal
        return None
    return endpoint, None


def _other_of_repo(db: Session, actor: Actor, called: Called) -> Endpoint | None:
    """Of the model's own endpoints, under whatever name, the first that is at this revision and file."""
    if not (called.revision or called.file):
        return None
    query = select(Endpoint).join(Repo, Repo.id == Endpoint.repo_id)
    query = access.visible(query.where(Repo.kind == "model", Repo.path_key == called.key), actor)
    rows = db.scalars(query.order_by(Endpoint.is_on.desc(), Endpoint.id).limit(50))
    return next((one for one in rows if _is_asked(called, one.revision, one.file)), None)


def _is_asked(called: Called, revision: str, file: str) -> bool:
    is_revision = not called.revision or naming.is_revision(called.revision, revision)
    return is_revision and (not called.file or called.file.lower() == file.lower())


def _listed(endpoint: Endpoint, adapter: EndpointAdapter | None = None) -> Listed:
    of = adapter or endpoint
    return Listed(
        name=of.name,
        kind="adapter" if adapter else "endpoint",
        endpoint_id=endpoint.id,
        owner=endpoint.namespace.name,
        model=adapter.repo.path if adapter else endpoint.repo.path if endpoint.repo else endpoint.remote_model or "",
        revision=of.revision,
        file=of.file,
        engine=endpoint.engine,
        abilities=tuple(endpoint.abilities),
        context_tokens=endpoint.context_tokens,
        created_at=of.created_at,
        base=endpoint.name if adapter else "",
        keeps_content=endpoint.keeps_content,
    )


def _enabled(actor: Actor) -> Select[Any]:
    """Ids of repositories whose files ``actor`` may read."""
    query = select(Repo.id) if actor.is_admin else select(Repo.id).where(Repo.is_disabled.is_(False))
    return repos.readable(query, actor)
