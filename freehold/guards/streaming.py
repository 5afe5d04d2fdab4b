"""Events of a stream behind guards: each text of each choice is held as far as it must be."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from freehold.guards import answers
from freehold.guards.errors import Blocked
from freehold.guards.sieve import Holder, Sieve

#: Of JSON, and of what a tool is called with, which are read whole before they go on.
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
            first = text.lstrip()[:1]
            if not first:
                return ""
            self._way = (Whole if first in ("{", "[") else Holder)(self._sieve, self._place)
            text, self._blank = self._blank, ""
        return self._way.take(text)

    def end(self) -> str:
        return self._blank if self._way is None else self._way.end()


class Tool:
    """The call of a tool, which goes on at its end: its name and what it is called with may come in any pieces."""

    def __init__(self, sieve: Sieve) -> None:
        self._told: dict[str, Any] = {}
        self._texts = {name: Whole(sieve, "tool call") for name in ("id", "type", "name", "arguments", "input")}

    def take(self, call: Mapping[str, Any]) -> None:
        """One piece of it, in whichever of the forms that engines have."""
        function = call.get("function", call.get("custom", call))
        for name, given in (
            ("id", call),
            ("type", call),
            ("name", function),
            ("arguments", function),
            ("input", function),
        ):
            said = given.get(name) if isinstance(given, Mapping) else None
            if isinstance(said, Mapping | list):  # some send what a tool is called with as an object
                said = json.dumps(said, ensure_ascii=False)
            if isinstance(said, str) and not (name in ("id", "type") and name in self._told):
                self._texts[name].take(said)
                self._told[name] = True

    def end(self) -> dict[str, Any]:
        said = {name: way.end() for name, way in self._texts.items() if name in self._told}
        self._told.clear()
        if not said:
            return {}
        inner = {name: said[name] for name in ("name", "arguments", "input") if name in said}
        kind = said.get("type", "function")
        return {
            **({"id": said["id"]} if "id" in said else {}),
            "type": kind,
            "custom" if kind == "custom" else "function": inner,
        }


class Stream:
    """The events of one answer. ``said``: what each choice came to say, as it was sent on; ``beside``: what it said
    beside its answer, to itself and to tools."""

    def __init__(self, sieve: Sieve, most: Callable[[int], None], *, is_json: bool) -> None:
        self._sieve, self._most, self._is_json = sieve, most, is_json
        self._texts: dict[tuple[int, str], Any] = {}
        self._tools: dict[tuple[int, int], Tool] = {}
        self._sizes: dict[int, int] = {}
        self._last: dict[str, Any] = {}
        self._ended: set[int] = set()
        self.said: dict[int, str] = {}
        self.beside: dict[int, str] = {}
        self.is_blocked = False

    def take(self, data: bytes) -> Iterable[bytes]:
        """The events that can go on once this one has come."""
        event = _read(data)
        try:
            if "error" in event:
                return [_written({"error": self._sieve.walk(event["error"], "error")})]
            choices = event.get("choices")
            if not isinstance(choices, list):
                return self._apart(event)
            event = answers.head(event)
            self._last = {key: value for key, value in event.items() if key not in ("choices", "usage", "timings")}
            kept = [one for choice in choices if (one := self._choice(choice)) is not None]
        except Blocked:
            return self._refused()
        if not kept and choices and not event.get("usage"):
            return []
        event["choices"] = kept
        return [_written(event)]

    def end(self) -> Iterable[bytes]:
        """What is still held, of an answer that ended without saying so."""
        open_ = {index for index, _ in self._texts} | {index for index, _ in self._tools}
        try:
            left = [self._delta(index) for index in sorted(open_ - self._ended)]
        except Blocked:
            return self._refused()
        choices = [one for one in left if one.get("delta") or one.get("text")]
        return [_written({**self._last, "choices": choices})] if choices else []

    def instead(self, events: Iterable[bytes], index: int, text: str | None) -> list[bytes]:
        """``events`` with another text of one choice, and nothing beside it; None: it is blocked."""
        if text is None:
            return list(self._refused())
        out, is_said = [], False
        for data in events:
            event = _read(data)
            for choice in event.get("choices", ()):
                if choice.get("index", 0) != index:
                    continue
                holder = choice.get("delta", choice)
                key = "content" if "delta" in choice else "text"
                for name in answers.BESIDE:
                    holder.pop(name, None)
                if isinstance(holder.get(key), str) and holder[key]:
                    holder[key] = "" if is_said else text
                    is_said = True
            out.append(_written(event))
        return out

    def _apart(self, event: dict[str, Any]) -> list[bytes]:
        """An event with no choices: what the answer took goes on, what keeps a line open does not, and what says
        anything in a form that is not known here lets nothing out."""
        if any(key not in answers.HEAD and key != "type" and answers.has_words(one) for key, one in event.items()):
            raise Blocked("Answers of this kind cannot stream past the guards of this route. Ask without stream.")
        told = answers.head(event)
        return [_written({**told, "choices": []})] if told.get("usage") or told.get("timings") else []

    def _choice(self, given: Any) -> dict[str, Any] | None:
        """What of this choice goes on now, None for nothing. Raises :class:`Blocked`."""
        index = given.get("index", 0) if isinstance(given, dict) else None
        if not isinstance(index, int) or not 0 <= index < MAX_CHOICES:
            raise Blocked("The answer has choices that the guards of this route cannot tell apart.")
        is_chat = isinstance(given.get("delta"), dict)
        holder = answers.members(given["delta"] if is_chat else given)
        for key in answers.TEXTS:
            if key in holder:
                holder[key] = self._take(index, key, answers.text_of(holder[key]) or "")
        self._calls(index, holder)
        finish = answers.ending(given.get("finish_reason"))
        if finish:
            self._ended.add(index)
            self._finish(index, holder)
        elif not any(holder.values()):
            return None
        choice: dict[str, Any] = {"index": index, **({"delta": holder} if is_chat else holder), "finish_reason": finish}
        return choice

    def _take(self, index: int, key: str, text: str) -> str:
        if key in answers.ANSWER:
            self._sizes[index] = self._sizes.get(index, 0) + len(text)
            self._most(self._sizes[index])
        way = self._texts.get((index, key))
        if way is None:
            way = (Whole if self._is_json and key in answers.ANSWER else Undecided)(self._sieve, "answer")
            self._texts[(index, key)] = way
        return self._note(index, key, str(way.take(text)))

    def _calls(self, index: int, holder: dict[str, Any]) -> None:
        """Calls of tools wait for their end. Source: OpenAI API reference; ``function_call`` is their older form."""
        calls = holder.pop("tool_calls", None) or []
        old = holder.pop("function_call", None)
        if isinstance(old, dict):
            calls = [*calls, {"index": -1, "function": old}]
        for at, call in enumerate(calls if isinstance(calls, list) else ()):
            if not isinstance(call, dict):
                continue
            number = call.get("index", at)
            key = (index, number if isinstance(number, int) else at)
            if key not in self._tools and len(self._tools) >= MAX_CHOICES:
                raise Blocked("The answer has too many tool calls for the guards of this route.")
            self._tools.setdefault(key, Tool(self._sieve)).take(call)

    def _finish(self, index: int, holder: dict[str, Any]) -> None:
        """What was held of this choice goes with its end."""
        for (of, key), way in self._texts.items():
            if of == index and (rest := self._note(index, key, str(way.end()))):
                holder[key] = (holder.get(key) or "") + rest
        for (of, at), tool in self._tools.items():
            told = tool.end() if of == index else {}
            if not told:
                continue
            self.beside[index] = f"{self.beside.get(index, '')}\n{json.dumps(told, ensure_ascii=False)}"
            if at < 0:
                holder["function_call"] = told["function"]
            else:
                holder.setdefault("tool_calls", []).append({"index": at, **told})

    def _delta(self, index: int) -> dict[str, Any]:
        delta: dict[str, Any] = {}
        self._finish(index, delta)
        text = delta.pop("text", None)
        return {"index": index, "text": text, "finish_reason": None} if text else {
            "index": index, "delta": delta, "finish_reason": None
        }  # fmt: skip

    def _note(self, index: int, key: str, text: str) -> str:
        told = self.said if key in answers.ANSWER else self.beside
        told[index] = told.get(index, "") + text
        return text

    def _refused(self) -> list[bytes]:
        self.is_blocked = True
        self.said.clear()
        self.beside.clear()
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
