"""Home, lists and search as pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import Response

from freehold.accounts.rules import RESERVED
from freehold.accounts.tables import Account
from freehold.community.queries import collections
from freehold.community.queries.collections import Shown
from freehold.core.http import PUBLIC, Ask, door
from freehold.core.paging import encode
from freehold.discover import finding, panels, queries, rules
from freehold.discover.errors import NoSuchPage
from freehold.discover.queries import Item
from freehold.discover.rules import Listing
from freehold.repos.heads import LABELS, ONE, head
from freehold.repos.rules import KINDS
from freehold.repos.tables import Repo
from freehold.web.render import render

router = APIRouter(include_in_schema=False)
#: Orders of lists of repositories, as the address and the page name them.
ORDERS = (("", "Last changed"), ("likes", "Most liked"), ("downloads", "Most downloaded"), ("createdAt", "Newest"))
SHOWN_KINDS = ("model", "dataset", "space")
NEWEST = 5
ROWS = 30
FACET_WORDS = 12


@dataclass(frozen=True)
class Shelf:
    """The newest repositories of one kind that the visitor may know of."""

    kind: str
    label: str
    address: str
    total: int
    rows: Sequence["Row"]


@dataclass(frozen=True)
class Row:
    """One repository in a list."""

    repo: Repo
    address: str
    summary: str
    task: str
    license: str
    library: str


@dataclass(frozen=True)
class HomePage:
    """The start: what there is, and how to bring something in."""

    title: str
    shelves: Sequence[Shelf]
    mine: Sequence[Row]  #: the visitor's own, last changed first
    is_empty: bool
    hub: str
    hides_search: bool = True


@dataclass(frozen=True)
class Word:
    """One choice of a facet: ``address`` is the list with it added or taken away."""

    label: str
    number: int
    address: str
    is_chosen: bool


@dataclass(frozen=True)
class Facet:
    """A question that the list can be narrowed by."""

    label: str
    words: Sequence[Word]


@dataclass(frozen=True)
class Chip:
    """A filter in force, and the list without it."""

    label: str
    value: str
    without: str


@dataclass(frozen=True)
class KindPage:
    """The repositories of one kind, narrowed by the address."""

    title: str
    area: str
    kind: str
    kind_word: str
    address: str
    search: str
    hidden: Sequence[tuple[str, str]]  #: filters that the search form keeps
    total: int
    facets: Sequence[Facet]
    chips: Sequence[Chip]
    rows: Sequence[Row]
    sort: str
    orders: Sequence[tuple[str, str, str]]  #: ways to sort: word, label and the list so
    first: str
    next: str


@dataclass(frozen=True)
class SearchPage:
    """What holds the words, of every kind."""

    title: str
    words: str
    shelves: Sequence[Shelf]
    accounts: Sequence[Account]
    collections: Sequence[Shown]
    hides_search: bool = True


# ---- home, lists, search -----------------------------------------------------------------------------------


@router.get("/")
@door(PUBLIC)
def home(ask: Ask) -> Response:
    shelves = [shelf(ask, Listing(kind=kind, limit=NEWEST), f"/{KINDS[kind][0]}") for kind in SHOWN_KINDS]
    mine = queries.mine(ask.db, ask.actor, NEWEST) if not ask.actor.is_anonymous else []
    page = HomePage(
        title="Home",
        shelves=shelves,
        mine=[_row(item) for item in mine],
        is_empty=not any(shelf.total for shelf in shelves),
        hub=ask.base_url,
    )
    return render(ask.request, page)


@router.get("/{kind:plural}")
@door(PUBLIC)
def kind_list(ask: Ask, kind: str) -> Response:
    query = ask.request.query_params
    listing = replace(rules.listing(kind, query, most=ROWS), limit=ROWS)
    page = queries.page(ask.db, ask.actor, listing)
    chosen = _chosen(query.getlist("filter"))
    kept = _Address(f"/{KINDS[kind][0]}", listing.search, listing.author, chosen, query.get("sort") or "")
    shown = KindPage(
        title=LABELS[kind],
        area=kind,
        kind=kind,
        kind_word=ONE[kind],
        address=kept.path,
        search=listing.search,
        hidden=[(name, value) for name, value in kept.pairs() if name != "search"],
        total=queries.count(ask.db, ask.actor, listing),
        facets=_facets(ask, kind, kept),
        chips=_chips(kept),
        rows=[_row(item) for item in page.items],
        sort=kept.sort,
        orders=[(word, label, replace(kept, sort=word).text()) for word, label in ORDERS],
        first=kept.text() if listing.cursor else "",
        next=kept.text(cursor=encode(page.next)) if page.next else "",
    )
    return render(ask.request, shown)


@router.get("/search")
@door(PUBLIC)
def search(ask: Ask, search: str = "") -> Response:
    words = search.replace("\x00", "").strip()[:200]
    shelves: list[Shelf] = []
    people: list[Account] = []
    shown: Sequence[Shown] = ()
    if words:
        for kind in KINDS:
            address = f"/{KINDS[kind][0]}?{urlencode({'search': words})}"
            shelves.append(shelf(ask, Listing(kind=kind, search=words, limit=2 * NEWEST), address))
        for kind in ("org", "user"):
            people += finding.accounts(ask.db, kind, words, NEWEST)
        listing = collections.Listing(search=words, sort="upvotes", limit=NEWEST)
        shown = collections.listed(ask.db, ask.actor, listing).collections
    filled = [shelf for shelf in shelves if shelf.total]
    page = SearchPage(f"“{words}”" if words else "Search", words, filled, people, shown)
    return render(ask.request, page)


def refuse_reserved(first: str) -> None:
    """The widest addresses catch what nobody else did, ``/api/...`` included: that is nothing, not a repository."""
    if first.lower() in RESERVED:
        raise NoSuchPage


# ---- parts of lists ----------------------------------------------------------------------------------------


def shelf(ask: Ask, listing: Listing, address: str) -> Shelf:
    page = queries.page(ask.db, ask.actor, listing)
    # A page that is not full has told the number already.
    total = len(page.items) if page.next is None else queries.count(ask.db, ask.actor, listing)
    return Shelf(listing.kind, LABELS[listing.kind], address, total, [_row(item) for item in page.items])


def _row(item: Item) -> Row:
    card = item.card
    return Row(
        repo=item.repo,
        address=head(item.repo).address,
        summary=card.summary if card else "",
        task=rules.TASKS.get(card.pipeline_tag or "", card.pipeline_tag or "") if card else "",
        license=panels.licence(card.data) if card else "",
        library=(card.library_name or "") if card else "",
    )


@dataclass(frozen=True)
class _Address:
    """A list's address in parts, so that a filter can be put in or taken out."""

    path: str
    search: str
    author: str
    filters: tuple[str, ...]
    sort: str

    def pairs(self) -> list[tuple[str, str]]:
        pairs = [("search", self.search), ("author", self.author), ("sort", self.sort)]
        return [(name, value) for name, value in pairs if value] + [("filter", value) for value in self.filters]

    def text(self, **more: str) -> str:
        query = urlencode(self.pairs() + list(more.items()))
        return f"{self.path}?{query}" if query else self.path

    def toggled(self, word: str) -> str:
        filters = [value for value in self.filters if value != word]
        return replace(self, filters=tuple(filters if word in self.filters else [*filters, word])).text()


def _chosen(values: Sequence[str]) -> tuple[str, ...]:
    words = [word.strip() for value in values for word in value.split(",")]
    return tuple(dict.fromkeys(word for word in words if word))[: rules.MAX_FILTERS]


def _chips(address: _Address) -> list[Chip]:
    chips = []
    if address.search:
        chips.append(Chip("Name", address.search, replace(address, search="").text()))
    if address.author:
        chips.append(Chip("By", address.author, replace(address, author="").text()))
    for word in address.filters:
        prefix, _, rest = word.partition(":")
        family, shown = _placed("", word)
        label, value = family or (prefix.replace("_", " ").capitalize() if rest else "Tag"), shown
        chips.append(Chip(label, value, address.toggled(word)))
    return chips


def _facets(ask: Ask, kind: str, address: _Address) -> list[Facet]:
    """The words in use, by what they are about; each with how many carry it among all that the visitor may see."""
    groups: dict[str, list[Word]] = {}
    for tag, number in queries.tags(ask.db, ask.actor, kind, limit=500):
        family, label = _placed(kind, tag)
        words = groups.setdefault(family, [])
        if family and (len(words) < FACET_WORDS or tag in address.filters):
            words.append(Word(label, number, address.toggled(tag), tag in address.filters))
    return [Facet(label, groups[label]) for label in _FACETS if groups.get(label)]


_FACETS = ("Task", "Library", "Format", "Licence", "Language", "Size")


def _placed(kind: str, tag: str) -> tuple[str, str]:
    """The facet a tag belongs to, and its words there; no facet: it is found by search only."""
    prefix, _, rest = tag.partition(":")
    families: Mapping[str, str] = {
        "license": "Licence",
        "language": "Language",
        "task_categories": "Task",
        "format": "Format",
        "size_categories": "Size",
    }
    if rest:
        return families.get(prefix, ""), rules.TASKS.get(rest, rest)
    if tag in rules.TASKS:
        return "Task", rules.TASKS[tag]
    if tag in rules.LIBRARIES:
        return "Library", tag
    return ("Language", tag) if kind == "model" and tag in rules.LANGUAGES else ("", tag)
