"""Large files of one repository for use in another, without sending a byte. Source: protocol/hub-api.md 3.7."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.content import queries
from freehold.content.service import objects
from freehold.repos import service as repos


@dataclass(frozen=True)
class WantedCopy:
    """A large file of the source; ``file_hash`` is its Xet hash, where the caller named it by both."""

    sha256: str
    file_hash: str | None = None


def duplicate(
    db: Session, actor: Actor, source: tuple[str, str], target: tuple[str, str], wanted: Sequence[WantedCopy]
) -> list[WantedCopy]:
    """The target may use every one of ``wanted`` that the source holds; the others are returned.

    ``source`` and ``target`` are (kind, path). Whoever reads the source may copy from it; one that the source was not
    given fails alike whether the hub has it elsewhere or not (xet.md 11).
    """
    from_repo = repos.load(db, actor, source[1], Action.READ, kind=source[0])
    to_repo = repos.load(db, actor, target[1], Action.WRITE, kind=target[0])
    held = queries.contents(db, from_repo, {item.sha256 for item in wanted})
    refused = [
        item for item in wanted if item.sha256 not in held or item.file_hash not in (None, held[item.sha256].file_hash)
    ]
    asked = {item.sha256 for item in wanted if item not in refused}
    objects.grant(db, to_repo.id, [held[sha256] for sha256 in sorted(asked)])
    return refused
