"""What openness is read from, and what comes of it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from freehold.cards.facts import Facts
from freehold.cards.licences.verdict import Step
from freehold.cards.openness.saying import Saying

Value = Literal["open", "partly", "closed", "unknown"]
Kind = Literal["file", "field", "section", "repo", "licence", "link", "hidden", "absent", "fact"]
#: From what is most open to what is least; what is unknown stands before what is closed.
VALUES: tuple[Value, ...] = ("open", "partly", "unknown", "closed")
#: The questions asked of each kind, in their order.
DIMENSIONS: Mapping[str, Sequence[str]] = {
    "model": ("weights", "code", "data", "recipe", "evaluation", "licence"),
    "dataset": ("data", "code", "recipe", "licence"),
}
#: Raised when the same material would be read otherwise: what is kept of an older version is read anew.
VERSION = 1


@dataclass(frozen=True)
class Evidence:
    """One thing that an answer rests on. ``what`` is a path, a key of the card, a heading, ``kind path`` of a
    repository, the id of a licence or an address; empty where there is nothing to go to."""

    kind: Kind
    what: str
    words: str


@dataclass(frozen=True)
class Reading:
    """The answer to one question. ``short`` stands in the summary."""

    value: Value
    short: str
    evidence: Sequence[Evidence] = ()


@dataclass(frozen=True)
class Told:
    """What one commit says by itself: paths by what they are for (``files.ROLES``), and the words of its card.

    ``missing``: parts that an index of weights names and that are not there.
    """

    roles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    missing: Sequence[str] = ()
    saying: Saying = field(default_factory=Saying)

    def plain(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {
            "roles": {role: list(paths) for role, paths in self.roles.items()},
            "missing": list(self.missing),
            "saying": self.saying.plain(),
        }


@dataclass(frozen=True)
class Neighbour:
    """What the card names. ``problem``: why nothing is known of it; ``values``: its own answers, none where they are
    not there yet; ``answer``: what its licence permits."""

    relation: str
    kind: str
    path: str
    problem: str = ""
    is_hidden: bool = False
    is_gated: bool = False
    answer: str = "unresolved"
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Material:
    """Everything that one repository's openness is read from. ``steps``: of its licence verdict, itself first."""

    kind: str
    told: Told
    facts: Facts
    data: Mapping[str, Any] = field(default_factory=dict)
    tags: Sequence[str] = ()
    is_gated: bool = False
    steps: Sequence[Step] = ()
    results: Sequence[Mapping[str, Any]] = ()
    bases: Sequence[Neighbour] = ()
    sets: Sequence[Neighbour] = ()

    def paths(self, role: str) -> Sequence[str]:
        return self.told.roles.get(role, ())


def told_of(plain: Mapping[str, Any]) -> Told:
    """What :meth:`Told.plain` gave."""
    return Told(plain["roles"], plain["missing"], Saying.of_plain(plain["saying"]))


def files(paths: Sequence[str], words: str, most: int = 4) -> list[Evidence]:
    """The first few of these files as evidence, and how many more there are."""
    shown = [Evidence("file", path, words) for path in paths[:most]]
    if len(paths) > most:
        shown.append(Evidence("fact", "", f"and {len(paths) - most} more"))
    return shown
