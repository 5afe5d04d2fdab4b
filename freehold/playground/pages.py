"""The playground: talking to one model or to two side by side, and where feedback is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Form
from starlette.responses import RedirectResponse, Response

from freehold.accounts import csrf
from freehold.accounts.tables import Account
from freehold.core.errors import HubError
from freehold.core.http import PUBLIC, Ask, door
from freehold.core.routes import Router
from freehold.inference.service.names import Listed
from freehold.playground import asking, lanes, queries, service
from freehold.playground.asking import PAGE, Given, Parameter
from freehold.playground.lanes import Lane
from freehold.playground.queries import Kept
from freehold.repos.errors import RepoNotFound
from freehold.web import flash
from freehold.web.render import render

router = Router(include_in_schema=False)
OWN = "own"
PLACE = f"{PAGE}/feedback"
Text = Annotated[str, Form()]
Csrf = Annotated[str, Form(alias="csrf")]


@dataclass(frozen=True)
class PlaygroundPage:
    """One model or two, what was said so far, and what the next question is asked with."""

    title: str
    area: str
    address: str  #: of this page without parameters and conversation
    one_address: str
    two_address: str  #: with a second model; empty: there is none to take
    lanes: Sequence[Lane]
    offered: Sequence[Listed]  #: what may be talked to
    given: Given
    parameters: Sequence[Parameter]
    code: Mapping[str, str]
    base_url: str
    currency: str
    kept: Kept | None  #: where thumbs go; None: nowhere was chosen
    price_said: str  #: what tokens cost, known before one asks
    typed: str
    error: str
    is_spent: bool  #: the error is that the visitor's budget is spent
    empty_title: str
    empty_text: str


@router.get(PAGE)
@door(PUBLIC)
def playground(ask: Ask) -> Response:
    """The address says the models and the parameters; conversations are the visitor's own and never in it."""
    return page(ask, asking.read(ask.request.query_params))


def page(
    ask: Ask,
    given: Given,
    *,
    turns: Sequence[Sequence[lanes.Turn]] = (),
    typed: str = "",
    error: str = "",
    is_spent: bool = False,
    status: int = 200,
) -> Response:
    """The page with the conversations ``turns``, one for each lane."""
    offered = lanes.offered(ask.db, ask.actor)
    given, found, wrong = lanes.chosen(ask, given, offered, turns)
    others = [one for one in offered if one.name != given.model]
    shown = PlaygroundPage(
        title="Playground",
        area="playground",
        address=Given(given.model, given.other).address(),
        one_address=given.address(other=""),
        two_address=given.address(other=others[0].name) if others else "",
        lanes=found,
        offered=offered,
        given=given,
        parameters=given.shown(),
        code=asking.code(ask.base_url, given),
        base_url=ask.base_url,
        currency=ask.kit.settings.currency,
        kept=queries.kept(ask.db, ask.actor, found[0].listed.owner) if found and ask.actor.id else None,
        price_said=lanes.price_said(found, ask.kit.settings.currency),
        typed=typed,
        error=error or wrong,
        is_spent=is_spent,
        empty_title="No model answers here yet",
        empty_text="Whoever may make repositories can deploy one: open a model’s page and choose Deploy."
        if ask.actor.id
        else "Sign in to see which models answer here.",
    )
    return render(ask.request, shown, status=status if not wrong else 404)


# ---- where feedback is kept --------------------------------------------------------------------------------


@dataclass(frozen=True)
class AccountPlace:
    """An account that the visitor may choose for, and what it chose."""

    name: str
    is_self: bool
    place: str  #: the data set's name; empty: none
    typed: str = ""


@dataclass(frozen=True)
class FeedbackPlacePage:
    """The data sets in which feedback is kept: the visitor's, and their organisations'."""

    title: str
    accounts: Sequence[AccountPlace]
    offered: Sequence[str]
    wrong: str


@router.get(PLACE)
@door(OWN)
def place(ask: Ask) -> Response:
    if not csrf.is_in_person(ask):
        return RedirectResponse(f"/login?next={PLACE}", 303)
    return _place(ask)


@router.post(PLACE)
@door(OWN)
def choose(ask: Ask, account: Text = "", repo: Text = "", stop: Text = "", token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    try:
        if stop:
            service.stop(ask.db, ask.actor, account)
            return flash.say(ask.request, RedirectResponse(PLACE, 303), "Nothing is kept from now on.")
        kept = _chosen(ask, account, repo.strip())
    except HubError as err:
        ask.db.rollback()
        return _place(ask, account, repo[:200], err.message)
    return flash.say(ask.request, RedirectResponse(PLACE, 303), f"Feedback is kept in {kept} from now on.")


def _chosen(ask: Ask, account: str, name: str) -> str:
    """A data set that is there, or a new one of this account's."""
    try:
        return service.choose(ask.db, ask.actor, account, name).path
    except RepoNotFound:
        owner, _, last = name.rpartition("/")
        if not last or owner.lower() not in ("", account.lower()):
            raise
        return service.make(ask.db, ask.actor, account, last).path


def _place(ask: Ask, account: str = "", typed: str = "", wrong: str = "") -> Response:
    own = ask.db.get_one(Account, ask.actor.id)
    orgs = [ask.db.get_one(Account, org) for org, role in ask.actor.roles.items() if role == "admin"]
    places = []
    for one in (own, *sorted(orgs, key=lambda org: org.key)):
        repo = queries.place_of(ask.db, one.id)
        was_typed = typed if one.name.lower() == account.lower() else ""
        places.append(AccountPlace(one.name, one is own, repo.path if repo else "", was_typed))
    shown = FeedbackPlacePage(
        title="Where feedback is kept",
        accounts=places,
        offered=[repo.path for repo in queries.offered(ask.db, ask.actor)],
        wrong=wrong,
    )
    return render(ask.request, shown, status=422 if wrong else 200)
