"""Pure decisions: titles and their slugs, notes, and what order a move leaves."""

import re
import unicodedata
from collections.abc import Sequence

from freehold.community.errors import BadItem, BadText

MAX_TITLE_CHARS = 120
MAX_DESCRIPTION_CHARS = 1_000
MAX_NOTE_CHARS = 1_000
MAX_SLUG_CHARS = 80
#: A collection is read whole, and told whole with every item added.
MAX_ITEMS = 1_000
MAX_COLLECTIONS = 1_000
#: How many items of each collection a list shows. Source: huggingface_hub, ``list_collections``.
LISTED_ITEMS = 4
PAGE, MAX_PAGE = 100, 1_000
TRENDING_DAYS = 30
#: Last changed collections of the hub whose titles are looked through.
MAX_SEARCHED = 20_000
#: Source: huggingface.js, ``ApiCollectionInfo``.
THEMES = ("green", "orange", "blue", "purple", "pink", "indigo")
_KIND_OF_FIRST = {
    "models": "model",
    "datasets": "dataset",
    "spaces": "space",
    "kernels": "kernel",
    "collections": "collection",
}
SORTS = ("lastModified", "trending", "upvotes")
ID = re.compile(r"(?:^|[-/])([0-9a-f]{24})$")
PAPER = re.compile(r"\d{4}\.\d{4,5}")
#: Marks that turn the order of what follows, in a list of other people's words too. Source: Unicode UAX 9, 2.1 to 2.4.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")


def checked_title(title: str) -> str:
    """``title`` on one line, trimmed; raises :class:`BadText`."""
    plain = "".join(" " if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") else char for char in title)
    title = " ".join(_TURNING.sub("", plain).split())
    if not 1 <= len(title) <= MAX_TITLE_CHARS:
        raise BadText(f"A title has 1 to {MAX_TITLE_CHARS} characters; this one has {len(title)}.")
    return title


def checked_description(text: str) -> str:
    return _checked_text(text, "A description", MAX_DESCRIPTION_CHARS)


def checked_note(text: str) -> str:
    return _checked_text(text, "A note", MAX_NOTE_CHARS)


def _checked_text(text: str, what: str, most: int) -> str:
    """``text`` without what no database keeps and no page should obey; raises :class:`BadText` when it is too long."""
    plain = "".join(char for char in text if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs"))
    plain = _TURNING.sub("", plain).strip()
    if len(plain) > most:
        raise BadText(f"{what} has up to {most} characters; this one has {len(plain)}.")
    return plain


def checked_theme(theme: str) -> str:
    if theme not in THEMES:
        raise BadText(f"{theme[:40]!r} is not a theme; use {', '.join(THEMES)}.")
    return theme


def checked_paper(number: str) -> str:
    """An arXiv number without its version; raises :class:`BadItem`."""
    number = re.sub(r"v\d{1,3}$", "", number)
    if not PAPER.fullmatch(number):
        raise BadItem(f"{number[:40]!r} is not a paper's arXiv number, such as 2307.09288.")
    return number


def slug(owner: str, title: str, identifier: str) -> str:
    """``owner/words-of-the-title-<id>``. Source: protocol/hub-api.md 9."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_SLUG_CHARS].strip("-")
    return f"{owner}/{words or 'collection'}-{identifier}"


def id_of(slug: str) -> str | None:
    """The id at the end of a slug, whatever title it was made from."""
    found = ID.search(slug)
    return found[1] if found else None


def moved(order: Sequence[str], seen: Sequence[str], item: str, position: int) -> list[str]:
    """``order`` with ``item`` at ``position`` (from 0) among those that are ``seen``; past the end means last.

    Whoever moves may not see all that stands there, so the unseen keep their places before the seen one they precede.
    """
    others = [each for each in seen if each != item]
    rest = [each for each in order if each != item]
    if position < len(others):
        at = rest.index(others[position])
    else:
        at = rest.index(others[-1]) + 1 if others else len(rest)
    return [*rest[:at], item, *rest[at:]]


def item_of(text: str) -> tuple[str, str]:
    """Type and name of what somebody typed or pasted: an address of this hub, ``datasets/ns/name``, an arXiv number.

    A name alone means a model, as in addresses. What it names may not be there: that is for the verb to say.
    """
    text = re.sub(r"^https?://[^/]*/", "", text.strip()).strip("/").split("?")[0].split("#")[0]
    paper = re.sub(r"^(?:papers/|abs/|pdf/|arxiv:)", "", text.lower())
    if PAPER.match(paper):
        return "paper", paper
    first, _, rest = text.partition("/")
    kind = _KIND_OF_FIRST.get(first)
    name = rest if kind else text
    return kind or "model", "/".join(name.split("/")[:2])
