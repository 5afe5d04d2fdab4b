"""Formulas of LaTeX as MathML, which browsers draw themselves.

The work is done in a process apart (``web.apart``). What comes back is written out anew here, by a list of elements and
attributes, so that whatever the converter lets through, no link, style or script is in it.
"""

import re
from html import escape, unescape
from typing import Any

from freehold.web.apart import Purse, drawn

#: Longer ones are shown as they are written.
MAX_CHARACTERS = 2_000
#: How deep the braces of one may lie in each other.
MAX_DEPTH = 30
MAX_ELEMENTS = 5_000

_NAMES = """
    math menclose merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace msqrt
    mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none
"""
ELEMENTS = frozenset(_NAMES.split())
#: An attribute and what its value must match. Lengths are small: a formula stays where it is.
_LENGTH = r"-?[0-9]{0,2}(\.[0-9]{1,4})?(em|ex|px|pt|mu|cm|mm|in|%)?"
_WORD = r"[a-z-]{1,30}( [a-z-]{1,30}){0,20}"
ATTRIBUTES = {
    "display": r"block|inline",
    "mathvariant": _WORD,
    "mathcolor": r"[a-z]{1,20}|#[0-9a-fA-F]{3,8}",
    "columnalign": _WORD,
    "notation": _WORD,
    "form": _WORD,
    "rowspacing": _LENGTH,
    "columnspacing": _LENGTH,
    "linethickness": _LENGTH,
    "lspace": _LENGTH,
    "rspace": _LENGTH,
    "width": _LENGTH,
    "minsize": _LENGTH,
    "maxsize": _LENGTH,
    "scriptlevel": r"[+-]?[0-3]",
} | dict.fromkeys(
    (
        "stretchy",
        "fence",
        "separator",
        "accent",
        "accentunder",
        "displaystyle",
        "symmetric",
        "largeop",
        "movablelimits",
    ),
    r"true|false",
)
_KNOWN = {name: re.compile(pattern) for name, pattern in ATTRIBUTES.items()}


def mathml(text: str, *, is_block: bool, purse: Purse | None = None) -> str | None:
    """``text`` as one safe ``<math>`` element; None where it is no formula that we can draw. Raises nothing."""
    if not text.strip() or len(text) > MAX_CHARACTERS or _depth(text) > MAX_DEPTH:
        return None
    told = drawn.ask("formula", text.strip(), "block" if is_block else "inline", purse=purse)
    try:
        parts: list[str] = []
        _write(told, parts)
    except (TypeError, ValueError, RecursionError):
        return None
    return "".join(parts) if told[0] == "math" else None


def _write(told: Any, parts: list[str]) -> None:
    """Raises ValueError for what is not on the list, and for a macro that the converter did not know."""
    tag, attributes, text, children = told
    text = unescape(text)  # the converter writes signs as entities
    if tag not in ELEMENTS or len(parts) > MAX_ELEMENTS or (text.startswith("\\") and len(text) > 1):
        raise ValueError(tag)
    kept = ((name, str(value)) for name, value in attributes.items() if name in _KNOWN)
    said = "".join(f' {name}="{value}"' for name, value in kept if _KNOWN[name].fullmatch(value))
    parts.append(f"<{tag}{said}>{escape(text)}")
    for before, child in zip([None, *children], children, strict=False):
        if before is not None and tag == "mrow" and _stand_apart(before, child):
            parts.append('<mspace width="0.167em"></mspace>')
        _write(child, parts)
    parts.append(f"</{tag}>")


def _stand_apart(left: Any, right: Any) -> bool:
    """Whether a name such as ``log`` stands beside a letter, where TeX leaves a thin space."""
    return (_is_name(left) and right[0] != "mo") or (_is_name(right) and left[0] not in ("mo", "mspace"))


def _is_name(told: Any) -> bool:
    while told[0] in ("msub", "msup", "munder") and told[3]:
        told = told[3][0]
    return told[0] == "mi" and len(told[2]) > 1 and told[2].isalpha()


def _depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        depth += (character == "{") - (character == "}")
        deepest = max(deepest, depth)
    return max(deepest, text.count("\\left"), text.count("\\begin"))
