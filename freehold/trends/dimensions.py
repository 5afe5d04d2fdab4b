"""Dimensions: the ways to divide repositories into kinds. Pure.

Each is one entry of :data:`DIMENSIONS`. Their words are those that lists are narrowed by (``discover.facets``), so that
each word leads to the list of what was counted under it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from freehold.cards.openness.material import DIMENSIONS as OPENNESS
from freehold.discover import answers, facets, questions

#: Words of one dimension that one repository counts under; a card may name hundreds.
MAX_WORDS = 64
MAX_CHARACTERS = 200


@dataclass(frozen=True)
class Known:
    """What is known of a repository at the head of ``main``; None: nothing is."""

    kind: str
    tags: Sequence[str] | None = None
    parameters: int | None = None
    quantisations: Sequence[str] | None = None
    architecture: str | None = None
    verdict: str | None = None
    opened: int | None = None


@dataclass(frozen=True)
class Dimension:
    """One way to divide. ``unknown`` says what a repository without a word is.

    ``parameter`` is what a list's address filters by, empty where lists know no such filter; ``many``: a repository
    may stand under several words, so that shares add up to more than all.
    """

    name: str
    label: str
    kinds: Sequence[str]
    words: Callable[[Known], Iterable[str | None]]
    label_of: Callable[[str, str], str]
    parameter: str = "filter"
    many: bool = False
    unknown: str = "not stated"


def of(kind: str) -> Mapping[str, Dimension]:
    """The dimensions of a kind by name, in their order."""
    return {one.name: one for one in DIMENSIONS if kind in one.kinds}


def words(known: Known) -> dict[str, tuple[str, ...]]:
    """By dimension, the words that a repository counts under; the empty word where there is none."""
    return {name: _clean(one.words(known)) for name, one in of(known.kind).items()}


def _clean(found: Iterable[str | None]) -> tuple[str, ...]:
    plain = (word[:MAX_CHARACTERS].replace("\x00", "") for word in found if word)
    return tuple(dict.fromkeys(word for word in plain if word))[:MAX_WORDS] or ("",)


def _placed(question: str) -> Callable[[Known], Iterator[str]]:
    """The tags that answer this question of lists (``questions.QUESTIONS``)."""

    def found(known: Known) -> Iterator[str]:
        return (tag for tag in known.tags or () if facets.placed(known.kind, tag)[0] == question)

    return found


def _label(kind: str, tag: str) -> str:
    return facets.placed(kind, tag)[1]


def _size(known: Known) -> Iterator[str]:
    """The class of so many parameters; of two that meet there, the larger."""
    if known.parameters is None:
        return
    for word in reversed(list(_SIZES)):
        bounds = answers.bounds("num_parameters", word, "count", may_be_unknown=False)
        if bounds is not None and bounds.takes(known.parameters):
            yield word
            return


def _opened(known: Known) -> Iterator[str]:
    """How many of its dimensions are open, as a list's address asks for just so many."""
    if known.opened is not None:
        yield f"min:{known.opened},max:{known.opened}"


def _opened_label(kind: str, word: str) -> str:
    return f"{word.rpartition(':')[2]} of {len(OPENNESS[kind])} open"


def _plain(_kind: str, word: str) -> str:
    return word


def _from(labels: Mapping[str, Any]) -> Callable[[str, str], str]:
    return lambda _kind, word: str(labels.get(word, word))


_SIZES, _VERDICTS = questions.words_of("num_parameters"), questions.words_of("commercial")
_MODEL, _DATA, _SPACE = ("model",), ("dataset",), ("space",)

DIMENSIONS: Sequence[Dimension] = (
    Dimension("task", "Task", _MODEL + _DATA, _placed("task"), _label, many=True),
    Dimension("size", "Size", _MODEL, _size, _from(_SIZES), "num_parameters", unknown="unknown"),
    Dimension("rows", "Rows", _DATA, _placed("size_categories"), _label),
    Dimension("licence", "Licence", _MODEL + _DATA + _SPACE, _placed("license"), _label, many=True),
    Dimension(
        "verdict",
        "Commercial use",
        _MODEL + _DATA,
        lambda known: (known.verdict,),
        _from(_VERDICTS),
        "commercial",
        unknown="not judged yet",
    ),
    Dimension("openness", "Openness", _MODEL + _DATA, _opened, _opened_label, "openness", unknown="not read yet"),
    Dimension("format", "Format", _MODEL + _DATA, _placed("format"), _label, many=True, unknown="none known"),
    Dimension("library", "Library", _MODEL, _placed("library"), _label, many=True),
    Dimension("language", "Language", _MODEL + _DATA, _placed("language"), _label, many=True),
    Dimension(
        "quantisation",
        "Quantisation",
        _MODEL,
        lambda known: known.quantisations or (),
        _plain,
        "quantisation",
        many=True,
        unknown="none",
    ),
    Dimension(
        "architecture",
        "Architecture",
        _MODEL,
        lambda known: (known.architecture,),
        _plain,
        "architecture",
        unknown="not known",
    ),
    Dimension("modality", "Modality", _DATA, _placed("modality"), _label, many=True),
    Dimension("sdk", "Runs with", _SPACE, _placed("sdk"), _label),
)
