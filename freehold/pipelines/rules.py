"""What a pipeline says and what it comes to. Pure: nothing here holds a database object."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from freehold.inference.rules import Target
from freehold.routing import rules as routing
from freehold.routing.rules import Check, Plan

Kind = Literal["generate", "rewrite", "check", "classify", "join"]

MAX_BYTES = 64 << 10
MAX_STEPS = 20
#: Of a prompt once its places are filled, and of what one step gives.
MAX_TEXT = 400_000
MAX_SECONDS, USUAL_SECONDS = 600, 120
MAX_TOKENS, USUAL_TOKENS = 200_000, 8_000


@dataclass(frozen=True)
class Step:
    """One step. ``of``: the step whose text it checks, classifies or rewrites; '' what was asked."""

    name: str
    kind: Kind
    model: str = ""
    system: str = ""
    prompt: str = ""  # '' the call's own messages
    of: str = ""
    when: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    check: Check | None = None
    refuse: str = ""  # of a check: what is answered where it does not pass; '' the next step goes on
    steps: tuple["Step", ...] = ()  # of a join: side by side
    template: str = ""  # of a join: its text; '' the texts of its steps one below the other


@dataclass(frozen=True)
class Bounds:
    """``tokens`` of all answers together."""

    seconds: float = USUAL_SECONDS
    tokens: int = USUAL_TOKENS


@dataclass(frozen=True)
class Document:
    """A pipeline as its file says it."""

    steps: tuple[Step, ...]
    title: str = ""
    description: str = ""
    bounds: Bounds = Bounds()

    @property
    def all_steps(self) -> tuple[Step, ...]:
        """Also those that a join has side by side."""
        return tuple(inner for step in self.steps for inner in (*step.steps, step))

    @property
    def models(self) -> tuple[str, ...]:
        """Every served name that a step uses, once each."""
        names = [step.model for step in self.all_steps]
        names += [step.check.judge for step in self.all_steps if step.check is not None]
        return tuple(dict.fromkeys(name for name in names if name))


@dataclass(frozen=True)
class PipelinePlan:
    """A pipeline as one actor may use it: checked when it was made, good for one call."""

    pipeline_id: str
    served_name: str
    owner_id: str
    document: Document
    models: Mapping[str, Plan]  # by the name that steps give, in lower case
    keeps_content: bool = False


#: What any served name came to.
AnyPlan = Plan | PipelinePlan


def leaves(plan: AnyPlan) -> list[Target]:
    """Every model that may write an answer of ``plan``."""
    if not isinstance(plan, PipelinePlan):
        return routing.leaves(plan)
    writers = {step.model.lower() for step in plan.document.all_steps if step.kind in ("generate", "rewrite")}
    return [leaf for name, made in plan.models.items() if name in writers for leaf in routing.leaves(made)]


@dataclass
class Gave:
    """What a step came to: what templates and conditions find of it."""

    text: str = ""
    label: str = ""
    score: float | None = None
    passed: bool | None = None
    is_skipped: bool = False

    def said(self, what: str) -> str:
        """One field of it as a text."""
        if what == "passed":
            return "" if self.passed is None else "yes" if self.passed else "no"
        if what == "skipped":
            return "yes" if self.is_skipped else "no"
        if what == "score":
            return "" if self.score is None else f"{self.score:g}"
        return self.label if what == "label" else self.text
