"""Addresses of lists, read and written again: what they ask for, in parts, in words, and in one spelling. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from urllib.parse import quote_plus, urlencode

from starlette.datastructures import QueryParams

from freehold.core.errors import BadRequest
from freehold.discover import facets, questions, rules
from freehold.discover.machines import Choice
from freehold.discover.questions import Range
from freehold.discover.rules import NO_MACHINES, Listing
from freehold.repos.rules import KINDS

#: Orders of lists, as the address and the page name them; the first is that of an address without one.
ORDERS = (
    ("trending", "Trending"),
    ("downloads", "Most downloaded"),
    ("likes", "Most liked"),
    ("lastModified", "Last changed"),
    ("createdAt", "Newest"),
)
_SIZES = (("size", "Largest"),)
#: Orders besides, by kind: by what files hold. What nothing tells comes last, whichever end comes first.
MORE_ORDERS: Mapping[str, Sequence[tuple[str, str]]] = {
    "model": (("num_parameters", "Most parameters"), ("context_length", "Longest context"), *_SIZES),
    "dataset": _SIZES,
    "space": _SIZES,
    "kernel": _SIZES,
}
#: The same from the other end.
RISING = {
    "trending": "Least trending",
    "downloads": "Least downloaded",
    "likes": "Least liked",
    "lastModified": "Longest unchanged",
    "createdAt": "Oldest",
    "num_parameters": "Fewest parameters",
    "context_length": "Shortest context",
    "size": "Smallest",
}
#: Of one page of a list.
ROWS = 30


@dataclass(frozen=True)
class Chip:
    """A filter in force, and the list without it."""

    label: str
    value: str
    without: str


@dataclass(frozen=True)
class Address:
    """A list's address in parts, so that a filter can be put in or taken out. The order of parts is always the same."""

    path: str
    search: str = ""
    words: str = ""  #: of names, tags and cards
    author: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)  #: by the parameter of a question
    filters: tuple[str, ...] = ()
    sort: str = ""
    rises: bool = False  #: the lowest first
    opened: tuple[str, ...] = ()  #: questions whose answers stand on the page besides those that always do

    def pairs(self) -> list[tuple[str, str]]:
        pairs = [("search", self.search), ("text", self.words), ("author", self.author)]
        pairs += [(name, self.answers[name]) for name in questions.BY_NAME if name in self.answers]
        pairs += [("filter", value) for value in self.filters] + [("sort", self.sort)]
        pairs += [("direction", "1" if self.rises else ""), ("open", ",".join(self.opened))]
        return [(name, value) for name, value in pairs if value]

    def text(self, **more: str) -> str:
        query = urlencode(self.pairs() + list(more.items()))
        return f"{self.path}?{query}" if query else self.path

    def spoken(self) -> str:
        """What is asked for, in one spelling: without its order, and what stands open."""
        return urlencode(replace(self, sort="", rises=False, opened=()).pairs())

    def toggled(self, word: str, parameter: str = "filter") -> str:
        """The list with the answer, or without it where it has it; words of one question add up, ranges do not."""
        if parameter != "filter":
            return self.answering(parameter, self._toggled(word, parameter)).text()
        if word in self.filters:
            return self.without(word).text()
        before, after = self._around_filters
        return f"{before}filter={quote_plus(word)}{after}"

    def answering(self, parameter: str, text: str) -> "Address":
        """The list with this answer to a question; empty: none."""
        return replace(self, answers={**self.answers, parameter: text})

    def without(self, word: str) -> "Address":
        """The list without a filter."""
        return replace(self, filters=tuple(value for value in self.filters if value != word))

    def opening(self, name: str) -> str:
        """The list with the answers of one question more, or without them where they are there."""
        if name in self.opened:
            rest = tuple(one for one in self.opened if one != name)
            return replace(self, opened=rest).text(filters="shown")
        # Where scripts are off, the page begins anew: it goes on at the question.
        opened = quote_plus(",".join((*self.opened, name)))
        return f"{self._before_opened}open={opened}&filters=shown#facet-{name}"

    def besides(self, parameter: str) -> list[tuple[str, str]]:
        """What a form that asks one question anew keeps of the address."""
        return self.answering(parameter, "").pairs()

    def sorted(self, word: str, *, rises: bool = False) -> str:
        return replace(self, sort="" if word == ORDERS[0][0] else word, rises=rises).text()

    def _toggled(self, word: str, parameter: str) -> str:
        now = self.answers.get(parameter, "")
        if isinstance(questions.BY_NAME[parameter].value, Range):
            return "" if now == word else word
        words = now.split(",") if now else []
        return ",".join(one for one in words if one != word) if word in words else ",".join([*words, word])

    @cached_property
    def _before_opened(self) -> str:
        """What stands before the questions that are opened: a page has twenty such addresses."""
        whole = replace(self, opened=()).text()
        return whole + ("&" if "?" in whole else "?")

    @cached_property
    def _around_filters(self) -> tuple[str, str]:
        """What stands before and after one more filter: a page has a hundred such addresses."""
        whole = replace(self, sort="", rises=False, opened=()).text()
        rest = urlencode([pair for pair in self.pairs() if pair[0] in ("sort", "direction", "open")])
        return whole + ("&" if "?" in whole else "?"), f"&{rest}" if rest else ""


def listing(kind: str, query: QueryParams, own: Mapping[str, Choice] = NO_MACHINES) -> Listing:
    """What a page of this address lists: as :func:`rules.listing`, but words of one question are alternatives."""
    return facets.narrowed(asked_of(kind, query, own), facets.grouped(kind, _chosen(query)))


def spoken(kind: str, query: QueryParams, own: Mapping[str, Choice] = NO_MACHINES) -> str:
    """What a page of this address asks for, in one spelling: without its order, and what stands open on it."""
    return read(kind, query, asked_of(kind, query, own)).spoken()


def in_words(kind: str, query: QueryParams, own: Mapping[str, Choice] = NO_MACHINES) -> str:
    """The same for people; empty: it asks for everything."""
    asked = asked_of(kind, query, own)
    return ", ".join(f"{chip.label}: {chip.value}" for chip in chips(kind, read(kind, query, asked), asked))


def read(kind: str, query: QueryParams, asked: Listing) -> Address:
    """The address in its parts; ``asked`` is what it asks for."""
    opened = dict.fromkeys(word for text in query.getlist("open") for word in text.split(","))
    known = {one.name for one in questions.asked_of(kind) if not one.is_open}
    return Address(
        path=f"/{KINDS[kind][0]}",
        search=asked.search,
        words=asked.text,
        author=asked.author,
        answers={name: answer.text for name, answer in asked.answers.items()},
        filters=_chosen(query),
        sort=sort_word(kind, query) if sort_word(kind, query) != ORDERS[0][0] else "",
        rises=asked.ascending,
        opened=tuple(word for word in opened if word in known),
    )


def asked_of(kind: str, query: QueryParams, own: Mapping[str, Choice]) -> Listing:
    """As the API reads the same address, but for the order of an address without one, and the task, which is a tag.

    Raises ``BadRequest`` for a NUL too: an address that is kept, or told in another, came through no door that does.
    """
    if any("\x00" in value for _, value in query.multi_items()):
        raise BadRequest("A filter holds a NUL.")
    pairs = [(name, value) for name, value in query.multi_items() if name not in ("pipeline_tag", "sort")]
    if query.get("in") == "cards":  # as the field above a list asks, which has one name for its words
        pairs = [("text" if name == "search" else name, value) for name, value in pairs]
    given = QueryParams([*pairs, ("sort", sort_word(kind, query))])
    return replace(rules.listing(kind, given, most=ROWS, own=own), limit=ROWS)


def sort_word(kind: str, query: QueryParams) -> str:
    """The order of the address, as pages name it."""
    asked = query.get("sort") or ""
    column = rules.SORTS.get(asked)
    words = [word for word, _ in (*ORDERS, *MORE_ORDERS[kind])]
    return next(
        (word for word in words if word == asked or (column is not None and rules.SORTS.get(word) == column)), words[0]
    )


def _chosen(query: QueryParams) -> tuple[str, ...]:
    """Every filter of the address in one spelling, whichever way the client's words for it were used."""
    values = [query.getlist(name) for name in ("filter", "tags", "library", "pipeline_tag")]
    words = [word.strip()[:200] for some in values for value in some for word in value.split(",")]
    return tuple(dict.fromkeys(word for word in words if word))[: rules.MAX_FILTERS]


def chips(kind: str, address: Address, asked: Listing) -> list[Chip]:
    """Everything that is asked for, each with the list without it."""
    chips = []
    if address.search:
        chips.append(Chip("Name", address.search, replace(address, search="").text()))
    if address.words:
        chips.append(Chip("Words", address.words, replace(address, words="").text()))
    if address.author:
        chips.append(Chip("By", address.author, replace(address, author="").text()))
    for name, question in questions.BY_NAME.items():
        if name in asked.answers:
            said = facets.told(kind, question, (), asked.answers[name])
            chips.append(Chip(question.label, said, address.answering(name, "").text()))
    for word in address.filters:
        prefix, _, rest = word.partition(":")
        name, shown = facets.placed(kind, word)
        label = facets.label(name) or (prefix.replace("_", " ").capitalize() if rest else "Tag")
        chips.append(Chip(label, shown, address.without(word).text()))
    return chips
