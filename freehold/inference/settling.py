"""What a call took that was left early, or broke off: the engine's own count where it tells one, else an estimate.

llama.cpp tells totals of all calls (``inference.counting``). Our own programs and transformers tell of each call by its
id, also after its caller left (``GET /took/ID``): it is let go between two of its steps, and holds its slot until then.
Of the others it is reckoned what their events showed, and the meter says that it is an estimate.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from freehold.inference.counting import Ledger
from freehold.inference.rules import Call, Measured

#: Engines that tell of each call.
TELLING = frozenset({"encoder", "onnx", "onnx-text", "transformers"})
#: How long what was left is waited for, which an engine may be unable to stop.
TELL_S, LOOK_S = 30.0, 0.05
#: Characters of most texts that make a token.
USUAL_CHARS = 4
MAX_DEPTH = 12


@dataclass
class Shown:
    """What the events of a stream showed so far."""

    events: int = 0
    chars: int = 0
    is_at_end: bool = False  # an event said why the answer ends

    def add(self, event: Mapping[str, Any]) -> None:
        text = _text_of(event)
        choices = event.get("choices")
        for one in choices if isinstance(choices, list) else ():
            self.is_at_end |= isinstance(one, Mapping) and bool(one.get("finish_reason"))
        self.events += bool(text)
        self.chars += len(text)

    @property
    def tokens(self) -> int:
        """About: an event is a token, or more where it is long."""
        return max(self.events, self.chars // USUAL_CHARS)


async def by_totals(ledger: Ledger, measured: Measured, call: Call, *, is_whole: bool) -> None:
    """``measured`` is what the engine's totals say. Of several choices its usage says the first one's tokens alone."""
    prompts = call.body.get("prompt")
    is_several = isinstance(prompts, list) and len(prompts) > 1 and not isinstance(prompts[0], int)
    is_one = call.body.get("n") in (None, 1) and call.body.get("n_cmpl") in (None, 1) and not is_several
    if is_whole and is_one:
        ledger.end(measured)
        return
    if not measured.completion_tokens:  # a prompt counts for the engine once it was read to its end
        measured.prompt_tokens = measured.cached_tokens = 0
    is_known = measured.completion_tokens > 0 and not is_several  # of several prompts it says the first one's, too
    measured.is_counted = await in_any_case(ledger.leave(measured, is_known=is_known))


async def by_its_word(ask: Callable[[], Awaitable[Mapping[str, Any] | None]], measured: Measured) -> bool:
    """``measured`` is what the engine says of this call once it has let go of it. False: it does not say."""
    deadline = asyncio.get_running_loop().time() + TELL_S
    looks = 0
    while asyncio.get_running_loop().time() < deadline:
        said = await ask()
        if said is None:
            return False
        looks += 1
        measured.prompt_tokens = int(said["prompt_tokens"])
        measured.completion_tokens = int(said["completion_tokens"])
        # What it does not know may be on its way to it: it is asked twice.
        if said["is_over"] and (said["is_known"] or looks > 1):
            measured.is_counted = True
            return True
        await asyncio.sleep(LOOK_S)
    return False


def by_what_was_shown(call: Call, measured: Measured, shown: Shown | None) -> None:
    """``measured`` is an estimate. ``shown`` None: no word of an answer came."""
    measured.is_counted = False
    measured.prompt_tokens = measured.prompt_tokens or chars_of(call.body) // USUAL_CHARS
    if shown is not None:
        measured.completion_tokens = max(measured.completion_tokens, shown.tokens)


async def in_any_case(settling: Awaitable[bool]) -> bool:
    """The caller may be cancelled already: what it left is settled all the same."""
    task = asyncio.ensure_future(settling)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def chars_of(asked: Any, depth: int = 0) -> int:
    """Characters of the question ``asked``; a picture in it is none, and a token by its number is as many as usual."""
    if isinstance(asked, int):
        return USUAL_CHARS
    if isinstance(asked, str):
        return 0 if asked.startswith("data:") else len(asked)
    if depth > MAX_DEPTH:
        return 0
    if isinstance(asked, Mapping):
        of_question = ("messages", "prompt", "input", "inputs", "content", "text", "query", "documents", "instructions")
        return sum(chars_of(value, depth + 1) for name, value in asked.items() if name in of_question)
    if isinstance(asked, list):
        return sum(chars_of(one, depth + 1) for one in asked)
    return 0


def _text_of(event: Mapping[str, Any]) -> str:
    """The words of an answer in one event, of all its choices, or of OpenAI's "responses"."""
    if event.get("type") == "response.output_text.delta":
        return str(event.get("delta") or "")
    choices = event.get("choices")
    found = ""
    for one in choices if isinstance(choices, list) else ():
        if isinstance(one, Mapping):
            delta = one.get("delta")
            said = delta if isinstance(delta, Mapping) else one
            found += "".join(str(said[name]) for name in ("content", "text", "reasoning_content") if said.get(name))
            found += "".join(_arguments(said.get("tool_calls")))
    return found


def _arguments(calls: Any) -> list[str]:
    return [str(one.get("function")) for one in calls if isinstance(one, Mapping)] if isinstance(calls, list) else []
