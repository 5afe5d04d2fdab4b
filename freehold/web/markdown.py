"""Markdown of strangers to HTML that is safe to show: rendered by markdown-it, then cut down to a list by nh3.

Cards are hostile input. What passes: text, headings, lists, tables, code, links, and pictures that lie in the hub.
No style, no class but ours, no script, no frame, no address of a scheme other than http, https and mailto. Pictures
from elsewhere become links: a card must not tell another server who reads it.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import count, pairwise
from posixpath import normpath
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from freehold.web import references

#: Longer texts are cut here: rendering takes up to 20 microseconds a character.
MAX_CHARACTERS = 100_000
#: A paragraph with more brackets than this holds no links: looking for their ends takes quadratic time.
MAX_BRACKETS = 1_500
MAX_HEADINGS = 200


@dataclass(frozen=True)
class Links:
    """Where relative addresses of a text lead: ``page_root`` for links, ``file_root`` for pictures, both with a slash.

    ``folder`` is where the text itself lies inside the repository, with a slash at the end or empty.
    """

    page_root: str = ""
    file_root: str = ""
    folder: str = ""


@dataclass(frozen=True)
class Heading:
    level: int
    text: str
    id: str


@dataclass(frozen=True)
class Rendered:
    """Safe HTML, and its headings for a table of contents. ``is_cut``: the text went on past the limit."""

    html: str
    headings: Sequence[Heading] = field(default=())
    is_cut: bool = False


def render(text: str, links: Links = Links(), leads: Mapping[str, str] | None = None) -> Rendered:
    """``text`` as HTML that may stand on one of our pages. Never raises on any text.

    ``leads``: addresses of this hub by the words that refer to them (see ``web.references``); those become links.
    """
    leads = leads or {}
    is_cut = len(text) > MAX_CHARACTERS
    env: dict[str, Any] = {"links": links}
    tokens = _parser().parse(_without_bracket_bombs(text[:MAX_CHARACTERS]), env)
    headings = _mark_headings(tokens)
    references.link(tokens, leads)
    ours = frozenset(leads.values())
    raw = _parser().renderer.render(tokens, _parser().options, env)
    ids = {heading.id for heading in headings}

    def allowed(tag: str, attribute: str, value: str) -> str | None:
        return _attribute(tag, attribute, value, links, ids, ours)

    clean = nh3.clean(
        raw,
        tags=_TAGS,
        clean_content_tags={"script", "style", "template", "noscript", "iframe", "object", "math", "svg"},
        attributes=_ATTRIBUTES,
        attribute_filter=allowed,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener noreferrer",
    )
    return Rendered(_dressed(clean), headings, is_cut)


_TAG_NAMES = """
    a abbr b blockquote br caption center code dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img
    ins kbd li mark ol p pre q s samp small span strong sub summary sup table tbody td tfoot th thead tr u ul var
"""
_TAGS = set(_TAG_NAMES.split())
_ATTRIBUTES = {
    "a": {"href", "title"},
    "abbr": {"title"},
    "code": {"class"},
    "details": {"open"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan", "class"},
    "th": {"colspan", "rowspan", "class", "scope"},
} | {f"h{level}": {"id"} for level in range(1, 7)}


def _attribute(tag: str, attribute: str, value: str, links: Links, ids: set[str], ours: Collection[str]) -> str | None:
    if attribute == "id":
        return value if value in ids else None
    if attribute == "class":
        return value if value == "n" and tag in ("td", "th") else None
    if attribute in ("width", "height"):
        return value if re.fullmatch(r"\d{1,4}", value) else None
    if attribute == "src":
        return _picture_address(value, links)
    if attribute == "href":
        if value in ours:
            return value
        return _link_address(value, links)
    return value


def _link_address(value: str, links: Links) -> str | None:
    """A link of the text as it stands on the page; None: no link at all."""
    if value.startswith("#"):
        return "#user-" + value[1:]
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


def _picture_address(value: str, links: Links) -> str | None:
    parts = _split(value)
    if parts is not None and parts.scheme in ("", "http", "https") and _ATTACHED.fullmatch(parts.path):
        return str(parts.path)
    if parts is None or parts.scheme or parts.netloc or not links.file_root:
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


def _dressed(html: str) -> str:
    """Our classes around what passed. Works on nh3's output, whose spelling of tags is fixed."""
    html = _EMPTY_HEAD.sub("", html)
    numbers = count(1)  # each table is a place of its own to people who listen
    html = html.replace("</table>", "</table></div>").replace("</pre>", "</pre></div>")
    html = html.replace("<pre>", '<div class="code"><pre tabindex="0">')
    return _TABLE.sub(lambda _: _FRAME.format(next(numbers)), html)


#: Markdown has no table without a head, so authors leave it empty.
_EMPTY_HEAD = re.compile(r"<thead>\s*<tr>\s*(?:<th(?: class=\"n\")?></th>\s*)+</tr>\s*</thead>")
_TABLE = re.compile("<table>")
_FRAME = '<div class="table-wrap" tabindex="0" role="region" aria-label="Table {}"><table class="table">'


def _without_bracket_bombs(text: str) -> str:
    if text.count("[") <= MAX_BRACKETS:
        return text
    blocks = re.split(r"(\n[ \t]*\n)", text)
    return "".join(block.replace("[", "&#91;") if block.count("[") > MAX_BRACKETS else block for block in blocks)


# ---- markdown-it -----------------------------------------------------------------------------------------------------


@cache
def _parser() -> MarkdownIt:
    """CommonMark with tables and strike-through; raw HTML passes here and is cut down afterwards."""
    parser = MarkdownIt("commonmark", {"html": True, "maxNesting": 30}).enable(["table", "strikethrough"])
    parser.add_render_rule("image", _image)
    for rule in ("th_open", "td_open"):
        parser.add_render_rule(rule, _cell)
    return parser


def _image(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any) -> str:
    """A picture of the repository, or a link to one that lies elsewhere."""
    token = tokens[index]
    source = str(token.attrGet("src") or "")
    alt = renderer.renderInlineAsText(token.children, options, env)
    token.attrSet("alt", alt)
    if _picture_address(source, env["links"]) is not None:
        return renderer.renderToken(tokens, index, options, env)
    # Inside a link the words alone stay: a link in a link is none.
    return _escaped(alt or "picture")


def _cell(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any) -> str:
    """Alignment as a class: the policy of our pages takes no inline style."""
    token = tokens[index]
    style = str(token.attrs.pop("style", ""))
    if "right" in style:
        token.attrSet("class", "n")
    return renderer.renderToken(tokens, index, options, env)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _mark_headings(tokens: Sequence[Token]) -> list[Heading]:
    """Give headings ids, prefixed so that no card can name an element of ours."""
    headings: list[Heading] = []
    seen: dict[str, int] = {}
    for opening, inline in pairwise(tokens):
        if opening.type != "heading_open" or len(headings) >= MAX_HEADINGS:
            continue
        text = "".join(part.content for part in inline.children or [] if part.type in ("text", "code_inline")).strip()
        slug = re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-")[:80] or "section"
        seen[slug] = seen.get(slug, -1) + 1
        identifier = f"user-{slug}" + (f"-{seen[slug]}" if seen[slug] else "")
        opening.attrSet("id", identifier)
        headings.append(Heading(int(opening.tag[1:]), text, identifier))
    return headings
