"""What pages and exports tell of usage, put together from sums: one month of one account, or of all."""

import calendar
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from freehold.core import clock
from freehold.core.http import Ask
from freehold.usage import access, forecast
from freehold.usage.access import Sight
from freehold.usage.forecast import Forecast
from freehold.usage.queries import kept, sums
from freehold.usage.queries.kept import Opened
from freehold.usage.queries.sums import Named, Scope, Sums
from freehold.web import figures, plots
from freehold.web.plots import Plot

HIDDEN = "a model you may not see"
OUTCOMES = {
    "ok": "answered",
    "cancelled": "cancelled by whoever asked",
    "failed": "failed",
    "refused": "refused",
    "cut": "cut off: the budget was spent",
}


@dataclass(frozen=True)
class Asked:
    """What an address asks for: a month, and perhaps one token, one person or one served name."""

    month: date  #: its first day
    token: str = ""
    person: str = ""
    name: str = ""

    def address(self, base: str, **changed: Any) -> str:
        """The address of the same with something else."""
        one = replace(self, **changed)
        asked = {"month": f"{one.month:%Y-%m}" if one.month != _this_month() else "", "token": one.token}
        asked |= {"person": one.person, "name": one.name}
        query = urlencode({key: value for key, value in asked.items() if value})
        return f"{base}?{query}" if query else base


@dataclass(frozen=True)
class Line:
    """One line of a table: what it is of, where that leads, its sums."""

    label: str
    sums: Sums
    address: str = ""
    note: str = ""
    is_hidden: bool = False


@dataclass(frozen=True)
class Table:
    """What was used by one thing that tells calls apart."""

    title: str
    head: str
    lines: Sequence[Line]
    is_cut: bool = False


@dataclass(frozen=True)
class Seen:
    """One month: its sums, its days, its tables, and how it will end."""

    month: str
    previous: str  #: addresses
    next: str  #: '' in the month that is under way
    narrowed: Sequence[tuple[str, str]]  #: what is asked for beside the month, and the address without it
    sums: Sums
    days: Sequence[Line]
    plots: Sequence[tuple[str, Plot]]
    tables: Sequence[Table]
    cost_forecast: Forecast | None
    token_forecast: Forecast | None
    is_current: bool
    has_prices: bool  #: anything cost anything


def asked(params: Mapping[str, str]) -> Asked:
    """What an address asks for; what cannot be read is as if it were not there."""
    return Asked(
        _month(params.get("month", "")), *(_plain(params.get(name, "")) for name in ("token", "person", "name"))
    )


def scope_of(sight: Sight | None, wanted: Asked) -> Scope:
    """Whose calls are summed: of the account that is seen, as far as it is seen."""
    last = calendar.monthrange(wanted.month.year, wanted.month.month)[1]
    return Scope(
        since=wanted.month,
        until=wanted.month.replace(day=last),
        payer_id=sight.account.id if sight else None,
        # What somebody asks for never widens what they see.
        user_id=(sight.user_id if sight and sight.user_id else wanted.person) or None,
        token_id=wanted.token or None,
        served_name=wanted.name or None,
    )


def look(ask: Ask, sight: Sight | None, wanted: Asked, base: str) -> Seen:
    """What the page at ``base`` shows; ``sight`` None: everything of the instance."""
    db, scope, today = ask.db, scope_of(sight, wanted), clock.now().date()
    is_current = wanted.month == _this_month()
    by_day = sums.by_day(db, scope)
    whole = sums.total(db, scope)
    ends: tuple[Forecast | None, Forecast | None] = (None, None)
    if is_current:
        back = replace(scope, since=today - timedelta(days=forecast.LOOKED_BACK_DAYS + 31), until=today)
        ends = _forecasts(sums.by_day(db, back), today)
    until = today if is_current else scope.until
    days = [scope.since + timedelta(days=at) for at in range((until - scope.since).days + 1)]
    return Seen(
        month=f"{wanted.month:%B %Y}",
        previous=wanted.address(base, month=(wanted.month - timedelta(days=1)).replace(day=1)),
        next="" if is_current else wanted.address(base, month=_after(wanted.month)),
        narrowed=_narrowed(ask, wanted, base),
        sums=whole,
        days=[Line(f"{day:%a} {day.day}", by_day[day]) for day in reversed(days) if day in by_day],
        plots=_plots(days, by_day, has_prices=bool(whole.cost_micros)),
        tables=_tables(ask, sight, scope, wanted, base),
        cost_forecast=ends[0],
        token_forecast=ends[1],
        is_current=is_current,
        has_prices=bool(whole.cost_micros),
    )


def known(ask: Ask, models: Collection[Named]) -> Collection[str]:
    """The served names among these that whoever asks may know."""
    tell = ask.request.app.state.slots.known_models
    return tell(ask, {(one.key, one.repo_id) for one in models}) if tell else ()


def _tables(ask: Ask, sight: Sight | None, scope: Scope, wanted: Asked, base: str) -> list[Table]:
    db, tables = ask.db, []
    models = sums.by_model(db, scope)
    names = known(ask, models)
    lines = []
    for one in models:
        if one.key in names:
            note = one.model if one.model.lower() != one.key.lower() else ""
            lines.append(Line(one.key, one.sums, wanted.address(base, name=one.key), note))
        else:
            lines.append(Line(HIDDEN, one.sums, is_hidden=True))
    tables.append(_table("By model", "Model", lines))
    if sight is None:
        payers = sums.by_payer(db, scope)
        found = sums.people(db, [one.key for one in payers])
        tables.append(_table("By account", "Account", [
            Line(found.get(one.key, "an account that is gone"), one.sums, _account_page(found.get(one.key, "")))
            for one in payers
        ]))  # fmt: skip
    if sight is None or (sight.account.kind == "org" and sight.user_id is None):
        persons = sums.by_person(db, scope)
        found = sums.people(db, [one.key for one in persons])
        tables.append(_table("By person", "Person", [
            Line(found.get(one.key, "nobody, or somebody who is gone"), one.sums,
                 wanted.address(base, person=one.key) if one.key else "")
            for one in persons
        ]))  # fmt: skip
    tokens = sums.by_token(db, scope)
    tables.append(_table("By token", "Token", _token_lines(ask, tokens, wanted, base)))
    tables.append(
        _table(
            "By outcome",
            "Outcome",
            [Line(OUTCOMES.get(one.key, one.key), one.sums) for one in sums.by_outcome(db, scope)],
        )
    )
    if sight is not None and sight.account.kind == "user":
        elsewhere = sums.by_payer(db, replace(scope, payer_id=None, user_id=sight.account.id))
        found = sums.people(db, [one.key for one in elsewhere])
        tables.append(_table("Paid by organisations", "Organisation", [
            Line(found[one.key], one.sums, f"/organizations/{found[one.key]}/settings/usage")
            for one in elsewhere if one.key != sight.account.id and one.key in found
        ]))  # fmt: skip
    return [table for table in tables if table.lines]


def _account_page(name: str) -> str:
    return f"/admin/usage/{name}" if name else ""


def _token_lines(ask: Ask, tokens: Sequence[Named], wanted: Asked, base: str) -> list[Line]:
    found = sums.tokens(ask.db, [one.key for one in tokens if one.key])
    lines = []
    for one in tokens:
        if not one.key:
            lines.append(Line("the hub's own pages", one.sums))
            continue
        whose, name = found.get(one.key, ("", "a token that was revoked"))
        note = whose if whose and whose != ask.actor.name else ""
        lines.append(Line(name, one.sums, wanted.address(base, token=one.key), note))
    return lines


def _table(title: str, head: str, lines: Sequence[Line]) -> Table:
    return Table(title, head, lines, is_cut=len(lines) >= sums.MAX_ROWS)


def _narrowed(ask: Ask, wanted: Asked, base: str) -> list[tuple[str, str]]:
    told = []
    if wanted.token:
        whose, name = sums.tokens(ask.db, [wanted.token]).get(wanted.token, ("", "that was revoked"))
        mine = not whose or whose == ask.actor.name or ask.actor.is_admin
        told.append((f"Token {name}" if mine else "One token", wanted.address(base, token="")))
    if wanted.person:
        told.append(
            (sums.people(ask.db, [wanted.person]).get(wanted.person, "One person"), wanted.address(base, person=""))
        )
    if wanted.name:
        told.append((f"Model {wanted.name}", wanted.address(base, name="")))
    return told


def _plots(days: Sequence[date], by_day: Mapping[date, Sums], *, has_prices: bool) -> list[tuple[str, Plot]]:
    drawn = []
    for title, values, shown in (
        ("Tokens a day", [by_day.get(day, Sums()).tokens for day in days], figures.short),
        ("Calls a day", [by_day.get(day, Sums()).calls for day in days], figures.short),
        ("Cost a day", [by_day.get(day, Sums()).cost_micros for day in days] if has_prices else [], figures.money),
    ):
        if len(values) < 2 or not any(values):
            continue
        first, last = f"{days[0].day} {days[0]:%b}", f"{days[-1].day} {days[-1]:%b}"
        told = f"{title}, {first} to {last}: at most {shown(max(values))}, {shown(values[-1])} on the last day"
        plot = plots.line(values, value=shown(values[-1]), first=first, last=last, told=told)
        if plot is not None:
            drawn.append((title, plot))
    return drawn


def _forecasts(by_day: Mapping[date, Sums], today: date) -> tuple[Forecast | None, Forecast | None]:
    first_day = min(by_day, default=None)
    costs = {day: used.cost_micros for day, used in by_day.items()}
    tokens = {day: used.tokens for day, used in by_day.items()}
    return (
        forecast.month_end(costs, today, first_day=first_day),
        forecast.month_end(tokens, today, first_day=first_day),
    )


def _this_month() -> date:
    return clock.now().date().replace(day=1)


def _after(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1)


def _month(text: str) -> date:
    this = _this_month()
    match = re.fullmatch(r"(20\d\d)-(0[1-9]|1[0-2])", text, re.ASCII)
    return min(date(int(match[1]), int(match[2]), 1), this) if match else this


def _plain(text: str) -> str:
    return text.replace("\x00", "")[:320]


def kept_calls(ask: Ask, *, is_own: bool, name: str, person: str, before: str) -> tuple[list[Opened], str]:
    """What ``ask.actor`` asked, or what their models were asked, the newest first, and where the next page begins.

    A model that they may not see any more has no name. Raises what ``access.person`` does.
    """
    access.person(ask.actor)
    if is_own:
        scope = kept.Scope(user_id=ask.actor.id, served_name=name)
    else:
        user_id = kept.person(ask.db, person) if person else None
        scope = kept.Scope(access.owned(ask.actor), user_id, name)
    rows, after = kept.page(ask.db, ask.kit.sealer, scope, before=before)
    of_models = [Named(row.served_name, Sums(), repo_id=row.repo_id) for row in rows if row.kind == "endpoint"]
    may_know = known(ask, of_models)
    # A route's name is its owner's own, and stands for no model.
    seen = [row if row.kind == "route" or row.served_name in may_know else replace(row, served_name="") for row in rows]
    return seen, after
