"""Programs, what people agreed to, and the short-lived secrets on the way there. Secrets are kept as hashes."""

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from freehold.core.database import Base, Id, UtcDateTime


class Program(Base):
    """An application that asks people for a grant. ``secret_hash`` null: it cannot keep a secret (public client)."""

    __tablename__ = "oauth_programs"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(96))
    website: Mapped[str] = mapped_column(String(512), default="")
    redirect_uris: Mapped[list[str]] = mapped_column(JSON)
    secret_hash: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Grant(Base):
    """What one person agreed to for one program. ``program_id`` null: the official client's own login."""

    __tablename__ = "oauth_grants"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    program_id: Mapped[str | None] = mapped_column(ForeignKey("oauth_programs.id", ondelete="CASCADE"), index=True)
    client_id: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(96))
    scopes: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class GrantToken(Base):
    """An access token that was given under a grant. The token itself is a row of ``accounts``, and goes first."""

    __tablename__ = "oauth_grant_tokens"

    token_id: Mapped[str] = mapped_column(ForeignKey("tokens.id", ondelete="CASCADE"), primary_key=True)
    grant_id: Mapped[str] = mapped_column(ForeignKey("oauth_grants.id", ondelete="CASCADE"), index=True)


class RefreshToken(Base):
    """Renews a grant's access token, once. Used twice, somebody else has it: the grant ends."""

    __tablename__ = "oauth_refresh_tokens"

    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    grant_id: Mapped[str] = mapped_column(ForeignKey("oauth_grants.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class DeviceRequest(Base):
    """A program without a browser waits for somebody to type ``user_code`` into theirs. Source: RFC 8628."""

    __tablename__ = "oauth_device_requests"
    __table_args__ = (
        CheckConstraint("status in ('waiting', 'approved', 'denied', 'spent')", name="status"),
        Index("ix_oauth_device_requests_expires_at", "expires_at"),
    )

    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_code: Mapped[str] = mapped_column(String(16), unique=True)
    client_id: Mapped[str] = mapped_column(String(64))
    program_id: Mapped[str | None] = mapped_column(ForeignKey("oauth_programs.id", ondelete="CASCADE"), index=True)
    scopes: Mapped[str] = mapped_column(Text)
    #: What the program says it is, and where it asked from: told to who approves.
    agent: Mapped[str] = mapped_column(String(256))
    address: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(8))
    user_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AuthorizationCode(Base):
    """What a browser carries back to a program, to be exchanged once. Source: RFC 6749 4.1, RFC 7636."""

    __tablename__ = "oauth_codes"

    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    program_id: Mapped[str] = mapped_column(ForeignKey("oauth_programs.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    redirect_uri: Mapped[str] = mapped_column(String(512))
    scopes: Mapped[str] = mapped_column(Text)
    nonce: Mapped[str] = mapped_column(String(256))
    challenge: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: What it was exchanged for: ends when the code comes a second time.
    grant_id: Mapped[str | None] = mapped_column(ForeignKey("oauth_grants.id", ondelete="SET NULL"), index=True)
