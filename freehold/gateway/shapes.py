"""How an engine's answer is put for whoever asked: OpenAI's own form here; others in files of their own."""

import json
import re
from typing import Any, Protocol

from starlette.responses import JSONResponse, Response

from freehold.core.errors import HubError
from freehold.core.http import header_text
from freehold.gateway.errors import told
from freehold.gateway.rules import STREAMS, Wish
from freehold.inference.errors import ContextTooLong, EngineFailed
from freehold.inference.rules import Reply

#: Where the words of a call are, by its path.
ASKED = {"chat/completions": "messages", "completions": "prompt", "embeddings": "input"}
DONE = b"data: [DONE]\n\n"
#: What every event of a stream repeats.
_FRAME = ("id", "object", "created", "model", "system_fingerprint")
#: Inside a text of JSON every quote has a backslash before it, so this finds a field and nothing that was said.
_MODEL = re.compile(rb'"model"\s*:\s*"(?:[^"\\]|\\.)*"')


class Shape(Protocol):
    """One form of answers. ``content_type`` '': as the engine said."""

    content_type: str

    def whole(self, body: bytes, reply: Reply) -> bytes:
        """An answer in one piece."""
        ...

    def piece(self, data: bytes, reply: Reply) -> bytes:
        """One event of a stream, as it is sent; empty where it says nothing in this form."""
        ...

    def last(self, reply: Reply) -> bytes:
        """What ends a stream."""
        ...

    def broken(self, err: HubError) -> bytes:
        """An error in the middle of a stream, by which it ends."""
        ...

    def problem(self, err: HubError) -> Response:
        """An error in place of an answer."""
        ...


class OpenAI:
    """As the engine says it, with the name that was called in ``model``, and in ``freehold`` which model and revision
    answered: in the whole answer, or in the first event of a stream."""

    content_type = ""

    def __init__(self, wish: Wish) -> None:
        self._name = wish.model
        self._path = wish.path
        self._field = b'"model":' + written(wish.model).replace(b"\\", b"\\\\")
        self._has_begun = False
        options = wish.body.get("stream_options")
        self._wants_usage = isinstance(options, dict) and options.get("include_usage") is True
        # Of several answers an engine tells what each took, or the first alone.
        self._is_several = wish.path in STREAMS and wish.answers > 1
        self._has_no_others = wish.has_no_others
        self._is_as_it_comes = not (self._is_several or self._has_no_others)
        self._answers = wish.answers if self._is_several and wish.path == "chat/completions" else 0
        self._frame: dict[str, Any] = {}
        self._usage: Any = None

    def whole(self, body: bytes, reply: Reply) -> bytes:
        if "json" not in reply.content_type:
            return body
        answer = read(body)
        if not isinstance(answer, dict):
            return body
        # A pipeline puts its trace there, where the caller asks for it.
        said = answer.get("freehold")
        traced = {"trace": said["trace"]} if isinstance(said, dict) and "trace" in said else {}
        self._change_all(answer, reply)
        if self._is_several and reply.measured.completion_tokens:
            answer["usage"] = usage_of(reply)
        return written(answer | {"model": self._name, "freehold": source(reply) | traced})

    def piece(self, data: bytes, reply: Reply) -> bytes:
        if self._has_begun and self._is_as_it_comes:
            return b"data: " + _MODEL.sub(self._field, data, count=1) + b"\n\n"
        event = read(data) | {"model": self._name}
        if self._is_several and event.get("usage") is not None:
            self._usage = event.pop("usage")
            if not event.get("choices"):
                return b""  # told of all of them at the end
        self._change_all(event, reply)
        if not self._has_begun:
            self._has_begun = True
            self._frame = {name: value for name, value in event.items() if name in _FRAME}
            event["freehold"] = source(reply)
            return self._begun() + b"data: " + written(event) + b"\n\n"
        return b"data: " + written(event) + b"\n\n"

    def last(self, reply: Reply) -> bytes:
        if not (self._is_several and self._wants_usage):
            return DONE
        usage = usage_of(reply) if reply.measured.completion_tokens else self._usage  # pipelines tell their own
        return b"data: " + written(self._frame | {"choices": [], "usage": usage}) + b"\n\n" + DONE

    def broken(self, err: HubError) -> bytes:
        return b"data: " + written({"error": told(err)}) + b"\n\n"

    def problem(self, err: HubError) -> Response:
        if isinstance(err, ContextTooLong):
            err.param = ASKED.get(self._path, err.param)
        return problem(err)

    def _begun(self) -> bytes:
        """Several answers begin in their order: OpenAI's client counts them as they come, and fails where the second
        begins first."""
        role = {"role": "assistant", "content": ""}
        begun = [{"index": at, "delta": role, "finish_reason": None} for at in range(self._answers)]
        return b"".join(b"data: " + written(self._frame | {"choices": [one]}) + b"\n\n" for one in begun)

    def _change_all(self, answer: dict[str, Any], reply: Reply) -> None:
        choices = answer.get("choices")
        if self._is_as_it_comes or not isinstance(choices, list):
            return
        try:
            for choice in choices:
                self._change(choice, reply)
        except (AttributeError, KeyError, TypeError, IndexError) as err:  # somebody else's engine may say anything
            raise EngineFailed("The engine's answer is not as this call has it.") from err

    def _change(self, choice: dict[str, Any], reply: Reply) -> None:
        """One answer, or a piece of it, as it is told."""
        if self._answers and isinstance(choice.get("delta"), dict):
            choice["delta"].pop("role", None)  # said when it began
        logprobs = choice.get("logprobs")
        if self._has_no_others and isinstance(logprobs, dict):
            for token in logprobs.get("content") or ():
                token["top_logprobs"] = []


def problem(err: HubError) -> Response:
    """An error as OpenAI's clients read it; its headers as the hub's own clients do."""
    headers = {**err.headers, "X-Error-Message": header_text(err.message)}
    if err.code:
        headers["X-Error-Code"] = err.code
    return JSONResponse({"error": told(err)}, status_code=err.status, headers=headers)


def usage_of(reply: Reply) -> dict[str, Any]:
    """What all of an answer took, once it was counted."""
    took = reply.measured
    return {
        "prompt_tokens": took.prompt_tokens,
        "completion_tokens": took.completion_tokens,
        "total_tokens": took.prompt_tokens + took.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": took.cached_tokens},
    }


def source(reply: Reply) -> dict[str, str]:
    """Which model gave the answer."""
    target = reply.target
    return {"endpoint": target.served_name, "model": target.model, "revision": target.revision}


def read(data: bytes) -> Any:
    """JSON of an engine's. Raises :class:`EngineFailed` for what is none."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as err:
        raise EngineFailed("The engine's answer is not JSON.") from err


def written(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
