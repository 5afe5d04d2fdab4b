"""What a route is and what it comes to. Pure: nothing here holds a database object.

A *policy* is what its owner wrote. A *plan* is the policy for one actor and one call: names became targets that this
actor may call, and those that they may not are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from freehold.guards.rules import Finding, Guard
from freehold.inference.rules import Leg, Target

Kind = Literal["pinned", "canary", "fallback", "rules", "small_first"]
Sticky = Literal["", "user", "conversation"]
CheckKind = Literal["schema", "regex", "length", "refusal", "judge"]
#: What a part of an answer was for. "tried": it failed or did not pass, and another one answered.
Role = Literal["answer", "tried", "judge", "guard", "step"]

MAX_TARGETS = 8
#: Routes that name routes: how deep.
MAX_DEPTH = 4
#: Targets that one plan may come to, with those of its routes' routes.
MAX_LEAVES = 32
MAX_WEIGHT = 1000
MAX_TIMEOUT_S = 600


@dataclass(frozen=True)
class Check:
    """Whether the small model's answer will do. ``value``: a JSON schema, a pattern, bounds of length as "20-4000",
    words of refusal (empty: the usual ones), or what is asked of ``judge``, a served name that says yes or no."""

    kind: CheckKind
    value: Any = ""
    judge: str = ""


@dataclass(frozen=True)
class Choice:
    """One target of a policy. ``when``: as ``conditions`` reads it; empty: it is asked where no other's holds."""

    name: str
    weight: int = 1
    when: str = ""
    timeout_s: float | None = None  # until its first piece; None: as long as the engine is given


@dataclass(frozen=True)
class Policy:
    """What stands behind a route's name."""

    kind: Kind
    choices: tuple[Choice, ...]
    sticky: Sticky = ""
    seed: str = ""  # another one shuffles who gets which target of a canary
    also_too_long: bool = False  # a fallback goes on, too, where the prompt is too long for a target
    check: Check | None = None
    guards: tuple[Guard, ...] = ()


# ---- for one actor and one call ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Option:
    """A choice that this actor may call."""

    choice: Choice
    plan: "Plan"


@dataclass(frozen=True)
class RoutePlan:
    """A route as one actor may use it: checked when it was made, good for one call.

    ``left_out``: how many of its targets this actor may not call; their names are nowhere.
    """

    route_id: str
    served_name: str
    owner_id: str
    policy: Policy
    options: tuple[Option, ...]
    judge: "Plan | None" = None
    guard_models: Mapping[str, "Plan"] = field(default_factory=dict)  # by the name that a guard gives
    left_out: int = 0
    keeps_content: bool = False


#: What a served name came to: a model, or a route over models.
Plan = Target | RoutePlan


@dataclass(frozen=True)
class Asked:
    """Who asks and how, as far as policies look at it. Header names in lower case."""

    user_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Part:
    """What one leg of an answer was for; ``Ledger.legs`` has what it took at the same place."""

    role: Role
    via: str = ""  # the route or pipeline that made it
    step: str = ""  # of a pipeline


@dataclass
class Ledger:
    """What was done for one call; filled in while it goes on, and to be read also where it ended in an error.

    ``legs`` is what ``Runtime.call`` fills: each is recorded as a meter of its own. ``why``: the choices from the
    outside in, one sentence each. ``chosen``: of each route on the way, the name that it chose and why.
    """

    legs: list[Leg] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    why: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    chosen: dict[str, tuple[str, str]] = field(default_factory=dict)
    trace: list[dict[str, Any]] = field(default_factory=list)  # of a pipeline's steps

    def headers(self, target: Target) -> dict[str, str]:
        """Which model and revision gave the answer and why, for the head of an answer."""
        told = {"X-Freehold-Model": target.model, "X-Freehold-Served-Name": target.served_name}
        if target.revision:
            told["X-Freehold-Revision"] = target.revision
        if self.why:
            told["X-Freehold-Why"] = "; ".join(self.why)[:500].encode("ascii", "replace").decode()
        if self.findings:
            told["X-Freehold-Guards"] = ", ".join(sorted({one.said for one in self.findings}))[:500]
        return told


def leaves(plan: Plan) -> list[Target]:
    """Every model that a plan may call for its answer."""
    if isinstance(plan, Target):
        return [plan]
    return [leaf for option in plan.options for leaf in leaves(option.plan)]
