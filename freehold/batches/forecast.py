"""What a batch over a data set will take, before it is begun."""

from dataclasses import dataclass
from itertools import islice

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.batches import rules
from freehold.batches.errors import BadBatch
from freehold.batches.rules import Prompt
from freehold.batches.service.jobs import FromDataset
from freehold.content.kit import Kit
from freehold.content.service import downloads
from freehold.content.service.downloads import Asked
from freehold.core.database import Database
from freehold.gateway.rules import USUAL_CHARS_A_TOKEN
from freehold.inference.service import names
from freehold.repos import service as repos
from freehold.usage.queries import price_of
from freehold.usage.rules import USUAL_ANSWER_TOKENS

SAMPLED = 100
#: So much of a file is counted; of a longer one the rest is reckoned by its bytes.
MAX_COUNTED_BYTES = 64 << 20


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
    rules.checked_source(asked.path)
    repo = repos.load(db, actor, asked.repo, Action.READ, kind="dataset")
    target = names.resolve(db, actor, asked.model)
    found = downloads.find(db, database, kit, actor, Asked("dataset", repo.path, asked.revision or "main", asked.path))
    body = downloads.body(kit, db, found)
    counted = min(body.size_bytes, MAX_COUNTED_BYTES)
    prompt = Prompt(target.served_name, asked.template, asked.system, asked.parameters or {})
    row_iterator = rules.rows(asked.path.lower(), body.pieces(0, counted))
    first = [rules.row_of(at, row, prompt) for at, row in enumerate(islice(row_iterator, SAMPLED))]
    number = len(first) + sum(1 for _ in row_iterator)
    good = [line for line in first if not line.error]
    if not good:
        raise BadBatch(first[0].error if first else "The file has no rows.", field="template")
    is_counted = counted == body.size_bytes
    rows = number if is_counted else number * body.size_bytes // max(1, counted)
    chars = sum(len(str(m["content"])) for line in good for m in line.body["messages"]) / len(good)
    given = (asked.parameters or {}).get("max_tokens")
    answer = given if isinstance(given, int) and given > 0 else USUAL_ANSWER_TOKENS
    prompt_tokens, completion_tokens = round(rows * chars / USUAL_CHARS_A_TOKEN), rows * answer
    rate = price_of(db, target.served_name, target.model)
    return Expected(
        rows, prompt_tokens, completion_tokens, rate.cost_micros(prompt_tokens, 0, completion_tokens, 0), is_counted,
        str(good[0].body["messages"][-1]["content"])[:2000],
    )  # fmt: skip
