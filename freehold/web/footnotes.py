"""Footnotes of Markdown: ``[^1]`` in the text, ``[^1]: words`` anywhere; gathered at the end in the order of use."""

import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

#: Of one text, and places that refer to one.
MAX_NOTES, MAX_PLACES = 500, 20
_DEFINITION = re.compile(r"\[\^([^\]\s\[]{1,60})\]:[ \t]*")
_REFERENCE = re.compile(r"\[\^([^\]\s\[]{1,60})\]")


def definition(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """``[^label]: words``, with further paragraphs four spaces in. Only at the outermost level."""
    begin = state.bMarks[start_line] + state.tShift[start_line]
    found = _DEFINITION.match(state.src, begin, state.eMarks[start_line])
    known = state.env.setdefault("footnotes", {})
    if found is None or found[1] in known or len(known) >= MAX_NOTES or state.is_code_block(start_line):
        return False
    if silent or state.level:  # it ends what stands before, at any level
        return silent
    known[found[1]] = 0
    opening = state.push("footnote_open", "", 1)
    opening.meta = {"label": found[1]}
    kept = state.bMarks[start_line], state.tShift[start_line], state.sCount[start_line], state.parentType
    # The line begins after its label, as if it stood as far in as its further paragraphs.
    state.bMarks[start_line], state.tShift[start_line] = found.end(), 0
    state.sCount[start_line] = state.blkIndent + 4
    state.blkIndent += 4
    state.parentType = "footnote"
    state.md.block.tokenize(state, start_line, end_line)
    state.blkIndent -= 4
    state.bMarks[start_line], state.tShift[start_line], state.sCount[start_line], state.parentType = kept
    state.push("footnote_close", "", -1)
    return True


def reference(state: StateInline, silent: bool) -> bool:
    """``[^label]`` of a note that the text has."""
    known: dict[str, int] = state.env.get("footnotes", {})
    if not known or not state.src.startswith("[^", state.pos):
        return False
    found = _REFERENCE.match(state.src, state.pos, state.posMax)
    if found is None or found[1] not in known or known[found[1]] >= MAX_PLACES:
        return False
    if not silent:
        used: list[str] = state.env.setdefault("footnotes_used", [])
        if found[1] not in used:
            used.append(found[1])
        known[found[1]] += 1
        token = state.push("footnote_ref", "", 0)
        token.content = found[0]
        token.meta = {"label": found[1], "number": used.index(found[1]) + 1, "place": known[found[1]]}
    state.pos = found.end()
    return True


def tail(state: StateCore) -> None:
    """The notes that are used stand at the end; the others are not shown."""
    if "footnotes" not in state.env:
        return
    text: list[Token] = []
    notes: dict[str, list[Token]] = {}
    into = text
    for token in state.tokens:
        if token.type == "footnote_open":
            into = notes[token.meta["label"]] = []
        elif token.type == "footnote_close":
            into = text
        else:
            into.append(token)
    used = [label for label in state.env.get("footnotes_used", []) if label in notes]
    if used:
        text.append(Token("footnotes_open", "", 1))
        for label in used:
            text.append(Token("footnote_item_open", "", 1, meta={"label": label}))
            text += _with_way_back(notes[label], label)
            text.append(Token("footnote_item_close", "", -1))
        text.append(Token("footnotes_close", "", -1))
    state.tokens = text


def _with_way_back(tokens: list[Token], label: str) -> Sequence[Token]:
    back = Token("footnote_back", "", 0, meta={"label": label})
    if len(tokens) > 1 and tokens[-1].type == "paragraph_close" and tokens[-2].children is not None:
        tokens[-2].children.append(back)
        return tokens
    return [*tokens, back]


def _ref(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any) -> str:
    meta, mark = tokens[index].meta, env["made"].mark
    label, place = quote(meta["label"]), f"-{meta['place']}" if meta["place"] > 1 else ""
    return (
        f'<sup id="{mark} user-content-fnref-{label}{place}">'
        f'<a href="#fn-{label}" aria-label="{mark} Note {meta["number"]}">{meta["number"]}</a></sup>'
    )


def _open(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any) -> str:
    return f'<div class="{env["made"].mark} footnotes"><ol>\n'


def _close(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any) -> str:
    return "</ol></div>\n"


def _item(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any) -> str:
    return f'<li id="{env["made"].mark} user-content-fn-{quote(tokens[index].meta["label"])}">'


def _item_end(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any) -> str:
    return "</li>\n"


def _back(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any) -> str:
    label, mark = quote(tokens[index].meta["label"]), env["made"].mark
    return f' <a class="{mark} back" href="#fnref-{label}" aria-label="{mark} Back to the text">↩</a>'


RULES: dict[str, Callable[..., str]] = {
    "footnote_ref": _ref,
    "footnotes_open": _open,
    "footnotes_close": _close,
    "footnote_item_open": _item,
    "footnote_item_close": _item_end,
    "footnote_back": _back,
}
