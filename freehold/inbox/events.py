"""What happened to webhooks. Of people and repositories tell the rooms below."""

from dataclasses import dataclass

from freehold.access.rules import Actor
from freehold.inbox.tables import Webhook


@dataclass(frozen=True)
class WebhookChanged:
    """``what``: made, changed, enabled, disabled, deleted. Its address may hold a secret: only the host is told on."""

    webhook: Webhook
    actor: Actor
    what: str
