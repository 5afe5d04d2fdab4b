"""What happened to endpoints."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from freehold.access.rules import Actor
from freehold.inference.tables import Endpoint


@dataclass(frozen=True)
class EndpointDeployed:
    """A model answers under a name from now on, as far as there is memory for it."""

    endpoint: Endpoint
    actor: Actor


@dataclass(frozen=True)
class EndpointChanged:
    """``changed``: what is different now, by the name that the JSON API gives it. A key is told as changed, never."""

    endpoint: Endpoint
    actor: Actor
    changed: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EndpointRemoved:
    """About to be gone: its row still stands while listeners run. ``why``: '' where somebody asked for it."""

    endpoint: Endpoint
    actor: Actor
    why: str = ""
