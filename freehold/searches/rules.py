"""Saved searches in words. Pure."""

import unicodedata
from collections.abc import Mapping

from freehold.accounts.rules import checked_line
from freehold.searches.errors import BadSearch

#: Of one person.
MAX_SEARCHES = 100
MAX_NAME, MAX_QUERY = 80, 2_000
#: Repositories that a search remembers from the start; one that matches more tells of those alone that are made later.
MAX_KNOWN = 2_000
#: New ones that are counted.
MAX_NEW = 100
KINDS = ("model", "dataset", "space")
#: When it tells by mail, in words.
MAIL: Mapping[str, str] = {"none": "No mail", "soon": "Within minutes", "daily": "Once a day"}


def checked_name(name: str) -> str:
    """As it is kept. Raises ``BadRequest``."""
    line = checked_line(name, "A search's name", most=MAX_NAME, field="name")
    if not line:
        raise BadSearch("A search has a name. Say what you look for.", field="name")
    return line


def name_key(name: str) -> str:
    """What two names of one person may not share."""
    return unicodedata.normalize("NFKC", name).casefold()[:240]


def checked_mail(mail: str) -> str:
    if mail not in MAIL:
        raise BadSearch(f"mail is one of {', '.join(MAIL)}; {mail[:40]!r} is not.", field="mail")
    return mail


def checked_kind(kind: str) -> str:
    if kind not in KINDS:
        raise BadSearch(f"A search is for one of {', '.join(KINDS)}; {kind[:40]!r} is not.", field="kind")
    return kind
