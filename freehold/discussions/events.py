"""What happened in threads: for whoever watches, is mentioned, or keeps count.

``event`` is the row of the thread that tells of it, ``actor`` who did it. Told inside the transaction that did it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from freehold.access.rules import Actor
from freehold.discussions.tables import Discussion, Event
from freehold.repos.tables import Repo


@dataclass(frozen=True)
class DiscussionOpened:
    """A thread or a pull request is there; ``event`` is its first comment."""

    repo: Repo
    discussion: Discussion
    actor: Actor
    event: Event


@dataclass(frozen=True)
class CommentAdded:
    """Somebody said something more in a thread."""

    repo: Repo
    discussion: Discussion
    actor: Actor
    event: Event


@dataclass(frozen=True)
class CommentEdited:
    """A comment says something else now; whom the new wording names tells :class:`Mentioned`."""

    repo: Repo
    discussion: Discussion
    actor: Actor
    event: Event


@dataclass(frozen=True)
class CommentHidden:
    """The words of a comment are gone for good."""

    repo: Repo
    discussion: Discussion
    actor: Actor
    event: Event


@dataclass(frozen=True)
class ThreadRenamed:
    """The thread was called ``before``, and is called what ``discussion.title`` says."""

    repo: Repo
    discussion: Discussion
    actor: Actor
    event: Event
    before: str


@dataclass(frozen=True)
class StatusChanged:
    """The thread was ``before`` and is what ``discussion.status`` says now. Of a merge tells :class:`Merged`."""

    repo: Repo
    discussion: Discussion
    actor: Actor
    event: Event
    before: str


@dataclass(frozen=True)
class ReviewGiven:
    """Somebody judged a pull request: ``verdict`` is approved, changes_requested or commented."""

    repo: Repo
    discussion: Discussion
    actor: Actor
    event: Event
    verdict: str


@dataclass(frozen=True)
class ProposalMoved:
    """Commits came to a pull request, or took the place of others (``is_forced``)."""

    repo: Repo
    discussion: Discussion
    actor: Actor
    event: Event
    is_forced: bool


@dataclass(frozen=True)
class Merged:
    """A pull request is in its branch by ``commit``, made here or pushed."""

    repo: Repo
    discussion: Discussion
    actor: Actor
    event: Event
    commit: str


@dataclass(frozen=True)
class Mentioned:
    """A comment names people for the first time. All of ``account_ids`` may read the repository; they are few."""

    repo: Repo
    discussion: Discussion
    actor: Actor
    event: Event
    account_ids: Sequence[str]
