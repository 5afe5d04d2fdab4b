"""Facts of a commit: what its files and its card say. They never change, so they are kept by commit id."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from freehold.cards import reading
from freehold.cards.reading import CommitCard
from freehold.content import queries
from freehold.content.kit import Kit
from freehold.core.lru import Lru
from freehold.gitkit.objects import Entry
from freehold.repos.tables import Repo

#: Files remembered over all commits: about 300 bytes each.
KEPT_FILES = 200_000


@dataclass(frozen=True)
class Facts:
    """What one commit of one repository holds."""

    commit: str
    files: tuple[Entry, ...]
    card: CommitCard


_kept: Lru[tuple[str, str], Facts] = Lru(KEPT_FILES, lambda facts: len(facts.files) + 50)


def of_commit(db: Session, repo: Repo, kit: Kit, commit: str) -> Facts:
    """The facts of ``commit``, which is one of the repository's. Kept by repository, so that none shows another's."""
    return _kept.of((repo.id, commit), lambda: _read(db, repo, kit, commit))


def _read(db: Session, repo: Repo, kit: Kit, commit: str) -> Facts:
    objects = queries.objects(db, repo, kit)
    files = tuple(entry for entry in objects.walk(commit) if entry.kind == "file")
    return Facts(commit, files, reading.read(objects, commit, repo.kind))
