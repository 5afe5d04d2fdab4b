"""Before a call: what it may spend, and whether it comes too soon.

A call reads three short lists by their keys: what it costs, what bounds a minute, what bounds a month. It writes only
where it costs something and a budget ends calls: then what it is thought to cost is held of that budget until it is
recorded, so that many calls at a time, on any number of nodes, overspend by no more than the last of them go past what
was expected. What a call holds lapses by itself when its node is gone (``recording``).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from freehold.core import clock
from freehold.core.database import Database
from freehold.core.ids import new_id
from freehold.usage import queries
from freehold.usage.errors import BudgetSpent, RateLimited
from freehold.usage.rules import (
    Allowance,
    Bound,
    Left,
    Payer,
    Rate,
    Terms,
    expected_micros,
    headers_of,
    month_of,
    subject_key,
    subject_keys,
)
from freehold.usage.service.recording import LEDGER, Ledger
from freehold.usage.tables import Budget, BudgetHold, Limit

#: A hold that its node does not renew has lapsed.
HOLD = timedelta(minutes=3)
#: When calls in flight hold all that is left, how soon it is worth asking again.
HELD_RETRY_S = 5


def admit(
    db: Session,
    payer: Payer,
    served_name: str,
    model: str,
    *,
    prompt_tokens: int = 0,
    max_tokens: int | None = None,
) -> Allowance:
    """One call may go on, with what it may spend. It must come back to :func:`record`, however it ends.

    ``prompt_tokens``: about how many there will be; ``max_tokens``: the call's own bound of its answer. ``db`` may be
    a transaction that only reads: what is to be held is then written by one of its own.

    Raises ``RateLimited`` and ``BudgetSpent`` (429), ``NotRecorded`` (503).
    """
    return enter(db, terms(db, payer, served_name, model), prompt_tokens=prompt_tokens, max_tokens=max_tokens)


def terms(db: Session, payer: Payer, served_name: str, model: str) -> Terms:
    """By what calls of ``payer`` are let in, as it stands now."""
    rate, keys = queries.price_of(db, served_name, model), subject_keys(payer)
    bounds = _bounds(db, payer, keys) if db.info.get(LEDGER) is not None else []
    ends: Sequence[str] = ()
    if not rate.is_free:
        ends = db.scalars(select(Budget.id).where(Budget.key.in_(keys), Budget.is_hard)).all()
    # Who is not signed in is let in on the account of whose machine it is, which is nobody else's to know.
    return Terms(served_name, rate, tuple(bounds), tuple(ends), is_told=payer.user_id is not None)


def enter(
    place: Session | Database, terms: Terms, *, prompt_tokens: int = 0, max_tokens: int | None = None
) -> Allowance:
    """One call may go on by these ``terms``, as :func:`admit`. ``place``: a session; where no budget ends calls also
    the database, of which nothing is asked then."""
    ledger: Ledger | None = place.info.get(LEDGER)
    rate, expected_tokens = terms.rate, prompt_tokens + (max_tokens or 0)
    counted: tuple[str, ...] = ()
    limits: tuple[Left, ...] = ()
    if ledger is not None:
        ledger.refuse_unrecorded()
        counted, limits = _counted(ledger, terms, expected_tokens)
    left, hold_id = None, ""
    if terms.ends:
        assert isinstance(place, Session), "what is held of a budget is written by a transaction"
        try:
            left, hold_id = _hold(place, ledger, terms.ends, rate, prompt_tokens, max_tokens)
        except BudgetSpent:
            if ledger is not None:
                ledger.uncount(counted, expected_tokens)
            raise
    return Allowance(
        left_micros=left,
        input_price=rate.input_price,
        output_price=rate.output_price,
        second_price=rate.second_price,
        cached_price=rate.cached_price,
        hold_id=hold_id,
        counted=counted,
        expected_tokens=expected_tokens,
        served_name=terms.served_name,
        limits=limits,
    )


def _counted(ledger: Ledger, terms: Terms, tokens: int) -> tuple[tuple[str, ...], tuple[Left, ...]]:
    """The limits that the call counts under, and what is left of them. Raises ``RateLimited``, which tells of it."""
    if not terms.bounds:
        return (), ()
    try:
        counted = ledger.count(terms.bounds, tokens)
    except RateLimited as err:
        if terms.is_told:
            err.headers |= headers_of(ledger.left(terms.bounds))
        raise
    return counted, ledger.left(terms.bounds) if terms.is_told else ()


def _bounds(db: Session, payer: Payer, keys: Sequence[str]) -> list[Bound]:
    each = subject_key("")
    rows = db.execute(select(Limit.key, Limit.calls, Limit.tokens).where(Limit.key.in_([*keys, each]))).all()
    found = {row.key: Bound(row.key, row.calls, row.tokens, _whose(row.key)) for row in rows}
    usual = found.pop(each, None)
    if usual is not None and keys[0] not in found:
        found[each] = replace(usual, id=f"each:{payer.account_id}", whose="account")
    return list(found.values())


def _whose(key: str) -> str:
    _, person, token = key.split("/")
    return "token" if len(token) > 1 else "account" if person == "-" else "person"


def _hold(
    db: Session, ledger: Ledger | None, ids: Sequence[str], rate: Rate, prompt_tokens: int, max_tokens: int | None
) -> tuple[int, str]:
    """What is left for this call, and the id of what is held for it."""
    micros = expected_micros(rate, prompt_tokens, max_tokens)
    if db.connection().get_execution_options().get("freehold_writes") or ledger is None:
        left, hold_id = _held(db, ids, micros)
    else:
        # Without power no call is under way any more, and nothing need be held for one.
        with ledger.database.write(passing=True) as own:
            left, hold_id = _held(own, ids, micros)
    if ledger is not None:
        ledger.keep(hold_id)
    return left, hold_id


def _held(db: Session, ids: Sequence[str], micros: int) -> tuple[int, str]:
    now = clock.now()
    month = month_of(now)
    # In the order of their ids, and locked: two calls see each other's holds, and neither waits for the other's.
    budgets = db.execute(
        select(Budget.id, Budget.key, Budget.amount_micros, Budget.month, Budget.spent_micros)
        .where(Budget.id.in_(ids))
        .order_by(Budget.id)
        .with_for_update()
    ).all()
    held = {
        budget_id: int(total)
        for budget_id, total in db.execute(
            select(BudgetHold.budget_id, func.sum(BudgetHold.micros))
            .where(BudgetHold.budget_id.in_(ids), BudgetHold.lapses_at > now)
            .group_by(BudgetHold.budget_id)
        )
    }
    lefts = []
    for budget in budgets:
        unspent = budget.amount_micros - (budget.spent_micros if budget.month == month else 0)
        left = unspent - held.get(budget.id, 0)
        if left <= 0:
            raise _spent(budget, is_held=unspent > 0)
        lefts.append(left)
    if not lefts:  # taken away at this very moment
        return micros, ""
    left, hold_id = min(lefts), new_id()
    values = {"id": hold_id, "micros": min(micros, left), "lapses_at": now + HOLD}
    db.execute(insert(BudgetHold), [{"budget_id": budget.id, **values} for budget in budgets])
    return left, hold_id


def _spent(budget: Any, *, is_held: bool) -> BudgetSpent:
    whose = {"account": "this account", "person": "your part of this account", "token": "this token"}[
        _whose(budget.key)
    ]
    if is_held:
        return BudgetSpent(
            f"What is left of this month's budget of {whose} is held for calls that are under way. Repeat it shortly.",
            retry_s=HELD_RETRY_S,
        )
    return BudgetSpent(
        f"This month's budget of {whose} is spent. It begins anew on the first of the next month (UTC), or once "
        "whoever set it raises it."
    )
