"""Prices, budgets and limits are set."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.accounts.errors import NotAllowed
from freehold.accounts.tables import Account, Membership, Token
from freehold.core import clock, events
from freehold.core.ids import new_id
from freehold.usage import access
from freehold.usage.errors import BadAmount, NothingSet
from freehold.usage.events import BoundsChanged, PriceChanged
from freehold.usage.rules import MILLION, Rate, mark_reached, month_of, price_key, subject_key
from freehold.usage.tables import Budget, Limit, Price, UsageDay

#: Of prices and of budgets and limits of one account: nobody reads longer tables.
MAX_PRICES = 2000
#: So that what a year costs stays a number that databases keep.
MAX_PRICE = 10**12
MAX_BOUNDS = 2000


@dataclass(frozen=True)
class Bounds:
    """What bounds somebody's calls from now on; None: nothing does."""

    amount_micros: int | None = None
    is_hard: bool = False
    calls: int | None = None
    tokens: int | None = None


def set_price(db: Session, actor: Actor, kind: str, name: str, rate: Rate | None) -> None:
    """Calls of a served name (``name``), of a model (``model``) or all others (``default``) cost this from now on.

    ``rate`` None: nothing of its own. What was used before keeps its price. Raises ``NotAllowed``, :class:`BadAmount`.
    """
    access.administer(actor, writes=True)
    key = price_key(kind, name)
    if rate is not None and max(rate.input_price, rate.cached_price, rate.output_price, rate.second_price) > MAX_PRICE:
        raise BadAmount(f"A price is at most {MAX_PRICE // MILLION:,}.")
    kept = db.get(Price, key)
    if rate is None:
        if kept is None:
            raise NothingSet(f"{name or 'The usual price'} has no price of its own.")
        db.delete(kept)
    else:
        if kept is None:
            if db.scalar(select(func.count()).select_from(Price)) >= MAX_PRICES:  # type: ignore[operator]
                raise BadAmount(f"The price table has {MAX_PRICES:,} lines, and takes no more.")
            db.add(kept := Price(key=key))
        kept.input_price, kept.cached_price = rate.input_price, rate.cached_price
        kept.output_price, kept.second_price, kept.changed_at = rate.output_price, rate.second_price, clock.now()
    db.flush()
    events.publish(db, PriceChanged(key, rate))


def bound(db: Session, actor: Actor, owner: str, subject: str, wanted: Bounds) -> None:
    """The calls of ``subject`` (``account``, ``person:ID``, ``token:ID``) on the account ``owner`` are bounded so.

    ``owner`` '*': each account without a limit of its own, which has no budget. Who administers the hub bounds
    accounts; an organisation's administrators its members and tokens; a person their own tokens. A budget begins with
    what was spent this month already. Raises ``NotAllowed``, :class:`BadAmount`.
    """
    access.person(actor, writes=True)
    if owner == "*":
        access.administer(actor, writes=True)
        if wanted.amount_micros is not None:
            raise BadAmount("Each account has its own budget, or none.", field="amount")
        account, user_id, token_id = None, None, None
    else:
        sight = access.sight(db, actor, owner)
        kind, _, identifier = subject.partition(":")
        if not (sight.may_bound_all if kind == "account" else sight.may_bound):
            raise NotAllowed(
                f"Only who administers the hub bounds all of {sight.account.name}."
                if sight.may_bound
                else f"Only who administers {sight.account.name} bounds what its members use."
            )
        account = sight.account
        user_id, token_id = _subject(db, account, kind, identifier)
    account_id = account.id if account else None
    _set_limit(db, account_id, user_id, token_id, wanted)
    if account_id is not None:
        _set_budget(db, account_id, user_id, token_id, wanted)
    db.flush()
    told = _words(db, user_id, token_id)
    events.publish(db, BoundsChanged(account, told, wanted.amount_micros, wanted.is_hard, wanted.calls, wanted.tokens))


def _subject(db: Session, account: Account, kind: str, identifier: str) -> tuple[str | None, str | None]:
    """The person or the token that ``identifier`` names, if it has to do with ``account``."""
    if kind == "account" and not identifier:
        return None, None
    if kind == "person" and account.kind == "org":
        if db.get(Membership, (account.id, identifier[:24])) is not None:
            return identifier, None
        raise BadAmount(f"That person is no member of {account.name}.", field="subject")
    if kind == "token":
        token = db.get(Token, identifier[:24])
        theirs = token is not None and (
            token.user_id == account.id or db.get(Membership, (account.id, token.user_id)) is not None
        )
        if theirs:
            return None, identifier
        raise BadAmount(f"There is no such token of {account.name}.", field="subject")
    raise BadAmount("Choose whose calls are bounded.", field="subject")


def _words(db: Session, user_id: str | None, token_id: str | None) -> str:
    if token_id is not None:
        return f"token {db.get_one(Token, token_id).name}"
    return db.get_one(Account, user_id).name if user_id is not None else "everything"


def _set_limit(db: Session, account_id: str | None, user_id: str | None, token_id: str | None, wanted: Bounds) -> None:
    key = subject_key(account_id or "", user_id, token_id)
    kept = db.scalar(select(Limit).where(Limit.key == key))
    if wanted.calls is None and wanted.tokens is None:
        if kept is not None:
            db.delete(kept)
        return
    if kept is None:
        _refuse_many(db, Limit, account_id)
        db.add(kept := Limit(id=new_id(), key=key, account_id=account_id, user_id=user_id, token_id=token_id))
    kept.calls, kept.tokens, kept.changed_at = wanted.calls, wanted.tokens, clock.now()


def _set_budget(db: Session, account_id: str, user_id: str | None, token_id: str | None, wanted: Bounds) -> None:
    key, now = subject_key(account_id, user_id, token_id), clock.now()
    kept = db.scalar(select(Budget).where(Budget.key == key).with_for_update())
    if wanted.amount_micros is None:
        if kept is not None:
            db.delete(kept)
        return
    if kept is None:
        _refuse_many(db, Budget, account_id)
        kept = Budget(
            id=new_id(), key=key, account_id=account_id, user_id=user_id, token_id=token_id, month=month_of(now),
            spent_micros=_spent(db, account_id, user_id, token_id), told=0,
        )  # fmt: skip
        db.add(kept)
    kept.amount_micros, kept.is_hard, kept.changed_at = wanted.amount_micros, wanted.is_hard, now
    # A raised budget tells again when it is reached; one that is reached by being set is known to who set it.
    kept.told = mark_reached(kept.spent_micros, kept.amount_micros) if kept.month == month_of(now) else 0


def _spent(db: Session, account_id: str, user_id: str | None, token_id: str | None) -> int:
    """What was spent this month, by the sums."""
    today = clock.now().date()
    mine = [UsageDay.day >= today.replace(day=1), UsageDay.day <= today + timedelta(days=1)]
    if token_id is not None:
        owner = db.scalar(select(Token.user_id).where(Token.id == token_id))
        mine.append(UsageDay.token_id == token_id)
        if owner != account_id:
            mine.append(UsageDay.payer_id == account_id)
    else:
        mine.append(UsageDay.payer_id == account_id)
        if user_id is not None:
            mine.append(UsageDay.user_id == user_id)
    return int(db.scalar(select(func.coalesce(func.sum(UsageDay.cost_micros), 0)).where(*mine)) or 0)


def _refuse_many(db: Session, table: type[Budget] | type[Limit], account_id: str | None) -> None:
    there = db.scalar(select(func.count()).select_from(table).where(table.account_id == account_id))
    if there is not None and there >= MAX_BOUNDS:
        raise BadAmount(f"There are {MAX_BOUNDS:,} of them already.")
