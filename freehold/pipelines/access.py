"""Who sees and changes a pipeline: who may call it sees it; who may write in its namespace changes it."""

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor, Thing, decide
from freehold.accounts.errors import SignInNeeded
from freehold.pipelines import planning
from freehold.pipelines.errors import NotYourPipeline, PipelineNotFound
from freehold.pipelines.rules import PipelinePlan
from freehold.pipelines.tables import Pipeline
from freehold.repos import service as repos


def changes(actor: Actor, pipeline: Pipeline) -> bool:
    """Whether ``actor`` may change it."""
    return bool(decide(actor, Action.WRITE, Thing(owner_id=pipeline.namespace_id, visibility="private")))


def reads(actor: Actor, pipeline: Pipeline) -> bool:
    """Whether ``actor`` may read what its file says."""
    return repos.refused(actor, Action.READ, pipeline.repo) is None


def load(db: Session, actor: Actor, pipeline: Pipeline | None, action: Action) -> tuple[Pipeline, PipelinePlan | None]:
    """``pipeline`` if ``actor`` may see it (READ) or change it (WRITE), with what they may call of it.

    Raises :class:`PipelineNotFound` where it is not there or not to be known, :class:`NotYourPipeline` otherwise,
    and ``SignInNeeded`` to whoever is not signed in.
    """
    made = None
    if pipeline is not None:
        called = planning.callable_pipelines(db, actor, [pipeline])
        made = called[0][1] if called else None
    if pipeline is None or (made is None and not changes(actor, pipeline)):
        raise PipelineNotFound("There is no such pipeline, or it is not yours to call.")
    if action is not Action.READ and not changes(actor, pipeline):
        if actor.is_anonymous:
            raise SignInNeeded("Sign in, or send a token: only who may write in its namespace changes it.")
        raise NotYourPipeline(
            f"{pipeline.name} belongs to {pipeline.namespace.name}: only who may write there changes it."
        )
    return pipeline, made
