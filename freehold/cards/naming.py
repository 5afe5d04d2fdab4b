"""What cards name, looked up: repositories that are there, those that a reader may not see, and who may be told."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.accounts.tables import Membership
from freehold.cards import links
from freehold.cards.tables import RepoCard, RepoFacts
from freehold.repos.access import may
from freehold.repos.tables import Repo, RepoAlias


@dataclass(frozen=True)
class Seen:
    """A repository that the reader may know of. ``adapter_base``: what its files say it is an adapter for."""

    repo: Repo
    card: RepoCard | None
    adapter_base: str


@dataclass
class Found:
    """Repositories by the key they were asked for by."""

    seen: dict[str, Seen] = field(default_factory=dict)
    hidden: dict[str, Repo] = field(default_factory=dict)


class Finder:
    """Finds repositories for one reader, each once however often it is asked for: a page asks for some twice."""

    def __init__(self, db: Session, actor: Actor) -> None:
        self._db, self._actor = db, actor
        self._found: dict[str, Found] = {}
        self._asked: set[tuple[str, str]] = set()

    def find(self, kind: str, keys: Collection[str]) -> Found:
        """Repositories of ``kind`` by their paths, former paths or ids (``links.named_by_id``). One query, and one more
        where one has moved or is named by its id."""
        found = self._found.setdefault(kind, Found())
        new = {key for key in keys if (kind, key) not in self._asked}
        if new:
            self._asked |= {(kind, key) for key in new}
            self._look(kind, new, found)
        wanted = set(keys)
        return Found(
            {key: one for key, one in found.seen.items() if key in wanted},
            {key: one for key, one in found.hidden.items() if key in wanted},
        )

    def _look(self, kind: str, keys: Collection[str], found: Found) -> None:
        query: Any = (
            select(Repo, RepoCard, RepoFacts.adapter_base)
            .outerjoin(RepoCard, RepoCard.repo_id == Repo.id)
            .outerjoin(RepoFacts, RepoFacts.repo_id == Repo.id)
            .where(Repo.kind == kind)
        )
        ids = {id: key for key in keys if (id := links.id_in(key))}
        rows = [(row[0].path_key, *row) for row in self._db.execute(query.where(Repo.path_key.in_(keys)))]
        if ids:
            rows += [(ids[row[0].id], *row) for row in self._db.execute(query.where(Repo.id.in_(ids)))]
        rest = set(keys) - {row[0] for row in rows} - set(ids.values())
        if rest:
            moved = query.add_columns(RepoAlias.path_key).join(RepoAlias, RepoAlias.repo_id == Repo.id)
            moved = moved.where(RepoAlias.kind == kind, RepoAlias.path_key.in_(rest))
            rows += [(key, repo, card, base) for repo, card, base, key in self._db.execute(moved)]
        for key, repo, card, base in rows:
            if may(self._actor, Action.LIST, repo):
                found.seen[key] = Seen(repo, card, base or "")
            else:
                found.hidden[key] = repo


def known_to(db: Session, repo: Repo, hidden: Mapping[str, Repo]) -> set[str]:
    """Those of ``hidden`` that the namespace of ``repo`` itself may know of: naming them, it has told."""
    owners = {other.owner_id for other in hidden.values()} - {repo.owner_id}
    mine = {repo.owner_id}
    if owners and repo.owner.kind == "user":
        query = select(Membership.org_id).where(Membership.user_id == repo.owner_id, Membership.org_id.in_(owners))
        mine |= set(db.scalars(query))
    return {key for key, other in hidden.items() if other.owner_id in mine}
