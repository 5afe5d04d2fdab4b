"""What was kept of calls, as pages: what one's models were asked, and what one asked oneself; and erasing it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Form
from starlette.responses import RedirectResponse, Response

from freehold.accounts import csrf
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.usage import telling
from freehold.usage.queries.kept import Opened
from freehold.usage.service import keeping
from freehold.web import flash
from freehold.web.render import render

router = Router(include_in_schema=False)
OWN = "own"
MINE, THEIRS = "/settings/usage/calls", "/usage/calls"
Text = Annotated[str, Form()]
Csrf = Annotated[str, Form(alias="csrf")]
MAX_SHOWN_CHARS = 4000


@dataclass(frozen=True)
class KeptPage:
    """What was kept of calls: what whoever looks asked, or what their models were asked."""

    title: str
    address: str
    is_own: bool
    rows: Sequence[Opened]
    name: str  #: of one served name only
    person: str  #: of one person only
    next: str  #: the address of older ones; empty: there are none
    days: int
    most: int = MAX_SHOWN_CHARS  #: characters of a text that are shown


@router.get(MINE)
@door(OWN)
def mine(ask: Ask, before: str = "", name: str = "") -> Response:
    return _page(ask, is_own=True, before=before, name=name)


@router.get(THEIRS)
@door(OWN)
def theirs(ask: Ask, before: str = "", name: str = "", person: str = "") -> Response:
    return _page(ask, is_own=False, before=before, name=name, person=person)


@router.post(MINE + "/erase")
@door(OWN)
def erase_mine(ask: Ask, call: Text = "", name: Text = "", everything: Text = "", token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    count = keeping.erase(ask.db, ask.actor, is_own=True, call_id=call, name=name, all_=bool(everything))
    return _erased(ask, MINE, count)


@router.post(THEIRS + "/erase")
@door(OWN)
def erase_theirs(ask: Ask, call: Text = "", name: Text = "", person: Text = "", token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    count = keeping.erase(ask.db, ask.actor, is_own=False, call_id=call, name=name, person=person)
    return _erased(ask, THEIRS, count)


def _erased(ask: Ask, address: str, count: int) -> Response:
    said = "What one call asked and was answered is erased." if count == 1 else f"What {count:,} calls asked is erased."
    return flash.say(ask.request, RedirectResponse(address, 303), said)


def _page(ask: Ask, *, is_own: bool, before: str, name: str, person: str = "") -> Response:
    address = MINE if is_own else THEIRS
    if not csrf.is_in_person(ask):
        return RedirectResponse(f"/login?{urlencode({'next': address})}", 303)
    rows, after = telling.kept_calls(ask, is_own=is_own, name=name, person=person, before=before)
    asked = {"name": name[:320], "person": person[:96], "before": after}
    page = KeptPage(
        title="What you asked" if is_own else "What your models were asked",
        address=address,
        is_own=is_own,
        rows=rows,
        name=name[:320],
        person=person[:96],
        next=f"{address}?{urlencode({key: value for key, value in asked.items() if value})}" if after else "",
        days=ask.kit.settings.content_days,
    )
    return render(ask.request, page)
