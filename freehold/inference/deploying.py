"""A model that is to be deployed, or one elsewhere that is to be called: what can serve it, and what is asked of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import quote

from fastapi import Form
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action, Actor, Thing, decide
from freehold.accounts import csrf
from freehold.accounts.tables import Account
from freehold.cards import vocabulary
from freehold.core.errors import BadRequest, Conflict, Forbidden
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.inference import node, rules
from freehold.inference.errors import BadEndpoint
from freehold.inference.fitting import Found
from freehold.inference.service import elsewhere, endpoints, making
from freehold.inference.service.elsewhere import Elsewhere
from freehold.inference.service.making import Wanted
from freehold.inference.space import said_cards
from freehold.repos.rules import page_path
from freehold.web import flash
from freehold.web.forms import FINE, Wrong, wrong
from freehold.web.render import render

router = Router(include_in_schema=False)
ENDPOINTS = "/endpoints"
Text = Annotated[str, Form()]
Csrf = Annotated[str, Form(alias="csrf")]


@dataclass(frozen=True)
class Asks:
    """What is asked of somebody who deploys a model: what its task has."""

    context: bool = False
    usual_context: int = rules.USUAL_CONTEXT
    temperature: bool = False
    precision: str = ""  #: the one that is best; empty: there is no choice


#: Abilities that are no tasks of models.
_WORDS = {
    "chat": "Chat",
    "completions": "Completions",
    "embeddings": "Embeddings",
    "rerank": "Ranking of texts",
    "transcription": "Speech to text",
    "classification": "Text classification",
}


@dataclass(frozen=True)
class DeployPage:
    """A model that is to be deployed: what can serve it here, and what it takes."""

    title: str
    model: str
    address: str  #: the model's page
    revision: str
    commit: str
    found: Found | None  #: None: no model was named
    does: Sequence[str]  #: what each choice of it does, in words
    budget_bytes: int
    is_here: bool  #: that models run on this node, not on a cluster
    cards: str  #: its graphics cards, in words
    asks: Asks
    usual: str  #: whose it is where nobody chooses
    typed: Mapping[str, str]
    namespaces: Sequence[str]
    can_deploy: bool
    wrong: Wrong
    area: str = "endpoints"


@dataclass(frozen=True)
class ConnectPage:
    """A model elsewhere that is to be called through this hub."""

    title: str
    typed: Mapping[str, str]
    abilities: Sequence[str]
    does: Sequence[str]  #: the same in words
    namespaces: Sequence[str]
    wrong: Wrong
    area: str = "endpoints"


@router.get(f"{ENDPOINTS}/new")
@door(Action.CREATE_IN)
def new(ask: Ask, model: str = "", elsewhere: str = "") -> Response:
    if not csrf.is_in_person(ask):
        here = f"{ENDPOINTS}/new?{ask.request.url.query}"[:600]
        return RedirectResponse(f"/login?next={quote(here)}", 303)
    if elsewhere:
        return _connect(ask, {})
    return _deploy(ask, dict(ask.request.query_params))


@router.post(ENDPOINTS)
@door(Action.CREATE_IN)
def deploy(
    ask: Ask,
    model: Text = "",
    revision: Text = "main",
    file: Text = "",
    engine: Text = "",
    namespace: Text = "",
    name: Text = "",
    context: Text = "",
    parallel: Text = "",
    precision: Text = "",
    temperature: Text = "",
    keep_warm: Text = "",
    token: Csrf = "",
) -> Response:
    csrf.check_in_person(ask, token)
    typed = {
        "model": model, "revision": revision, "file": file, "engine": engine, "namespace": namespace, "name": name,
        "context": context, "parallel": parallel, "precision": precision, "temperature": temperature,
        "keep_warm": keep_warm,
    }  # fmt: skip
    try:
        row = endpoints.deploy(ask.db, ask.kit, ask.actor, model[:193], revision[:200], _wanted(typed))
    except (BadRequest, Conflict, Forbidden) as err:
        ask.db.rollback()
        return _deploy(ask, typed, wrong(err, "file", "name", "context", "parallel", "namespace", "temperature"))
    answer = RedirectResponse(f"{ENDPOINTS}/{row.id}", 303)
    return flash.say(ask.request, answer, f"{row.name} is deployed. It is loaded when it is called first.")


@router.post(f"{ENDPOINTS}/elsewhere")
@door(Action.CREATE_IN)
def connect(
    ask: Ask,
    url: Text = "",
    model: Text = "",
    key: Text = "",
    namespace: Text = "",
    name: Text = "",
    does: Annotated[list[str] | None, Form()] = None,
    visibility: Text = "private",
    token: Csrf = "",
) -> Response:
    csrf.check_in_person(ask, token)
    typed = {"url": url, "model": model, "namespace": namespace, "name": name, "visibility": visibility}
    there = Elsewhere(url=url, model=model, key=key, abilities=tuple(does or ()), visibility=visibility)
    try:
        row = elsewhere.connect(ask.db, ask.kit, ask.actor, there, Wanted(namespace=namespace, name=name))
    except (BadRequest, Conflict, Forbidden) as err:
        ask.db.rollback()
        return _connect(ask, typed, wrong(err, "url", "model", "key", "name", "abilities"))
    return flash.say(ask.request, RedirectResponse(f"{ENDPOINTS}/{row.id}", 303), f"{row.name} is deployed.")


def _deploy(ask: Ask, typed: Mapping[str, str], refused: Wrong = FINE) -> Response:
    model, revision = typed.get("model", "")[:193], typed.get("revision", "")[:200] or "main"
    commit, found, path, usual = "", None, model, ask.actor.name
    if model:
        try:
            wanted = _wanted(typed)
        except BadRequest as err:
            wanted, refused = Wanted(), refused if refused.text else wrong(err, "context", "parallel", "temperature")
        repo, commit, found = endpoints.look(ask.db, ask.kit, ask.actor, model, revision, wanted)
        path, usual = repo.path, making.usual_owner(ask.actor, repo)
    room = node.room(ask.kit.settings)
    page = DeployPage(
        title=f"Deploy {path}" if model else "Deploy a model",
        model=path,
        address=page_path("model", path) if model else "",
        revision=revision,
        commit=commit,
        found=found,
        does=[said(one.offer.abilities) for one in found.choices] if found else (),
        budget_bytes=room.budget_bytes,
        is_here=room.is_here,
        cards=said_cards(room.cards),
        asks=_asks(found),
        usual=usual,
        typed={name: value[:512] for name, value in typed.items()},
        namespaces=namespaces(ask, creates=True),
        can_deploy=making.may_deploy(ask.db, ask.kit, ask.actor),
        wrong=refused,
    )
    return render(ask.request, page, status=422 if refused.text else 200)


def _asks(found: Found | None) -> Asks:
    """As the best offer is, or the first where nothing fits."""
    if found is None or not found.choices:
        return Asks()
    offer = (found.best or found.choices[0]).offer
    usual = min(rules.USUAL_CONTEXT, offer.max_context_tokens or rules.USUAL_CONTEXT)
    precision = str(offer.options.get("precision", ""))
    return replace(asked_of(offer.abilities), usual_context=usual, precision=precision)


def asked_of(abilities: Collection[str]) -> Asks:
    """What is asked for a model that does this."""
    writes = not rules.WRITES.isdisjoint(abilities)
    return Asks(context=writes or not rules.READS.isdisjoint(abilities), temperature=writes)


def said(abilities: Collection[str]) -> str:
    """What a model does, in the words that lists have for tasks."""
    words = [_WORDS.get(one) or vocabulary.TASKS.get(one, one) for one in sorted(abilities)]
    return ", ".join(word if place == 0 else word[:1].lower() + word[1:] for place, word in enumerate(words))


def _connect(ask: Ask, typed: Mapping[str, str], refused: Wrong = FINE) -> Response:
    page = ConnectPage(
        title="Call a model elsewhere",
        typed={name: value[:2048] for name, value in typed.items()},
        abilities=rules.REMOTE_ABILITIES,
        does=[said([one]) for one in rules.REMOTE_ABILITIES],
        namespaces=namespaces(ask, creates=True),
        wrong=refused,
    )
    return render(ask.request, page, status=422 if refused.text else 200)


# ---- what was typed ----------------------------------------------------------------------------------------


def _wanted(typed: Mapping[str, str]) -> Wanted:
    temperature = typed.get("temperature", "").strip()
    try:
        defaults = {"temperature": float(temperature)} if temperature else {}
    except ValueError as err:
        raise BadEndpoint(f"{temperature[:20]!r} is no number.", field="temperature") from err
    precision = typed.get("precision", "")
    return Wanted(
        file=typed.get("file", ""),
        engine=typed.get("engine", ""),
        namespace=typed.get("namespace", ""),
        name=typed.get("name", "").strip(),
        context_tokens=whole(typed.get("context", ""), "context"),
        parallel=whole(typed.get("parallel", ""), "parallel") or rules.USUAL_PARALLEL,
        options={"precision": precision} if precision else {},
        defaults=defaults,
        keep_warm=bool(typed.get("keep_warm")),
    )


def whole(text: str, field: str) -> int | None:
    """A number as somebody typed it; None: nothing was. Raises :class:`BadEndpoint`."""
    text = text.strip().replace(",", "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise BadEndpoint(f"{text[:20]!r} is no whole number.", field=field)
    return int(text)


def namespaces(ask: Ask, *, creates: bool = False) -> Sequence[str]:
    """The visitor's own name and those of their organisations, where they may create if ``creates``."""
    actor: Actor = ask.actor
    if actor.is_anonymous or actor.id is None:
        return ()

    def may(owner_id: str) -> bool:
        return bool(decide(actor, Action.CREATE_IN, Thing(owner_id=owner_id, visibility="private")))

    ids = [one for one in actor.roles if not creates or may(one)]
    names = [account.name for one in ids if (account := ask.db.get(Account, one)) is not None]
    return [actor.name, *sorted(names, key=str.lower)]
