"""Signing in a person at a program with a browser: authorization code with PKCE. Source: RFC 6749 4.1, RFC 7636."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.accounts.errors import SignInNeeded
from freehold.accounts.rules import new_secret, secret_hash
from freehold.accounts.tables import Account
from freehold.core import clock
from freehold.core.errors import BadRequest
from freehold.oauth import rules
from freehold.oauth.errors import OAuthProblem
from freehold.oauth.service import grants, programs
from freehold.oauth.service.grants import Client, Issued
from freehold.oauth.tables import AuthorizationCode, Program


@dataclass(frozen=True)
class Wanted:
    """A program's wish, checked: where it may be answered, and for what. ``problem``: the answer is this error."""

    program: Program
    redirect_uri: str
    scopes: str
    state: str
    nonce: str
    challenge: str
    problem: str = ""


@dataclass(frozen=True)
class Exchanged:
    """What a code was exchanged for, and what the signed identity is to hold."""

    issued: Issued
    nonce: str
    agreed_at: int


def wanted(db: Session, query: dict[str, str]) -> Wanted:
    """The wish in ``query``. Raises :class:`BadRequest` where the answer must go nowhere but to the person's eyes."""
    try:
        client = programs.find(db, query.get("client_id", ""))
    except OAuthProblem as err:
        raise BadRequest(err.message) from err
    program = client.program
    if program is None:
        raise BadRequest("This program signs in by a code, at /device.")
    redirect_uri = query.get("redirect_uri") or (program.redirect_uris[0] if len(program.redirect_uris) == 1 else "")
    if redirect_uri not in program.redirect_uris:
        raise BadRequest(f"{program.name} did not register the address that it wants the answer at.")
    challenge = query.get("code_challenge", "")
    sizes_fit = len(query.get("nonce", "")) <= 256 and len(challenge) <= 128 and len(query.get("state", "")) <= 2000
    method_fits = not challenge or query.get("code_challenge_method", "plain") == "S256"
    is_proven = program.secret_hash is not None or bool(challenge)  # else nothing says that it is the same program
    problem = "" if sizes_fit and method_fits and is_proven else "invalid_request"
    if query.get("response_type") != "code":
        problem = "unsupported_response_type"
    scopes = rules.known_scopes(query.get("scope", "openid profile"))
    return Wanted(program, redirect_uri, scopes, query.get("state", ""), query.get("nonce", ""), challenge, problem)


def allow(db: Session, actor: Actor, wish: Wanted) -> str:
    """``actor`` agrees: the code that their browser carries back."""
    if actor.is_anonymous or actor.token is not None or actor.id is None:
        raise SignInNeeded("Sign in on the hub's page to let a program in.")
    now = clock.now()
    db.execute(delete(AuthorizationCode).where(AuthorizationCode.expires_at < now - timedelta(hours=1)))
    secret = new_secret()
    db.add(
        AuthorizationCode(
            secret_hash=secret_hash(secret),
            program_id=wish.program.id,
            user_id=actor.id,
            redirect_uri=wish.redirect_uri,
            scopes=wish.scopes,
            nonce=wish.nonce,
            challenge=wish.challenge,
            created_at=now,
            expires_at=now + timedelta(seconds=rules.CODE_S),
        )
    )
    db.flush()
    return secret


def exchange(db: Session, client: Client, code: str, redirect_uri: str, verifier: str) -> Exchanged | OAuthProblem:
    """Tokens for a code, once.

    A problem is returned, not raised, where the code came twice: what was given for it has ended, and that is kept.
    """
    found = db.scalar(
        select(AuthorizationCode).where(AuthorizationCode.secret_hash == secret_hash(code)).with_for_update()
    )
    refused = OAuthProblem("invalid_grant", "The code is unknown, over, or another program's. Begin again.")
    if found is None or client.program is None or found.program_id != client.program.id:
        raise refused
    if found.used_at is not None:
        if found.grant_id is not None:
            grants.end_of_code(db, found.grant_id)
        return OAuthProblem("invalid_grant", "The code was used before: everything given for it has ended.")
    if found.expires_at <= clock.now() or (redirect_uri and redirect_uri != found.redirect_uri):
        raise refused
    if bool(found.challenge) != bool(verifier) or (
        found.challenge and not rules.fits_challenge(verifier, found.challenge)
    ):
        raise OAuthProblem("invalid_grant", "The code_verifier does not fit the code_challenge.")
    user = db.get(Account, found.user_id)
    if user is None or user.is_disabled:
        raise refused
    issued = grants.give(db, user, client, found.scopes, life_s=rules.PROGRAM_TOKEN_S)
    found.used_at, found.grant_id = clock.now(), issued.grant.id
    db.flush()
    return Exchanged(issued, found.nonce, int(found.created_at.timestamp()))
