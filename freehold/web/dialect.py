"""The Markdown of cards: CommonMark, GitHub's tables, task lists, footnotes, admonitions and addresses, and formulas.

What is ours in the HTML made here carries a *mark*, a random word that no author can know: as the first word of a
class, an id or a label (``<div class="MARK notice">``), or in place of what is put in after sanitising
(``<pre>MARK-code-3;</pre>``). ``web.markdown`` lets these through and takes the mark away.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block import table as read_table
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from freehold.web import footnotes, formulas, references

MAX_HEADINGS = 200
MAX_FORMULA_LINES = 100
#: Of all tables of a text; what goes on after them is left out. Rows that lack cells get empty ones, so that two
#: characters may be a row of hundreds.
MAX_CELLS = 20_000
#: What ids of a text begin with, so that no card can name an element of ours.
ID = "user-content-"


@dataclass(frozen=True)
class Heading:
    level: int
    text: str
    id: str


@dataclass
class Made:
    """What a text holds besides its HTML. ``codes``: language and text; ``formulas``: source, and whether a block.

    ``cells``: of its tables so far, once they are read; ``is_cut``: rows were left out.
    """

    mark: str
    cells: int = 0
    is_cut: bool = False
    codes: list[tuple[str, str]] = field(default_factory=list)
    formulas: list[tuple[str, str, bool]] = field(default_factory=list)

    def code(self, language: str, text: str) -> str:
        self.codes.append((language, text))
        return f"<pre>{self.mark}-code-{len(self.codes) - 1};</pre>\n"

    def formula(self, text: str, source: str, is_block: bool) -> str:
        self.formulas.append((text, source, is_block))
        return f"{self.mark}-formula-{len(self.formulas) - 1};"


@cache
def parser() -> MarkdownIt:
    """The one parser; raw HTML passes here and is cut down afterwards."""
    made = MarkdownIt("commonmark", {"html": True, "maxNesting": 30}).enable(["table", "strikethrough"])
    made.block.ruler.before(
        "fence", "formula", _formula_block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    made.block.ruler.before("reference", "footnote", footnotes.definition, {"alt": ["paragraph", "reference"]})
    made.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    made.inline.ruler.before("escape", "formula", _formula_inline)
    made.inline.ruler.before("link", "footnote", footnotes.reference)
    made.core.ruler.after("block", "admonitions", _admonitions)
    made.core.ruler.after("block", "tasks", _tasks)
    made.core.ruler.push("footnotes", footnotes.tail)
    made.core.ruler.push("addresses", _addresses)
    for name, rule in _RULES.items():
        made.add_render_rule(name, rule)
    return made


def mark_headings(tokens: Sequence[Token], mark: str) -> list[Heading]:
    """Give headings ids and a link to themselves."""
    headings: list[Heading] = []
    seen: dict[str, int] = {}
    last: Heading | None = None
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_close" and last is not None:
            opening.meta["heading"], last = last, None
        if opening.type != "heading_open" or len(headings) >= MAX_HEADINGS:
            continue
        said = (part.content for part in inline.children or [] if part.type in ("text", "code_inline", "formula"))
        text = "".join(said).strip()
        slug = re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-")[:80] or "section"
        seen[slug] = seen.get(slug, -1) + 1
        identifier = f"{ID}{slug}" + (f"-{seen[slug]}" if seen[slug] else "")
        opening.attrSet("id", f"{mark} {identifier}")
        last = Heading(int(opening.tag[1:]), text, identifier)
        headings.append(last)
    if last is not None and tokens[-1].type == "heading_close":
        tokens[-1].meta["heading"] = last
    return headings


# ---- formulas --------------------------------------------------------------------------------------------------------

#: How a formula begins, and how it ends. Two backslashes are how the public hub's cards write them.
_BLOCKS = (("$$", "$$"), ("\\\\[", "\\\\]"), ("\\[", "\\]"))
_INLINES = (("$$", "$$"), ("\\\\(", "\\\\)"), ("\\\\[", "\\\\]"), ("\\(", "\\)"))
_SIGNS = re.compile(r"[\\^_=<>+*/|]")
_LETTERS = re.compile(r"\s*[A-Za-z0-9]{1,3}\s*")


def _formula_block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """A formula with lines of its own, from ``$$`` to ``$$`` without an empty line."""
    if state.is_code_block(start_line):
        return False
    begin = state.bMarks[start_line] + state.tShift[start_line]
    found = next((pair for pair in _BLOCKS if state.src.startswith(pair[0], begin)), None)
    if found is None:
        return False
    opening, closing = found
    lines: list[str] = [state.src[begin + len(opening) : state.eMarks[start_line]].rstrip()]
    line = start_line
    while not (lines[-1].endswith(closing) and not (line == start_line and len(lines[-1]) < len(closing))):
        line += 1
        if line >= end_line or state.isEmpty(line) or state.sCount[line] < state.blkIndent:
            return False
        if line - start_line > MAX_FORMULA_LINES:
            return False
        lines.append(state.src[state.bMarks[line] : state.eMarks[line]].strip())
    text = "\n".join(lines)[: -len(closing)]
    if closing in text or not text.strip() or len(text) > formulas.MAX_CHARACTERS:
        return False
    if opening == "\\[" and not _SIGNS.search(text):  # [1] is a citation
        return False
    if not silent:
        _formula(state.push("formula_block", "", 0), text, opening, closing, is_block=True)
        state.line = line + 1
    return True


def _formula_inline(state: StateInline, silent: bool) -> bool:
    begin, most = state.pos, formulas.MAX_CHARACTERS
    if state.src[begin] not in "$\\":
        return False
    for opening, closing in _INLINES:
        if state.src.startswith(opening, begin):
            inside = begin + len(opening)
            end = state.src.find(closing, inside, min(state.posMax, inside + most))
            text = state.src[inside:end]
            # One backslash also keeps a bracket from meaning anything: then what is inside looks like words.
            is_meant = opening != "\\(" or _SIGNS.search(text) or _LETTERS.fullmatch(text)
            if end > inside and text.strip() and is_meant:
                return _push_formula(state, text, opening, closing, silent)
            return False
    return state.src[begin] == "$" and _formula_in_dollars(state, silent)


def _formula_in_dollars(state: StateInline, silent: bool) -> bool:
    """``$x$``, but not ``$5 and $6``: no space inside at either end, no letter or figure outside."""
    source, begin = state.src, state.pos
    if begin and (source[begin - 1].isalnum() or source[begin - 1] in "$\\"):
        return False
    end = source.find("$", begin + 1, min(state.posMax, begin + 1 + formulas.MAX_CHARACTERS))
    while end > 0 and source[end - 1] == "\\":
        end = source.find("$", end + 1, min(state.posMax, begin + 1 + formulas.MAX_CHARACTERS))
    text = source[begin + 1 : end]
    if end < 0 or not text or text[0].isspace() or text[-1].isspace() or source[end + 1 : end + 2].isalnum():
        return False
    return _push_formula(state, text, "$", "$", silent)


def _push_formula(state: StateInline, text: str, opening: str, closing: str, silent: bool) -> bool:
    if not silent:
        _formula(state.push("formula", "", 0), text, opening, closing, is_block=opening in ("$$", "\\\\["))
    state.pos += len(opening) + len(text) + len(closing)
    return True


def _formula(token: Token, text: str, opening: str, closing: str, *, is_block: bool) -> None:
    token.content = f"{opening}{text}{closing}"
    # GitHub also takes $`x`$.
    quoted = len(text) > 2 and text[0] == text[-1] == "`"
    token.meta = {"formula": text[1:-1] if quoted else text, "is_block": is_block}


# ---- tables ----------------------------------------------------------------------------------------------------------


def _table(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """A table as the library reads it, as far as the text may still have cells; its other rows are left out."""
    if silent:
        return read_table(state, start_line, end_line, True)
    made: Made = state.env["made"]
    columns = state.src.count("|", state.bMarks[start_line], state.eMarks[start_line]) + 1
    rows = (MAX_CELLS - made.cells) // columns - 1  # one is the head
    last_line = start_line + 2 + max(rows, 0)
    if not read_table(state, start_line, min(end_line, last_line), False):
        return False
    made.cells += columns * (state.line - start_line - 1)
    if state.line == last_line < end_line:
        while state.line < end_line and not state.isEmpty(state.line):
            state.line, made.is_cut = state.line + 1, True
    return True


# ---- admonitions, tasks, addresses -----------------------------------------------------------------------------------

_ADMONITION = re.compile(r"\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\][ \t]*(?:\n|$)", re.IGNORECASE)
_TASK = re.compile(r"\[([ xX])\][ \t]+(?=\S)")


def _admonitions(state: StateCore) -> None:
    """A quotation that begins with ``[!NOTE]`` is a notice."""
    ends: list[Token] = []  # of the quotations that are open: the opening token of each
    for at, token in enumerate(state.tokens):
        if token.type == "blockquote_open":
            ends.append(token)
            inline = state.tokens[at + 2] if len(state.tokens) > at + 2 else token
            found = _ADMONITION.match(inline.content) if inline.type == "inline" else None
            if found and state.tokens[at + 1].type == "paragraph_open":
                token.meta["admonition"] = found[1].lower()
                inline.content = inline.content[found.end() :]
                if not inline.content.strip():
                    for hidden in state.tokens[at + 1 : at + 4]:
                        hidden.hidden, hidden.content = True, ""
        elif token.type == "blockquote_close" and ends:
            token.meta = dict(ends.pop().meta)


def _tasks(state: StateCore) -> None:
    """``- [x]`` is something done."""
    for opening, paragraph, inline in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        if (opening.type, paragraph.type, inline.type) != ("list_item_open", "paragraph_open", "inline"):
            continue
        found = _TASK.match(inline.content)
        if found:
            opening.meta["task"] = paragraph.meta["task"] = "open" if found[1] == " " else "done"
            inline.content = inline.content[found.end() :]
            inline.meta["task"] = opening.meta["task"]


#: An address that somebody wrote out, without what closes the sentence.
_ADDRESS = re.compile(r"(?<![\w@/.:])(?:https?://|www\.)[^\s<>\"]{2,2000}", re.IGNORECASE)


def _addresses(state: StateCore) -> None:
    for token in state.tokens:
        if token.type == "inline" and token.children and _ADDRESS.search(token.content):
            token.children = references.outside_links(token.children, _with_addresses)


def _with_addresses(text: Token) -> Iterator[Token]:
    at = 0
    for found in _ADDRESS.finditer(text.content):
        address = _without_end(found[0])
        yield Token("text", "", 0, content=text.content[at : found.start()])
        whole = address if "://" in address[:8] else f"http://{address}"
        yield Token("link_open", "a", 1, attrs={"href": whole})
        yield Token("text", "", 0, content=address)
        yield Token("link_close", "a", -1)
        at = found.start() + len(address)
    yield Token("text", "", 0, content=text.content[at:])


def _without_end(address: str) -> str:
    """Source: GitHub Flavored Markdown 6.9: marks at the end, and a bracket that nothing opens, are the sentence's."""
    while address and (
        address[-1] in "?!.,:*_~'\"];" or (address[-1] == ")" and address.count(")") > address.count("("))
    ):
        address = address[:-1]
    return address


# ---- HTML ------------------------------------------------------------------------------------------------------------


def _fence(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any) -> str:
    token, made = tokens[index], env["made"]
    words = token.info.split(maxsplit=1)
    language = re.sub(r"^[{.]+|[}:,].*$", "", words[0])[:40] if words else ""
    if language == "math":
        return f"<div>{made.formula(token.content, token.content, True)}</div>\n"
    return str(made.code(language, token.content))


def _formula_html(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any) -> str:
    token = tokens[index]
    place = env["made"].formula(token.meta["formula"], token.content, token.meta["is_block"])
    return f"<div>{place}</div>\n" if token.type == "formula_block" else str(place)


def _image(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any) -> str:
    token = tokens[index]
    token.attrSet("alt", _words(token.children or ()))
    return str(renderer.renderToken(tokens, index, options, env))


def _words(tokens: Sequence[Token]) -> str:
    return "".join(
        _words(token.children or ()) if token.type == "image" else "\n" if "break" in token.type else token.content
        for token in tokens
        if token.type in ("text", "text_special", "code_inline", "formula", "image", "softbreak", "hardbreak")
    )


def _cell(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any) -> str:
    """Alignment as ours: the policy of our pages takes no inline style."""
    token = tokens[index]
    style = str(token.attrs.pop("style", ""))
    if "right" in style:
        token.attrSet("class", f"{env['made'].mark} n")
    elif "center" in style:
        token.attrSet("align", "center")
    return str(renderer.renderToken(tokens, index, options, env))


def _heading_end(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any) -> str:
    token, mark = tokens[index], env["made"].mark
    heading = token.meta.get("heading")
    end = f"</{token.tag}>\n"
    if heading is None:
        return end
    label = escaped(f"{mark} Link to “{heading.text[:80]}”" if heading.text else f"{mark} Link to this heading")
    address = escaped(f"#{heading.id.removeprefix(ID)}")
    return f' <a class="{mark} anchor" href="{address}" aria-label="{label}">#</a>{end}'


#: How each kind of notice looks, and its picture.
_NOTICES = {
    "note": ("info", "info"),
    "tip": ("done", "check"),
    "important": ("info", "bookmark"),
    "warning": ("warn", "warning"),
    "caution": ("danger", "error"),
}


def _quotation(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any) -> str:
    token, mark = tokens[index], env["made"].mark
    kind = token.meta.get("admonition")
    if not kind:
        return "<blockquote>\n" if token.nesting > 0 else "</blockquote>\n"
    if token.nesting < 0:
        return "</div></div>\n"
    look, icon = _NOTICES[kind]
    title = f'<p class="{mark} notice-title">{kind.capitalize()}</p>'
    return f'<div class="{mark} notice is-{look}">{mark}-icon-{icon};<div>{title}\n'


def _item(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any) -> str:
    token, mark = tokens[index], env["made"].mark
    return (
        f'<li class="{mark} task">' if "task" in token.meta else str(renderer.renderToken(tokens, index, options, env))
    )


def _paragraph(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any) -> str:
    token, mark = tokens[index], env["made"].mark
    opening = str(renderer.renderToken(tokens, index, options, env))
    task = token.meta.get("task")
    if not task:
        return opening
    return f'{opening}<span class="{mark} box is-{task}"></span><span class="{mark} sr">{task}: </span>'


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


_RULES = {
    "fence": _fence,
    "code_block": _fence,
    "formula": _formula_html,
    "formula_block": _formula_html,
    "image": _image,
    "th_open": _cell,
    "td_open": _cell,
    "heading_close": _heading_end,
    "blockquote_open": _quotation,
    "blockquote_close": _quotation,
    "list_item_open": _item,
    "paragraph_open": _paragraph,
    **footnotes.RULES,
}
