"""Webhooks as pages: make one, see what became of each call, send again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Form
from starlette.responses import RedirectResponse, Response

from freehold.accounts import csrf
from freehold.core.errors import BadRequest, Conflict
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.inbox.rules import Watched
from freehold.inbox.service import webhooks
from freehold.inbox.service.webhooks import Wish
from freehold.inbox.tables import Delivery, Webhook
from freehold.web import flash
from freehold.web.render import render

router = Router(include_in_schema=False)
OWN = "own"
Csrf = Annotated[str, Form(alias="csrf")]
ROOT = "/settings/webhooks"


@dataclass(frozen=True)
class WebhooksPage:
    """Somebody's webhooks, and the form for a new one."""

    title: str
    webhooks: Sequence[Webhook]
    error: str
    url: str  #: what was typed
    watched: str
    domains: Sequence[str]


@dataclass(frozen=True)
class WebhookPage:
    """One webhook and its newest deliveries."""

    title: str
    webhook: Webhook
    deliveries: Sequence[Delivery]
    next: str


@dataclass(frozen=True)
class DeliveryPage:
    """One delivery: what was sent, what came back, each attempt."""

    title: str
    webhook: Webhook
    delivery: Delivery
    sent: str  #: headers and body, without the secret
    answered: str  #: headers and the beginning of the body


@router.get(ROOT)
@door(OWN)
def listed(ask: Ask) -> Response:
    if ask.actor.is_anonymous:
        return RedirectResponse(f"/login?next={ROOT}", 303)
    return _form(ask)


@router.post(ROOT)
@door(OWN)
def create(
    ask: Ask,
    token: Csrf = "",
    url: Annotated[str, Form()] = "",
    watched: Annotated[str, Form()] = "",
    secret: Annotated[str, Form()] = "",
    domains: Annotated[list[str] | None, Form()] = None,
) -> Response:
    csrf.check(ask.request, token)
    try:
        wish = Wish(url.strip(), _items(watched), domains or (), secret or None)
        made = webhooks.create(ask.db, ask.kit, ask.actor, wish)
    except (BadRequest, Conflict) as err:
        return _form(ask, error=err.message, url=url, watched=watched, domains=domains or (), status=422)
    said = "The webhook is made. Try it out to see whether the address answers."
    return flash.say(ask.request, RedirectResponse(f"{ROOT}/{made.id}", 303), said)


@router.get(ROOT + "/{webhook_id}")
@door(OWN)
def one(ask: Ask, webhook_id: str, cursor: str | None = None) -> Response:
    found = webhooks.load(ask.db, ask.actor, webhook_id)
    log = webhooks.deliveries(ask.db, ask.actor, webhook_id, before=cursor)
    more = f"{ROOT}/{webhook_id}?cursor={log[-1].id}" if len(log) == webhooks.PAGE else ""
    return render(ask.request, WebhookPage("Webhook", found, log, more))


@router.post(ROOT + "/{webhook_id}/test")
@door(OWN)
def try_out(ask: Ask, webhook_id: str, token: Csrf = "") -> Response:
    csrf.check(ask.request, token)
    new = webhooks.try_out(ask.db, ask.actor, webhook_id)
    answer = RedirectResponse(f"{ROOT}/{webhook_id}/deliveries/{new.id}", 303)
    return flash.say(ask.request, answer, "A test is on its way. Look again in a moment.", "info")


@router.post(ROOT + "/{webhook_id}/{change}")
@door(OWN)
def change(ask: Ask, webhook_id: str, change: str, token: Csrf = "") -> Response:
    csrf.check(ask.request, token)
    if change == "delete":
        webhooks.remove(ask.db, ask.actor, webhook_id)
        return flash.say(ask.request, RedirectResponse(ROOT, 303), "The webhook is deleted.")
    webhooks.switch(ask.db, ask.actor, webhook_id, on=change == "enable")
    said = "The webhook is enabled; what waited is sent." if change == "enable" else "The webhook is disabled."
    return flash.say(ask.request, RedirectResponse(f"{ROOT}/{webhook_id}", 303), said)


@router.get(ROOT + "/{webhook_id}/deliveries/{delivery_id}")
@door(OWN)
def delivery(ask: Ask, webhook_id: str, delivery_id: str) -> Response:
    found = webhooks.delivery(ask.db, ask.actor, webhook_id, delivery_id)
    webhook = webhooks.load(ask.db, ask.actor, webhook_id)
    sent = _message(found.request_headers, found.body or "withheld")
    answered = _message(found.response_headers, found.response_excerpt)
    return render(ask.request, DeliveryPage("Delivery", webhook, found, sent, answered))


@router.post(ROOT + "/{webhook_id}/deliveries/{delivery_id}/resend")
@door(OWN)
def resend(ask: Ask, webhook_id: str, delivery_id: str, token: Csrf = "") -> Response:
    csrf.check(ask.request, token)
    new = webhooks.resend(ask.db, ask.actor, webhook_id, delivery_id)
    answer = RedirectResponse(f"{ROOT}/{webhook_id}/deliveries/{new.id}", 303)
    return flash.say(ask.request, answer, "It is sent again. Look again in a moment.", "info")


def _form(
    ask: Ask, *, error: str = "", url: str = "", watched: str = "", domains: Sequence[str] = ("repo", "discussion"),
    status: int = 200,
) -> Response:  # fmt: skip
    found = webhooks.listed(ask.db, ask.actor)
    page = WebhooksPage("Webhooks", found, error, url[:2048], watched[:5000], domains)
    return render(ask.request, page, status=status)


def _items(text: str) -> list[Watched]:
    """One thing a line: ``alice`` or ``org lab`` or ``dataset lab/texts``; a path alone is a model."""
    found = []
    for line in text.split("\n")[:200]:
        *before, name = line.split() or [""]
        if name:
            type_ = before[-1].rstrip(":").lower() if before else "model" if "/" in name else "user"
            found.append(Watched(type_, name))
    return found


def _message(headers: dict[str, str], body: str) -> str:
    return "\n".join([*(f"{name}: {value}" for name, value in headers.items()), "", body])
