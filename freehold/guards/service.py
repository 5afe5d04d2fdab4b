"""The verbs: a guard is read from what somebody wrote; what guards found is kept and forgotten."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from freehold.core import clock
from freehold.core.ids import ordered_id
from freehold.guards import finding, json_schema, words
from freehold.guards.errors import BadGuard
from freehold.guards.rules import Does, Finding, Guard, Kind, Side
from freehold.guards.tables import GuardFinding

KINDS: tuple[Kind, ...] = ("personal", "secrets", "profanity", "size", "schema", "model")
SIDES: tuple[Side, ...] = ("input", "output")
DOES: tuple[Does, ...] = ("block", "mask", "mark")
#: Findings of a route that are kept, and of one call.
KEPT, KEPT_OF_CALL = 500, 50
#: The kept ones are cut back once in so many calls.
CUT_EVERY = 16
_OPTIONS: Mapping[str, frozenset[str]] = {
    "personal": frozenset({"kinds"}),
    "secrets": frozenset(),
    "profanity": frozenset({"languages", "words"}),
    "size": frozenset({"characters", "bytes"}),
    "schema": frozenset({"schema"}),
    "model": frozenset({"model", "prompt", "answers", "labels"}),
}


def read(given: Mapping[str, Any]) -> Guard:
    """A guard from what somebody wrote: ``{"kind", "side", "does", ...options}``. Raises :class:`BadGuard`."""
    if not isinstance(given, Mapping):
        raise BadGuard("A guard is an object with kind, side and does.")
    kind, side, does = given.get("kind"), given.get("side"), given.get("does")
    if kind not in KINDS or side not in SIDES or does not in DOES:
        raise BadGuard(
            f"A guard has a kind ({', '.join(KINDS)}), a side ({', '.join(SIDES)}) and does ({', '.join(DOES)})."
        )
    options = {
        key: value
        for key, value in given.items()
        if key not in ("kind", "side", "does") and value not in (None, "", [])
    }
    unknown = sorted(set(options) - _OPTIONS[kind])
    if unknown:
        raise BadGuard(f"A guard of kind {kind} has no {unknown[0][:40]!r}.")
    if kind == "schema" and side == "input":
        raise BadGuard("A schema is of answers: its guard stands on the output.")
    if kind in ("size", "schema") and does == "mask":
        raise BadGuard(f"A guard of kind {kind} blocks or marks; there is no place to mask.")
    if kind == "size" and side == "output" and "bytes" in options:
        raise BadGuard("Bytes are of files that are asked about: an answer is bounded by characters.")
    return Guard(kind, side, does, _checked(kind, options))


def written(guard: Guard) -> dict[str, Any]:
    """``guard`` as :func:`read` reads it."""
    return {"kind": guard.kind, "side": guard.side, "does": guard.does, **guard.options}


def record(db: Session, findings: Sequence[Finding], request_id: str) -> None:
    """What one call's guards found is kept; of each route the newest ``KEPT``."""
    for one in findings[:KEPT_OF_CALL]:
        if not one.route_id:
            continue
        db.add(
            GuardFinding(
                id=ordered_id(), route_id=one.route_id, at=clock.now(), guard=one.guard, side=one.side, does=one.does,
                what=one.what[:60], place=one.place[:60], count=one.count, request_id=request_id[:256],
            )
        )  # fmt: skip
    for route_id in {one.route_id for one in findings if one.route_id}:
        if int(ordered_id()[-2:], 16) % CUT_EVERY == 0:
            _cut(db, route_id)
    db.flush()


def found(db: Session, route_id: str, *, limit: int) -> Sequence[GuardFinding]:
    """What the guards of a route found lately, the newest first. Whether somebody may know is the caller's to check."""
    query = select(GuardFinding).where(GuardFinding.route_id == route_id).order_by(GuardFinding.id.desc())
    return db.scalars(query.limit(min(limit, KEPT))).all()


def forget(db: Session, route_id: str) -> None:
    """The route is gone, or its owner wants its findings gone."""
    db.execute(delete(GuardFinding).where(GuardFinding.route_id == route_id))


def _cut(db: Session, route_id: str) -> None:
    mine = select(GuardFinding.id).where(GuardFinding.route_id == route_id).order_by(GuardFinding.id.desc())
    last = db.scalar(mine.offset(KEPT).limit(1))
    if last is not None:
        db.execute(delete(GuardFinding).where(GuardFinding.route_id == route_id, GuardFinding.id <= last))


def _checked(kind: Kind, options: dict[str, Any]) -> dict[str, Any]:
    if kind == "personal":
        options["kinds"] = _some(options.get("kinds", ()), finding.PERSONAL, "kind of personal data")
    if kind == "profanity":
        options["languages"] = _some(options.get("languages", ()), tuple(words.WORDS), "language")
        own = _texts(options.get("words", ()), "words", words.MAX_OWN, words.MAX_OWN_LENGTH)
        options["words"] = own
    if kind == "size":
        for name in options or ("characters",):
            options[name] = _whole(options.get(name), name, 100_000_000)
    if kind == "schema":
        options["schema"] = json_schema.checked(options.get("schema"))
    if kind == "model":
        _check_model(options)
    return {key: value for key, value in options.items() if value not in ((), [])}


def _check_model(options: dict[str, Any]) -> None:
    if not isinstance(options.get("model"), str) or len(options["model"]) > 193:
        raise BadGuard("A guard that is a model names it: the name that calls use.")
    prompt = options.get("prompt", "{{text}}")
    if not isinstance(prompt, str) or len(prompt) > 8000 or "{{text}}" not in prompt:
        raise BadGuard("What a guard model is asked holds {{text}} where the text comes, and at most 8,000 characters.")
    if "answers" in options:
        options["answers"] = [one.lower() for one in _texts(options["answers"], "answers", 20, 60)]
    labels = options.get("labels")
    if labels is None:
        return
    if not isinstance(labels, Mapping) or not 0 < len(labels) <= 50:
        raise BadGuard('Labels are an object of 1 to 50 labels and the score from which each counts: {"harm": 0.5}.')
    for label, least in labels.items():
        is_score = isinstance(least, int | float) and not isinstance(least, bool) and 0 < least <= 1
        if not is_score or not 0 < len(str(label)) <= 60:
            raise BadGuard(f"The label {str(label)[:60]!r} counts from a score over 0, at most 1.")


def _some(given: Any, known: Sequence[str], what: str) -> list[str]:
    chosen = _texts(given, what, len(known), 40)
    unknown = [one for one in chosen if one not in known]
    if unknown:
        raise BadGuard(f"No {what} is called {unknown[0]!r}; known are {', '.join(known)}.")
    return chosen


def _texts(given: Any, what: str, most: int, longest: int) -> list[str]:
    if isinstance(given, str):
        given = given.split(",")
    if not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):
        raise BadGuard(f"{what} is a list of words.")
    chosen = [one.strip() for one in given if one.strip()]
    if len(chosen) > most or any(len(one) > longest for one in chosen):
        raise BadGuard(f"{what} has at most {most} words of {longest} characters.")
    return chosen


def _whole(given: Any, what: str, most: int) -> int:
    try:
        value = int(given)
    except (TypeError, ValueError) as err:
        raise BadGuard(f"A guard of size says {what}, a whole number.") from err
    if isinstance(given, bool) or not 0 < value <= most:
        raise BadGuard(f"{what} is from 1 to {most}.")
    return value
