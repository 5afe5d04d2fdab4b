"""Signing in a program that has no browser. Source: RFC 8628."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.accounts.errors import SignInNeeded, TooManyAttempts
from freehold.accounts.rules import new_secret, secret_hash
from freehold.accounts.tables import Account
from freehold.core import clock
from freehold.oauth import rules
from freehold.oauth.errors import CodeNotFound, OAuthProblem
from freehold.oauth.service import grants, programs
from freehold.oauth.service.grants import Client, Issued
from freehold.oauth.tables import DeviceRequest

#: Programs that wait at one moment: anybody may ask, so somebody must say when it is enough.
MAX_WAITING = 10_000


@dataclass(frozen=True)
class Begun:
    """What the program shows, and what it keeps to itself."""

    device_code: str
    user_code: str


def begin(db: Session, client_id: str, scopes: str, *, agent: str, address: str) -> Begun:
    """A program waits from now on for somebody to approve it."""
    client = programs.find(db, client_id)
    now = clock.now()
    db.execute(delete(DeviceRequest).where(DeviceRequest.expires_at < now - timedelta(hours=1)))
    if (db.scalar(select(func.count()).select_from(DeviceRequest)) or 0) >= MAX_WAITING:
        raise TooManyAttempts("Too many programs wait to be signed in. Try again in a minute.", 60)
    asked = rules.CLIENT_LOGIN_SCOPES if client.program is None and not scopes else rules.known_scopes(scopes)
    secret, code = new_secret(), rules.new_user_code()
    request = DeviceRequest(
        secret_hash=secret_hash(secret),
        user_code=code,
        client_id=client.id,
        program_id=client.program.id if client.program else None,
        scopes=asked,
        agent="".join(c for c in agent if c.isprintable())[:256],
        address=address[:64],
        status="waiting",
        created_at=now,
        expires_at=now + timedelta(seconds=rules.DEVICE_CODE_S),
    )
    db.add(request)
    db.flush()
    return Begun(secret, code)


def waiting(db: Session, typed: str) -> DeviceRequest:
    """The program that shows the code somebody typed; raises :class:`CodeNotFound`."""
    found = db.scalar(
        select(DeviceRequest).where(
            DeviceRequest.user_code == rules.typed_user_code(typed),
            DeviceRequest.status == "waiting",
            DeviceRequest.expires_at > clock.now(),
        )
    )
    if found is None:
        raise CodeNotFound("No program waits with this code. Codes are good for 15 minutes, and once.")
    return found


def answer(db: Session, actor: Actor, typed: str, *, approves: bool, only_reads: bool = False) -> DeviceRequest:
    """The program with this code is let in as ``actor``, or told that it is not."""
    if actor.is_anonymous or actor.token is not None:
        raise SignInNeeded("Sign in on the hub's page to let a program in.")
    found = waiting(db, typed)
    # One UPDATE decides, so that two people who type one code are not both let in.
    answered = db.execute(
        update(DeviceRequest)
        .where(DeviceRequest.secret_hash == found.secret_hash, DeviceRequest.status == "waiting")
        .values(
            status="approved" if approves else "denied",
            user_id=actor.id,
            scopes=rules.only_reading(found.scopes) if only_reads else found.scopes,
        )
    ).rowcount  # type: ignore[attr-defined]
    if not answered:
        raise CodeNotFound("This code was answered at this moment.")
    return found


def poll(db: Session, client: Client, device_code: str) -> Issued | OAuthProblem:
    """Tokens once somebody approved; until then the problem to answer with, which is kept (when it asked last)."""
    found = db.scalar(
        select(DeviceRequest)
        .where(DeviceRequest.secret_hash == secret_hash(device_code), DeviceRequest.client_id == client.id)
        .with_for_update()
    )
    now = clock.now()
    if found is None or found.status == "spent":
        raise OAuthProblem("invalid_grant", "No program waits with this device code.")
    if found.status == "denied":
        raise OAuthProblem("access_denied", "The person who was asked said no.")
    if found.expires_at <= now:
        raise OAuthProblem("expired_token", "The device code has expired. Begin again.")
    if found.status == "waiting":
        before, found.asked_at = found.asked_at, now
        db.flush()
        # A second of grace: clocks and networks are not that exact, and the client's answer is to wait longer for ever.
        if before is not None and now - before < timedelta(seconds=rules.POLL_S - 1):
            return OAuthProblem("slow_down", f"Ask every {rules.POLL_S} seconds.")
        return OAuthProblem("authorization_pending", "Nobody has approved yet.")
    found.status = "spent"
    user = db.get(Account, found.user_id) if found.user_id else None
    if user is None or user.is_disabled:
        raise OAuthProblem("access_denied", "The person who approved is not here any more.")
    db.flush()
    return grants.give(db, user, client, found.scopes, life_s=rules.DEVICE_TOKEN_S)
