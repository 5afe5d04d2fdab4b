"""What a text is cut into, and what the words of a question ask for. Pure.

One way of cutting for both databases. A word is a run of letters and digits, in small letters and without accents.
Scripts that write without spaces are cut into pairs of characters that overlap, so that any part of a text is found.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

#: Of one question: what is read of it, terms, words of a term, and characters of a word that count.
MAX_ASKED_CHARS, MAX_TERMS, MAX_TERM_WORDS, MAX_WORD_CHARS = 200, 12, 8, 40
#: Words of at least so many letters also find longer ones that begin with them; shorter ones and numbers do not.
PREFIX_CHARS = 3
#: What is kept of a text.
MAX_TEXT_CHARS = 20_000

_WORD = re.compile(r"[^\W_]+")
#: Han, Kana and Hangul: a run of them is one long word to a database.
_UNSPACED = re.compile(
    "[\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_PART = re.compile(r"\d+|[^\W\d_]+")
_TERM = re.compile(r'(-?)"([^"]*)"?|(\S+)')
#: Marks that turn the order of what follows. Source: Unicode UAX 9, 2.1 to 2.4.
_NOT_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class _Folds(dict[int, int]):
    """Small letters without accents, one character for one, so that places in a text stay places."""

    def __missing__(self, code: int) -> int:
        plain = unicodedata.normalize("NFD", chr(code))[0].lower()
        found = self[code] = ord(plain) if len(plain) == 1 and not _UNSPACED.match(chr(code)) else code
        return found


_folds = _Folds()


def kept(text: str) -> str:
    """``text`` as it is kept and shown: composed, without controls, cut."""
    return _NOT_TEXT.sub(" ", unicodedata.normalize("NFKC", text[:MAX_TEXT_CHARS]))[:MAX_TEXT_CHARS]


def fold(text: str) -> str:
    """``text`` in small letters without accents, as long as it was."""
    return text.lower() if text.isascii() else text.translate(_folds)


def words(text: str) -> list[str]:
    """The words of a kept text in their order; of what is written without spaces, its pairs of characters."""
    return [word for run in _WORD.findall(fold(text)) for word in _cut(run)]


def pairs(text: str) -> str:
    """What SQLite's own cutting leaves out: the pairs of everything that is written without spaces."""
    return " ".join(pair for run in _UNSPACED.findall(text) for pair in _pairs(run))


def spellings(name: str) -> str:
    """Other ways to write the words of a name: ``Llama-3`` as ``llama3``, ``qwen2`` as ``qwen 2``, both neighbours."""
    said = _WORD.findall(fold(name))
    parts = [part for word in said if not word.isdigit() and not word.isalpha() for part in _PART.findall(word)]
    joined = [first + second for first, second in pairwise(said)]
    return " ".join(dict.fromkeys(parts + joined))


def is_unspaced(word: str) -> bool:
    """Whether it is of a script that writes without spaces."""
    return _UNSPACED.match(word) is not None


def _cut(run: str) -> Iterator[str]:
    for piece, is_unspaced in _pieces(run):
        if is_unspaced:
            yield from _pairs(piece)
        else:
            yield piece[:MAX_WORD_CHARS]


def _pieces(run: str) -> Iterator[tuple[str, bool]]:
    """A run in stretches of one way of writing, and whether that is without spaces."""
    at = 0
    for found in _UNSPACED.finditer(run):
        if found.start() > at:
            yield run[at : found.start()], False
        yield found[0], True
        at = found.end()
    if at < len(run):
        yield run[at:], False


def _pairs(run: str) -> Iterator[str]:
    """``ABC`` as ``AB BC C``: the last stands alone, so each character begins a pair, and none spans two runs."""
    for at in range(len(run)):
        yield run[at : at + 2]


@dataclass(frozen=True)
class Term:
    """Words that stand beside each other. ``is_open``: the last one may go on."""

    words: tuple[str, ...]
    is_open: bool


@dataclass(frozen=True)
class Asked:
    """What a question wants: all of ``terms``, none of ``without``."""

    terms: Sequence[Term] = ()
    without: Sequence[Term] = ()

    @property
    def is_nothing(self) -> bool:
        """Nothing was asked for that a text could hold."""
        return not self.terms and not self.without


def asked(text: str) -> Asked:
    """A question in words: all of them must be there, ``"side by side"`` where quoted, and none that ``-`` precedes.

    A word of :data:`PREFIX_CHARS` letters or more is a beginning; in quotes, a number or shorter, it is whole. Signs
    part words: ``SmolLM2-135M`` asks for both its halves. No text is an error; what is over a limit is not read.
    """
    terms: list[Term] = []
    without: list[Term] = []
    for found in _TERM.finditer(kept(text[:MAX_ASKED_CHARS])):
        minus, quoted, plain = found.groups()
        if plain is not None:
            minus = "-" if plain.startswith("-") else ""
        (without if minus else terms).extend(_terms(quoted or plain or "", is_quoted=plain is None))
    return Asked(tuple(dict.fromkeys(terms))[:MAX_TERMS], tuple(dict.fromkeys(without))[:MAX_TERMS])


def _terms(text: str, *, is_quoted: bool) -> list[Term]:
    pieces = [piece for run in _WORD.findall(fold(text)) for piece in _pieces(run)]
    if is_quoted and pieces and not any(is_unspaced for _, is_unspaced in pieces):
        return [Term(tuple(word[:MAX_WORD_CHARS] for word, _ in pieces[:MAX_TERM_WORDS]), False)]
    return [_unspaced(piece) if is_unspaced else _word(piece, is_quoted) for piece, is_unspaced in pieces]


def _word(word: str, is_quoted: bool) -> Term:
    return Term((word[:MAX_WORD_CHARS],), not is_quoted and len(word) >= PREFIX_CHARS and not word.isdigit())


def _unspaced(run: str) -> Term:
    """Pairs beside each other; the last character need not end a run. One alone begins a pair."""
    return Term((run,), True) if len(run) == 1 else Term(tuple(_pairs(run))[:-1][:MAX_TERM_WORDS], False)
