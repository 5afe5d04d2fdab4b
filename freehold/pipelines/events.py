"""What happened to pipelines."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from freehold.access.rules import Actor
from freehold.pipelines.tables import Pipeline


@dataclass(frozen=True)
class PipelineServed:
    """A file of a repository answers under a name from now on."""

    pipeline: Pipeline
    actor: Actor


@dataclass(frozen=True)
class PipelineChanged:
    """``changed``: what is different now, by the name that the JSON API gives it."""

    pipeline: Pipeline
    actor: Actor
    changed: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PipelineStopped:
    """About to be served no more: its row still stands while listeners run. ``why``: '' where somebody asked for it."""

    pipeline: Pipeline
    actor: Actor
    why: str = ""
