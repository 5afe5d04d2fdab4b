"""Policies as they are written in JSON and kept, and as they are read. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from freehold.guards import service as guards
from freehold.guards.errors import BadGuard
from freehold.guards.rules import MAX_GUARDS
from freehold.routing import checking, conditions
from freehold.routing.errors import BadRoute
from freehold.routing.rules import (
    MAX_TARGETS,
    MAX_TIMEOUT_S,
    MAX_WEIGHT,
    Check,
    Choice,
    Kind,
    Policy,
    Sticky,
)

KINDS: tuple[Kind, ...] = get_args(Kind)
_KEYS = frozenset({"kind", "targets", "sticky", "seed", "also_too_long", "check", "guards"})


def read(given: Any) -> Policy:
    """A policy from what somebody wrote. Raises :class:`BadRoute`, which says at which key."""
    if not isinstance(given, Mapping):
        raise BadRoute("A policy is an object with kind and targets.")
    unknown = sorted(set(map(str, given)) - _KEYS)
    if unknown:
        raise BadRoute(f"A policy has no {unknown[0][:40]!r}; it has {', '.join(sorted(_KEYS))}.")
    kind = given.get("kind")
    if kind not in KINDS:
        raise BadRoute(f"A policy is of one of these kinds: {', '.join(KINDS)}.", field="kind")
    sticky: Sticky = given.get("sticky") or ""
    if sticky not in get_args(Sticky):
        raise BadRoute("A canary stays by user or by conversation, or is drawn anew for each call.", field="sticky")
    return Policy(
        kind=kind,
        choices=_choices(kind, given.get("targets")),
        sticky=sticky,
        seed=_line(given.get("seed"), 60, "seed"),
        also_too_long=bool(given.get("also_too_long")),
        check=_check(given.get("check")) if kind == "small_first" else None,
        guards=tuple(_guards(given.get("guards") or ())),
    )


def written(policy: Policy) -> dict[str, Any]:
    """``policy`` as :func:`read` reads it, without what is as usual."""
    said: dict[str, Any] = {"kind": policy.kind, "targets": [_target(one) for one in policy.choices]}
    if policy.kind == "canary":
        said |= {"sticky": policy.sticky, "seed": policy.seed}
    if policy.also_too_long:
        said["also_too_long"] = True
    if policy.check is not None:
        said["check"] = {"kind": policy.check.kind, "value": policy.check.value, "judge": policy.check.judge}
    said["guards"] = [guards.written(one) for one in policy.guards]
    return {key: value for key, value in said.items() if value not in ("", [])}


def names(policy: Policy) -> list[str]:
    """Every served name that a policy uses: its targets, its judge, its guards' models."""
    said = [choice.name for choice in policy.choices]
    if policy.check is not None and policy.check.judge:
        said.append(policy.check.judge)
    return said + [str(one.options["model"]) for one in policy.guards if one.kind == "model"]


def _choices(kind: Kind, given: Any) -> tuple[Choice, ...]:
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise BadRoute("Name at least one model.", field="targets")
    if len(given) > MAX_TARGETS:
        raise BadRoute(f"A route has at most {MAX_TARGETS} targets.", field="targets")
    chosen = tuple(_choice(kind, one, at) for at, one in enumerate(given))
    if kind == "pinned" and len(chosen) != 1:
        raise BadRoute("A pinned route has one target.", field="targets")
    if kind == "small_first" and len(chosen) != 2:
        raise BadRoute("Small first has two targets: the small one, then the large one.", field="targets")
    if kind == "canary" and not any(one.weight for one in chosen):
        raise BadRoute("At least one target of a canary has a weight.", field="targets")
    return chosen


def _choice(kind: Kind, given: Any, at: int) -> Choice:
    if isinstance(given, str):
        given = {"name": given}
    if not isinstance(given, Mapping) or set(given) - {"name", "weight", "when", "timeout_s"}:
        raise BadRoute("A target has a name, and may have weight, when and timeout_s.", field="targets")
    name = _line(given.get("name"), 193, "name")
    if "/" not in name:
        raise BadRoute(f"Target {at + 1} is not named: write namespace/name.", field="targets")
    weight = given.get("weight", 1)
    if isinstance(weight, bool) or not isinstance(weight, int) or not 0 <= weight <= MAX_WEIGHT:
        raise BadRoute(f"The weight of {name} is a whole number from 0 to {MAX_WEIGHT}.", field="targets")
    when = _line(given.get("when"), conditions.MAX_LENGTH, "when") if kind == "rules" else ""
    if when:
        try:
            conditions.parse(when)
        except BadRoute as err:
            raise BadRoute(f"Target {at + 1}: {err.message}", field="targets") from err
    timeout_s = given.get("timeout_s")
    if timeout_s is not None:
        is_number = isinstance(timeout_s, int | float) and not isinstance(timeout_s, bool)
        if not is_number or not 0 < timeout_s <= MAX_TIMEOUT_S:
            raise BadRoute(f"timeout_s of {name} is in seconds, at most {MAX_TIMEOUT_S}.", field="targets")
    return Choice(name, weight if kind == "canary" else 1, when, float(timeout_s) if timeout_s is not None else None)


def _check(given: Any) -> Check:
    if not isinstance(given, Mapping):
        raise BadRoute(f"Small first says how an answer is checked: {', '.join(checking.KINDS)}.", field="check_kind")
    if set(given) - {"kind", "value", "judge"}:
        raise BadRoute("A check has kind, value and judge.", field="check_kind")
    kind: Any = given.get("kind")
    judge = _line(given.get("judge"), 193, "judge") if kind == "judge" else ""
    return checking.checked(Check(kind, given.get("value", ""), judge))


def _guards(given: Any) -> list[Any]:
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise BadRoute("Guards are a list.", field="guards")
    if len(given) > MAX_GUARDS:
        raise BadRoute(f"A route has at most {MAX_GUARDS} guards.", field="guards")
    read_: list[Any] = []
    for at, one in enumerate(given):
        try:
            read_.append(guards.read(one))
        except BadGuard as err:
            raise BadRoute(f"Guard {at + 1}: {err.message}", field="guards") from err
    return read_


def _target(choice: Choice) -> dict[str, Any]:
    said: dict[str, Any] = {"name": choice.name, "weight": choice.weight, "when": choice.when}
    said["timeout_s"] = choice.timeout_s
    return {key: value for key, value in said.items() if value not in ("", None) and (key, value) != ("weight", 1)}


def _line(given: Any, most: int, what: str) -> str:
    if given is None:
        return ""
    if not isinstance(given, str) or len(given) > most or any(ord(one) < 32 for one in given):
        raise BadRoute(f"{what} is one line of at most {most} characters.", field=what)
    return given.strip()
