"""What concerns one person, or the few who keep a thing, is told to them in the transaction it happens in."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from freehold.accounts.events import (
    InvitationAnswered,
    InvitationMade,
    JoinAnswered,
    JoinAsked,
    MemberAdded,
    MemberRemoved,
    PasswordChanged,
    PasswordResetAsked,
)
from freehold.accounts.tables import Account, Membership
from freehold.content.kit import Kit
from freehold.core.events import Bus
from freehold.core.ids import ordered_id
from freehold.gating import queries as gates
from freehold.gating.events import AccessDecided, AccessRequested
from freehold.inbox.service import mail, notifying
from freehold.inbox.tables import Notification, Webhook
from freehold.repos.events import RepoSettingsChanged
from freehold.repos.rules import page_path
from freehold.repos.tables import Repo

#: Of those who keep an organisation or a repository, so many are told.
MAX_KEEPERS = 50
ORGANIZATIONS = "/settings/organizations"


def subscribe(bus: Bus, kit: Kit) -> None:
    """Every event that is told to people directly."""
    for event, listener in (
        (InvitationMade, on_invitation(kit)),
        (InvitationAnswered, on_invitation_answered(kit)),
        (JoinAsked, on_join_asked(kit)),
        (JoinAnswered, on_join_answered(kit)),
        (MemberAdded, on_member_added(kit)),
        (MemberRemoved, on_member_removed),
        (PasswordResetAsked, on_password_reset(kit)),
        (PasswordChanged, on_password_changed(kit)),
        (AccessRequested, on_access_requested(kit)),
        (AccessDecided, on_access_decided(kit)),
        (RepoSettingsChanged, on_settings_changed),
    ):
        bus.subscribe(event, listener)


Listener = Callable[[Session, Any], None]


# ---- organisations -----------------------------------------------------------------------------------------


def on_invitation(kit: Kit) -> Listener:
    def told(db: Session, event: InvitationMade) -> None:
        where = (event.org.full_name or event.org.name) if event.org is not None else "this hub"
        who = event.by.name if event.by is not None else "An administrator"
        if event.user is not None:
            _to_one(
                db,
                kit,
                event.user.id,
                "invitation",
                event.by,
                f"{who} invites you to {where}, as {event.role}",
                ORGANIZATIONS,
            )
        elif event.email is not None:
            text = (
                f"{who} invites you to {where}.\n\nOpen this link once to join; it is for you alone, and good until "
                f"{event.expires_at:%d %B %Y}:\n\n{kit.settings.hub_url}{event.path}\n\n"
                "If you do not know what this is about, do nothing."
            )
            mail.send(db, kit, event.email, f"{who} invites you to {where}", text)

    return told


def on_invitation_answered(kit: Kit) -> Listener:
    def told(db: Session, event: InvitationAnswered) -> None:
        if event.inviter_id is None or event.org is None or db.get(Account, event.inviter_id) is None:
            return
        did = "accepted" if event.accepted else "declined"
        title = f"{event.user.name} {did} your invitation to {event.org.name}"
        _to_one(db, kit, event.inviter_id, "invitation-answered", event.user, title, f"/{event.org.name}")

    return told


def on_join_asked(kit: Kit) -> Listener:
    def told(db: Session, event: JoinAsked) -> None:
        keepers = select(Membership.user_id).where(Membership.org_id == event.org.id, Membership.role == "admin")
        for user_id in db.scalars(keepers.limit(MAX_KEEPERS)).all():
            address = f"/organizations/{event.org.name}/settings/members"
            _to_one(
                db, kit, user_id, "join-asked", event.user, f"{event.user.name} asks to join {event.org.name}", address
            )

    return told


def on_join_answered(kit: Kit) -> Listener:
    def told(db: Session, event: JoinAnswered) -> None:
        did = "You are let into" if event.accepted else "You were not let into"
        _to_one(db, kit, event.user.id, "join-answered", event.by, f"{did} {event.org.name}", f"/{event.org.name}")

    return told


def on_member_added(kit: Kit) -> Listener:
    def told(db: Session, event: MemberAdded) -> None:
        if event.by is not None and event.by.id != event.user.id:
            title = f"{event.by.name} made you a member of {event.org.name}, as {event.role}"
            _to_one(db, kit, event.user.id, "member-added", event.by, title, f"/{event.org.name}")

    return told


def on_member_removed(db: Session, event: MemberRemoved) -> None:
    """Whoever is no member any more keeps nothing of what was told of the organisation's private repositories."""
    private = select(Repo.id).where(Repo.owner_id == event.org.id, Repo.visibility == "private")
    db.execute(delete(Notification).where(Notification.user_id == event.user.id, Notification.repo_id.in_(private)))


# ---- passwords ---------------------------------------------------------------------------------------------


def on_password_reset(kit: Kit) -> Listener:
    def told(db: Session, event: PasswordResetAsked) -> None:
        text = (
            f"Somebody, most likely you, asked for a new password for {event.user.name}.\n\nChoose it here, once, by "
            f"{event.expires_at:%H:%M} UTC:\n\n{kit.settings.hub_url}{event.path}\n\n"
            "If it was not you, do nothing: your password stays as it is."
        )
        mail.send(db, kit, event.user.email or "", "A new password", text)

    return told


def on_password_changed(kit: Kit) -> Listener:
    def told(db: Session, event: PasswordChanged) -> None:
        text = (
            f"The password of {event.user.name} was changed, and every other session has ended.\n\n"
            f"If it was not you, choose another at once: {kit.settings.hub_url}/login"
        )
        mail.send(db, kit, event.user.email or "", "Your password was changed", text)

    return told


# ---- gates -------------------------------------------------------------------------------------------------


def on_access_requested(kit: Kit) -> Listener:
    def told(db: Session, event: AccessRequested) -> None:
        repo = event.repo
        for keeper in gates.keepers(db, repo)[:MAX_KEEPERS]:
            if keeper.id == event.actor.id:
                continue
            address = f"{page_path(repo.kind, repo.path)}/settings"
            title = f"{event.admission.account.name} asks for access to {repo.path}"
            _to_one(db, kit, keeper.id, "access-requested", event.actor, title, address, repo=repo)

    return told


def on_access_decided(kit: Kit) -> Listener:
    def told(db: Session, event: AccessDecided) -> None:
        repo, asker = event.repo, gates.asker(db, event.admission)
        if asker is None or asker.id == event.actor.id:
            return
        word = {"accepted": "is open to you", "rejected": "is not open to you"}.get(event.admission.status)
        if word is not None:
            address = page_path(repo.kind, repo.path)
            # Without the repository's id: whoever was rejected may not read it, and is told so all the same.
            _to_one(db, kit, asker.id, "access-decided", event.actor, f"{repo.path} {word}", address)

    return told


def on_settings_changed(db: Session, event: RepoSettingsChanged) -> None:
    """It may be private now: those who cannot read it any more are not reminded of it."""
    notifying.forget_later(db, event.repo.id)


# ---- webhooks ----------------------------------------------------------------------------------------------


def webhook_disabled(db: Session, kit: Kit, webhook: Webhook) -> None:
    """Its owner learns that the hub has stopped calling."""
    title = f"Your webhook to {webhook.url[:120]} was disabled. {webhook.disabled_reason}"
    _to_one(db, kit, webhook.owner_id, "webhook-disabled", None, title, f"/settings/webhooks/{webhook.id}")


def _to_one(
    db: Session,
    kit: Kit,
    user_id: str,
    kind: str,
    by: Any,  # an account, an actor, or None for the hub
    title: str,
    address: str,
    *,
    repo: Repo | None = None,
) -> None:
    news_id = ordered_id()
    notifying.put(
        db,
        kit,
        user_id,
        kind=kind,
        reason="you",
        thread=f"told {news_id}",
        title=title,
        address=address,
        actor_id=by.id if by is not None else None,
        repo_id=repo.id if repo is not None else None,
        news_id=news_id,
    )
