"""Usage, budgets and prices over JSON and CSV."""

from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from freehold.access.rules import Action
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.usage import access, exports, schemas, telling
from freehold.usage.queries import bounds, sums
from freehold.usage.queries.sums import Named, Sums
from freehold.usage.service import bounding, keeping
from freehold.usage.telling import HIDDEN

router = Router(tags=["usage"])
OWN = "own"
Of = Annotated[
    str, Query(description="Whose: empty for your own, an organisation's name, `*` for all (administrators).")
]
Month = Annotated[str, Query(description="Such as 2026-11, in UTC; empty: the one that is under way.")]
One = Annotated[str, Query(description="Only this one, by its id or name.")]
Person = Annotated[str, Query(description="Only what this person asked.")]
Mine = Annotated[bool, Query(description="What one asked oneself, whosever model it was.")]
Before = Annotated[str, Query(description="Only older ones than this id: `next` of the page before.")]
All = Annotated[bool, Query(description="All of them, where nothing else is said.")]


@router.get("/api/usage")
@door(OWN)
def usage(
    ask: Ask, account: Of = "", month: Month = "", token: One = "", person: One = "", name: One = ""
) -> dict[str, Any]:
    """What was used in a month, a line a day and whatever tells calls apart. Energy is an estimate.

    One's own; an organisation's whole for who administers it, and for its members their own part.
    """
    told = _told(ask, account, month, token, person, name)
    return {"currency": ask.kit.settings.currency, "days": told}


@router.get("/api/usage.csv", responses={200: {"content": {"text/csv": {}}}})
@door(OWN)
def usage_as_csv(
    ask: Ask, account: Of = "", month: Month = "", token: One = "", person: One = "", name: One = ""
) -> Response:
    """The same as a table for spreadsheets: texts that one would run as a formula begin with a ``'``."""
    body = exports.as_csv(_told(ask, account, month, token, person, name))
    headers = {"Content-Disposition": 'attachment; filename="usage.csv"', "Cache-Control": "private, no-store"}
    return Response(body, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/api/usage/bounds")
@door(OWN)
def bounds_of(ask: Ask, account: Of = "") -> list[dict[str, Any]]:
    """Budgets and limits of an account, with what was spent this month."""
    sight = access.sight(ask.db, ask.actor, account)
    found = bounds.bounded(ask.db, sight.account.id)
    own = ("account", f"person:{sight.user_id}")
    return [schemas.bounded(one) for one in found if sight.user_id is None or one.subject.value in own]


@router.put("/api/usage/bounds", status_code=204)
@door(Action.ADMIN)
def set_bounds(ask: Ask, body: schemas.BoundBody) -> Response:
    """Budget and limits of an account, a member or a token; what is left out is not bounded."""
    bounding.bound(ask.db, ask.actor, body.account or ask.actor.name, body.subject, body.bounds())
    return Response(status_code=204)


@router.get("/api/usage/prices")
@door(Action.ADMIN)
def prices(ask: Ask) -> list[dict[str, Any]]:
    """The price table, for who administers the hub: in millionths of the currency, per million tokens or a second."""
    access.administer(ask.actor)
    return [schemas.price(one) for one in bounds.prices(ask.db)]


@router.put("/api/usage/prices", status_code=204)
@door(Action.ADMIN)
def set_price(ask: Ask, body: schemas.PriceBody) -> Response:
    """A price counts from the next call on."""
    bounding.set_price(ask.db, ask.actor, body.kind, body.name, body.rate())
    return Response(status_code=204)


@router.get("/api/usage/calls")
@door(OWN)
def kept_calls(
    ask: Ask, name: One = "", person: Person = "", mine: Mine = False, before: Before = ""
) -> dict[str, Any]:
    """What calls asked and were answered, where it is kept, the newest first.

    Of one's own endpoints and routes and of organisations one administers; or, ``mine``, what one asked oneself.
    """
    rows, after = telling.kept_calls(ask, is_own=mine, name=name, person=person, before=before)
    return {"calls": [schemas.kept_call(one) for one in rows], "next": after}


@router.delete("/api/usage/calls")
@door(OWN)
def erase_calls(
    ask: Ask, call: One = "", name: One = "", person: Person = "", mine: Mine = False, everything: All = False
) -> dict[str, int]:
    """What these calls asked and were answered is erased: one by its id, all of a name, of a person, or all."""
    count = keeping.erase(ask.db, ask.actor, is_own=mine, call_id=call, name=name, person=person, all_=everything)
    return {"erased": count}


def _told(ask: Ask, account: str, month: str, token: str, person: str, name: str) -> list[dict[str, Any]]:
    if account == "*":
        access.administer(ask.actor)
        sight = None
    else:
        sight = access.sight(ask.db, ask.actor, account)
    wanted = telling.asked({"month": month, "token": token, "person": person, "name": name})
    rows = sums.rows(ask.db, telling.scope_of(sight, wanted))
    models = {(row.served_name, row.repo_id) for row in rows}
    return exports.lines(
        rows,
        people=sums.people(ask.db, {i for row in rows for i in (row.payer_id, row.user_id)}),
        tokens=sums.tokens(ask.db, {row.token_id for row in rows if row.token_id}),
        known=frozenset(telling.known(ask, [Named(key, Sums(), repo_id=repo_id) for key, repo_id in models])),
        hidden=HIDDEN,
        currency=ask.kit.settings.currency,
    )
