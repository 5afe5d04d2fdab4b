"""Lines that failed are asked again, also where somebody says so while a slice is under way."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from freehold.batches import running
from freehold.batches.service import jobs
from freehold.batches.tables import BatchLine
from tests.batches.test_batches import WISH, of, rows
from tests.gateway.conftest import Hub

WORDS = ["long", "a", "b", "c", "d", "e"]


@pytest.mark.parametrize("notes_before", [1, 3])
def test_a_batch_that_is_paused_and_retried_while_it_runs_leaves_no_line_out(
    hub: Hub, work: Callable[[], None], notes_before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slice may hear of neither: between two of its notes both can be done."""
    rows(hub, "text\n" + "".join(f"{word}\n" for word in WORDS), "rows.csv")
    alice = hub.cast.alice
    wish = WISH | {"path": "rows.csv", "template": "{{text}}"}
    batch_id = hub.client.post("/api/batches", json=wish, headers=alice.headers).json()["id"]
    real, noted, retried = running.jobs.note, list[int](), list[int]()

    def note(db: Any, *given: Any) -> Any:
        failed = select(func.count()).where(BatchLine.batch_id == batch_id, BatchLine.status != 200)
        if len(noted) >= notes_before and not retried and db.scalar(failed):
            jobs.pause(db, alice.actor, batch_id)
            jobs.resume(db, alice.actor, batch_id, retries=True)
            retried.append(len(noted))
        noted.append(1)
        return real(db, *given)

    monkeypatch.setattr(running.jobs, "note", note)
    monkeypatch.setattr(running, "NOTE_S", 0.0)
    work()
    assert retried, "it was retried while it ran"
    told = of(hub, batch_id)
    assert told["request_counts"] == {"total": 6, "completed": 5, "failed": 1}, "the one that fails was asked again"
    assert told["freehold"]["state"] == "paused"
    asked = [one["messages"][0]["content"] for one in hub.engine.seen]
    assert sorted(asked) == sorted([*WORDS, "long"])


def test_of_a_large_batch_a_slice_knows_some_lines_at_a_time_and_asks_none_twice(
    hub: Hub, work: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows(hub, "text\n" + "".join(f"{word}\n" for word in WORDS), "rows.csv")
    alice = hub.cast.alice
    wish = WISH | {"path": "rows.csv", "template": "{{text}}"}
    batch_id = hub.client.post("/api/batches", json=wish, headers=alice.headers).json()["id"]
    work()
    assert of(hub, batch_id)["request_counts"] == {"total": 6, "completed": 5, "failed": 1}
    monkeypatch.setattr(running, "MAX_KNOWN", 2)
    asked = len(hub.engine.seen)
    hub.client.post(f"/api/batches/{batch_id}/retry", headers=alice.headers)
    work()
    assert [one["messages"][0]["content"] for one in hub.engine.seen[asked:]] == ["long"]
    told = of(hub, batch_id)
    assert (told["request_counts"], told["freehold"]["state"]) == ({"total": 6, "completed": 5, "failed": 1}, "paused")
