"""What is kept of calls, and for how long; and what goes with an account."""

from datetime import timedelta

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from freehold.accounts.events import AccountDeleted
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.events import Bus
from freehold.usage.rules import MINUTE_S
from freehold.usage.tables import KeptCall, LimitMinute, MeterRow, UsageDay

#: Sums by day outlive single calls by far.
KEPT_DAYS = 800
BATCH = 5000
MAX_TURNS = 200


def prune(database: Database, meter_days: int) -> None:
    """Calls older than ``meter_days`` are gone, contents whose time is over, and sums that nobody compares with any
    more; some at a time."""
    today = clock.now().date()
    for table, is_old in (
        (MeterRow, MeterRow.day < today - timedelta(days=meter_days)),
        (UsageDay, UsageDay.day < today - timedelta(days=KEPT_DAYS)),
        (KeptCall, KeptCall.expires_at <= clock.now()),
    ):
        for _ in range(MAX_TURNS):
            with database.write() as db:
                old = select(table.id).where(is_old).limit(BATCH)
                gone = db.execute(delete(table).where(table.id.in_(old)).execution_options(synchronize_session=False))
            if gone.rowcount < BATCH:  # type: ignore[attr-defined]
                break
    with database.write() as db:
        minute = int(clock.now().timestamp() // MINUTE_S)
        db.execute(delete(LimitMinute).where(LimitMinute.minute < minute - 5))


def subscribe(bus: Bus) -> None:
    bus.subscribe(AccountDeleted, on_account_deleted)


def on_account_deleted(db: Session, event: AccountDeleted) -> None:
    """Nothing tells any more what the account paid for, nor what its models or itself were asked. What a person called
    for an organisation stays with it, and nobody's name with that."""
    account_id, options = event.account.id, {"synchronize_session": False}
    db.execute(delete(MeterRow).where(MeterRow.payer_id == account_id), execution_options=options)
    db.execute(delete(UsageDay).where(UsageDay.payer_id == account_id), execution_options=options)
    theirs = or_(KeptCall.account_id == account_id, KeptCall.user_id == account_id)
    db.execute(delete(KeptCall).where(theirs), execution_options=options)
