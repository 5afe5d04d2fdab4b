"""Which repositories drive a word: the public ones among those that have most, with what each added of late."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from sqlalchemy.orm import Session
from starlette.datastructures import QueryParams

from freehold.access.rules import ANONYMOUS
from freehold.core.lru import Lru
from freehold.discover import queries as lists
from freehold.discover import questions
from freehold.discover import rules as listing
from freehold.discover.answers import MAX_CHARS, UNKNOWN
from freehold.repos.rules import KINDS, page_path
from freehold.repos.tables import Repo
from freehold.trends import dimensions, queries
from freehold.trends.rules import Question
from freehold.trends.telling import Told

#: Repositories that are looked at, and those that are shown.
LOOKED_AT, SHOWN = 200, 6
_SORT = {"downloads": "downloads", "there": "downloads", "likes": "likes", "new": "createdAt"}


@dataclass(frozen=True)
class Leader:
    """A repository of a word: what it added over the span, and over the same before (None: not known)."""

    path: str
    address: str
    now: int
    before: int | None
    numbers: Sequence[int]


#: Of a few hundred words: what is taken out of the tallies changes their stamp, and so is found here no more.
_kept: Lru[tuple[object, ...], Sequence[Leader]] = Lru(300)


def of(db: Session, told: Told, word: str) -> Sequence[Leader]:
    """Those that added most over the span, among the :data:`LOOKED_AT` that are first in the list of the word."""
    state = (str(db.get_bind().engine.url), told.stamp, told.counted_at, told.stretches.shown[-1])
    return _kept.of((*state, told.asked, word), lambda: _of(db, told, word))


def _of(db: Session, told: Told, word: str) -> Sequence[Leader]:
    asked, spans = told.asked, told.stretches
    repos = {repo.id: repo for repo in _listed(db, asked, word)}
    place = {"downloads": 1, "there": 1, "likes": 2, "new": 0}[asked.measure]
    found = []
    for repo_id, added in queries.contributions(db, list(repos)).items():
        if word not in added.words.get(asked.by, ()):
            continue
        of_grain, repo = added.series[asked.grain], repos[repo_id]
        numbers = [of_grain.get(at, (0, 0, 0))[place] for at in spans.shown]
        now = sum(of_grain.get(at, (0, 0, 0))[place] for at in spans.now or spans.shown)
        before = sum(of_grain.get(at, (0, 0, 0))[place] for at in spans.before) if spans.before else None
        found.append(Leader(repo.path, page_path(repo.kind, repo.path), now, before, numbers))
    return sorted(found, key=lambda one: (-one.now, one.path))[:SHOWN]


def _listed(db: Session, asked: Question, word: str) -> Sequence[Repo]:
    """As anybody sees the list, so that nothing is told here that is not told there."""
    pairs = filters(asked.kind, asked.by, word)
    query = QueryParams([*(pairs or ()), ("sort", _SORT[asked.measure]), ("limit", str(LOOKED_AT))])
    page = lists.page(db, ANONYMOUS, replace(listing.listing(asked.kind, query), cursor=None))
    return [item.repo for item in page.items]


def filters(kind: str, by: str, word: str) -> Sequence[tuple[str, str]] | None:
    """What a list's address is narrowed to a word by; None where lists know no such filter."""
    parameter = dimensions.of(kind)[by].parameter
    if parameter == "filter":
        return [(parameter, word)] if word and "," not in word else None  # a comma would part the word in two
    if not word:
        return [(parameter, UNKNOWN)] if questions.BY_NAME[parameter].kept.unknown else None
    known = questions.words_of(parameter)
    return [(parameter, word)] if known or ("," not in word and len(word) <= MAX_CHARS) else None


def list_address(kind: str, by: str, word: str) -> str:
    """The list of what was counted under a word; empty where there is none."""
    pairs = filters(kind, by, word)
    return f"/{KINDS[kind][0]}?{urlencode(pairs)}" if pairs else ""
