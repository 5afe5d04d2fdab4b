"""Lists of one kind as pages: a register, the questions that narrow it, and its address, which says all of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from urllib.parse import quote_plus, urlencode

from fastapi import APIRouter
from starlette.datastructures import QueryParams
from starlette.responses import Response

from freehold.core.http import PUBLIC, Ask, door
from freehold.core.paging import encode
from freehold.discover import counting, facets, machines, questions, register, rules
from freehold.discover.facets import Facet
from freehold.discover.machines import Choice
from freehold.discover.questions import Range
from freehold.discover.register import Row
from freehold.discover.rules import NO_MACHINES, Listing
from freehold.repos.heads import LABELS, ONE
from freehold.repos.rules import KINDS
from freehold.web.render import render

router = APIRouter(include_in_schema=False)
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
ROWS = 30
#: Ways out that are looked at when nothing matches.
MAX_WAYS_OUT = 8


@dataclass(frozen=True)
class Order:
    """A way to sort, and the list so; of the one in force, the list from its other end, called ``other``."""

    word: str
    label: str
    address: str
    is_current: bool = False
    other: str = ""


@dataclass(frozen=True)
class Chip:
    """A filter in force, and the list without it."""

    label: str
    value: str
    without: str


@dataclass(frozen=True)
class WayOut:
    """What there would be without one of the filters."""

    chip: Chip
    number: int


@dataclass(frozen=True)
class KindPage:
    """The repositories of one kind, narrowed by the address."""

    title: str
    area: str
    kind: str
    kind_word: str
    address: "Address"
    hidden: Sequence[tuple[str, str]]  #: what the search form keeps of the address
    total: int  #: that match
    of: int  #: that there are
    shows_filters: bool  #: also where there is no room beside the list: the visitor opens one after the other
    facets: Sequence[Facet]
    chips: Sequence[Chip]
    ways_out: Sequence[WayOut]  #: where nothing matches: what would, most first
    rows: Sequence[Row]
    sort: str
    rises: bool  #: the lowest first
    orders: Sequence[Order]
    first: str
    next: str


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
        pairs += [(name, self.answers.get(name, "")) for name in questions.BY_NAME]
        pairs += [("filter", value) for value in self.filters] + [("sort", self.sort)]
        pairs += [("direction", "1" if self.rises else ""), ("open", ",".join(self.opened))]
        return [(name, value) for name, value in pairs if value]

    def text(self, **more: str) -> str:
        query = urlencode(self.pairs() + list(more.items()))
        return f"{self.path}?{query}" if query else self.path

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
        rest = tuple(one for one in self.opened if one != name)
        if name in self.opened:
            return replace(self, opened=rest).text(filters="shown")
        # Where scripts are off, the page begins anew: it goes on at the question.
        return f"{replace(self, opened=(*rest, name)).text(filters='shown')}#facet-{name}"

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
    def _around_filters(self) -> tuple[str, str]:
        """What stands before and after one more filter: a page has a hundred such addresses."""
        whole = replace(self, sort="", rises=False, opened=()).text()
        rest = urlencode([pair for pair in self.pairs() if pair[0] in ("sort", "direction", "open")])
        return whole + ("&" if "?" in whole else "?"), f"&{rest}" if rest else ""


@router.get("/{kind:plural}")
@door(PUBLIC)
def kind_list(ask: Ask, kind: str) -> Response:
    query = ask.request.query_params
    own = machines.of(ask.db, ask.actor) if kind == "model" else NO_MACHINES
    asked = _listing(kind, query, own)
    address = _address(kind, query, asked)
    whole = replace(asked, tags=(), cursor=None)  # but for what is chosen of the questions that tags answer
    listing = facets.narrowed(asked, facets.grouped(kind, address.filters))
    rows, more = register.page(ask.db, ask.actor, replace(listing, cursor=asked.cursor))
    total = counting.total(ask.db, ask.actor, listing)
    chips = _chips(kind, address, asked)
    page = KindPage(
        title=LABELS[kind],
        area=kind,
        kind=kind,
        kind_word=ONE[kind],
        address=address,
        hidden=[(name, value) for name, value in address.pairs() if name not in ("search", "text")],
        total=total,
        of=counting.total(ask.db, ask.actor, Listing(kind=kind)) if chips else total,
        shows_filters=query.get("filters") == "shown",
        facets=facets.of(ask.db, ask.actor, whole, address.filters, frozenset(address.opened), own),
        chips=chips,
        ways_out=_ways_out(ask, whole, address, chips) if not rows and not asked.cursor else (),
        rows=rows,
        sort=_sort(kind, query),
        rises=asked.ascending,
        orders=_orders(kind, _sort(kind, query), address),
        first=address.text() if asked.cursor else "",
        next=address.text(cursor=encode(more)) if more else "",
    )
    return render(ask.request, page, blocks={"listing"})


def listing(kind: str, query: QueryParams, own: Mapping[str, Choice] = NO_MACHINES) -> Listing:
    """What a page of this address lists: as :func:`rules.listing`, but words of one question are alternatives."""
    return facets.narrowed(_listing(kind, query, own), facets.grouped(kind, _chosen(query)))


def _address(kind: str, query: QueryParams, asked: Listing) -> Address:
    opened = dict.fromkeys(word for text in query.getlist("open") for word in text.split(","))
    known = {one.name for one in questions.asked_of(kind) if not one.is_open}
    return Address(
        path=f"/{KINDS[kind][0]}",
        search=asked.search,
        words=asked.text,
        author=asked.author,
        answers={name: answer.text for name, answer in asked.answers.items()},
        filters=_chosen(query),
        sort=_sort(kind, query) if _sort(kind, query) != ORDERS[0][0] else "",
        rises=asked.ascending,
        opened=tuple(word for word in opened if word in known),
    )


def _listing(kind: str, query: QueryParams, own: Mapping[str, Choice]) -> Listing:
    """As the API reads the same address, but for the order of an address without one, and the task, which is a tag."""
    pairs = [(name, value) for name, value in query.multi_items() if name not in ("pipeline_tag", "sort")]
    if query.get("in") == "cards":  # as the field above a list asks, which has one name for its words
        pairs = [("text" if name == "search" else name, value) for name, value in pairs]
    given = QueryParams([*pairs, ("sort", _sort(kind, query))])
    return replace(rules.listing(kind, given, most=ROWS, own=own), limit=ROWS)


def _sort(kind: str, query: QueryParams) -> str:
    asked = query.get("sort") or ""
    column = rules.SORTS.get(asked)
    words = [word for word, _ in (*ORDERS, *MORE_ORDERS[kind])]
    return next(
        (word for word in words if word == asked or (column is not None and rules.SORTS.get(word) == column)), words[0]
    )


def _orders(kind: str, sort: str, address: Address) -> list[Order]:
    orders = []
    for word, label in (*ORDERS, *MORE_ORDERS[kind]):
        if word != sort:
            orders.append(Order(word, label, address.sorted(word)))
            continue
        now, other = (RISING[word], label) if address.rises else (label, RISING[word])
        orders.append(Order(word, now, address.sorted(word, rises=not address.rises), is_current=True, other=other))
    return orders


def _chosen(query: QueryParams) -> tuple[str, ...]:
    """Every filter of the address in one spelling, whichever way the client's words for it were used."""
    values = [query.getlist(name) for name in ("filter", "tags", "library", "pipeline_tag")]
    words = [word.strip()[:200] for some in values for value in some for word in value.split(",")]
    return tuple(dict.fromkeys(word for word in words if word))[: rules.MAX_FILTERS]


def _chips(kind: str, address: Address, asked: Listing) -> list[Chip]:
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


def _ways_out(ask: Ask, whole: Listing, address: Address, chips: Sequence[Chip]) -> list[WayOut]:
    """Each filter that could be dropped, with what the list then holds, where that is anything."""
    fewer = [replace(whole, search="")] if whole.search else []
    fewer += [replace(whole, text="")] if whole.text else []
    fewer += [replace(whole, author="")] if whole.author else []
    for name in questions.BY_NAME:
        if name in whole.answers:
            fewer.append(replace(whole, answers={key: one for key, one in whole.answers.items() if key != name}))
    without = [(listing, address.filters) for listing in fewer]
    without += [(whole, address.without(word).filters) for word in address.filters]
    ways = []
    for chip, (listing, filters) in list(zip(chips, without, strict=True))[:MAX_WAYS_OUT]:
        groups = facets.grouped(whole.kind, filters)
        number = counting.total(ask.db, ask.actor, facets.narrowed(listing, groups))
        if number:
            ways.append(WayOut(chip, number))
    return sorted(ways, key=lambda way: -way.number)
