"""The card of a data set of answers: what was asked of which model, with which parameters, about what.

The data set may come to be read by more people than may know of what it was made from. So the card names a repository
only where everybody may know of it, and otherwise by its id (``cards.links.named_by_id``): the data set's page shows
its name to whoever may read it, and to nobody else.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.access.rules import ANONYMOUS, Action, Actor
from freehold.batches.tables import Batch
from freehold.cards import links
from freehold.cards.naming import Finder
from freehold.core import clock
from freehold.core.errors import HubError
from freehold.inference.tables import EndpointAdapter
from freehold.pipelines import service as pipelines
from freehold.repos.access import may
from freehold.repos.tables import Repo

ANSWERS = "data/answers.jsonl"
#: Models that a card names.
MAX_NAMED = 40
#: Somebody signed in who belongs nowhere.
STRANGER = Actor(kind="user", id="")
_KINDS = {"": "a model", "route": "a route", "pipeline": "a pipeline"}


class Answerer(NamedTuple):
    """What an answer says of who gave it: a model at a revision, and the served name of it or of an adapter for it."""

    model: str
    revision: str
    endpoint: str


@dataclass(frozen=True)
class Named:
    """A repository as the card names it. ``licence``: what its own card says; empty where that is nothing or not
    everybody's to know."""

    name: str
    is_open: bool
    licence: str = ""


@dataclass(frozen=True)
class Maker:
    """A model that answered, at a revision, and how often."""

    model: Named
    revision: str
    answers: int


@dataclass(frozen=True)
class Origin:
    """Where answers come from. ``called``: the name that was called; empty where a stranger may not call it."""

    source: Named
    makers: Sequence[Maker]
    called: str


def origin_of(db: Session, actor: Actor, batch: Batch, made_by: Mapping[Answerer, int]) -> Origin:
    """Where the answers of ``batch`` come from; ``made_by``: how many each gave."""
    called = _called(db, batch)
    finder = Finder(db, actor)
    most = sorted(made_by.items(), key=lambda pair: -pair[1])[:MAX_NAMED]
    # What answers elsewhere has no revision, and its name there may be one of a repository here all the same.
    here = finder.find("model", {one.model.lower() for one, _ in most if one.revision})
    repos = {key: one.repo for key, one in here.seen.items()} | here.hidden
    makers = [
        Maker(_model(db, repos, one, is_open=bool(called)), one.revision, count) for one, count in most if one.model
    ]
    counts = {one.endpoint: count for one, count in most}
    adapters = db.scalars(select(EndpointAdapter).where(EndpointAdapter.name.in_(counts))).all()
    makers += [Maker(_named(db, one.repo), one.revision, counts[one.name]) for one in adapters]
    source = db.get(Repo, batch.given["repo_id"])
    unknown = Named(links.named_by_id(batch.given["repo_id"]), False)
    return Origin(_named(db, source) if source is not None else unknown, makers, called)


def _called(db: Session, batch: Batch) -> str:
    try:
        return pipelines.plan(db, STRANGER, batch.served_name).served_name
    except HubError:
        return ""


def _model(db: Session, repos: Mapping[str, Repo], one: Answerer, *, is_open: bool) -> Named:
    if one.revision:
        repo = repos.get(one.model.lower())
        return _named(db, repo) if repo is not None else Named("a model that is gone", False)
    return Named(one.model if is_open else "a model elsewhere", False)


def _named(db: Session, repo: Repo) -> Named:
    if not may(ANONYMOUS, Action.LIST, repo):
        return Named(links.named_by_id(repo.id), False)
    card = Finder(db, ANONYMOUS).find(repo.kind, {repo.path_key}).seen[repo.path_key].card
    return Named(repo.path, True, (card.license or "") if card else "")


def summary(batch: Batch, origin: Origin) -> str:
    """Of the commit."""
    return f"Answers of {_caller(batch, origin)} to {batch.done} rows of {_source(origin)}"


def written(batch: Batch, origin: Origin) -> str:
    """The whole card."""
    given = batch.given
    source = f"{origin.source.name}@{given['commit']}"
    makers = [{"model": one.model.name, "revision": one.revision, "answers": one.answers} for one in origin.makers]
    front = {
        "source_datasets": [origin.source.name],
        "tags": ["generated"],
        "configs": [{"config_name": "default", "data_files": ANSWERS}],
        "generated": {"from": source, "by": makers, "batch": batch.id},
    }
    named = {one.name: one for one in (origin.source, *(maker.model for maker in origin.makers)) if one.is_open}
    told = {
        "called": _caller(batch, origin),
        **{
            f"answered by {at}" if len(origin.makers) > 1 else "answered by": _maker(one)
            for at, one in enumerate(origin.makers, start=1)
        },
        "data set": source,
        **({"rows of": given["path"] or "its usual split"} if origin.source.is_open else {}),
        **({"of them": f"the first {given['rows']:,}"} if given.get("rows") else {}),
        **{f"licence of {name}": one.licence or "not stated" for name, one in named.items()},
        "parameters": json.dumps(given["parameters"], ensure_ascii=False),
        "rows": f"{batch.done:,} answered, {batch.failed:,} failed",
        "tokens": f"{batch.prompt_tokens:,} asked, {batch.completion_tokens:,} answered",
        "made": clock.now().date().isoformat(),
    }
    return "\n".join(
        (
            "---",
            *(f"{name}: {json.dumps(value)}" for name, value in front.items()),
            "---",
            f"# Answers of {_cell(_caller(batch, origin))}",
            "",
            f"Each row of {_source(origin)} was put into a prompt and answered by a model: `answer` holds its words,",
            "and nobody has checked them. Whoever passes it on looks at the licences below first.",
            "",
            "| | |",
            "|---|---|",
            *(f"| {name} | `{_cell(value)}` |" for name, value in told.items()),
            "",
            *_prompt(given),
            "",
        )
    )


def _caller(batch: Batch, origin: Origin) -> str:
    what = _KINDS[batch.given.get("kind", "")]
    if not origin.called:
        return what
    return f"{origin.called} ({what})" if batch.given.get("kind") else origin.called


def _source(origin: Origin) -> str:
    return _cell(origin.source.name) if origin.source.is_open else "a data set that not everybody may see"


def _maker(one: Maker) -> str:
    return f"{one.model.name}{f'@{one.revision}' if one.revision else ''}, {one.answers:,} answers"


def _prompt(given: Mapping[str, Any]) -> Sequence[str]:
    prompt = given["template"] if not given["system"] else f"{given['system']}\n\n{given['template']}"
    fence = "`" * max(3, *(len(run) + 1 for run in _runs(prompt)), 3)
    return "## Prompt", "", fence, prompt, fence


def _cell(value: object) -> str:
    return " ".join(str(value).replace("`", "'").replace("|", "/").split())


def _runs(text: str) -> list[str]:
    runs, run = [], ""
    for letter in text:
        run = run + letter if letter == "`" else ""
        if run:
            runs.append(run)
    return runs
