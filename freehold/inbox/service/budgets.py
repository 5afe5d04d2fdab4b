"""A budget that is nearly or wholly spent is told: to those it bounds, and to those who can raise it."""

from sqlalchemy.orm import Session

from freehold.accounts.tables import Account, Token
from freehold.content.kit import Kit
from freehold.core.events import Bus
from freehold.inbox.service import notifying
from freehold.inbox.service.telling import Listener, administrators
from freehold.usage.events import BudgetReached


def subscribe(bus: Bus, kit: Kit) -> None:
    bus.subscribe(BudgetReached, on_reached(kit))


def on_reached(kit: Kit) -> Listener:
    """One line a month and mark for each of them, by mail where they want it."""

    def told(db: Session, event: BudgetReached) -> None:
        budget = event.budget
        account = db.get_one(Account, budget.account_id)
        token = db.get(Token, budget.token_id) if budget.token_id else None
        bounded = budget.user_id or (token.user_id if token else None) or account.id
        keepers = administrators(db, account.id) if account.kind == "org" else []
        for user_id in dict.fromkeys([bounded, *keepers]):
            person = db.get(Account, user_id)
            if person is None or person.kind != "user":
                continue
            notifying.put(
                db, kit, user_id, kind="budget-reached", reason="you",
                thread=f"budget {budget.id} {budget.month} {event.percent}",
                title=_title(event, account, person, token), address=_address(account),
            )  # fmt: skip

    return told


def _title(event: BudgetReached, account: Account, reader: Account, token: Token | None) -> str:
    budget = event.budget
    if token is not None:
        whose = f"the token {token.name}" if token.user_id == reader.id else f"a token at {account.name}"
    elif budget.user_id:
        whose = f"your part at {account.name}" if budget.user_id == reader.id else f"a member of {account.name}"
    else:
        whose = "your account" if account.id == reader.id else account.name
    ends = ": calls that cost something are refused" if budget.is_hard and event.percent >= 100 else ""
    return f"{event.percent} % of this month's budget of {whose} is spent{ends}"


def _address(account: Account) -> str:
    return "/settings/usage" if account.kind == "user" else f"/organizations/{account.name}/settings/usage"
