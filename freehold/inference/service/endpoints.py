"""The verbs of endpoints: deployed, changed, switched, pinned anew, removed; of models here and of those elsewhere."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.content import queries as content
from freehold.content.kit import Kit
from freehold.core import clock
from freehold.core.events import publish
from freehold.discover import queries as discover
from freehold.engines import queries as engines_queries
from freehold.engines import service as engines
from freehold.engines.rules import Setup
from freehold.inference import access, fitting, node, rules
from freehold.inference.errors import BadEndpoint, CannotDeploy
from freehold.inference.events import EndpointChanged, EndpointRemoved
from freehold.inference.fitting import Choice, Found
from freehold.inference.service import elsewhere, making, names
from freehold.inference.tables import Endpoint
from freehold.repos import service as repos
from freehold.repos.tables import Repo
from freehold.web import figures

#: Other models that are told of where one does not fit.
MAX_OTHERS = 3


@dataclass(frozen=True)
class Changes:
    """What is to be another from now on; None stays. ``revision``: a branch, a tag or a commit of the model."""

    revision: str | None = None
    file: str | None = None
    context_tokens: int | None = None
    parallel: int | None = None
    replicas: int | None = None
    options: Mapping[str, Any] | None = None
    defaults: Mapping[str, Any] | None = None
    keep_warm: bool | None = None
    idle_s: int | None = None
    is_on: bool | None = None
    keeps_content: bool | None = None
    url: str | None = None
    model: str | None = None
    key: str | None = field(default=None, repr=False)
    visibility: str | None = None


def look(
    db: Session, kit: Kit, actor: Actor, path: str, revision: str, wanted: making.Wanted
) -> tuple[Repo, str, Found]:
    """The model, its commit, and what could serve it on this node. Raises as ``repos.load`` and ``NoSuchEngine``."""
    repo = repos.load(db, actor, path, Action.READ)
    commit = content.resolve_revision(db, repo, revision or "main", kit)
    return repo, commit, _found(db, kit, repo, commit, wanted)


def deploy(db: Session, kit: Kit, actor: Actor, path: str, revision: str, wanted: making.Wanted) -> Endpoint:
    """The model answers from now on, under its served name, pinned to the commit that ``revision`` is now.

    Raises as ``repos.load``; :class:`CannotDeploy` where nothing can serve it or it does not fit here, with what would;
    :class:`NameClaimed`, :class:`BadEndpoint`, :class:`TooManyEndpoints`, ``NotAllowed``.
    """
    making.refuse_deployer(db, kit, actor)
    making.checked(wanted)
    repo = repos.load(db, actor, path, Action.READ)
    owner, name = making.named(db, actor, repo, wanted)
    commit = content.resolve_revision(db, repo, revision or "main", kit)
    choice = _best(db, actor, kit, repo, _found(db, kit, repo, commit, wanted))
    _refuse_options(choice.offer.engine, wanted.options)
    endpoint = making.new(actor, owner, name)
    endpoint.repo_id, endpoint.repo, endpoint.revision = repo.id, repo, commit
    _settle(endpoint, choice)
    making.describe(endpoint, wanted)
    return making.kept(db, actor, owner, endpoint)


def change(db: Session, kit: Kit, actor: Actor, endpoint_id: str, changes: Changes) -> Endpoint:
    """It is as ``changes`` say; a replica that is out of date finishes what it answers, and another one is loaded.

    Raises as :func:`deploy`, ``EndpointNotFound`` and ``NotYourEndpoint``.
    """
    endpoint = access.load(db, actor, endpoint_id, Action.WRITE)
    before = _told(endpoint)
    making.checked(_as_wanted(endpoint, changes))
    if endpoint.repo is not None:
        if _moves(changes):
            _resettle(db, kit, actor, endpoint, changes)
    else:
        elsewhere.repoint(kit, endpoint, changes)
    for name in ("replicas", "keep_warm", "idle_s", "is_on", "keeps_content"):
        value = getattr(changes, name)
        if value is not None:
            setattr(endpoint, name, value)
    if changes.defaults is not None:
        endpoint.defaults = dict(changes.defaults)
    after = _told(endpoint)
    changed = {name: value for name, value in after.items() if before[name] != value}
    if changes.key is not None:
        changed["key"] = "changed"
    if changed:
        endpoint.updated_at = clock.now()
        db.flush()
        publish(db, EndpointChanged(endpoint, actor, changed))
    return endpoint


def remove(db: Session, actor: Actor, endpoint_id: str) -> str:
    """It is gone, with its adapters and their names; what runs ends. Its name."""
    endpoint = access.load(db, actor, endpoint_id, Action.WRITE)
    take_away(db, actor, endpoint)
    return endpoint.name


def take_away(db: Session, actor: Actor, endpoint: Endpoint, why: str = "") -> None:
    """The rows of it are gone. The caller has checked who asks."""
    publish(db, EndpointRemoved(endpoint, actor, why))
    for one in names.adapters_of(db, endpoint):
        names.release(db, "adapter", one.id)
        db.delete(one)
    names.release(db, "endpoint", endpoint.id)
    db.delete(endpoint)
    db.flush()


# ---- parts -------------------------------------------------------------------------------------------------


def _found(db: Session, kit: Kit, repo: Repo, commit: str, wanted: making.Wanted) -> Found:
    model = engines_queries.model(db, kit, repo, commit)
    setup = Setup(
        file=wanted.file,
        context_tokens=wanted.context_tokens or rules.USUAL_CONTEXT,
        parallel=wanted.parallel,
        options=dict(wanted.options),
        cache=kit.made_weights,
    )
    return fitting.of(model, setup, node.room(kit.settings), wanted.engine)


def _best(db: Session, actor: Actor, kit: Kit, repo: Repo, found: Found) -> Choice:
    """Raises :class:`CannotDeploy` with the reasons, and with what would do."""
    if found.best is not None:
        return found.best
    if not found.choices:
        reasons = " ".join(f"{one.engine}: {one.reason}" for one in found.refusals)
        raise CannotDeploy(f"Nothing on this node can serve {repo.path}. {reasons}", field="engine")
    least = min(found.choices, key=lambda one: one.bytes or 0)
    room = node.room(kit.settings)
    message = (
        f"{repo.path} takes up to {figures.size(least.bytes or 0)} as asked, and models have "
        f"{figures.size(room.budget_bytes)} on this node."
    )
    if least.offer.on_cards:
        lacks = fitting.space(room).lacks(fitting.least_bytes(least.offer), least.offer.on_cards)
        message = f"As asked, {repo.path} {lacks}."
    others = [one.path for one in discover.quantised(db, actor, repo, room.budget_bytes, MAX_OTHERS)]
    if instead := [*found.instead, *others]:
        message += f" What fits: {'; '.join(instead)}."
    raise CannotDeploy(message, field="context", extra={"fits": instead})


def _refuse_options(engine: str, options: Mapping[str, Any]) -> None:
    known = engines.named(engine).options
    for name, value in options.items():
        if name not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise BadEndpoint(f"{engine} has no option {name[:40]!r}; {has}.", field="options")
        if known[name] and value not in known[name]:
            raise BadEndpoint(f"{name} is one of {', '.join(known[name])}.", field="options")


def _settle(endpoint: Endpoint, choice: Choice) -> None:
    """What its engine is started with."""
    offer, setup = choice.offer, choice.setup
    endpoint.engine, endpoint.file, endpoint.paths = offer.engine, offer.file[:512], list(offer.paths)
    endpoint.abilities = sorted(offer.abilities)
    most = offer.max_context_tokens
    endpoint.context_tokens = min(setup.context_tokens, most) if most else setup.context_tokens
    endpoint.parallel, endpoint.need_bytes = setup.parallel, choice.bytes
    endpoint.on_cards = [asdict(one) for one in offer.on_cards]
    endpoint.options = {**setup.options, **offer.options}


def _moves(changes: Changes) -> bool:
    parts = (changes.revision, changes.file, changes.context_tokens, changes.parallel, changes.options)
    return any(one is not None for one in parts)


def _resettle(db: Session, kit: Kit, actor: Actor, endpoint: Endpoint, changes: Changes) -> None:
    """Another revision, file or size: looked at as if it were deployed now, by its engine. READ is asked for anew."""
    assert endpoint.repo is not None
    repo = repos.load(db, actor, endpoint.repo.path, Action.READ)
    commit = endpoint.revision
    if changes.revision is not None:
        commit = content.resolve_revision(db, repo, changes.revision, kit)
    found = _found(db, kit, repo, commit, _as_wanted(endpoint, changes))
    _refuse_options(endpoint.engine, changes.options or {})
    endpoint.revision = commit
    _settle(endpoint, _best(db, actor, kit, repo, found))


def _as_wanted(endpoint: Endpoint, changes: Changes) -> making.Wanted:
    def or_now(value: Any, now: Any) -> Any:
        return now if value is None else value

    return making.Wanted(
        file=or_now(changes.file, endpoint.file),
        engine=endpoint.engine if endpoint.repo_id else "",
        context_tokens=or_now(changes.context_tokens, endpoint.context_tokens),
        parallel=or_now(changes.parallel, endpoint.parallel),
        replicas=or_now(changes.replicas, endpoint.replicas),
        options=or_now(changes.options, endpoint.options),
        defaults=or_now(changes.defaults, endpoint.defaults),
        idle_s=or_now(changes.idle_s, endpoint.idle_s),
    )


def _told(endpoint: Endpoint) -> dict[str, Any]:
    """What changes are told of, by the names of the JSON API."""
    return {
        "revision": endpoint.revision,
        "file": endpoint.file,
        "context": endpoint.context_tokens,
        "parallel": endpoint.parallel,
        "replicas": endpoint.replicas,
        "options": json.dumps(endpoint.options, sort_keys=True),
        "defaults": json.dumps(endpoint.defaults, sort_keys=True),
        "keepWarm": endpoint.keep_warm,
        "idleSeconds": endpoint.idle_s,
        "on": endpoint.is_on,
        "keepsContent": endpoint.keeps_content,
        "url": endpoint.remote_url,
        "remoteModel": endpoint.remote_model,
        "visibility": endpoint.visibility,
    }


def newer(db: Session, endpoint: Endpoint) -> str:
    """The head of the model's ``main`` where that is another commit than what is pinned; else empty."""
    found = content.head(db, endpoint.repo) if endpoint.repo is not None else None
    return found if found and found != endpoint.revision else ""


def touch(endpoint: Endpoint) -> None:
    """Nodes look at it anew."""
    endpoint.updated_at = clock.now()
