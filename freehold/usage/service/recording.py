"""After a call: its meter, its sums, what it took of budgets.

Meters wait in memory for half a second at most and are written together, because a database with one writer would make
64 calls at a time wait for each other. A clean stop writes what waits; a killed node loses what ended within its last
half second, and what such calls held of a budget lapses. Where the database does not answer, meters wait and nothing
more is let in once there are very many.
"""

import hashlib
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

from sqlalchemy import Boolean, Date, bindparam, delete, insert, select, text, update
from sqlalchemy.orm import Session

from freehold.core import clock, events
from freehold.core.database import Database
from freehold.core.ids import new_id, ordered_id
from freehold.usage import queries
from freehold.usage.errors import NotRecorded, RateLimited
from freehold.usage.events import BudgetReached
from freehold.usage.rules import (
    MINUTE_S,
    Allowance,
    Bound,
    Left,
    Meter,
    Window,
    joules,
    mark_reached,
    month_of,
    subject_keys,
)
from freehold.usage.tables import Budget, BudgetHold, LimitMinute, MeterRow

log = logging.getLogger("freehold.usage")
#: Under this name in ``Database.info``, and so in that of every session.
LEDGER = "usage_ledger"
FLUSH_S = 0.5
RENEW_S = 60.0
#: As ``admission.HOLD``; a call that is not recorded by then is taken for lost.
RENEWED = timedelta(minutes=3)
LONGEST_CALL_S = 6 * 3600
BATCH = 1000
MAX_WAITING = 50_000
MAX_WINDOWS = 20_000
ADDED = (
    "calls", "prompt_tokens", "cached_tokens", "completion_tokens", "estimated_tokens", "seconds_ms", "queue_ms",
    "processor_ms", "energy_mj", "cost_micros",
)  # fmt: skip
TOLD_APART = (
    "day", "payer_id", "user_id", "token_id", "served_name", "model", "repo_id", "kind", "outcome", "is_batch",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A meter that waits to be written, under the id that its row will have."""

    id: str
    meter: Meter
    allowance: Allowance | None


class Ledger:
    """What this node knows of calls: meters to be written, holds to be renewed, this minute's counts."""

    def __init__(self, database: Database, *, core_watts: float) -> None:
        self.database, self.core_watts, self.node = database, core_watts, new_id()
        self._lock, self._flushing = threading.Lock(), threading.Lock()
        self._waiting: list[Entry] = []
        self._holds: dict[str, float] = {}
        self._windows: dict[str, Window] = {}
        self._renewed_at = time.monotonic()
        self._may_be_there = 0  # the first so many of those that wait: all of them, or none

    # ---- limits --------------------------------------------------------------------------------------------

    def count(self, bounds: Sequence[Bound], tokens: int) -> tuple[str, ...]:
        """A call of about so many tokens comes; the ids it was counted under. Raises ``RateLimited``, uncounted.

        Over several nodes a limit may be passed by what the others let in within the last half second.
        """
        if not bounds:
            return ()
        now_s = clock.now().timestamp()
        with self._lock:
            windows = [self._window(bound.id, int(now_s // MINUTE_S)) for bound in bounds]
            for bound, window in zip(bounds, windows, strict=True):
                word, wait_s = window.wait_s(bound, now_s, tokens)
                if word:
                    most = bound.calls if word == "calls" else bound.tokens
                    does = "make" if word == "calls" else "use"
                    raise RateLimited(
                        f"This {bound.whose} may {does} {most:,} {word} a minute here. Repeat it in {wait_s} s.",
                        retry_s=wait_s,
                    )
            for window in windows:
                window.calls += 1
                window.tokens += tokens
        return tuple(bound.id for bound in bounds)

    def left(self, bounds: Sequence[Bound]) -> tuple[Left, ...]:
        """What is left of each now."""
        now_s = clock.now().timestamp()
        with self._lock:
            return tuple(
                one for bound in bounds for one in self._window(bound.id, int(now_s // MINUTE_S)).left(bound, now_s)
            )

    def uncount(self, ids: Sequence[str], tokens: int, *, calls: int = 1) -> None:
        """What was counted too much: a call that was not made, or tokens that were not used (negative: too few)."""
        minute = int(clock.now().timestamp() // MINUTE_S)
        with self._lock:
            for window in (self._window(limit_id, minute) for limit_id in ids):
                window.calls = max(0, window.calls - calls)
                window.tokens = max(0, window.tokens - tokens)

    def _window(self, limit_id: str, minute: int) -> Window:
        window = self._windows.get(limit_id)
        if window is None:
            if len(self._windows) >= MAX_WINDOWS:
                self._windows = {key: kept for key, kept in self._windows.items() if kept.minute >= minute - 1}
            window = self._windows[limit_id] = Window(minute)
        window.turn(minute)
        return window

    # ---- meters --------------------------------------------------------------------------------------------

    def refuse_unrecorded(self) -> None:
        if len(self._waiting) >= MAX_WAITING:
            raise NotRecorded(
                "What calls use cannot be written down, so no more are let in. Repeat it shortly.",
                headers={"Retry-After": "5"},
            )

    def keep(self, hold_id: str) -> None:
        """A call of this node is under way and holds something."""
        if hold_id:
            with self._lock:
                self._holds[hold_id] = time.monotonic()

    def note(self, meter: Meter, allowance: Allowance | None) -> None:
        """The meter will be written within half a second. Only memory: may be called from the event loop."""
        if allowance is not None and allowance.counted:
            used = meter.prompt_tokens + meter.completion_tokens
            self.uncount(allowance.counted, allowance.expected_tokens - used, calls=0)
        with self._lock:
            self._waiting.append(Entry(ordered_id(), meter, allowance))

    def flush(self) -> None:
        """Everything that waited is written, some at a time; holds of calls under way are renewed now and then."""
        with self._flushing:
            while self._flush_some():
                pass
            if self._holds and time.monotonic() - self._renewed_at > RENEW_S:
                self._renew()

    def _flush_some(self) -> bool:
        with self._lock:
            most = self._may_be_there or BATCH  # and none that came since
            some, self._waiting = self._waiting[:most], self._waiting[most:]
            counts = [] if self.database.is_sqlite else self._counts()
        if not some and not counts:
            return False
        try:
            with self.database.write() as db:
                if some and not (self._may_be_there and _is_written(db, some[0])):
                    write(db, some, self.core_watts)
                heard = _exchange(db, self.node, counts)
        except BaseException:
            # Whether the commit arrived is not known: the next turn looks before it writes them again.
            with self._lock:
                self._waiting[:0], self._may_be_there = some, len(some)
            raise
        with self._lock:
            self._may_be_there = 0
            for entry in some:
                if entry.allowance is not None:
                    self._holds.pop(entry.allowance.hold_id, None)
            for limit_id, minute, calls, tokens in heard:
                window = self._windows.get(limit_id)
                if window is not None and window.minute == minute:
                    window.elsewhere = (calls, tokens)
            return len(self._waiting) >= BATCH

    def _counts(self) -> list[tuple[str, int, int, int]]:
        minute = int(clock.now().timestamp() // MINUTE_S)
        now = ((key, window) for key, window in self._windows.items() if window.minute == minute)
        return [(key, minute, window.calls, window.tokens) for key, window in now if window.calls or window.tokens]

    def _renew(self) -> None:
        self._renewed_at = now_s = time.monotonic()
        with self._lock:
            self._holds = {key: since for key, since in self._holds.items() if now_s - since < LONGEST_CALL_S}
            ids = list(self._holds)
        with self.database.write() as db:
            now = clock.now()
            for at in range(0, len(ids), BATCH):
                mine = update(BudgetHold).where(BudgetHold.id.in_(ids[at : at + BATCH]))
                db.execute(mine.values(lapses_at=now + RENEWED).execution_options(synchronize_session=False))
            db.execute(delete(BudgetHold).where(BudgetHold.lapses_at < now))


def record(place: Database | Session, meter: Meter, allowance: Allowance | None = None) -> None:
    """What a call took is written down, within half a second; what it held of budgets is settled by it.

    ``place``: the database, or a session of it. Quick, and safe in the event loop where the hub keeps a ledger.
    ``allowance``: as :func:`admit` gave it; without one the call costs what is the price by now.
    """
    ledger: Ledger | None = place.info.get(LEDGER)
    if ledger is not None:
        ledger.note(meter, allowance)
        return
    assert isinstance(place, Session), "without a ledger a meter is written by a transaction"
    write(place, [Entry(ordered_id(), meter, allowance)], 0.0)


def forgo(place: Database | Session, allowance: Allowance) -> None:
    """The call was not made after all, and left no meter: nothing is held or counted for it any more."""
    ledger: Ledger | None = place.info.get(LEDGER)
    if ledger is not None:
        ledger.uncount(allowance.counted, allowance.expected_tokens)
    if not allowance.hold_id:
        return
    if isinstance(place, Session):
        place.execute(delete(BudgetHold).where(BudgetHold.id == allowance.hold_id))
    else:
        with place.write() as db:
            db.execute(delete(BudgetHold).where(BudgetHold.id == allowance.hold_id))


def write(db: Session, entries: Sequence[Entry], core_watts: float) -> None:
    """Rows, sums and budgets hold these calls, and nothing is held for them any more."""
    rows = [_row(db, entry, core_watts) for entry in entries]
    db.execute(insert(MeterRow), rows)
    _add_days(db, rows)
    holds = [entry.allowance.hold_id for entry in entries if entry.allowance and entry.allowance.hold_id]
    for at in range(0, len(holds), BATCH):
        db.execute(delete(BudgetHold).where(BudgetHold.id.in_(holds[at : at + BATCH])))
    spent: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for entry, row in zip(entries, rows, strict=True):
        if row["cost_micros"]:
            for key in subject_keys(entry.meter.payer):
                spent[key][month_of(row["at"])] += row["cost_micros"]
    _spend(db, spent)


def _is_written(db: Session, entry: Entry) -> bool:
    return db.scalar(select(MeterRow.id).where(MeterRow.id == entry.id)) is not None


def _row(db: Session, entry: Entry, core_watts: float) -> dict[str, Any]:
    meter, allowance = entry.meter, entry.allowance
    # Also of a route or pipeline that has a price of its own: it is the price of all that was asked for it.
    is_its_own = allowance is not None and allowance.served_name in ("", meter.served_name, meter.via)
    rate = allowance.rate if allowance and is_its_own else queries.price_of(db, meter.served_name, meter.model)
    at = meter.at.astimezone(UTC)
    return {
        "id": entry.id,
        "at": at,
        "day": at.date(),
        "payer_id": meter.payer.account_id,
        "user_id": meter.payer.user_id,
        "token_id": meter.payer.token_id,
        "request_id": _kept(meter.request_id, 256),
        "served_name": _kept(meter.served_name, 320),
        "via": _kept(meter.via, 320),
        "model": _kept(meter.model, 320),
        "revision": _kept(meter.revision, 64),
        "repo_id": meter.repo_id,
        "kind": _kept(meter.kind, 32),
        "outcome": meter.outcome,
        "is_batch": meter.is_batch,
        "prompt_tokens": meter.prompt_tokens,
        "cached_tokens": meter.cached_tokens,
        "completion_tokens": meter.completion_tokens,
        "estimated_tokens": meter.estimated_tokens,
        "seconds_ms": round(meter.seconds * 1000),
        "queue_ms": round(meter.queue_seconds * 1000),
        "first_token_ms": None if meter.first_token_seconds is None else round(meter.first_token_seconds * 1000),
        "processor_ms": round(meter.processor_seconds * 1000),
        "peak_memory_bytes": meter.peak_memory_bytes,
        "energy_mj": round(joules(meter.processor_seconds, core_watts) * 1000),
        "cost_micros": rate.cost_micros(
            meter.prompt_tokens, meter.cached_tokens, meter.completion_tokens, meter.seconds
        ),
        "input_price": rate.input_price,
        "cached_price": rate.cached_price,
        "output_price": rate.output_price,
        "second_price": rate.second_price,
    }


def _kept(value: str, most: int) -> str:
    """As a database keeps it, whatever a client sent: one bad text must not hold up the others."""
    return value.replace("\0", "").encode("utf-8", "replace").decode()[:most]


_ADD_DAY = text(
    f"INSERT INTO usage_days (id, {', '.join(TOLD_APART)}, {', '.join(ADDED)}, peak_memory_bytes)"  # noqa: S608  our own names
    f" VALUES (:id, {', '.join(':' + name for name in (*TOLD_APART, *ADDED))}, :peak_memory_bytes)"
    f" ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = usage_days.{name} + excluded.{name}' for name in ADDED)},"
    " peak_memory_bytes = CASE WHEN excluded.peak_memory_bytes > usage_days.peak_memory_bytes"
    " THEN excluded.peak_memory_bytes ELSE usage_days.peak_memory_bytes END"
).bindparams(bindparam("day", type_=Date), bindparam("is_batch", type_=Boolean))


def _add_days(db: Session, rows: Iterable[Mapping[str, Any]]) -> None:
    sums: dict[str, dict[str, Any]] = {}
    for row in rows:
        told = {name: ("" if row[name] is None else row[name]) for name in TOLD_APART}
        key = hashlib.blake2b("\x1f".join(map(str, told.values())).encode(), digest_size=16).hexdigest()
        day = sums.setdefault(key, {"id": key, **told, "peak_memory_bytes": 0, **dict.fromkeys(ADDED, 0)})
        for name in ADDED:
            day[name] += 1 if name == "calls" else row[name]
        day["peak_memory_bytes"] = max(day["peak_memory_bytes"], row["peak_memory_bytes"])
    # In one order everywhere, so that two nodes wait for each other's rows instead of locking up.
    db.execute(_ADD_DAY, [sums[key] for key in sorted(sums)])


def _spend(db: Session, spent: Mapping[str, Mapping[str, int]]) -> None:
    keys, this_month = sorted(spent), month_of(clock.now())
    budgets: list[Budget] = []
    for at in range(0, len(keys), BATCH):
        some = select(Budget).where(Budget.key.in_(keys[at : at + BATCH])).order_by(Budget.id).with_for_update()
        budgets += db.scalars(some.execution_options(populate_existing=True))
    for budget in budgets:
        micros = spent[budget.key].get(this_month, 0)
        if not micros:  # a call of last month's, which nothing bounds any more
            continue
        if budget.month != this_month:
            budget.month, budget.spent_micros, budget.told = this_month, 0, 0
        budget.spent_micros += micros
        mark = mark_reached(budget.spent_micros, budget.amount_micros)
        if mark > budget.told:
            budget.told = mark
            events.publish(db, BudgetReached(budget, mark))
    db.flush()


_SAY = text(
    "INSERT INTO limit_minutes (limit_id, minute, node, calls, tokens) VALUES (:limit_id, :minute, :node, :calls,"
    " :tokens) ON CONFLICT (limit_id, minute, node) DO UPDATE SET calls = excluded.calls, tokens = excluded.tokens"
)


def _exchange(db: Session, node: str, counts: Sequence[tuple[str, int, int, int]]) -> list[tuple[str, int, int, int]]:
    """Tell the other nodes what was counted here, and hear the sum of what was there."""
    if not counts:
        return []
    names = ("limit_id", "minute", "calls", "tokens")
    db.execute(_SAY, [dict(zip(names, count, strict=True)) | {"node": node} for count in sorted(counts)])
    minute = counts[0][1]
    heard: dict[str, tuple[int, int]] = {}
    ids = sorted(count[0] for count in counts)
    for at in range(0, len(ids), BATCH):
        there = select(LimitMinute.limit_id, LimitMinute.calls, LimitMinute.tokens).where(
            LimitMinute.limit_id.in_(ids[at : at + BATCH]), LimitMinute.minute == minute, LimitMinute.node != node
        )
        for limit_id, calls, tokens in db.execute(there):
            before = heard.get(limit_id, (0, 0))
            heard[limit_id] = (before[0] + calls, before[1] + tokens)
    return [(limit_id, minute, *heard.get(limit_id, (0, 0))) for limit_id in ids]
