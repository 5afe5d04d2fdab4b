"""Routes on the wire."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field

from freehold.guards.tables import GuardFinding
from freehold.routing.queries import Seen
from freehold.routing.service import Given
from freehold.routing.tables import RouteChoice


class RouteBody(BaseModel):
    """A route. ``policy``: ``kind`` (pinned, canary, fallback, rules, small_first), ``targets``, ``guards``..."""

    name: str = Field("", max_length=193)
    description: str = Field("", max_length=500)
    policy: dict[str, Any]
    on: bool = True
    keepsContent: bool = Field(False, description="What is asked and answered is kept, for its owner to read.")

    def given(self) -> Given:
        return Given(self.name, self.policy, self.description, self.on, self.keepsContent)


class SwitchBody(BaseModel):
    on: bool


def route(seen: Seen) -> dict[str, Any]:
    return {
        "name": seen.name,
        "description": seen.description,
        "kind": seen.kind,
        "on": seen.is_on,
        "keepsContent": seen.keeps_content,
        "callable": seen.is_callable,
        "abilities": seen.abilities,
        "policy": seen.policy,
        "leftOut": seen.left_out,
        "mayChange": seen.may_change,
        "updatedAt": seen.updated_at.isoformat(),
    }


def recent(choices: Sequence[RouteChoice], findings: Sequence[GuardFinding]) -> dict[str, Any]:
    return {
        "choices": [
            {
                "at": one.at.isoformat(), "chosen": one.chosen, "model": one.model, "revision": one.revision,
                "why": one.why, "outcome": one.outcome, "legs": one.legs, "tokens": one.tokens,
                "requestId": one.request_id,
            }
            for one in choices
        ],
        "findings": [
            {
                "at": one.at.isoformat(), "guard": one.guard, "side": one.side, "does": one.does, "what": one.what,
                "place": one.place, "count": one.count, "requestId": one.request_id,
            }
            for one in findings
        ],
    }  # fmt: skip
