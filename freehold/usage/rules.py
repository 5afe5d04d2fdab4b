"""What is asked before a call, and what is recorded after it. Pure.

Money is in millionths of the instance's currency (*micros*), prices in micros per million tokens or per second.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from freehold.usage.errors import BadAmount

Outcome = Literal["ok", "cancelled", "failed", "refused", "cut"]  # cut: the budget ended in the middle of an answer
OUTCOMES: tuple[Outcome, ...] = ("ok", "cancelled", "failed", "refused", "cut")
MILLION = 1_000_000
#: What an answer is thought to take where a call sets no bound of its own: held of a budget while it goes on.
USUAL_ANSWER_TOKENS = 512
USUAL_SECONDS = 2
#: Percent of a budget at which its people are told.
MARKS = (80, 100)
MINUTE_S = 60


@dataclass(frozen=True)
class Payer:
    """Who calls and who pays: the person and token that ask, and the account whose budget it is (a person's own, or
    that of an organisation named by the caller or owning the endpoint)."""

    account_id: str
    user_id: str | None
    token_id: str | None


@dataclass(frozen=True)
class Rate:
    """What a model costs: millionths of the instance's currency per million tokens, or per second of engine time."""

    input_price: int = 0
    cached_price: int = 0
    output_price: int = 0
    second_price: int = 0

    @property
    def is_free(self) -> bool:
        return not (self.input_price or self.cached_price or self.output_price or self.second_price)

    def cost_micros(self, prompt_tokens: int, cached_tokens: int, completion_tokens: int, seconds: float) -> int:
        """What so much of it costs, to the nearest millionth. ``cached_tokens`` are a part of ``prompt_tokens``."""
        cached = min(cached_tokens, prompt_tokens)
        tokens = (
            (prompt_tokens - cached) * self.input_price
            + cached * self.cached_price
            + completion_tokens * self.output_price
        )
        return (tokens + MILLION // 2) // MILLION + round(seconds * self.second_price)


@dataclass(frozen=True)
class Left:
    """What a minute's limit has left after a call: ``word`` is what it counts, requests or tokens; ``reset_s``: seconds
    until all of it is there again, if nothing else comes."""

    word: Literal["requests", "tokens"]
    most: int
    left: int
    reset_s: int


def headers_of(limits: Sequence[Left]) -> dict[str, str]:
    """What is ``left`` as OpenAI's clients read it, by the tightest of several limits of one kind.

    Source: OpenAI API reference, rate limits in headers.
    """
    told: dict[str, str] = {}
    for one in sorted(limits, key=lambda one: -one.left):
        told[f"X-RateLimit-Limit-{one.word.title()}"] = str(one.most)
        told[f"X-RateLimit-Remaining-{one.word.title()}"] = str(one.left)
        told[f"X-RateLimit-Reset-{one.word.title()}"] = f"{one.reset_s}s"
    return told


@dataclass(frozen=True)
class Allowance:
    """What may still be spent by one call, by the tightest of its budgets. None: no bound.

    Prices are in millionths of the instance's currency per million tokens, or per second of engine time. It goes back
    to ``usage.service.record`` with the meter: the call costs what it did when it was let in.
    """

    left_micros: int | None
    input_price: int
    output_price: int
    second_price: int
    cached_price: int = 0
    hold_id: str = ""  # what is held of budgets until the call is recorded; '' nothing
    counted: tuple[str, ...] = ()  # limits that this call was counted under
    expected_tokens: int = 0  # as it was counted under them
    served_name: str = ""  # whose prices these are; of another model that answered in its place, its own count
    limits: tuple[Left, ...] = ()  # what whoever asks may know of them

    @property
    def rate(self) -> Rate:
        return Rate(self.input_price, self.cached_price, self.output_price, self.second_price)

    def of_part(self) -> "Allowance":
        """The same prices, for a part of the call that is recorded before its last one: that one lets go what is held,
        and sets limits right."""
        return replace(self, hold_id="", counted=())

    def after(self, tokens: int) -> "Allowance":
        """For the last part of a call whose earlier ones took so many ``tokens``: limits count those, too."""
        return replace(self, expected_tokens=self.expected_tokens - tokens)

    def left_tokens(self, prompt_tokens: int) -> int | None:
        """Tokens of the answer until the budget ends; None: no bound."""
        if self.left_micros is None or self.output_price <= 0:
            return None
        left = self.left_micros * 1_000_000 - prompt_tokens * self.input_price
        return max(0, left // self.output_price)


@dataclass(frozen=True)
class Terms:
    """By what a call is let in: its price, and what bounds whoever pays. ``ends``: ids of budgets that end calls;
    ``is_told``: whoever asks may know what is left of limits."""

    served_name: str
    rate: Rate
    bounds: "tuple[Bound, ...]" = ()
    ends: tuple[str, ...] = ()
    is_told: bool = False


@dataclass(frozen=True)
class Meter:
    """What one call took. Zero tokens of a call that never reached an engine; its outcome says so."""

    at: datetime
    payer: Payer
    request_id: str
    served_name: str
    via: str  # the route or pipeline that chose it, or ''
    model: str
    revision: str
    repo_id: str | None
    kind: str  # "chat", "embeddings", ...
    outcome: Outcome
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    estimated_tokens: int = 0  # of these, which no engine counted
    seconds: float = 0.0
    queue_seconds: float = 0.0
    first_token_seconds: float | None = None
    processor_seconds: float = 0.0
    peak_memory_bytes: int = 0
    is_batch: bool = False


def expected_micros(rate: Rate, prompt_tokens: int, max_tokens: int | None) -> int:
    """What a call will cost about, before it is made; at least one millionth where anything costs."""
    answer = USUAL_ANSWER_TOKENS if max_tokens is None else max_tokens
    return 0 if rate.is_free else max(1, rate.cost_micros(prompt_tokens, 0, answer, USUAL_SECONDS))


def month_of(moment: datetime) -> str:
    """The month of a moment (in UTC) as budgets know it: ``2026-11``."""
    return f"{moment.year:04d}-{moment.month:02d}"


def joules(processor_seconds: float, core_watts: float) -> float:
    """An estimate of the energy that so much processor time took: no meter was read."""
    return processor_seconds * core_watts


def mark_reached(spent_micros: int, amount_micros: int) -> int:
    """The highest of ``MARKS`` that was reached, in percent; 0: none."""
    return max((mark for mark in MARKS if spent_micros * 100 >= amount_micros * mark), default=0)


def subject_key(account_id: str, user_id: str | None = None, token_id: str | None = None) -> str:
    """What a budget or a limit is of: an account's calls, those of a person, or those by a token, on its account.

    An account of '' is each account that has none of its own.
    """
    return f"{account_id}/{user_id or '-'}/{token_id or '-'}"


def subject_keys(payer: Payer) -> list[str]:
    """Whatever bounds a call of ``payer``: also what a person set for a token of theirs, whoever pays."""
    keys = [subject_key(payer.account_id)]
    if payer.user_id and payer.user_id != payer.account_id:
        keys.append(subject_key(payer.account_id, payer.user_id))
    if payer.token_id:
        keys.append(subject_key(payer.account_id, None, payer.token_id))
        if payer.user_id and payer.user_id != payer.account_id:
            keys.append(subject_key(payer.user_id, None, payer.token_id))
    return keys


def price_key(kind: str, name: str) -> str:
    """The key of a price: of a served ``name``, of a ``model``, or the ``default`` one."""
    name = name.strip().lower()
    if kind == "default":
        return kind
    if kind not in ("name", "model") or not re.fullmatch(r"[^\s/\x00]{1,96}/\S{1,200}", name) or "\0" in name:
        raise BadAmount("A price is of a name such as demo/smollm2, or of all others.", field="name")
    return f"{kind}:{name}"


def micros(text: str, what: str, field: str) -> int:
    """An amount as people type it (``12.50``), in millionths. Raises :class:`BadAmount`, which says ``what``."""
    typed = text.strip().replace(",", ".")
    if not re.fullmatch(r"\d{1,9}(\.\d{0,6})?", typed, re.ASCII):
        raise BadAmount(f"{what} is a number from 0 to 999,999,999, such as 12.50.", field=field)
    whole, _, part = typed.partition(".")
    return int(whole) * MILLION + int(part.ljust(6, "0") or 0)


def number(text: str, what: str, field: str) -> int | None:
    """A whole number of 1 or more as people type it; None where nothing was typed."""
    typed = text.strip().replace(",", "")
    if not typed:
        return None
    if not re.fullmatch(r"\d{1,12}", typed, re.ASCII) or int(typed) < 1:
        raise BadAmount(f"{what} is a whole number of 1 or more; empty: no limit.", field=field)
    return int(typed)


def price_keys(served_name: str, model: str) -> list[str]:
    """Where the price of a call is looked for, the nearest first."""
    return [f"name:{served_name.lower()}", f"model:{model.lower()}", "default"]


@dataclass(frozen=True)
class Bound:
    """A limit as a call meets it. None: not bounded so."""

    id: str
    calls: int | None
    tokens: int | None
    whose: str  # for the sentence that refuses: "account", "person", "token"


class Window:
    """Calls and tokens of the last minute: this minute's, and the last one's as far as it is not yet over.

    ``elsewhere``: what other nodes counted in this minute, as last heard.
    """

    __slots__ = ("before", "calls", "elsewhere", "minute", "tokens")

    def __init__(self, minute: int) -> None:
        self.minute = minute
        self.calls = self.tokens = 0
        self.before = (0, 0)
        self.elsewhere = (0, 0)

    def turn(self, minute: int) -> None:
        """It is ``minute`` now."""
        if minute == self.minute:
            return
        whole = (self.calls + self.elsewhere[0], self.tokens + self.elsewhere[1])
        self.before = whole if minute == self.minute + 1 else (0, 0)
        self.minute, self.calls, self.tokens, self.elsewhere = minute, 0, 0, (0, 0)

    def wait_s(self, bound: Bound, now_s: float, tokens: int) -> tuple[str, int]:
        """What a call of ``tokens`` would break, ``calls`` or ``tokens``, and in how many seconds it may be repeated.

        ('', 0) where it may come now. A call of more tokens than a minute has may come into an empty minute.
        """
        into_s = now_s - self.minute * MINUTE_S
        for word, most, here, before, more in (
            ("calls", bound.calls, self.calls + self.elsewhere[0], self.before[0], 1),
            ("tokens", bound.tokens, self.tokens + self.elsewhere[1], self.before[1], max(1, tokens)),
        ):
            if most is None:
                continue
            free = most - min(more, most)  # what may be in the window already
            if here + before * (1 - into_s / MINUTE_S) > free + 1e-6:  # a rounding is no call
                return word, _free_in_s(here, before, free, into_s)
        return "", 0

    def left(self, bound: Bound, now_s: float) -> list[Left]:
        """What is left of ``bound``."""
        into_s = now_s - self.minute * MINUTE_S
        found: list[Left] = []
        counts: tuple[tuple[Literal["requests", "tokens"], int | None, int, int], ...] = (
            ("requests", bound.calls, self.calls + self.elsewhere[0], self.before[0]),
            ("tokens", bound.tokens, self.tokens + self.elsewhere[1], self.before[1]),
        )
        for word, most, here, before in counts:
            if most is not None:
                used = here + before * (1 - into_s / MINUTE_S)
                minutes = 2 if here else 1 if before else 0  # what is counted now fades over the next one
                reset_s = max(0, math.ceil(minutes * MINUTE_S - into_s))
                found.append(Left(word, most, max(0, math.floor(most - used + 1e-6)), reset_s))
        return found


def _free_in_s(here: int, before: int, free: int, into_s: float) -> int:
    """Whole seconds until at most ``free`` of the window is left, if nothing else comes."""
    if here <= free and before:
        at_s = MINUTE_S * (1 - (free - here) / before)
    else:  # only in the next minute, when what is counted now fades
        at_s = MINUTE_S + MINUTE_S * (1 - free / here if here else 0)
    return max(1, -int(-(at_s - into_s) // 1))
