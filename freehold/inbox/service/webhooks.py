"""Webhooks and their deliveries, as their owners see and change them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.content.kit import Kit
from freehold.core import clock, events, outward
from freehold.core.ids import new_id, ordered_id
from freehold.inbox import access, rules
from freehold.inbox.errors import BadWebhook, DeliveryNotFound, NoJobs, TokenTooNarrow, TooMany, WebhookNotFound
from freehold.inbox.events import WebhookChanged
from freehold.inbox.queue import DELIVER
from freehold.inbox.rules import Watched
from freehold.inbox.tables import Delivery, Webhook, WebhookWatch
from freehold.oauth.service import grants
from freehold.tasks.queue import enqueue

PAGE = 50
#: What a trial is called: no client asks for it, and none takes it for news.
TRIAL = "webhook test"


@dataclass(frozen=True)
class Wish:
    """What a webhook is to be; None leaves as it is (or, of a new one, takes what is usual)."""

    url: str | None = None
    watched: Sequence[Watched] | None = None
    domains: Sequence[str] | None = None
    secret: str | None = None
    job: str | None = None


def create(db: Session, kit: Kit, actor: Actor, wish: Wish) -> Webhook:
    """A webhook that is called from now on. Raises :class:`BadWebhook`, ``AddressRefused``, :class:`TooMany`."""
    owner_id = access.own(actor, writes=True)
    _refuse_programs(db, actor)
    _refuse_jobs(wish)
    if not wish.url:
        raise BadWebhook("A webhook needs a url to call.")
    watched = rules.checked_watched(wish.watched or ())
    count = db.scalar(select(func.count()).select_from(Webhook).where(Webhook.owner_id == owner_id)) or 0
    if count >= rules.MAX_WEBHOOKS:
        raise TooMany(f"You have {count} webhooks, which is as many as one has. Delete one that is not used.")
    webhook = Webhook(
        id=new_id(),
        owner_id=owner_id,
        url=outward.target(wish.url, allowed(kit)).url,
        domains=rules.checked_domains(wish.domains),
        secret=None,
        is_disabled=False,
        disabled_reason="",
        failures=0,
        failing_since=None,
        held_until=None,
        created_at=clock.now(),
        watched=[],
    )
    _watch(webhook, watched)
    _keep_secret(kit, webhook, wish.secret)
    db.add(webhook)
    db.flush()
    events.publish(db, WebhookChanged(webhook, actor, "made"))
    return webhook


def update(db: Session, kit: Kit, actor: Actor, webhook_id: str, wish: Wish) -> Webhook:
    """What ``wish`` names is so from now on. An empty list of what is watched changes nothing: clients send it so."""
    _refuse_jobs(wish)
    webhook = load(db, actor, webhook_id, writes=True)
    if wish.url is not None:
        webhook.url = outward.target(wish.url, allowed(kit)).url
        webhook.held_until = None
    if wish.watched:
        watched = rules.checked_watched(wish.watched)
        webhook.watched.clear()
        db.flush()
        _watch(webhook, watched)
    if wish.domains:
        webhook.domains = rules.checked_domains(wish.domains)
    if wish.secret is not None:
        _keep_secret(kit, webhook, wish.secret)
    db.flush()
    events.publish(db, WebhookChanged(webhook, actor, "changed"))
    return webhook


def switch(db: Session, actor: Actor, webhook_id: str, *, on: bool) -> Webhook:
    """The webhook is called (``on``), or not. Switched on, it starts anew: its failures are forgotten."""
    webhook = load(db, actor, webhook_id, writes=True)
    webhook.is_disabled, webhook.disabled_reason = not on, ""
    if on:
        webhook.failures, webhook.failing_since, webhook.held_until = 0, None, None
        send(db, webhook.owner_id)
    db.flush()
    events.publish(db, WebhookChanged(webhook, actor, "enabled" if on else "disabled"))
    return webhook


def remove(db: Session, actor: Actor, webhook_id: str) -> None:
    """The webhook and its deliveries are gone."""
    webhook = load(db, actor, webhook_id, writes=True)
    events.publish(db, WebhookChanged(webhook, actor, "deleted"))
    db.execute(delete(Delivery).where(Delivery.webhook_id == webhook.id))
    db.delete(webhook)
    db.flush()


def load(db: Session, actor: Actor, webhook_id: str, *, writes: bool = False) -> Webhook:
    """The actor's own webhook; raises :class:`WebhookNotFound`, for somebody else's too."""
    owner_id = access.own(actor, writes=writes)
    _refuse_programs(db, actor)
    webhook = db.get(Webhook, webhook_id)
    if webhook is None or webhook.owner_id != owner_id:
        raise WebhookNotFound(f"You have no webhook {webhook_id[:40]!r}.")
    return webhook


def listed(db: Session, actor: Actor) -> Sequence[Webhook]:
    """All of the actor's webhooks, which are few."""
    owner_id = access.own(actor, writes=False)
    _refuse_programs(db, actor)
    return db.scalars(select(Webhook).where(Webhook.owner_id == owner_id).order_by(Webhook.id)).all()


def secret(kit: Kit, webhook: Webhook) -> str | None:
    """The webhook's secret, to be said again to its owner or its receiver."""
    return None if webhook.secret is None else kit.sealer.open(_purpose(webhook.id), webhook.secret)


# ---- deliveries --------------------------------------------------------------------------------------------


def deliveries(
    db: Session, actor: Actor, webhook_id: str, *, before: str | None = None, limit: int = PAGE
) -> Sequence[Delivery]:
    """The newest deliveries of the actor's webhook, older than ``before``."""
    webhook = load(db, actor, webhook_id)
    query = select(Delivery).where(Delivery.webhook_id == webhook.id)
    if before:
        query = query.where(Delivery.id < before)
    return db.scalars(query.order_by(Delivery.id.desc()).limit(min(limit, PAGE))).all()


def delivery(db: Session, actor: Actor, webhook_id: str, delivery_id: str) -> Delivery:
    """One delivery of the actor's webhook."""
    webhook = load(db, actor, webhook_id)
    found = db.get(Delivery, delivery_id)
    if found is None or found.webhook_id != webhook.id:
        raise DeliveryNotFound(f"This webhook has no delivery {delivery_id[:40]!r}; old ones are forgotten.")
    return found


def resend(db: Session, actor: Actor, webhook_id: str, delivery_id: str) -> Delivery:
    """The same body is sent again, as a delivery of its own, at once. A disabled webhook stays silent."""
    webhook = load(db, actor, webhook_id, writes=True)
    old = delivery(db, actor, webhook_id, delivery_id)
    if webhook.is_disabled:
        raise BadWebhook("This webhook is disabled: enable it, then send again.")
    if not old.body:
        raise BadWebhook("This was withheld because you could not read it any more; there is nothing to send.")
    new = new_delivery(webhook.id, old.event, old.body, repo_id=old.repo_id, news_id=None)
    db.add(new)
    webhook.held_until = None
    db.flush()
    send(db, webhook.owner_id)
    return new


def try_out(db: Session, actor: Actor, webhook_id: str) -> Delivery:
    """A delivery that tells of nothing is on its way, so that its owner sees whether the address answers."""
    webhook = load(db, actor, webhook_id, writes=True)
    if webhook.is_disabled:
        raise BadWebhook("This webhook is disabled: enable it, then try it out.")
    new = new_delivery(webhook.id, TRIAL, json.dumps(rules.trial(webhook.id)), repo_id=None, news_id=None)
    db.add(new)
    webhook.held_until = None
    db.flush()
    send(db, webhook.owner_id)
    return new


def new_delivery(webhook_id: str, event: str, body: str, *, repo_id: str | None, news_id: str | None) -> Delivery:
    """A delivery that waits for its first attempt."""
    now = clock.now()
    return Delivery(
        id=ordered_id(),
        webhook_id=webhook_id,
        news_id=news_id,
        repo_id=repo_id,
        event=event,
        body=body,
        status="waiting",
        attempts=0,
        due_at=now,
        log=[],
        request_headers={},
        response_headers={},
        response_excerpt="",
        created_at=now,
    )


def allowed(kit: Kit) -> outward.Allowed:
    return outward.Allowed.parse(kit.settings.webhook_allow, setting="FREEHOLD_WEBHOOK_ALLOW")


# ---- helpers -----------------------------------------------------------------------------------------------


def send(db: Session, owner_id: str, after_s: float = 0) -> None:
    """What waits in the webhooks of ``owner_id`` is sent. One call at a time for each person, so that whoever answers
    slowly delays their own alone."""
    enqueue(db, DELIVER, key=f"webhooks of {owner_id}", once=True, after_s=after_s, owner_id=owner_id)


def _watch(webhook: Webhook, watched: Sequence[Watched]) -> None:
    for position, item in enumerate(watched):
        webhook.watched.append(WebhookWatch(position=position, type=item.type, name=item.name, key=item.name.lower()))


def _keep_secret(kit: Kit, webhook: Webhook, secret: str | None) -> None:
    """An empty secret takes away the one there is."""
    checked = rules.checked_secret(secret or "")
    webhook.secret = kit.sealer.seal(_purpose(webhook.id), checked) if checked else None


def _purpose(webhook_id: str) -> str:
    return f"webhook secret {webhook_id}"


def _refuse_programs(db: Session, actor: Actor) -> None:
    """A webhook goes on when the program that made it is let in no more, and tells all that its person may read."""
    if actor.token is not None and actor.token.is_granted and grants.is_of_program(db, actor.token.token_id):
        raise TokenTooNarrow("A program may not see or change your webhooks: use a token of your own.")


def _refuse_jobs(wish: Wish) -> None:
    if wish.job is not None:
        raise NoJobs("This hub runs no jobs yet, so a webhook cannot start one. Give it a url of your own to call.")
