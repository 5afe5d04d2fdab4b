"""Guards that are models: what is asked of them and which of their answers count."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from freehold.core.errors import HubError
from freehold.guards.rules import Guard

MAX_CHARACTERS = 20_000
PROMPT = "Is the following text harmful, hateful, violent or sexual? Say only yes or no.\n\n{{text}}"


async def found(guard: Guard, text: str, ask: Callable[[str, str, dict[str, Any]], Awaitable[bytes]]) -> str:
    """What the model of ``guard`` found in ``text``; '' for nothing. What it cannot read whole it cannot vouch for.

    Raises what ``ask`` does, unless the guard only marks.
    """
    if not text.strip():
        return ""
    if len(text) > MAX_CHARACTERS:
        return "too long to look at"
    try:
        if guard.options.get("labels"):
            return _label(
                guard,
                await ask(
                    guard.options["model"], "task", {"task": "text-classification", "inputs": text, "parameters": {}}
                ),
            )
        return _answer(guard, await ask(guard.options["model"], "chat/completions", _question(guard, text)))
    except HubError:
        if guard.does == "mark":
            return "not looked at"
        raise


def _question(guard: Guard, text: str) -> dict[str, Any]:
    prompt = str(guard.options.get("prompt") or PROMPT)
    return {
        "messages": [{"role": "user", "content": prompt.replace("{{text}}", text)}],
        "max_tokens": 16,
        "temperature": 0,
    }


def _answer(guard: Guard, body: bytes) -> str:
    """The first of the answers that count with which the model began."""
    try:
        said = str(json.loads(body)["choices"][0]["message"]["content"] or "").strip().lower()
    except (ValueError, RecursionError, KeyError, IndexError, TypeError):
        return "no answer"
    return next((str(one) for one in guard.options.get("answers") or ("yes", "unsafe") if said.startswith(one)), "")


def _label(guard: Guard, body: bytes) -> str:
    """The label whose score is over its threshold by most; '' for none."""
    try:
        told = json.loads(body)
        rows = told[0] if isinstance(told, list) and told and isinstance(told[0], list) else told
        scores = {str(row["label"]).lower(): float(row["score"]) for row in rows}
    except (ValueError, RecursionError, KeyError, IndexError, TypeError):
        return "no answer"
    over = {
        label: scores[label.lower()] - least
        for label, least in guard.options["labels"].items()
        if scores.get(label.lower(), -1) >= least
    }
    return max(over, key=lambda label: over[label]) if over else ""
