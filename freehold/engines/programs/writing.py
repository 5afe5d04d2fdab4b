"""Texts written by a model, token by token: bounded, ended where the model or the call says so, told as they come.

A model is a :class:`Reader`: it reads some tokens, keeps what the next ones need, and gives scores for what follows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from freehold.engines.programs import patience
from freehold.engines.programs.sampling import Choosing, Sampling
from freehold.engines.programs.serving import Call

Reason = Literal["stop", "length"]
#: Tokens that make no whole letter yet, before they are told as they are.
MAX_HELD = 24
#: Of what was read, so much stands before a continuation when its first token becomes letters: a blank is part of it.
BEFORE = 6


class Reader(Protocol):
    """A model that writes. Used by several threads at a time."""

    tokenizer: Any
    context_tokens: int
    step: int  # tokens that are read at a time
    ends: frozenset[int]  # tokens by which an answer is at its end

    def read(self, tokens: Sequence[int], kept: Any, call: Call) -> tuple[Any, Any]:
        """Scores of the next token (float32, the vocabulary wide), and what is kept. ``kept`` None: nothing yet; it
        is not changed. Raises ``serving.Left``."""
        ...


@dataclass(frozen=True)
class Wish:
    """What is to be written after each of ``prompts``: ``answers`` to each, of up to ``most`` tokens (None: as many as
    fit). ``continues``: the text goes on with its prompt, else it is an answer of its own."""

    prompts: Sequence[Sequence[int]]
    answers: int
    most: int | None
    stops: Sequence[str]
    by: Sampling
    continues: bool


@dataclass(frozen=True)
class Piece:
    """More of answer ``index``; with ``reason`` its last. ``stop``: the word of the call's by which it ended."""

    index: int
    text: str
    reason: Reason | None = None
    stop: str | None = None


def write(reader: Reader, wish: Wish, call: Call) -> Iterator[Piece]:
    """All answers, one after the other. Raises ``serving.Left``."""
    for at, prompt in enumerate(wish.prompts):
        scores = kept = None
        for start in range(0, len(prompt), reader.step):
            call.check()
            some = prompt[start : start + reader.step]
            scores, kept = reader.read(some, kept, call)
            call.prompt_tokens += len(some)
        for number in range(wish.answers):
            index = at * wish.answers + number
            yield from _answer(reader, wish, call, prompt, index, number, scores, kept)


def _answer(
    reader: Reader, wish: Wish, call: Call, prompt: Sequence[int], index: int, number: int, scores: Any, kept: Any
) -> Iterator[Piece]:
    room = reader.context_tokens - len(prompt)
    most = room if wish.most is None else min(room, wish.most)
    choosing = Choosing(wish.by, number, prompt)
    letters = Letters(reader.tokenizer, prompt[-BEFORE:] if wish.continues else ())
    held = Held(wish.stops)
    for written in range(most):
        call.check()
        token = choosing.next(scores.copy())
        call.completion_tokens += 1
        if token in reader.ends:
            yield Piece(index, held.rest(letters.rest()), "stop", held.word)
            return
        text = held.add(letters.add(token))
        if held.is_over:
            yield Piece(index, text, "stop", held.word)
            return
        if text:
            yield Piece(index, text)
        if written + 1 < most:
            scores, kept = reader.read([token], kept, call)
    yield Piece(index, held.rest(letters.rest()), "stop" if held.is_over else "length", held.word)


class Letters:
    """Tokens as text, as they come: a letter may be several of them, and what one says may hang on those before it."""

    def __init__(self, tokenizer: Any, before: Sequence[int]) -> None:
        self._tokenizer = tokenizer
        self._ids = [*before]
        self._start, self._told = 0, len(self._ids)

    def add(self, token: int) -> str:
        self._ids.append(token)
        text = self._new()
        is_held = not text or (text.endswith("�") and len(self._ids) - self._told < MAX_HELD)
        if is_held:
            return ""
        self._start, self._told = self._told, len(self._ids)
        del self._ids[: self._start]
        self._start, self._told = 0, self._told - self._start
        return text

    def rest(self) -> str:
        return self._new()

    def _new(self) -> str:
        with patience.step():
            before = self._tokenizer.decode(self._ids[self._start : self._told])
            whole: str = self._tokenizer.decode(self._ids[self._start :])
        return whole[len(before) :]


class Held:
    """Text as it comes, without a word by which it is to end; what may be the beginning of one waits."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._text = ""
        self.word: str | None = None  # that was found

    @property
    def is_over(self) -> bool:
        return self.word is not None

    def add(self, text: str) -> str:
        self._text += text
        found = [(at, one) for at, one in ((self._text.find(one), one) for one in self._stops) if at >= 0]
        if found:
            at, self.word = min(found)
            return self._text[:at]
        waits = max((_overlap(self._text, one) for one in self._stops), default=0)
        told, self._text = self._text[: len(self._text) - waits], self._text[len(self._text) - waits :]
        return told

    def rest(self, text: str) -> str:
        told = self.add(text)
        return told if self.is_over else told + self._text


def _overlap(text: str, stop: str) -> int:
    """Letters at the end of ``text`` with which ``stop`` begins."""
    return next((size for size in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:size])), 0)
