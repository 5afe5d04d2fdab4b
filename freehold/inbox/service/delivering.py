"""News to webhooks: who gets it, the call itself, and what came of it.

A webhook's deliveries go out in their order, and one person's webhooks are called one at a time. When a delivery
fails, it goes to the back and the whole webhook is held for a while, so that a dead receiver costs one short call now
and then, however much happens.
"""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session, joinedload

import freehold
from freehold.accounts.tables import Account
from freehold.content import queries as content
from freehold.content.kit import Kit
from freehold.core import clock, outward
from freehold.core.outward import AddressRefused, Answer, Unreachable
from freehold.core.sealing import CannotSeal
from freehold.discussions.tables import Discussion, Event
from freehold.inbox import access, rules
from freehold.inbox.service import telling, webhooks
from freehold.inbox.tables import Delivery, News, Webhook, WebhookWatch
from freehold.repos.rules import api_path, page_path
from freehold.repos.tables import Repo
from freehold.tasks.worker import Turn

BATCH = 200
#: Not a kind that the client's class knows.
UNTOLD_KINDS = ("kernel",)


# ---- who gets it -------------------------------------------------------------------------------------------


def spread(db: Session, kit: Kit, news: News, *, after: str) -> str | None:
    """The next webhooks after the id ``after`` have this news among their deliveries; the last id, None at the end."""
    if news.kind not in rules.EVENTS or news.repo_kind in UNTOLD_KINDS or news.repo_id is None:
        return None
    found = _watching(db, news, after)
    if not found:
        return None
    repo = db.get(Repo, news.repo_id)
    facts, thread = _repo_facts(db, kit, news, repo), _thread_facts(db, news)
    action, scope = rules.EVENTS[news.kind]
    for webhook in found:
        if rules.domain_of(news.kind) not in webhook.domains.split(","):
            continue
        reader = access.reader(db, webhook.owner_id)
        if reader is None or not access.may_read_news(reader, news, repo) or _is_there(db, webhook.id, news.id):
            continue
        body = json.dumps(rules.payload(news.kind, facts, news.data, thread, webhook.id), ensure_ascii=False)
        db.add(webhooks.new_delivery(webhook.id, f"{scope} {action}", body, repo_id=news.repo_id, news_id=news.id))
        db.flush()
        _bound(db, webhook.id)
        webhooks.send(db, webhook.owner_id)
    return found[-1].id if len(found) == BATCH else None


def _watching(db: Session, news: News, after: str) -> Sequence[Webhook]:
    owners = {news.owner_id, news.data.get("before_owner_id")} - {None}
    keys = db.scalars(select(Account.key).where(Account.id.in_(owners))).all()
    paths = {news.repo_path.lower(), str(news.data.get("to", news.repo_path)).lower()}
    watches = select(WebhookWatch.webhook_id).where(
        or_(
            (WebhookWatch.type.in_(("user", "org"))) & (WebhookWatch.key.in_(keys)),
            (WebhookWatch.type == news.repo_kind) & (WebhookWatch.key.in_(paths)),
        )
    )
    query = select(Webhook).where(Webhook.id.in_(watches), Webhook.is_disabled.is_(False), Webhook.id > after)
    return db.scalars(query.order_by(Webhook.id).limit(BATCH)).all()


def _is_there(db: Session, webhook_id: str, news_id: str) -> bool:
    """A task that runs twice delivers once."""
    query = select(Delivery.id).where(Delivery.webhook_id == webhook_id, Delivery.news_id == news_id)
    return db.scalar(query) is not None


def _bound(db: Session, webhook_id: str) -> None:
    """Of too many that wait, the oldest are given up."""
    waiting = select(Delivery.id).where(Delivery.webhook_id == webhook_id, Delivery.status == "waiting")
    too_old = db.scalars(waiting.order_by(Delivery.id.desc()).offset(rules.MAX_WAITING).limit(BATCH)).all()
    if too_old:
        note = [
            {"at": clock.wire(clock.now()), "error": f"Given up: over {rules.MAX_WAITING} deliveries were waiting."}
        ]
        db.execute(update(Delivery).where(Delivery.id.in_(too_old)).values(status="failed", log=note))


# ---- what it is told ---------------------------------------------------------------------------------------


def _repo_facts(db: Session, kit: Kit, news: News, repo: Repo | None) -> rules.RepoFacts:
    path = repo.path if repo is not None and news.kind != "repo-moved" else news.repo_path
    hub = kit.settings.hub_url
    assert news.repo_id is not None, "news without a repository goes to no webhook"
    return rules.RepoFacts(
        id=news.repo_id,
        type=news.repo_kind,
        path=path,
        private=(repo.visibility if repo is not None else news.visibility) == "private",
        owner_id=(repo.owner_id if repo is not None else news.owner_id) or "",
        head_sha=content.head(db, repo) if repo is not None else None,
        page=hub + page_path(news.repo_kind, path),
        api=hub + api_path(news.repo_kind, path),
    )


def _thread_facts(db: Session, news: News) -> rules.ThreadFacts | None:
    if news.discussion_id is None:
        return None
    found = db.get(Discussion, news.discussion_id)
    if found is None:  # gone with its repository
        return None
    facts = {
        "id": found.id,
        "num": found.num,
        "title": found.title,
        "status": news.data.get("status", found.status),
        "author_id": found.author_id or "",
        "is_pull": found.is_pull_request,
        "base": found.base,
        "merge_commit": found.merge_commit,
        "is_pinned": found.is_pinned,
    }
    event = db.get(Event, news.data["event_id"])
    if event is None or event.type not in ("comment", "review"):
        return rules.ThreadFacts(**facts)
    text = event.versions[-1].text if event.versions else ""
    return rules.ThreadFacts(
        **facts,
        comment_id=event.id,
        comment_author_id=event.author_id or "",
        comment=None if event.is_hidden else text,
    )


# ---- the call ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """One attempt, ready to be made."""

    webhook_id: str
    delivery_id: str
    url: str
    body: str
    headers: Mapping[str, str]
    secret: str | None


def deliver(turn: Turn, kit: Kit, owner_id: str) -> None:
    """One delivery of the person's webhooks was tried once, and the next attempt, of whichever is next, is queued."""
    with turn.database.write() as db:
        call = _next_call(db, kit, owner_id)
    if call is None:
        with turn.finishing() as db:
            _schedule(db, owner_id)
        return
    answer, error = _made(call, webhooks.allowed(kit))
    with turn.finishing() as db:
        _record(db, kit, call, answer, error)
        _schedule(db, owner_id)


def _next_call(db: Session, kit: Kit, owner_id: str) -> Call | None:
    """What to send now; deliveries that the owner may not read any more are withheld on the way."""
    now, reader = clock.now(), access.reader(db, owner_id)
    due = [webhook for webhook, due_at in _waiting(db, owner_id) if due_at <= now]
    if not due:
        return None
    webhook = random.choice(due)  # noqa: S311  one that has much to say, or answers slowly, leaves turns to the others
    waiting = select(Delivery).where(
        Delivery.webhook_id == webhook.id, Delivery.status == "waiting", Delivery.due_at <= now
    )
    for delivery in db.scalars(waiting.order_by(Delivery.due_at, Delivery.id).limit(BATCH)):
        if reader is not None and _may_still(db, reader, delivery):
            return _call(kit, webhook, delivery)
        delivery.status, delivery.body = "withheld", ""
        delivery.log = [*delivery.log, {"at": clock.wire(now), "error": "You may not read this any more."}]
    return None


def _waiting(db: Session, owner_id: str) -> list[tuple[Webhook, datetime]]:
    """The person's webhooks that have something to send, and when; a look into an index for each, and they are few."""
    first = select(func.min(Delivery.due_at)).where(Delivery.webhook_id == Webhook.id, Delivery.status == "waiting")
    query = select(Webhook, first.correlate(Webhook).scalar_subquery())
    rows = db.execute(query.where(Webhook.owner_id == owner_id, Webhook.is_disabled.is_(False)).order_by(Webhook.id))
    return [(webhook, max(due_at, webhook.held_until or due_at)) for webhook, due_at in rows if due_at is not None]


def _may_still(db: Session, reader: Any, delivery: Delivery) -> bool:
    if delivery.repo_id is None:
        return True
    repo = db.scalar(select(Repo).where(Repo.id == delivery.repo_id).options(joinedload(Repo.owner)))
    if repo is not None:
        return access.may_read(reader, repo)
    # Gone: whoever could read it when it went is told so, by what was written down then.
    query = select(News).where(News.repo_id == delivery.repo_id, News.kind == "repo-deleted").limit(1)
    news = db.scalar(query)
    return news is not None and access.may_read_news(reader, news, None)


def _call(kit: Kit, webhook: Webhook, delivery: Delivery) -> Call:
    scope, _, action = delivery.event.partition(" ")
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": f"Freehold/{freehold.__version__} (webhook)",
        "X-Freehold-Delivery": delivery.id,
        "X-Freehold-Event": f"{scope} {action}",
        "X-Freehold-Attempt": str(delivery.attempts + 1),
    }
    try:
        secret = webhooks.secret(kit, webhook)
    except CannotSeal:
        return Call(webhook.id, delivery.id, "", delivery.body, headers, None)
    return Call(webhook.id, delivery.id, webhook.url, delivery.body, headers, secret)


def _made(call: Call, allowed: outward.Allowed) -> tuple[Answer | None, str]:
    """What was answered, or None and why there was no answer."""
    if not call.url:
        return None, "The secret of this webhook cannot be read by this hub any more: set it again."
    headers = dict(call.headers)
    if call.secret is not None:
        headers["X-Webhook-Secret"] = call.secret
        headers["X-Freehold-Signature"] = rules.signature(call.secret, call.body, clock.epoch_s())
    try:
        to = outward.target(call.url, allowed)
        answer = outward.post(to, call.body.encode(), headers, allowed, timeout_s=rules.DELIVERY_TIMEOUT_S)
    except (AddressRefused, Unreachable) as err:
        return None, str(err)
    if 300 <= answer.status < 400:
        return answer, f"Answered {answer.status}, a redirect; webhooks follow none. Set the address it leads to."
    return answer, "" if rules.is_success(answer.status) else f"Answered {answer.status}."


def _record(db: Session, kit: Kit, call: Call, answer: Answer | None, error: str) -> None:
    delivery, webhook = db.get(Delivery, call.delivery_id), db.get(Webhook, call.webhook_id)
    if delivery is None or webhook is None:
        return
    now = clock.now()
    delivery.attempts += 1
    delivery.log = [
        *delivery.log[-rules.MAX_ATTEMPTS :],
        {
            "at": clock.wire(now),
            "status": answer.status if answer else None,
            "ms": answer.took_ms if answer else None,
            "error": error[:500],
        },
    ]
    delivery.request_headers = dict(call.headers)
    delivery.response_headers = dict(answer.headers) if answer else {}
    delivery.response_excerpt = answer.excerpt if answer else ""
    if not error:
        delivery.status = "delivered"
        webhook.failures, webhook.failing_since, webhook.held_until = 0, None, None
    else:
        _failed(db, kit, webhook, delivery, answer)
    _prune(db, webhook.id)


def _failed(db: Session, kit: Kit, webhook: Webhook, delivery: Delivery, answer: Answer | None) -> None:
    now = clock.now()
    webhook.failures += 1
    webhook.failing_since = webhook.failing_since or now
    is_old = now - delivery.created_at > timedelta(seconds=rules.GIVE_UP_AFTER_S)
    if rules.may_retry(answer.status if answer else None):
        retry_after = {name.lower(): value for name, value in (answer.headers if answer else {}).items()}.get(
            "retry-after"
        )
        delay = timedelta(seconds=rules.retry_delay_s(webhook.failures, retry_after))
        delivery.due_at = webhook.held_until = now + delay
        if delivery.attempts >= rules.MAX_ATTEMPTS or is_old:
            delivery.status = "failed"
    else:
        delivery.status = "failed"
    if now - webhook.failing_since > timedelta(seconds=rules.DISABLE_AFTER_S):
        days = rules.DISABLE_AFTER_S // 86400
        webhook.is_disabled = True
        webhook.disabled_reason = (
            f"It did nothing but fail for {days} days, {webhook.failures} times; see its deliveries."
        )
        telling.webhook_disabled(db, kit, webhook)


def _prune(db: Session, webhook_id: str) -> None:
    done = select(Delivery.id).where(Delivery.webhook_id == webhook_id, Delivery.status != "waiting")
    old = db.scalars(done.order_by(Delivery.id.desc()).offset(rules.KEPT_DELIVERIES).limit(BATCH)).all()
    if old:
        db.execute(delete(Delivery).where(Delivery.id.in_(old)))


def _schedule(db: Session, owner_id: str) -> None:
    """The next attempt of the person's webhooks is in the queue, if anything waits."""
    moments = [due_at for _, due_at in _waiting(db, owner_id)]
    if moments:
        webhooks.send(db, owner_id, after_s=max(0.0, (min(moments) - clock.now()).total_seconds()))
