"""What one repository adds to the tallies, and how that changes. Pure.

Downloads of a day have rows of their own for a month and go into their month's number then (``content.counting``). What
was added before is kept, so that days and weeks that have no rows any more are still told.
"""

import hashlib
import json
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

#: Raised when the same inputs would add something else: every repository is counted anew.
VERSION = 1
#: Days that are kept as days: twice the longest span that is told by them, and a little.
DAYS_KEPT = 200
GRAINS = ("day", "week", "month")

#: How many are new, downloads, likes.
Numbers = tuple[int, int, int]
#: Kind, dimension, grain, word, first day: the key of a tally.
Key = tuple[str, str, str, str, int]
#: By word, of each dimension.
Words = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Inputs:
    """What is known of one repository: its words by dimension, and its numbers by day and by month."""

    kind: str
    words: Words
    created: date
    days: Mapping[date, int]
    months: Mapping[date, int]
    likes: Mapping[date, int]

    def digest(self) -> str:
        """Of all of it: who knows the same digest has counted the same."""
        told = [VERSION, self.kind, self.created, sorted(self.words.items())]
        told += [sorted(numbers.items()) for numbers in (self.days, self.months, self.likes)]
        return hashlib.blake2b(repr(told).encode("utf-8", "replace"), digest_size=16).hexdigest()


@dataclass(frozen=True)
class Added:
    """What a repository has added: the same numbers under each of its words, by grain and first day."""

    kind: str
    words: Words
    series: Mapping[str, Mapping[int, Numbers]]

    def packed(self) -> bytes:
        series = {grain: [[begins, *numbers] for begins, numbers in of.items()] for grain, of in self.series.items()}
        return zlib.compress(json.dumps([self.kind, self.words, series], separators=(",", ":")).encode(), 1)

    @classmethod
    def unpacked(cls, body: bytes) -> "Added":
        kind, words, series = json.loads(zlib.decompress(body))
        return cls(
            kind, words, {grain: {row[0]: (row[1], row[2], row[3]) for row in of} for grain, of in series.items()}
        )


def begins(grain: str, day: int) -> int:
    """The first day of the stretch that ``day`` lies in, both as ``date.toordinal``."""
    if grain == "day":
        return day
    if grain == "week":  # Monday; the first day of all was one
        return day - (day - 1) % 7
    return date.fromordinal(day).replace(day=1).toordinal()


def added(inputs: Inputs, before: Added | None, *, today: date, recent_days: int, first_month: date) -> Added:
    """What ``inputs`` add, where ``before`` was added so far.

    Days from ``recent_days`` back have rows of their own; months from ``first_month`` on have their numbers.
    """
    known = before.series if before else {}
    downloads = _downloads(inputs, known, today.toordinal(), recent_days, first_month.toordinal())
    likes, new = _by_grain(inputs.likes), _by_grain({inputs.created: 1})
    horizon = today.toordinal() - DAYS_KEPT
    series: dict[str, dict[int, Numbers]] = {}
    for grain in GRAINS:
        places = sorted({*new[grain], *downloads[grain], *likes[grain]})
        series[grain] = {
            at: (new[grain].get(at, 0), downloads[grain].get(at, 0), likes[grain].get(at, 0))
            for at in places
            if grain != "day" or at >= horizon
        }
    series["all"] = {0: (1, sum(downloads["month"].values()), sum(inputs.likes.values()))}
    return Added(inputs.kind, inputs.words, series)


def _downloads(
    inputs: Inputs, known: Mapping[str, Mapping[int, Numbers]], today: int, recent_days: int, first_month: int
) -> dict[str, dict[int, int]]:
    days = {at: numbers[1] for at, numbers in known.get("day", {}).items() if at <= today - recent_days}
    days |= {day.toordinal(): number for day, number in inputs.days.items()}
    # Weeks that lie wholly among the days that are kept are summed; what was known of earlier ones stays.
    whole = begins("week", today - DAYS_KEPT) + 7
    weeks = {at: numbers[1] for at, numbers in known.get("week", {}).items() if at < whole}
    months = {at: numbers[1] for at, numbers in known.get("month", {}).items() if at < first_month}
    for at, number in days.items():
        if begins("week", at) >= whole:
            weeks[begins("week", at)] = weeks.get(begins("week", at), 0) + number
    counted = [(month.toordinal(), number) for month, number in inputs.months.items()]
    counted += [(begins("month", day.toordinal()), number) for day, number in inputs.days.items()]
    for at, number in counted:
        months[at] = months.get(at, 0) + number
    return {grain: _something(of) for grain, of in (("day", days), ("week", weeks), ("month", months))}


def _by_grain(numbers: Mapping[date, int]) -> dict[str, dict[int, int]]:
    sums: dict[str, dict[int, int]] = {grain: defaultdict(int) for grain in GRAINS}
    for day, number in numbers.items():
        for grain in GRAINS:
            sums[grain][begins(grain, day.toordinal())] += number
    return sums


def _something(numbers: Mapping[int, int]) -> dict[int, int]:
    return {at: number for at, number in numbers.items() if number}


def difference(before: Added | None, after: Added | None) -> Iterator[tuple[Key, Numbers]]:
    """What must be added to which tallies, so that they hold ``after`` in place of ``before``."""
    if before is not None and after is not None and _plain(before.words) == _plain(after.words):
        changed = {
            grain: _less(after.series.get(grain, {}), before.series.get(grain, {})) for grain in (*GRAINS, "all")
        }
        yield from _spread(Added(after.kind, after.words, changed), 1)
        return
    if before is not None:
        yield from _spread(before, -1)
    if after is not None:
        yield from _spread(after, 1)


def _spread(one: Added, sign: int) -> Iterator[tuple[Key, Numbers]]:
    """The same numbers for each word, and for all of the kind."""
    for dimension, words in (("", ("",)), *one.words.items()):
        for word in words:
            for grain, of in one.series.items():
                for at, (new, downloads, likes) in of.items():
                    yield (one.kind, dimension, grain, word, at), (sign * new, sign * downloads, sign * likes)


def _less(these: Mapping[int, Numbers], those: Mapping[int, Numbers]) -> dict[int, Numbers]:
    """``these`` without ``those``, where they differ."""
    nothing = (0, 0, 0)
    places = {at: (these.get(at, nothing), those.get(at, nothing)) for at in {*these, *those}}
    return {at: (a[0] - b[0], a[1] - b[1], a[2] - b[2]) for at, (a, b) in places.items() if a != b}


def _plain(words: Words) -> dict[str, list[str]]:
    return {dimension: list(of) for dimension, of in words.items()}
