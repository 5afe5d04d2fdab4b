"""Machines as pages: a person's in their settings, an organisation's in its."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Form
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action
from freehold.accounts import csrf
from freehold.accounts.tables import Account
from freehold.cards.memory import GB
from freehold.core.errors import BadRequest, Conflict
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.fleet import access, queries, rules, service
from freehold.fleet.rules import FLEET, MINE, Given
from freehold.fleet.tables import OwnMachine
from freehold.people.access import administers
from freehold.web import flash
from freehold.web.forms import FINE, Wrong, wrong
from freehold.web.render import render

router = Router(include_in_schema=False)
#: The word that the walk over all routes reads as "only somebody signed in by cookie, for themselves".
OWN = "own"
Text = Annotated[str, Form()]
Csrf = Annotated[str, Form(alias="csrf")]


@dataclass(frozen=True)
class Row:
    """One machine: what a form shows of it, and what it is in words."""

    word: str  #: what addresses call it; empty: it is not there yet
    given: Given
    said: str = ""
    usable_bytes: int = 0
    address: str = ""


@dataclass(frozen=True)
class MachinesPage:
    """The machines of a person, or of ``org``, and the form for one more."""

    title: str
    org: Account | None
    address: str
    may_change: bool
    rows: Sequence[Row]
    fleet: str  #: the address of all of them together
    typed: Row  #: what was typed and refused: for the machine of its ``word``, or for a new one
    wrong: Wrong


_NEW = Row("", Given("", "cpu", "16"))


@router.get("/settings/machines")
@door(OWN)
def mine(ask: Ask) -> Response:
    if not csrf.is_in_person(ask):
        return RedirectResponse("/login?next=/settings/machines", 303)
    return _page(ask, None)


@router.get("/organizations/{org}/settings/machines")
@door(Action.READ)
def theirs(ask: Ask, org: str) -> Response:
    if not csrf.is_in_person(ask):
        return RedirectResponse(f"/login?next=/organizations/{quote(org)}/settings/machines", 303)
    return _page(ask, org)


@dataclass(frozen=True)
class Posted:
    """A form as it came."""

    word: str
    given: Given
    token: str


def _posted(
    word: Text = "",
    name: Text = "",
    kind: Text = "",
    memory: Text = "",
    count: Text = "1",
    kept: Text = "",
    default: Text = "",
    token: Csrf = "",
) -> Posted:
    return Posted(word, Given(name, kind, memory, count if kind != "cpu" else "1", kept, bool(default)), token)


@router.post("/settings/machines")
@door(OWN)
def save_mine(ask: Ask, posted: Annotated[Posted, Depends(_posted)]) -> Response:
    return _saved(ask, None, posted)


@router.post("/organizations/{org}/settings/machines")
@door(Action.ADMIN)
def save_theirs(ask: Ask, org: str, posted: Annotated[Posted, Depends(_posted)]) -> Response:
    return _saved(ask, org, posted)


@router.post("/settings/machines/delete")
@door(OWN)
def remove_mine(ask: Ask, word: Text = "", token: Csrf = "") -> Response:
    return _removed(ask, None, word, token)


@router.post("/organizations/{org}/settings/machines/delete")
@door(Action.ADMIN)
def remove_theirs(ask: Ask, org: str, word: Text = "", token: Csrf = "") -> Response:
    return _removed(ask, org, word, token)


# ---- both alike --------------------------------------------------------------------------------------------


def _saved(ask: Ask, org: str | None, posted: Posted) -> Response:
    csrf.check_in_person(ask, posted.token)
    try:
        if posted.word:
            machine = service.change(ask.db, ask.actor, org, posted.word, posted.given)
        else:
            machine = service.add(ask.db, ask.actor, org, posted.given)
    except (BadRequest, Conflict) as err:
        ask.db.rollback()
        given = replace(posted.given, name=posted.given.name[:200], memory=posted.given.memory[:20])
        typed = Row(posted.word, replace(given, count=given.count[:20], kept=given.kept[:20]))
        return _page(ask, org, typed, wrong(err, "name", "memory", "count", "kept"), status=422)
    answer = RedirectResponse(_address(org), 303)
    return flash.say(ask.request, answer, f"{machine.name} is saved: {rules.said(queries.machine_of(machine))}.")


def _removed(ask: Ask, org: str | None, word: str, token: str) -> Response:
    csrf.check_in_person(ask, token)
    name = service.remove(ask.db, ask.actor, org, word)
    return flash.say(ask.request, RedirectResponse(_address(org), 303), f"{name} is gone from the list.")


def _address(org: str | None) -> str:
    return f"/organizations/{quote(org)}/settings/machines" if org else "/settings/machines"


def _page(ask: Ask, org: str | None, typed: Row = _NEW, refused: Wrong = FINE, status: int = 200) -> Response:
    owner = access.owner(ask.db, ask.actor, org, changes=False)
    whose = owner.name if org else MINE
    page = MachinesPage(
        title=f"Machines of {owner.name}" if org else "Machines",
        org=owner if org else None,
        address=_address(org),
        may_change=administers(ask.actor, owner) if org else True,
        rows=[_row(one, whose) for one in queries.of(ask.db, owner)],
        fleet=f"{whose}:{FLEET}",
        typed=typed,
        wrong=refused,
    )
    return render(ask.request, page, status=status)


def _row(one: OwnMachine, whose: str) -> Row:
    kept = "" if one.kept_bytes is None else f"{one.kept_bytes / GB:g}"
    given = Given(one.name, one.kind, f"{one.memory_bytes / GB:g}", str(one.count), kept, one.is_default)
    machine = queries.machine_of(one)
    return Row(one.word, given, rules.said(machine), machine.usable_bytes, f"{whose}:{one.word}")
