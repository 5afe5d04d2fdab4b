"""What happens at gates is told: requests to those who answer them, as the owner chose; answers, lost access and new
terms to those whom they concern."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from freehold.access.rules import Action
from freehold.accounts.tables import Account
from freehold.content.kit import Kit
from freehold.core import clock
from freehold.core.events import Bus
from freehold.core.ids import ordered_id
from freehold.gating import queries as gates
from freehold.gating.events import AccessDecided, AccessRequested, AccessRevoked, TermsChanged
from freehold.inbox import access
from freehold.inbox.queue import RENEWALS, REQUESTS
from freehold.inbox.service import mail
from freehold.inbox.service.telling import MAX_KEEPERS, Listener, administrators, to_one
from freehold.repos import admissions
from freehold.repos.access import may
from freehold.repos.rules import page_path
from freehold.repos.tables import Admission, Repo
from freehold.tasks.queue import enqueue

DAY_S = 86400
#: Requests that come within so long go to an address of the owner's choice in one message: it may be anybody's.
GATHER_S = 300
BATCH = 100


def subscribe(bus: Bus, kit: Kit) -> None:
    bus.subscribe(AccessRequested, on_requested(kit))
    bus.subscribe(AccessDecided, on_decided(kit))
    bus.subscribe(AccessRevoked, on_revoked(kit))
    bus.subscribe(TermsChanged, on_terms_changed)


# ---- to those who answer -----------------------------------------------------------------------------------


def on_requested(kit: Kit) -> Listener:
    """At once in the inbox and by mail; with an address of its own, mail goes there; or everything once a day."""

    def told(db: Session, event: AccessRequested) -> None:
        repo, gate, name = event.repo, event.gate, event.admission.account.name
        since = clock.wire(event.admission.asked_at)
        if gate.notify_mode == "bulk":
            enqueue(
                db, REQUESTS, key=f"requests {repo.id} daily", once=True, after_s=DAY_S, repo_id=repo.id, since=since
            )
            return
        is_in = event.admission.status == "accepted"
        title = f"{name} agreed to the terms of {repo.path}" if is_in else f"{name} asks for access to {repo.path}"
        for keeper in gates.keepers(db, repo)[:MAX_KEEPERS]:
            if keeper.id != event.actor.id:
                to_one(
                    db, kit, keeper.id, "access-requested", event.actor, title, _gate(repo), repo=repo,
                    mails=gate.notify_email is None,
                )  # fmt: skip
        if gate.notify_email is not None:
            enqueue(
                db, REQUESTS, key=f"requests {repo.id} mail", once=True, after_s=GATHER_S, repo_id=repo.id,
                since=since, only_mail=True,
            )  # fmt: skip

    return told


def tell_requests(db: Session, kit: Kit, repo_id: str, since: str, *, only_mail: bool) -> None:
    """Requests made from ``since`` on are told in one go, by mail where the owner wants it; ``only_mail``: the inbox
    has them already."""
    repo = db.get(Repo, repo_id)
    if repo is None or not repo.gated:
        return
    here = (Admission.repo_id == repo.id, Admission.asked_at >= datetime.fromisoformat(since))
    count = db.scalar(select(func.count()).where(*here, Admission.asked_by_id.is_not(None))) or 0
    if not count:  # withdrawn meanwhile
        return
    waiting = gates.counts(db, repo)["pending"]
    title = f"{count} new request{'s' if count > 1 else ''} for access to {repo.path}"
    address = admissions.gate_of(db, repo).notify_email
    if not only_mail:
        for keeper in gates.keepers(db, repo)[:MAX_KEEPERS]:
            to_one(
                db, kit, keeper.id, "access-requested", None, title, _gate(repo), repo=repo, mails=address is None,
                thread=f"requests {repo.id}",
            )  # fmt: skip
    if address is not None:
        where = kit.settings.hub_url + _gate(repo)
        text = (
            f"{title}.\n\nWaiting for an answer: {waiting}. Answer here, where it is also set where this mail goes:\n\n"
            f"{where}"
        )
        mail.send(db, kit, address, title, text, thread=f"requests {repo.id}")


# ---- to those who asked ------------------------------------------------------------------------------------


def on_decided(kit: Kit) -> Listener:
    def told(db: Session, event: AccessDecided) -> None:
        repo, asker = event.repo, gates.asker(db, event.admission)
        if asker is None or asker.id == event.actor.id or event.before == "accepted":  # lost: told as revoked
            return
        word = {"accepted": "is open to you", "rejected": "is not open to you"}.get(event.admission.status)
        if word is not None:
            address = page_path(repo.kind, repo.path)
            # Without the repository's id: whoever was rejected may not read it, and is told so all the same.
            to_one(db, kit, asker.id, "access-decided", event.actor, f"{repo.path} {word}", address)

    return told


def on_revoked(kit: Kit) -> Listener:
    """Whoever was let in, and is not any more, learns it; of an organisation, those who keep it."""

    def told(db: Session, event: AccessRevoked) -> None:
        repo, account = event.repo, event.admission.account
        whose = "you" if account.kind == "user" else account.name
        for user_id in _people(db, account):
            if user_id != event.actor.id:
                title = f"{repo.path} is not open to {whose} any more"
                to_one(db, kit, user_id, "access-revoked", event.actor, title, page_path(repo.kind, repo.path))

    return told


def on_terms_changed(db: Session, event: TermsChanged) -> None:
    """They may be many: a task tells them, a batch at a time."""
    enqueue(db, RENEWALS, key=f"renewals {event.repo.id}", repo_id=event.repo.id, news_id=ordered_id())


def tell_renewals(db: Session, kit: Kit, repo_id: str, news_id: str, after: str) -> None:
    """The next of those who agreed to other terms than those of now are told; the batch after them is in the queue."""
    repo = db.get(Repo, repo_id)
    if repo is None or not repo.gated:
        return
    found = gates.to_renew(db, repo, limit=BATCH, after=after)
    for admission in found:
        title = f"The terms of {repo.path} changed. {_what_next(admission.ends_at)}"
        for user_id in _people(db, admission.account):
            reader = access.reader(db, user_id)
            if reader is not None and may(reader, Action.LIST, repo):
                to_one(
                    db, kit, user_id, "access-terms", None, title, page_path(repo.kind, repo.path),
                    thread=f"terms {repo.id}", news_id=news_id,
                )  # fmt: skip
    if len(found) == BATCH:
        enqueue(db, RENEWALS, key=f"renewals {repo_id}", repo_id=repo_id, news_id=news_id, after=found[-1].id)


def _what_next(ends_at: datetime | None) -> str:
    if ends_at is None:
        return "You may read it as before; agree to them when you like."
    if ends_at <= clock.now():
        return "Agree to them to read it again."
    return f"Agree to them by {ends_at:%d %B %Y} to go on reading it."


def _people(db: Session, account: Account) -> Sequence[str]:
    return [account.id] if account.kind == "user" else administrators(db, account.id)


def _gate(repo: Repo) -> str:
    return f"{page_path(repo.kind, repo.path)}/access"
