"""Webhooks over JSON: the official client's calls, and the log of deliveries. Source: protocol/hub-api.md 9."""

from typing import Any

from starlette.responses import JSONResponse, Response

from freehold.core import http
from freehold.core.errors import HubError
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.inbox import schemas
from freehold.inbox.service import webhooks
from freehold.inbox.tables import Webhook

router = Router(tags=["webhooks"])
OWN = "own"


@router.get("/api/settings/webhooks")
@door(OWN)
def list_webhooks(ask: Ask) -> list[dict[str, Any]]:
    return [schemas.webhook(found, None) for found in webhooks.listed(ask.db, ask.actor)]


@router.post("/api/settings/webhooks")
@door(OWN)
def create_webhook(ask: Ask, body: schemas.WebhookBody) -> dict[str, Any]:
    return _shown(ask, webhooks.create(ask.db, ask.kit, ask.actor, body.wish()))


@router.get("/api/settings/webhooks/{webhook_id}")
@door(OWN)
def get_webhook(ask: Ask, webhook_id: str) -> dict[str, Any]:
    return _shown(ask, webhooks.load(ask.db, ask.actor, webhook_id))


@router.post("/api/settings/webhooks/{webhook_id}")
@door(OWN)
def update_webhook(ask: Ask, webhook_id: str, body: schemas.WebhookBody) -> dict[str, Any]:
    return _shown(ask, webhooks.update(ask.db, ask.kit, ask.actor, webhook_id, body.wish()))


@router.delete("/api/settings/webhooks/{webhook_id}")
@door(OWN)
def delete_webhook(ask: Ask, webhook_id: str) -> dict[str, Any]:
    webhooks.remove(ask.db, ask.actor, webhook_id)
    return {}


@router.post("/api/settings/webhooks/{webhook_id}/enable")
@door(OWN)
def enable_webhook(ask: Ask, webhook_id: str) -> dict[str, Any]:
    return _shown(ask, webhooks.switch(ask.db, ask.actor, webhook_id, on=True))


@router.post("/api/settings/webhooks/{webhook_id}/disable")
@door(OWN)
def disable_webhook(ask: Ask, webhook_id: str) -> dict[str, Any]:
    return _shown(ask, webhooks.switch(ask.db, ask.actor, webhook_id, on=False))


@router.get("/api/settings/webhooks/{webhook_id}/deliveries")
@door(OWN)
def list_deliveries(ask: Ask, webhook_id: str, cursor: str | None = None) -> Response:
    """The newest deliveries first, 50 a page."""
    found = webhooks.deliveries(ask.db, ask.actor, webhook_id, before=cursor)
    link = http.next_page(ask.request, found[-1].id) if len(found) == webhooks.PAGE else {}
    return JSONResponse([schemas.delivery(one, whole=False) for one in found], headers=link)


@router.get("/api/settings/webhooks/{webhook_id}/deliveries/{delivery_id}")
@door(OWN)
def get_delivery(ask: Ask, webhook_id: str, delivery_id: str) -> dict[str, Any]:
    """One delivery, with what was sent (but for the secret) and the beginning of what was answered."""
    return schemas.delivery(webhooks.delivery(ask.db, ask.actor, webhook_id, delivery_id), whole=True)


@router.post("/api/settings/webhooks/{webhook_id}/deliveries/{delivery_id}/resend")
@door(OWN)
def resend_delivery(ask: Ask, webhook_id: str, delivery_id: str) -> dict[str, Any]:
    """The same body goes out once more, as a new delivery."""
    return schemas.delivery(webhooks.resend(ask.db, ask.actor, webhook_id, delivery_id), whole=False)


def _shown(ask: Ask, found: Webhook) -> dict[str, Any]:
    """With the secret, as the client expects, to whoever could also change it."""
    may_change = ask.actor.token is None or ask.actor.token.scope == "write"
    try:
        secret = webhooks.secret(ask.kit, found) if may_change else None
    except HubError:  # sealed with a key that this hub has no more: all else can still be seen and set
        secret = None
    return {"webhook": schemas.webhook(found, secret)}
