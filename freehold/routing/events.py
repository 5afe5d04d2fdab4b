"""What happened to routes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from freehold.access.rules import Actor
from freehold.routing.tables import Route


@dataclass(frozen=True)
class RouteMade:
    """A name stands for a policy from now on."""

    route: Route
    actor: Actor


@dataclass(frozen=True)
class RouteChanged:
    """``changed``: what is different now, by the name that the JSON API gives it; of a policy kind, targets, guards and
    ``policy`` for the rest of it."""

    route: Route
    actor: Actor
    changed: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RouteRemoved:
    """About to be gone: its row still stands while listeners run."""

    route: Route
    actor: Actor
