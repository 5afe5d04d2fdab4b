"""Endpoints as pages: those one may see, one to be deployed, one with its state and settings."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Form
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action, Actor, Thing, decide
from freehold.accounts import csrf
from freehold.accounts.tables import Account
from freehold.core.errors import BadRequest, Conflict, Forbidden, NotFound
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.engines import service as engines
from freehold.inference import access, node, queries, rules, snippets
from freehold.inference.errors import BadEndpoint
from freehold.inference.fitting import Found
from freehold.inference.queries import Standing
from freehold.inference.service import adapters, elsewhere, endpoints, making
from freehold.inference.service.elsewhere import Elsewhere
from freehold.inference.service.endpoints import Changes
from freehold.inference.service.making import Wanted
from freehold.inference.snippets import Snippet
from freehold.inference.tables import EndpointAdapter
from freehold.repos.rules import page_path
from freehold.usage import access as usage
from freehold.web import flash
from freehold.web.forms import FINE, Wrong, wrong
from freehold.web.render import render

router = Router(include_in_schema=False)
ENDPOINTS = "/endpoints"
Text = Annotated[str, Form()]
Csrf = Annotated[str, Form(alias="csrf")]
#: What an endpoint's state is in words, and the mark that it has.
STATES: Mapping[str, tuple[str, str]] = {
    "off": ("off", "off"),
    "sleeping": ("sleeping, loads at a call", "off"),
    "elsewhere": ("answers elsewhere", "done"),
    "loading": ("loading", "running"),
    "ready": ("ready", "done"),
    "answering": ("answering", "done"),
    "ending": ("ending", "late"),
    "failed": ("failed", "failed"),
}


@dataclass(frozen=True)
class Asks:
    """What is asked of somebody who deploys a model: what its task has."""

    context: bool = False
    usual_context: int = rules.USUAL_CONTEXT
    temperature: bool = False
    precision: str = ""  #: the one that is best; empty: there is no choice


@dataclass(frozen=True)
class EndpointsPage:
    """The models that answer, as far as the visitor may call or change them."""

    title: str
    rows: Sequence[Standing]
    namespaces: Sequence[str]  #: that the list can be narrowed to
    namespace: str
    states: Mapping[str, tuple[str, str]]
    used_bytes: int  #: by those of the list
    can_deploy: bool
    is_signed_in: bool
    area: str = "endpoints"


@dataclass(frozen=True)
class DeployPage:
    """A model that is to be deployed: what can serve it here, and what it takes."""

    title: str
    model: str
    address: str  #: the model's page
    revision: str
    commit: str
    found: Found | None  #: None: no model was named
    budget_bytes: int
    is_here: bool  #: that models run on this node, not on a cluster
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
    namespaces: Sequence[str]
    wrong: Wrong
    area: str = "endpoints"


@dataclass(frozen=True)
class EndpointPage:
    """One endpoint: how it is, how to call it, and for its owners its settings and log."""

    title: str
    address: str
    one: Standing
    word: str
    mark: str
    snippets: Sequence[Snippet]
    adapters: Sequence[EndpointAdapter]
    log: str  #: of this node; for whoever changes it
    can_see_model: bool
    newer: str  #: the head of main, where it is another than what is pinned; for whoever changes it
    typed: Mapping[str, str]
    wrong: Wrong
    kept_days: int  #: how long what is asked and answered is kept, where it is
    can_read_kept: bool
    asks: Asks
    takes_adapters: bool
    area: str = "endpoints"


# ---- lists -------------------------------------------------------------------------------------------------


@router.get(ENDPOINTS)
@door(Action.READ)
def listed(ask: Ask, namespace: str = "") -> Response:
    rows = queries.listed(ask.db, ask.actor, namespace[:96])
    page = EndpointsPage(
        title="Models that answer",
        rows=rows,
        namespaces=_namespaces(ask),
        namespace=namespace[:96],
        states=STATES,
        used_bytes=sum(one.memory_bytes for one in rows),
        can_deploy=making.may_deploy(ask.db, ask.kit, ask.actor),
        is_signed_in=not ask.actor.is_anonymous,
    )
    return render(ask.request, page, blocks={"rows"})


# ---- one to be deployed ------------------------------------------------------------------------------------


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
        budget_bytes=room.budget_bytes,
        is_here=room.is_here,
        asks=_asks(found),
        usual=usual,
        typed={name: value[:512] for name, value in typed.items()},
        namespaces=_namespaces(ask, creates=True),
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
    return replace(_asked_of(offer.abilities), usual_context=usual, precision=precision)


def _asked_of(abilities: Collection[str]) -> Asks:
    writes = not rules.WRITES.isdisjoint(abilities)
    return Asks(context=writes or not rules.READS.isdisjoint(abilities), temperature=writes)


def _connect(ask: Ask, typed: Mapping[str, str], refused: Wrong = FINE) -> Response:
    page = ConnectPage(
        title="Call a model elsewhere",
        typed={name: value[:2048] for name, value in typed.items()},
        abilities=rules.REMOTE_ABILITIES,
        namespaces=_namespaces(ask, creates=True),
        wrong=refused,
    )
    return render(ask.request, page, status=422 if refused.text else 200)


# ---- one that is there -------------------------------------------------------------------------------------


@router.get(f"{ENDPOINTS}/{{endpoint_id}}")
@door(Action.READ)
def one(ask: Ask, endpoint_id: str) -> Response:
    return _page(ask, endpoint_id)


@router.post(f"{ENDPOINTS}/{{endpoint_id}}")
@door(Action.WRITE)
def change(
    ask: Ask,
    endpoint_id: str,
    context: Text = "",
    parallel: Text = "",
    replicas: Text = "",
    idle: Text = "",
    defaults: Text = "",
    keep_warm: Text = "",
    keeps_content: Text = "",
    key: Text = "",
    token: Csrf = "",
) -> Response:
    csrf.check_in_person(ask, token)
    typed = {
        "context": context, "parallel": parallel, "replicas": replicas, "idle": idle, "defaults": defaults,
        "keep_warm": keep_warm, "keeps_content": keeps_content,
    }  # fmt: skip

    def done() -> str:
        row = access.load(ask.db, ask.actor, endpoint_id, Action.WRITE)
        given = Changes(
            context_tokens=_other(_whole(context, "context"), row.context_tokens),
            parallel=_other(_whole(parallel, "parallel"), row.parallel),
            replicas=_whole(replicas, "replicas"),
            idle_s=None if idle == "" else (_whole(idle, "idle") or 0) * 60,
            defaults=_parameters(defaults),
            keep_warm=bool(keep_warm),
            keeps_content=bool(keeps_content),
            key=key or None,
        )
        return f"{endpoints.change(ask.db, ask.kit, ask.actor, endpoint_id, given).name} is as you want it."

    return _acted(ask, endpoint_id, done, typed)


@router.post(f"{ENDPOINTS}/{{endpoint_id}}/switch")
@door(Action.WRITE)
def switch(ask: Ask, endpoint_id: str, on: Text = "", token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)

    def done() -> str:
        row = endpoints.change(ask.db, ask.kit, ask.actor, endpoint_id, Changes(is_on=bool(on)))
        return f"{row.name} is switched {'on' if row.is_on else 'off'}."

    return _acted(ask, endpoint_id, done)


@router.post(f"{ENDPOINTS}/{{endpoint_id}}/pin")
@door(Action.WRITE)
def pin(ask: Ask, endpoint_id: str, revision: Text = "main", token: Csrf = "") -> Response:
    """Pinned anew, to what ``revision`` is now."""
    csrf.check_in_person(ask, token)

    def done() -> str:
        row = endpoints.change(ask.db, ask.kit, ask.actor, endpoint_id, Changes(revision=revision[:200]))
        return f"{row.name} answers from {row.revision[:7]} from the next load on."

    return _acted(ask, endpoint_id, done)


@router.post(f"{ENDPOINTS}/{{endpoint_id}}/adapters")
@door(Action.WRITE)
def add_adapter(ask: Ask, endpoint_id: str, adapter: Text = "", token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)

    def done() -> str:
        return f"{adapters.add(ask.db, ask.kit, ask.actor, endpoint_id, adapter[:193]).name} is served beside it."

    return _acted(ask, endpoint_id, done, {"adapter": adapter})


@router.post(f"{ENDPOINTS}/{{endpoint_id}}/adapters/{{adapter_id}}/remove")
@door(Action.WRITE)
def remove_adapter(ask: Ask, endpoint_id: str, adapter_id: str, token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    return _acted(
        ask, endpoint_id, lambda: f"{adapters.remove(ask.db, ask.actor, endpoint_id, adapter_id)} is served no more."
    )


@router.post(f"{ENDPOINTS}/{{endpoint_id}}/remove")
@door(Action.WRITE)
def remove(ask: Ask, endpoint_id: str, token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    name = endpoints.remove(ask.db, ask.actor, endpoint_id)
    return flash.say(ask.request, RedirectResponse(ENDPOINTS, 303), f"{name} is served no more. Its model stays.")


def _acted(ask: Ask, endpoint_id: str, done: Any, typed: Mapping[str, str] | None = None) -> Response:
    """What ``done`` did is said on the endpoint's page; what it refused, there at its field."""
    try:
        said = done()
    except (BadRequest, Conflict, NotFound) as err:
        access.load(ask.db, ask.actor, endpoint_id, Action.WRITE)  # where it is this that is not there
        ask.db.rollback()
        fields = ("context", "parallel", "replicas", "idle", "defaults", "key", "adapter")
        return _page(ask, endpoint_id, wrong(err, *fields), typed)
    return flash.say(ask.request, RedirectResponse(f"{ENDPOINTS}/{quote(endpoint_id)}", 303), said)


def _page(ask: Ask, endpoint_id: str, refused: Wrong = FINE, typed: Mapping[str, str] | None = None) -> Response:
    found = queries.one(ask.db, ask.actor, endpoint_id)
    row = found.endpoint
    word, mark = STATES[found.state]
    page = EndpointPage(
        title=row.name,
        address=f"{ENDPOINTS}/{row.id}",
        one=found,
        word=word,
        mark=mark,
        snippets=snippets.of(ask.base_url, row.name, row.abilities),
        adapters=queries.adapters(ask.db, ask.actor, row),
        log=ask.request.app.state.models.log_of(row.id) if found.can_change else "",
        can_see_model=row.repo is not None,
        newer=endpoints.newer(ask.db, row) if found.can_change else "",
        typed={name: value[:4000] for name, value in typed.items()} if typed else _as_is(found),
        wrong=refused,
        kept_days=ask.kit.settings.content_days,
        can_read_kept=row.namespace_id in usage.owned(ask.actor),
        asks=_asked_of(row.abilities),
        takes_adapters=row.engine in engines.ENGINES and engines.ENGINES[row.engine].takes_adapters,
    )
    return render(ask.request, page, blocks={"state"}, status=422 if refused.text else 200)


# ---- what was typed ----------------------------------------------------------------------------------------


def _as_is(found: Standing) -> dict[str, str]:
    row = found.endpoint
    return {
        "context": str(row.context_tokens or ""),
        "parallel": str(row.parallel),
        "replicas": str(row.replicas),
        "idle": str(row.idle_s // 60),
        "defaults": json.dumps(row.defaults) if row.defaults else "",
        "keep_warm": "1" if row.keep_warm else "",
        "keeps_content": "1" if row.keeps_content else "",
    }


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
        context_tokens=_whole(typed.get("context", ""), "context"),
        parallel=_whole(typed.get("parallel", ""), "parallel") or rules.USUAL_PARALLEL,
        options={"precision": precision} if precision else {},
        defaults=defaults,
        keep_warm=bool(typed.get("keep_warm")),
    )


def _whole(text: str, field: str) -> int | None:
    text = text.strip().replace(",", "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise BadEndpoint(f"{text[:20]!r} is no whole number.", field=field)
    return int(text)


def _other(given: int | None, now: int | None) -> int | None:
    """None where nothing changes: then nothing is looked at anew."""
    return None if given == now else given


def _parameters(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        found = json.loads(text[: rules.MAX_PARAMETERS_CHARS + 1])
    except (ValueError, RecursionError) as err:
        raise BadEndpoint('Parameters are a JSON object, like {"temperature": 0}.', field="defaults") from err
    if not isinstance(found, dict):
        raise BadEndpoint('Parameters are a JSON object, like {"temperature": 0}.', field="defaults")
    return found


def _namespaces(ask: Ask, *, creates: bool = False) -> Sequence[str]:
    """The visitor's own name and those of their organisations, where they may create if ``creates``."""
    actor: Actor = ask.actor
    if actor.is_anonymous or actor.id is None:
        return ()

    def may(owner_id: str) -> bool:
        return bool(decide(actor, Action.CREATE_IN, Thing(owner_id=owner_id, visibility="private")))

    ids = [one for one in actor.roles if not creates or may(one)]
    names = [account.name for one in ids if (account := ask.db.get(Account, one)) is not None]
    return [actor.name, *sorted(names, key=str.lower)]
