"""The parts of an answer, as guards know them. Pure.

Engines say more than OpenAI's API has: words as numbers of tokens, prompts, traces. What is not known here stays behind
a guard, so that nothing leaves by a field that nobody looked at. Sources: OpenAI API reference; llama.cpp, server
README; vLLM, ``entrypoints/openai/protocol.py``; Mistral's and OpenRouter's references.
"""

import re
from collections.abc import Mapping
from typing import Any

#: Of an answer, or an event of it.
HEAD = frozenset([
    "id", "object", "created", "model", "system_fingerprint", "service_tier", "provider", "usage", "timings", "choices",
])  # fmt: skip
#: What somebody asked for, and what was said beside it.
ANSWER = ("content", "text")
TEXTS = (*ANSWER, "reasoning_content", "reasoning", "refusal")
BESIDE = ("reasoning_content", "reasoning", "refusal", "tool_calls", "function_call")
_NAME = re.compile("[a-z_]{1,64}")
_ROLES = frozenset(["assistant", "tool", "system", "user", "developer", "function"])


def ending(reason: Any) -> Any:
    """Why an answer ends, in a word; of anything else only that it does."""
    return reason if not reason or (isinstance(reason, str) and _NAME.fullmatch(reason)) else "stop"


def is_vectors(told: Any) -> bool:
    """Whether it is vectors, also as base64: no words, though digits in a row may look like a number of somebody's."""
    rows = told.get("data") if isinstance(told, Mapping) else None
    return (
        isinstance(rows, list) and bool(rows) and all(isinstance(one, Mapping) and "embedding" in one for one in rows)
    )


def head(told: Mapping[str, Any]) -> dict[str, Any]:
    """What is known around the choices; of what it took numbers alone."""
    return {key: _counts(value) if key in ("usage", "timings") else value for key, value in told.items() if key in HEAD}


def _counts(value: Any, depth: int = 0) -> Any:
    if isinstance(value, Mapping) and depth < 4:
        return {
            str(name): _counts(one, depth + 1)
            for name, one in value.items()
            if _NAME.fullmatch(str(name)) and (one is None or isinstance(one, int | float | Mapping))
        }
    return value if isinstance(value, int | float) else None


def members(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a message, or of a piece of one."""
    kept = {key: given[key] for key in (*TEXTS, "tool_calls", "function_call") if given.get(key) is not None}
    if given.get("role") in _ROLES:
        kept = {"role": given["role"], **kept}
    return kept


def text_of(said: Any) -> str | None:
    """The words of a text, also of one that comes as a list of parts; None where there are none."""
    if isinstance(said, str):
        return said
    if isinstance(said, list):
        return "".join(text_of(one) or "" for one in said)
    if isinstance(said, Mapping):
        return text_of(said.get("text", said.get("thinking", said.get("content"))))
    return None


def has_words(value: Any, depth: int = 0) -> bool:
    """Whether any text is in it."""
    if isinstance(value, str):
        return bool(value.strip())
    if depth > 20:
        return True
    if isinstance(value, list):
        return any(has_words(one, depth + 1) for one in value)
    return isinstance(value, Mapping) and any(has_words(one, depth + 1) for one in value.values())
