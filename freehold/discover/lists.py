"""Lists of one kind as pages: a register, the questions that narrow it, and its address, which says all of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import quote_plus, urlencode

from fastapi import APIRouter
from starlette.datastructures import QueryParams
from starlette.responses import Response

from freehold.core.http import PUBLIC, Ask, door
from freehold.core.paging import encode
from freehold.discover import facets, machines, queries, register, rules
from freehold.discover.facets import Facet
from freehold.discover.register import Row
from freehold.discover.rules import Listing
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
ROWS = 30
#: Ways out that are looked at when nothing matches.
MAX_WAYS_OUT = 8


@dataclass(frozen=True)
class Order:
    """A way to sort, and the list so."""

    word: str
    label: str
    address: str


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
    facets: Sequence[Facet]
    chips: Sequence[Chip]
    ways_out: Sequence[WayOut]  #: where nothing matches: what would, most first
    rows: Sequence[Row]
    sort: str
    orders: Sequence[Order]
    first: str
    next: str


@dataclass(frozen=True)
class Address:
    """A list's address in parts, so that a filter can be put in or taken out. The order of parts is always the same."""

    path: str
    search: str = ""
    author: str = ""
    gated: str = ""
    size: str = ""
    fits: str = ""
    commercial: str = ""
    filters: tuple[str, ...] = ()
    sort: str = ""

    def pairs(self) -> list[tuple[str, str]]:
        pairs = [("search", self.search), ("author", self.author), ("gated", self.gated), ("num_parameters", self.size)]
        pairs.append(("fits", self.fits))
        pairs.append(("commercial", self.commercial))
        pairs += [("filter", value) for value in self.filters] + [("sort", self.sort)]
        return [(name, value) for name, value in pairs if value]

    def text(self, **more: str) -> str:
        query = urlencode(self.pairs() + list(more.items()))
        return f"{self.path}?{query}" if query else self.path

    def toggled(self, word: str, parameter: str = "filter") -> str:
        """The list with the filter, or without it where it has it."""
        if parameter == "num_parameters":
            return replace(self, size="" if word == self.size else word).text()
        if parameter == "fits":
            return replace(self, fits="" if word == self.fits else word).text()
        if parameter == "commercial":
            return replace(self, commercial="" if word == self.commercial else word).text()
        if word in self.filters:
            return replace(self, filters=tuple(value for value in self.filters if value != word)).text()
        before, after = self._around_filters
        return f"{before}filter={quote_plus(word)}{after}"

    @cached_property
    def _around_filters(self) -> tuple[str, str]:
        """What stands before and after one more filter: a page has a hundred such addresses."""
        whole, sort = replace(self, sort="").text(), urlencode({"sort": self.sort})
        return whole + ("&" if "?" in whole else "?"), f"&{sort}" if self.sort else ""

    def sorted(self, word: str) -> str:
        return replace(self, sort="" if word == ORDERS[0][0] else word).text()


@router.get("/{kind:plural}")
@door(PUBLIC)
def kind_list(ask: Ask, kind: str) -> Response:
    query = ask.request.query_params
    asked = _listing(kind, query)
    address = Address(
        path=f"/{KINDS[kind][0]}",
        search=asked.search,
        author=asked.author,
        gated="" if asked.gated is None else str(asked.gated).lower(),
        size=query.get("num_parameters") or "",
        fits=query.get("fits") or "",
        commercial=",".join(asked.commercial),
        filters=_chosen(query),
        sort=_sort(query) if _sort(query) != ORDERS[0][0] else "",
    )
    whole = replace(asked, tags=(), cursor=None)  # but for what is chosen of the questions
    listing = facets.narrowed(asked, facets.grouped(kind, address.filters))
    rows, more = register.page(ask.db, ask.actor, replace(listing, cursor=asked.cursor))
    total = queries.count(ask.db, ask.actor, listing)
    chips = _chips(kind, address)
    page = KindPage(
        title=LABELS[kind],
        area=kind,
        kind=kind,
        kind_word=ONE[kind],
        address=address,
        hidden=[(name, value) for name, value in address.pairs() if name != "search"],
        total=total,
        of=queries.count(ask.db, ask.actor, Listing(kind=kind)) if chips else total,
        facets=facets.of(ask.db, ask.actor, whole, address.filters, address.fits),
        chips=chips,
        ways_out=_ways_out(ask, whole, address, chips) if not rows and not asked.cursor else (),
        rows=rows,
        sort=_sort(query),
        orders=[Order(word, label, address.sorted(word)) for word, label in ORDERS],
        first=address.text() if asked.cursor else "",
        next=address.text(cursor=encode(more)) if more else "",
    )
    return render(ask.request, page, blocks={"listing"})


def _listing(kind: str, query: QueryParams) -> Listing:
    """As the API reads the same address, but for the order of an address without one, and the task, which is a tag."""
    pairs = [(name, value) for name, value in query.multi_items() if name not in ("pipeline_tag", "sort")]
    return replace(rules.listing(kind, QueryParams([*pairs, ("sort", _sort(query))]), most=ROWS), limit=ROWS)


def _sort(query: QueryParams) -> str:
    asked = query.get("sort") or ""
    column = rules.SORTS.get(asked)
    return next(
        (word for word, _ in ORDERS if word == asked or (column is not None and rules.SORTS.get(word) == column)),
        ORDERS[0][0],
    )


def _chosen(query: QueryParams) -> tuple[str, ...]:
    """Every filter of the address in one spelling, whichever way the client's words for it were used."""
    values = [query.getlist(name) for name in ("filter", "tags", "library", "pipeline_tag")]
    words = [word.strip()[:200] for some in values for value in some for word in value.split(",")]
    return tuple(dict.fromkeys(word for word in words if word))[: rules.MAX_FILTERS]


def _chips(kind: str, address: Address) -> list[Chip]:
    chips = []
    if address.search:
        chips.append(Chip("Name", address.search, replace(address, search="").text()))
    if address.author:
        chips.append(Chip("By", address.author, replace(address, author="").text()))
    if address.gated:
        said = "on request" if address.gated == "true" else "open to all"
        chips.append(Chip("Files", said, replace(address, gated="").text()))
    if address.size:
        said = rules.SIZE_CLASSES.get(address.size, address.size[:60])
        chips.append(Chip("Parameters", said, address.toggled(address.size, "num_parameters")))
    if address.fits:
        chips.append(Chip("Fits on", machines.name(address.fits), address.toggled(address.fits, "fits")))
    if address.commercial:
        said = " or ".join(rules.COMMERCIAL[word].lower() for word in address.commercial.split(","))
        chips.append(Chip(facets.COMMERCIAL, said, replace(address, commercial="").text()))
    for word in address.filters:
        prefix, _, rest = word.partition(":")
        family, shown = facets.placed(kind, word)
        label = family or (prefix.replace("_", " ").capitalize() if rest else "Tag")
        chips.append(Chip(label, shown, address.toggled(word)))
    return chips


def _ways_out(ask: Ask, whole: Listing, address: Address, chips: Sequence[Chip]) -> list[WayOut]:
    """Each filter that could be dropped, with what the list then holds, where that is anything."""
    fewer = [replace(whole, search=""), replace(whole, author=""), replace(whole, gated=None)]
    fewer += [replace(whole, parameters=(None, None)), replace(whole, fits=None), replace(whole, commercial=())]
    parts = (address.search, address.author, address.gated, address.size, address.fits, address.commercial)
    given = [bool(part) for part in parts]
    without = [(listing, address.filters) for listing, there in zip(fewer, given, strict=True) if there]
    without += [(whole, tuple(word for word in address.filters if word != gone)) for gone in address.filters]
    ways = []
    for chip, (listing, filters) in list(zip(chips, without, strict=True))[:MAX_WAYS_OUT]:
        groups = facets.grouped(whole.kind, filters)
        number = queries.count(ask.db, ask.actor, facets.narrowed(listing, groups))
        if number:
            ways.append(WayOut(chip, number))
    return sorted(ways, key=lambda way: -way.number)
