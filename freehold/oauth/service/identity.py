"""Who somebody is, as programs are told: claims, and the key that signs them. Source: OpenID Connect Core 2, 5."""

import base64
import hashlib
import json
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from sqlalchemy.orm import Session

from freehold.accounts.queries import avatar_path, memberships
from freehold.accounts.tables import Account
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.instance import known_value, value_or_new
from freehold.core.sealing import Sealer
from freehold.oauth.service.codes import Exchanged

ALGORITHM = "RS256"
KEY = "oauth_signing_key"
ID_TOKEN_S = 3600


class Signing:
    """The key of this installation: made at the first use, sealed in the database, the same on every node."""

    def __init__(self, pem: str) -> None:
        loaded = serialization.load_pem_private_key(pem.encode(), password=None)
        assert isinstance(loaded, rsa.RSAPrivateKey), "the kept key is an RSA key"
        self._key = loaded
        public = RSAAlgorithm.to_jwk(loaded.public_key(), as_dict=True)
        self._kid = _thumbprint(public)
        self.public: dict[str, Any] = {"kty": "RSA", "n": public["n"], "e": public["e"]}
        self.public |= {"kid": self._kid, "use": "sig", "alg": ALGORITHM}

    def sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": self._kid})


def open_signing(database: Database, sealer: Sealer) -> Signing:
    """The key of this installation, made now if there is none yet. Not inside a transaction: it opens its own."""
    kept = known_value(database, KEY)
    if kept is None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        kept = value_or_new(database, KEY, sealer.seal(KEY, pem.decode()))
    return Signing(sealer.open(KEY, kept))


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


def id_token(db: Session, signing: Signing, exchanged: Exchanged, client_id: str, base_url: str) -> str:
    """The signed identity that goes with an access token."""
    issued = exchanged.issued
    now = clock.epoch_s()
    told = claims(db, issued.user, issued.scopes, base_url)
    told |= {"iss": base_url, "aud": client_id, "iat": now, "exp": now + ID_TOKEN_S}
    told["auth_time"] = exchanged.agreed_at
    return signing.sign(told | ({"nonce": exchanged.nonce} if exchanged.nonce else {}))


def _thumbprint(public: dict[str, Any]) -> str:
    """Source: RFC 7638."""
    text = json.dumps({name: public[name] for name in ("e", "kty", "n")}, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
