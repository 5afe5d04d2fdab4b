"""Who am I, over JSON. Source: protocol/hub-api.md 7, 0.8."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from freehold.access.errors import NotSignedIn
from freehold.access.rules import Action
from freehold.access.schemas import WhoAmI
from freehold.accounts.queries import memberships
from freehold.core.clock import wire
from freehold.core.http import PUBLIC, Ask, door, stream_door

router = APIRouter(tags=["accounts"])


@router.get("/api/whoami-v2", response_model=None, responses={200: {"model": WhoAmI}})
@door(Action.READ)
def whoami(ask: Ask) -> dict[str, Any]:
    actor = ask.actor
    if actor.is_anonymous:
        raise NotSignedIn("Sign in, or send a token, to learn who you are.")
    token = ask.actor.token
    return {
        "type": "user",
        "id": actor.id,
        "name": actor.name,
        "fullname": actor.full_name or actor.name,
        "email": actor.email,
        "emailVerified": False,
        "isPro": False,
        "canPay": False,
        "avatarUrl": f"{ask.base_url}/avatars/{actor.name}.svg",
        "orgs": _orgs(ask),
        "auth": {"type": "access_token", "accessToken": {"displayName": token.name, "role": token.scope}}
        if token
        else {"type": "session"},
    }


def _orgs(ask: Ask) -> list[dict[str, Any]]:
    return [
        {
            "type": "org",
            "id": member.org.id,
            "name": member.org.name,
            "fullname": member.org.full_name or member.org.name,
            "isEnterprise": False,
            "avatarUrl": f"{ask.base_url}/avatars/{member.org.name}.svg",
            "roleInOrg": member.role,
            "since": wire(member.since),
        }
        for member in memberships(ask.db, ask.actor.id)
    ]


@router.head("/api/telemetry/{topic:rest}", include_in_schema=False)
@stream_door(PUBLIC)
async def telemetry(request: Request, topic: str) -> Response:
    """Libraries report their use here; it is answered and dropped."""
    return Response()
