"""Batches are made, stopped, taken up again; each is its maker's alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from freehold.access.rules import HUB, Action, Actor
from freehold.batches import queue, rules, sources
from freehold.batches.errors import BadBatch, NoSuchBatch, NotNow
from freehold.batches.events import BatchBegun, BatchResumed, BatchStopped
from freehold.batches.service import files
from freehold.batches.tables import Batch, BatchLine
from freehold.content import queries as content
from freehold.content.kit import Kit
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.events import publish
from freehold.core.ids import new_secret_id
from freehold.pipelines import service as pipelines
from freehold.pipelines.rules import AnyPlan, PipelinePlan, leaves
from freehold.repos import service as repos
from freehold.routing.rules import RoutePlan
from freehold.usage import access as usage_access

MAX_LISTED = 100
MAX_NOTES = 16
#: Looked at in one sweep.
MAX_GIVEN_UP = 1000


@dataclass(frozen=True)
class FromDataset:
    """A data set and a prompt, as asked for. ``path``: as ``parts.chosen`` takes it; ``model``: any served name;
    ``into``: the data set that is made for the answers; ``rows``: only so many, the first; None: all."""

    repo: str
    revision: str
    path: str
    model: str
    template: str
    into: str
    system: str = ""
    parameters: Mapping[str, Any] | None = None
    bill_to: str = ""
    rows: int | None = None


@dataclass(frozen=True)
class Noted:
    """The ``state`` in which a batch is ('': it is gone), and how far every line of it is written down."""

    state: str
    reached: int


def from_file(
    db: Session,
    actor: Actor,
    file_id: str,
    path: str,
    *,
    kept_s: int,
    notes: Mapping[str, Any] | None = None,
    bill_to: str = "",
) -> Batch:
    """The requests of a file are asked, after live calls; files of answers are kept for ``kept_s`` seconds.

    Raises :class:`BadBatch`, :class:`NoSuchBatch`.
    """
    file = files.load(db, actor, file_id)
    if path not in rules.PATHS:
        raise BadBatch(f"endpoint is one of {', '.join(f'/v1/{one}' for one in rules.PATHS)}.", field="endpoint")
    return _made(db, actor, "file", path, "", {"file_id": file.id, "kept_s": kept_s}, notes or {}, bill_to)


def from_dataset(db: Session, kit: Kit, actor: Actor, asked: FromDataset) -> Batch:
    """Each row of a data file is put into a prompt and asked; the answers become a private data set of its own.

    Raises :class:`BadBatch` and what loading the data set, naming the model and making a repository raise.
    """
    files.own(actor)
    rules.checked_prompt(asked.template, asked.system, asked.parameters or {})
    rules.checked_rows(asked.rows)
    repo = repos.load(db, actor, asked.repo, Action.READ, kind="dataset")
    commit = content.resolve_revision(db, repo, asked.revision or "main", kit)
    parts = sources.choose(db, kit, repo, commit, asked.path)
    plan = pipelines.plan(db, actor, asked.model)
    models = leaves(plan)
    if not any("chat" in model.abilities for model in models):
        raise BadBatch(f"{plan.served_name} does not chat, and a prompt is put to a model that does.", field="model")
    namespace, _, short = asked.into.partition("/")
    if not short:
        raise BadBatch("Say where the answers go: namespace/name of a data set to be made.", field="into")
    # Made at once, so that the name is ours, and so that nobody learns only at the end that it is not.
    into = repos.create(db, actor, short, namespace=namespace, kind="dataset", visibility="private")
    given = {
        "repo": repo.path, "repo_id": repo.id, "commit": commit, "path": asked.path.strip().strip("/"),
        "files": [part.path for part in parts], "template": asked.template, "system": asked.system,
        "parameters": dict(asked.parameters or {}), "into": into.path, "into_id": into.id, "kind": _kind(plan),
        "rows": asked.rows,
    }  # fmt: skip
    return _made(db, actor, "dataset", "chat/completions", plan.served_name, given, {}, asked.bill_to)


def _kind(plan: AnyPlan) -> str:
    """Of a route or a pipeline what it is: which model answers is known by each answer."""
    return {RoutePlan: "route", PipelinePlan: "pipeline"}.get(type(plan), "")


def load(db: Session, actor: Actor, batch_id: str) -> Batch:
    """The batch of ``actor`` by this id. Raises :class:`NoSuchBatch`."""
    batch = db.get(Batch, batch_id[:40])
    if batch is None or batch.user_id != files.own(actor):
        raise NoSuchBatch("You have no batch of this id.")
    return batch


def listed(db: Session, actor: Actor, *, after: str = "", limit: int = 20) -> Sequence[Batch]:
    """The newest batches of ``actor``, or those older than the one called ``after``."""
    mine = select(Batch).where(Batch.user_id == files.own(actor))
    if after:
        mine = mine.where(Batch.created_at < load(db, actor, after).created_at)
    return db.scalars(mine.order_by(Batch.created_at.desc(), Batch.id).limit(min(limit, MAX_LISTED + 1))).all()


def cancel(db: Session, actor: Actor, batch_id: str) -> Batch:
    """Nothing more is asked; of a file, what was answered is given all the same."""
    batch = load(db, actor, batch_id)
    if batch.state not in ("running", "paused"):
        raise NotNow(f"This batch is {batch.state}: there is nothing to cancel.")
    if batch.source == "file":
        _to(db, batch, "finishing", why="cancelled")
        queue.go_on(db, batch.id)
    else:
        _to(db, batch, "cancelled")
        batch.ended_at = clock.now()
        queue.go_on(db, batch.id)  # its lines go some at a time: there may be a million
    db.flush()
    publish(db, BatchStopped(batch, actor, "cancelled"))
    return batch


def pause(db: Session, actor: Actor, batch_id: str) -> Batch:
    """Nothing more is asked until it is taken up again."""
    batch = load(db, actor, batch_id)
    if batch.state != "running":
        raise NotNow(f"This batch is {batch.state}, and not running.")
    _to(db, batch, "paused", why="Paused by you.")
    publish(db, BatchStopped(batch, actor, "paused"))
    return batch


def resume(db: Session, actor: Actor, batch_id: str, *, retries: bool = False) -> Batch:
    """It goes on where it was; ``retries``: with the lines that failed once more."""
    batch = load(db, actor, batch_id)
    if batch.state != "paused":
        raise NotNow(f"This batch is {batch.state}, and not paused.")
    if retries:
        failed = select(BatchLine.number).where(BatchLine.batch_id == batch.id, BatchLine.status != 200)
        first = db.scalar(select(func.min(failed.subquery().c.number)))
        db.execute(delete(BatchLine).where(BatchLine.batch_id == batch.id, BatchLine.status != 200))
        if first is not None:
            batch.reached, batch.failed, batch.reasons = min(batch.reached, first), 0, []
    _to(db, batch, "running")
    queue.go_on(db, batch.id)
    publish(db, BatchResumed(batch, actor, retries))
    return batch


def finish(db: Session, actor: Actor, batch_id: str) -> Batch:
    """What was answered is put together, without the lines that failed or were not asked."""
    batch = load(db, actor, batch_id)
    if batch.state != "paused":
        raise NotNow(f"This batch is {batch.state}, and not paused.")
    _to(db, batch, "finishing")
    queue.go_on(db, batch.id)
    publish(db, BatchStopped(batch, actor, "finished"))
    return batch


def change(db: Session, actor: Actor, batch_id: str, verb: str) -> Batch:
    """``verb`` (pause, resume, retry, finish or cancel) is done to the batch."""
    if verb == "retry":
        return resume(db, actor, batch_id, retries=True)
    known = {"pause": pause, "resume": resume, "finish": finish, "cancel": cancel}
    if verb not in known:
        raise BadBatch("A batch can be told to pause, resume, retry, finish or cancel.")
    return known[verb](db, actor, batch_id)


# ---- for whoever runs them ---------------------------------------------------------------------------------


def stop(db: Session, batch_id: str, why: str) -> None:
    """A running batch waits for somebody to look, with the reason."""
    waits = {"state": "paused", "why": why[:1000], "touched_at": clock.now()}
    stopped = update(Batch).where(Batch.id == batch_id, Batch.state == "running").values(waits).returning(Batch)
    batch = db.scalar(stopped)
    if batch is not None:
        publish(db, BatchStopped(batch, HUB, "waits", why))


def counted(db: Session, batch_id: str, total: int) -> None:
    """Its file was looked through: so many lines will be asked."""
    db.execute(update(Batch).where(Batch.id == batch_id, Batch.state == "running").values(total=total))


def refuse(db: Session, batch_id: str, why: str, *, code: str, param: str, line: int) -> None:
    """The batch has failed before a line of it was asked, for ``param`` of ``line``, counted from one."""
    batch = db.scalar(select(Batch).where(Batch.id == batch_id, Batch.state == "running").with_for_update())
    if batch is not None:
        batch.given = dict(batch.given) | {"wrong": {"code": code, "param": param, "line": line}}
        _to(db, batch, "failed", why=why[:1000])
        batch.ended_at = clock.now()
        publish(db, BatchStopped(batch, HUB, "failed", why))


def stop_given_up(database: Database) -> None:
    """Batches with which nothing goes on by itself wait for somebody to look."""
    with database.write() as db:
        for batch_id in queue.given_up(db, MAX_GIVEN_UP):
            batch = db.get(Batch, batch_id)
            if batch is not None and batch.state == "finishing":
                batch.state = "running"
            db.flush()
            stop(db, batch_id, "The hub tried it again and again, and each time something broke: its log says what.")


def note(
    db: Session,
    batch_id: str,
    answered: Sequence[Mapping[str, Any]],
    tokens: Mapping[int, tuple[int, int]],
    reached: int,
) -> Noted:
    """Lines that were answered are written down, and all before ``reached``: they are behind the batch then.

    ``tokens``: of the prompt and the answer of each line, by its number.
    """
    batch = db.scalar(select(Batch).where(Batch.id == batch_id).with_for_update())
    if batch is None:
        return Noted("", reached)
    # Some may stand there: of a transaction whose end its writer did not hear, and more were answered since.
    mine = BatchLine.batch_id == batch_id, BatchLine.number.in_([line["number"] for line in answered])
    known = set(db.scalars(select(BatchLine.number).where(*mine)))
    new = [line for line in answered if line["number"] not in known]
    if new and batch.state != "cancelled":
        db.execute(BatchLine.__table__.insert(), [{"batch_id": batch_id, **line} for line in new])  # type: ignore[attr-defined]
        good = sum(line["status"] == 200 for line in new)
        batch.done += good
        batch.failed += len(new) - good
        if good < len(new):
            wrong = [(line["custom_id"], line["answer"]) for line in new if line["status"] != 200]
            batch.reasons = rules.with_reasons(batch.reasons, wrong)
        batch.prompt_tokens += sum(tokens[line["number"]][0] for line in new)
        batch.completion_tokens += sum(tokens[line["number"]][1] for line in new)
    if reached > batch.reached and _are_there(db, batch, reached):
        batch.reached = reached
    batch.touched_at = clock.now()
    db.flush()
    return Noted(batch.state, batch.reached)


def _are_there(db: Session, batch: Batch, until: int) -> bool:
    """Whether each line before ``until`` is written down: some may have gone, to be asked again, since whoever says
    that they were answered looked."""
    within = BatchLine.batch_id == batch.id, BatchLine.number >= batch.reached, BatchLine.number < until
    return db.scalar(select(func.count()).select_from(BatchLine).where(*within)) == until - batch.reached


def _made(
    db: Session, actor: Actor, source: str, path: str, name: str, given: Any, notes: Mapping[str, Any], bill_to: str
) -> Batch:
    user_id, now = files.own(actor, writes=True), clock.now()
    usage_access.payer(db, actor, bill_to)
    open_ones = select(func.count()).where(Batch.user_id == user_id, Batch.state.not_in(rules.ENDED))
    if (db.scalar(open_ones) or 0) >= rules.MAX_BATCHES:
        raise BadBatch(f"You have {rules.MAX_BATCHES} batches under way; let some of them end first.")
    if len(notes) > MAX_NOTES or not all(
        isinstance(v, str) and len(k) <= 64 and len(v) <= 512 for k, v in notes.items()
    ):
        raise BadBatch(f"metadata holds at most {MAX_NOTES} short texts.", field="metadata")
    batch = Batch(
        id=f"batch_{new_secret_id()}", user_id=user_id, token_id=actor.token.token_id if actor.token else None,
        bill_to=bill_to[:96], source=source, path=path, served_name=name, given=given, notes=dict(notes), reasons=[],
        state="running", created_at=now, touched_at=now,
    )  # fmt: skip
    db.add(batch)
    db.flush()
    queue.go_on(db, batch.id)
    publish(db, BatchBegun(batch, actor))
    return batch


def _to(db: Session, batch: Batch, state: rules.State, *, why: str = "") -> None:
    batch.state, batch.why, batch.touched_at = state, why, clock.now()
    db.flush()
