"""Scopes, codes and addresses of programs. Pure."""

import base64
import hashlib
import hmac
import re
import secrets
from urllib.parse import urlencode, urlsplit

from freehold.core.errors import BadRequest

#: The official client's own login sends this id (huggingface_hub 2.4.0, ``constants.py``); it registers nowhere.
CLIENT_LOGIN = "26be6b09-91c5-47da-9861-d2d2bb7a7e36"
CLIENT_LOGIN_NAME = "hf, the command line and Python client"
#: How identities are signed.
ALGORITHM = "RS256"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
#: What a program can ask for, and what people are told of it.
SCOPES = {
    "openid": "know that it is you",
    "profile": "see your name, picture and organisations",
    "email": "see your mail address",
    "read-repos": "read everything that you can read",
    "write-repos": "publish, change and delete wherever you can",
    "manage-repos": "make, move and delete repositories wherever you can",
    "offline_access": "stay signed in for 30 days",
}
CLIENT_LOGIN_SCOPES = "openid profile email read-repos write-repos manage-repos offline_access"
DEVICE_CODE_S = 900
POLL_S = 5
CODE_S = 120
#: The official client renews a token in its last day, so one lives longer than that.
DEVICE_TOKEN_S = 30 * 86400
PROGRAM_TOKEN_S = 8 * 3600
REFRESH_S = 90 * 86400
#: Two processes that renew at one moment are one program, not a thief.
REUSE_GRACE_S = 60
#: Running processes keep the token that they started with for a while after it was renewed.
OLD_TOKEN_S = 3600
MAX_REDIRECTS = 10
#: No vowels and no look-alikes: codes are read from one screen and typed into another. Source: RFC 8628 6.1.
_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"


def known_scopes(asked: str) -> str:
    """The scopes of ``asked`` that there are here, in a fixed order. The answer tells a program what it got."""
    words = set(asked.split())
    return " ".join(scope for scope in SCOPES if scope in words)


def reads(scopes: str) -> bool:
    return bool({"read-repos", "write-repos", "manage-repos"} & set(scopes.split()))


def writes(scopes: str) -> bool:
    return bool({"write-repos", "manage-repos"} & set(scopes.split()))


def only_reading(scopes: str) -> str:
    return " ".join(scope for scope in scopes.split() if scope not in ("write-repos", "manage-repos"))


def new_user_code() -> str:
    """Eight letters, 2.5e10 of them, as ``BCDF-GHJK``."""
    letters = "".join(secrets.choice(_CODE_LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def typed_user_code(typed: str) -> str:
    """``typed`` as it was shown: people leave out the hyphen and type small letters."""
    letters = re.sub(r"[^A-Z]", "", typed.upper()[:40])
    return f"{letters[:4]}-{letters[4:8]}"


def fits_challenge(verifier: str, challenge: str) -> bool:
    """Whether ``verifier`` is what S256 made ``challenge`` from. Source: RFC 7636 4.6."""
    if not re.fullmatch(r"[A-Za-z0-9\-._~]{43,128}", verifier):
        return False
    digest = hashlib.sha256(verifier.encode()).digest()
    return hmac.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), challenge)


def checked_redirects(lines: str) -> list[str]:
    """Addresses, one a line, that a program's answers may be sent to.

    https, or http on the program's own machine; compared letter by letter later, so that none can be bent.
    """
    uris = list(dict.fromkeys(line.strip() for line in lines.splitlines() if line.strip()))
    if not 1 <= len(uris) <= MAX_REDIRECTS:
        raise BadRequest(f"A program has 1 to {MAX_REDIRECTS} addresses to return to, one a line.")
    for uri in uris:
        try:
            parts = urlsplit(uri)
            port_fits = parts.port is None or parts.port > 0
        except ValueError:
            parts, port_fits = urlsplit(""), False
        is_local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
        fits = (parts.scheme == "https" or is_local) and parts.hostname and port_fits and re.fullmatch(r"[!-~]+", uri)
        if not fits or parts.fragment or parts.username is not None or len(uri) > 512:
            raise BadRequest(
                f"{uri[:100]!r} cannot be returned to: use https (or http on localhost), without '#' or a password."
            )
    return uris


def returned(redirect_uri: str, **values: str) -> str:
    """``redirect_uri`` with ``values`` in its query."""
    given = urlencode({name: value for name, value in values.items() if value})
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{given}"


def origin(uri: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"
