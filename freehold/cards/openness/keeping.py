"""How open repositories are, kept for lists as everybody may know it, and read anew when what it rests on changes."""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from freehold.cards import inspecting
from freehold.cards.chains import Chain
from freehold.cards.facts import Facts
from freehold.cards.licences import permits
from freehold.cards.openness import gathering, read
from freehold.cards.openness.material import VERSION, Reading, Told
from freehold.cards.tables import RepoCard, RepoFacts, RepoOpenness
from freehold.content.kit import Kit
from freehold.repos.tables import Repo


def version() -> int:
    """Another number where another answer may be given."""
    return zlib.crc32(f"{VERSION} {permits.version()} {inspecting.VERSION}".encode()) & 0x7FFFFFFF


def told(db: Session, kit: Kit, repo: Repo) -> Told | None:
    """What the files of ``repo`` say by themselves, at the commit of its facts; None where it has none yet."""
    facts = db.get(RepoFacts, repo.id)
    return gathering.told_at(db, kit, repo, facts.commit, version()) if facts is not None else None


def judge(db: Session, repo: Repo, told: Told | None, chain: Chain) -> bool:
    """The openness of ``repo`` is kept, by a ``chain`` of what everybody may know; whether an answer changed."""
    facts, card = db.get(RepoFacts, repo.id), db.get(RepoCard, repo.id)
    if facts is None or told is None:
        return False
    data, tags = (card.data, card.tags) if card is not None else (None, ())
    material = gathering.material(db, repo, told, inspecting.of_row(facts), data, tags, chain)
    found = read.openness(material)
    row = db.get(RepoOpenness, repo.id)
    if row is None:
        row = RepoOpenness(repo_id=repo.id)
        db.add(row)
    before = row.values()
    for dimension, one in found.items():
        setattr(row, dimension, one.value)
    row.commit, row.version, row.told, row.opened = facts.commit, version(), told.plain(), read.opened(found)
    db.flush()
    return before != row.values()


def as_seen(
    db: Session, kit: Kit, repo: Repo, commit: str, facts: Facts, data: Any, tags: Sequence[str], chain: Chain
) -> Mapping[str, Reading]:
    """How open ``repo`` is at ``commit``, as the reader of ``chain`` may know it."""
    told = gathering.told_at(db, kit, repo, commit, version())
    return read.openness(gathering.material(db, repo, told, facts, data, tags, chain))


def forget(db: Session, repo_id: str) -> None:
    """Nothing is known of a repository whose ``main`` is gone."""
    db.execute(delete(RepoOpenness).where(RepoOpenness.repo_id == repo_id))
