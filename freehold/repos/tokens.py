"""What tokens reach, by name: a person's access tokens as a page, and who a token says one is.

Here rather than in ``accounts``, because a token may name repositories.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Form
from starlette.responses import RedirectResponse, Response

from freehold.access.errors import NotSignedIn
from freehold.access.rules import Action
from freehold.accounts import csrf
from freehold.accounts import service as accounts
from freehold.accounts.errors import NameTaken
from freehold.accounts.queries import avatar_path, memberships
from freehold.accounts.tables import Account, Token
from freehold.core import clock
from freehold.core.clock import wire
from freehold.core.errors import BadRequest
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.oauth.service import grants
from freehold.repos import queries
from freehold.repos.queries import Named
from freehold.repos.schemas import WhoAmI
from freehold.web import flash
from freehold.web.forms import FINE, Wrong, wrong
from freehold.web.render import render

api = Router(tags=["accounts"])
router = Router(include_in_schema=False)
#: Days a new token may live, as the form offers them; 0: for ever.
TOKEN_DAYS = (90, 30, 365, 0)
#: The word that the walk over all routes reads as "only somebody signed in by cookie, for themselves".
OWN = "own"


# ---- who am I ----------------------------------------------------------------------------------------------


@api.get("/api/whoami-v2", response_model=None, responses={200: {"model": WhoAmI}})
@door(Action.READ)
def whoami(ask: Ask) -> dict[str, Any]:
    """Who asks, where they belong, and what their token is good for. Source: protocol/hub-api.md 7."""
    actor = ask.actor
    if actor.is_anonymous:
        raise NotSignedIn("Sign in, or send a token, to learn who you are.")
    me = ask.db.get_one(Account, actor.id)
    return {
        "type": "user",
        "id": me.id,
        "name": me.name,
        "fullname": me.full_name or me.name,
        **({"email": me.email, "emailVerified": me.is_email_verified} if _tells(ask, "email") else {}),
        "isPro": False,
        "canPay": False,
        "avatarUrl": ask.base_url + avatar_path(me),
        "orgs": _orgs(ask) if _tells(ask, "profile") else [],
        "auth": _auth(ask),
    }


def _tells(ask: Ask, scope: str) -> bool:
    """A program learns what it was let in for; a token for chosen repositories tells no mail address."""
    token = ask.actor.token
    if token is None:
        return True
    granted = grants.scopes_of_token(ask.db, token.token_id)
    return scope in granted.split() if granted is not None else scope != "email" or not token.is_fine_grained


def _orgs(ask: Ask) -> list[dict[str, Any]]:
    return [
        {
            "type": "org",
            "id": member.org.id,
            "name": member.org.name,
            "fullname": member.org.full_name or member.org.name,
            "isEnterprise": False,
            "canPay": False,
            "avatarUrl": ask.base_url + avatar_path(member.org),
            "roleInOrg": member.role,
            "since": wire(member.since),
        }
        for member in memberships(ask.db, ask.actor.id)
    ]


def _auth(ask: Ask) -> dict[str, Any]:
    scope = ask.actor.token
    if scope is None:
        return {"type": "session"}
    token = ask.db.get_one(Token, scope.token_id)
    told: dict[str, Any] = {"displayName": token.name, "role": token.scope, "createdAt": wire(token.created_at)}
    if token.expires_at is not None:
        told["expiresAt"] = wire(token.expires_at)
    if token.is_fine_grained:
        permissions = ["repo.content.read"] + (["repo.write"] if token.scope == "write" else [])
        told["role"] = "fineGrained"
        told["fineGrained"] = {
            "canReadGatedRepos": True,
            "global": [],
            "scoped": [
                {"entity": {"_id": named.id, "type": named.kind, "name": named.path}, "permissions": permissions}
                for named in queries.reach(ask.db, ask.actor, token.id)
            ],
        }
    return {"type": "access_token", "accessToken": told}


# ---- the page ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A token and, where it is narrow, what it names."""

    token: Token
    reach: Sequence[Named]


@dataclass(frozen=True)
class Typed:
    """The form for a new token, as it was sent."""

    name: str = ""
    scope: str = "read"
    days: int = TOKEN_DAYS[0]
    is_narrow: bool = False
    owners: tuple[str, ...] = ()
    repos: str = ""


@dataclass(frozen=True)
class TokensPage:
    """Somebody's access tokens, and the form for a new one."""

    title: str
    rows: tuple[Row, ...]
    created: Token | None  #: the token just made
    secret: str  #: its secret, shown this once
    wrong: Wrong
    typed: Typed
    offered_days: tuple[int, ...]
    offered_owners: tuple[str, ...]
    hub: str  #: this hub's address, for the lines to paste


@router.get("/settings/tokens")
@door(OWN)
def tokens_page(ask: Ask) -> Response:
    if not csrf.is_in_person(ask):
        return RedirectResponse("/login?next=/settings/tokens", 303)
    return _tokens(ask)


@router.post("/settings/tokens")
@door(OWN)
def create_token(
    ask: Ask,
    owners: Annotated[list[str], Form(alias="owner", default_factory=list)],
    name: Annotated[str, Form()] = "",
    scope: Annotated[str, Form()] = "read",
    days: Annotated[str, Form()] = "90",
    reach: Annotated[str, Form()] = "all",
    repos: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check_in_person(ask, token)
    life = int(days) if days.isdecimal() and int(days) in TOKEN_DAYS else TOKEN_DAYS[0]
    expires_at = clock.now() + timedelta(days=life) if life else None
    typed = Typed(
        name[:96], scope if scope in ("read", "write") else "read", life, reach == "chosen", tuple(owners), repos
    )
    try:
        user = accounts.account(ask.db, ask.actor.name, kind="user")
        narrow = queries.chosen(ask.db, ask.actor, owners, repos.split()) if typed.is_narrow else None
        made, secret = accounts.create_token(
            ask.db,
            user,
            name,
            scope,
            repo_ids=narrow.repo_ids if narrow else None,
            owner_ids=narrow.owner_ids if narrow else None,
            expires_at=expires_at,
        )
    except (BadRequest, NameTaken) as err:
        return _tokens(ask, refused=wrong(err, "name", "repos"), typed=typed, status=422)
    return _tokens(ask, created=made, secret=secret)


@router.post("/settings/tokens/{token_id}/revoke")
@door(OWN)
def revoke_token(ask: Ask, token_id: str, token: Annotated[str, Form(alias="csrf")] = "") -> Response:
    csrf.check_in_person(ask, token)
    accounts.revoke_token(ask.db, ask.actor.id, token_id)
    return flash.say(ask.request, RedirectResponse("/settings/tokens", 303), "Token revoked.")


def _tokens(
    ask: Ask,
    *,
    created: Token | None = None,
    secret: str = "",
    refused: Wrong = FINE,
    typed: Typed | None = None,
    status: int = 200,
) -> Response:
    mine = accounts.tokens(ask.db, ask.actor.id)
    page = TokensPage(
        title="Access tokens",
        rows=tuple(Row(t, queries.reach(ask.db, ask.actor, t.id) if t.is_fine_grained else ()) for t in mine),
        created=created,
        secret=secret,
        wrong=refused,
        typed=typed or Typed(),
        offered_days=TOKEN_DAYS,
        offered_owners=(ask.actor.name, *(member.org.name for member in memberships(ask.db, ask.actor.id))),
        hub=ask.base_url,
    )
    return render(ask.request, page, status=status, headers={"Cache-Control": "no-store"})
