"""Who somebody is, as programs are told. Source: OpenID Connect Core 2, 5."""

from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from freehold.accounts.queries import avatar_path, memberships
from freehold.accounts.tables import Account
from freehold.core import clock
from freehold.oauth.service.codes import Exchanged

if TYPE_CHECKING:
    from freehold.oauth.service.signing import Signing

ID_TOKEN_S = 3600


def claims(db: Session, user: Account, scopes: str, base_url: str) -> dict[str, Any]:
    """What ``scopes`` lets a program know of ``user``."""
    words = scopes.split()
    told: dict[str, Any] = {"sub": user.id}
    if "profile" in words:
        told |= {
            "name": user.full_name or user.name,
            "preferred_username": user.name,
            "profile": f"{base_url}/{user.name}",
            "picture": base_url + avatar_path(user),
            "website": user.website,
            "isPro": False,
            "canPay": False,
            "orgs": [
                {
                    "sub": member.org.id,
                    "name": member.org.full_name or member.org.name,
                    "preferred_username": member.org.name,
                    "picture": base_url + avatar_path(member.org),
                    "isEnterprise": False,
                    "roleInOrg": member.role,
                }
                for member in memberships(db, user.id)
            ],
        }
    if "email" in words and user.email:
        told |= {"email": user.email, "email_verified": user.is_email_verified}
    return told


def id_token(db: Session, signing: "Signing", exchanged: Exchanged, client_id: str, base_url: str) -> str:
    """The signed identity that goes with an access token."""
    issued = exchanged.issued
    now = clock.epoch_s()
    told = claims(db, issued.user, issued.scopes, base_url)
    told |= {"iss": base_url, "aud": client_id, "iat": now, "exp": now + ID_TOKEN_S}
    told["auth_time"] = exchanged.agreed_at
    return signing.sign(told | ({"nonce": exchanged.nonce} if exchanged.nonce else {}))
