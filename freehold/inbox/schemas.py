"""Shapes on the wire. Source of the webhooks': protocol/hub-api.md 9. Unknown keys are ignored: clients send more."""

from typing import Any

from pydantic import BaseModel, Field

from freehold.core import clock
from freehold.inbox import rules
from freehold.inbox.service.watching import Choice
from freehold.inbox.service.webhooks import Wish
from freehold.inbox.tables import Delivery, Notification, Webhook


class WatchedItem(BaseModel):
    type: str = Field(max_length=40, description="user, org, model, dataset or space.")
    name: str = Field(max_length=300)


class WebhookBody(BaseModel):
    """A webhook as clients create and update it."""

    url: str | None = Field(None, max_length=4000)
    watched: list[WatchedItem] | None = Field(None, max_length=1000)
    domains: list[str] | None = Field(None, max_length=20)
    secret: str | None = Field(None, max_length=4000)
    jobSourceId: str | None = Field(None, max_length=400)

    def wish(self) -> Wish:
        watched = None if self.watched is None else [rules.Watched(item.type, item.name) for item in self.watched]
        return Wish(self.url, watched, self.domains, self.secret, self.jobSourceId)


def webhook(found: Webhook, secret: str | None) -> dict[str, Any]:
    """A webhook as the client reads it, and what it cannot read besides."""
    shown: dict[str, Any] = {
        "id": found.id,
        "url": found.url,
        "watched": [{"type": item.type, "name": item.name} for item in found.watched],
        "domains": found.domains.split(","),
        "disabled": found.is_disabled,
        "createdAt": clock.wire(found.created_at),
        "failures": found.failures,
    }
    if secret is not None:
        shown["secret"] = secret
    if found.disabled_reason:
        shown["disabledReason"] = found.disabled_reason
    return shown


def delivery(found: Delivery, *, whole: bool) -> dict[str, Any]:
    """A delivery of the log; ``whole`` with what was sent and what came back."""
    shown: dict[str, Any] = {
        "id": found.id,
        "event": found.event,
        "status": found.status,
        "attempts": found.attempts,
        "createdAt": clock.wire(found.created_at),
        "log": found.log,
    }
    if found.status == "waiting":
        shown["dueAt"] = clock.wire(found.due_at)
    if whole:
        shown["request"] = {"headers": found.request_headers, "body": found.body}
        shown["response"] = {"headers": found.response_headers, "excerpt": found.response_excerpt}
    return shown


# ---- people ------------------------------------------------------------------------------------------------


class Marked(BaseModel):
    """Which notifications: by id, or all."""

    ids: list[str] | None = Field(None, max_length=500)
    all: bool = False
    read: bool = True

    def which(self) -> list[str] | None:
        return None if self.all else (self.ids or [])


class WatchItem(BaseModel):
    type: str = Field(max_length=40, description="user, org, model, dataset, space or kernel.")
    name: str = Field(max_length=300)
    level: str = Field("all", max_length=40, description="all, participating or ignore.")


class WatchBody(BaseModel):
    add: list[WatchItem] = Field(default_factory=list, max_length=100)
    delete: list[WatchItem] = Field(default_factory=list, max_length=100)


class ChoiceBody(BaseModel):
    page: bool
    mail: bool


class Muted(BaseModel):
    muted: bool = True


def notification(row: Notification, hub: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "reason": row.reason,
        "title": row.title,
        "url": hub + row.address,
        "actor": row.actor.name if row.actor is not None else None,
        "count": row.count,
        "at": clock.wire(row.at),
        "read": row.read_at is not None,
    }


def choices(found: list[Choice]) -> dict[str, Any]:
    return {one.group: {"page": one.in_page, "mail": one.by_mail, "about": one.words} for one in found}
