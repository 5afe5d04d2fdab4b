"""Names, passwords and secrets. Pure."""

import base64
import hashlib
import hmac
import re
import secrets

from freehold.accounts.errors import BadName
from freehold.core.errors import BadRequest

#: Names that are, or may become, first segments of the hub's own addresses.
RESERVED = frozenset(
    """
    api admin assets auth avatars blog buckets chat collections datasets docs enterprise favicon.ico health help
    hub inbox jobs join kernels languages lfs login logout me models new notifications oauth openapi.json
    organizations orgs papers pricing resolve robots.txt search settings spaces static tasks uploads user users
    v1 v2 webhooks well-known xet zero-gpu
    """.split()  # noqa: SIM905  # a block of words reads and merges better than a list of strings
)
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?")
TOKEN_PREFIX = "hf_"  # noqa: S105  # clients refuse router inference for tokens that start otherwise (hub-api.md 0.2)
SESSION_COOKIE = "freehold_session"
SCRYPT = {"n": 1 << 14, "r": 8, "p": 1, "maxmem": 64 << 20}


def checked_name(name: str) -> str:
    """``name`` if a person or organisation may be called so; raises :class:`BadName` saying why not."""
    if not NAME.fullmatch(name) or "--" in name or ".." in name or name.endswith(".git"):
        raise BadName(
            f"{name[:100]!r} cannot be a name: use 1 to 96 letters, digits, '-', '_' or '.', starting and ending with "
            "a letter or digit, without '--' or '..'."
        )
    if name.lower() in RESERVED:
        raise BadName(f"{name!r} is kept for the hub itself. Take another name.")
    return name


def new_secret(prefix: str = "") -> str:
    """A fresh secret with 256 random bits, in letters and digits only (people double-click to copy it)."""
    raw = base64.b32encode(secrets.token_bytes(32)).decode().rstrip("=").lower()
    return prefix + raw


def secret_hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def password_hash(password: str) -> str:
    """scrypt with its parameters and salt in the text. Source: OWASP password storage, 2^14 x 8."""
    salt = secrets.token_bytes(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, **SCRYPT)
    return f"scrypt${salt.hex()}${digest.hex()}"


def password_matches(password: str, kept: str | None) -> bool:
    """False also where no password is kept, after the same work, so that timing names nobody."""
    _, salt, digest = (kept or f"scrypt${'00' * 16}${'00' * 64}").split("$")
    made = hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=bytes.fromhex(salt), **SCRYPT)
    return hmac.compare_digest(made.hex(), digest) and kept is not None


def checked_password(password: str) -> str:
    if not 8 <= len(password) <= 1024:
        raise BadRequest("A password has 8 to 1,024 characters.")
    return password
