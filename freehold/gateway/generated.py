"""Answers to task calls, as the official client reads them.

Source: huggingface_hub 2.4, ``inference/_generated/types``.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from freehold.core.errors import HubError
from freehold.core.http import problem
from freehold.engines import llama
from freehold.gateway import shapes
from freehold.inference.errors import EngineFailed
from freehold.inference.rules import Reply

#: Words that the client raises errors of its own by. Source: huggingface_hub, inference/_common.py.
KINDS = {"context_length_exceeded": "validation", "too_busy": "overloaded", "rate_limit_exceeded": "overloaded"}


class Task:
    """As the engine says it."""

    content_type = "application/json"

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        self._given = given or {}

    def whole(self, body: bytes, reply: Reply) -> bytes:
        return body

    def piece(self, data: bytes, reply: Reply) -> bytes:
        return b""

    def last(self, reply: Reply) -> bytes:
        return b""

    def broken(self, err: HubError) -> bytes:
        return b"data:" + shapes.written({"error": err.message, "error_type": _kind(err) or "generation"}) + b"\n\n"

    def problem(self, err: HubError) -> Response:
        if kind := _kind(err):
            err.extra.setdefault("error_type", kind)
        return problem(err)


class Heard(Task):
    """A transcription: its text alone."""

    def whole(self, body: bytes, reply: Reply) -> bytes:
        return shapes.written({"text": shapes.read(body).get("text", "")})


class Generation(Task):
    """Text that goes on, whole or token by token.

    OpenAI's ``stop`` does not say whether the model ended it or a text of ``stop``. vLLM says which in ``stop_reason``;
    llama.cpp shows it: only of the model's own end is there a token, an empty one, and of a text that it looked for
    there is none.
    """

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        super().__init__(given)
        self._parameters = self._given.get("parameters") or {}
        self._text, self._at, self._end = "", 0, ""
        self._is_by_stop = False

    def whole(self, body: bytes, reply: Reply) -> bytes:
        choice = shapes.read(body)["choices"][0]
        answer: dict[str, Any] = {"generated_text": self._begun() + choice["text"]}
        self._is_by_stop = isinstance(choice.get("stop_reason"), str) or self._has_hidden(choice, reply)
        if self._parameters.get("details"):
            answer["details"] = self._details(choice.get("finish_reason"), reply) | {"prefill": [], "tokens": []}
        return shapes.written([answer])

    def piece(self, data: bytes, reply: Reply) -> bytes:
        out = []
        for choice in shapes.read(data).get("choices") or ():
            if end := choice.get("finish_reason"):
                self._end, said = end, choice.get("stop_reason")
                self._is_by_stop |= isinstance(said, str)
            elif reply.target.engine == llama.NAME:  # each token in its turn, the last one before the end
                self._is_by_stop = bool(choice.get("text"))
            if choice.get("text"):
                self._text += choice["text"]
                out.append(self._event(choice["text"]))
        return b"".join(out)

    def last(self, reply: Reply) -> bytes:
        # The whole text comes with the last token, which was sent: one without words carries it.
        whole = self._begun() + self._text
        return self._event("", generated_text=whole, details=self._details(self._end, reply), special=True)

    def _event(
        self, text: str, *, generated_text: str | None = None, details: object = None, special: bool = False
    ) -> bytes:
        self._at += 1
        token = {"id": 0, "text": text, "logprob": 0.0, "special": special}
        event = {"index": self._at, "token": token, "generated_text": generated_text, "details": details}
        return b"data:" + shapes.written(event) + b"\n\n"

    def _begun(self) -> str:
        return str(self._given.get("inputs", "")) if self._parameters.get("return_full_text") else ""

    def _has_hidden(self, choice: Mapping[str, Any], reply: Reply) -> bool:
        """Whether there were tokens that it does not tell of."""
        if reply.target.engine != llama.NAME:
            return False
        logprobs = choice.get("logprobs")
        told = logprobs.get("content") if isinstance(logprobs, Mapping) else None
        return len(told or ()) < reply.measured.completion_tokens

    def _details(self, end: object, reply: Reply) -> dict[str, Any]:
        return {
            "finish_reason": self._reason(end),
            "generated_tokens": reply.measured.completion_tokens,
            "input_length": reply.measured.prompt_tokens,
            "seed": self._parameters.get("seed"),
        }

    def _reason(self, end: object) -> str:
        if end == "length":
            return "length"
        has_stops = bool(self._parameters.get("stop") or self._parameters.get("stop_sequences"))
        return "stop_sequence" if has_stops and self._is_by_stop else "eos_token"


class Vectors(Task):
    """Vectors of texts: one for a text, a list for a list."""

    def whole(self, body: bytes, reply: Reply) -> bytes:
        vectors = _vectors(body)
        if self._given.get("normalize") is True:
            vectors = [_of_length_one(one) for one in vectors]
        return shapes.written(vectors if isinstance(self._given.get("inputs"), list) else vectors[0])


class Similarity(Task):
    """How near each sentence is to the first one, as the cosine of their vectors."""

    def whole(self, body: bytes, reply: Reply) -> bytes:
        source, *others = _vectors(body)
        return shapes.written([_cosine(source, other) for other in others])


def _vectors(body: bytes) -> list[Sequence[float]]:
    try:
        data = sorted(shapes.read(body)["data"], key=lambda one: one["index"])
        return [one["embedding"] for one in data]
    except (KeyError, TypeError) as err:
        raise EngineFailed("The engine's answer holds no vectors.") from err


def _of_length_one(vector: Sequence[float]) -> Sequence[float]:
    length = math.sqrt(math.fsum(x * x for x in vector))
    return [x / length for x in vector] if length else vector


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    lengths = math.sqrt(math.fsum(x * x for x in one)) * math.sqrt(math.fsum(x * x for x in other))
    return math.fsum(x * y for x, y in zip(one, other, strict=True)) / lengths if lengths else 0.0


def _kind(err: HubError) -> str:
    """'' of who may ask, and of what: the client has errors of its own for these, by their status."""
    if err.status in (401, 403, 404, 405):
        return ""
    return KINDS.get(err.code or "", "validation" if err.status < 500 else "generation")
