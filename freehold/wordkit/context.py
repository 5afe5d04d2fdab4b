"""A line of a text around what was asked for, with the words marked. Pure."""

import re
from collections.abc import Sequence
from itertools import islice

from freehold.wordkit.rules import Asked, Term, fold, is_unspaced

#: Of a line, and what stands before the first word in it; words of a text that are looked at.
MAX_CHARS, LEAD_CHARS, MAX_PLACES = 180, 40, 60

#: A stretch of a line, and whether it is what was asked for.
Piece = tuple[str, bool]


def line(text: str, asked: Asked) -> Sequence[Piece]:
    """The stretch of a kept ``text`` that holds most of the terms, the first of several; empty where none is."""
    if not asked.terms:
        return ()
    pattern = re.compile("|".join(f"({_pattern(term)})" for term in asked.terms))
    places = [
        (found.start(), found.end(), found.lastindex) for found in islice(pattern.finditer(fold(text)), MAX_PLACES)
    ]
    if not places:
        return ()
    start = max(places, key=lambda place: (_terms_from(places, place[0]), -place[0]))[0]
    start = _word_start(text, max(0, start - LEAD_CHARS), start)
    end = _word_end(text, start + MAX_CHARS)
    pieces: list[Piece] = [("… ", False)] if start else []
    at = start
    for first, last, _ in places:
        if first >= at and last <= end:
            pieces += [(_flat(text[at:first]), False), (_flat(text[first:last]), True)]
            at = last
    pieces.append((_flat(text[at:end]) + (" …" if end < len(text) else ""), False))
    return [piece for piece in pieces if piece[0]]


def _terms_from(places: Sequence[tuple[int, int, int | None]], start: int) -> int:
    """How many different terms stand within one line that begins there."""
    return len({term for first, last, term in places if start <= first and last <= start + MAX_CHARS - LEAD_CHARS})


def _pattern(term: Term) -> str:
    if is_unspaced(term.words[0]):
        return re.escape("".join(word[0] for word in term.words[:-1]) + term.words[-1])
    last = r"[^\W_]*" if term.is_open else r"(?![^\W_])"
    return r"(?<![^\W_])" + r"[\W_]+".join(re.escape(word) for word in term.words) + last


def _word_start(text: str, at: int, end: int) -> int:
    """Where the first whole word or line behind ``at`` begins."""
    if at == 0:
        return 0
    line = text.rfind("\n", at, end)
    if line >= 0:
        return line + 1
    space = text.find(" ", at, end)
    return space + 1 if space >= 0 else at


def _word_end(text: str, at: int) -> int:
    if at >= len(text):
        return len(text)
    space = text.rfind(" ", at - 30, at)
    return space if space >= 0 else at


def _flat(text: str) -> str:
    return text.replace("\n", " · ")
