"""Search as a page: everything whose name or title holds the words, by what it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import Response

from freehold.accounts.tables import Account
from freehold.community.queries import collections
from freehold.community.queries.collections import Shown
from freehold.core.http import PUBLIC, Ask, door
from freehold.discover import finding, register
from freehold.discover.register import Row
from freehold.discover.rules import Listing
from freehold.repos.heads import LABELS
from freehold.repos.rules import KINDS
from freehold.web.components import Found, Line
from freehold.web.render import render
from freehold.web.slots import Slots

router = APIRouter(include_in_schema=False)
#: Shown of each group on one page with the others, and of one alone.
SOME, MANY = 5, 30
ACCOUNTS = {"org": "Organisations", "user": "People"}


@dataclass(frozen=True)
class Group:
    """What was found of one type: repositories, accounts, collections or lines of another room's; one of the four."""

    type: str
    label: str
    total: int
    is_more: bool  #: ``total`` is where counting stopped
    address: str  #: this type alone
    all: str  #: a list that goes on where the search stops; empty: there is none
    rows: Sequence[Row] = ()
    accounts: Sequence[Account] = ()
    collections: Sequence[Shown] = ()
    lines: Sequence[Line] = ()

    @property
    def shown(self) -> int:
        return len(self.rows) + len(self.accounts) + len(self.collections) + len(self.lines)


@dataclass(frozen=True)
class SearchPage:
    """What holds the words."""

    title: str
    words: str
    type: str  #: the one type that is looked at; empty: all
    total: int
    is_more: bool
    address: str  #: the search for everything
    tabs: Sequence[Group]  #: types with something in them
    groups: Sequence[Group]  #: those that are shown
    close: Sequence[tuple[str, str]]  #: names like the words, where nothing holds them, and their pages
    hides_search: bool = True


@router.get("/search")
@door(PUBLIC)
def search(ask: Ask, search: str = "", type: str = "") -> Response:
    words = " ".join(search.replace("\x00", "").split())[:200]
    groups = [group for group in _groups(ask, words, type) if group.total] if words else []
    chosen = [group for group in groups if group.type == type]
    page = SearchPage(
        title=f"“{words}”" if words else "Search",
        words=words,
        type=type if chosen else "",
        total=sum(group.total for group in groups),
        is_more=any(group.is_more for group in groups),
        address=f"/search?{urlencode({'search': words})}",
        tabs=groups,
        groups=chosen or groups,
        close=finding.close(ask.db, ask.actor, words) if words and not groups else (),
    )
    return render(ask.request, page)


def _groups(ask: Ask, words: str, chosen: str) -> Sequence[Group]:
    """Every type with its number; more of the chosen one, and a few of the others."""
    limits = {type: MANY if type == chosen else SOME for type in (*KINDS, *ACCOUNTS, "collection")}
    groups = [_repos(ask, words, kind, limits[kind]) for kind in KINDS]
    groups += [_accounts(ask, words, kind, limits[kind]) for kind in ("org", "user")]
    groups.append(_collections(ask, words, limits["collection"]))
    slots: Slots = ask.request.app.state.slots
    for fill in slots.search:
        found: Found = fill(ask, words, SOME)
        if found.type == chosen:
            found = fill(ask, words, MANY)
        groups.append(
            Group(found.type, found.label, found.total, found.is_more, _alone(words, found.type), "", lines=found.lines)
        )
    return groups


def _repos(ask: Ask, words: str, kind: str, limit: int) -> Group:
    listing = Listing(kind=kind, search=words, sort="trend", limit=limit)
    found = register.shelf(ask.db, ask.actor, listing, f"/{KINDS[kind][0]}?{urlencode({'search': words})}")
    return Group(kind, LABELS[kind], found.total, False, _alone(words, kind), found.address, rows=found.rows)


def _accounts(ask: Ask, words: str, kind: str, limit: int) -> Group:
    found = finding.accounts(ask.db, kind, words, limit)
    total, is_more = len(found), False
    if total == limit:
        total, is_more = finding.count_accounts(ask.db, kind, words)
    return Group(kind, ACCOUNTS[kind], total, is_more, _alone(words, kind), "", accounts=found)


def _collections(ask: Ask, words: str, limit: int) -> Group:
    listing = collections.Listing(search=words, sort="upvotes", limit=limit)
    page = collections.listed(ask.db, ask.actor, listing)
    total = len(page.collections) if page.next is None else collections.count(ask.db, ask.actor, listing)
    everything = f"/collections?{urlencode({'search': words})}"
    alone = _alone(words, "collection")
    return Group("collection", "Collections", total, False, alone, everything, collections=page.collections)


def _alone(words: str, type: str) -> str:
    return f"/search?{urlencode({'search': words, 'type': type})}"
