"""The words of repositories, so that they are found by them: names, tags and the plain text of cards.

Written in the transaction that changes them, so nothing is found of what is gone, and a push is found at once.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.cards import reading
from freehold.cards.tables import RepoText
from freehold.cards.tags import REGION
from freehold.gitkit.objects import Objects
from freehold.repos.events import RepoCreated, RepoMoved
from freehold.repos.tables import Repo
from freehold.wordkit import near, rules, service

#: What is read of a card to find so much text in it.
MAX_READ_CHARS = 100_000
#: Front matter that names the thing in words.
TITLES = ("pretty_name", "title", "short_description")

_ELEMENT = re.compile(r"</?[A-Za-z][^<>]{0,2000}>")
_LINK = re.compile(r"!?\[([^\]\[]{0,500})\]\([^()\[\]\n]{0,2000}\)")
_ADDRESS = re.compile(r"https?://\S{1,2000}")
_MARKS = re.compile(r"[*`|~]+|&[a-z]{2,8};")
_LINE_MARKS = re.compile(r"^(?:#{1,6}|>|[-+]|\d{1,9}\.)[ \t]+|^[\s:|=-]+$|^\[[^\]]{1,200}\]:.*$")
_FENCES = ("```", "~~~")


def plain(body: str) -> str:
    """The words of a card's Markdown, a line a paragraph: no code, no markup, no addresses; cut. Linear in time."""
    text = _without_comments("\n".join(_outside_fences(body[:MAX_READ_CHARS])))
    text = _MARKS.sub(" ", _ADDRESS.sub(" ", _LINK.sub(r"\1", _ELEMENT.sub(" ", text))))
    lines = (" ".join(_LINE_MARKS.sub("", line.strip()).split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)[: rules.MAX_TEXT_CHARS]


def _outside_fences(body: str) -> Iterator[str]:
    fence = ""
    for line in body.splitlines():
        opening = next((mark for mark in _FENCES if line.lstrip().startswith(mark)), "")
        if fence:
            fence = "" if opening == fence else fence
        elif opening:
            fence = opening
        else:
            yield line


def _without_comments(text: str) -> str:
    """One that is never closed hides the rest, as it does on the page."""
    pieces, at = [], 0
    while (start := text.find("<!--", at)) >= 0:
        pieces.append(text[at:start])
        end = text.find("-->", start)
        if end < 0:
            return " ".join(pieces)
        at = end + 3
    return " ".join([*pieces, text[at:]])


def keep(db: Session, repo: Repo, data: Mapping[str, Any] | None, tags: Sequence[str], body: str) -> None:
    """The repository is found by its name, what its card calls it, its tags, and the text of its card."""
    row = db.scalar(select(RepoText).where(RepoText.repo_id == repo.id))
    if row is None:
        row = RepoText(repo_id=repo.id)
        db.add(row)
    called = [value[:300] for key in TITLES if isinstance(value := (data or {}).get(key), str)]
    filed = [*called, *(tag for tag in tags if tag != REGION)]
    service.write(db, row, title=repo.path, tags=filed, body=plain(body))
    db.flush()
    headings = [line.lstrip("# ") for line in body[:MAX_READ_CHARS].splitlines() if line.startswith("#")]
    near.learn(db, [repo.path, row.spellings, *filed, *headings[:20]])


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
