"""Text as detectors look at it: look-alikes as the letters they look like, without what cannot be seen."""

import re
from bisect import bisect_right
from dataclasses import dataclass

#: Zero-width and direction marks, soft hyphens, variation selectors: put between letters, they hide a word.
_UNSEEN = re.compile("[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064"
                     "\u2066-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e007f]+")  # fmt: skip
#: One character for one, so that places stay where they are. Cyrillic and Greek letters that look Latin.
_LIKE = dict(
    zip(
        "асеорхуіјѕԁԛԝһАВЕКМНОРСТХУІЈЅοαρυνιΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
        "aceopxyijsdqwhABEKMHOPCTXYIJSoapuviABEZHIKMNOPTYX",
        strict=True,
    )
)
_TABLE: dict[int, str] = {ord(one): other for one, other in _LIKE.items()}
_TABLE |= {0xFF01 + place: chr(0x21 + place) for place in range(94)}  # full width
for _zero in (0x660, 0x6F0, 0x966, 0x9E6, 0xE50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6):  # digits elsewhere
    _TABLE |= {_zero + digit: str(digit) for digit in range(10)}
for _letter in (0x1D400, 0x1D434, 0x1D468, 0x1D5A0, 0x1D5D4, 0x1D608, 0x1D63C, 0x1D670):  # mathematical letters
    _TABLE |= {_letter + place: chr(0x41 + place) for place in range(26)}
    _TABLE |= {_letter + 26 + place: chr(0x61 + place) for place in range(26)}
_TABLE |= {0x2024: ".", 0x3002: ".", 0xFE52: ".", 0xFE6B: "@", 0x2013: "-", 0x2212: "-", 0x2010: "-", 0x2011: "-"}
_TABLE |= {0xA0: " ", 0x202F: " ", 0x2009: " ", 0x2007: " ", 0x3000: " "}


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
    """``text`` to be looked at. The same length, but for what cannot be seen."""
    if text.isascii():
        return Folded(text)
    plain = text.translate(_TABLE)
    starts, shifts, shift = [], [], 0
    for found in _UNSEEN.finditer(plain):
        starts.append(found.start() - shift)
        shift += found.end() - found.start()
        shifts.append(shift)
    return Folded(_UNSEEN.sub("", plain) if starts else plain, tuple(starts), tuple(shifts))
