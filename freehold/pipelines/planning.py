"""Served names of every kind to plans for one actor. A pipeline answers whoever may read its file's repository and call
every model of it; to others it is not there."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.inference.errors import SignInToCall
from freehold.inference.service import names
from freehold.pipelines import reading
from freehold.pipelines.errors import BadPipeline
from freehold.pipelines.rules import Document, PipelinePlan, leaves
from freehold.pipelines.tables import Pipeline
from freehold.repos import service as repos
from freehold.routing import planning as routing
from freehold.routing.rules import Plan, RoutePlan
from freehold.routing.tables import Route

#: Pipelines that are looked at for one list.
MAX_PIPELINES = 500


def plan(db: Session, actor: Actor, served: str) -> Plan | PipelinePlan:
    """What ``served`` comes to for ``actor``: an endpoint's target, a route, or a pipeline.

    Raises what ``inference.service.names.resolve`` does; a pipeline that they may not call is unknown.
    """
    found = names.find(db, served)
    if found is not None and found.kind == "pipeline":
        names.refuse_anonymous(db, actor)
        pipeline = db.get(Pipeline, found.target_id)
        made = of(db, actor, pipeline) if pipeline is not None else None
        if made is None:
            raise names.unknown(db, actor, served, also=callable_names(db, actor))
        return made
    if found is None or found.kind == "route":
        return routing.plan(db, actor, served)
    return names.resolve(db, actor, served)


def of(db: Session, actor: Actor, pipeline: Pipeline, planner: routing.Planner | None = None) -> PipelinePlan | None:
    """``pipeline`` as ``actor`` may call it; None: they may not, it is switched off, or it is to be pinned anew."""
    if not pipeline.is_on or repos.refused(actor, Action.READ, pipeline.repo) is not None:
        return None
    document = document_of(pipeline)
    if document is None:
        return None
    planner = planner or routing.Planner(db, actor)
    models: dict[str, Plan] = {}
    for name in document.models:
        made = planner.plan(name)
        if made is None:
            return None
        models[name.lower()] = made
    return PipelinePlan(
        pipeline.id, pipeline.name, pipeline.namespace_id, document, models, keeps_content=pipeline.keeps_content
    )


def document_of(pipeline: Pipeline) -> Document | None:
    """What it says; None where an earlier release took what this one does not: one such row breaks off no list."""
    try:
        return reading.read(pipeline.document)
    except BadPipeline:
        return None


def callable_pipelines(db: Session, actor: Actor, pipelines: Sequence[Pipeline]) -> list[tuple[Pipeline, PipelinePlan]]:
    """Those of ``pipelines`` that ``actor`` may call, with their plans."""
    try:
        names.refuse_anonymous(db, actor)
    except SignInToCall:
        return []
    planner = routing.Planner(db, actor)
    return [(one, made) for one in pipelines if (made := of(db, actor, one, planner)) is not None]


def callable_names(db: Session, actor: Actor) -> list[str]:
    """The names of all routes and pipelines that ``actor`` may call."""
    pipelines = db.scalars(select(Pipeline).order_by(Pipeline.name).limit(MAX_PIPELINES)).all()
    mine = [pipeline.name for pipeline, _ in callable_pipelines(db, actor, pipelines)]
    return [*routing.callable_names(db, actor), *mine]


def listed(db: Session, actor: Actor) -> list[names.Listed]:
    """Routes and pipelines that ``actor`` may call, as lists of models tell of them."""
    routes = db.scalars(select(Route).order_by(Route.name).limit(routing.MAX_ROUTES)).all()
    pipelines = db.scalars(select(Pipeline).order_by(Pipeline.name).limit(MAX_PIPELINES)).all()
    said = [_listed(one, "route", made) for one, made in routing.callable_routes(db, actor, routes)]
    return said + [_listed(one, "pipeline", made) for one, made in callable_pipelines(db, actor, pipelines)]


def one(db: Session, actor: Actor, name: str) -> names.Listed | None:
    """The route or pipeline of this very name as :func:`listed` has it; None: it would not be there."""
    found = names.find(db, name)
    if found is None or found.shown.lower() != name.lower():
        return None
    if found.kind == "route" and (route := db.get(Route, found.target_id)) is not None:
        return next((_listed(of, "route", made) for of, made in routing.callable_routes(db, actor, [route])), None)
    if found.kind == "pipeline" and (pipeline := db.get(Pipeline, found.target_id)) is not None:
        mine = callable_pipelines(db, actor, [pipeline])
        return next((_listed(of, "pipeline", made) for of, made in mine), None)
    return None


def _listed(one: Route | Pipeline, kind: names.Kind, made: RoutePlan | PipelinePlan) -> names.Listed:
    targets = leaves(made)
    limits = [target.context_tokens for target in targets if target.context_tokens is not None]
    return names.Listed(
        name=one.name,
        kind=kind,
        endpoint_id="",
        owner=one.namespace.name,
        model="",
        revision=one.revision if isinstance(one, Pipeline) else "",
        file=one.path if isinstance(one, Pipeline) else "",
        engine="",
        abilities=sorted({ability for target in targets for ability in target.abilities})
        if isinstance(one, Route)
        else ["chat"],
        context_tokens=max(limits, default=None) if len(limits) == len(targets) else None,
        created_at=one.created_at,
        keeps_content=isinstance(one, Route) and one.keeps_content,
    )


def check(db: Session, actor: Actor, served: str, document: Document) -> None:
    """Raises :class:`BadPipeline` where a step names what ``actor`` may not call."""
    planner = routing.Planner(db, actor)
    for name in document.models:
        found = names.find(db, name)
        if found is not None and found.kind == "pipeline":
            raise BadPipeline(f"{name} is a pipeline: steps name models and routes.")
        if planner.plan(name) is None:
            raise BadPipeline(names.unknown(db, actor, name, also=routing.callable_names(db, actor)).message)
