"""People and organisations share one table, because they share one namespace of names."""

from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, false, true
from sqlalchemy.orm import Mapped, mapped_column

from freehold.core.database import Base, Id, UtcDateTime


class Account(Base):
    """A person (``kind='user'``) or an organisation (``kind='org'``). ``key`` is the lower-cased name, unique."""

    __tablename__ = "accounts"
    __table_args__ = (CheckConstraint("kind in ('user', 'org')", name="kind"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    name: Mapped[str] = mapped_column(String(96))
    key: Mapped[str] = mapped_column(String(96), unique=True)
    full_name: Mapped[str] = mapped_column(String(256), default="")
    email: Mapped[str | None] = mapped_column(String(320))
    password_hash: Mapped[str | None] = mapped_column(Text)
    is_admin: Mapped[bool] = mapped_column(Boolean, default=False)
    is_disabled: Mapped[bool] = mapped_column(Boolean, default=False)
    private_by_default: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: What a person or an organisation says about itself: plain text, several lines.
    details: Mapped[str] = mapped_column(Text, default="", server_default="")
    #: An address with http or https, or empty.
    website: Mapped[str] = mapped_column(String(512), default="", server_default="")
    #: Somebody read a message of ours at ``email``: they came by a link that was sent only there.
    is_email_verified: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    #: Names a row of ``avatars``; None: the picture is made from the name.
    avatar_digest: Mapped[str | None] = mapped_column(String(64))
    # Of organisations:
    #: What somebody becomes who joins without a role having been chosen for them.
    default_role: Mapped[str] = mapped_column(String(16), default="read", server_default="read")
    #: Whether strangers learn who the members are.
    shows_members: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    #: Whether people may ask to join.
    takes_requests: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())


class Avatar(Base):
    """The picture that an account chose, cleaned (``accounts.pictures``). In the database, as it is small and rare."""

    __tablename__ = "avatars"

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    media_type: Mapped[str] = mapped_column(String(32))
    body: Mapped[bytes] = mapped_column(LargeBinary)


class RetiredName(Base):
    """The name of an account that is gone. Nobody takes it by themselves: links and clients still mean the other."""

    __tablename__ = "retired_names"

    key: Mapped[str] = mapped_column(String(96), primary_key=True)
    retired_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Membership(Base):
    """A person's role in an organisation: admin, write, contributor or read."""

    __tablename__ = "memberships"
    __table_args__ = (CheckConstraint("role in ('admin', 'write', 'contributor', 'read')", name="role"),)

    org_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Token(Base):
    """A secret for clients. Only its SHA-256 is kept: the secret has 256 random bits, so a slow hash adds nothing."""

    __tablename__ = "tokens"
    __table_args__ = (
        CheckConstraint("scope in ('read', 'write')", name="scope"),
        Index("uq_tokens_user_id_name", "user_id", "name", unique=True),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(96))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(8))
    scope: Mapped[str] = mapped_column(String(8))
    #: True: only what ``token_repos`` and ``token_owners`` name (possibly nothing any more); False: whatever the person
    #: may do.
    is_fine_grained: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: Given to a program that its person agreed to (room ``oauth``), rather than made on the tokens page.
    is_granted: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())


class TokenOwner(Base):
    """An account all of whose repositories a fine-grained token is good for, those to come included."""

    __tablename__ = "token_owners"

    token_id: Mapped[str] = mapped_column(ForeignKey("tokens.id", ondelete="CASCADE"), primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, index=True)


class TokenRepo(Base):
    """A repository that a fine-grained token is good for. Repositories live above, so there is no foreign key."""

    __tablename__ = "token_repos"

    token_id: Mapped[str] = mapped_column(ForeignKey("tokens.id", ondelete="CASCADE"), primary_key=True)
    repo_id: Mapped[str] = mapped_column(Id, primary_key=True)


class BrowserSession(Base):
    """A signed-in browser: the cookie's secret is kept hashed, like a token's."""

    __tablename__ = "browser_sessions"

    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: What the browser says it is, for the list of sessions.
    agent: Mapped[str] = mapped_column(String(256), default="", server_default="")
    #: To the minute or so; None: not since it was signed in.
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SignInLink(Base):
    """A one-time link, spent at its use. Purpose ``session`` signs in; ``password`` lets a new password be chosen."""

    __tablename__ = "sign_in_links"

    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    purpose: Mapped[str] = mapped_column(String(16), default="session", server_default="session")
