"""What happened to repositories."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from freehold.access.rules import Actor
from freehold.repos.tables import Repo


@dataclass(frozen=True)
class SpaceValueGiven:
    """A secret or a variable that came with the call; the value is kept out of every printed form."""

    key: str
    value: str = field(repr=False)
    description: str = ""


@dataclass(frozen=True)
class SpaceOptions:
    """What whoever creates a Space asks for it. The room of Spaces checks and keeps it; this room only passes it on."""

    hardware: str | None = None
    sleep_time_s: int | None = None
    secrets: Sequence[SpaceValueGiven] = ()
    variables: Sequence[SpaceValueGiven] = ()
    volumes: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class FirstCard:
    """A new repository starts with a card. ``licence`` empty: it names none."""

    licence: str = ""


@dataclass(frozen=True)
class RepoCreated:
    """A repository was made; listeners give it its first commit in the same transaction.

    ``has_history``: what it starts with is put there by whoever made it, so it gets no first commit. ``card`` None:
    the first commit has no card but what its kind needs.
    """

    repo: Repo
    actor: Actor
    has_history: bool = False
    space: SpaceOptions | None = None
    card: FirstCard | None = None


@dataclass(frozen=True)
class RepoMoved:
    repo: Repo
    actor: Actor
    old_path: str


@dataclass(frozen=True)
class RepoSettingsChanged:
    """``changed`` holds what is different now, under the names clients use (``private``, ``gated``, ...)."""

    repo: Repo
    actor: Actor
    changed: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RepoDeleted:
    """About to be gone: its row still stands while listeners run."""

    repo: Repo
    actor: Actor
