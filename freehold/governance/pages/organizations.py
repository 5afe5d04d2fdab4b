"""Organisations, and one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from starlette.responses import Response

from freehold.access.rules import Action
from freehold.accounts import service as accounts
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.governance import access
from freehold.governance.pages.forms import Csrf, Text, act, search
from freehold.governance.queries import people as queries
from freehold.governance.queries.people import Row, Whole
from freehold.governance.service import people
from freehold.web.render import render

router = Router(include_in_schema=False)
ROOT = "/admin/organizations"


@dataclass(frozen=True)
class OrganizationsPage:
    """Every organisation of this hub."""

    title: str
    rows: Sequence[Row]
    total: int
    search: str
    next: str
    root: str = ROOT
    area: str = "admin"


@dataclass(frozen=True)
class OrganizationPage:
    """One organisation: who belongs to it, what it owns, and what can be done."""

    title: str
    whole: Whole
    my_role: str
    error: str
    root: str = ROOT
    area: str = "admin"


@router.get(ROOT)
@door(Action.ADMIN)
def organizations_page(ask: Ask) -> Response:
    access.administer(ask.actor)
    after = ask.request.query_params.get("after", "")[:96].replace("\x00", "")
    wanted = search(ask)
    found = queries.listed(ask.db, "org", search=wanted, after=after, limit=queries.PAGE + 1)
    rows, more = found[: queries.PAGE], ""
    if len(found) > queries.PAGE:
        more = f"{ROOT}?{urlencode({'q': wanted, 'after': rows[-1].account.key})}"
    total = queries.figures(ask.db).organisations
    return render(ask.request, OrganizationsPage("Organisations", rows, total, wanted, more))


@router.get(ROOT + "/{name}")
@door(Action.ADMIN)
def organization_page(ask: Ask, name: str) -> Response:
    access.administer(ask.actor)
    return _one(ask, name)


@router.post(ROOT + "/{name}/take-over")
@door(Action.ADMIN)
def take_over(ask: Ask, name: str, token: Csrf = "") -> Response:
    return act(
        ask, token, lambda: people.take_over(ask.db, ask.actor, name),
        to=f"{ROOT}/{quote(name, safe='')}", said=f"You administer {name} as one of its members.",
        again=lambda error: _one(ask, name, error=error),
    )  # fmt: skip


@router.post(ROOT + "/{name}/delete")
@door(Action.ADMIN)
def delete(ask: Ask, name: str, confirmed: Text = "", takes_repos: Text = "", token: Csrf = "") -> Response:
    def change() -> None:
        people.delete(ask.db, ask.actor, name, confirmed=confirmed, takes_repos=bool(takes_repos))

    return act(
        ask, token, change, to=ROOT, said=f"{name} is deleted.", again=lambda error: _one(ask, name, error=error)
    )


def _one(ask: Ask, name: str, *, error: str = "") -> Response:
    access.administer(ask.actor)
    org = accounts.account(ask.db, name, kind="org")
    role = accounts.role_of(ask.db, org, ask.actor.id) or ""
    page = OrganizationPage(org.name, queries.whole(ask.db, org), role, error)
    return render(ask.request, page, status=422 if error else 200)
