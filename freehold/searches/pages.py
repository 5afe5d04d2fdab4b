"""Saved searches as pages: all of one's own, one to be saved, and what stands on a list of theirs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import Form
from starlette.datastructures import QueryParams
from starlette.responses import RedirectResponse, Response

from freehold.accounts import csrf
from freehold.core.errors import BadRequest, Conflict, HubError
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.discover import addresses, machines
from freehold.repos.heads import LABELS
from freehold.repos.rules import KINDS
from freehold.searches import queries, rules, service
from freehold.searches.errors import SearchNotFound
from freehold.searches.queries import Standing
from freehold.searches.service import Notice
from freehold.searches.tables import SavedSearch
from freehold.web import flash
from freehold.web.components import ListNote, ListSeen
from freehold.web.figures import plural
from freehold.web.forms import FINE, Wrong, wrong
from freehold.web.render import part, render

router = Router(include_in_schema=False)
OWN = "own"
SEARCHES = "/searches"
Text = Annotated[str, Form()]
Csrf = Annotated[str, Form(alias="csrf")]


@dataclass(frozen=True)
class Row:
    """One search of the page: what it looks for, in words, and how it stands."""

    standing: Standing
    label: str  #: of its kind
    asks: str  #: empty: for everything


@dataclass(frozen=True)
class SearchesPage:
    """All saved searches of a person, a page at a time."""

    title: str
    rows: Sequence[Row]
    total: int
    mails: Mapping[str, str]
    sends_mail: bool
    wrong: Wrong  #: what was refused of the search ``wrong_id``
    wrong_id: str
    typed: str  #: the name that was
    first: str
    next: str


@dataclass(frozen=True)
class SaveSearchPage:
    """One search that is to be saved: its name, and how it tells."""

    title: str
    label: str
    kind: str
    query: str
    list: str  #: the address of what it lists
    asks: str
    name: str
    notice: Notice
    mails: Mapping[str, str]
    sends_mail: bool
    wrong: Wrong


@dataclass(frozen=True)
class SavedOnList:
    """What stands on a list: that it can be saved, or is, and what is new to it."""

    save: str  #: the address to save it; empty: it is saved
    search: SavedSearch | None
    new: str  #: how many are marked, in words; empty: none
    since: datetime | None
    may_settle: bool  #: some of them are still new


# ---- all of them -------------------------------------------------------------------------------------------


@router.get(SEARCHES)
@door(OWN)
def mine(ask: Ask, after: str = "") -> Response:
    if not csrf.is_in_person(ask):
        return RedirectResponse(f"/login?next={SEARCHES}", 303)
    return _page(ask, after[:24])


def _page(ask: Ask, after: str = "", *, refused: Wrong = FINE, of: str = "", typed: str = "") -> Response:
    found = queries.mine(ask.db, ask.actor)
    shown = [one for one in found if not after or one.id < after]
    standings = queries.standings(ask.db, ask.actor, shown[: queries.PAGE])
    page = SearchesPage(
        title="Saved searches",
        rows=[Row(one, LABELS[one.search.kind], _asks(ask, one.search)) for one in standings],
        total=len(found),
        mails=rules.MAIL,
        sends_mail=ask.request.app.state.sends_mail,
        wrong=refused,
        wrong_id=of,
        typed=typed,
        first=SEARCHES if after else "",
        next=f"{SEARCHES}?after={shown[queries.PAGE - 1].id}" if len(shown) > queries.PAGE else "",
    )
    return render(ask.request, page, status=422 if refused.text else 200)


def _asks(ask: Ask, search: SavedSearch) -> str:
    try:
        return addresses.in_words(search.kind, QueryParams(search.query), machines.of(ask.db, ask.actor))
    except HubError:
        return search.query[:200]


# ---- one that is to be saved -------------------------------------------------------------------------------


@router.get(f"{SEARCHES}/new")
@door(OWN)
def new(ask: Ask, kind: str = "model", query: str = "") -> Response:
    if not csrf.is_in_person(ask):
        here = f"{SEARCHES}/new?{urlencode({'kind': kind, 'query': query[: rules.MAX_QUERY]})}"
        return RedirectResponse(f"/login?next={quote(here)}", 303)
    rules.checked_kind(kind)
    said = addresses.in_words(kind, QueryParams(query), machines.of(ask.db, ask.actor))
    name = f"{LABELS[kind]}, {said}" if said else f"All {LABELS[kind].lower()}"
    return _new(ask, kind, query, name[: rules.MAX_NAME].strip(" ,:"), Notice())


@router.post(SEARCHES)
@door(OWN)
def save(
    ask: Ask,
    kind: Text = "model",
    query: Text = "",
    name: Text = "",
    inbox: Text = "",
    mail: Text = "none",
    token: Csrf = "",
) -> Response:
    csrf.check_in_person(ask, token)
    notice = Notice(bool(inbox), mail)
    try:
        search = service.save(ask.db, ask.actor, kind, query, name, notice)
    except (BadRequest, Conflict) as err:
        ask.db.rollback()
        return _new(ask, rules.checked_kind(kind), query, name[:200], notice, wrong(err, "name"))
    answer = RedirectResponse(queries.address(search), 303)
    return flash.say(ask.request, answer, f"{search.name} is saved. From now on, what comes to match counts as new.")


def _new(ask: Ask, kind: str, query: str, name: str, notice: Notice, refused: Wrong = FINE) -> Response:
    own, given = machines.of(ask.db, ask.actor), QueryParams(query[: rules.MAX_QUERY])
    spoken = addresses.spoken(kind, given, own)
    page = SaveSearchPage(
        title="Save this search",
        label=LABELS[kind],
        kind=kind,
        query=spoken,
        list=f"/{KINDS[kind][0]}?{spoken}",
        asks=addresses.in_words(kind, given, own),
        name=name,
        notice=notice,
        mails=rules.MAIL,
        sends_mail=ask.request.app.state.sends_mail,
        wrong=refused,
    )
    return render(ask.request, page, status=422 if refused.text else 200)


# ---- one that is saved -------------------------------------------------------------------------------------


@router.get(f"{SEARCHES}/{{search_id}}")
@door(OWN)
def one(ask: Ask, search_id: str) -> Response:
    """Where notices lead: the list, with what is new to the search marked."""
    if not csrf.is_in_person(ask):
        return RedirectResponse(f"/login?next={SEARCHES}/{quote(search_id)}", 303)
    search = queries.one(ask.db, ask.actor, search_id)
    return RedirectResponse(queries.address(search), 303)


@router.post(f"{SEARCHES}/{{search_id}}")
@door(OWN)
def change(
    ask: Ask,
    search_id: str,
    name: Text = "",
    inbox: Text = "",
    mail: Text = "none",
    paused: Text = "",
    token: Csrf = "",
) -> Response:
    csrf.check_in_person(ask, token)
    try:
        search = service.change(
            ask.db, ask.actor, search_id, name=name, notice=Notice(bool(inbox), mail), is_paused=bool(paused)
        )
    except (BadRequest, Conflict) as err:
        ask.db.rollback()
        return _page(ask, refused=wrong(err, "name"), of=search_id, typed=name[:200])
    return flash.say(ask.request, RedirectResponse(SEARCHES, 303), f"{search.name} is as you want it.")


@router.post(f"{SEARCHES}/{{search_id}}/delete")
@door(OWN)
def delete(ask: Ask, search_id: str, token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    name = service.remove(ask.db, ask.actor, search_id)
    return flash.say(ask.request, RedirectResponse(SEARCHES, 303), f"{name} is gone.")


@router.post(f"{SEARCHES}/{{search_id}}/open")
@door(OWN)
def open_list(ask: Ask, search_id: str, token: Csrf = "") -> Response:
    """The list, with what is new marked, which from now on counts as seen."""
    csrf.check_in_person(ask, token)
    since = queries.one(ask.db, ask.actor, search_id).looked_at
    search = service.look(ask.db, ask.actor, search_id)
    return RedirectResponse(queries.address(search, since=str(int(since.timestamp()))), 303)


# ---- on a list ---------------------------------------------------------------------------------------------


def list_note(ask: Ask, seen: ListSeen) -> ListNote:
    """Fills the slot of lists: that this one can be saved, or is, and which of its rows are new to it."""
    if seen.kind not in rules.KINDS:
        return ListNote()
    save = f"{SEARCHES}/new?{urlencode({'kind': seen.kind, 'query': seen.query})}"
    if not csrf.is_in_person(ask):
        return ListNote(part(ask.request, SavedOnList(save, None, "", None, False)))
    search = _of_list(ask, seen)
    if search is None:
        return ListNote(part(ask.request, SavedOnList(save, None, "", None, False)))
    since = _since(ask, search)
    listing = queries.listing_of(search, machines.of(ask.db, ask.actor))
    new = queries.new(ask.db, ask.actor, search, listing, rules.MAX_NEW, since=since)
    unseen = new if since == search.looked_at else queries.new(ask.db, ask.actor, search, listing, 1)
    number = f"{rules.MAX_NEW} or more" if len(new) >= rules.MAX_NEW else plural(len(new), "is", "are")
    told = SavedOnList("", search, f"{number} new" if new else "", since, bool(unseen))
    return ListNote(part(ask.request, told), frozenset(new))


def _of_list(ask: Ask, seen: ListSeen) -> SavedSearch | None:
    """The search that the address names, while the list is still that of the search; else the one for just this."""
    if named := ask.request.query_params.get("saved"):
        try:
            search = queries.one(ask.db, ask.actor, named)
        except SearchNotFound:
            search = None
        if search is not None and (search.kind, search.query) == (seen.kind, seen.query):
            return search
    return queries.same(ask.db, ask.actor.id, seen.kind, seen.query)


def _since(ask: Ask, search: SavedSearch) -> datetime:
    """What the address says, where that is a moment; never before the search was saved."""
    said = ask.request.query_params.get("since") or ""
    if not (said.isascii() and said.isdigit() and len(said) <= 10):
        return search.looked_at
    return max(datetime.fromtimestamp(int(said), UTC), search.created_at)
