"""Routes as forms write them: repeated fields for targets and guards, and one line for what a guard looks for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from freehold.routing.rules import MAX_TARGETS

MAX_TYPED = 40_000
EMPTY_ROWS = 2
#: How many models a kind has, where that is given.
ROWS_OF = {"pinned": 1, "small_first": 2}


@dataclass(frozen=True)
class TargetRow:
    """A target as typed."""

    name: str = ""
    weight: str = ""
    when: str = ""
    timeout: str = ""


@dataclass(frozen=True)
class GuardRow:
    """A guard as typed. ``options``: "kinds: mail, card", or the JSON schema itself."""

    kind: str = ""
    side: str = "input"
    does: str = "mask"
    options: str = ""


@dataclass(frozen=True)
class Typed:
    """A route as typed."""

    name: str = ""
    description: str = ""
    kind: str = "fallback"
    targets: Sequence[TargetRow] = ()
    sticky: str = ""
    seed: str = ""
    also_too_long: bool = False
    check_kind: str = "refusal"
    check_value: str = ""
    check_judge: str = ""
    guards: Sequence[GuardRow] = ()
    is_on: bool = True
    keeps_content: bool = False
    rows: Sequence[TargetRow] = field(init=False)
    guard_rows: Sequence[GuardRow] = field(init=False)

    def __post_init__(self) -> None:
        blank = max(EMPTY_ROWS, 3 - len(self.targets))
        object.__setattr__(self, "rows", [*self.targets, *[TargetRow()] * blank][:MAX_TARGETS])
        object.__setattr__(self, "guard_rows", [*self.guards, *[GuardRow()] * EMPTY_ROWS])

    def policy(self) -> dict[str, Any]:
        """As ``policies.read`` takes it; numbers that are none are left for it to refuse."""
        said: dict[str, Any] = {
            "kind": self.kind,
            # Rows that the form does not show with this kind do not count.
            "targets": [_target(row) for row in self.targets[: ROWS_OF.get(self.kind)]],
            "guards": [_guard(row) for row in self.guards],
        }
        if self.kind == "canary":
            said |= {"sticky": self.sticky, "seed": self.seed}
        if self.kind == "fallback":
            said["also_too_long"] = self.also_too_long
        if self.kind == "small_first":
            said["check"] = {"kind": self.check_kind, "value": self.check_value, "judge": self.check_judge}
        return said


def typed(policy: Mapping[str, Any], **more: Any) -> Typed:
    """``policy``, as ``policies.written`` wrote it, to be changed in a form."""
    check = policy.get("check", {})
    value = check.get("value", "")
    return Typed(
        kind=str(policy["kind"]),
        targets=[
            TargetRow(
                one["name"],
                str(one.get("weight", "")),
                one.get("when", ""),
                f"{one['timeout_s']:g}" if "timeout_s" in one else "",
            )
            for one in policy.get("targets", ())
        ],
        sticky=policy.get("sticky", ""),
        seed=policy.get("seed", ""),
        also_too_long=bool(policy.get("also_too_long")),
        check_kind=check.get("kind", "refusal"),
        check_value=value if isinstance(value, str) else json.dumps(value),
        check_judge=check.get("judge", ""),
        guards=[GuardRow(one["kind"], one["side"], one["does"], options_line(one)) for one in policy.get("guards", ())],
        **more,
    )


def options_line(guard: Mapping[str, Any]) -> str:
    """What a guard looks for, in one line that :func:`_guard` reads."""
    if guard["kind"] == "schema":
        return json.dumps(guard["schema"])
    parts = []
    for key in ("kinds", "languages", "words", "characters", "bytes", "model", "answers", "labels", "prompt"):
        value = guard.get(key)
        if isinstance(value, Mapping):
            value = ", ".join(f"{label}={least}" for label, least in value.items())
        if value:
            parts.append(f"{key}: {', '.join(value) if isinstance(value, list) else value}")
    return "; ".join(parts)


def _target(row: TargetRow) -> dict[str, Any]:
    said: dict[str, Any] = {"name": row.name.strip()}
    if row.weight.strip():
        said["weight"] = _number(row.weight)
    if row.when.strip():
        said["when"] = row.when
    if row.timeout.strip():
        said["timeout_s"] = _number(row.timeout)
    return said


def _guard(row: GuardRow) -> dict[str, Any]:
    said: dict[str, Any] = {"kind": row.kind, "side": row.side, "does": row.does}
    rest = row.options.strip()
    if row.kind == "schema":
        return said | {"schema": rest}
    while rest:
        key, colon, after = rest.partition(":")
        if not colon:
            return said | {rest[:60]: "?"}
        key = key.strip()
        value, _, rest = (after, "", "") if key == "prompt" else after.partition(";")
        said[key] = _labels(value) if key == "labels" else value.strip()
        rest = rest.strip()
    return said


def _labels(text: str) -> dict[str, Any]:
    labels = {}
    for pair in text.split(","):
        label, _, least = pair.rpartition("=")
        labels[label.strip()] = _number(least)
    return labels


def _number(text: str) -> Any:
    """A number as JSON has it; what is none stays a text, and is refused as such."""
    plain = text.strip()
    if plain.isascii() and plain.isdigit() and len(plain) < 10:
        return int(plain)
    try:
        return float(plain) if len(plain) < 20 and plain.replace(".", "", 1).isdigit() else plain
    except ValueError:
        return plain
