"""What happened to repositories."""

from dataclasses import dataclass

from freehold.access.rules import Actor
from freehold.repos.tables import Repo


@dataclass(frozen=True)
class RepoCreated:
    """A repository was made; listeners give it its first commit in the same transaction."""

    repo: Repo
    actor: Actor


@dataclass(frozen=True)
class RepoMoved:
    repo: Repo
    actor: Actor
    old_path: str


@dataclass(frozen=True)
class RepoSettingsChanged:
    repo: Repo
    actor: Actor


@dataclass(frozen=True)
class RepoDeleted:
    """About to be gone: its row still stands while listeners run."""

    repo: Repo
    actor: Actor
