"""What somebody may mean while they type: a few places whose names hold the words, those that begin with them first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import case, or_, select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.accounts.tables import Account
from freehold.community.queries import collections
from freehold.core.http import Ask
from freehold.discover import finding, matching, nearby
from freehold.repos.access import visible
from freehold.repos.heads import LABELS
from freehold.repos.rules import KINDS, page_path
from freehold.repos.tables import Repo
from freehold.web.components import Found, Place

#: In all, and of each family when the others have enough to fill the rest.
MOST = 8
MOST_ACCOUNTS, MOST_COLLECTIONS = 3, 2
MAX_CHARACTERS = 100
#: Offered in place of a name that is not there.
NEAR = 4
_LABELS = LABELS | {"org": "Organisations", "user": "People", "collection": "Collections"}


@dataclass(frozen=True)
class Suggestion:
    """One place: ``text`` is what is typed to find it, ``note`` what else it is known by."""

    kind: str
    text: str
    note: str
    address: str


@dataclass(frozen=True)
class Group:
    """Suggestions of one kind."""

    label: str
    suggestions: Sequence[Suggestion]


def suggest(db: Session, actor: Actor, words: str, threads: Found | None = None) -> Sequence[Group]:
    """At most :data:`MOST` places that ``actor`` may know of, grouped by kind; where nothing holds the words, places
    that hold what is near them. ``threads``: what another room found, for the end of the list."""
    words = plain(words)
    if not words:
        return []
    found = _of(db, actor, words)
    if threads is not None and threads.lines:
        found.append(
            Group(threads.label, [Suggestion(threads.type, one.title, "", one.address) for one in threads.lines])
        )
    for other in nearby.spellings(db, actor, words)[:1] if not found else ():
        found = [replace(group, label=f"{group.label} near “{words}”") for group in _of(db, actor, other)]
    return found


def plain(words: str) -> str:
    """What is looked for."""
    return " ".join(words.replace("\x00", "").split())[:MAX_CHARACTERS]


def _of(db: Session, actor: Actor, words: str) -> list[Group]:
    accounts = [_account(found) for found in _accounts(db, words)]
    titles = collections.Listing(search=words, sort="upvotes", limit=MOST_COLLECTIONS)
    shown = [
        Suggestion("collection", each.collection.title, each.collection.owner.name, f"/collections/{each.slug}")
        for each in collections.listed(db, actor, titles).collections
    ]
    repos = [_repo(found) for found in _repos(db, actor, words, MOST - len(accounts) - len(shown))]
    groups: dict[str, list[Suggestion]] = {kind: [] for kind in _LABELS}
    for suggestion in (*repos, *accounts, *shown):
        groups[suggestion.kind].append(suggestion)
    return [Group(_LABELS[kind], found) for kind, found in groups.items() if found]


def similar(db: Session, actor: Actor, kind: str, name: str, most: int) -> Sequence[Suggestion]:
    """Repositories of ``kind`` whose names are like ``name``, for somebody who came to one that is not there."""
    parts = [part for part in name.lower().replace("_", "-").split("-") if len(part) > 2][:4]
    holds = [Repo.path_key.contains(part, autoescape=True) for part in {name.lower(), *parts}]
    score: Any = sum((case((hold, 1), else_=0) for hold in holds), start=0)
    query: Any = (
        select(Repo).where(Repo.kind == kind, or_(*holds)).order_by(score.desc(), Repo.likes.desc(), Repo.path_key)
    )
    return [_repo(found) for found in db.scalars(visible(query, actor).limit(most))]


def near(ask: Ask, kind: str, name: str) -> Sequence[Place]:
    """Fills the slot of the page about a repository that is not there."""
    found = similar(ask.db, ask.actor, kind if kind in LABELS else "model", name, NEAR)
    return [Place(one.text, one.address) for one in found]


def _repos(db: Session, actor: Actor, words: str, most: int) -> Sequence[Repo]:
    found = matching.matches(db, actor, words, dict.fromkeys(KINDS, most), in_cards=False)
    ranks = {repo_id: rank for each in found.values() for repo_id, rank in each.ranks.items()}
    repos = list(db.scalars(visible(select(Repo).where(Repo.id.in_(ranks)), actor)))
    best = sorted(repos, key=lambda repo: (ranks[repo.id], -repo.trend, -repo.likes, repo.path_key, repo.kind))
    return best[:most]


def _accounts(db: Session, words: str) -> Sequence[Account]:
    organisations = finding.accounts(db, "org", words, MOST_ACCOUNTS)
    people = finding.accounts(db, "user", words, MOST_ACCOUNTS)
    return [*organisations[: max(1, MOST_ACCOUNTS - len(people))], *people][:MOST_ACCOUNTS]


def _repo(repo: Repo) -> Suggestion:
    return Suggestion(
        repo.kind, repo.path, "private" if repo.visibility == "private" else "", page_path(repo.kind, repo.path)
    )


def _account(account: Account) -> Suggestion:
    full_name = account.full_name if account.full_name != account.name else ""
    return Suggestion(account.kind, account.name, full_name or "", f"/{account.name}")
