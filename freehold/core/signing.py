"""Signed addresses and sealed tokens: what the hub hands out and must recognise again without a row."""

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

from freehold.core import clock


class Signer:
    """HMAC-SHA256 under the installation's secret. ``purpose`` keeps one door's signatures from opening another."""

    def __init__(self, secret: bytes) -> None:
        assert len(secret) >= 32, "the signing secret has at least 32 bytes"
        self._secret = secret

    def sign(self, purpose: str, payload: str) -> str:
        """A 43-character URL-safe signature of ``payload`` for ``purpose``."""
        digest = hmac.new(self._secret, f"{purpose}\n{payload}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def check(self, purpose: str, payload: str, signature: str) -> bool:
        return hmac.compare_digest(self.sign(purpose, payload).encode(), signature.encode("utf-8", "replace"))

    def key(self, purpose: str, payload: str) -> bytes:
        """32 bytes that only this installation can derive (keys of dedup answers)."""
        return hmac.new(self._secret, f"key\n{purpose}\n{payload}".encode(), hashlib.sha256).digest()

    def seal(self, purpose: str, claims: dict[str, Any], expires_at: int) -> str:
        """``claims`` as a token that :meth:`open` accepts until ``expires_at`` (unix seconds). Readable, not secret."""
        body = json.dumps({**claims, "exp": expires_at}, separators=(",", ":"), sort_keys=True).encode()
        text = base64.urlsafe_b64encode(body).rstrip(b"=").decode()
        return f"{text}.{self.sign(purpose, text)}"

    def open(self, purpose: str, token: str, *, grace_s: int = 0) -> dict[str, Any] | None:
        """The claims of a token sealed here for ``purpose``, or None: forged, foreign, or expired over ``grace_s``."""
        text, _, signature = token.partition(".")
        if not self.check(purpose, text, signature):
            return None
        try:
            claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except (binascii.Error, ValueError):
            return None
        return claims if claims["exp"] + grace_s > clock.epoch_s() else None
