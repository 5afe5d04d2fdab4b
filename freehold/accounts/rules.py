"""Names, passwords and secrets. Pure."""

import base64
import hashlib
import hmac
import re
import secrets
import unicodedata
from urllib.parse import urlsplit

from freehold.accounts.errors import BadName
from freehold.core.errors import BadRequest

#: Names that are, or may become, first segments of the hub's own addresses.
RESERVED = frozenset(
    """
    about activity admin administrator api arena assets auth avatars batches blog buckets chat choose collections
    compare contact datasets device docs endpoints enterprise evaluations explore favicon.ico freehold git grounding
    health help hf-inference home hub inbox invitations invite jobs join kernels labelling languages leaderboards
    legal lfs login logout me metrics mine models new notifications oauth openapi.json organizations orgs papers
    password people pipelines playground posts pricing privacy raw register resolve resources robots.txt routes scim
    search searches security settings signin signout signup spaces static status support system tasks terms training
    trending trends unsubscribe uploads usage user users v1 v2 webhooks well-known xet zero-gpu
    """.split()  # noqa: SIM905  # a block of words reads and merges better than a list of strings
)
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?")
#: What somebody can be in an organisation, most first.
ROLES = ("admin", "write", "contributor", "read")
MAX_DETAILS = 4000
TOKEN_PREFIX = "hf_"  # noqa: S105  # clients refuse router inference for tokens that start otherwise (hub-api.md 0.2)
EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
SESSION_COOKIE = "freehold_session"
SCRYPT = {"n": 1 << 14, "r": 8, "p": 1, "maxmem": 64 << 20}


def checked_name(name: str) -> str:
    """``name`` if a person or organisation may be called so; raises :class:`BadName` saying why not."""
    if not NAME.fullmatch(name) or "--" in name or ".." in name or name.endswith(".git"):
        raise BadName(
            f"{name[:100]!r} cannot be a name: use 1 to 96 letters, digits, '-', '_' or '.', starting and ending with "
            "a letter or digit, without '--' or '..'.",
            field="name",
        )
    if name.lower() in RESERVED:
        raise BadName(f"{name!r} is kept for the hub itself. Take another name.", field="name")
    return name


def checked_line(text: str, what: str, *, most: int, field: str = "") -> str:
    """``text`` as one line that shows what it says: no line breaks, nothing invisible, nothing that turns it around."""
    line = " ".join(text.split())
    if len(line) > most or any(_hides(character) for character in line):
        raise BadRequest(
            f"{what} has at most {most} characters, all of them visible and in reading order.", field=field
        )
    return line


def checked_details(text: str) -> str:
    """Several lines of plain text."""
    lines = text.replace("\r\n", "\n").strip()
    if len(lines) > MAX_DETAILS or any(_hides(character) for character in lines if character not in "\n\t"):
        raise BadRequest(f"A description has at most {MAX_DETAILS} characters, all of them visible.", field="details")
    return lines


def checked_website(address: str) -> str:
    """An address that a link may lead to, or nothing."""
    address = address.strip()
    try:
        parts = urlsplit(address)
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.username is None
    except ValueError:
        fits = False
    if address and (not fits or len(address) > 512 or not address.isprintable() or " " in address):
        raise BadRequest(
            "A website is an address such as https://example.org, 512 characters at most.", field="website"
        )
    return address


def checked_email(address: str) -> str:
    """A mail address as far as its looks go; only a message that was read proves more."""
    address = address.strip()
    if len(address) > 320 or not EMAIL.fullmatch(address):
        raise BadRequest(f"{address[:80]!r} is not a mail address, such as ann@example.org.", field="email")
    return address


def _hides(character: str) -> bool:
    """Controls, and the marks that turn text around or take no room: names would look like other names."""
    # The joiners are letters' own business in Persian, Hindi and emoji.
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and character not in "\u200c\u200d"


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
        raise BadRequest("A password has 8 to 1,024 characters.", field="password")
    return password


#: How browsers and systems call themselves, the more particular first: each also carries the names of older ones.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi", "Vivaldi"),
    ("SamsungBrowser", "Samsung Internet"),
    ("FxiOS", "Firefox"),
    ("Firefox", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chromium", "Chromium"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("BSD", "BSD"),
    ("Linux", "Linux"),
)


def browser_words(agent: str) -> str:
    """What a browser says it is, in words: ``Firefox on Linux``; else how it calls itself, in short."""
    browser = next((words for sign, words in _BROWSERS if sign in agent), "")
    system = next((words for sign, words in _SYSTEMS if sign in agent), "")
    if browser:
        return f"{browser} on {system}" if system else browser
    return agent[:60] or "A browser that does not say what it is"
