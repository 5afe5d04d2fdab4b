"""Lists of one kind as pages: a register, the questions that narrow it, and its address, which says all of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from starlette.responses import Response

from freehold.core.http import PUBLIC, Ask, door
from freehold.core.paging import encode
from freehold.core.routes import Router
from freehold.discover import addresses, answering, counting, facets, indexed, machines, questions, register
from freehold.discover.addresses import MORE_ORDERS, ORDERS, RISING, Address, Chip
from freehold.discover.facets import Facet
from freehold.discover.register import Row
from freehold.discover.rules import NO_MACHINES, Listing
from freehold.repos.heads import LABELS, ONE
from freehold.web.components import ListNote, ListSeen
from freehold.web.render import render
from freehold.web.slots import Slots

router = Router(include_in_schema=False)
#: Ways out that are looked at when nothing matches.
MAX_WAYS_OUT = 8
#: What the next page keeps of an address besides: it is another room's (``Slots.list_note``).
KEPT = ("saved", "since")


@dataclass(frozen=True)
class Order:
    """A way to sort, and the list so; of the one in force, the list from its other end, called ``other``."""

    word: str
    label: str
    address: str
    is_current: bool = False
    other: str = ""


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
    address: Address
    hidden: Sequence[tuple[str, str]]  #: what the search form keeps of the address
    total: int  #: that match
    of: int  #: that there are
    shows_filters: bool  #: also where there is no room beside the list: the visitor opens one after the other
    facets: Sequence[Facet]
    chips: Sequence[Chip]
    ways_out: Sequence[WayOut]  #: where nothing matches: what would, most first
    rows: Sequence[Row]
    note: str  #: what another room says of the list
    new: frozenset[str]  #: rows that are new to the reader, as that room has it
    answers: frozenset[str]  #: rows that are deployed here and answer the reader
    sort: str
    rises: bool  #: the lowest first
    orders: Sequence[Order]
    first: str
    next: str


@router.get("/{kind:plural}")
@door(PUBLIC)
def kind_list(ask: Ask, kind: str) -> Response:
    query = ask.request.query_params
    own = machines.of(ask.db, ask.actor) if kind == "model" else NO_MACHINES
    asked = addresses.asked_of(kind, query, own)
    address = addresses.read(kind, query, asked)
    whole = replace(asked, tags=(), cursor=None)  # but for what is chosen of the questions that tags answer
    listing = facets.narrowed(asked, facets.grouped(kind, address.filters))
    here, opened = replace(listing, cursor=asked.cursor), frozenset(address.opened)
    chips = addresses.chips(kind, address, asked)
    wholes = [listing, Listing(kind=kind)] if chips else [listing]
    counted = facets.counted(whole, address.filters, opened, own)
    parts = [indexed.of_page(here), *map(indexed.of_total, wholes), *(indexed.of_counted(*one) for one in counted)]
    indexed.ahead(ask.db, ask.actor, parts)
    rows, more = register.page(ask.db, ask.actor, here)
    total, *rest = counting.totals(ask.db, ask.actor, wholes)
    besides = answering.besides(ask.db, ask.actor) if kind == "model" else frozenset[str]()
    note = _note(ask, kind, address)
    kept = {name: query[name] for name in KEPT if name in query}
    page = KindPage(
        title=LABELS[kind],
        area=kind,
        kind=kind,
        kind_word=ONE[kind],
        address=address,
        hidden=[(name, value) for name, value in address.pairs() if name not in ("search", "text")],
        total=total,
        of=rest[0] if rest else total,
        shows_filters=query.get("filters") == "shown",
        facets=facets.of(ask.db, ask.actor, whole, address.filters, opened, own, counted),
        chips=chips,
        ways_out=_ways_out(ask, whole, address, chips) if not rows and not asked.cursor else (),
        rows=rows,
        note=note.html,
        new=note.new,
        answers=frozenset(row.repo_id for row in rows if row.answers_all or row.repo_id in besides),
        sort=addresses.sort_word(kind, query),
        rises=asked.ascending,
        orders=_orders(kind, addresses.sort_word(kind, query), address),
        first=address.text(**kept) if asked.cursor else "",
        next=address.text(cursor=encode(more), **kept) if more else "",
    )
    return render(ask.request, page, blocks={"listing"})


def _note(ask: Ask, kind: str, address: Address) -> ListNote:
    slots: Slots = ask.request.app.state.slots
    return slots.list_note(ask, ListSeen(kind, address.spoken())) if slots.list_note is not None else ListNote()


def _orders(kind: str, sort: str, address: Address) -> list[Order]:
    orders = []
    for word, label in (*ORDERS, *MORE_ORDERS[kind]):
        if word != sort:
            orders.append(Order(word, label, address.sorted(word)))
            continue
        now, other = (RISING[word], label) if address.rises else (label, RISING[word])
        orders.append(Order(word, now, address.sorted(word, rises=not address.rises), is_current=True, other=other))
    return orders


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
    looked_at = list(zip(chips, without, strict=True))[:MAX_WAYS_OUT]
    listings = [facets.narrowed(one, facets.grouped(whole.kind, filters)) for _, (one, filters) in looked_at]
    numbers = counting.totals(ask.db, ask.actor, listings)
    ways = [WayOut(chip, number) for (chip, _), number in zip(looked_at, numbers, strict=True) if number]
    return sorted(ways, key=lambda way: -way.number)
