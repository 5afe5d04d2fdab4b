"""Markdown of strangers to HTML that is safe to show, in three steps.

``web.dialect`` reads it, nh3 cuts it down to a list of tags, ``web.dressing`` puts our own around what is left. Cards
are hostile input. What passes: text, headings, lists, tables, code, formulas, links, and pictures that lie in the hub.
No style, no class but ours, no script, no frame, no address of a scheme other than http, https and mailto. Pictures
from elsewhere become links: a card must not tell another server who reads it.
"""

import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from posixpath import normpath
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import nh3

from freehold.web import references
from freehold.web.dialect import ID, Heading, Made, mark_headings, parser
from freehold.web.dressing import dressed

__all__ = ["Heading", "Links", "Rendered", "render"]

#: Longer texts are cut here: rendering takes up to 10 microseconds a character.
MAX_CHARACTERS = 100_000
#: A paragraph with more brackets than this holds no links: looking for their ends takes quadratic time.
MAX_BRACKETS = 800
#: Of all paragraphs of a text, each with the square of its brackets.
MAX_BRACKET_PAIRS = 20 * MAX_BRACKETS**2


@dataclass(frozen=True)
class Links:
    """Where relative addresses of a text lead: ``page_root`` for links, ``file_root`` for pictures, both with a slash.

    ``folder`` is where the text itself lies inside the repository, with a slash at the end or empty.
    """

    page_root: str = ""
    file_root: str = ""
    folder: str = ""


@dataclass(frozen=True)
class Rendered:
    """Safe HTML, and its headings for a table of contents. ``is_cut``: the text went on past a limit."""

    html: str
    headings: Sequence[Heading] = field(default=())
    is_cut: bool = False


def render(text: str, links: Links = Links(), leads: Mapping[str, str] | None = None) -> Rendered:
    """``text`` as HTML that may stand on one of our pages. Never raises on any text.

    ``leads``: addresses of this hub by the words that refer to them (see ``web.references``); those become links.
    """
    leads = leads or {}
    made = Made(secrets.token_hex(8))
    env: dict[str, Any] = {"made": made}
    tokens = parser().parse(_without_bracket_bombs(text[:MAX_CHARACTERS]), env)
    headings = mark_headings(tokens, made.mark)
    references.link(tokens, leads)
    ours = frozenset(leads.values())
    raw = parser().renderer.render(tokens, parser().options, env)

    def allowed(tag: str, attribute: str, value: str) -> str | None:
        return _attribute(tag, attribute, value, links, made.mark, ours)

    clean = nh3.clean(
        raw,
        tags=_TAGS,
        clean_content_tags={"script", "style", "template", "noscript", "iframe", "object", "math", "svg"},
        attributes=_ATTRIBUTES,
        attribute_filter=allowed,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener noreferrer",
    )
    return Rendered(dressed(clean, made), headings, made.is_cut or len(text) > MAX_CHARACTERS)


_TAG_NAMES = """
    a abbr b blockquote br caption center code dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img
    ins kbd li mark ol p pre q s samp small span strong sub summary sup table tbody td tfoot th thead tr u ul var
"""
_TAGS = set(_TAG_NAMES.split())
_ATTRIBUTES = {
    "a": {"href", "title", "class", "id", "name", "aria-label"},
    "abbr": {"title"},
    "details": {"open"},
    "div": {"align", "class", "dir", "id"},
    "img": {"src", "alt", "title", "width", "height", "align"},
    "li": {"class", "id"},
    "ol": {"start"},
    "p": {"align", "class", "dir", "id"},
    "span": {"class", "dir", "id"},
    "sup": {"id"},
    "td": {"colspan", "rowspan", "class", "align", "width"},
    "th": {"colspan", "rowspan", "class", "align", "width", "scope"},
    "tr": {"align"},
} | {f"h{level}": {"align", "dir", "id"} for level in range(1, 7)}
#: Attributes whose values come from a few, by what they must match.
_VALUES = {
    "align": re.compile(r"left|right|center|justify|top|middle|bottom"),
    "colspan": re.compile(r"\d{1,3}"),
    "dir": re.compile(r"ltr|rtl|auto"),
    "height": re.compile(r"\d{1,4}(?:px)?"),
    "rowspan": re.compile(r"\d{1,4}"),
    "scope": re.compile(r"row|col|rowgroup|colgroup"),
    "start": re.compile(r"\d{1,9}"),
    "width": re.compile(r"\d{1,4}(?:px)?|(?:\d{1,2}|100)%"),
}
_ANCHOR = re.compile(r"[\w.:-]{1,100}")


def _attribute(tag: str, attribute: str, value: str, links: Links, mark: str, ours: Collection[str]) -> str | None:
    """The value that an attribute keeps; None: it goes. Only what we made ourselves bears the mark."""
    if value.startswith(f"{mark} "):
        return value.removeprefix(f"{mark} ") if attribute in ("class", "id", "aria-label") else None
    if mark in value or attribute in ("class", "aria-label"):
        return None
    if attribute in ("id", "name"):
        return ID + value if _ANCHOR.fullmatch(value) else None
    if attribute in _VALUES:
        plain = value.strip().lower()
        return plain if _VALUES[attribute].fullmatch(plain) else None
    if attribute == "src":
        return _picture_address(value, links, mark)
    if attribute == "href":
        return value if value in ours else _link_address(value, links)
    return value


def _link_address(value: str, links: Links) -> str | None:
    """A link of the text as it stands on the page; None: no link at all."""
    if value.startswith("#"):
        return f"#{ID}" + value[1:].removeprefix(ID)
    parts = _split(value)
    if parts is None:
        return None
    if parts.scheme or parts.netloc:
        return value if parts.scheme in ("http", "https", "mailto") else None
    path = _inside(parts.path, links)
    if path is None or not links.page_root:
        return None
    tail = f"#{parts.fragment}" if parts.fragment else ""
    return links.page_root + quote(path) + tail


#: A picture attached to a comment, at whatever host the hub is called by. Shown from here: nothing foreign is asked.
_ATTACHED = re.compile(r"/uploads/[0-9a-f]{32}\.(?:png|jpg|gif|webp)")


def _picture_address(value: str, links: Links, mark: str) -> str | None:
    """Where a picture lies in the hub; its whole address after the mark, when it lies elsewhere."""
    parts = _split(value)
    if parts is None:
        return None
    if parts.scheme in ("", "http", "https") and _ATTACHED.fullmatch(parts.path):
        return str(parts.path)
    if parts.scheme in ("http", "https") and parts.netloc:
        return f"{mark} {value.strip()}"
    if parts.scheme or parts.netloc or not links.file_root:
        return None
    path = _inside(parts.path, links)
    return None if path is None else links.file_root + quote(path)


def _split(value: str) -> Any:
    try:
        return urlsplit(value.strip())
    except ValueError:
        return None


def _inside(path: str, links: Links) -> str | None:
    """A relative path as a path from the repository's root; None when it leaves the repository."""
    path = unquote(path)
    if not path or "\\" in path or "\x00" in path:
        return None
    joined = path.lstrip("/") if path.startswith("/") else links.folder + path
    whole = normpath(joined)
    return None if whole in (".", "..") or whole.startswith("../") else whole


def _without_bracket_bombs(text: str) -> str:
    """``text`` with its brackets as plain signs from the paragraph on where looking for their ends is too much work."""
    if text.count("[") <= MAX_BRACKETS:
        return text
    blocks, left = re.split(r"(\n[ \t]*\n)", text), MAX_BRACKET_PAIRS
    for at, block in enumerate(blocks):
        count = block.count("[")
        if count > MAX_BRACKETS or count * count > left:
            blocks[at] = block.replace("[", "&#91;")
        else:
            left -= count * count
    return "".join(blocks)
