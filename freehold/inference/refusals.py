"""What an engine's refusal means: its words as one of ours, with the limit where it is about a limit."""

import json
import re
from collections.abc import Mapping
from typing import Any

from freehold.inference.errors import ContextTooLong, EngineFailed, EngineRefused, InferenceError, NotAble
from freehold.inference.rules import Target

MAX_WORDS = 600
#: Words of llama.cpp, vLLM and transformers for a prompt that is too long.
_TOO_LONG = re.compile(
    r"exceeds? the (available )?context|maximum context length|context length|context size|too many tokens",
    re.IGNORECASE,
)
#: Of llama.cpp for a picture or a sound that the model has no eyes or ears for.
_NO_SENSE = re.compile(r"^(image|audio|video) input is not supported")
#: Of vLLM, which names flags of its own, for a model whose template calls tools in no way that it reads.
_NO_TOOLS = re.compile(r"requires (?:--enable-auto-tool-choice and )?--tool-call-parser to be set")
#: Of llama.cpp's for what is its caller's fault, though it answers 500: its SDKs would ask it again.
_CALLERS = re.compile(r"^Failed to parse (messages|tools|tool)\b")
#: What its words begin with that says nothing to a caller.
_NOISE = re.compile(
    r"\[json\.exception\.[a-z_.0-9]+\] "
    r"|Unable to generate parser for this template\. Automatic parser generation failed: "
)
_PATHS = re.compile(r"(?:/[\w.@+-]+){2,}")


def of_answer(status: int, said: bytes, target: Target) -> InferenceError:
    """The error that an engine's answer of ``status`` and its words ``said`` come to."""
    told = _told(said)
    words = told.get("message") or f"The engine answered {status} without a word."
    if told.get("type") == "text_too_long":  # of our own programs, whose words say all of it
        return ContextTooLong(
            words, limit_tokens=_count(told, "n_ctx"), given_tokens=_count(told, "n_prompt_tokens"), param="input"
        )
    if told.get("type") == "exceed_context_size_error" or (status in (400, 413, 422) and _TOO_LONG.search(words)):
        return _too_long(told, words, target)
    if found := _NO_SENSE.match(words):
        kind = {"image": "pictures", "audio": "sounds", "video": "films"}[found[1]]
        return NotAble(f"{target.served_name} takes no {kind}, only text.", param="messages")
    if _NO_TOOLS.search(words):
        return NotAble(
            f"{target.served_name} calls no tools: its template writes calls in no way that vLLM reads.", param="tools"
        )
    if status >= 500 and (found := _CALLERS.match(words)):
        return EngineRefused(words, status=400, param="tools" if found[1] == "tools" else "messages")
    if status in (404, 405, 501):
        return NotAble(f"{target.served_name} does not do this: {words}")
    if status in (401, 403, 407):  # our own key was not taken: nothing that the caller could do
        return EngineFailed("The engine did not take the hub's key.")
    if 400 <= status < 500:
        return EngineRefused(words, status=status, param=_param(told, words))
    return EngineFailed(f"The engine could not answer: {words}")


def raise_of_event(event: Mapping[str, Any]) -> None:
    """Raise what an event in the middle of a stream says went wrong, if it says so."""
    told = event.get("error")
    if told is None:
        if isinstance(event.get("message"), str) and isinstance(event.get("code"), int) and "choices" not in event:
            told = event
        else:
            return
    words = told.get("message") if isinstance(told, Mapping) else told
    raise EngineFailed(f"The engine broke off: {_shown(str(words))}")


def _too_long(told: Mapping[str, Any], words: str, target: Target) -> ContextTooLong:
    given, limit = told.get("n_prompt_tokens"), told.get("n_ctx") or target.context_tokens
    if isinstance(given, int) and isinstance(limit, int):
        return ContextTooLong(
            f"{ContextTooLong.limit(limit)}, its answer included, and the prompt is {given} tokens. Shorten it, "
            f"or deploy {target.served_name} with a longer context.",
            limit_tokens=limit,
            given_tokens=given,
        )
    limit_tokens = limit if isinstance(limit, int) else 0
    is_told = "maximum context length" in words  # by vLLM
    told_limit = f" {ContextTooLong.limit(limit_tokens)}." if limit_tokens and not is_told else ""
    return ContextTooLong(
        f"The prompt is too long for {target.served_name}: {words}{told_limit}", limit_tokens=limit_tokens
    )


def _count(told: Mapping[str, Any], name: str) -> int:
    return value if isinstance(value := told.get(name), int) else 0


def _told(said: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(said)
    except (ValueError, RecursionError):
        return {"message": _shown(said.decode("utf-8", "replace"))}
    told = answer.get("error", answer) if isinstance(answer, dict) else answer
    if isinstance(told, dict):
        words = told.get("message") or told.get("detail") or answer.get("message") or ""
        return {**told, "message": _shown(words if isinstance(words, str) else json.dumps(words))}
    return {"message": _shown(str(told))}


def _shown(words: str) -> str:
    """Bounded, on one line, without the paths of this machine that an engine may name."""
    return _PATHS.sub("…", _NOISE.sub("", re.sub(r"\s+", " ", words)))[:MAX_WORDS].strip()


def _param(told: Mapping[str, Any], words: str) -> str | None:
    if isinstance(told.get("param"), str):
        return str(told["param"])
    found = re.search(
        r"[Ff]ield '([a-z_.]{1,40})'|^'([a-z_.]{1,40})' (?:is|holds) |'([a-z_.]{1,40})' is required", words
    )
    if found:
        return found[1] or found[2] or found[3]
    if re.search(r"#/\$defs/\d", words):  # where a tool that must be called puts its own
        return "tools"
    return "response_format" if "schema" in words else "grammar" if "grammar" in words else None
