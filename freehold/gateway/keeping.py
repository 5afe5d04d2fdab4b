"""What was asked and answered, in words, where the owner of what was called keeps it, and nowhere else.

The name that was called decides: of an endpoint behind a route it is the route's owner who says so. A pipeline keeps
traces of its own.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from freehold.content.kit import Kit
from freehold.core.database import Database
from freehold.gateway.rules import Wish
from freehold.gateway.service import Admitted
from freehold.inference.rules import Target
from freehold.pipelines.rules import AnyPlan, PipelinePlan
from freehold.usage.service import keeping
from freehold.usage.service.keeping import MAX_BYTES, Said

log = logging.getLogger("freehold.gateway")
HEADER = {"X-Freehold-Content": "kept"}
#: A text longer than this without a space near its beginning is a picture or a sound.
MAX_WORD_CHARS = 1000
MASKED = "[Not kept: a guard found in it what is not to be read.]"


def is_kept(plan: AnyPlan) -> bool:
    """Whether what is asked of it and answered is kept by its owner."""
    return plan.keeps_content


class Heard:
    """What was answered, as far as it was sent. Takes nothing in where it is not to be kept."""

    def __init__(self, plan: AnyPlan) -> None:
        self._is_kept = is_kept(plan) and not isinstance(plan, PipelinePlan)
        self._parts: dict[int, list[str]] = {}
        self._chars = 0
        self._body: bytes | None = None
        self.has_begun = False

    def piece(self, data: bytes) -> None:
        """One event of a stream was sent."""
        if not self._is_kept or self._chars > MAX_BYTES:
            return
        self.has_begun = True
        for at, words in _choices(_read(data)):
            self._parts.setdefault(at, []).append(words)
            self._chars += len(words)

    def whole(self, body: bytes) -> None:
        """A whole answer is sent."""
        if self._is_kept:
            self.has_begun, self._body = True, body

    def text(self) -> str:
        """All of it."""
        if self._body is None:
            return "\n\n".join("".join(parts) for _, parts in sorted(self._parts.items()))
        said = _read(self._body[: 8 << 20])
        choices: dict[int, list[str]] = {}
        for at, words in _choices(said):
            choices.setdefault(at, []).append(words)
        if choices:
            return "\n\n".join("".join(parts) for _, parts in sorted(choices.items()))
        if isinstance(said, Mapping) and isinstance(said.get("data"), list):
            return f"[{len(said['data']):,} vectors, not kept]"
        return self._body[: MAX_BYTES + 1].decode("utf-8", "replace")


def keep(database: Database, kit: Kit, admitted: Admitted, heard: Heard) -> None:
    """What was ``heard`` is kept, with what was asked. Never fails a call: what cannot be kept is said in the log."""
    if not heard.has_begun:
        return
    plan, findings = admitted.plan, admitted.ledger.findings
    assert not isinstance(plan, PipelinePlan), "a pipeline keeps its own traces"
    is_masked = any(one.side == "input" and one.does in ("mask", "block") for one in findings)
    said = Said(
        at=admitted.at,
        owner_id=plan.owner_id,
        user_id=admitted.asked.user_id,
        kind="endpoint" if isinstance(plan, Target) else "route",
        served_name=plan.served_name,
        repo_id=plan.repo_id if isinstance(plan, Target) else None,
        request_id=admitted.request_id,
        asked=MASKED if is_masked else asked(admitted.wish),
        answered=heard.text(),
    )
    try:
        with database.write() as db:
            keeping.keep(db, kit.sealer, said, kit.settings.content_days)
    except Exception:
        log.exception("What %s was asked could not be kept", plan.served_name)


def asked(wish: Wish) -> str:
    """What ``wish`` asks, in words, and no more of it than is kept and a character."""
    found, chars = [], 0
    for line in _lines(wish):
        found.append(line)
        chars += len(line) + 2
        if chars > MAX_BYTES:
            break
    return "\n\n".join(found)[: MAX_BYTES + 1]


def _lines(wish: Wish) -> Iterator[str]:
    if wish.upload is not None:
        yield f"[a file of {len(wish.upload):,} bytes, not kept]"
    for message in wish.body.get("messages") or ():
        words = [_words(message.get("content")), *_tools(message.get("tool_calls"))]
        yield f"{message.get('role')}: {' '.join(word for word in words if word)}"
    for name in ("prompt", "input", "query", "documents", "texts", "suffix", "inputs"):
        value = wish.body.get(name)
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                yield _words(one)


def _words(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        is_words = len(value) <= MAX_WORD_CHARS or " " in value[:MAX_WORD_CHARS]
        return value[: MAX_BYTES + 1] if is_words else f"[a file of {len(value):,} characters, not kept]"
    if isinstance(value, list):
        return " ".join(_words(one) for one in value[:1000])
    if isinstance(value, Mapping):
        if "text" in value:
            return _words(value["text"])
        return f"[{str(value.get('type', 'data'))[:40]}, not kept]"
    return json.dumps(value)


def _read(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _choices(said: Any) -> Iterator[tuple[int, str]]:
    choices = said.get("choices") if isinstance(said, Mapping) else None
    for choice in choices if isinstance(choices, list) else ():
        if not isinstance(choice, Mapping):
            continue
        at = choice.get("index")
        message = choice.get("message") or choice.get("delta")
        message = message if isinstance(message, Mapping) else {}
        words = [message.get(name) for name in ("reasoning_content", "content", "refusal")] if message else []
        words += [*_tools(message.get("tool_calls"))] if message else [choice.get("text")]
        text = "".join(word for word in words if isinstance(word, str))
        if text:
            yield at if isinstance(at, int) else 0, text


def _tools(calls: Any) -> Iterator[str]:
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, Mapping) else None
        if isinstance(function, Mapping):
            yield f"{function.get('name') or ''}{function.get('arguments') or ''}"
