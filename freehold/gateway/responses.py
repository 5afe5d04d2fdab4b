"""Answers of ``/v1/responses``: a chat's answer as its items, whole or as events.

Source: OpenAI API reference, Responses.
"""

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from starlette.responses import Response

from freehold.core.errors import HubError
from freehold.gateway import shapes
from freehold.gateway.errors import told
from freehold.inference.errors import ContextTooLong
from freehold.inference.rules import Reply


class Responses:
    """``given``: the body that asked, of which an answer repeats a part."""

    content_type = "application/json"

    def __init__(self, name: str, given: Mapping[str, Any]) -> None:
        self._name, self._given = name, given
        self._id, self._created = f"resp_{secrets.token_hex(12)}", int(time.time())
        self._number = 0
        self._items: list[_Item] = []
        self._usage: Mapping[str, Any] = {}
        self._end = ""

    # ---- whole ---------------------------------------------------------------------------------------------

    def whole(self, body: bytes, reply: Reply) -> bytes:
        answer = shapes.read(body)
        choice = answer["choices"][0]
        message = choice["message"]
        if message.get("content"):
            self._items.append(_Item("message", text=message["content"], likely=_likely(choice)))
        for call in message.get("tool_calls") or ():
            self._items.append(_Item("function_call", call=call))
        self._usage, self._end = answer.get("usage") or {}, choice.get("finish_reason") or ""
        return shapes.written(self._response(reply, self._status()))

    # ---- as events -----------------------------------------------------------------------------------------

    def piece(self, data: bytes, reply: Reply) -> bytes:
        event = shapes.read(data)
        self._usage = event.get("usage") or self._usage
        out: list[bytes] = []
        if self._number == 0:
            for kind in ("response.created", "response.in_progress"):
                out.append(self._event(kind, response=self._response(reply, "in_progress")))
        for choice in event.get("choices") or ():
            self._end = choice.get("finish_reason") or self._end
            out += self._delta(choice.get("delta") or {}, _likely(choice))
        return b"".join(out)

    def _delta(self, delta: Mapping[str, Any], likely: Sequence[Mapping[str, Any]]) -> Iterator[bytes]:
        if delta.get("content"):
            if not self._items or self._items[-1].kind != "message":
                yield from self._closed()
                yield from self._opened(_Item("message"))
            item = self._items[-1]
            item.text += delta["content"]
            item.likely += likely
            told = {"delta": delta["content"], "logprobs": likely}
            yield self._event("response.output_text.delta", **self._place(item), content_index=0, **told)
        for call in delta.get("tool_calls") or ():
            item_ = next(
                (one for one in self._items if one.kind == "function_call" and one.at == call.get("index")), None
            )
            if item_ is None:
                yield from self._closed()
                item_ = _Item("function_call", at=call.get("index"), call=call)
                item_.arguments = ""
                yield from self._opened(item_)
            more = (call.get("function") or {}).get("arguments") or ""
            if more:
                item_.arguments += more
                yield self._event("response.function_call_arguments.delta", **self._place(item_), delta=more)

    def last(self, reply: Reply) -> bytes:
        out = list(self._closed())
        status = self._status()
        return b"".join([*out, self._event(f"response.{status}", response=self._response(reply, status))])

    def broken(self, err: HubError) -> bytes:
        # As ``error``, for clients that look at every event's own; and flat, as the reference has it.
        error = told(err)
        return self._event("error", code=error["code"], message=error["message"], param=error["param"], error=error)

    def problem(self, err: HubError) -> Response:
        if isinstance(err, ContextTooLong):
            err.param = "input"
        return shapes.problem(err)

    # ---- parts of both -------------------------------------------------------------------------------------

    def _opened(self, item: "_Item") -> Iterator[bytes]:
        self._items.append(item)
        at = self._items.index(item)
        yield self._event("response.output_item.added", output_index=at, item=item.told("in_progress"))
        if item.kind == "message":
            yield self._event("response.content_part.added", **self._place(item), content_index=0, part=_text(""))

    def _closed(self) -> Iterator[bytes]:
        """The item that was being said is whole."""
        if not self._items or self._items[-1].is_closed:
            return
        item = self._items[-1]
        item.is_closed = True
        place = self._place(item)
        if item.kind == "message":
            told = {"text": item.text, "logprobs": item.likely}
            yield self._event("response.output_text.done", **place, content_index=0, **told)
            part = _text(item.text, item.likely)
            yield self._event("response.content_part.done", **place, content_index=0, part=part)
        else:
            yield self._event(
                "response.function_call_arguments.done", **place, name=item.name, arguments=item.arguments
            )
        at = place["output_index"]
        yield self._event("response.output_item.done", output_index=at, item=item.told("completed"))

    def _place(self, item: "_Item") -> dict[str, Any]:
        return {"item_id": item.id, "output_index": self._items.index(item)}

    def _event(self, kind: str, **fields: Any) -> bytes:
        data = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        return f"event: {kind}\ndata: ".encode() + shapes.written(data) + b"\n\n"

    def _status(self) -> str:
        return "incomplete" if self._end == "length" else "completed"

    def _response(self, reply: Reply, status: str) -> dict[str, Any]:
        given = self._given
        is_done = status != "in_progress"
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "status": status,
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            "instructions": given.get("instructions"),
            "max_output_tokens": given.get("max_output_tokens"),
            "model": self._name,
            "freehold": shapes.source(reply),
            "output": [item.told("completed") for item in self._items] if is_done else [],
            "parallel_tool_calls": given.get("parallel_tool_calls", True),
            "previous_response_id": None,
            "store": False,
            "temperature": given.get("temperature"),
            "text": given.get("text") or {"format": {"type": "text"}},
            "tool_choice": given.get("tool_choice", "auto"),
            "tools": given.get("tools") or [],
            "top_p": given.get("top_p"),
            "truncation": "disabled",
            "metadata": given.get("metadata") or {},
            "usage": _usage(self._usage or shapes.usage_of(reply)) if is_done else None,
        }


class _Item:
    """One item of the output: words, or the call of a function."""

    def __init__(
        self,
        kind: str,
        *,
        text: str = "",
        likely: Sequence[Mapping[str, Any]] = (),
        at: object = None,
        call: Mapping[str, Any] | None = None,
    ) -> None:
        self.kind, self.text, self.likely, self.at = kind, text, list(likely), at
        self.id = f"{'msg' if kind == 'message' else 'fc'}_{secrets.token_hex(12)}"
        self.is_closed = False
        function = (call or {}).get("function") or {}
        self.name, self.arguments = str(function.get("name") or ""), str(function.get("arguments") or "")
        self.call_id = str((call or {}).get("id") or f"call_{secrets.token_hex(12)}")

    def told(self, status: str) -> dict[str, Any]:
        if self.kind == "message":
            content = [_text(self.text, self.likely)] if status == "completed" else []
            return {"id": self.id, "type": "message", "role": "assistant", "status": status, "content": content}
        told = {"id": self.id, "type": "function_call", "status": status, "call_id": self.call_id}
        return told | {"name": self.name, "arguments": self.arguments}


def _text(text: str, likely: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": list(likely)}


def _likely(choice: Mapping[str, Any]) -> list[dict[str, Any]]:
    """How likely each token was, where the call wanted to know."""
    told = ("token", "bytes", "logprob")
    return [
        {name: token.get(name) for name in told}
        | {"top_logprobs": [{name: one.get(name) for name in told} for one in token.get("top_logprobs") or ()]}
        for token in (choice.get("logprobs") or {}).get("content") or ()
    ]


def _usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    prompt, completion = usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": prompt + completion,
    }
