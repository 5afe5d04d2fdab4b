"""The price table of the instance, for who administers it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Form
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action
from freehold.accounts import csrf
from freehold.core.errors import HubError
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.usage import access, rules
from freehold.usage.queries import bounds
from freehold.usage.rules import Rate
from freehold.usage.service import bounding
from freehold.usage.tables import Price
from freehold.web import flash
from freehold.web.forms import FINE, Wrong, wrong
from freehold.web.render import render

router = Router(include_in_schema=False)
ROOT = "/admin/prices"
Text = Annotated[str, Form()]
Csrf = Annotated[str, Form(alias="csrf")]


@dataclass(frozen=True)
class Typed:
    """The form of a price as it came."""

    kind: str = "name"
    name: str = ""
    input: str = ""
    cached: str = ""
    output: str = ""
    second: str = ""


@dataclass(frozen=True)
class PricesPage:
    """What calls cost, with the form for another price."""

    title: str
    prices: Sequence[Price]
    currency: str
    typed: Typed
    wrong: Wrong
    root: str = ROOT
    area: str = "admin"


def _typed(
    kind: Text = "name", name: Text = "", input: Text = "", cached: Text = "", output: Text = "", second: Text = ""
) -> Typed:
    return Typed(kind[:16], name.strip()[:300], input[:24], cached[:24], output[:24], second[:24])


@router.get(ROOT)
@door(Action.ADMIN)
def prices_page(ask: Ask) -> Response:
    access.administer(ask.actor)
    return _page(ask)


@router.post(ROOT)
@door(Action.ADMIN)
def save(ask: Ask, typed: Annotated[Typed, Depends(_typed)], token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    access.administer(ask.actor, writes=True)
    try:
        input_price = _price(typed.input, "input")
        rate = Rate(
            input_price,
            _price(typed.cached, "cached") if typed.cached.strip() else input_price,
            _price(typed.output, "output"),
            _price(typed.second, "second"),
        )
        bounding.set_price(ask.db, ask.actor, typed.kind, typed.name, rate)
    except HubError as err:
        ask.db.rollback()
        return _page(ask, typed, wrong(err, "name", "input", "cached", "output", "second"))
    said = "Calls cost it from now on; what was used before keeps its price."
    return flash.say(ask.request, RedirectResponse(ROOT, 303), said)


@router.post(ROOT + "/delete")
@door(Action.ADMIN)
def remove(ask: Ask, kind: Text = "", name: Text = "", token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    access.administer(ask.actor, writes=True)
    try:
        bounding.set_price(ask.db, ask.actor, kind, name, None)
    except HubError as err:
        ask.db.rollback()
        return _page(ask, at=wrong(err))
    return flash.say(ask.request, RedirectResponse(ROOT, 303), "It has no price of its own any more.")


def _price(text: str, field: str) -> int:
    return rules.micros(text, "A price", field) if text.strip() else 0


def _page(ask: Ask, typed: Typed = Typed(), at: Wrong = FINE) -> Response:
    page = PricesPage("Prices", bounds.prices(ask.db), ask.kit.settings.currency, typed, at)
    return render(ask.request, page, status=422 if at.text else 200)
