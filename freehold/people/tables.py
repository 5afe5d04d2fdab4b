"""Who was asked in, and who asked to be let in. A row is gone once it is answered."""

from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from freehold.core.database import Base, Id, UtcDateTime


class Invitation(Base):
    """One person is asked into an organisation, or by mail to this hub (``org_id`` null).

    By name (``user_id``) or by mail (``email`` and the hash of the link's secret).
    """

    __tablename__ = "invitations"
    __table_args__ = (
        CheckConstraint("role in ('admin', 'write', 'contributor', 'read')", name="role"),
        CheckConstraint("(user_id is null) <> (email is null)", name="invitee"),
        Index("uq_invitations_org_id_user_id", "org_id", "user_id", unique=True),
        Index("uq_invitations_org_id_email", "org_id", "email", unique=True),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    org_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    user_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    email: Mapped[str | None] = mapped_column(String(320))
    secret_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    #: The link was shown to who invited, as this hub sent no mail: it proves nothing about who reads ``email``.
    is_shown: Mapped[bool] = mapped_column(Boolean, default=False)
    role: Mapped[str] = mapped_column(String(16))
    inviter_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class JoinRequest(Base):
    """A person asks to become a member of an organisation."""

    __tablename__ = "join_requests"

    org_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, index=True)
    message: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
