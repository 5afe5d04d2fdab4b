"""Events of a stream behind guards: each text of each choice is held as far as it must be."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from freehold.guards.errors import Blocked
from freehold.guards.sieve import Holder, Sieve

TEXTS = ("content", "reasoning_content", "reasoning", "refusal", "text")
#: Of JSON, and of arguments of a tool call, which are read whole before they go on.
MAX_WHOLE = 2 << 20
MAX_CHOICES = 128


class Whole:
    """A JSON text, which is looked at when it is all there, so that it stays JSON."""

    def __init__(self, sieve: Sieve, place: str) -> None:
        self._sieve, self._place, self._size = sieve, place, 0
        self._held: list[str] = []

    def take(self, text: str) -> str:
        self._size += len(text)
        if self._size > MAX_WHOLE:
            raise Blocked(f"The JSON is over {MAX_WHOLE} characters, too long for the guards of this route.")
        self._held.append(text)
        return ""

    def end(self) -> str:
        held, self._held = "".join(self._held), []
        return self._sieve.clean_json(held, self._place) if held else ""


class Undecided:
    """A text that turns out to be JSON, or prose, with its first letter."""

    def __init__(self, sieve: Sieve, place: str) -> None:
        self._sieve, self._place, self._blank = sieve, place, ""
        self._way: Whole | Holder | None = None

    def take(self, text: str) -> str:
        if self._way is None:
            self._blank += text
            first = self._blank.lstrip()[:1]
            if not first:
                return ""
            self._way = (Whole if first in ("{", "[") else Holder)(self._sieve, self._place)
            text, self._blank = self._blank, ""
        return self._way.take(text)

    def end(self) -> str:
        return self._blank if self._way is None else self._way.end()


class Stream:
    """The events of one answer. ``said``: what each choice came to say, as it was sent on."""

    def __init__(self, sieve: Sieve, most: Callable[[int], None], *, is_json: bool) -> None:
        self._sieve, self._most, self._is_json = sieve, most, is_json
        self._texts: dict[tuple[int, str], Any] = {}
        self._tools: dict[tuple[int, int], Whole] = {}
        self._sizes: dict[int, int] = {}
        self._last: dict[str, Any] = {}
        self._ended: set[int] = set()
        self.said: dict[int, str] = {}
        self.is_blocked = False

    def take(self, data: bytes) -> Iterable[bytes]:
        """The events that can go on once this one has come."""
        event = _read(data)
        if "error" in event:
            return [data]
        choices = event.get("choices")
        if not isinstance(choices, list):
            raise Blocked("Answers of this kind cannot stream past the guards of this route. Ask without stream.")
        self._last = {key: value for key, value in event.items() if key not in ("choices", "usage")}
        try:
            kept = [choice for choice in choices if self._choice(choice)]
        except Blocked:
            return self._refused()
        if not kept and choices and not event.get("usage"):
            return []
        event["choices"] = kept
        return [_written(event)]

    def end(self) -> Iterable[bytes]:
        """What is still held, of an answer that ended without saying so."""
        try:
            left = [self._delta(index) for index in sorted({index for index, _ in self._texts} - self._ended)]
        except Blocked:
            return self._refused()
        choices = [one for one in left if one["delta"] or one.get("text")]
        return [_written({**self._last, "choices": choices})] if choices else []

    def instead(self, events: Iterable[bytes], index: int, text: str | None) -> list[bytes]:
        """``events`` with another text of one choice; None: it is blocked."""
        if text is None:
            return list(self._refused())
        out, is_said = [], False
        for data in events:
            event = _read(data)
            for choice in event.get("choices", ()):
                holder = choice.get("delta", choice)
                key = "content" if "delta" in choice else "text"
                if choice.get("index", 0) == index and isinstance(holder.get(key), str) and holder[key]:
                    holder[key] = "" if is_said else text
                    is_said = True
            out.append(_written(event))
        return out

    def _choice(self, choice: dict[str, Any]) -> bool:
        """Whether anything of this choice goes on now; changed in place. Raises :class:`Blocked`."""
        index = int(choice.get("index", 0))
        if not 0 <= index < MAX_CHOICES:
            raise Blocked("The answer has too many choices for the guards of this route.")
        choice.pop("logprobs", None)
        holder = choice["delta"] if isinstance(choice.get("delta"), dict) else choice
        for key in TEXTS:
            if isinstance(holder.get(key), str):
                holder[key] = self._take(index, key, holder[key])
        self._calls(index, holder)
        if choice.get("finish_reason"):
            self._ended.add(index)
            self._finish(index, holder)
            return True
        return any(value for key, value in holder.items() if key not in ("index", "finish_reason"))

    def _take(self, index: int, key: str, text: str) -> str:
        if key in ("content", "text"):
            self._sizes[index] = self._sizes.get(index, 0) + len(text)
            self._most(self._sizes[index])
        way = self._texts.get((index, key))
        if way is None:
            way = (Whole if self._is_json else Undecided)(self._sieve, "answer")
            self._texts[(index, key)] = way
        return self._note(index, key, str(way.take(text)))

    def _calls(self, index: int, holder: dict[str, Any]) -> None:
        """Arguments of tool calls wait for their end."""
        for call in holder.get("tool_calls") or ():
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict) and isinstance(function.get("arguments"), str):
                key = (index, int(call.get("index", 0)))
                if key not in self._tools and len(self._tools) >= MAX_CHOICES:
                    raise Blocked("The answer has too many tool calls for the guards of this route.")
                self._tools.setdefault(key, Whole(self._sieve, "tool call")).take(function["arguments"])
                function["arguments"] = ""
        if holder.get("tool_calls") and not any(
            call.get("id") or (call.get("function") or {}).get("name") for call in holder["tool_calls"]
        ):
            del holder["tool_calls"]  # it had nothing but arguments

    def _finish(self, index: int, holder: dict[str, Any]) -> None:
        """What was held of this choice goes with its end."""
        for (of, key), way in self._texts.items():
            if of == index and (rest := self._note(index, key, str(way.end()))):
                holder[key] = (holder.get(key) or "") + rest
        left = [(at, text) for (of, at), way in self._tools.items() if of == index and (text := way.end())]
        if left:
            known = holder.setdefault("tool_calls", [])
            for at, text in left:
                known.append({"index": at, "function": {"arguments": text}})

    def _delta(self, index: int) -> dict[str, Any]:
        delta: dict[str, Any] = {}
        self._finish(index, delta)
        text = delta.pop("text", None)
        return {"index": index, "text": text, "finish_reason": None} if text else {
            "index": index, "delta": delta, "finish_reason": None
        }  # fmt: skip

    def _note(self, index: int, key: str, text: str) -> str:
        if key in ("content", "text"):
            self.said[index] = self.said.get(index, "") + text
        return text

    def _refused(self) -> Iterable[bytes]:
        self.is_blocked = True
        self.said.clear()
        is_plain = any(key == "text" for _, key in self._texts)
        choice: dict[str, Any] = {"index": 0, "finish_reason": "content_filter"}
        choice["text" if is_plain else "delta"] = "" if is_plain else {}
        return [_written({**self._last, "choices": [choice]})]


def _read(data: bytes) -> dict[str, Any]:
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict):
        raise Blocked("The engine sent something that the guards of this route cannot read.")
    return event


def _written(event: dict[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode()
