"""Which models answer here, as far as whoever asks may call them.

What is open to all who may know of it stands in its row. What answers only some of them (behind a gate, or as an
adapter beside another model) another room tells: those are few.
"""

from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.discover.rules import Listing
from freehold.repos.tables import Repo

#: Among what a session knows (``Database.info``): ids of what answers an actor and not everybody, from ``main``.
INFO = "answers_besides"
Besides = Callable[[Session, Actor], frozenset[str]]
#: The question (``questions.BY_NAME``).
NAME = "inference"
_KNOWN = "answers_besides_known"


def besides(db: Session, actor: Actor) -> frozenset[str]:
    """Ids of repositories that answer ``actor``, though not everybody who may know of them. Asked once in a session."""
    told: Besides | None = db.info.get(INFO)
    if told is None:
        return frozenset()
    known: tuple[Actor, frozenset[str]] | None = db.info.get(_KNOWN)
    if known is None or known[0] != actor:
        known = db.info[_KNOWN] = actor, told(db, actor)
    return known[1]


def asked(db: Session, actor: Actor, listing: Listing) -> frozenset[str]:
    """The same where ``listing`` asks for what answers; else nobody need know."""
    return besides(db, actor) if NAME in listing.answers else frozenset()


def answers(repo: Repo, some: Collection[str]) -> bool:
    """Whether it answers whom ``some`` (:func:`besides`) was told of, who may know of it."""
    return (repo.is_served and not repo.gated and not repo.is_disabled) or repo.id in some


def status(db: Session, actor: Actor, repo: Repo) -> Any:
    """As clients read it: ``warm``; None where it does not answer."""
    return "warm" if answers(repo, besides(db, actor)) else None
