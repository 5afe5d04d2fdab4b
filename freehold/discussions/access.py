"""Who may do what in a thread, in terms of ``access``: reading and proposing come from the repository."""

from freehold.access.rules import Action, Actor
from freehold.discussions.errors import NotYours, ThreadLocked
from freehold.discussions.tables import Discussion, Event
from freehold.repos.access import may
from freehold.repos.tables import Repo


def is_author(actor: Actor, thing: Discussion | Event) -> bool:
    return actor.id is not None and thing.author_id == actor.id


def may_lead(actor: Actor, repo: Repo, discussion: Discussion) -> bool:
    """Whether ``actor`` may rename, close and reopen the thread: its author, or whoever may write to the repository."""
    return is_author(actor, discussion) or bool(may(actor, Action.WRITE, repo))


def check_leads(actor: Actor, repo: Repo, discussion: Discussion) -> None:
    if not may_lead(actor, repo, discussion):
        raise NotYours(f"Only its author and those who may write to {repo.path} can do this.")


def check_author(actor: Actor, event: Event) -> None:
    """Nobody puts words into another's mouth, administrators included."""
    if not is_author(actor, event):
        raise NotYours("Only its author can edit a comment.")


def check_speaks(actor: Actor, repo: Repo, discussion: Discussion) -> None:
    """Whoever may propose to the repository has a say, until the thread is locked."""
    if discussion.is_locked and not may(actor, Action.WRITE, repo):
        raise ThreadLocked
