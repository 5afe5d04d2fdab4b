"""Lines that failed are asked again, also where somebody says so while a slice is under way."""

from collections.abc import Callable
from typing import Any

import pytest

from freehold.batches import running
from freehold.batches.service import jobs
from tests.batches.test_batches import WISH, of, rows
from tests.gateway.conftest import Hub

WORDS = ["long", "a", "b", "c", "d", "e"]


@pytest.mark.parametrize("note_s", [0.0, 60.0], ids=["between two notes", "after the last"])
def test_a_batch_that_is_paused_and_retried_while_it_runs_leaves_no_line_out(
    hub: Hub, work: Callable[[], None], note_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slice hears of neither."""
    rows(hub, "text\n" + "".join(f"{word}\n" for word in WORDS), "rows.csv")
    alice = hub.cast.alice
    wish = WISH | {"path": "rows.csv", "template": "{{text}}"}
    batch_id = hub.client.post("/api/batches", json=wish, headers=alice.headers).json()["id"]
    real, retried = running.jobs.note, list[int]()

    def note(db: Any, *given: Any) -> Any:
        noted = real(db, *given)
        if not retried and any(line["status"] != 200 for line in given[1]):
            jobs.pause(db, alice.actor, batch_id)
            jobs.resume(db, alice.actor, batch_id, retries=True)
            retried.append(1)
        return noted

    monkeypatch.setattr(running.jobs, "note", note)
    monkeypatch.setattr(running, "NOTE_S", note_s)
    work()
    assert retried
    told = of(hub, batch_id)
    assert told["request_counts"] == {"total": 6, "completed": 5, "failed": 1}, "the one that fails was asked again"
    assert told["freehold"]["state"] == "paused"
    asked = [one["messages"][0]["content"] for one in hub.engine.seen]
    assert set(asked) == set(WORDS)
    assert asked.count("long") > 1


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
