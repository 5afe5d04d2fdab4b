"""Conditions on a call, in one line: ``tokens > 2000 and language is de, fr``.

``tokens`` and ``characters`` of what is asked compare with a number by <, <=, >, >=; ``language``, ``task`` and
``header NAME`` are one of some words; ``has tools``, ``has images`` and ``has schema`` stand alone; ``not`` before any
of them turns it round. All must hold. Tokens are reckoned, not counted: the hub holds no tokeniser.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from freehold.inference.rules import Call
from freehold.routing import languages
from freehold.routing.errors import BadRoute

MAX_LENGTH = 500
MAX_PARTS = 10
_COMPARED = re.compile(r"(tokens|characters) *(<=|>=|<|>) *([0-9]{1,9})")
_NAMED = re.compile(r"(language|task|header [A-Za-z0-9-]{1,60}) +(?:is|in) +([^<>=]{1,200})")
_HAS = re.compile(r"has +(tools|images|schema)")
_OPERATORS: Mapping[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
TASKS = ("chat", "completions", "embeddings", "rerank", "transcription", "task")
_TASK_OF = {"chat/completions": "chat", "audio/transcriptions": "transcription"}


class Facts:
    """What conditions look at in one call; each is found out when first asked for."""

    def __init__(self, call: Call, headers: Mapping[str, str]) -> None:
        self.call, self.headers = call, headers

    @cached_property
    def text(self) -> str:
        return text_of(self.call.body)

    @cached_property
    def characters(self) -> int:
        return len(self.text)

    @cached_property
    def tokens(self) -> int:
        return reckoned_tokens(self.text)

    @cached_property
    def language(self) -> str:
        return languages.language(self.text)

    @property
    def task(self) -> str:
        return _TASK_OF.get(self.call.path, self.call.path.partition("/")[0])

    def has(self, what: str) -> bool:
        body = self.call.body
        if what == "tools":
            return bool(body.get("tools") or body.get("functions"))
        if what == "schema":
            return bool(body.get("response_format") or body.get("grammar"))
        return self.call.content_type.startswith("image/") or any(
            isinstance(part, dict) and part.get("type") in ("image_url", "input_image", "image")
            for message in body.get("messages") or ()
            if isinstance(message, dict) and isinstance(message.get("content"), list)
            for part in message["content"]
        )


@dataclass(frozen=True)
class _Part:
    what: str
    how: str
    value: Any
    is_turned: bool


def holds(condition: str, facts: Facts) -> bool:
    """Whether every part of ``condition`` holds of a call. Raises :class:`BadRoute` for what is no condition."""
    return all(_holds(part, facts) is not part.is_turned for part in parse(condition))


@lru_cache(maxsize=256)
def parse(condition: str) -> tuple[_Part, ...]:
    """``condition`` in its parts. Raises :class:`BadRoute`, which says what is not understood."""
    if len(condition) > MAX_LENGTH:
        raise BadRoute(f"A condition has at most {MAX_LENGTH} characters.")
    parts = [part.strip() for part in re.split(r"\s+and\s+", condition.strip())]
    if len(parts) > MAX_PARTS:
        raise BadRoute(f"A condition has at most {MAX_PARTS} parts.")
    return tuple(_part(part) for part in parts)


def _part(text: str) -> _Part:
    is_turned = text.startswith("not ")
    plain = text.removeprefix("not ").strip()
    if found := _COMPARED.fullmatch(plain):
        return _Part(found[1], found[2], int(found[3]), is_turned)
    if found := _HAS.fullmatch(plain):
        return _Part("has", "", found[1], is_turned)
    if found := _NAMED.fullmatch(plain):
        words = frozenset(word.strip().lower() for word in found[2].split(",") if word.strip())
        unknown = words - _known(found[1])
        if found[1] in ("language", "task") and unknown:
            raise BadRoute(f"No {found[1]} is called {sorted(unknown)[0]!r}; known are {', '.join(_shown(found[1]))}.")
        return _Part(found[1], "is", words, is_turned)
    raise BadRoute(
        f"{text[:80]!r} is no condition. Write, for instance, tokens > 2000, language is de, fr, task is embeddings, "
        "has tools, or header x-tier is gold, joined by and."
    )


def _known(what: str) -> frozenset[str]:
    return frozenset(_shown(what)) if what in ("language", "task") else frozenset()


def _shown(what: str) -> tuple[str, ...]:
    return TASKS if what == "task" else (*languages.KNOWN, "unknown")


def _holds(part: _Part, facts: Facts) -> bool:
    if part.what in ("tokens", "characters"):
        return _OPERATORS[part.how](getattr(facts, part.what), part.value)
    if part.what == "has":
        return facts.has(part.value)
    if part.what == "language":
        return facts.language in part.value
    if part.what == "task":
        return facts.task in part.value
    name = part.what.removeprefix("header ").lower()
    return facts.headers.get(name, "").strip().lower() in part.value


def reckoned_tokens(text: str) -> int:
    """About how many tokens: one for four letters, and one for each character of scripts that write whole words so."""
    dense = 0 if text.isascii() else sum(1 for character in text if character >= "\u2e80")
    return dense + -(-(len(text) - dense) // 4)


def text_of(body: Mapping[str, Any]) -> str:
    """What a call asks, in words: of all its messages, its prompt or its input."""
    said: list[str] = []
    for message in body.get("messages") or ():
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, str):
            said.append(content)
        elif isinstance(content, list):
            said.extend(str(part["text"]) for part in content if isinstance(part, dict) and part.get("text"))
    for key in ("prompt", "input", "inputs", "query", "instructions"):
        value = body.get(key)
        if isinstance(value, str):
            said.append(value)
        elif isinstance(value, list):
            said.extend(one for one in value if isinstance(one, str))
    return "\n".join(said)
