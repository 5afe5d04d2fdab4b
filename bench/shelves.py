"""A hub full of repositories that only look real: rows of its tables, without a byte behind them.

For measuring pages and lists at any size: ``python -m bench.shelves DATA NUMBER``. Owners, tasks, licences, tags,
sizes, dates and downloads spread as they do on a real hub: some of each are everywhere, most are rare. The same
``seed`` on the same day makes the same rows. What needs the files themselves (``full=true``, pages) finds none.
"""

import json
import math
import random
import sys
import time
from bisect import bisect
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

from bench import bulk, moulds
from bench.moulds import Mould
from freehold.accounts.tables import Account, Membership
from freehold.cards.tables import (
    EvalResult,
    RepoCard,
    RepoFacts,
    RepoLink,
    RepoOpenness,
    RepoTag,
    RepoText,
    RepoVerdict,
)
from freehold.content.rules import MAIN
from freehold.content.tables import DownloadDay, Ref
from freehold.core import clock
from freehold.core.database import Base, Database
from freehold.core.settings import Settings
from freehold.discover import trending
from freehold.main import open_database
from freehold.repos.tables import Repo
from freehold.wordkit import near
from freehold.wordkit import rules as wordkit
from freehold.wordkit import service as words

SHARES = {"model": 0.65, "dataset": 0.25, "space": 0.10}
BATCH = 50_000
DAYS = 4 * 365
#: One in so many repositories comes with a new owner; the others go to the owner of some repository before: a few
#: thousand repositories end with the first, and most owners have one.
NEW_OWNER, ORGANISATION = 0.3, 0.12
PRIVATE, GATED = 0.02, 0.03
#: How many ways to be there are at most, of each kind, and words to tag with.
MOULDS, TAG_WORDS = {"model": 12_000, "dataset": 4_000, "space": 800}, 20_000
#: Of the words to tag with, how many a slip of the keyboard leads back to.
KNOWN_WORDS = 2_400
#: Of models, how many name a base, and hold results; of repositories, how many were downloaded within the month.
BASED, EVALUATED, DOWNLOADED = 0.55, 0.01, 0.35
_MOST_DOWNLOADS = 40_000_000
_TABLES: dict[type[Base], tuple[str, ...]] = {
    Account: ("id", "kind", "name", "key", "full_name", "created_at"),
    Membership: ("org_id", "user_id", "role", "created_at"),
    Repo: (
        "id", "kind", "owner_id", "creator_id", "name", "path_key", "visibility", "gated", "sdk", "downloads",
        "downloads_all_time", "likes", "trend", "created_at", "updated_at",
    ),
    Ref: ("repo_id", "name", "target", "updated_at"),
    RepoCard: (
        "repo_id", "commit", "data", "config", "tags", "license", "pipeline_tag", "library_name", "summary",
    ),
    RepoFacts: ("repo_id", "commit", "version", "computed_at", *moulds.FACTS),
    RepoTag: ("repo_id", "tag"),
    RepoLink: ("repo_id", "relation", "kind", "path_key"),
    RepoVerdict: ("repo_id", "answer", "own", "version"),
    RepoOpenness: ("repo_id", "commit", "version", *moulds.OPENNESS),
    RepoText: ("repo_id", "version", "title", "tags", "body", "spellings", "pairs", "lexemes"),
    EvalResult: ("repo_id", "position", "filename", "dataset_key", "task", "value", "data"),
    DownloadDay: ("repo_id", "day", "downloads", "sources"),
}  # fmt: skip


def fill(database: Database, number: int, *, seed: int = 1, now: datetime | None = None) -> None:
    """``number`` repositories more, with owners, cards, tags, facts, verdicts, downloads of a month and trends.

    No hub may be running on ``database``; see :mod:`bench.bulk`. A second filling of the same hub takes another seed.
    """
    today = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    crowd = Crowd(random.Random(seed), now or today, number, seed, is_postgres=not database.is_sqlite)
    with bulk.filling(database, list(_TABLES)) as sink:
        for start in range(0, number, BATCH):
            rows = crowd.next(min(BATCH, number - start))
            for table, columns in _TABLES.items():
                if rows[table]:
                    sink.put(table.__table__, columns, rows[table])  # type: ignore[arg-type]
            sink.commit()
    with database.write() as db:
        for at in range(0, KNOWN_WORDS, near.MAX_LEARNED):
            near.learn(db, crowd.words[at : at + near.MAX_LEARNED])
        near.learn(db, moulds.FAMILIES)


Rows = dict[type[Base], list[tuple[Any, ...]]]


@dataclass
class Crowd:
    """Repositories in the order of their birth, and what later ones need to know of earlier ones."""

    chance: random.Random
    now: datetime
    number: int
    seed: int
    is_postgres: bool = False
    _made: int = 0
    _owner_of: list[int] = field(default_factory=list)  #: by repository
    _owners: list[tuple[str, str, bool]] = field(default_factory=list)  #: id, name, is an organisation
    _held: list[int] = field(default_factory=list)  #: repositories by owner
    _person: str = ""  #: the newest
    _bases: list[str] = field(default_factory=list)  #: paths of models that others are made from

    def __post_init__(self) -> None:
        share = min(1.0, self.number / 100_000)
        self._moulds = {
            kind: moulds.make(kind, max(200, int(most * share)), self.chance) for kind, most in MOULDS.items()
        }
        self.words = moulds.vocabulary_of_tags(self.chance, TAG_WORDS)
        self._kinds, self._shares = list(SHARES), list(accumulate(SHARES.values()))
        self._end = self.now.timestamp()
        today = self.now.astimezone(UTC).date()
        self._days = [(today - timedelta(days=age)).isoformat() for age in range(30)]
        self._left = [2 ** (-2 * (age + 0.0) / trending.HALF_LIFE_DAYS) for age in range(30)]

    def next(self, number: int) -> Rows:
        """The next ``number`` of them."""
        rows: Rows = {table: [] for table in _TABLES}
        for _ in range(number):
            self._one(rows)
        return rows

    def _one(self, rows: Rows) -> None:
        rand = self.chance.random
        # Twice as many a day at the end as in the middle of the years.
        at = self._end - DAYS * 86_400 * (1 - math.sqrt((self._made + rand()) / self.number))
        born = _moment(at)
        repo_id = f"{int(at):08x}{self.chance.getrandbits(64):016x}"
        owner_id, owner, place = self._owner(rows, at, born)
        kind = self._kinds[min(bisect(self._shares, rand()), 2)]
        of_kind = self._moulds[kind]
        mould = of_kind[int(len(of_kind) * rand() ** 2)]
        name = mould.family + (moulds.ENDINGS[int(len(moulds.ENDINGS) * rand())] if kind == "model" else "")
        held = self._held[place]
        self._held[place] += 1
        path = f"{owner}/{name}-{held}" if held else f"{owner}/{name}"
        downloads = self._downloads(rows, repo_id)
        likes = int((downloads[0] + 2) ** 0.55 * rand() ** 3)
        changed = _moment(min(self._end - 1, at + 86_400 * 30 * (1 / (rand() + 0.02) - 0.9)))
        private = rand() < PRIVATE
        rows[Repo].append(
            (
                repo_id, kind, owner_id, None, path.partition("/")[2], path.lower(), "private" if private else "public",
                ("manual" if rand() < 0.5 else "auto") if rand() < GATED and kind != "space" else "", mould.sdk,
                downloads[0], int(downloads[0] * (1 + 12 * rand())), likes, downloads[1], born, changed,
            )
        )  # fmt: skip
        commit = f"{self.chance.getrandbits(160):040x}"
        rows[Ref].append((repo_id, MAIN, commit, changed))
        self._card(rows, mould, repo_id, commit, path)
        if mould.facts is not None:
            rows[RepoFacts].append((repo_id, commit, moulds.FACTS_VERSION, changed, *mould.facts))
            rows[RepoVerdict].append((repo_id, mould.answer, mould.own, moulds.VERDICT_VERSION))
            rows[RepoOpenness].append((repo_id, commit, moulds.OPENNESS_VERSION, *mould.openness))
        if kind == "model" and rand() < EVALUATED:
            rows[EvalResult].append((repo_id, 0, ".eval_results/mmlu.yaml", "lab/mmlu", "mmlu", rand(), "{}"))
        if kind == "model" and not private and (downloads[0] > 20 or len(self._bases) < 20):
            self._bases.append(path)
        self._made += 1

    def _owner(self, rows: Rows, at: float, born: str) -> tuple[str, str, int]:
        rand = self.chance.random
        if self._owner_of and rand() >= NEW_OWNER:
            place = self._owner_of[int(len(self._owner_of) * rand())]
        else:
            place = len(self._owners)
            account_id = f"{int(at) - 1:08x}{self.chance.getrandbits(64):016x}"
            is_org = bool(self._person) and rand() < ORGANISATION
            name = f"{self.chance.choice(moulds.SYLLABLES)}{self.chance.choice(moulds.SYLLABLES)}-{self.seed}{place:x}"
            self._owners.append((account_id, name, is_org))
            self._held.append(0)
            full_name = name.replace("-", " ").capitalize()
            rows[Account].append((account_id, "org" if is_org else "user", name, name, full_name, born))
            if is_org:
                rows[Membership].append((account_id, self._person, "admin", born))
            else:
                self._person = account_id
        self._owner_of.append(place)
        return self._owners[place][0], self._owners[place][1], place

    def _downloads(self, rows: Rows, repo_id: str) -> tuple[int, int]:
        """Of the month, and what they make of a trend."""
        rand = self.chance.random
        if rand() >= DOWNLOADED:
            return 0, 0
        whole = min(_MOST_DOWNLOADS, int((1 - rand()) ** -1.35))
        days = min(30, 1 + whole // 3)
        each, total, score = max(1, whole // days), 0, 0.0
        for age in range(days) if days == 30 else sorted(self.chance.sample(range(30), days)):
            number = max(1, int(each * 2 * rand()))
            sources = max(1, int(number * 0.7))
            rows[DownloadDay].append((repo_id, self._days[age], number, sources))
            total += number
            score += sources * self._left[age]
        return total, trending.trend(math.sqrt(score), self.now)

    def _card(self, rows: Rows, mould: Mould, repo_id: str, commit: str, path: str) -> None:
        rand = self.chance.random
        more = {self.words[int(TAG_WORDS * rand() ** 5)]: None for _ in range(int(4 * rand()))}
        data, told = mould.data, [*more]
        if mould.kind == "model" and rand() < BASED and self._bases:
            base = self._bases[int(len(self._bases) * rand() ** 3)]
            data += f'{", " if len(data) > 1 else ""}"base_model": "{base}"'
            told += [f"base_model:{base}", f"base_model:{mould.relation}:{base}"]
            rows[RepoLink].append((repo_id, mould.relation, "model", base.lower()))
        if more or mould.said:
            data += f'{", " if len(data) > 1 else ""}"tags": {json.dumps([*mould.said, *more])}'
        tags = mould.tags + (f", {json.dumps(told)[1:]}" if told else "]")
        rows[RepoCard].append(
            (
                repo_id, commit, data + "}", mould.config, tags, mould.license, mould.pipeline_tag, mould.library_name,
                mould.summary,
            )
        )  # fmt: skip
        all_tags = dict.fromkeys((*mould.tag_rows, *told))
        rows[RepoTag] += [(repo_id, tag) for tag in all_tags]
        text = RepoText(title=path, tags="\n".join(all_tags), body=mould.summary, spellings=wordkit.spellings(path))
        lexemes = words.lexemes(text) if self.is_postgres else None
        rows[RepoText].append((repo_id, words.VERSION, path, text.tags, text.body, text.spellings, "", lexemes))


def _moment(at: float) -> str:
    """As both databases keep it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def main() -> None:
    data, number = Path(sys.argv[1]), int(sys.argv[2])
    began = time.monotonic()
    database = open_database(Settings(data=data))
    try:
        fill(database, number)
    finally:
        database.close()
    print(f"{number:,} repositories in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
