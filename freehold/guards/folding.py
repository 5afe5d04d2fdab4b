"""Text as detectors look at it: look-alikes as the letters they look like, without what cannot be seen."""

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass

_MARKS = (
    "\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180e\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\u2800\\u3164"
    "\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff9-\\ufffc\\U0001d173-\\U0001d17a\\U000e0000-\\U000e01ef"
)
#: Zero-width and direction marks, soft hyphens, variation selectors: put between letters, they hide a word. Behind
#: digits also what is drawn over them: an accent makes another letter, and of a digit nothing (keycaps are such).
_OVER = "\\u0300-\\u036f\\u20d0-\\u20f0"
_UNSEEN = re.compile(f"(?<=[0-9])[{_MARKS}{_OVER}]+|[{_MARKS}]+")
#: A stretch of it that no script and no flag has; the first 16 are kept.
FLOOD = re.compile(f"([{_MARKS}{_OVER}]{{16}})[{_MARKS}{_OVER}]+")
#: One character for one, so that places stay where they are. Cyrillic and Greek letters that look Latin.
_LIKE = dict(
    zip(
        "асеорхуіјѕԁԛԝһАВЕКМНОРСТХУІЈЅοαρυνιΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
        "aceopxyijsdqwhABEKMHOPCTXYIJSoapuviABEZHIKMNOPTYX",
        strict=True,
    )
)
_TABLE: dict[int, str] = {ord(one): other for one, other in _LIKE.items()}
_TABLE |= {0x2024: ".", 0x3002: ".", 0xFE52: ".", 0xFE6B: "@", 0x2013: "-", 0x2212: "-", 0x2010: "-", 0x2011: "-"}
_TABLE |= {0xA0: " ", 0x202F: " ", 0x2009: " ", 0x2007: " ", 0x3000: " "}
#: And a character as JSON and many languages may write it, which models read as what it stands for.
_UNSEEN_OR_WRITTEN = re.compile(_UNSEEN.pattern + r"|\\u([0-9a-fA-F]{4})")
MAX_LEARNED = 20_000


class _Likeness(dict[int, str]):
    """For a character the one that it looks like: digits of all scripts, full width, letters of formulas, in circles,
    raised. Source: Unicode, NFKC."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        digit = unicodedata.digit(character, None)
        plain = str(digit) if digit is not None else unicodedata.normalize("NFKC", character)
        # One for one, so that places stay; and what is no Latin stays as it is written.
        found = plain if len(plain) == 1 and plain.isascii() else character
        if len(self) < MAX_LEARNED:
            self[code] = found
        return found


_LIKENESS = _Likeness(_TABLE)


def is_dense(character: str) -> bool:
    """Whether it is of a script that puts no spaces between words. Full-width Latin and letters of formulas are not."""
    return "\u2e80" <= character < "\uff00" or "\U00020000" <= character < "\U000e0000"


@dataclass(frozen=True)
class Folded:
    """``text`` as it is looked at; :meth:`at` says where a place of it stands in the text as it was given."""

    text: str
    _starts: tuple[int, ...] = ()  # of stretches of ``text`` behind something that was taken out
    _shifts: tuple[int, ...] = ()  # how much was taken out before each

    def at(self, place: int) -> int:
        number = bisect_right(self._starts, place)
        return place + (self._shifts[number - 1] if number else 0)


def folded(text: str) -> Folded:
    """``text`` to be looked at. The same length, but for what cannot be seen and what is written by its number."""
    has_escapes = "\\u" in text
    if text.isascii() and not has_escapes:
        return Folded(text)
    plain = text.translate(_LIKENESS)
    starts, shifts, shift, said, past = list[int](), list[int](), 0, list[str](), 0
    for found in (_UNSEEN_OR_WRITTEN if has_escapes else _UNSEEN).finditer(plain):
        shown = _shown(found[1]) if has_escapes and found[1] else ""
        starts.append(found.start() + len(shown) - shift)
        shift += found.end() - found.start() - len(shown)
        shifts.append(shift)
        said += (plain[past : found.start()], shown)
        past = found.end()
    return Folded("".join([*said, plain[past:]]) if starts else plain, tuple(starts), tuple(shifts))


def _shown(digits: str) -> str:
    """What is written by its number, as it is looked at."""
    character = chr(int(digits, 16)).translate(_LIKENESS)
    return "" if _UNSEEN.fullmatch(character) else character
