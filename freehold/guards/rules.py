"""What a guard is and what it found. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["personal", "secrets", "profanity", "size", "schema", "model"]
Side = Literal["input", "output"]
Does = Literal["block", "mask", "mark"]

MAX_GUARDS = 12


@dataclass(frozen=True)
class Guard:
    """One check, and what it does on a finding.

    ``options`` by kind. personal: ``kinds`` of personal data (none: all). profanity: ``languages``, ``words``. size:
    ``characters`` of words, ``bytes`` of files that are asked about. schema: ``schema``. model: ``model`` (a served
    name), ``prompt`` with ``{{text}}``, ``answers`` that count as a finding; or ``labels`` of a classifier with the
    score from which they count.
    """

    kind: Kind
    side: Side
    does: Does
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """What a guard found: what kind, where, how often. Never the text."""

    guard: Kind
    side: Side
    does: Does
    what: str  # "mail", "card", "too large", a label of a model
    place: str  # "messages[2]", "answer", "tool call"
    count: int = 1
    route_id: str = ""

    @property
    def said(self) -> str:
        """In one word for a header: ``input.personal.mail=mask``."""
        return f"{self.side}.{self.guard}.{self.what}={self.does}".replace(" ", "-").encode("ascii", "replace").decode()
