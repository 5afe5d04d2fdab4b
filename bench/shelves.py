"""A hub full of repositories that only look real: rows of the index, without a byte behind them.

For measuring pages and lists. Names, tasks, licences, sizes and dates spread as they do on a real hub: some of each are
everywhere, most are rare. The same ``seed`` makes the same rows.
"""

import random
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from freehold.accounts import service as accounts
from freehold.accounts.tables import Account
from freehold.cards import facts
from freehold.cards.tables import RepoCard, RepoFacts, RepoTag
from freehold.content.tables import DownloadDay
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.ids import new_id
from freehold.discover import trending
from freehold.discover.rules import TASKS
from freehold.repos.tables import Repo

OWNERS = 40
LICENCES = ("apache-2.0", "mit", "gemma", "llama3.1", "cc-by-nc-4.0", "cc-by-4.0", "bsd-3-clause", "openrail", "other")
LIBRARIES = ("transformers", "sentence-transformers", "diffusers", "peft", "timm", "gguf", "onnx", "safetensors")
LANGUAGES = ("en", "de", "fr", "zh", "es", "ar", "hi", "sw", "ja", "pt")
FORMATS = ("json", "csv", "parquet", "text", "imagefolder")
SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M")
WORDS = ("small", "tiny", "base", "large", "chat", "instruct", "reviews", "legal", "code", "vision", "speech", "embed")
SHARES = {"model": 0.7, "dataset": 0.25, "space": 0.05}
BATCH = 1_000


def fill(database: Database, number: int, *, seed: int = 1) -> None:
    """``number`` repositories more, one in twenty private, with cards, tags, downloads of a month and trends."""
    chance = random.Random(seed)
    with database.write() as db:
        owners = _owners(db)
    for start in range(0, number, BATCH):
        with database.write() as db:
            _some(db, chance, owners, range(start, min(start + BATCH, number)))
    trending.refresh_all(database)


def _owners(db: Session) -> list[str]:
    for position in range(OWNERS):
        accounts.create_user(db, f"owner-{position:02}")
    return list(db.scalars(select(Account.id).where(Account.kind == "user").order_by(Account.key)))


def _some(db: Session, chance: random.Random, owners: list[str], numbers: range) -> None:
    rows: dict[type, list[dict[str, Any]]] = {Repo: [], RepoCard: [], RepoFacts: [], RepoTag: [], DownloadDay: []}
    now = clock.now()
    for number in numbers:
        kind = chance.choices(list(SHARES), list(SHARES.values()))[0]
        name = f"{chance.choice(WORDS)}-{chance.choice(WORDS)}-{number}"
        owner = min(int(chance.expovariate(0.15)), len(owners) - 1)
        repo_id, at = new_id(), now - timedelta(minutes=chance.randrange(1, 400 * 1440))
        days = _days(chance, now)
        rows[Repo].append(
            {
                "id": repo_id,
                "kind": kind,
                "owner_id": owners[owner],
                "name": name,
                "path_key": f"owner-{owner:02}/{name}",
                "visibility": "private" if chance.random() < 0.05 else "public",
                "gated": "manual" if chance.random() < 0.03 else "",
                "sdk": "gradio" if kind == "space" else None,
                "downloads": sum(days.values()),
                "downloads_all_time": 3 * sum(days.values()),
                "likes": int(chance.paretovariate(1)) - 1,
                "created_at": at - timedelta(days=chance.randrange(100)),
                "updated_at": at,
            }
        )
        card, tags = _card(chance, kind)
        rows[RepoCard].append({"repo_id": repo_id, "commit": "0" * 40, **card, "tags": tags})
        rows[RepoFacts].append({"repo_id": repo_id, "commit": "0" * 40, "computed_at": now, **_facts(chance, kind)})
        rows[RepoTag] += [{"repo_id": repo_id, "tag": tag} for tag in dict.fromkeys(tags)]
        rows[DownloadDay] += [
            {"repo_id": repo_id, "day": day, "downloads": count, "sources": count} for day, count in days.items()
        ]
    for table, values in rows.items():
        if values:
            db.execute(insert(table), values)


def _days(chance: random.Random, now: Any) -> dict[Any, int]:
    most = chance.paretovariate(0.8) - 1
    days = {now.date() - timedelta(days=age): int(most * chance.random() * 2) for age in range(30)}
    return {day: count for day, count in days.items() if count}


def _card(chance: random.Random, kind: str) -> tuple[dict[str, Any], list[str]]:
    licence = _common(chance, LICENCES)
    data: dict[str, Any] = {"license": licence, "language": [_common(chance, LANGUAGES)]}
    task = _common(chance, tuple(TASKS))
    tags = [f"license:{licence}", "region:us", *(chance.choice(WORDS) for _ in range(3))]
    library = _common(chance, LIBRARIES) if kind == "model" else None
    if kind == "model":
        tags += [task, str(library), data["language"][0], "safetensors", f"base_model:lab/{chance.choice(WORDS)}"]
    elif kind == "dataset":
        tags += [f"task_categories:{task}", f"format:{_common(chance, FORMATS)}", f"language:{data['language'][0]}"]
        tags += [f"size_categories:{chance.choice(SIZES)}"]
    summary = f"A {chance.choice(WORDS)} one for {TASKS[task].lower()}, trained on {chance.choice(WORDS)} text."
    pipeline = task if kind == "model" else None
    said = {"data": data, "config": None, "license": licence, "pipeline_tag": pipeline, "library_name": library}
    return {**said, "summary": summary}, tags


def _facts(chance: random.Random, kind: str) -> dict[str, Any]:
    counted = int(10 ** chance.uniform(6.5, 10.8))
    known = {"version": facts.VERSION, "has_pickle": False, "formats": [], "quantisations": [], "details": {}}
    parameters = counted if kind == "model" and chance.random() < 0.8 else None
    return {
        **known,
        "parameters": parameters,
        "rows": counted if kind == "dataset" else None,
        "size_bytes": counted * 2,
    }


def _common(chance: random.Random, choices: tuple[str, ...]) -> str:
    """The first of them often, the last hardly ever."""
    return choices[min(int(chance.expovariate(4 / len(choices))), len(choices) - 1)]
