"""Patterns of a schema that an answer of a chat is bound to, in the words that llama.cpp keeps. Pure.

What it does not know of a pattern, even a ``\\d``, it leaves out unseen, and the answer is bound to no pattern at all.
Here such words are put into those that it knows, or the call is refused. Source: JSON Schema, ``pattern``; ECMA-262,
patterns; seen of xllamacpp 2026.10.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from freehold.engines import llama
from freehold.gateway.rules import Wish
from freehold.inference.errors import NotAble
from freehold.pipelines.rules import AnyPlan, leaves

#: No quote and no backslash, which the form of a text would have to say otherwise.
_ANY = '[^"\\\\]*'
_OUTSIDE = {"d": "[0-9]", "w": "[A-Za-z0-9_]", "s": " "} | {
    "D": '[^0-9"\\\\]', "W": '[^A-Za-z0-9_"\\\\]', "S": '[^ \\t\\r\\n"\\\\]'
}  # fmt: skip
_WITHIN = {"d": "0-9", "w": "A-Za-z0-9_", "s": " "}
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
            yield _OUTSIDE.get(then) or _escape(then, _KEPT)
            at += 2
        elif here == "[":
            end, told = _class(inner, at + 1)
            yield told
            at = end
        elif here in "^$" or (here == "(" and then == "?" and inner[at + 2 : at + 3] != ":"):
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
    return at + 1, f"{opened}{told}{'^' if has_roof else ''}]"


def _escape(letter: str, kept: frozenset[str]) -> str:
    if letter in kept and letter:
        return f"\\{letter}"
    if not letter or letter.isalnum():
        raise Unknown(f"\\{letter}")
    return letter
