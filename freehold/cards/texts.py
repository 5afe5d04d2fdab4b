"""The words of repositories, so that they are found by them: names, tags and the plain text of cards.

Written in the transaction that changes them, so nothing is found of what is gone, and a push is found at once.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.cards import reading
from freehold.cards.tables import RepoText
from freehold.cards.tags import REGION
from freehold.gitkit.objects import Objects
from freehold.repos.events import RepoCreated, RepoMoved
from freehold.repos.tables import Repo
from freehold.wordkit import near, service
from freehold.wordkit.markdown import MAX_READ_CHARS, plain

#: Front matter that names the thing in words.
TITLES = ("pretty_name", "title", "short_description")
#: How much of a card's text is known by its words, so that slips in them are forgiven: what it begins with.
MAX_OPENING_CHARS = 600


def keep(db: Session, repo: Repo, data: Mapping[str, Any] | None, tags: Sequence[str], body: str) -> None:
    """The repository is found by its name, what its card calls it, its tags, and the text of its card."""
    row = db.scalar(select(RepoText).where(RepoText.repo_id == repo.id))
    if row is None:
        row = RepoText(repo_id=repo.id)
        db.add(row)
    called = [value[:300] for key in TITLES if isinstance(value := (data or {}).get(key), str)]
    filed = [*called, *(tag for tag in tags if tag != REGION)]
    text = plain(body)
    service.write(db, row, title=repo.path, tags=filed, body=text)
    db.flush()
    headings = [line.lstrip("# ") for line in body[:MAX_READ_CHARS].splitlines() if line.startswith("#")]
    near.learn(db, [repo.path, *filed, *headings[:20], text[:MAX_OPENING_CHARS]])


def keep_at(db: Session, repo: Repo, objects: Objects | None, commit: str | None) -> None:
    """As :func:`keep`, from the card at ``commit``; None: nothing is there."""
    if objects is None or commit is None:
        keep(db, repo, None, (), "")
        return
    found, body = reading.read_whole(objects, commit, repo.kind)
    keep(db, repo, found.data, found.words.tags, body)


def on_created(db: Session, event: RepoCreated) -> None:
    """Before its first commit, and where it gets none, a repository is found by its name."""
    if db.scalar(select(RepoText.number).where(RepoText.repo_id == event.repo.id)) is None:
        keep(db, event.repo, None, (), "")


def on_moved(db: Session, event: RepoMoved) -> None:
    """It is found by its new name, and no longer by the one it had."""
    row = db.scalar(select(RepoText).where(RepoText.repo_id == event.repo.id))
    if row is not None:
        service.write(db, row, title=event.repo.path, tags=row.tags.split("\n"), body=row.body)
        db.flush()
    near.learn(db, [event.repo.path])
