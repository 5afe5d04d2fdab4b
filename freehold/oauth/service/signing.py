"""The key that signs who somebody is. Imported at the first use: what it stands on takes eight MiB of every hub."""

import base64
import hashlib
import json
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from freehold.core.database import Database
from freehold.core.instance import known_value, value_or_new
from freehold.core.sealing import Sealer
from freehold.oauth.rules import ALGORITHM

KEY = "oauth_signing_key"


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


def _thumbprint(public: dict[str, Any]) -> str:
    """Source: RFC 7638."""
    text = json.dumps({name: public[name] for name in ("e", "kty", "n")}, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
