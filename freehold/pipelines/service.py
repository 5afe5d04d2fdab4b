"""The verbs: a pipeline is served, pinned anew, switched, stopped; any served name comes to a plan; traces are kept."""

from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.content import queries as content
from freehold.content.kit import Kit
from freehold.core import clock
from freehold.core.events import Bus, publish
from freehold.core.ids import ordered_id
from freehold.inference.service import names
from freehold.pipelines import access, planning, reading
from freehold.pipelines.errors import BadPipeline, PipelineNotFound, TooManyPipelines
from freehold.pipelines.events import PipelineChanged, PipelineServed, PipelineStopped
from freehold.pipelines.rules import MAX_BYTES, Document, PipelinePlan
from freehold.pipelines.tables import Pipeline, PipelineTrace
from freehold.repos import rules as repo_rules
from freehold.repos import service as repos
from freehold.repos.events import RepoDeleted
from freehold.repos.tables import Repo
from freehold.routing import service as routing
from freehold.routing.rules import Ledger, Plan
from freehold.usage.rules import Outcome

MAX_PIPELINES = 100
#: Traces of a pipeline that are kept; cut back once in so many calls.
KEPT, CUT_EVERY = 200, 16
#: Where a repository's pipeline is looked for, where nobody says.
USUAL_PATH = "freehold-pipeline.yaml"

plan, listed, one = planning.plan, planning.listed, planning.one


@dataclass(frozen=True)
class Given:
    """What is served: the file ``path`` of the repository ``repo`` (of ``kind``) at ``revision``, under ``name``."""

    repo: str
    name: str = ""
    path: str = USUAL_PATH
    revision: str = "main"
    kind: str = "model"
    keeps_content: bool = False


def subscribe(bus: Bus) -> None:
    """A name is free once the repository of its pipeline is gone."""
    bus.subscribe(RepoDeleted, _on_repo_deleted)


def serve(db: Session, kit: Kit, actor: Actor, given: Given) -> Pipeline:
    """The file is served under its name (where none is given that of the repository), at a pinned revision.

    Raises :class:`BadPipeline` with line and key, :class:`TooManyPipelines`, ``NameClaimed``, and what
    ``repos.service.load`` and ``namespace_for`` do.
    """
    repo = repos.load(db, actor, given.repo, Action.READ, kind=given.kind)
    namespace, _, name = (given.name.strip() or repo.path).partition("/")
    if not name:
        raise BadPipeline("A pipeline is named namespace/name.", field="name")
    owner = repos.namespace_for(db, actor, namespace)
    served = f"{owner.name}/{repo_rules.checked_name(name)}"
    revision, path, document = _at(db, kit, repo, given.revision, given.path)
    planning.check(db, actor, served, document)
    if (db.scalar(select(func.count()).where(Pipeline.namespace_id == owner.id)) or 0) >= MAX_PIPELINES:
        raise TooManyPipelines(f"{owner.name} has {MAX_PIPELINES} pipelines, the most. Stop one first.")
    now = clock.now()
    pipeline = Pipeline(
        id=ordered_id(), namespace_id=owner.id, name=served, repo_id=repo.id, path=path, revision=revision,
        document=reading.written(document), is_on=True, keeps_content=given.keeps_content, created_by_id=actor.id,
        created_at=now, updated_at=now,
    )  # fmt: skip
    names.claim(db, served, owner, "pipeline", pipeline.id)
    pipeline.repo = repo
    db.add(pipeline)
    db.flush()
    publish(db, PipelineServed(pipeline, actor))
    return pipeline


def pin(db: Session, kit: Kit, actor: Actor, name: str, revision: str) -> Pipeline:
    """The pipeline is what its file says at ``revision``; the next call goes by it. Raises as :func:`serve`."""
    pipeline = load(db, actor, name, Action.WRITE)[0]
    refusal = repos.refused(actor, Action.READ, pipeline.repo)
    if refusal is not None:
        raise refusal
    commit, _, document = _at(db, kit, pipeline.repo, revision, pipeline.path)
    planning.check(db, actor, pipeline.name, document)
    pipeline.revision, pipeline.document = commit, reading.written(document)
    pipeline.updated_at = clock.now()
    db.flush()
    publish(db, PipelineChanged(pipeline, actor, {"revision": commit}))
    return pipeline


def change(db: Session, actor: Actor, name: str, *, is_on: bool, keeps_content: bool) -> Pipeline:
    """The pipeline answers or does not, and its traces keep texts or do not; those kept go when they may not stay."""
    pipeline = load(db, actor, name, Action.WRITE)[0]
    if pipeline.keeps_content and not keeps_content:
        db.execute(delete(PipelineTrace).where(PipelineTrace.pipeline_id == pipeline.id))
    now, before = {"on": is_on, "keepsContent": keeps_content}, (pipeline.is_on, pipeline.keeps_content)
    changed = {name: value for (name, value), was in zip(now.items(), before, strict=True) if value != was}
    pipeline.is_on, pipeline.keeps_content, pipeline.updated_at = is_on, keeps_content, clock.now()
    db.flush()
    if changed:
        publish(db, PipelineChanged(pipeline, actor, changed))
    return pipeline


def stop(db: Session, actor: Actor, name: str) -> str:
    """The pipeline is served no more, its traces are gone and its name is free; the name. The file stays."""
    pipeline = load(db, actor, name, Action.WRITE)[0]
    publish(db, PipelineStopped(pipeline, actor))
    names.release(db, "pipeline", pipeline.id)
    shown = pipeline.name
    db.delete(pipeline)
    db.flush()
    return shown


def load(db: Session, actor: Actor, name: str, action: Action) -> tuple[Pipeline, PipelinePlan | None]:
    """The pipeline of this name, if ``actor`` may see it (READ) or change it (WRITE), with what they may call of it."""
    found = names.find(db, name)
    if found is None or found.kind != "pipeline":
        raise PipelineNotFound("There is no such pipeline, or it is not yours to call.")
    return access.load(db, actor, db.get(Pipeline, found.target_id), action)


def record(
    db: Session, made: Plan | PipelinePlan, ledger: Ledger, *, outcome: Outcome, seconds: float, request_id: str
) -> None:
    """What a call came to is kept: of a route its choice, of a pipeline its trace; what guards found in any case."""
    if not isinstance(made, PipelinePlan):
        routing.record(db, made, ledger, outcome=outcome, request_id=request_id)
        return
    for plan_of in made.models.values():
        part = _of_route(ledger, plan_of)
        if part is None:
            continue
        routing.record(db, plan_of, part, outcome=outcome, request_id=request_id)
    if db.get(Pipeline, made.pipeline_id) is None:
        return
    trace = PipelineTrace(
        id=ordered_id(),
        pipeline_id=made.pipeline_id,
        at=clock.now(),
        outcome=outcome,
        seconds=seconds,
        prompt_tokens=sum(leg.measured.prompt_tokens for leg in ledger.legs),
        completion_tokens=sum(leg.measured.completion_tokens for leg in ledger.legs),
        steps=ledger.trace,
        request_id=request_id[:256],
    )
    db.add(trace)
    if int(trace.id[-2:], 16) % CUT_EVERY == 0:
        _cut(db, made.pipeline_id)
    db.flush()


def _of_route(ledger: Ledger, plan_of: Plan) -> Ledger | None:
    """What of a pipeline's ledger is of one route; None: no step called it, or it is none."""
    route_id = getattr(plan_of, "route_id", "")
    if route_id not in ledger.chosen and not any(one.route_id == route_id for one in ledger.findings):
        return None
    return Ledger(
        legs=ledger.legs,
        parts=ledger.parts,
        findings=[one for one in ledger.findings if one.route_id == route_id],
        chosen=ledger.chosen,
    )


def _at(db: Session, kit: Kit, repo: Repo, revision: str, path: str) -> tuple[str, str, Document]:
    """The commit, the path and what the file says there. The caller has checked that it may be read."""
    path = path.strip().strip("/")
    if not path.endswith((".yaml", ".yml")) or len(path) > 512:
        raise BadPipeline(f"A pipeline is a YAML file: {USUAL_PATH}, or one under pipelines/.")
    commit = content.resolve_revision(db, repo, revision.strip() or "main", kit)
    objects = content.objects(db, repo, kit)
    entry = objects.entry(commit, path)
    if entry is None or entry.kind != "file":
        raise BadPipeline(f"{repo.path} has no file {path[:200]} at {commit[:7]}.")
    if entry.pointer is not None or entry.size_bytes > MAX_BYTES:
        raise BadPipeline(f"{path[:200]} is too large: a pipeline has at most {MAX_BYTES:,} bytes.")
    return commit, path, reading.parsed(objects.blob(entry.oid))


def _cut(db: Session, pipeline_id: str) -> None:
    mine = select(PipelineTrace.id).where(PipelineTrace.pipeline_id == pipeline_id).order_by(PipelineTrace.id.desc())
    last = db.scalar(mine.offset(KEPT).limit(1))
    if last is not None:
        db.execute(delete(PipelineTrace).where(PipelineTrace.pipeline_id == pipeline_id, PipelineTrace.id <= last))


def _on_repo_deleted(db: Session, event: RepoDeleted) -> None:
    for pipeline in db.scalars(select(Pipeline).where(Pipeline.repo_id == event.repo.id)).all():
        publish(db, PipelineStopped(pipeline, event.actor, "its repository is gone"))
        names.release(db, "pipeline", pipeline.id)
        db.execute(delete(Pipeline).where(Pipeline.id == pipeline.id))
