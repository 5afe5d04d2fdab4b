"""Endpoints as pages: those one may see, and one with its state and settings."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Form
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action
from freehold.accounts import csrf
from freehold.compute.rules import CardNeed
from freehold.core.errors import BadRequest, Conflict, NotFound
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.engines import service as engines
from freehold.inference import access, queries, rules, snippets
from freehold.inference.deploying import ENDPOINTS, Asks, asked_of, namespaces, said, whole
from freehold.inference.errors import BadEndpoint
from freehold.inference.queries import Standing
from freehold.inference.service import adapters, endpoints, making
from freehold.inference.service.endpoints import Changes
from freehold.inference.snippets import Snippet
from freehold.inference.space import said_needs
from freehold.inference.tables import EndpointAdapter
from freehold.usage import access as usage
from freehold.web import flash
from freehold.web.forms import FINE, Wrong, wrong
from freehold.web.render import render

router = Router(include_in_schema=False)
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
    does: str  #: what calls can ask of it, in words
    on_cards: str  #: what one replica takes of graphics cards, in words; empty: it runs on processors
    adapter_form: str  #: what an adapter of it is; empty: its engine takes none
    area: str = "endpoints"


# ---- lists -------------------------------------------------------------------------------------------------


@router.get(ENDPOINTS)
@door(Action.READ)
def listed(ask: Ask, namespace: str = "") -> Response:
    rows = queries.listed(ask.db, ask.actor, namespace[:96])
    page = EndpointsPage(
        title="Models that answer",
        rows=rows,
        namespaces=namespaces(ask),
        namespace=namespace[:96],
        states=STATES,
        used_bytes=sum(one.memory_bytes for one in rows),
        can_deploy=making.may_deploy(ask.db, ask.kit, ask.actor),
        is_signed_in=not ask.actor.is_anonymous,
    )
    return render(ask.request, page, blocks={"rows"})


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
            context_tokens=_other(whole(context, "context"), row.context_tokens),
            parallel=_other(whole(parallel, "parallel"), row.parallel),
            replicas=whole(replicas, "replicas"),
            idle_s=None if idle == "" else (whole(idle, "idle") or 0) * 60,
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
        # One form of several may have been sent: the others show what is.
        typed=_as_is(found) | {name: value[:4000] for name, value in (typed or {}).items()},
        wrong=refused,
        kept_days=ask.kit.settings.content_days,
        can_read_kept=row.namespace_id in usage.owned(ask.actor),
        asks=asked_of(row.abilities),
        does=said(row.abilities),
        on_cards=said_needs([CardNeed(**one) for one in row.on_cards]),
        adapter_form=engines.ENGINES[row.engine].adapter_form if row.engine in engines.ENGINES else "",
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
