"""People and organisations as pages: who they are, what they publish, collect and like."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from starlette.responses import Response

from freehold.access.rules import Action
from freehold.accounts.tables import Account
from freehold.community.pages.marks import follow_button
from freehold.community.queries import collections, marks
from freehold.community.queries.collections import Shown
from freehold.community.queries.people import Overview, overview
from freehold.content import queries as content
from freehold.content.rules import MAIN
from freehold.core.errors import HubError
from freehold.core.http import PUBLIC, Ask, door
from freehold.core.routes import Router
from freehold.discover import rules
from freehold.discover.addresses import ORDERS as LIST_ORDERS
from freehold.discover.pages import refuse_reserved
from freehold.discover.register import Shelf, shelf
from freehold.discover.repository import card
from freehold.discover.rules import Listing
from freehold.people.access import administers, sees_members
from freehold.people.queries import has_asked
from freehold.repos import service as repos
from freehold.repos.heads import LABELS, head
from freehold.repos.rules import KINDS
from freehold.repos.tables import Repo
from freehold.web import markdown
from freehold.web.render import render
from freehold.web.slots import Slots

router = Router(include_in_schema=False)
ROWS = 12
#: Orders of what an account publishes; the first is that of an address without one.
ORDERS = (("", "Last changed"), *(order for order in LIST_ORDERS if order[0] != "lastModified"))
COLLECTIONS, LIKES, MEMBERS = 6, 5, 24
#: The space whose card an account shows on its page, as on the public hub.
CARD = "README"


@dataclass(frozen=True)
class AccountPage:
    """A person or an organisation, and what they have made here."""

    title: str
    account: Account
    is_person: bool
    overview: Overview
    since: datetime
    card: markdown.Rendered | None
    card_address: str  #: where the card is written
    shelves: Sequence[Shelf]
    collections: Sequence[Shown]
    likes: Sequence[tuple[Repo, str]]
    members: Sequence[Account]
    follow: str  #: the button, as HTML
    panels: Sequence[str]  #: what rooms above have to say
    orders: Sequence[tuple[str, str, str]]  #: word, label and address
    order: str
    can_create: bool
    settings_address: str  #: for those who may change what the page says
    kinds: Sequence[tuple[str, int, str]]  #: label, number and address of what it publishes
    role: str  #: of the visitor in the organisation; empty: none
    has_asked: bool  #: the visitor waits to be let in
    may_ask: bool  #: to be let in


@router.get("/{name}")
@door(PUBLIC)
def account(ask: Ask, name: str, sort: str = "") -> Response:
    refuse_reserved(name)
    seen = overview(ask.db, ask.actor, name)
    found, is_person = seen.account, seen.account.kind == "user"
    order = sort if sort in rules.SORTS else ""
    rendered, card_address = _card(ask, found)
    page = AccountPage(
        title=found.full_name or found.name,
        account=found,
        is_person=is_person,
        overview=seen,
        since=found.created_at,
        card=rendered,
        card_address=card_address,
        shelves=[_shelf(ask, kind, found, order) for kind in KINDS if seen.repos.get(kind)],
        collections=collections.owned(ask.db, ask.actor, found.id, COLLECTIONS) if seen.collections else [],
        likes=_likes(ask, found) if seen.likes else [],
        members=_members(ask, found),
        follow=follow_button(ask, found, seen.is_followed),
        panels=_panels(ask, found),
        orders=[(word, label, f"/{found.name}" + (f"?sort={word}" if word else "")) for word, label in ORDERS],
        order=order,
        can_create=found.id == ask.actor.id or ask.actor.roles.get(found.id, "read") != "read",
        settings_address=_settings(ask, found),
        kinds=[
            (LABELS[kind], number, f"/{KINDS[kind][0]}?{urlencode({'author': found.name})}")
            for kind in KINDS
            if (number := seen.repos.get(kind))
        ],
        role=ask.actor.roles.get(found.id, ""),
        has_asked=(asked := _has_asked(ask, found)),
        may_ask=found.takes_requests and ask.actor.id is not None and found.id not in ask.actor.roles and not asked,
    )
    return render(ask.request, page)


def _shelf(ask: Ask, kind: str, found: Account, order: str) -> Shelf:
    query = urlencode({"author": found.name, "sort": order or "lastModified"})
    listing = Listing(kind=kind, author=found.name, sort=rules.SORTS.get(order, "updated_at"), limit=ROWS)
    return shelf(ask.db, ask.actor, listing, f"/{KINDS[kind][0]}?{query}")


def _card(ask: Ask, found: Account) -> tuple[markdown.Rendered | None, str]:
    """The card of the space ``NAME/README``, where there is one that the visitor may read."""
    try:
        repo = repos.load(ask.db, ask.actor, f"{found.name}/{CARD}", Action.READ, kind="space")
    except HubError:  # none, or not for this visitor, or moved away: an account's page goes without a card
        return None, ""
    commit = content.head(ask.db, repo, MAIN)
    return (card(ask, repo, commit) if commit else None), head(repo).address


def _likes(ask: Ask, found: Account) -> Sequence[tuple[Repo, str]]:
    page = marks.liked(ask.db, ask.actor, found.name, limit=LIKES)
    return [(like.repo, head(like.repo).address) for like in page.likes]


def _members(ask: Ask, found: Account) -> Sequence[Account]:
    if found.kind != "org" or not sees_members(ask.actor, found):
        return []
    return marks.members(ask.db, ask.actor, found.name, limit=MEMBERS).accounts


def _has_asked(ask: Ask, found: Account) -> bool:
    may = found.kind == "org" and ask.actor.id is not None and found.id not in ask.actor.roles
    return may and has_asked(ask.db, found, ask.actor.id)


def _settings(ask: Ask, found: Account) -> str:
    if found.id == ask.actor.id:
        return "/settings/profile"
    may = found.kind == "org" and administers(ask.actor, found)
    return f"/organizations/{found.name}/settings" if may else ""


def _panels(ask: Ask, found: Account) -> Sequence[str]:
    slots: Slots = ask.request.app.state.slots
    return [panel for panel in (fill(ask, found) for fill in slots.profile) if panel]
