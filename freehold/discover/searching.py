"""Search as a page: everything that holds the words, by what it is, the best matches first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from starlette.responses import Response

from freehold.accounts.tables import Account
from freehold.community.queries import collections
from freehold.community.queries.collections import Shown
from freehold.core.http import PUBLIC, Ask, door
from freehold.core.routes import Router
from freehold.discover import finding, matching, nearby, register
from freehold.discover.register import Row
from freehold.repos.heads import LABELS
from freehold.repos.rules import KINDS
from freehold.web.components import Found, Line
from freehold.web.render import render
from freehold.web.slots import Slots
from freehold.wordkit import context
from freehold.wordkit.context import Piece
from freehold.wordkit.rules import asked, kept

router = Router(include_in_schema=False)
#: Shown of each group on one page with the others, and of one alone.
SOME, MANY = 5, 30
#: So few finds make one ask whether something else was meant.
LITTLE = 3
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
    #: By id: a line around the words, where a card, a description or what somebody says of themselves holds them.
    contexts: Mapping[str, Sequence[Piece]] = field(default_factory=dict)
    accounts: Sequence[Account] = ()
    collections: Sequence[Shown] = ()
    lines: Sequence[Line] = ()

    @property
    def shown(self) -> int:
        return len(self.rows) + len(self.accounts) + len(self.collections) + len(self.lines)


@dataclass(frozen=True)
class Near:
    """Other words that find something, where those that were typed find little."""

    words: str
    address: str


@dataclass(frozen=True)
class SearchPage:
    """What holds the words."""

    title: str
    words: str
    found_by: str  #: the words that the groups hold: those typed, or where nothing holds them the nearest
    type: str  #: the one type that is looked at; empty: all
    total: int  #: of what holds the words that were typed
    is_more: bool
    address: str  #: the search for everything
    tabs: Sequence[Group]  #: types with something in them
    groups: Sequence[Group]  #: those that are shown
    near: Sequence[Near]
    close: Sequence[tuple[str, str]]  #: names like the words, where no words are near, and their pages
    hides_search: bool = True


@router.get("/search")
@door(PUBLIC)
def search(ask: Ask, search: str = "", type: str = "") -> Response:
    words = " ".join(search.replace("\x00", "").split())[:200]
    groups = _there(ask, words, type)
    total = sum(group.total for group in groups)
    near = nearby.spellings(ask.db, ask.actor, words) if words and total < LITTLE else ()
    shown = near[0] if near and not groups else words
    groups = groups or _there(ask, shown, type)
    chosen = [group for group in groups if group.type == type]
    page = SearchPage(
        title=f"“{words}”" if words else "Search",
        words=words,
        found_by=shown,
        type=type if chosen else "",
        total=total,
        is_more=any(group.is_more for group in groups),
        address=f"/search?{urlencode({'search': shown})}",
        tabs=groups,
        groups=chosen or groups,
        near=[Near(other, f"/search?{urlencode({'search': other})}") for other in near],
        close=finding.close(ask.db, ask.actor, words) if words and not groups else (),
    )
    return render(ask.request, page)


def _there(ask: Ask, words: str, chosen: str) -> Sequence[Group]:
    """Every type that holds something, with its number; more of the chosen one, and a few of the others."""
    if not words:
        return ()
    limits = {type: MANY if type == chosen else SOME for type in (*KINDS, *ACCOUNTS, "collection")}
    groups = [*_repos(ask, words, {kind: limits[kind] for kind in KINDS})]
    groups += [_accounts(ask, words, kind, limits[kind]) for kind in ("org", "user")]
    groups.append(_collections(ask, words, limits["collection"]))
    slots: Slots = ask.request.app.state.slots
    for fill in slots.search:
        found: Found = fill(ask, words, MANY if chosen == "discussion" else SOME)
        groups.append(
            Group(found.type, found.label, found.total, found.is_more, _alone(words, found.type), "", lines=found.lines)
        )
    return [group for group in groups if group.total]


def _repos(ask: Ask, words: str, limits: Mapping[str, int]) -> Sequence[Group]:
    """The repositories of every kind. Three queries for all of them."""
    found = matching.matches(ask.db, ask.actor, words, limits)
    rows = register.by_id(ask.db, ask.actor, [repo_id for each in found.values() for repo_id in each.repo_ids])
    said = [one for each in found.values() for one in each.repo_ids if each.ranks[one] == matching.SAID]
    contexts = matching.contexts(ask.db, said, words)
    return [
        Group(
            kind,
            LABELS[kind],
            each.total,
            each.is_more,
            _alone(words, kind),
            f"/{KINDS[kind][0]}?{urlencode({'text': words})}",
            rows=[rows[repo_id] for repo_id in each.repo_ids if repo_id in rows],
            contexts=contexts,
        )
        for kind, each in found.items()
    ]


def _accounts(ask: Ask, words: str, kind: str, limit: int) -> Group:
    found = finding.accounts(ask.db, kind, words, limit)
    total, is_more = len(found), False
    if total == limit:
        total, is_more = finding.count_accounts(ask.db, kind, words)
    contexts = _lines(words, {account.id: account.details for account in found})
    return Group(kind, ACCOUNTS[kind], total, is_more, _alone(words, kind), "", contexts=contexts, accounts=found)


def _collections(ask: Ask, words: str, limit: int) -> Group:
    found, total = collections.matching(ask.db, ask.actor, words, limit)
    contexts = _lines(words, {each.collection.id: each.collection.description for each in found})
    alone = _alone(words, "collection")
    return Group("collection", "Collections", total, False, alone, "", contexts=contexts, collections=found)


def _lines(words: str, texts: Mapping[str, str]) -> Mapping[str, Sequence[Piece]]:
    wanted = asked(words)
    return {key: line for key, text in texts.items() if (line := context.line(kept(text), wanted))}


def _alone(words: str, type: str) -> str:
    return f"/search?{urlencode({'search': words, 'type': type})}"
