"""Usage as pages: one's own, an organisation's, an account's and the instance's for who administers the hub."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import Depends, Form
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action
from freehold.accounts import csrf
from freehold.accounts.tables import Account
from freehold.core.errors import HubError
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.usage import access, rules, telling
from freehold.usage.access import Sight
from freehold.usage.queries import bounds, sums
from freehold.usage.queries.bounds import Bounded, Subject
from freehold.usage.service import bounding
from freehold.usage.service.bounding import Bounds
from freehold.usage.telling import Seen
from freehold.web import flash
from freehold.web.forms import FINE, Wrong, wrong
from freehold.web.render import render

router = Router(include_in_schema=False)
OWN = "own"
MINE, INSTANCE = "/settings/usage", "/admin/usage"
Text = Annotated[str, Form()]
Csrf = Annotated[str, Form(alias="csrf")]


@dataclass(frozen=True)
class Typed:
    """The form of a bound as it came."""

    account: str = ""
    subject: str = ""
    amount: str = ""
    is_hard: bool = False
    calls: str = ""
    tokens: str = ""


@dataclass(frozen=True)
class Budgeted:
    """The budget that a page is headed by."""

    amount_micros: int
    spent_micros: int
    is_hard: bool

    @property
    def percent(self) -> int:
        return 100 * self.spent_micros // self.amount_micros if self.amount_micros else 100


@dataclass(frozen=True)
class UsagePage:
    """What was used in a month: by whoever looks, by an organisation, by an account, or by the instance."""

    title: str
    of: str  #: mine, org, account or hub
    account: Account | None
    sees_part: bool  #: of an organisation, only what whoever looks used themselves
    address: str
    seen: Seen
    currency: str
    core_watts: int
    budget: Budgeted | None
    bounded: Sequence[Bounded]
    subjects: Sequence[Subject]  #: whose calls may be bounded here; none: the form is not for whoever looks
    typed: Typed
    wrong: Wrong
    exports: Sequence[tuple[str, str]]  #: label and address
    root: str = INSTANCE  #: of the administration's menu
    area: str = ""


@router.get(MINE)
@door(OWN)
def mine(ask: Ask) -> Response:
    if not csrf.is_in_person(ask):
        return RedirectResponse(f"/login?next={MINE}", 303)
    return _page(ask, "mine", access.sight(ask.db, ask.actor))


@router.get("/organizations/{org}/settings/usage")
@door(Action.READ)
def theirs(ask: Ask, org: str) -> Response:
    if not csrf.is_in_person(ask):
        return RedirectResponse(f"/login?next=/organizations/{quote(org)}/settings/usage", 303)
    return _page(ask, "org", access.sight(ask.db, ask.actor, org))


@router.get(INSTANCE)
@door(Action.ADMIN)
def instance(ask: Ask) -> Response:
    access.administer(ask.actor)
    return _page(ask, "hub", None)


@router.get(INSTANCE + "/{name}")
@door(Action.ADMIN)
def account(ask: Ask, name: str) -> Response:
    access.administer(ask.actor)
    return _page(ask, "account", access.sight(ask.db, ask.actor, name))


def _typed(
    account: Text = "",
    subject: Text = "",
    amount: Text = "",
    hard: Text = "",
    calls: Text = "",
    tokens: Text = "",
) -> Typed:
    return Typed(account.strip()[:96], subject[:64], amount[:24], bool(hard), calls[:16], tokens[:16])


Posted = Annotated[Typed, Depends(_typed)]


@router.post(MINE + "/bounds")
@door(OWN)
def bound_mine(ask: Ask, posted: Posted, token: Csrf = "") -> Response:
    return _bound(ask, "mine", ask.actor.name, posted, token)


@router.post("/organizations/{org}/settings/usage/bounds")
@door(Action.ADMIN)
def bound_theirs(ask: Ask, org: str, posted: Posted, token: Csrf = "") -> Response:
    return _bound(ask, "org", org, posted, token)


@router.post(INSTANCE + "/bounds")
@door(Action.ADMIN)
def bound_any(ask: Ask, posted: Posted, token: Csrf = "") -> Response:
    access.administer(ask.actor)
    return _bound(ask, "hub", posted.account or "*", posted, token)


@router.post(INSTANCE + "/{name}/bounds")
@door(Action.ADMIN)
def bound_account(ask: Ask, name: str, posted: Posted, token: Csrf = "") -> Response:
    access.administer(ask.actor)
    return _bound(ask, "account", name, posted, token)


def _bound(ask: Ask, of: str, owner: str, typed: Typed, token: str) -> Response:
    csrf.check_in_person(ask, token)
    subject = "account" if of == "hub" else typed.subject
    try:
        wanted = Bounds(
            amount_micros=rules.micros(typed.amount, "A budget", "amount") if typed.amount.strip() else None,
            is_hard=typed.is_hard,
            calls=rules.number(typed.calls, "Calls a minute", "calls"),
            tokens=rules.number(typed.tokens, "Tokens a minute", "tokens"),
        )
        bounding.bound(ask.db, ask.actor, owner, subject, wanted)
    except HubError as err:
        if err.status not in (404, 422) or (err.status == 404 and of != "hub"):
            raise
        ask.db.rollback()
        at = wrong(err, "subject", "amount", "calls", "tokens", "account")
        sight = None if of == "hub" else access.sight(ask.db, ask.actor, owner)
        return _page(ask, of, sight, typed, at)
    said = "It counts from the next call on."
    return flash.say(ask.request, RedirectResponse(_address(of, owner) + "#bounds", 303), said)


def _address(of: str, name: str) -> str:
    return {
        "mine": MINE,
        "org": f"/organizations/{quote(name)}/settings/usage",
        "account": f"{INSTANCE}/{quote(name)}",
    }.get(of, INSTANCE)


def _page(ask: Ask, of: str, sight: Sight | None, typed: Typed = Typed(), at: Wrong = FINE) -> Response:
    settings = ask.kit.settings
    owner = sight.account if sight else None
    base = _address(of, owner.name if owner else "")
    wanted = telling.asked(ask.request.query_params)
    subjects = _subjects(ask, sight, wanted)
    page = UsagePage(
        title={"mine": "Usage", "hub": "Usage"}.get(of, f"Usage of {owner.name}" if owner else ""),
        of=of,
        account=owner,
        sees_part=bool(sight and sight.user_id),
        address=base,
        seen=telling.look(ask, sight, wanted, base),
        currency=settings.currency,
        core_watts=settings.core_watts,
        budget=_budget(ask, sight),
        bounded=_bounded(ask, sight),
        subjects=subjects,
        typed=typed,
        wrong=at,
        exports=_exports(of, owner, wanted),
        area="admin" if of in ("hub", "account") else "",
    )
    return render(ask.request, page, status=422 if at.text else 200)


def _budget(ask: Ask, sight: Sight | None) -> Budgeted | None:
    found = bounds.of_account(ask.db, sight.account.id, user_id=sight.user_id) if sight else None
    return Budgeted(found.amount_micros, bounds.spent_of(found), found.is_hard) if found else None


def _bounded(ask: Ask, sight: Sight | None) -> list[Bounded]:
    if sight is None:
        return bounds.bounded(ask.db, None)
    if sight.user_id is None:
        return bounds.bounded(ask.db, sight.account.id)
    keys = [rules.subject_key(sight.account.id), rules.subject_key(sight.account.id, sight.user_id)]
    return bounds.bounded(ask.db, sight.account.id, only=keys)


def _subjects(ask: Ask, sight: Sight | None, wanted: telling.Asked) -> list[Subject]:
    if sight is None:
        return [Subject("account", "everything")]
    if not sight.may_bound:
        return []
    found = [Subject("account", "everything")] if sight.may_bound_all else []
    if sight.account.kind == "user":
        return [*found, *bounds.own_tokens(ask.db, sight.account.id)]
    used = [one.key for one in sums.by_token(ask.db, telling.scope_of(sight, wanted)) if one.key]
    return [*found, *bounds.members(ask.db, sight.account.id), *bounds.token_subjects(ask.db, used)]


def _exports(of: str, owner: Account | None, wanted: telling.Asked) -> list[tuple[str, str]]:
    asked = {
        "month": f"{wanted.month:%Y-%m}",
        "account": "*" if of == "hub" else "" if of == "mine" else owner.name if owner else "",
    }
    asked |= {"token": wanted.token, "person": wanted.person, "name": wanted.name}
    query = urlencode({key: value for key, value in asked.items() if value})
    return [(label, f"/api/usage{end}?{query}") for label, end in (("CSV", ".csv"), ("JSON", ""))]
