"""Reads of a Space's settings and state. A secret's value is in none of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.cards.tables import RepoCard
from freehold.content import queries as content
from freehold.content.kit import Kit
from freehold.repos.tables import Repo
from freehold.spaces import rules
from freehold.spaces.tables import SpaceValue, SpaceWish

Stage = Literal["NO_APP_FILE", "STOPPED"]


@dataclass(frozen=True)
class Secret:
    """What may be told of a secret."""

    key: str
    description: str
    updated_at: datetime


@dataclass(frozen=True)
class Variable:
    """A variable, value and all."""

    key: str
    value: str
    description: str
    updated_at: datetime


@dataclass(frozen=True)
class Runtime:
    """How a Space is. ``hardware`` is what it asks for; nothing runs, so it has none."""

    stage: Stage
    hardware: str | None
    sleep_time_s: int | None
    volumes: Sequence[dict[str, Any]]


def secrets(db: Session, repo: Repo) -> list[Secret]:
    """The secrets of a Space by key. Their values are not even read."""
    columns = (SpaceValue.key, SpaceValue.description, SpaceValue.updated_at)
    query = select(*columns).where(SpaceValue.repo_id == repo.id, SpaceValue.is_secret).order_by(SpaceValue.key)
    return [Secret(row.key, row.description, row.updated_at) for row in db.execute(query)]


def variables(db: Session, repo: Repo) -> list[Variable]:
    query = select(SpaceValue).where(SpaceValue.repo_id == repo.id, ~SpaceValue.is_secret).order_by(SpaceValue.key)
    return [Variable(row.key, row.value, row.description, row.updated_at) for row in db.scalars(query)]


def runtime(db: Session, kit: Kit, repo: Repo) -> Runtime:
    """How a Space is: stopped, or without an app."""
    wish = db.get(SpaceWish, repo.id)
    commit = content.head(db, repo)
    card = db.get(RepoCard, repo.id)
    wanted = rules.app_file(repo.sdk, (card.data if card else None) or {})
    entry = content.objects(db, repo, kit).entry(commit, wanted.strip("/")) if commit else None
    is_there = entry is not None and entry.kind == "file"
    return Runtime(
        stage="STOPPED" if is_there else "NO_APP_FILE",
        hardware=wish.hardware if wish else None,
        sleep_time_s=wish.sleep_time_s if wish else None,
        volumes=wish.volumes if wish else (),
    )


def wire(runtime: Runtime, *, with_volumes: bool = False) -> dict[str, Any]:
    """A runtime as clients read it. Volumes may name what not every reader may know of. Source: hub-api.md 10."""
    told: dict[str, Any] = {
        "stage": runtime.stage,
        "hardware": {"current": None, "requested": runtime.hardware},
        "gcTimeout": runtime.sleep_time_s,
        "storage": None,
        "devMode": False,
        "replicas": {"current": 0, "requested": 0},
    }
    if with_volumes:
        told["volumes"] = list(runtime.volumes)
    return told
