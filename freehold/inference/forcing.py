"""A tool that must be called is called, whatever the model is: its answer is bound to the tool's own schema.

Where a call names a tool or asks for any of them, llama.cpp lets a model talk as long as it likes before it calls one,
and a named tool is no more to it than the others. So the engine is asked for JSON that is such a call, with the tools
in its prompt as its template words them, and what comes is told as the call of a tool. Source: OpenAI API reference.
"""

import json
import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from freehold.engines import llama
from freehold.inference.rules import Call, Leg, Measured, Piece, Target

if TYPE_CHECKING:
    from freehold.inference.calling import EngineReply

#: Where in a schema another one stands, by its place in the whole.
_REFERENCE = "$ref"
_NAME = re.compile(r'\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*')
#: Of a tool that says nothing of parameters. Source: OpenAI API reference: it has none.
_NOTHING: Mapping[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
#: Of an answer the object around the arguments ends with it: what may be that end waits until more has come.
_END = " \t\r\n}"


def tools_of(call: Call, target: Target) -> Sequence[Mapping[str, Any]]:
    """Of which tools ``call`` must call one, where the engine by itself would not see to it; none where it need not."""
    body = call.body
    if target.engine != llama.NAME or call.path != "chat/completions" or body.get("grammar"):
        return ()
    tools = [one for one in _list(body.get("tools")) if isinstance(one, Mapping) and _is_function(one.get("function"))]
    choice = body.get("tool_choice")
    if choice == "required":
        return tools
    named = choice.get("function") if isinstance(choice, Mapping) else None
    name = named.get("name") if isinstance(named, Mapping) else None
    return [one for one in tools if name is not None and one["function"].get("name") == name]


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _is_function(value: object) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("name"), str)


def worded(body: Mapping[str, Any], tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """``body`` as the engine is asked for the call of one of ``tools``."""
    kept = {
        name: value
        for name, value in body.items()
        if name not in ("tools", "tool_choice", "parallel_tool_calls", "json_schema")
    }
    given = kept.get("chat_template_kwargs")
    kept["chat_template_kwargs"] = {**(given if isinstance(given, Mapping) else {}), "tools": list(tools)}
    kept["response_format"] = {"type": "json_schema", "json_schema": {"name": "call", "schema": schema(tools)}}
    return kept


def schema(tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of the call of one of ``tools``. What a tool's own schema refers to is found where it now stands."""
    functions = [one["function"] for one in tools]
    ways = [
        {
            "type": "object",
            "properties": {
                "name": {"const": str(function.get("name", ""))},
                "arguments": {_REFERENCE: f"#/$defs/{at}"},
            },
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for at, function in enumerate(functions)
    ]
    parts = {str(at): _moved(function.get("parameters") or _NOTHING, at) for at, function in enumerate(functions)}
    return {**(ways[0] if len(ways) == 1 else {"anyOf": ways}), "$defs": parts}


def _moved(part: Any, at: int) -> Any:
    if isinstance(part, list):
        return [_moved(one, at) for one in part]
    if not isinstance(part, Mapping):
        return part
    moved = {key: _moved(value, at) for key, value in part.items()}
    reference = moved.get(_REFERENCE)
    if isinstance(reference, str) and (reference == "#" or reference.startswith("#/")):
        moved[_REFERENCE] = f"#/$defs/{at}{reference[1:]}"
    return moved


@dataclass
class _Coming:
    """One choice of a stream, as far as it has come."""

    text: str = ""  # not told yet
    is_named: bool = False
    is_begun: bool = False  # its arguments


class Forced:
    """``reply``, whose text is the call of a tool, told as such (``inference.rules.Reply``)."""

    def __init__(self, reply: "EngineReply") -> None:
        self.target: Target = reply.target
        self.measured: Measured = reply.measured
        self.content_type: str = reply.content_type
        self._reply = reply
        self._coming: dict[int, _Coming] = {}

    @property
    def is_whole(self) -> bool:
        return self._reply.is_whole

    @property
    def legs(self) -> Sequence[Leg]:
        return self._reply.legs

    async def body(self) -> bytes:
        whole = await self._reply.body()
        answer = json.loads(whole)
        for choice in answer.get("choices") or ():
            message = choice["message"]
            called = _called(message.get("content") or "")
            if called is not None:
                choice["message"] = {**message, "content": None, "tool_calls": [called]}
                choice["finish_reason"] = _reason(choice.get("finish_reason"))
        return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()

    async def pieces(self) -> AsyncIterator[Piece]:
        async for piece in self._reply.pieces():
            event = json.loads(piece.data)
            is_told = not event.get("choices")
            for choice in event.get("choices") or ():
                is_told |= self._tell(choice)
            if is_told:
                yield Piece(json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode())

    def _tell(self, choice: dict[str, Any]) -> bool:
        """Whether there is something to tell of ``choice``, as it now stands."""
        coming = self._coming.setdefault(choice.get("index", 0), _Coming())
        delta = choice.get("delta") or {}
        coming.text += delta.pop("content", None) or ""
        reason = choice.get("finish_reason")
        calls = list(_told(coming, is_last=reason is not None))
        if reason is not None:
            choice["finish_reason"] = _reason(reason) if coming.is_named else reason
        if calls:
            delta["tool_calls"] = calls
        if "role" in delta:
            delta["content"] = None
        choice["delta"] = delta
        return bool(delta) or reason is not None


def _told(coming: _Coming, *, is_last: bool) -> Sequence[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    if not coming.is_named:
        found = _NAME.match(coming.text)
        if found is None:
            return told
        coming.is_named, coming.text = True, coming.text[found.end() :]
        told.append({"index": 0, **_call(json.loads(found[1]), "")})
    coming.text = coming.text if coming.is_begun else coming.text.lstrip()
    ready = coming.text.rstrip(_END)
    if is_last:
        rest = coming.text[len(ready) :].rstrip()
        ready += rest.removesuffix("}").rstrip()
    coming.text = coming.text[len(ready) :]
    if ready:
        coming.is_begun = True
        told.append({"index": 0, "function": {"arguments": ready}})
    return told


def _called(text: str) -> dict[str, Any] | None:
    """The call that ``text`` is; of one that was cut short as much of its arguments as came."""
    found = _NAME.match(text)
    if found is None:
        return None
    try:
        return _call(json.loads(found[1]), json.dumps(json.loads(text)["arguments"], ensure_ascii=False))
    except (ValueError, RecursionError, KeyError, TypeError):
        return _call(json.loads(found[1]), text[found.end() :])


def _call(name: str, arguments: str) -> dict[str, Any]:
    return {
        "id": f"call_{secrets.token_hex(12)}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def _reason(told: object) -> object:
    return "tool_calls" if told == "stop" else told
