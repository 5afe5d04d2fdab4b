"""Facts of a commit: what its files and its card say. They never change, so they are kept by commit id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

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
MAX_ENDINGS = 40


@dataclass(frozen=True)
class Facts:
    """What one commit of one repository holds."""

    commit: str
    files: tuple[Entry, ...]
    card: CommitCard
    size_bytes: int
    endings: Mapping[str, tuple[int, int]]  #: by ending in lower case, how many files and bytes; the largest


_short: Lru[tuple[str, str], Facts] = Lru(4_000)
_kept: Lru[tuple[str, str], Facts] = Lru(KEPT_FILES, lambda facts: len(facts.files) + 50)


def of_commit(db: Session, repo: Repo, kit: Kit, commit: str) -> Facts:
    """The facts of ``commit``, which is one of the repository's. Kept by repository, so that none shows another's."""
    return _kept.of((repo.id, commit), lambda: _read(db, repo, kit, commit))


def in_short(db: Session, repo: Repo, kit: Kit, commit: str) -> Facts:
    """The same without its ``files``: for what every page says, kept however many files a commit has."""
    return _short.of((repo.id, commit), lambda: replace(of_commit(db, repo, kit, commit), files=()))


def _read(db: Session, repo: Repo, kit: Kit, commit: str) -> Facts:
    objects = queries.objects(db, repo, kit)
    files = tuple(entry for entry in objects.walk(commit) if entry.kind == "file")
    return Facts(
        commit=commit,
        files=files,
        card=reading.read(objects, commit, repo.kind),
        size_bytes=sum(entry.true_size_bytes for entry in files),
        endings=_endings(files),
    )


def _endings(files: Sequence[Entry]) -> Mapping[str, tuple[int, int]]:
    sums: dict[str, tuple[int, int]] = {}
    for entry in files:
        stem, dot, ending = entry.path.rpartition("/")[2].rpartition(".")
        if dot and stem:
            number, size = sums.get(f".{ending.lower()}", (0, 0))
            sums[f".{ending.lower()}"] = number + 1, size + entry.true_size_bytes
    return dict(sorted(sums.items(), key=lambda one: -one[1][1])[:MAX_ENDINGS])
