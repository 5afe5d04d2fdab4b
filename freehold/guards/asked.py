"""What a call asks, as guards look at it: every text of it, wherever an engine may put one before its model.

Words hide in the description of a tool, in a schema, in a name, in what a tool said. So all of a call is looked at, and
what is not is said here: files as base64, which are sized, and what no guard can read, which is refused.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from freehold.guards.errors import Blocked
from freehold.guards.sieve import Sieve
from freehold.inference.rules import Call

MAX_DEPTH = 110  # a body is at most 100 deep; some texts are JSON again
#: Texts and numbers of one call, each of which takes its time however short it is.
MAX_TEXTS = 60_000
#: What engines turn into words that no guard saw: numbers of tokens, vectors in place of words, programs that write.
_UNREADABLE = (
    "chat_template", "prompt_token_ids", "prompt_embeds", "input_ids", "input_embeds", "inputs_embeds", "tokens",
)  # fmt: skip
#: Patterns: what is masked within one would mean something else.
_EXACT = frozenset({"grammar", "guided_grammar", "guided_regex", "regex", "pattern", "structural_tag"})
#: Words of a protocol. They are looked at like all others, and do not count as somebody's.
_CLOSED = frozenset([
    "model", "role", "type", "id", "object", "tool_call_id", "tool_choice", "encoding_format", "truncation", "language",
    "format", "detail", "strict", "task", "$schema", "$ref", "reasoning_effort", "response_format_type",
])  # fmt: skip
MAX_CLOSED = 64
#: Where files stand: as an address that holds them, or as they are.
_ADDRESSES = frozenset(["url", "image_url", "video_url", "audio_url", "file_url", "image", "video", "audio", "file"])
_BARE = frozenset(["data", "file_data", "b64_json", "image", "video", "audio", "image_embeds", "audio_embeds"])
_MEDIA_TASKS = (
    "image-",
    "audio-",
    "object-",
    "automatic-speech",
    "video-",
    "depth-",
    "mask-",
    "visual-",
    "document-",
    "zero-shot-image-",
)
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-]{64,}={0,2}")
#: A file that does not say that it is one; what is shorter may be a word.
LEAST_BARE = 200
_HEAD = re.compile(r"data:([\w.+-]*/?[\w.+-]*)(?:;[\w.=+-]+)*;base64,", re.IGNORECASE)


def refuse_unreadable(body: Mapping[str, Any]) -> None:
    """Raises :class:`Blocked` where words come in a form that no guard can look at."""
    for name in ("prompt", "input"):
        if _has_tokens(body.get(name)):
            raise Blocked(f'The guards of this route read words: send "{name}" as text, not as numbers of tokens.')
    for name in _UNREADABLE:
        if body.get(name) not in (None, "", [], {}):
            raise Blocked(f'The guards of this route cannot look through "{name}": leave it out.')


def cleaned(body: Mapping[str, Any], sieve: Sieve) -> dict[str, Any]:
    """``body`` with what is to be masked masked, JSON still JSON. Raises :class:`Blocked`."""
    walk = _Walk(sieve, _is_of_files(body))
    return {key: walk.value(one, str(key)[:40], str(key), 0) for key, one in body.items()}


def words(body: Mapping[str, Any]) -> str:
    """All that somebody says in ``body``, one text a line: for guards that read it as a whole."""
    return "\n".join(_words(body, "", _is_of_files(body), 0))


def file_bytes(call: Call) -> int:
    """The size of all pictures, sounds and other files of a call."""
    is_of_files = _is_of_files(call.body)
    in_body = sum(len(text) * 3 // 4 for text in _files(call.body, "", is_of_files, 0))
    return in_body + len(call.upload or b"")


class _Walk:
    """One call on its way through a sieve."""

    def __init__(self, sieve: Sieve, is_of_files: bool) -> None:
        self._sieve, self._is_of_files = sieve, is_of_files
        self._count = 0
        self._known: set[tuple[str, str]] = set()  # short texts in which nothing was found, and where they stood

    def value(self, value: Any, place: str, key: str, depth: int) -> Any:
        """``place``: the first steps to it, as ``messages[2]``; ``key``: the last one."""
        if depth > MAX_DEPTH:
            raise Blocked("The call is nested too deeply for the guards of this route.")
        if isinstance(value, str):
            return self._text(value, place, key)
        if isinstance(value, list):
            inner = [
                self.value(one, f"{place}[{at}]" if depth == 0 else place, key, depth + 1)
                for at, one in enumerate(value)
            ]
            return self._across(inner, place) if key == "content" else inner
        if isinstance(value, Mapping):
            return {
                self._text(str(name), place, ""): self.value(one, place, str(name), depth + 1)
                for name, one in value.items()
            }
        if depth and isinstance(value, int | float) and not isinstance(value, bool):
            self._counted()
            return self._sieve.number(value, place)
        return value

    def _text(self, text: str, place: str, key: str) -> str:
        self._counted()
        if (key, text) in self._known:
            return text
        if is_file(key, text, is_of_files=self._is_of_files):
            return self._file(text, place)
        kept = self._sieve.member(key, text, place)
        if kept != text and key in _EXACT:
            raise Blocked(
                f'A guard masks what it found in "{key}", which would then mean something else: leave it out.'
            )
        if kept == text and len(text) <= MAX_CLOSED:
            self._known.add((key, text))
        return kept

    def _file(self, text: str, place: str) -> str:
        """Of files only those of words are looked into."""
        head = _HEAD.match(text[:300])
        if head is None or not _is_text(head[1]):
            return text
        try:
            said = base64.b64decode(text[head.end() :], validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError) as err:
            raise Blocked("The guards of this route cannot read a file of the call, which says it is text.") from err
        kept = self._sieve.clean_either(said, place)
        return text if kept == said else head[0] + base64.b64encode(kept.encode("utf-8", "replace")).decode()

    def _across(self, parts: list[Any], place: str) -> list[Any]:
        """Parts of one message are read one after the other: what begins in one may end in the next."""
        at = [number for number, one in enumerate(parts) if isinstance(one, dict) and isinstance(one.get("text"), str)]
        if len(at) < 2:
            return parts
        texts = self._sieve.across([parts[number]["text"] for number in at], place)
        told = dict(zip(at, texts, strict=True))
        return [{**one, "text": told[number]} if number in told else one for number, one in enumerate(parts)]

    def _counted(self) -> None:
        self._count += 1
        if self._count > MAX_TEXTS:
            raise Blocked(f"The call has over {MAX_TEXTS:,} texts, too many for the guards of this route.")


def is_file(key: str, text: str, *, is_of_files: bool = False) -> bool:
    """Whether ``text`` is a file and no words: by where it stands, and by what it is made of."""
    is_bare = key in _BARE or (is_of_files and key == "inputs")
    head = _HEAD.match(text[:300]) if is_bare or key in _ADDRESSES else None
    if head is not None:  # what only says so, and goes on in words, is words
        return _is_text(head[1]) or _BASE64.fullmatch(text, head.end()) is not None
    return is_bare and len(text) >= LEAST_BARE and _BASE64.fullmatch(text) is not None


def _is_text(media_type: str) -> bool:
    return media_type.lower().startswith(("text/", "application/json", "application/xml"))


def _is_of_files(body: Mapping[str, Any]) -> bool:
    return str(body.get("task", "")).startswith(_MEDIA_TASKS)


def _has_tokens(value: Any) -> bool:
    """Whether numbers stand where words are to be: an engine turns them into words that no guard saw."""
    return isinstance(value, list) and any(not isinstance(one, str) and not isinstance(one, Mapping) for one in value)


def _words(value: Any, key: str, is_of_files: bool, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        is_closed = key in _CLOSED and len(value) <= MAX_CLOSED
        if value and not is_closed and not is_file(key, value, is_of_files=is_of_files):
            yield value
    elif isinstance(value, list) and depth < MAX_DEPTH:
        for one in value:
            yield from _words(one, key, is_of_files, depth + 1)
    elif isinstance(value, Mapping) and depth < MAX_DEPTH:
        for name, one in value.items():
            if len(str(name)) > MAX_CLOSED or " " in str(name):
                yield str(name)
            yield from _words(one, str(name), is_of_files, depth + 1)


def _files(value: Any, key: str, is_of_files: bool, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        if is_file(key, value, is_of_files=is_of_files):
            yield value
    elif isinstance(value, list | Mapping) and depth < MAX_DEPTH:
        pairs = value.items() if isinstance(value, Mapping) else ((key, one) for one in value)
        for name, one in pairs:
            yield from _files(one, str(name), is_of_files, depth + 1)
