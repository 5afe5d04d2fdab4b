"""Pipelines as somebody may see them. What they may not read or call has no name in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.pipelines import access, planning
from freehold.pipelines.rules import Document, PipelinePlan, Step
from freehold.pipelines.tables import Pipeline, PipelineTrace
from freehold.routing import planning as routing

MAX_SHOWN = 200
HIDDEN = "a model that you may not call"


@dataclass(frozen=True)
class Seen:
    """A pipeline for one reader. ``document`` None: they may change it, and not read its file any more, or it is to be
    pinned anew."""

    name: str
    repo: str
    repo_kind: str
    path: str
    revision: str
    document: Document | None
    models: Mapping[str, str]  #: what steps call their model -> what the reader is told
    is_on: bool
    is_callable: bool
    may_change: bool
    keeps_content: bool
    updated_at: datetime

    @property
    def address(self) -> str:
        return f"/pipelines/{self.name}"

    @property
    def steps(self) -> Sequence[Step]:
        return self.document.steps if self.document else ()


def seen(db: Session, actor: Actor, pipeline: Pipeline, made: PipelinePlan | None) -> Seen:
    """``pipeline`` as ``actor`` may see it; ``made``: what they may call of it."""
    is_read = access.reads(actor, pipeline)
    document = planning.document_of(pipeline) if is_read else None
    planner = routing.Planner(db, actor)
    models = document.models if document else ()
    return Seen(
        name=pipeline.name,
        repo=pipeline.repo.path if is_read else "",
        repo_kind=pipeline.repo.kind,
        path=pipeline.path if is_read else "",
        revision=pipeline.revision,
        document=document,
        models={name: name if made or planner.plan(name) is not None else HIDDEN for name in models},
        is_on=pipeline.is_on,
        is_callable=made is not None,
        may_change=access.changes(actor, pipeline),
        keeps_content=pipeline.keeps_content,
        updated_at=pipeline.updated_at,
    )


def listed(db: Session, actor: Actor) -> list[Seen]:
    """The pipelines that ``actor`` may call or change, by name."""
    pipelines = db.scalars(select(Pipeline).order_by(Pipeline.name).limit(planning.MAX_PIPELINES)).all()
    called = {one.id: made for one, made in planning.callable_pipelines(db, actor, pipelines)}
    mine = [one for one in pipelines if one.id in called or access.changes(actor, one)]
    return [seen(db, actor, one, called.get(one.id)) for one in mine[:MAX_SHOWN]]


def traces(db: Session, actor: Actor, pipeline: Pipeline, *, limit: int) -> Sequence[PipelineTrace]:
    """What its steps did lately, the newest first, for who may change it and may still call all of it."""
    if not access.changes(actor, pipeline):
        return []
    query = select(PipelineTrace).where(PipelineTrace.pipeline_id == pipeline.id).order_by(PipelineTrace.id.desc())
    rows = list(db.scalars(query.limit(min(limit, MAX_SHOWN))))
    planner = routing.Planner(db, actor)
    document = planning.document_of(pipeline) if access.reads(actor, pipeline) else None
    is_whole = document is not None and all(planner.plan(name) is not None for name in document.models)
    for row in rows:
        db.expunge(row)
        if not is_whole:
            row.steps = [_without_names(step) for step in row.steps]
    return rows


def _without_names(step: Mapping[str, Any]) -> dict[str, Any]:
    return {key: one for key, one in step.items() if key not in ("model", "revision", "text", "when", "label")}
