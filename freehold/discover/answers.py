"""What an address answers to the questions of lists: words, bounds and machines, read and said again."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from freehold.core import clock
from freehold.core.errors import BadRequest
from freehold.discover import machines
from freehold.discover.machines import Choice

#: The word for what nothing tells.
UNKNOWN = "unknown"
MAX_WORDS, MAX_CHARS = 20, 100
_K, _M, _B, _T = 10**3, 10**6, 10**9, 10**12
#: By unit: what may follow a number, as a lower and as an upper bound. A thousand tokens are 1,000 or 1,024, whichever
#: leaves more: who asks for 32k means models of 32,768.
_SUFFIXES: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "count": {"": (1, 1), "K": (_K, _K), "M": (_M, _M), "B": (_B, _B), "T": (_T, _T)},
    "tokens": {"": (1, 1), "K": (_K, 1 << 10), "M": (_M, 1 << 20)},
    "bytes": {"": (1, 1), "K": (_K, _K), "M": (_M, _M), "G": (_B, _B), "T": (_T, _T)},
}
#: How bounds are written, by unit.
EXAMPLES = {
    "count": "min:6B,max:128B, with K, M, B or T",
    "tokens": "min:32K, with K or M",
    "bytes": "min:100MB,max:4GB, with KB, MB, GB or TB",
    "day": "30d (the last 30 days), year (this year), or min:2026-01-31,max:2026-12-31",
}


@dataclass(frozen=True)
class Answer:
    """One of ``words`` or what lies between the bounds is enough; ``text`` is as an address says it.

    Bounds are both included; None: no bound. Moments are aware. ``name``: of a machine, in words.
    """

    text: str
    words: tuple[str, ...] = ()
    at_least: int | datetime | None = None
    at_most: int | datetime | None = None
    name: str = ""

    @property
    def has_bounds(self) -> bool:
        return self.at_least is not None or self.at_most is not None

    def takes(self, value: int) -> bool:
        """Whether a number lies within the bounds."""
        least, most = self.at_least, self.at_most
        return not ((isinstance(least, int) and value < least) or (isinstance(most, int) and value > most))


def words(name: str, text: str, known: Mapping[str, str], *, may_be_unknown: bool) -> Answer | None:
    """``yes,conditions`` as alternatives; None: nothing is asked. ``known`` empty: any word is one.

    Raises ``BadRequest`` for a word that is none.
    """
    given = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    choices = [*known, *([UNKNOWN] if may_be_unknown else [])]
    for word in given:
        if known and word not in choices:
            raise BadRequest(f"{name} is one or more of {', '.join(choices)}; {word[:40]!r} is not.")
        if "\x00" in word or len(word) > MAX_CHARS:
            raise BadRequest(f"{name} has words of up to {MAX_CHARS} characters, without a NUL.")
    if len(given) > MAX_WORDS:
        raise BadRequest(f"{name} takes up to {MAX_WORDS} words; these are {len(given)}.")
    return Answer(",".join(given), given) if given else None


def bounds(name: str, text: str, unit: str, *, may_be_unknown: bool) -> Answer | None:
    """``min:6B,max:128B``, either of them alone, or ``unknown`` besides; None: nothing is asked.

    Raises ``BadRequest`` for anything else.
    """
    parts = [part for part in text.replace(" ", "").split(",") if part]
    found: dict[str, int | datetime | None] = {}
    said: dict[str, str] = {}
    for part in parts:
        key, _, rest = part.partition(":")
        rest = rest.upper()
        if part == UNKNOWN and may_be_unknown:
            said[UNKNOWN] = UNKNOWN
        elif key in ("min", "max") and (value := _bound(unit, rest, is_upper=key == "max")) is not None:
            found[key], said[key] = value, f"{key}:{rest}"
        elif unit == "day" and (since := _since(part)) is not None:
            found["min"], said["min"] = since, part
        else:
            unknown = f", or {UNKNOWN}" if may_be_unknown else ""
            raise BadRequest(f"{name} is like {EXAMPLES[unit]}{unknown}; {part[:40]!r} is not.")
    if not said:
        return None
    told = ",".join(said[key] for key in ("min", "max", UNKNOWN) if key in said)
    return Answer(told, (UNKNOWN,) if UNKNOWN in said else (), found.get("min"), found.get("max"))


def machine(name: str, text: str, own: Mapping[str, Choice]) -> Answer | None:
    """A machine (``cpu-16``, ``gpu-24x2``, or one of ``own``) as what it has room for; None: none asked.

    Raises ``BadRequest`` for what is no machine, ``MachineNotFound`` for somebody's that is none of ``own``.
    """
    if not text:
        return None
    found = machines.find(text, own)
    if found is None:
        raise BadRequest(
            f"{name} is a machine like cpu-16, gpu-24 or gpu-80x8, with its memory in GB, or one of yours like "
            f"mine:laptop or lab:fleet; {text[:40]!r} is not."
        )
    return Answer(found.address, at_most=found.room_bytes, name=found.name)


def said(answer: Answer, names: Mapping[str, str], unknown: str) -> str:
    """The answer in words; ``names`` of its words or classes, ``unknown`` for what nothing tells."""
    if answer.text in names:
        return names[answer.text]
    told = [names.get(word, word) for word in answer.words if word != UNKNOWN]
    parts = dict(part.split(":", 1) for part in answer.text.split(",") if part.startswith(("min:", "max:")))
    if "min" in parts and "max" in parts:
        told.append(f"{parts['min']} to {parts['max']}")
    elif answer.at_least is not None:
        told.append(f"{parts['min']} and more" if "min" in parts else names.get(answer.text, answer.text))
    elif answer.at_most is not None:
        told.append(f"up to {parts['max']}" if "max" in parts else answer.text)
    if UNKNOWN in answer.words:
        told.append(unknown)
    return " or ".join(told)[:120]


def _bound(unit: str, text: str, *, is_upper: bool) -> int | datetime | None:
    if unit == "day":
        return _day(text, is_end=is_upper)
    suffixes, written = _SUFFIXES[unit], text.removesuffix("B") if unit == "bytes" else text
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,6})?)([A-Z]?)", written)
    if found is None or found[2] not in suffixes:
        return None
    return min(int(float(found[1]) * suffixes[found[2]][is_upper]), 1 << 62)


def _day(text: str, *, is_end: bool) -> datetime | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    if not 1970 <= day.year <= 9000:
        return None
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return start + timedelta(days=1, microseconds=-1) if is_end else start


def _since(text: str) -> datetime | None:
    """``30d`` and ``year`` as moments from which on something happened."""
    now = clock.now().astimezone(UTC).replace(second=0, microsecond=0)  # who asks twice in a minute asks the same
    if text == "year":
        return datetime(now.year, 1, 1, tzinfo=UTC)
    found = re.fullmatch(r"([1-9]\d{0,3})d", text)
    return now - timedelta(days=int(found[1])) if found else None


def ends(answer: Answer | None) -> tuple[str, str]:
    """The lowest and the highest that is asked for, as fields of a form take them; empty: none."""
    parts = answer.text.split(",") if answer is not None else []
    found = dict(part.split(":", 1) for part in parts if part.startswith(("min:", "max:")))
    return found.get("min", ""), found.get("max", "")
