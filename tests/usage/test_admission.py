"""Before and after a call: limits, budgets, holds, meters."""

import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from freehold.accounts.errors import SignInNeeded
from freehold.accounts.tables import Account, Token
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.errors import HubError
from freehold.core.events import Bus
from freehold.core.ids import new_id
from freehold.usage import access, queries, service
from freehold.usage.errors import BudgetSpent, NoSuchPayer, RateLimited
from freehold.usage.events import BudgetReached
from freehold.usage.rules import Allowance, Meter, Payer, Rate, subject_key
from freehold.usage.service import pruning, recording
from freehold.usage.service.admission import HOLD
from freehold.usage.tables import Budget, BudgetHold, Limit, LimitMinute, MeterRow, Price, UsageDay
from tests.fixtures.people import Cast

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
NAME, MODEL = "demo/tiny", "demo/tiny-model"


@pytest.fixture
def ledger(database: Database) -> service.Ledger:
    database.info[service.LEDGER] = made = service.Ledger(database, core_watts=10)
    return made


@pytest.fixture(autouse=True)
def _at_noon() -> Any:
    with clock.frozen(NOW):
        yield


def priced(database: Database, key: str = "default", *, output: int = 1_000_000, **more: int) -> None:
    values = {"input_price": 0, "cached_price": 0, "second_price": 0, **more}
    with database.write() as db:
        db.add(Price(key=key, output_price=output, changed_at=NOW, **values))


def budgeted(database: Database, account_id: str, amount: int, *, is_hard: bool = True, **of: str) -> str:
    with database.write() as db:
        made = Budget(
            id=new_id(), key=subject_key(account_id, **of), account_id=account_id, amount_micros=amount,
            is_hard=is_hard, changed_at=NOW, **of,
        )  # fmt: skip
        db.add(made)
    return made.id


def limited(database: Database, account_id: str | None, *, calls: int | None = None, tokens: int | None = None) -> None:
    with database.write() as db:
        key = subject_key(account_id or "")
        db.add(Limit(id=new_id(), key=key, account_id=account_id, calls=calls, tokens=tokens, changed_at=NOW))


def paid_by(account_id: str, user_id: str = "", token_id: str | None = None) -> Payer:
    return Payer(account_id, user_id or account_id, token_id)


def metered(payer: Payer, *, tokens: int = 100, outcome: Any = "ok", via: str = "", **more: Any) -> Meter:
    return Meter(
        at=clock.now(), payer=payer, request_id="r", served_name=NAME, via=via, model=MODEL, revision="0" * 40,
        repo_id=None, kind="chat", outcome=outcome, completion_tokens=tokens, **more,
    )  # fmt: skip


def admitted(database: Database, payer: Payer, **more: Any) -> Allowance:
    with database.read() as db:
        return service.admit(db, payer, NAME, MODEL, **more)


def test_without_prices_budgets_and_limits_a_call_only_leaves_a_meter(
    database: Database, cast: Cast, ledger: service.Ledger
) -> None:
    payer = paid_by(cast.alice.id)
    allowance = admitted(database, payer)
    assert allowance.left_micros is None
    assert allowance.left_tokens(10) is None
    service.record(database, metered(payer, prompt_tokens=7, processor_seconds=1.5, peak_memory_bytes=9), allowance)
    service.record(database, metered(payer, prompt_tokens=3, peak_memory_bytes=5), allowance)
    service.record(database, metered(payer, tokens=0, outcome="failed"), allowance)
    ledger.flush()
    with database.read() as db:
        assert db.scalar(select(func.count()).select_from(MeterRow)) == 3
        good = db.scalars(select(UsageDay).where(UsageDay.outcome == "ok")).one()
        failed = db.scalars(select(UsageDay).where(UsageDay.outcome == "failed")).one()
    assert (good.calls, good.prompt_tokens, good.completion_tokens, good.cost_micros) == (2, 10, 200, 0)
    assert (good.processor_ms, good.energy_mj, good.peak_memory_bytes) == (1500, 15_000, 9)
    assert (failed.calls, failed.completion_tokens) == (1, 0)


def test_days_add_up_over_several_flushes(database: Database, cast: Cast, ledger: service.Ledger) -> None:
    for tokens in (1, 10, 100):
        service.record(database, metered(paid_by(cast.alice.id), tokens=tokens, peak_memory_bytes=tokens))
        ledger.flush()
    ledger.flush()
    with database.read() as db:
        day = db.scalars(select(UsageDay)).one()
    assert (day.calls, day.completion_tokens, day.peak_memory_bytes) == (3, 111, 100)
    assert day.day == NOW.date()


def test_a_call_costs_what_it_did_when_it_was_let_in(database: Database, cast: Cast, ledger: service.Ledger) -> None:
    priced(database, "default", output=1)
    priced(database, f"model:{MODEL}", output=2_000_000)
    allowance = admitted(database, paid_by(cast.alice.id))
    priced(database, f"name:{NAME}", output=9_000_000)
    with database.read() as db:
        assert queries.price_of(db, "Demo/TINY", MODEL) == Rate(output_price=9_000_000)
        assert queries.price_of(db, "other/name", "other/model") == Rate(output_price=1)
    service.record(database, metered(paid_by(cast.alice.id), tokens=100), allowance)
    ledger.flush()
    with database.read() as db:
        row = db.scalars(select(MeterRow)).one()
    assert (row.cost_micros, row.output_price) == (200, 2_000_000)


def test_a_hard_budget_ends_calls_and_a_soft_one_only_tells(
    database: Database, cast: Cast, ledger: service.Ledger
) -> None:
    priced(database)
    hard, soft = budgeted(database, cast.alice.id, 1000), budgeted(database, cast.bob.id, 1000, is_hard=False)
    for person in (cast.alice, cast.bob):
        allowance = admitted(database, paid_by(person.id), max_tokens=100)
        assert allowance.left_tokens(0) == (1000 if person is cast.alice else None)
        service.record(database, metered(paid_by(person.id), tokens=1000), allowance)
    ledger.flush()
    with pytest.raises(BudgetSpent, match="begins anew") as spent:
        admitted(database, paid_by(cast.alice.id))
    assert (spent.value.status, spent.value.code) == (429, "insufficient_quota")
    assert spent.value.headers["X-Should-Retry"] == "false"
    assert admitted(database, paid_by(cast.bob.id)).left_micros is None
    with database.read() as db:
        assert [db.get_one(Budget, one).spent_micros for one in (hard, soft)] == [1000, 1000]
        assert db.scalar(select(func.count()).select_from(BudgetHold)) == 0
    with clock.frozen(NOW + timedelta(days=10)):
        assert admitted(database, paid_by(cast.alice.id)).left_micros == 1000, "another month"


def test_a_free_model_answers_when_the_budget_is_spent(database: Database, cast: Cast, ledger: service.Ledger) -> None:
    priced(database, f"name:{NAME}", output=0)
    priced(database)
    budgeted(database, cast.alice.id, 0)
    assert admitted(database, paid_by(cast.alice.id)).left_micros is None


def test_calls_in_flight_hold_their_part(database: Database, cast: Cast, ledger: service.Ledger) -> None:
    priced(database)
    budgeted(database, cast.alice.id, 1000)
    payer = paid_by(cast.alice.id)
    first = admitted(database, payer, max_tokens=600)
    second = admitted(database, payer, max_tokens=600)
    assert (first.left_micros, second.left_micros) == (1000, 400)
    with pytest.raises(BudgetSpent, match="under way") as held:
        admitted(database, payer)
    assert held.value.headers["Retry-After"] == "5"
    service.record(database, metered(payer, tokens=10), first)
    ledger.flush()
    third = admitted(database, payer, max_tokens=1)
    assert third.left_micros == 1000 - 10 - 400
    service.forgo(database, second)
    service.forgo(database, third)
    assert admitted(database, payer, max_tokens=1).left_micros == 990


def test_many_at_once_overspend_by_no_more_than_they_were_let_in_for(
    database: Database, cast: Cast, ledger: service.Ledger
) -> None:
    priced(database)
    budget_id = budgeted(database, cast.alice.id, 1000)
    payer, let_in, refused = paid_by(cast.alice.id), [], []

    def call() -> None:
        try:
            let_in.append(admitted(database, payer, max_tokens=100))
        except BudgetSpent:
            refused.append(1)

    threads = [threading.Thread(target=call) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(let_in), len(refused)) == (10, 14)
    for allowance in let_in:
        service.record(database, metered(payer, tokens=100), allowance)
    ledger.flush()
    with database.read() as db:
        assert db.get_one(Budget, budget_id).spent_micros == 1000


def test_the_tightest_of_several_budgets_counts(database: Database, cast: Cast, ledger: service.Ledger) -> None:
    priced(database)
    with database.read() as db:
        lab = db.scalars(select(Account).where(Account.key == "lab")).one().id
        token = db.scalars(select(Token.id).where(Token.user_id == cast.bob.id)).first()
    assert token is not None
    budgeted(database, lab, 1000)
    budgeted(database, lab, 500, user_id=cast.bob.id)
    budgeted(database, cast.bob.id, 300, token_id=token)
    assert admitted(database, paid_by(lab, cast.bob.id, token)).left_micros == 300
    assert admitted(database, paid_by(lab, cast.alice.id), max_tokens=1).left_micros == 1000 - 300
    assert admitted(database, paid_by(lab, cast.bob.id)).left_micros == 500 - 300


def test_what_a_dead_node_held_lapses_and_what_lives_is_renewed(
    database: Database, cast: Cast, ledger: service.Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    priced(database)
    budgeted(database, cast.alice.id, 1000)
    dead = service.Ledger(database, core_watts=10)
    database.info[service.LEDGER] = dead
    admitted(database, paid_by(cast.alice.id), max_tokens=100)
    database.info[service.LEDGER] = ledger
    admitted(database, paid_by(cast.alice.id), max_tokens=100)
    monkeypatch.setattr("freehold.usage.service.recording.RENEW_S", -1.0)
    with clock.frozen(NOW + HOLD - timedelta(seconds=1)):
        ledger.flush()
    with clock.frozen(NOW + HOLD + timedelta(seconds=1)):
        assert admitted(database, paid_by(cast.alice.id), max_tokens=1).left_micros == 900
        ledger.flush()
    with database.read() as db:
        assert db.scalar(select(func.count()).select_from(BudgetHold)) == 2, "the dead node's is gone"


def test_people_hear_of_each_mark_once_a_month(cast: Cast, database: Database, ledger: service.Ledger) -> None:
    heard: list[int] = []
    database.bus = bus = Bus()
    bus.subscribe(BudgetReached, lambda db, event: heard.append(event.percent))
    priced(database)
    budgeted(database, cast.alice.id, 1000, is_hard=False)
    for tokens in (790, 9, 1, 150, 50, 5000):
        service.record(database, metered(paid_by(cast.alice.id), tokens=tokens))
        ledger.flush()
    assert heard == [80, 100]
    with clock.frozen(NOW + timedelta(days=10)):
        service.record(database, metered(paid_by(cast.alice.id), tokens=1000))
        ledger.flush()
    assert heard == [80, 100, 100]


def test_a_limit_of_calls_says_when_to_come_back(database: Database, cast: Cast, ledger: service.Ledger) -> None:
    limited(database, cast.alice.id, calls=2)
    for _ in range(2):
        admitted(database, paid_by(cast.alice.id))
    with pytest.raises(RateLimited, match="2 calls a minute") as refused:
        admitted(database, paid_by(cast.alice.id))
    wait_s = int(refused.value.headers["Retry-After"])
    assert refused.value.headers["X-RateLimit-Remaining-Requests"] == "0"
    with pytest.raises(RateLimited) as stranger:  # who asks on the account of whose machine it is learns no more
        admitted(database, Payer(cast.alice.id, None, None))
    assert set(stranger.value.headers) == {"Retry-After"}
    with clock.frozen(NOW + timedelta(seconds=wait_s)):
        admitted(database, paid_by(cast.alice.id))
    admitted(database, paid_by(cast.bob.id))


def test_tokens_are_counted_as_expected_and_then_as_used(
    database: Database, cast: Cast, ledger: service.Ledger
) -> None:
    limited(database, cast.alice.id, tokens=1000)
    payer = paid_by(cast.alice.id)
    allowance = admitted(database, payer, prompt_tokens=100, max_tokens=800)
    with pytest.raises(RateLimited, match="1,000 tokens"):
        admitted(database, payer, prompt_tokens=200)
    service.record(database, metered(payer, tokens=50, prompt_tokens=100), allowance)
    admitted(database, payer, prompt_tokens=800)


def test_each_account_without_a_limit_of_its_own_has_the_usual_one(
    database: Database, cast: Cast, ledger: service.Ledger
) -> None:
    limited(database, None, calls=1)
    limited(database, cast.bob.id, calls=2)
    admitted(database, paid_by(cast.alice.id))
    with pytest.raises(RateLimited):
        admitted(database, paid_by(cast.alice.id))
    admitted(database, paid_by(cast.charlie.id))
    for _ in range(2):
        admitted(database, paid_by(cast.bob.id))


def test_a_call_that_no_budget_lets_in_counts_under_no_limit(
    database: Database, cast: Cast, ledger: service.Ledger
) -> None:
    priced(database)
    budgeted(database, cast.alice.id, 0)
    limited(database, cast.alice.id, calls=1)
    for _ in range(2):
        with pytest.raises(BudgetSpent):
            admitted(database, paid_by(cast.alice.id))


def test_nodes_hear_of_each_others_counts(database: Database, cast: Cast, ledger: service.Ledger) -> None:
    if database.is_sqlite:
        pytest.skip("a SQLite database has one node")
    limited(database, cast.alice.id, calls=3)
    other = service.Ledger(database, core_watts=10)
    for node in (ledger, other, ledger):
        database.info[service.LEDGER] = node
        admitted(database, paid_by(cast.alice.id))
    for node in (ledger, other, ledger):
        node.flush()
    for node in (ledger, other):
        database.info[service.LEDGER] = node
        with pytest.raises(RateLimited):
            admitted(database, paid_by(cast.alice.id))
    with clock.frozen(NOW + timedelta(hours=1)):
        pruning.prune(database, 90)
    with database.read() as db:
        assert db.scalar(select(func.count()).select_from(LimitMinute)) == 0


def test_what_cannot_be_written_now_is_written_later_and_once(
    database: Database, cast: Cast, ledger: service.Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.record(database, metered(paid_by(cast.alice.id), via="with a \0, which no database keeps \ud800"))
    written = recording._exchange

    def breaks(*_: Any) -> Any:
        raise HubError("the database is away")

    monkeypatch.setattr("freehold.usage.service.recording._exchange", breaks)
    with pytest.raises(HubError):
        ledger.flush()
    monkeypatch.setattr("freehold.usage.service.recording._exchange", written)
    ledger.flush()
    ledger.flush()
    with database.read() as db:
        assert db.scalars(select(UsageDay)).one().calls == 1


def test_old_calls_go_and_their_sums_stay(database: Database, cast: Cast, ledger: service.Ledger) -> None:
    service.record(database, metered(paid_by(cast.alice.id)))
    ledger.flush()
    with clock.frozen(NOW + timedelta(days=91)):
        pruning.prune(database, 90)
    with database.read() as db:
        assert db.scalar(select(func.count()).select_from(MeterRow)) == 0
        assert db.scalar(select(func.count()).select_from(UsageDay)) == 1


def test_who_pays(database: Database, cast: Cast) -> None:
    with database.read() as db:
        lab = db.scalars(select(Account).where(Account.key == "lab")).one().id
        own = access.payer(db, cast.bob.actor)
        for_lab = access.payer(db, cast.bob.actor, "LAB")
        assert (own.account_id, for_lab.account_id, for_lab.user_id) == (cast.bob.id, lab, cast.bob.id)
        assert access.payer(db, cast.bob.actor, "Bob") == own
        with pytest.raises(SignInNeeded):
            access.payer(db, cast.anonymous.actor)
        for name in ("lab", "no-such", "alice"):
            with pytest.raises(NoSuchPayer):
                access.payer(db, cast.charlie.actor, name)


def test_what_comes_while_it_is_unknown_whether_a_commit_arrived_is_written_too(
    database: Database, cast: Cast, ledger: service.Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection broke as the commit was answered: what was in it is there, and what came since is not."""
    priced(database)
    budget = budgeted(database, cast.alice.id, 10_000)
    payer = paid_by(cast.alice.id)
    service.record(database, metered(payer, tokens=1), admitted(database, payer, max_tokens=1))
    real = database.write

    @contextmanager
    def write() -> Any:
        monkeypatch.undo()
        with real() as db:
            yield db
        raise OSError("the connection broke")

    monkeypatch.setattr(database, "write", write)
    with pytest.raises(OSError, match="broke"):
        ledger.flush()
    for tokens in (10, 100):
        service.record(database, metered(payer, tokens=tokens), admitted(database, payer, max_tokens=tokens))
    ledger.flush()
    ledger.flush()
    with database.read() as db:
        assert sorted(db.scalars(select(MeterRow.completion_tokens))) == [1, 10, 100]
        assert db.get_one(Budget, budget).spent_micros == 111
        assert db.scalar(select(func.count()).select_from(BudgetHold)) == 0
