"""People, and one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from starlette.responses import Response

from freehold.access.rules import Action
from freehold.accounts import csrf
from freehold.accounts import service as accounts
from freehold.core.errors import HubError
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.governance import access
from freehold.governance.pages.forms import SECRET, Csrf, Text, act, search
from freehold.governance.queries import people as queries
from freehold.governance.queries.people import Row, Whole
from freehold.governance.service import people
from freehold.people.mail import sends_mail
from freehold.people.service import invitations
from freehold.web.render import render

router = Router(include_in_schema=False)
ROOT = "/admin/people"
SHOWS = (("", "Everybody"), ("admins", "Administrators"), ("disabled", "Locked out"), ("no-password", "No password"))


@dataclass(frozen=True)
class PeoplePage:
    """Everybody on this hub, and the forms for one more."""

    title: str
    rows: Sequence[Row]
    total: int
    search: str
    shows: str
    choices: Sequence[tuple[str, str]]  #: what the list can be narrowed to, in words
    next: str
    sends_mail: bool
    link: str  #: of the invitation just made, where nobody mails it
    error: str
    typed: Mapping[str, str]
    root: str = ROOT
    area: str = "admin"


@dataclass(frozen=True)
class PersonPage:
    """One person: what hangs on them, and what can be done."""

    title: str
    whole: Whole
    is_me: bool
    link: str  #: that was just made, shown this once
    link_says: str
    error: str
    root: str = ROOT
    area: str = "admin"


@router.get(ROOT)
@door(Action.ADMIN)
def people_page(ask: Ask) -> Response:
    access.administer(ask.actor)
    return _list(ask)


@router.post(ROOT)
@door(Action.ADMIN)
def create(
    ask: Ask, name: Text = "", full_name: Text = "", email: Text = "", is_admin: Text = "", token: Csrf = ""
) -> Response:
    typed = {"name": name, "full_name": full_name, "email": email}

    def change() -> None:
        people.create(ask.db, ask.actor, name, full_name=full_name, email=email, is_admin=bool(is_admin))

    return act(
        ask, token, change,
        to=f"{ROOT}/{quote(name.strip(), safe='')}", said=f"{name.strip()} is here. Make a link for them to sign in.",
        again=lambda error: _list(ask, error=error, typed=typed),
    )  # fmt: skip


@router.post(ROOT + "/-/invite")
@door(Action.ADMIN)
def invite(ask: Ask, email: Text = "", token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    access.administer(ask.actor, writes=True)
    mails = sends_mail(ask.request)
    try:
        made = invitations.invite(ask.db, ask.actor, None, email=email, sign_up="invited", shows_link=not mails)
    except HubError as err:
        ask.db.rollback()
        return _list(ask, error=err.message, typed={"invitee": email})
    return _list(ask, link="" if mails else ask.base_url + made.path, typed={"invited": email})


def _list(ask: Ask, *, error: str = "", link: str = "", typed: Mapping[str, str] | None = None) -> Response:
    query = ask.request.query_params
    shows, wanted = query.get("show", ""), search(ask)
    found = queries.listed(
        ask.db, "user", search=wanted, shows=shows, after=query.get("after", "")[:96].replace("\x00", ""),
        limit=queries.PAGE + 1,
    )  # fmt: skip
    rows, more = found[: queries.PAGE], ""
    if len(found) > queries.PAGE:
        more = f"{ROOT}?{urlencode({'q': wanted, 'show': shows, 'after': rows[-1].account.key})}"
    kept = {name: value[:320] for name, value in (typed or {}).items()}
    page = PeoplePage(
        "People", rows, queries.figures(ask.db).people, wanted, shows, SHOWS, more, sends_mail(ask.request), link,
        error, kept,
    )  # fmt: skip
    return render(ask.request, page, status=422 if error else 200, headers=SECRET)


# ---- one of them ---------------------------------------------------------------------------------------------


@router.get(ROOT + "/{name}")
@door(Action.ADMIN)
def person_page(ask: Ask, name: str) -> Response:
    access.administer(ask.actor)
    return _one(ask, name)


@router.post(ROOT + "/{name}/links")
@door(Action.ADMIN)
def link(ask: Ask, name: str, purpose: Text = "session", token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    access.administer(ask.actor)
    try:
        path = people.link(ask.db, ask.actor, name, purpose=purpose)
    except HubError as err:
        ask.db.rollback()
        return _one(ask, name, error=err.message)
    says = "lets them choose a new password, once, within two hours" if purpose == "password" else _SIGNS_IN
    return _one(ask, name, link=ask.base_url + path, link_says=says)


_SIGNS_IN = "signs them in, once, within a day"


@router.post(ROOT + "/{name}/delete")
@door(Action.ADMIN)
def delete(ask: Ask, name: str, confirmed: Text = "", takes_repos: Text = "", token: Csrf = "") -> Response:
    def change() -> None:
        people.delete(ask.db, ask.actor, name, confirmed=confirmed, takes_repos=bool(takes_repos))

    return act(
        ask, token, change, to=ROOT, said=f"{name} is deleted.", again=lambda error: _one(ask, name, error=error)
    )


@router.post(ROOT + "/{name}/{change}")
@door(Action.ADMIN)
def change(ask: Ask, name: str, change: str, token: Csrf = "") -> Response:
    """One of the changes that take nothing but a press."""
    db, actor = ask.db, ask.actor
    changes = {
        "disable": (lambda: people.switch(db, actor, name, is_disabled=True), "is locked out."),
        "enable": (lambda: people.switch(db, actor, name, is_disabled=False), "may sign in again."),
        "make-admin": (lambda: people.make_admin(db, actor, name, is_admin=True), "administers the hub."),
        "end-admin": (lambda: people.make_admin(db, actor, name, is_admin=False), "administers the hub no more."),
        "end-sessions": (lambda: people.end_sessions(db, actor, name), "is signed in nowhere."),
        "revoke-tokens": (lambda: people.revoke_tokens(db, actor, name), "has no token any more."),
    }
    if change not in changes:
        return _one(ask, name, error="There is no such change.")
    done, said = changes[change]
    to = f"{ROOT}/{quote(name, safe='')}"
    return act(ask, token, done, to=to, said=f"{name} {said}", again=lambda error: _one(ask, name, error=error))


def _one(ask: Ask, name: str, *, error: str = "", link: str = "", link_says: str = "") -> Response:
    access.administer(ask.actor)
    whole = queries.whole(ask.db, accounts.account(ask.db, name, kind="user"))
    account = whole.row.account
    page = PersonPage(account.name, whole, account.id == ask.actor.id, link, link_says, error)
    return render(ask.request, page, status=422 if error else 200, headers=SECRET)
