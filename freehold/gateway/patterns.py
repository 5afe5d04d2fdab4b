"""Patterns of a schema that an answer of a chat is bound to, in the words that llama.cpp keeps. Pure.

What it does not know of a pattern, even a ``\\d``, it leaves out unseen, and the answer is bound to no pattern at all.
Here such words are put into those that it knows, or the call is refused. Source: JSON Schema, ``pattern``; ECMA-262,
patterns; seen of xllamacpp 2026.10.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from freehold.engines import llama
from freehold.gateway.rules import Wish
from freehold.inference.errors import NotAble
from freehold.pipelines.rules import AnyPlan, leaves

#: What stands in no text of JSON as it is: quotes, backslashes, and what is below a space. llama.cpp writes what fits a
#: pattern between two quotes as it fits, and an answer with one of these would be none.
_NEVER = '"\\\\\\x00-\\x1f'
_NEVER_SPANS = ((0x00, 0x1F), (0x22, 0x22), (0x5C, 0x5C))
_ANY = f"[^{_NEVER}]*"
_OUTSIDE = {"d": "[0-9]", "w": "[A-Za-z0-9_]", "s": " "} | {
    "D": f"[^{_NEVER}0-9]", "W": f"[^{_NEVER}A-Za-z0-9_]", "S": f"[^{_NEVER} ]"
}  # fmt: skip
_WITHIN = {"d": "0-9", "w": "A-Za-z0-9_", "s": " "}
_CONTROLS = {"t": 0x09, "n": 0x0A, "v": 0x0B, "f": 0x0C, "r": 0x0D}
_DIGITS = {"x": 2, "u": 4}
#: Escapes that are kept as they are.
_KEPT, _KEPT_WITHIN = frozenset('tnrfvxu.*+?()[]{}|$^-"\\'), frozenset('tnrfvxu[]-"\\')
#: Forms of a text that it does not know, as the usual ones of them look. It knows date, time, date-time and uuid.
_FORMATS = {
    "email": r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$",
    "hostname": r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$",
    "ipv4": r"^(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])){3}$",
    "uri": r"^[a-z][a-z0-9+.-]*://[A-Za-z0-9._~:/?#@!$&()*+,;=%-]+$",
    "duration": r"^P([0-9]+W|[0-9]+D(T[0-9]+[HMS])?|T([0-9]+H([0-9]+M)?([0-9]+S)?|[0-9]+M([0-9]+S)?|[0-9]+S))$",
}
#: Of a schema, what holds values and not schemas.
_VALUES = frozenset({"enum", "const", "default", "examples"})


class Unknown(Exception):
    """What llama.cpp has no words for."""


def fitted(plan: AnyPlan, wish: Wish) -> Wish:
    """``wish`` with the patterns of its form, and of its tools, as the engine behind ``plan`` keeps them. Raises
    :class:`NotAble` for those of its form that it does not; what a tool is called with need not fit."""
    form, tools = wish.body.get("response_format"), wish.body.get("tools")
    told = form.get("json_schema") if isinstance(form, Mapping) else None
    if wish.path != "chat/completions" or not (told or tools):
        return wish
    if any(target.engine != llama.NAME for target in leaves(plan)):
        return wish
    changed: dict[str, Any] = {"tools": [_plain_tool(one) for one in tools]} if tools else {}
    if isinstance(form, Mapping) and isinstance(told, Mapping):
        try:
            changed["response_format"] = {**form, "json_schema": {**told, "schema": _plain_schema(told.get("schema"))}}
        except Unknown as err:
            raise NotAble(
                f"{plan.served_name} cannot bind an answer to {err}. Leave the pattern out, and check the answer.",
                param="response_format",
            ) from err
    return replace(wish, body={**wish.body, **changed})


def _plain_tool(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    function = tool["function"]
    if "parameters" not in function:
        return tool
    try:
        return {**tool, "function": {**function, "parameters": _plain_schema(function["parameters"])}}
    except Unknown:
        return tool


def _plain_schema(one: Any) -> Any:
    if isinstance(one, list):
        return [_plain_schema(inner) for inner in one]
    if not isinstance(one, Mapping):
        return one
    told = {key: value if key in _VALUES else _plain_schema(value) for key, value in one.items()}
    pattern, form = told.get("pattern"), told.get("format")
    if pattern is None and isinstance(form, str) and form in _FORMATS:
        told["pattern"] = _FORMATS[form]
    elif isinstance(pattern, str):
        try:
            told["pattern"] = plain(pattern)
        except Unknown as err:
            raise Unknown(f'the pattern "{pattern[:80]}": it does not know "{err}"') from None
    return told


def plain(pattern: str) -> str:
    """A pattern that fits no more than ``pattern`` does, from the beginning of a text to its end. Raises
    :class:`Unknown`."""
    starts, ends = pattern.startswith("^"), pattern.endswith("$") and not _is_escaped(pattern)
    inner = pattern[int(starts) : len(pattern) - int(ends)]
    told = "".join(_parts(inner))
    if starts and ends:
        return f"^{told}$"
    return f"^{'' if starts else _ANY}({told}){'' if ends else _ANY}$"


def _is_escaped(pattern: str) -> bool:
    """Whether its last letter is."""
    before = pattern[:-1]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _parts(inner: str) -> Iterator[str]:
    at = 0
    while at < len(inner):
        here, then = inner[at], inner[at + 1 : at + 2]
        if here == "\\":
            told = _OUTSIDE.get(then) or _escape(then, _KEPT)
            if then not in _OUTSIDE and _is_never(_code(inner, at)[0]):
                raise Unknown(inner[at : at + 2])
            yield told
            at += 2
        elif here == ".":
            yield f"[^{_NEVER}]"
            at += 1
        elif here == "[":
            end, told = _class(inner, at + 1)
            yield told
            at = end
        elif here in "^$" or _is_never(ord(here)) or (here == "(" and then == "?" and inner[at + 2 : at + 3] != ":"):
            raise Unknown(inner[at : at + 3])
        else:
            yield here
            at += 1


def _class(inner: str, at: int) -> tuple[int, str]:
    """Where a class ends that begins at ``at``, and what it says."""
    opened = "[^" if inner[at : at + 1] == "^" else "["
    at += len(opened) - 1
    told, has_roof = "", False
    while at < len(inner) and inner[at] != "]":
        here, then = inner[at], inner[at + 1 : at + 2]
        if here == "\\":
            if then == "^":
                has_roof = True
            else:
                told += _WITHIN.get(then) or _escape(then, _KEPT_WITHIN)
            at += 2
        else:
            told += "\\[" if here == "[" else here
            at += 1
    if at >= len(inner) or not (told or has_roof):
        raise Unknown("[")
    told = _with_never(told) if opened == "[^" else _without_never(told)
    if not (told or has_roof):
        raise Unknown("[")
    return at + 1, f"{opened}{told}{'^' if has_roof else ''}]"


def _with_never(told: str) -> str:
    """Of what a class leaves out."""
    if told.startswith(_NEVER):
        return told
    return _NEVER + (f"\\{told}" if told.startswith("-") else told)


def _without_never(told: str) -> str:
    """Of what a class takes."""
    spans = left = _spans(told)
    for low, high in _NEVER_SPANS:
        left = list(_cut(left, low, high))
    if left == spans:
        return told
    return "".join(_said(low) if low == high else f"{_said(low)}-{_said(high)}" for low, high in left)


def _cut(spans: Iterable[tuple[int, int]], low: int, high: int) -> Iterator[tuple[int, int]]:
    """``spans`` without what is from ``low`` to ``high``."""
    for begin, end in spans:
        if end < low or begin > high:
            yield begin, end
            continue
        if begin < low:
            yield begin, low - 1
        if end > high:
            yield high + 1, end


def _spans(told: str) -> list[tuple[int, int]]:
    """What a class takes, from where to where."""
    codes: list[tuple[int, bool]] = []  # with whether it is a dash that may stand between two
    at = 0
    while at < len(told):
        code, length = _code(told, at)
        codes.append((code, told[at] == "-"))
        at += length
    spans = []
    while codes:
        if len(codes) > 2 and codes[1][1]:
            spans.append((codes[0][0], codes[2][0]))
            del codes[:3]
        else:
            spans.append((codes[0][0], codes[0][0]))
            del codes[:1]
    return spans


def _code(told: str, at: int) -> tuple[int, int]:
    """Which character is said there, and by how many letters. Raises :class:`Unknown`."""
    if told[at] != "\\":
        return ord(told[at]), 1
    letter = told[at + 1 : at + 2]
    if (digits := _DIGITS.get(letter)) is None:
        return _CONTROLS.get(letter, ord(letter or "\0")), 2
    try:
        return int(told[at + 2 : at + 2 + digits], 16), 2 + digits
    except ValueError:
        raise Unknown(f"\\{letter}") from None


def _said(code: int) -> str:
    """One character, in a class."""
    return f"\\x{code:02x}" if chr(code) in "[]^-" else chr(code)


def _is_never(code: int) -> bool:
    return any(low <= code <= high for low, high in _NEVER_SPANS)


def _escape(letter: str, kept: frozenset[str]) -> str:
    if letter in kept and letter:
        return f"\\{letter}"
    if not letter or letter.isalnum():
        raise Unknown(f"\\{letter}")
    return letter
