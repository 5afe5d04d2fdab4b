"""What concerns one person, or the few who keep a thing, is told to them in the transaction it happens in."""

from collections.abc import Callable, Sequence
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
from freehold.community.events import AccountFollowed
from freehold.content.kit import Kit
from freehold.core.events import Bus
from freehold.core.ids import ordered_id
from freehold.inbox.service import mail, notifying
from freehold.inbox.tables import Notification, Webhook
from freehold.repos.events import RepoSettingsChanged
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
        (AccountFollowed, on_followed(kit)),
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
            to_one(
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
        to_one(db, kit, event.inviter_id, "invitation-answered", event.user, title, f"/{event.org.name}")

    return told


def on_join_asked(kit: Kit) -> Listener:
    def told(db: Session, event: JoinAsked) -> None:
        for user_id in administrators(db, event.org.id):
            address = f"/organizations/{event.org.name}/settings/members"
            to_one(
                db, kit, user_id, "join-asked", event.user, f"{event.user.name} asks to join {event.org.name}", address
            )

    return told


def on_join_answered(kit: Kit) -> Listener:
    def told(db: Session, event: JoinAnswered) -> None:
        did = "You are let into" if event.accepted else "You were not let into"
        to_one(db, kit, event.user.id, "join-answered", event.by, f"{did} {event.org.name}", f"/{event.org.name}")

    return told


def on_member_added(kit: Kit) -> Listener:
    def told(db: Session, event: MemberAdded) -> None:
        if event.by is not None and event.by.id != event.user.id:
            title = f"{event.by.name} made you a member of {event.org.name}, as {event.role}"
            to_one(db, kit, event.user.id, "member-added", event.by, title, f"/{event.org.name}")

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


# ---- people and repositories -------------------------------------------------------------------------------


def on_followed(kit: Kit) -> Listener:
    def told(db: Session, event: AccountFollowed) -> None:
        account, follower = event.account, event.actor
        people = [account.id] if account.kind == "user" else administrators(db, account.id)
        whom = "you" if account.kind == "user" else account.name
        for user_id in people:
            thread = f"follow {follower.id}" if account.kind == "user" else f"follow {account.id[:12]} {follower.id}"
            mine = select(Notification.id).where(Notification.user_id == user_id, Notification.thread == thread)
            if user_id != follower.id and db.scalar(mine) is None:  # once, however often it is taken back
                title = f"{follower.name} follows {whom}"
                to_one(db, kit, user_id, "followed", follower, title, f"/{follower.name}", thread=thread)

    return told


def on_settings_changed(db: Session, event: RepoSettingsChanged) -> None:
    """It may be private now: those who cannot read it any more are not reminded of it."""
    notifying.forget_later(db, event.repo.id)


# ---- webhooks ----------------------------------------------------------------------------------------------


def webhook_disabled(db: Session, kit: Kit, webhook: Webhook) -> None:
    """Its owner learns that the hub has stopped calling."""
    title = f"Your webhook to {webhook.url[:120]} was disabled. {webhook.disabled_reason}"
    to_one(db, kit, webhook.owner_id, "webhook-disabled", None, title, f"/settings/webhooks/{webhook.id}")


def administrators(db: Session, org_id: str) -> Sequence[str]:
    """Who keeps an organisation, as far as they are told."""
    keepers = select(Membership.user_id).where(Membership.org_id == org_id, Membership.role == "admin")
    return db.scalars(keepers.order_by(Membership.user_id).limit(MAX_KEEPERS)).all()


def to_one(
    db: Session,
    kit: Kit,
    user_id: str,
    kind: str,
    by: Any,  # an account, an actor, or None for the hub
    title: str,
    address: str,
    *,
    repo: Repo | None = None,
    thread: str = "",
    news_id: str = "",
    mails: bool = True,
) -> None:
    """One person is told, in a row of its own unless ``thread`` says what it belongs to. A ``news_id`` is told once."""
    news_id = news_id or ordered_id()
    notifying.put(
        db,
        kit,
        user_id,
        kind=kind,
        reason="you",
        thread=thread or f"told {news_id}",
        title=title,
        address=address,
        actor_id=by.id if by is not None else None,
        repo_id=repo.id if repo is not None else None,
        news_id=news_id,
        mails=mails,
    )
