"""The verbs of feedback: where it is kept, and giving it."""

from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.accounts.tables import Account
from freehold.core import clock
from freehold.core.ids import ordered_id
from freehold.people import access as people
from freehold.playground import queries, rules
from freehold.playground.errors import NoPlace
from freehold.playground.queries import Kept
from freehold.playground.queue import GATHER_S, WRITE
from freehold.playground.tables import FeedbackPlace, WaitingFeedback
from freehold.repos import service as repos
from freehold.repos.tables import Repo
from freehold.tasks.queue import enqueue


def choose(db: Session, actor: Actor, account: str, path: str) -> Repo:
    """From now on feedback of ``account`` (a name; empty: the actor) is kept in the data set ``path``.

    A person chooses for themselves, an administrator for their organisation. Raises what loading the data set to
    write raises, and what ``people.access`` raises for somebody else's account.
    """
    who = _account(db, actor, account)
    repo = repos.load(db, actor, path.strip().removeprefix("datasets/"), Action.WRITE, kind="dataset")
    assert actor.id is not None, "a person, as _account found"
    place = db.get(FeedbackPlace, who.id)
    if place is None:
        place = FeedbackPlace(account_id=who.id)
        db.add(place)
    place.repo_id, place.chosen_by, place.chosen_at = repo.id, actor.id, clock.now()
    db.flush()
    return repo


def make(db: Session, actor: Actor, account: str, name: str) -> Repo:
    """A new private data set for the feedback of ``account``, chosen at once. Raises as making a repository does."""
    who = _account(db, actor, account)
    repo = repos.create(db, actor, name.strip(), namespace=who.name, kind="dataset", visibility="private")
    return choose(db, actor, account, repo.path)


def stop(db: Session, actor: Actor, account: str) -> None:
    """Feedback of ``account`` is kept nowhere any more; what was kept stays. Nothing happens where nothing was."""
    who = _account(db, actor, account)
    db.execute(delete(FeedbackPlace).where(FeedbackPlace.account_id == who.id))


def rate(
    db: Session,
    actor: Actor,
    owner: str,
    said: rules.Said,
    *,
    messages: Any,
    rating: str,
    corrected: str | None = None,
    parameters: Any = None,
) -> Kept:
    """A thumb up or down, with the corrected answer, waits for its data set. Raises :class:`NoPlace`."""
    row = rules.rating(messages, said, rating, corrected, parameters, actor.name, clock.now())
    return _keep(db, actor, owner, "rating", row)


def prefer(
    db: Session,
    actor: Actor,
    owner: str,
    left: rules.Said,
    right: rules.Said,
    *,
    messages: Any,
    better: str,
    parameters: Any = None,
) -> Kept:
    """Which of two answers is better waits for its data set. Raises :class:`NoPlace`."""
    row = rules.preference(messages, left, right, better, parameters, actor.name, clock.now())
    return _keep(db, actor, owner, "preference", row)


def _keep(db: Session, actor: Actor, owner: str, kind: str, row: dict[str, Any]) -> Kept:
    people.person(db, actor)
    place = queries.kept(db, actor, owner)
    if place is None:
        raise NoPlace
    db.add(
        WaitingFeedback(
            id=ordered_id(),
            repo_id=place.repo_id,
            committed_as=place.committed_as,
            kind=kind,
            row=row,
            given_at=clock.now(),
        )
    )
    enqueue(db, WRITE, key=f"feedback:{place.repo_id}", once=True, after_s=GATHER_S, repo_id=place.repo_id)
    return place


def _account(db: Session, actor: Actor, name: str) -> Account:
    if not name or name.lower() == actor.name.lower():
        return people.person(db, actor)
    return people.organization(db, actor, name, Action.ADMIN)
