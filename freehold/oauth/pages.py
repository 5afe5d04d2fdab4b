"""Letting programs in, and seeing which were; and registering one's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import Form
from starlette.responses import RedirectResponse, Response

from freehold.accounts import csrf
from freehold.accounts.queries import memberships
from freehold.accounts.throttle import Throttle
from freehold.core.errors import HubError
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.oauth import rules
from freehold.oauth.service import codes, devices, grants, programs
from freehold.oauth.service.codes import Wanted
from freehold.oauth.service.grants import Shown
from freehold.oauth.service.programs import Owned
from freehold.oauth.tables import DeviceRequest, Program
from freehold.web.render import POLICY, render

router = Router(include_in_schema=False)
OWN = "own"
Csrf = Annotated[str, Form(alias="csrf")]
NO_STORE = {"Cache-Control": "no-store"}
#: Codes that one person types in five minutes.
TRIES = 20


@dataclass(frozen=True)
class DevicePage:
    """Type a code, or confirm the one that a link brought."""

    title: str
    me: str
    code: str  #: what was typed or brought
    request: DeviceRequest | None  #: the program that waits with it
    program: str  #: its name
    wishes: Sequence[str]  #: what it would be able to do, in words
    may_write: bool
    done: str  #: ``approved`` or ``denied``
    error: str
    hides_search: bool = True


@dataclass(frozen=True)
class AuthorizePage:
    """A program asks to be let in."""

    title: str
    me: str
    program: Program
    owner: str
    wishes: Sequence[str]
    returns_to: str  #: the origin that the answer is sent to
    fields: Sequence[tuple[str, str]]  #: the program's wish, sent along with the answer
    hides_search: bool = True


@dataclass(frozen=True)
class ProgramsPage:
    """Programs that were let in, and programs of one's own."""

    title: str
    granted: Sequence[Shown]
    owned: Sequence[Owned]
    owners: Sequence[str]  #: in whose name one may register
    scope_words: dict[str, str]
    secret: str  #: of the program just made, shown this once
    secret_of: Program | None
    name: str  #: what was typed
    website: str
    redirects: str
    error: str
    hub: str


# ---- programs without a browser ----------------------------------------------------------------------------


@router.get("/device")
@door(OWN)
def device_page(ask: Ask, user_code: str = "") -> Response:
    if not csrf.is_in_person(ask):
        to = f"/device?user_code={quote(rules.typed_user_code(user_code))}" if user_code else "/device"
        return RedirectResponse(f"/login?next={quote(to, safe='')}", 303)
    if not user_code:
        return _device(ask)
    return _confirm(ask, user_code)


@router.post("/device")
@door(OWN)
def answer_device(
    ask: Ask,
    user_code: Annotated[str, Form()] = "",
    answer: Annotated[str, Form()] = "",
    reach: Annotated[str, Form()] = "write",
    token: Csrf = "",
) -> Response:
    csrf.check_in_person(ask, token)
    if answer not in ("approve", "deny"):
        return _confirm(ask, user_code)
    try:
        _try(ask)
        approves = answer == "approve"
        devices.answer(ask.db, ask.actor, user_code, approves=approves, only_reads=reach != "write")
    except HubError as err:
        ask.db.rollback()
        return _device(ask, code=user_code, error=err.message, status=err.status)
    return _device(ask, done="approved" if approves else "denied")


def _confirm(ask: Ask, typed: str) -> Response:
    try:
        _try(ask)
        found = devices.waiting(ask.db, typed)
        return _device(ask, code=found.user_code, found=found)
    except HubError as err:
        return _device(ask, code=typed, error=err.message, status=err.status)


def _device(
    ask: Ask, *, code: str = "", found: DeviceRequest | None = None, done: str = "", error: str = "", status: int = 200
) -> Response:
    page = DevicePage(
        title="Sign in a program",
        me=ask.actor.name,
        code=code[:40],
        request=found,
        program=programs.find(ask.db, found.client_id).name if found else "",
        wishes=[words for scope, words in rules.SCOPES.items() if found and scope in found.scopes.split()],
        may_write=bool(found and rules.writes(found.scopes)),
        done=done,
        error=error,
    )
    return render(ask.request, page, status=status, headers=NO_STORE)


def _try(ask: Ask) -> None:
    """Nobody finds other people's codes by trying: raises ``TooManyAttempts``."""
    state = ask.request.app.state
    if not hasattr(state, "code_throttle"):
        state.code_throttle = Throttle("Too many codes were tried. Try again in {wait} s.", free=TRIES)
    throttle: Throttle = state.code_throttle
    throttle.check(ask.actor.id)
    throttle.note_failure(ask.actor.id)


# ---- programs with a browser -------------------------------------------------------------------------------


@router.get("/oauth/authorize")
@door(OWN, reads=False)
def authorize_page(ask: Ask) -> Response:
    query = {name: value[:4096] for name, value in ask.request.query_params.items()}
    wish = codes.wanted(ask.db, query)
    if wish.problem:
        return _returned(ask, wish, error=wish.problem)
    silent = query.get("prompt") == "none"
    if not csrf.is_in_person(ask):
        if silent:
            return _returned(ask, wish, error="login_required")
        to = f"/oauth/authorize?{urlencode(query)}"
        return RedirectResponse(f"/login?next={quote(to, safe='')}", 303)
    known = query.get("prompt") != "consent" and grants.covers(ask.db, ask.actor.id, wish.program, wish.scopes)
    # A program that keeps no secret is only known by its address: somebody looks each time (RFC 6749 10.2). And a
    # browser that comes from our own sign-in form may not be sent on to another site: the form's policy holds.
    from_form = ask.request.headers.get("sec-fetch-site") == "same-origin"
    if known and wish.program.secret_hash is not None and not from_form:
        return _returned(ask, wish, code=codes.allow(ask.db, ask.actor, wish))
    if silent:
        return _returned(ask, wish, error="consent_required")
    return _ask(ask, wish, query)


@router.post("/oauth/authorize")
@door(OWN)
def authorize(
    ask: Ask,
    answer: Annotated[str, Form()] = "",
    client_id: Annotated[str, Form()] = "",
    redirect_uri: Annotated[str, Form()] = "",
    response_type: Annotated[str, Form()] = "",
    scope: Annotated[str, Form()] = "",
    state: Annotated[str, Form()] = "",
    nonce: Annotated[str, Form()] = "",
    code_challenge: Annotated[str, Form()] = "",
    code_challenge_method: Annotated[str, Form()] = "",
    token: Csrf = "",
) -> Response:
    csrf.check_in_person(ask, token)
    query = {
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "response_type": response_type,
        "scope": scope,
        "state": state,
        "nonce": nonce,
        "code_challenge": code_challenge,
        "code_challenge_method": code_challenge_method,
    }
    wish = codes.wanted(ask.db, {name: value for name, value in query.items() if value})
    if wish.problem:
        return _returned(ask, wish, error=wish.problem)
    if answer != "allow":
        return _returned(ask, wish, error="access_denied")
    return _returned(ask, wish, code=codes.allow(ask.db, ask.actor, wish))


def _ask(ask: Ask, wish: Wanted, query: dict[str, str]) -> Response:
    names = ("client_id", "response_type", "state", "nonce", "code_challenge", "code_challenge_method")
    fields = [(name, query[name]) for name in names if name in query]
    returns_to = rules.origin(wish.redirect_uri)
    page = AuthorizePage(
        title=f"Let {wish.program.name} in",
        me=ask.actor.name,
        program=wish.program,
        owner=programs.owner_name(ask.db, wish.program),
        wishes=[words for scope, words in rules.SCOPES.items() if scope in wish.scopes.split()],
        returns_to=returns_to,
        fields=[*fields, ("redirect_uri", wish.redirect_uri), ("scope", wish.scopes)],
    )
    # Browsers count the address that a form's answer redirects to as one that the form is sent to.
    policy = POLICY.replace("form-action 'self'", f"form-action 'self' {returns_to}")
    return render(ask.request, page, headers=NO_STORE | {"Content-Security-Policy": policy})


def _returned(ask: Ask, wish: Wanted, *, code: str = "", error: str = "") -> Response:
    """Back to the program; ``iss`` says which hub answered. Source: RFC 9207."""
    address = rules.returned(wish.redirect_uri, code=code, error=error, state=wish.state, iss=ask.base_url)
    return RedirectResponse(address, 303, headers=NO_STORE | {"Referrer-Policy": "no-referrer"})


# ---- settings ----------------------------------------------------------------------------------------------


@router.get("/settings/programs")
@door(OWN)
def programs_page(ask: Ask) -> Response:
    if not csrf.is_in_person(ask):
        return RedirectResponse("/login?next=/settings/programs", 303)
    return _programs(ask)


@router.post("/settings/programs")
@door(OWN)
def register(
    ask: Ask,
    owner: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    website: Annotated[str, Form()] = "",
    redirects: Annotated[str, Form()] = "",
    public: Annotated[str, Form()] = "",
    token: Csrf = "",
) -> Response:
    csrf.check_in_person(ask, token)
    try:
        made, secret = programs.register(
            ask.db, ask.actor, owner or ask.actor.name, name, redirects, website=website, is_public=bool(public)
        )
    except HubError as err:
        ask.db.rollback()
        return _programs(ask, typed=(name, website, redirects), error=err.message)
    return _programs(ask, secret=secret, secret_of=made)


@router.post("/settings/programs/{program_id}/secret")
@door(OWN)
def renew_secret(ask: Ask, program_id: str, token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    program, secret = programs.renew_secret(ask.db, ask.actor, program_id)
    return _programs(ask, secret=secret, secret_of=program)


@router.post("/settings/programs/{program_id}/remove")
@door(OWN)
def remove(ask: Ask, program_id: str, token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    programs.remove(ask.db, ask.actor, program_id)
    return RedirectResponse("/settings/programs", 303)


@router.post("/settings/grants/{grant_id}/end")
@door(OWN)
def end_grant(ask: Ask, grant_id: str, token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    grants.end(ask.db, ask.actor, grant_id)
    return RedirectResponse("/settings/programs", 303)


def _programs(
    ask: Ask,
    *,
    secret: str = "",
    secret_of: Program | None = None,
    typed: tuple[str, str, str] = ("", "", ""),
    error: str = "",
) -> Response:
    name, website, redirects = typed
    mine = [member.org.name for member in memberships(ask.db, ask.actor.id) if member.role == "admin"]
    page = ProgramsPage(
        title="Programs",
        granted=grants.shown(ask.db, ask.actor.id),
        owned=programs.owned(ask.db, ask.actor),
        owners=(ask.actor.name, *mine),
        scope_words=rules.SCOPES,
        secret=secret,
        secret_of=secret_of,
        name=name[:200],
        website=website[:600],
        redirects=redirects[:6000],
        error=error,
        hub=ask.base_url,
    )
    return render(ask.request, page, status=422 if error else 200, headers=NO_STORE)
