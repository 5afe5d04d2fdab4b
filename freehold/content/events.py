"""What happened inside repositories, and what is about to."""

from collections.abc import Mapping
from dataclasses import dataclass

from freehold.access.rules import Actor
from freehold.repos.tables import Repo


@dataclass(frozen=True)
class CommitProposed:
    """A commit was sent and is not made yet. A listener that raises refuses it, with what it raises.

    ``files`` are the texts that rooms above may have rules for: today ``README.md``, where the commit carries one.
    """

    repo: Repo
    actor: Actor
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class RepoPushed:
    """The full-named ``ref`` points to ``after`` (None: it is gone) and pointed to ``before`` (None: it is new).

    ``is_rewrite``: it is the same history without some files; :class:`LargeFilesErased` tells which commit is which.
    ``is_forced``: a branch or tag that somebody moved to where what it pointed to is no part of the history any more.
    """

    repo: Repo
    ref: str
    before: str | None
    after: str | None
    actor: Actor
    is_rewrite: bool = False
    is_forced: bool = False


@dataclass(frozen=True)
class LargeFilesErased:
    """The repository gave up these large files for good. ``commits``: new ids by old ones, of those that had to change.

    Each ref that moved with them was told of before, as :class:`RepoPushed`.
    """

    repo: Repo
    actor: Actor
    digests: tuple[str, ...]
    commits: Mapping[str, str]


@dataclass(frozen=True)
class PullRequestPushed:
    """A commit was made as the proposal ``refs/pr/<number>`` to the branch ``base``."""

    repo: Repo
    number: int
    base: str
    commit: str
    title: str
    description: str
    actor: Actor


@dataclass(frozen=True)
class RepoDuplicated:
    """``repo`` was made from ``source``: the same branches, tags and history under another name."""

    source: Repo
    repo: Repo
    actor: Actor


@dataclass(frozen=True)
class DownloadsCounted:
    """What was downloaded from these repositories since the last time is written down."""

    repo_ids: frozenset[str]
