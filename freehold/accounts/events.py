"""What happened to people and organisations. Told inside the transaction it happened in.

``by`` is who did it; None: the hub itself, or whoever runs it at its command line. ``path`` is the address of a link
without the hub's own name: whoever sends it puts ``FREEHOLD_PUBLIC_URL`` before it, never what a request's Host header
said. The path holds a secret: it belongs in the one message to the one person it is for, and in no log.
"""

from dataclasses import dataclass, field
from datetime import datetime

from freehold.accounts.tables import Account, Token


@dataclass(frozen=True)
class AccountMade:
    """A person or an organisation is there."""

    account: Account


@dataclass(frozen=True)
class ProfileChanged:
    """An account says something else of itself, or chose something else: ``fields`` are what."""

    account: Account
    fields: tuple[str, ...]


@dataclass(frozen=True)
class AccountSwitched:
    """``user`` is locked out from now on (``user.is_disabled``), or let back in."""

    user: Account


@dataclass(frozen=True)
class AdministratorSwitched:
    """``user`` administers the hub from now on (``user.is_admin``), or does not any more."""

    user: Account


@dataclass(frozen=True)
class SignedIn:
    """A browser of ``user`` is signed in; ``how``: password, link, sign-up, new password."""

    user: Account
    how: str


@dataclass(frozen=True)
class SignInFailed:
    """Somebody tried; ``user`` is None where nobody has the name: it may be a password, typed in the wrong field."""

    user: Account | None


@dataclass(frozen=True)
class SignedOut:
    """``count`` browsers of ``user`` are not signed in any more."""

    user: Account
    count: int


@dataclass(frozen=True)
class LinkMade:
    """Whoever holds the link signs in as ``user`` (``session``) or chooses their password (``password``)."""

    user: Account
    purpose: str


@dataclass(frozen=True)
class TokenMade:
    """``user`` has another token. What programs are given for a while is not told of one by one."""

    user: Account
    token: Token


@dataclass(frozen=True)
class TokenRevoked:
    """A token of ``user`` opens nothing any more."""

    user: Account
    token_id: str
    name: str


@dataclass(frozen=True)
class MemberAdded:
    """``user`` is a member of ``org`` from now on, with ``role``."""

    org: Account
    user: Account
    role: str
    by: Account | None


@dataclass(frozen=True)
class RoleChanged:
    """``user`` has ``role`` in ``org`` where it had ``before``."""

    org: Account
    user: Account
    role: str
    before: str
    by: Account | None


@dataclass(frozen=True)
class MemberRemoved:
    """``user`` is no member of ``org`` any more; it left by itself when ``by`` is ``user``."""

    org: Account
    user: Account
    by: Account | None


@dataclass(frozen=True)
class InvitationMade:
    """Somebody is asked into ``org`` (None: to this hub alone), or asked again.

    By name: ``user`` is set, and they answer in their settings. By mail: ``email`` and ``path`` are, and the link in
    it is all that they need.
    """

    invitation_id: str
    org: Account | None
    role: str
    by: Account | None
    expires_at: datetime
    user: Account | None = None
    email: str | None = None
    path: str = field(default="", repr=False)


@dataclass(frozen=True)
class InvitationAnswered:
    """``user`` accepted or declined what ``inviter`` had asked."""

    org: Account | None
    user: Account
    inviter_id: str | None
    accepted: bool


@dataclass(frozen=True)
class JoinAsked:
    """``user`` asks the administrators of ``org`` to be let in."""

    org: Account
    user: Account
    message: str


@dataclass(frozen=True)
class JoinAnswered:
    """The administrator ``by`` let ``user`` into ``org``, or not."""

    org: Account
    user: Account
    by: Account | None
    accepted: bool


@dataclass(frozen=True)
class PasswordResetAsked:
    """Whoever reads mail at ``user.email`` may choose a new password at ``path``, once, until ``expires_at``."""

    user: Account
    expires_at: datetime
    path: str = field(repr=False)


@dataclass(frozen=True)
class PasswordChanged:
    """``user`` has another password; every other session of theirs has ended."""

    user: Account


@dataclass(frozen=True)
class AccountDeleted:
    """``account`` is about to be gone. A room that still needs it raises; what only refers to it lets go."""

    account: Account
    by: Account | None
