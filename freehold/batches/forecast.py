"""What a batch over a data set will take, before it is begun."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.batches import formats, rules, sources
from freehold.batches.errors import BadBatch
from freehold.batches.formats import File
from freehold.batches.rules import Prompt
from freehold.batches.service.jobs import FromDataset
from freehold.content import queries as content
from freehold.content.kit import Kit
from freehold.core.database import Database
from freehold.gateway.rules import USUAL_CHARS_A_TOKEN
from freehold.gateway.service import priced
from freehold.pipelines import service as pipelines
from freehold.repos import service as repos
from freehold.usage.queries import price_of
from freehold.usage.rules import USUAL_ANSWER_TOKENS

SAMPLED, MAX_SAMPLED_CHARS = 100, 8 << 20
#: So much of all files together, as they are kept, is counted; the rest is reckoned by its bytes.
MAX_KEPT_BYTES_COUNTED = 64 << 20
MAX_COUNTED_FILES = 30


@dataclass(frozen=True)
class Expected:
    """About how much: tokens of prompts by four characters each, those of answers as the parameters bound them."""

    rows: int
    prompt_tokens: int
    completion_tokens: int
    cost_micros: int
    is_counted: bool  #: False: rows were reckoned from a part of the file
    sample: str  #: what the first row is asked


def of_dataset(db: Session, database: Database, kit: Kit, actor: Actor, asked: FromDataset) -> Expected:
    """What ``asked`` will take. Raises what making it does, short of making anything."""
    rules.checked_prompt(asked.template, asked.system, asked.parameters or {})
    rules.checked_rows(asked.rows)
    repo = repos.load(db, actor, asked.repo, Action.READ, kind="dataset")
    plan = pipelines.plan(db, actor, asked.model)
    commit = content.resolve_revision(db, repo, asked.revision or "main", kit)
    found = sources.choose(db, kit, repo, commit, asked.path)
    files = sources.in_dataset(database, kit, lambda _: actor, repo.path, commit, [part.path for part in found])
    prompt = Prompt(plan.served_name, asked.template, asked.system, asked.parameters or {})
    with closing(formats.rows(files)) as row_iterator:
        first: list[rules.Line] = []
        for at, row in enumerate(islice(row_iterator, SAMPLED)):
            first.append(rules.row_of(at, row, prompt))
            if sum(line.size for line in first) > MAX_SAMPLED_CHARS:
                break
    good = [line for line in first if not line.error]
    if not first:
        raise BadBatch("There are no rows in these files: name others.", field="path")
    if not good:
        raise BadBatch(first[0].error, field="template")
    rows, is_counted = _counted(files, [part.size_bytes for part in found])
    if asked.rows is not None and asked.rows <= rows:
        rows, is_counted = asked.rows, True
    chars = sum(len(str(m["content"])) for line in good for m in line.body["messages"]) / len(good)
    given = (asked.parameters or {}).get("max_tokens")
    answer = given if isinstance(given, int) and given > 0 else USUAL_ANSWER_TOKENS
    prompt_tokens, completion_tokens = round(rows * chars / USUAL_CHARS_A_TOKEN), rows * answer
    rate = price_of(db, *priced(db, plan))
    return Expected(
        rows, prompt_tokens, completion_tokens, rate.cost_micros(prompt_tokens, 0, completion_tokens, 0), is_counted,
        str(good[0].body["messages"][-1]["content"])[:2000],
    )  # fmt: skip


def _counted(files: Sequence[File], sizes: Sequence[int]) -> tuple[int, bool]:
    """How many rows there are, and whether each was counted: of what is left over the limits by its bytes."""
    rows = counted = 0
    for file, size in list(zip(files, sizes, strict=True))[:MAX_COUNTED_FILES]:
        most = size if file.path.lower().endswith(".parquet") else min(size, MAX_KEPT_BYTES_COUNTED - counted)
        if most <= 0 or rows > formats.MAX_COUNTED_ROWS:
            break
        found, told = formats.count(file, most)
        rows += found
        counted += told
    whole = sum(sizes)
    return (rows, True) if counted >= whole else (rows * whole // max(1, counted), False)
