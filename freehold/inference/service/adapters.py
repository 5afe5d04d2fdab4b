"""The verbs of adapters: a LoRA is served beside its base, in the same process, under a name of its own."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.cards import links, reading
from freehold.content import queries as content
from freehold.content.kit import Kit
from freehold.core import clock
from freehold.core.events import publish
from freehold.core.ids import ordered_id
from freehold.engines import queries as engines_queries
from freehold.engines import service as engines
from freehold.engines.llama import NAME as LLAMA
from freehold.engines.rules import Engine, Model
from freehold.inference import access, rules
from freehold.inference.errors import BadEndpoint, EndpointNotFound, TooManyEndpoints
from freehold.inference.events import EndpointChanged
from freehold.inference.service import endpoints, making, names
from freehold.inference.tables import Endpoint, EndpointAdapter
from freehold.repos import service as repos
from freehold.repos.tables import Repo


def add(
    db: Session,
    kit: Kit,
    actor: Actor,
    endpoint_id: str,
    path: str,
    *,
    revision: str = "",
    file: str = "",
    name: str = "",
) -> EndpointAdapter:
    """The adapter answers beside its base from now on: whoever may read both calls it.

    Raises as ``repos.load``; :class:`BadEndpoint` where it is no adapter of this model, or the engine takes none;
    ``NameClaimed``, :class:`TooManyEndpoints`.
    """
    endpoint = access.load(db, actor, endpoint_id, Action.WRITE)
    engine = engines.named(endpoint.engine)
    if endpoint.repo is None or engine.adapters_in is None:
        raise BadEndpoint(f"{endpoint.engine} serves no adapters beside a model.", field="adapter")
    count = select(func.count()).select_from(EndpointAdapter).where(EndpointAdapter.endpoint_id == endpoint.id)
    if (db.scalar(count) or 0) >= rules.MAX_ADAPTERS:
        raise TooManyEndpoints(f"{endpoint.name} has {rules.MAX_ADAPTERS} adapters, the most. Remove one first.")
    repo = repos.load(db, actor, path, Action.READ)
    commit = content.resolve_revision(db, repo, revision or "main", kit)
    model = engines_queries.model(db, kit, repo, commit)
    _refuse_other_base(db, kit, endpoint, repo, commit)
    owner, served = making.named(db, actor, repo, making.Wanted(name=name))
    adapter = EndpointAdapter(
        id=ordered_id(),
        endpoint_id=endpoint.id,
        name=served,
        repo_id=repo.id,
        revision=commit,
        file=_file(engine, model, file),
        created_by_id=actor.id,
        created_at=clock.now(),
    )
    names.claim(db, served, owner, "adapter", adapter.id)
    db.add(adapter)
    endpoints.touch(endpoint)
    db.flush()
    publish(db, EndpointChanged(endpoint, actor, {"adapter": f"added {served}"}))
    return adapter


def remove(db: Session, actor: Actor, endpoint_id: str, adapter_id: str) -> str:
    """It is served no more; its name."""
    endpoint = access.load(db, actor, endpoint_id, Action.WRITE)
    adapter = db.get(EndpointAdapter, adapter_id[:24])
    if adapter is None or adapter.endpoint_id != endpoint.id:
        raise EndpointNotFound("This endpoint has no such adapter; somebody may have removed it.")
    take_away(db, actor, endpoint, adapter)
    return adapter.name


def take_away(db: Session, actor: Actor, endpoint: Endpoint, adapter: EndpointAdapter) -> None:
    """The row is gone. The caller has checked who asks."""
    names.release(db, "adapter", adapter.id)
    db.delete(adapter)
    endpoints.touch(endpoint)
    db.flush()
    publish(db, EndpointChanged(endpoint, actor, {"adapter": f"removed {adapter.name}"}))


def _file(engine: Engine, model: Model, file: str) -> str:
    """The one that is the adapter. Raises :class:`BadEndpoint`."""
    assert engine.adapters_in is not None
    found = engine.adapters_in(model)
    if file:
        if file in found:
            return file
        raise BadEndpoint(
            f"{file[:200]} is no adapter as {engine.title} takes it: {engine.adapter_form}.", field="file"
        )
    if len(found) == 1:
        return found[0]
    if not found:
        hint = " llama.cpp's convert_lora_to_gguf.py makes one of an adapter's safetensors." * (engine.name == LLAMA)
        raise BadEndpoint(f"{model.repo} holds no adapter as {engine.adapter_form}.{hint}", field="adapter")
    raise BadEndpoint(f"Say which file: {', '.join(sorted(found)[:10])}.", field="file")


def _refuse_other_base(db: Session, kit: Kit, endpoint: Endpoint, repo: Repo, commit: str) -> None:
    """An adapter fits the model that it was trained on; a quantised copy of that is the same model."""
    assert endpoint.repo is not None
    mine = _bases(db, kit, repo, commit)
    theirs = {endpoint.repo.path_key, *_bases(db, kit, endpoint.repo, endpoint.revision)}
    if not mine:
        raise BadEndpoint(
            f"{repo.path} does not say which model it is an adapter of: name it as base_model in its card.",
            field="adapter",
        )
    if not mine & theirs:
        raise BadEndpoint(
            f"{repo.path} is an adapter of {sorted(mine)[0]}, not of {endpoint.repo.path}.", field="adapter"
        )


def _bases(db: Session, kit: Kit, repo: Repo, commit: str) -> set[str]:
    """What the card and the files call its base, as paths in small letters."""
    card = reading.read(content.objects(db, repo, kit), commit, repo.kind)
    named = links.read(repo.kind, card.data, card.words.tags)
    return {link.path_key for link in named if link.relation in links.MADE}
