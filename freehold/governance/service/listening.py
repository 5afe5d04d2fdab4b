"""What happens in the rooms below, as entries of the trail."""

from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from freehold.access.rules import ANONYMOUS
from freehold.accounts import events as accounts
from freehold.accounts.tables import Account
from freehold.content.events import LargeFilesErased, RepoDuplicated, RepoPushed
from freehold.core import clock
from freehold.core.events import Bus
from freehold.core.ids import id_at
from freehold.discussions.events import CommentHidden
from freehold.gating.events import AccessDecided, AccessRevoked
from freehold.governance.service import serving
from freehold.governance.service.trail import Thing, of_account, of_repo, record
from freehold.governance.tables import AuditEntry
from freehold.inbox.events import WebhookChanged
from freehold.oauth.events import ProgramLetIn, ProgramShutOut
from freehold.repos.events import RepoCreated, RepoDeleted, RepoMoved, RepoSettingsChanged
from freehold.spaces.events import SpaceSettingsChanged
from freehold.usage import events as usage

#: Failed sign-ins kept of one hour: whoever guesses passwords must not fill the disk with it.
MAX_REFUSED_AN_HOUR = 1000


def subscribe(bus: Bus) -> None:
    """Every event that is written down."""
    bus.subscribe(accounts.AccountMade, on_made)
    bus.subscribe(accounts.ProfileChanged, on_profile)
    bus.subscribe(accounts.AccountSwitched, on_switched)
    bus.subscribe(accounts.AdministratorSwitched, on_administrator)
    bus.subscribe(accounts.AccountDeleted, on_account_deleted)
    bus.subscribe(accounts.SignedIn, on_signed_in)
    bus.subscribe(accounts.SignInFailed, on_sign_in_failed)
    bus.subscribe(accounts.SignedOut, on_signed_out)
    bus.subscribe(accounts.PasswordChanged, on_password)
    bus.subscribe(accounts.LinkMade, on_link)
    bus.subscribe(accounts.TokenMade, on_token_made)
    bus.subscribe(accounts.TokenRevoked, on_token_revoked)
    bus.subscribe(ProgramLetIn, on_let_in)
    bus.subscribe(ProgramShutOut, on_shut_out)
    bus.subscribe(accounts.MemberAdded, on_member_added)
    bus.subscribe(accounts.RoleChanged, on_role)
    bus.subscribe(accounts.MemberRemoved, on_member_removed)
    bus.subscribe(accounts.InvitationMade, on_invited)
    bus.subscribe(RepoCreated, on_repo_made)
    bus.subscribe(RepoMoved, on_repo_moved)
    bus.subscribe(RepoSettingsChanged, on_repo_settings)
    bus.subscribe(RepoDeleted, on_repo_deleted)
    bus.subscribe(RepoDuplicated, on_repo_copied)
    bus.subscribe(RepoPushed, on_pushed)
    bus.subscribe(LargeFilesErased, on_erased)
    bus.subscribe(CommentHidden, on_comment_hidden)
    bus.subscribe(AccessDecided, on_access)
    bus.subscribe(AccessRevoked, on_access_ended)
    bus.subscribe(SpaceSettingsChanged, on_space)
    bus.subscribe(WebhookChanged, on_webhook)
    bus.subscribe(usage.BoundsChanged, on_bounds)
    bus.subscribe(usage.PriceChanged, on_price)
    bus.subscribe(usage.ContentErased, on_content_erased)
    serving.subscribe(bus)


# ---- people and organisations ------------------------------------------------------------------------------


def on_made(db: Session, event: accounts.AccountMade) -> None:
    made = event.account
    record(db, "org.made" if made.kind == "org" else "person.made", of_account(made), by=_else(db, made))


def on_profile(db: Session, event: accounts.ProfileChanged) -> None:
    verb = "org.changed" if event.account.kind == "org" else "person.changed"
    record(db, verb, of_account(event.account), by=_else(db, event.account), fields=event.fields)


def on_switched(db: Session, event: accounts.AccountSwitched) -> None:
    record(db, "person.disabled" if event.user.is_disabled else "person.enabled", of_account(event.user))


def on_administrator(db: Session, event: accounts.AdministratorSwitched) -> None:
    record(db, "person.admin" if event.user.is_admin else "person.no-admin", of_account(event.user))


def on_account_deleted(db: Session, event: accounts.AccountDeleted) -> None:
    verb = "org.deleted" if event.account.kind == "org" else "person.deleted"
    record(db, verb, of_account(event.account), by=event.by)


def on_signed_in(db: Session, event: accounts.SignedIn) -> None:
    record(db, "session.opened", of_account(event.user), by=event.user, how=event.how)


def on_sign_in_failed(db: Session, event: accounts.SignInFailed) -> None:
    """What was typed is not kept where nobody has that name: people type passwords into the wrong field."""
    since = AuditEntry.id > id_at(clock.now().replace(minute=0, second=0, microsecond=0))
    lately = select(AuditEntry.id).where(AuditEntry.verb == "session.refused", since).limit(MAX_REFUSED_AN_HOUR)
    if (db.scalar(select(func.count()).select_from(lately.subquery())) or 0) >= MAX_REFUSED_AN_HOUR:
        return
    tried = of_account(event.user) if event.user else Thing("user", "", "a name nobody has")
    record(db, "session.refused", tried, actor=ANONYMOUS)


def on_signed_out(db: Session, event: accounts.SignedOut) -> None:
    record(db, "session.ended", of_account(event.user), by=_else(db, event.user), count=event.count)


def on_password(db: Session, event: accounts.PasswordChanged) -> None:
    record(db, "password.changed", of_account(event.user), by=_else(db, event.user))


def on_link(db: Session, event: accounts.LinkMade) -> None:
    record(db, "link.made", of_account(event.user), purpose=event.purpose)


def on_token_made(db: Session, event: accounts.TokenMade) -> None:
    token = event.token
    thing = Thing("token", token.id, f"{event.user.name}: {token.name}", event.user.id)
    record(db, "token.made", thing, scope=token.scope, narrow=token.is_fine_grained)


def on_token_revoked(db: Session, event: accounts.TokenRevoked) -> None:
    record(db, "token.revoked", Thing("token", event.token_id, f"{event.user.name}: {event.name}", event.user.id))


def on_let_in(db: Session, event: ProgramLetIn) -> None:
    record(db, "program.let-in", _program(event), by=_else(db, event.user), scopes=event.grant.scopes)


def on_shut_out(db: Session, event: ProgramShutOut) -> None:
    record(db, "program.shut-out", _program(event), by=_else(db, event.user))


def _program(event: ProgramLetIn | ProgramShutOut) -> Thing:
    return Thing("program", event.grant.id, f"{event.user.name}: {event.grant.name}", event.user.id)


def on_member_added(db: Session, event: accounts.MemberAdded) -> None:
    record(db, "member.added", of_account(event.org), by=event.by, person=event.user.name, role=event.role)


def on_role(db: Session, event: accounts.RoleChanged) -> None:
    told: dict[str, Any] = {"person": event.user.name, "role": event.role, "before": event.before}
    record(db, "member.role", of_account(event.org), by=event.by, **told)


def on_member_removed(db: Session, event: accounts.MemberRemoved) -> None:
    record(db, "member.removed", of_account(event.org), by=event.by, person=event.user.name)


def on_invited(db: Session, event: accounts.InvitationMade) -> None:
    thing = of_account(event.org) if event.org else Thing("hub", "", "this hub")
    person = event.user.name if event.user else event.email
    record(db, "member.invited", thing, by=event.by, person=person, role=event.role)


def _else(db: Session, account: Account) -> Account | None:
    """Who signs up, or comes by a link, is not known to the request yet: they did it themselves."""
    acting = db.info.get("actor")
    return account if acting is not None and acting.is_anonymous and account.kind == "user" else None


# ---- repositories ------------------------------------------------------------------------------------------


def on_repo_made(db: Session, event: RepoCreated) -> None:
    record(db, "repo.made", of_repo(event.repo), actor=event.actor, visibility=event.repo.visibility)


def on_repo_moved(db: Session, event: RepoMoved) -> None:
    """Of a move to another owner both owners learn."""
    record(db, "repo.moved", of_repo(event.repo), actor=event.actor, before=event.old_path)
    old_owner = db.scalar(select(Account).where(Account.key == event.old_path.partition("/")[0].lower()))
    if old_owner is not None and old_owner.id != event.repo.owner_id:
        left = Thing(event.repo.kind, event.repo.id, event.old_path, old_owner.id)
        record(db, "repo.moved", left, actor=event.actor, after=event.repo.path)


def on_repo_settings(db: Session, event: RepoSettingsChanged) -> None:
    if event.changed:
        told: dict[str, Any] = {name: value for name, value in event.changed.items() if name != "private"}
        record(db, "repo.changed", of_repo(event.repo), actor=event.actor, **told)


def on_repo_deleted(db: Session, event: RepoDeleted) -> None:
    record(db, "repo.deleted", of_repo(event.repo), actor=event.actor, visibility=event.repo.visibility)


def on_repo_copied(db: Session, event: RepoDuplicated) -> None:
    record(db, "repo.copied", of_repo(event.source), actor=event.actor, to=event.repo.path)


def on_pushed(db: Session, event: RepoPushed) -> None:
    """Ordinary pushes are history of their own; what takes commits away is written down here."""
    if event.after is None:
        record(db, "ref.deleted", of_repo(event.repo), actor=event.actor, ref=event.ref, before=event.before)
    elif event.is_forced or event.is_rewrite:
        told: dict[str, Any] = {"ref": event.ref, "before": event.before, "after": event.after}
        record(db, "ref.forced", of_repo(event.repo), actor=event.actor, **told)


def on_erased(db: Session, event: LargeFilesErased) -> None:
    told: dict[str, Any] = {"files": len(event.digests), "digests": event.digests, "commits": len(event.commits)}
    record(db, "repo.erased", of_repo(event.repo), actor=event.actor, **told)


def on_comment_hidden(db: Session, event: CommentHidden) -> None:
    record(db, "comment.hidden", of_repo(event.repo), actor=event.actor, discussion=event.discussion.num)


def on_access(db: Session, event: AccessDecided) -> None:
    verb = {"accepted": "access.given", "rejected": "access.refused"}.get(event.admission.status)
    if verb is not None:
        told: dict[str, Any] = {"account": event.admission.account.name, "reason": event.admission.reason}
        record(db, verb, of_repo(event.repo), actor=event.actor, **told)


def on_access_ended(db: Session, event: AccessRevoked) -> None:
    record(db, "access.ended", of_repo(event.repo), actor=event.actor, account=event.admission.account.name)


def on_space(db: Session, event: SpaceSettingsChanged) -> None:
    record(db, "space.changed", of_repo(event.repo), actor=event.actor, what=event.what, key=event.key)


def on_webhook(db: Session, event: WebhookChanged) -> None:
    hook = event.webhook
    thing = Thing("webhook", hook.id, urlsplit(hook.url).hostname or "?", hook.owner_id)
    record(db, f"webhook.{event.what}", thing, actor=event.actor)


def on_bounds(db: Session, event: usage.BoundsChanged) -> None:
    thing = of_account(event.account) if event.account else Thing("hub", "", "each account")
    told: dict[str, Any] = {"of": event.subject, "budget_micros": event.amount_micros, "ends_calls": event.is_hard}
    record(db, "bounds.changed", thing, **told, calls_a_minute=event.calls, tokens_a_minute=event.tokens)


def on_price(db: Session, event: usage.PriceChanged) -> None:
    kind, _, name = event.key.partition(":")
    told: dict[str, Any] = {"kind": kind, "removed": event.rate is None}
    if event.rate is not None:
        told |= {"input": event.rate.input_price, "output": event.rate.output_price, "second": event.rate.second_price}
    record(db, "price.changed", Thing("price", event.key[:64], name or "all others"), **told)


def on_content_erased(db: Session, event: usage.ContentErased) -> None:
    verb = "content.erased_own" if event.is_own else "content.erased"
    record(db, verb, of_account(event.account), what=event.what, calls=event.count)
