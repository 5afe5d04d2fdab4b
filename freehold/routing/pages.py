"""Routes as pages: the list, one route with what it chose lately, and the form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Form
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action, Thing, decide
from freehold.accounts import csrf
from freehold.accounts.queries import names
from freehold.core.errors import BadRequest, Conflict
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.guards.finding import PERSONAL
from freehold.guards.service import DOES, SIDES
from freehold.guards.service import KINDS as GUARD_KINDS
from freehold.guards.tables import GuardFinding
from freehold.routing import forms, queries, service
from freehold.routing.forms import GuardRow, TargetRow, Typed
from freehold.routing.queries import Seen
from freehold.routing.service import Given
from freehold.routing.tables import RouteChoice
from freehold.usage import access as usage
from freehold.web import flash
from freehold.web.forms import FINE, Wrong, wrong
from freehold.web.render import render

router = Router(include_in_schema=False)
Text = Annotated[str, Form()]
Texts = Annotated[list[str], Form()]
Csrf = Annotated[str, Form(alias="csrf")]
RECENT = 20
#: What each kind does, as the pages say it.
KINDS = {
    "fallback": "Fallback: the first that answers",
    "pinned": "Pinned: always this model",
    "canary": "Canary: each by its share of the calls",
    "rules": "Rules: the first whose condition holds",
    "small_first": "Small first: the large one where the small one’s answer will not do",
}
CHECKS = {
    "refusal": "It refuses, or is empty",
    "length": "Its length, as 20-4000",
    "regex": "A pattern that must be in it",
    "schema": "A JSON schema that it must match",
    "judge": "A model that says yes or no",
}

_SAID = {"personal": "personal data", "schema": "JSON of a schema", "model": "what a model says"}
#: Kinds of guards, as pages call them.
_GUARD_WORDS: Mapping[str, str] = {str(kind): _SAID.get(kind, kind) for kind in GUARD_KINDS}


@dataclass(frozen=True)
class RoutesPage:
    """The routes that the visitor may call or change."""

    title: str
    rows: Sequence[Seen]
    kinds: dict[str, str]
    may_create: bool


@dataclass(frozen=True)
class RoutePage:
    """One route: what stands behind it, how to call it, and for who may change it what it chose lately."""

    title: str
    route: Seen
    kind: str  #: in words
    guards: Sequence[GuardRow]
    guard_words: Mapping[str, str]  #: what kinds of guards are called
    guard_count: int  #: also where the visitor is not told which
    check: str  #: what the small model's answer is checked for, in words; empty: nothing
    choices: Sequence[RouteChoice]
    findings: Sequence[GuardFinding]
    example: str  #: a call of it, for a shell
    kept_days: int  #: how long what is asked and answered is kept, where it is
    can_read_kept: bool


@dataclass(frozen=True)
class RouteFormPage:
    """The form of a route, new (``address`` of its page empty) or there."""

    title: str
    address: str
    left_out: int  #: targets that the visitor may not call, which saving takes out
    typed: Typed
    wrong: Wrong
    namespaces: Sequence[str]
    names: Sequence[str]  #: that the visitor may call, to choose from
    kinds: dict[str, str]
    checks: dict[str, str]
    guard_kinds: Mapping[str, str]  #: with what each is called
    sides: Sequence[str]
    does: Sequence[str]
    personal: Sequence[str]


@router.get("/routes")
@door(Action.READ)
def listed(ask: Ask) -> Response:
    rows = queries.listed(ask.db, ask.actor)
    return render(ask.request, RoutesPage("Routes", rows, KINDS, csrf.is_in_person(ask)))


@router.get("/routes/new")
@door(Action.CREATE_IN)
def new(ask: Ask, model: str = "", kind: str = "") -> Response:
    """``kind``: the one that is chosen when the form is opened."""
    if not csrf.is_in_person(ask):
        return RedirectResponse("/login?next=/routes/new", 303)
    targets = [TargetRow(model[:193])] if model else []
    chosen = kind if kind in KINDS else "fallback"
    return _form(ask, "", Typed(name=f"{ask.actor.name}/", kind=chosen, targets=targets))


@router.get("/routes/{namespace}/{called}")
@door(Action.READ)
def route(ask: Ask, namespace: str, called: str) -> Response:
    found, made = service.load(ask.db, ask.actor, f"{namespace}/{called}", Action.READ)
    seen = queries.seen(ask.db, ask.actor, found, made)
    check = seen.policy.get("check", {})
    page = RoutePage(
        title=seen.name,
        route=seen,
        kind=KINDS[seen.kind],
        guards=forms.typed(seen.policy).guards,
        guard_words=_GUARD_WORDS,
        guard_count=len(found.policy.get("guards", ())),
        check=CHECKS.get(check.get("kind", ""), ""),
        choices=queries.choices(ask.db, ask.actor, found, limit=RECENT),
        findings=queries.findings(ask.db, ask.actor, found, limit=RECENT),
        example=_example(ask, seen),
        kept_days=ask.kit.settings.content_days,
        can_read_kept=found.namespace_id in usage.owned(ask.actor),
    )
    return render(ask.request, page)


@router.get("/routes/{namespace}/{called}/edit")
@door(Action.WRITE)
def edit(ask: Ask, namespace: str, called: str) -> Response:
    if not csrf.is_in_person(ask):
        return RedirectResponse(f"/login?next=/routes/{quote(namespace)}/{quote(called)}/edit", 303)
    found, made = service.load(ask.db, ask.actor, f"{namespace}/{called}", Action.WRITE)
    seen = queries.seen(ask.db, ask.actor, found, made)
    typed = forms.typed(
        seen.policy, name=seen.name, description=seen.description, is_on=seen.is_on, keeps_content=seen.keeps_content
    )
    return _form(ask, seen.address, typed, left_out=seen.left_out)


def _posted(
    name: Text = "",
    description: Text = "",
    kind: Text = "",
    target: Texts = [],  # noqa: B006  # FastAPI copies it
    weight: Texts = [],  # noqa: B006
    when: Texts = [],  # noqa: B006
    timeout: Texts = [],  # noqa: B006
    sticky: Text = "",
    seed: Text = "",
    too_long: Text = "",
    check_kind: Text = "",
    check_value: Text = "",
    check_judge: Text = "",
    on: Text = "",
    keeps_content: Text = "",
) -> Typed:
    """All of the form but its guards."""
    rows = zip(target[:20], _padded(weight), _padded(when), _padded(timeout), strict=False)
    return Typed(
        name=name[:200],
        description=description[:600],
        kind=kind[:20],
        targets=[TargetRow(a[:200], b[:20], c[:600], d[:20]) for a, b, c, d in rows if a.strip()],
        sticky=sticky[:20],
        seed=seed[:100],
        also_too_long=bool(too_long),
        check_kind=check_kind[:20],
        check_value=check_value[: forms.MAX_TYPED],
        check_judge=check_judge[:200],
        is_on=bool(on),
        keeps_content=bool(keeps_content),
    )


def _guards(
    guard_kind: Texts = [],  # noqa: B006
    guard_side: Texts = [],  # noqa: B006
    guard_does: Texts = [],  # noqa: B006
    guard_options: Texts = [],  # noqa: B006
) -> list[GuardRow]:
    rows = zip(guard_kind[:40], _padded(guard_side), _padded(guard_does), _padded(guard_options), strict=False)
    return [GuardRow(a[:20], b[:20], c[:20], d[: forms.MAX_TYPED]) for a, b, c, d in rows if a]


Posted = Annotated[Typed, Depends(_posted)]
PostedGuards = Annotated[list[GuardRow], Depends(_guards)]


@router.post("/routes/new")
@door(Action.CREATE_IN)
def create(ask: Ask, posted: Posted, guards: PostedGuards, token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    typed = replace(posted, guards=guards)
    try:
        made = service.create(ask.db, ask.actor, _given(typed))
    except (BadRequest, Conflict) as err:
        ask.db.rollback()
        return _form(ask, "", typed, refused=_wrong(err), status=422)
    answer = RedirectResponse(f"/routes/{made.name}", 303)
    return flash.say(ask.request, answer, f"{made.name} answers from now on.")


@router.post("/routes/{namespace}/{called}/edit")
@door(Action.WRITE)
def save(ask: Ask, namespace: str, called: str, posted: Posted, guards: PostedGuards, token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    typed = replace(posted, guards=guards, name=f"{namespace}/{called}")
    try:
        changed = service.change(ask.db, ask.actor, typed.name, _given(typed))
    except (BadRequest, Conflict) as err:
        ask.db.rollback()
        return _form(ask, f"/routes/{namespace}/{called}", typed, refused=_wrong(err), status=422)
    answer = RedirectResponse(f"/routes/{changed.name}", 303)
    return flash.say(ask.request, answer, f"{changed.name} is changed: the next call goes by it.")


@router.post("/routes/{namespace}/{called}/delete")
@door(Action.WRITE)
def remove(ask: Ask, namespace: str, called: str, token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    gone = service.remove(ask.db, ask.actor, f"{namespace}/{called}")
    return flash.say(ask.request, RedirectResponse("/routes", 303), f"{gone} is gone; its name is free.")


def _form(
    ask: Ask, address: str, typed: Typed, *, left_out: int = 0, refused: Wrong = FINE, status: int = 200
) -> Response:
    page = RouteFormPage(
        title=f"Change {typed.name}" if address else "New route",
        address=address,
        left_out=left_out,
        typed=typed,
        wrong=refused,
        namespaces=_namespaces(ask),
        names=queries.names(ask.db, ask.actor, but=typed.name),
        kinds=KINDS,
        checks=CHECKS,
        guard_kinds=_GUARD_WORDS,
        sides=SIDES,
        does=DOES,
        personal=PERSONAL,
    )
    return render(ask.request, page, status=status)


def _given(typed: Typed) -> Given:
    return Given(typed.name, typed.policy(), typed.description, typed.is_on, typed.keeps_content)


def _wrong(err: BadRequest | Conflict) -> Wrong:
    return wrong(err, "name", "description", "kind", "targets", "guards", "check_value", "check_judge", "check_kind")


def _namespaces(ask: Ask) -> Sequence[str]:
    allowed = [org for org in ask.actor.roles if decide(ask.actor, Action.CREATE_IN, Thing(org, "private"))]
    return (ask.actor.name, *names(ask.db, allowed))


def _padded(values: list[str]) -> list[str]:
    return [*values, *[""] * 40]


def _example(ask: Ask, seen: Seen) -> str:
    return (
        f'curl {ask.base_url}/v1/chat/completions -H "Authorization: Bearer $HF_TOKEN" \\\n'
        f"  -H 'Content-Type: application/json' \\\n"
        f'  -d \'{{"model": "{seen.name}", "messages": [{{"role": "user", "content": "Hello"}}]}}\''
    )
