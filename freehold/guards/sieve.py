"""What several guards find in one text and what becomes of it: all at once, or piece by piece as it streams."""

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

from freehold.guards import finding
from freehold.guards.errors import Blocked
from freehold.guards.finding import MAX_SPACED, Detector, Span
from freehold.guards.folding import FLOOD, folded, is_dense
from freehold.guards.rules import Finding, Guard, Side

#: Of a word without an end, such as a long key: more than any finding has.
MAX_WORD = 1000
#: Of a finding that has begun and does not end, such as a private key.
MAX_OPEN = 24_000
#: Of what cannot be seen.
MAX_HELD = 1 << 18
#: So much of a long text is looked at at a time.
PIECE = 1 << 14
MAX_FINDINGS = 500
#: What was sent already is remembered so far back, for a finding that its beginning makes one.
CONTEXT = 128
#: Of the first line of a private key.
KEY_HEAD = 80
#: Of the longest rude word in a script without spaces.
DENSE_REACH = 8
#: A number with fewer digits is nobody's.
MIN_NUMBER = 10**6
#: Of one JSON text: each is looked at by itself.
MAX_VALUES = 60_000
_MASKS = {
    "mail": "[mail]", "phone": "[phone]", "iban": "[iban]", "card": "[card]", "national id": "[id]",
    "ip address": "[ip address]", "secret": "[secret]", "private key": "[secret]", "password": "[secret]",
    "word": "[...]",
}  # fmt: skip


@dataclass(frozen=True)
class Placed:
    """A guard at the route that has it."""

    guard: Guard
    route_id: str


@dataclass
class Sieve:
    """The guards of one side that look for places in a text. ``findings`` is written to as they find."""

    placed: Sequence[Placed]
    side: Side
    findings: list[Finding]
    _ways: list[tuple[Placed, list[Detector]]] = field(default_factory=list)
    reach: int = 0  # so many characters must be held back beyond a word

    def __post_init__(self) -> None:
        for one in self.placed:
            detectors = _detectors(one.guard)
            if detectors and one.guard.side == self.side:
                self._ways.append((one, detectors))
                spaced = [len(word) for word in one.guard.options.get("words", ()) if " " in word]
                self.reach = max(self.reach, 3 * max(spaced, default=0))

    def __bool__(self) -> bool:
        return bool(self._ways)

    @property
    def changes(self) -> bool:
        """Whether anything is masked or blocked, so that nothing may leave before it was looked at."""
        return any(one.guard.does != "mark" for one, _ in self._ways)

    def spans(self, text: str) -> list[tuple[Span, Placed]]:
        found = [(span, one) for one, detectors in self._ways for span in finding.find(text, detectors)]
        return sorted(found, key=lambda pair: pair[0].start)

    def clean(self, text: str, place: str) -> str:
        """``text`` with what is to be masked masked. Raises :class:`Blocked`.

        A long one is taken piece by piece: a pattern that runs over megabytes keeps all other threads waiting.
        """
        if len(text) <= PIECE:
            return self.apply(text, self.spans(text), place)
        holder = Holder(self, place, is_stream=False)
        said = [holder.take(text[at : at + PIECE]) for at in range(0, len(text), PIECE)]
        return "".join([*said, holder.end()])

    def apply(self, text: str, spans: Sequence[tuple[Span, Placed]], place: str) -> str:
        self.note(spans, place)
        said: list[str] = []
        past = 0
        for span, one in spans:
            if one.guard.does != "mask" or span.end <= past:
                continue
            said.append(text[past : max(past, span.start)])
            if span.start >= past:
                said.append(_MASKS[span.what])
            past = span.end
        return "".join([*said, text[past:]])

    def note(self, spans: Sequence[tuple[Span, Placed]], place: str) -> None:
        """Write down what was found; raises :class:`Blocked` where one of them lets nothing through."""
        counts = Counter((id(one), span.what) for span, one in spans)
        by_id = {id(one): one for one, _ in self._ways}
        for (which, what), count in counts.items():
            one = by_id[which]
            found = Finding(one.guard.kind, self.side, one.guard.does, what, place, count, one.route_id)
            last = self.findings[-1] if self.findings else None
            if last is not None and replace(last, count=count) == found:
                self.findings[-1] = replace(last, count=last.count + count)
            elif len(self.findings) < MAX_FINDINGS:
                self.findings.append(found)
        for span, one in spans:
            if one.guard.does == "block":
                raise blocked(self.side, one.guard, span.what)

    def clean_either(self, text: str, place: str) -> str:
        """As :meth:`clean`; what is JSON stays JSON."""
        return self.clean_json(text, place) if text.lstrip()[:1] in ("{", "[") else self.clean(text, place)

    def clean_json(self, text: str, place: str) -> str:
        """As :meth:`clean`, of a JSON text that stays one: its values are looked at, numbers too."""
        try:
            # What stands twice under one name would be read by a model, and not by us.
            value = json.loads(text, object_pairs_hook=_once)
        except (ValueError, RecursionError):
            return self.clean(text, place)
        if text.count(",") > MAX_VALUES and _is_of_many(value):
            raise Blocked(f"A JSON text has over {MAX_VALUES:,} values, too many for the guards of this route.")
        cleaned = self.walk(value, place)
        return text if cleaned == value else json.dumps(cleaned, ensure_ascii=False)

    def walk(self, value: Any, place: str, depth: int = 0, name: str = "") -> Any:
        if depth > 100:
            raise Blocked("The JSON is nested too deeply to be looked at by the guards of this route.")
        if isinstance(value, str):
            return self.member(name, value, place)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self.number(value, place)
        if isinstance(value, list):
            return [self.walk(one, place, depth + 1, name) for one in value]
        if isinstance(value, dict):
            return {self.clean(key, place): self.walk(one, place, depth + 1, key) for key, one in value.items()}
        return value

    def number(self, value: int | float, place: str) -> Any:
        """``value``, or a mask in its place. What has a fraction is nobody's number."""
        if -MIN_NUMBER < value < MIN_NUMBER or (isinstance(value, float) and not value.is_integer()):
            return value
        try:
            shown = json.dumps(value)
        except ValueError:  # more digits than Python writes: nothing that is looked for has so many
            return value
        cleaned = self.clean(shown, place) if len(shown) < MAX_WORD else shown
        return value if cleaned == shown else cleaned

    def member(self, name: str, text: str, place: str) -> str:
        """As :meth:`clean_either`, of what stands under ``name``: a password is one by its name alone."""
        if text.lstrip()[:1] in ("{", "["):
            return self.clean_json(text, place)
        if not finding.may_name_secret(name):
            return self.clean(text, place)
        before = len(name) + 1
        spans = [
            (Span(max(span.start - before, 0), span.end - before, span.what), one)
            for span, one in self.spans(f"{name}={text}")
            if span.end > before
        ]
        return self.apply(text, spans, place)

    def across(self, texts: Sequence[str], place: str) -> list[str]:
        """``texts`` as they are read one after the other, with what begins in one and ends in a later one masked where
        it begins. What lies within one of them is for :meth:`clean`. Raises :class:`Blocked`."""
        ends = list(accumulate(map(len, texts)))
        crossing: list[tuple[Span, Placed]] = []
        for span, one in self.spans("".join(texts)):
            is_apart = not crossing or span.start >= crossing[-1][0].end
            if is_apart and bisect_right(ends, span.start) < bisect_right(ends, span.end - 1):
                crossing.append((span, one))
        self.note(crossing, place)
        kept = list(texts)
        for span, one in reversed(crossing):
            if one.guard.does != "mask":
                continue
            first, last = bisect_right(ends, span.start), bisect_right(ends, span.end - 1)
            for at in range(first, last + 1):
                begins = ends[at] - len(texts[at])
                start, end = max(span.start - begins, 0), min(span.end - begins, len(texts[at]))
                kept[at] = kept[at][:start] + (_MASKS[span.what] if at == first else "") + kept[at][end:]
        return kept


def _is_of_many(value: Any) -> bool:
    left, count = [value], 0
    while left and count <= MAX_VALUES:
        one = left.pop()
        inner = list(one.values()) if isinstance(one, dict) else one if isinstance(one, list) else []
        count += len(inner)
        left += inner
    return count > MAX_VALUES


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object each of whose names stands there once. Raises ``ValueError`` for another."""
    told = dict(pairs)
    if len(told) < len(pairs):
        raise ValueError("a name stands there twice")
    return told


def blocked(side: Side, guard: Guard, what: str) -> Blocked:
    if side == "input":
        return Blocked(f"A guard ({guard.kind}) does not let this in: it found {what}. Leave it out and ask again.")
    return Blocked(f"A guard ({guard.kind}) does not let the answer out: it found {what}.")


class Holder:
    """A text that streams: what comes out of :meth:`take` is safe to send, and what may still become a finding stays.

    A finding lies in one word, or it begins with a word that has a digit and is at most ``MAX_SPACED`` long; so the
    last word is held, and from the first word with a digit among the last ``MAX_SPACED`` characters. A finding that
    reaches over the end of what would be sent keeps all of itself here.
    """

    def __init__(self, sieve: Sieve, place: str, *, is_stream: bool = True) -> None:
        self._sieve, self._place, self._is_stream = sieve, place, is_stream
        self._sent = self._held = ""
        self._is_open, self._unseen_yet = False, 0

    def take(self, text: str) -> str:
        """So much of all that came as can be sent. Raises :class:`Blocked`."""
        self._held += text
        if self._is_stream and not text.isascii():
            self._held = FLOOD.sub(r"\1", self._held)
        # A long finding that goes on is looked at again when it has grown by a part: its time grows with it alone.
        self._unseen_yet += len(text)
        if self._is_open and self._unseen_yet * 8 < len(self._held):
            return ""
        self._unseen_yet = 0
        return self._release(self._cut(), is_end=False)

    def end(self) -> str:
        """The rest."""
        return self._release(len(self._held), is_end=True)

    def _release(self, cut: int, *, is_end: bool) -> str:
        if cut <= 0 and len(self._held) > MAX_HELD:
            cut = len(self._held)  # of what cannot be seen: nobody reads so far on for the rest of a word
        if cut <= 0:
            return ""
        before = len(self._sent)
        spans, reached = self._sieve.spans(self._sent + self._held), before + cut
        end = -1 if is_end else before + len(self._held)  # what reaches up to here may go on
        open_ = [span for span, _ in spans if span.start < reached and (span.end > reached or span.end == end)]
        self._is_open = bool(open_)
        if open_ and len(self._held) < MAX_OPEN:
            cut = max(0, min(cut, min(span.start for span in open_) - before))
        elif open_:  # too long to be held: all that is here goes as one finding, and the next piece begins anew
            cut = len(self._held)
        here = [
            (Span(max(span.start - before, 0), min(span.end - before, cut), span.what), one)
            for span, one in spans
            if span.end > before and span.start < before + cut
        ]
        said, self._held = self._held[:cut], self._held[cut:]
        self._sent = (self._sent + said)[-CONTEXT:]
        return self._sieve.apply(said, here, self._place)

    def _cut(self) -> int:
        form = folded(self._held)  # what cannot be seen makes nothing longer
        held = form.text
        cut = _word_start(held, len(held))
        tail = max(0, len(held) - MAX_SPACED)
        digit = next((at for at in range(tail, len(held)) if held[at].isdigit()), None)
        if digit is not None:
            cut = min(cut, _word_start(held, digit))
        key = held.rfind("-----BEGIN", max(0, len(held) - KEY_HEAD))
        if key >= 0:
            cut = min(cut, key)
        cut = min(cut, len(held) - max(self._sieve.reach, DENSE_REACH if not held.isascii() else 0))
        return form.at(cut) if cut > 0 else 0


def _word_start(text: str, at: int) -> int:
    """Where the word begins that reaches up to ``at``; scripts that write no spaces have words of one character."""
    least = max(0, at - MAX_WORD)
    while at > least and not text[at - 1].isspace() and not is_dense(text[at - 1]):
        at -= 1
    return at


def _detectors(guard: Guard) -> list[Detector]:
    if guard.kind == "personal":
        return finding.personal(tuple(guard.options.get("kinds", ())))
    if guard.kind == "secrets":
        return [finding.secrets]
    if guard.kind == "profanity":
        return [finding.profanity(guard.options.get("languages", ()), guard.options.get("words", ()))]
    return []
