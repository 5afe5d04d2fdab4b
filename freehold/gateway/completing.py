"""Answers of ``/v1/completions`` where llama.cpp's are not as OpenAI's clients read them: how likely tokens were, in
lists beside one another, and the prompt before its answer. Source: OpenAI API reference, Completions.
"""

from typing import Any

from freehold.engines import llama
from freehold.gateway.rules import Wish
from freehold.gateway.shapes import OpenAI
from freehold.inference.rules import Reply


class Completions(OpenAI):
    """``echo``: other engines repeat a prompt by themselves."""

    def __init__(self, wish: Wish) -> None:
        super().__init__(wish)
        prompt = wish.body.get("prompt")
        self._prompts = prompt if isinstance(prompt, list) else [prompt]
        self._each = max(1, wish.answers // len(self._prompts))
        self._is_echoed = wish.body.get("echo") is True
        self._is_as_it_comes &= not self._is_echoed and wish.body.get("logprobs") is None
        self._said_chars: dict[int, int] = {}  # of each answer, as far as it came

    def _change(self, choice: dict[str, Any], reply: Reply) -> None:
        super()._change(choice, reply)
        if reply.target.engine != llama.NAME:
            return
        index, text = choice["index"], choice.get("text") or ""
        logprobs = choice.get("logprobs")
        if isinstance(logprobs, dict) and isinstance(logprobs.get("content"), list):
            choice["logprobs"] = _in_lists(logprobs["content"], self._said_chars.get(index, 0))
        if self._is_echoed and index not in self._said_chars:
            choice["text"] = str(self._prompts[index // self._each]) + text
        self._said_chars[index] = self._said_chars.get(index, 0) + len(text)


def _in_lists(tokens: list[dict[str, Any]], at: int) -> dict[str, Any]:
    told: dict[str, Any] = {"tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": []}
    for token in tokens:
        told["tokens"].append(token["token"])
        told["token_logprobs"].append(token["logprob"])
        told["top_logprobs"].append({one["token"]: one["logprob"] for one in token.get("top_logprobs") or ()})
        told["text_offset"].append(at)
        at += len(token["token"])
    return told
