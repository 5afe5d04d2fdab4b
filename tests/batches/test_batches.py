"""Files and batches as OpenAI's clients call them, and batches over data sets."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from freehold.batches import running
from freehold.batches.service import files, jobs
from freehold.batches.tables import Batch, BatchFile, BatchLine
from freehold.cards.rules import validate
from freehold.core import clock
from freehold.core.ids import new_id
from freehold.gateway import asking
from freehold.governance.tables import AuditEntry
from freehold.repos.tables import Repo
from freehold.tasks.tables import Task
from freehold.usage.rules import subject_key
from freehold.usage.tables import Budget, Price
from tests.batches.test_formats import parquet
from tests.fixtures.people import Person
from tests.gateway.conftest import REVISION, Hub
from tests.gateway.test_policies import route


def requests(*words: str, model: str = "lab/it") -> str:
    return "".join(
        json.dumps({
            "custom_id": f"c-{at}", "method": "POST", "url": "/v1/chat/completions",
            "body": {"model": model, "messages": [{"role": "user", "content": word}]},
        }) + "\n"
        for at, word in enumerate(words)
    )  # fmt: skip


def sent(hub: Hub, text: str, who: Person | None = None) -> str:
    answer = hub.client.post(
        "/v1/files", headers=(who or hub.cast.alice).headers, data={"purpose": "batch"},
        files={"file": ("in.jsonl", text.encode())},
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def begun(hub: Hub, file_id: str, who: Person | None = None) -> str:
    body = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    answer = hub.client.post("/v1/batches", json=body, headers=(who or hub.cast.alice).headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def of(hub: Hub, batch_id: str) -> Any:
    return hub.client.get(f"/v1/batches/{batch_id}", headers=hub.cast.alice.headers).json()


def content(hub: Hub, file_id: str) -> list[Any]:
    answer = hub.client.get(f"/v1/files/{file_id}/content", headers=hub.cast.alice.headers)
    return [json.loads(line) for line in answer.text.splitlines()]


def rows(hub: Hub, text: str | bytes, path: str = "train.jsonl", **more: bytes) -> None:
    """A data set of Alice's with one file of rows; ``more``: files by their names, with ``_`` for the dot."""
    create = {"name": "rows", "type": "dataset"}
    assert hub.client.post("/api/repos/create", json=create, headers=hub.cast.alice.headers).status_code == 200
    files = {path: text.encode() if isinstance(text, str) else text}
    files |= {name.replace("_", "."): data for name, data in more.items()}
    lines = [{"key": "header", "value": {"summary": "rows"}}] + [
        {"key": "file", "value": {"path": name, "encoding": "base64", "content": base64.b64encode(data).decode()}}
        for name, data in files.items()
    ]  # fmt: skip
    body = "\n".join(map(json.dumps, lines))
    headers = hub.cast.alice.headers | {"content-type": "application/x-ndjson"}
    answer = hub.client.post("/api/datasets/alice/rows/commit/main", content=body, headers=headers)
    assert answer.status_code == 200, answer.text


WISH = {
    "dataset": "alice/rows", "path": "train.jsonl", "model": "lab/it", "template": "Sum up: {{text}}",
    "into": "alice/sums", "parameters": {"max_tokens": 2},
}  # fmt: skip


def test_a_file_of_requests_becomes_a_file_of_answers(hub: Hub, work: Callable[[], None]) -> None:
    file_id = sent(hub, requests("one", "long", "three") + "no request\n")
    batch_id = begun(hub, file_id)
    assert of(hub, batch_id)["status"] == "in_progress"
    work()
    told = of(hub, batch_id)
    assert (told["status"], told["request_counts"]) == ("completed", {"total": 4, "completed": 2, "failed": 2})
    answers, errors = content(hub, told["output_file_id"]), content(hub, told["error_file_id"])
    assert [(one["custom_id"], one["response"]["status_code"]) for one in answers] == [("c-0", 200), ("c-2", 200)]
    assert answers[0]["response"]["body"]["model"] == "lab/it"
    assert [(one["custom_id"], one["response"]["status_code"]) for one in errors] == [("c-1", 400), ("line-4", 400)]
    assert errors[0]["response"]["body"]["error"]["code"] == "context_length_exceeded"
    with hub.database.read() as db:
        assert db.scalar(select(func.count()).select_from(BatchLine)) == 0
    assert {(row.is_batch, row.payer_id) for row in hub.meters()} == {(True, hub.cast.alice.id)}
    listed = hub.client.get("/v1/batches", headers=hub.cast.alice.headers).json()
    assert [one["id"] for one in listed["data"]] == [batch_id]


def test_files_and_batches_are_their_makers_alone(hub: Hub) -> None:
    file_id = sent(hub, requests("one"))
    batch_id = begun(hub, file_id)
    for who, status in ((hub.cast.bob, 404), (hub.cast.root, 404), (hub.cast.anonymous, 401)):
        for method, path in (
            ("GET", f"/v1/files/{file_id}"), ("GET", f"/v1/files/{file_id}/content"),
            ("DELETE", f"/v1/files/{file_id}"),
            ("GET", f"/v1/batches/{batch_id}"), ("POST", f"/v1/batches/{batch_id}/cancel"),
            ("POST", f"/api/batches/{batch_id}/pause"),
        ):  # fmt: skip
            assert hub.client.request(method, path, headers=who.headers).status_code == status, (who.name, path)
    mine = hub.client.delete(f"/v1/files/{file_id}", headers=hub.cast.alice.headers)
    assert mine.status_code == 409, "a batch reads it"
    body = {"input_file_id": file_id, "endpoint": "/v1/chat/completions"}
    assert hub.client.post("/v1/batches", json=body, headers=hub.cast.bob.headers).status_code == 404


def test_files_are_listed_page_by_page(hub: Hub) -> None:
    made = [sent(hub, requests(word)) for word in ("one", "two", "three")]

    def page(who: Any = hub.cast.alice, **query: Any) -> Any:
        return hub.client.get("/v1/files", params=query, headers=who.headers)

    for order, ids in (("desc", made[::-1]), ("asc", made)):
        first = page(order=order, limit=2).json()
        assert ([one["id"] for one in first["data"]], first["has_more"], first["last_id"]) == (
            ids[:2],
            True,
            ids[1],
        )
        rest = page(order=order, limit=2, after=first["last_id"]).json()
        assert ([one["id"] for one in rest["data"]], rest["has_more"]) == (ids[2:], False)
    assert page(purpose="batch_output").json()["data"] == page(hub.cast.bob).json()["data"] == []
    assert page(order="sideways").json()["error"]["param"] == "order"
    assert page(hub.cast.bob, after=made[0]).status_code == 404


def test_a_batch_says_when_and_on_whose_account_it_is_made(hub: Hub) -> None:
    body = {"input_file_id": sent(hub, requests("one")), "endpoint": "/v1/chat/completions"}
    refused = hub.client.post("/v1/batches", json={**body, "completion_window": "1h"}, headers=hub.cast.alice.headers)
    assert refused.json()["error"]["param"] == "completion_window"
    headers = {**hub.cast.alice.headers, "OpenAI-Organization": "nobody"}
    assert hub.client.post("/v1/batches", json=body, headers=headers).status_code == 403


def test_files_expire_and_are_swept_but_for_those_that_a_batch_reads(hub: Hub, work: Callable[[], None]) -> None:
    alice, kit = hub.cast.alice.headers, hub.client.app.state.kit  # type: ignore[attr-defined]
    usual = hub.client.get(f"/v1/files/{sent(hub, requests('one'))}", headers=alice).json()
    assert usual["expires_at"] - usual["created_at"] == 30 * 86_400

    def upload(seconds: str, anchor: str = "created_at") -> Any:
        form = {"purpose": "batch", "expires_after[anchor]": anchor, "expires_after[seconds]": seconds}
        files = {"file": ("in.jsonl", requests("one").encode())}
        return hub.client.post("/v1/files", headers=alice, data=form, files=files)

    for seconds in ("3599", "9" * 30, "7200".zfill(12) + "9" * 20, "x"):
        assert upload(seconds).status_code == 400
    assert upload("7200", "now").status_code == 400
    short, read = upload("3600").json(), upload("3600").json()
    assert short["expires_at"] - short["created_at"] == 3600
    body = {"input_file_id": read["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    after = {"output_expires_after": {"anchor": "created_at", "seconds": 7200}}
    bad = hub.client.post("/v1/batches", json=body | {"output_expires_after": 5}, headers=alice)
    assert bad.status_code == 400
    bad = hub.client.post("/v1/batches", json=body | {"output_expires_after": {"seconds": 7200}}, headers=alice)
    assert bad.json()["error"]["param"] == "output_expires_after"
    batch_id = hub.client.post("/v1/batches", json=body | after, headers=alice).json()["id"]
    with hub.database.write() as db:
        past = clock.now() - timedelta(seconds=1)
        for one in (short, read):
            db.get_one(BatchFile, one["id"]).expires_at = past
    for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        assert hub.client.request(method, f"/v1/files/{short['id']}{path}", headers=alice).status_code == 404
    assert [one["id"] for one in hub.client.get("/v1/files", headers=alice).json()["data"]] == [usual["id"]]
    assert files.sweep(hub.database, kit) == 1
    work()
    told = of(hub, batch_id)
    assert told["status"] == "completed", "its file was there for it"
    output = hub.client.get(f"/v1/files/{told['output_file_id']}", headers=alice).json()
    assert output["expires_at"] - output["created_at"] == 7200
    assert files.sweep(hub.database, kit) == 1 and files.sweep(hub.database, kit) == 0
    with hub.database.read() as db:
        assert db.get(BatchFile, read["id"]) is None and db.get(BatchFile, usual["id"]) is not None


def test_files_that_have_no_end_are_given_the_installations(hub: Hub) -> None:
    kit = hub.client.app.state.kit  # type: ignore[attr-defined]
    old, new = (sent(hub, requests("one")) for _ in range(2))
    days = timedelta(days=kit.settings.batch_file_days)
    with hub.database.write() as db:
        for file in db.query(BatchFile):
            file.expires_at = None
        db.get_one(BatchFile, old).created_at = clock.now() - days
    assert files.sweep(hub.database, kit) == 1
    with hub.database.read() as db:
        (left,) = db.query(BatchFile)
        assert (left.id, left.expires_at) == (new, left.created_at + days)


def test_a_token_that_only_reads_keeps_nothing(hub: Hub) -> None:
    reads = hub.cast.alice.read_headers
    form = {"data": {"purpose": "batch"}, "files": {"file": ("it.jsonl", b"{}")}}
    assert hub.client.post("/v1/files", headers=reads, **form).status_code == 403
    file_id = hub.client.post("/v1/files", headers=hub.cast.alice.headers, **form).json()["id"]
    assert hub.client.delete(f"/v1/files/{file_id}", headers=reads).status_code == 403
    body = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    assert hub.client.post("/v1/batches", json=body, headers=reads).status_code == 403
    batch_id = hub.client.post("/v1/batches", json=body, headers=hub.cast.alice.headers).json()["id"]
    for path in (f"/v1/batches/{batch_id}/cancel", f"/api/batches/{batch_id}/pause"):
        assert hub.client.post(path, headers=reads).status_code == 403
    assert hub.client.get(f"/v1/batches/{batch_id}", headers=reads).status_code == 200


def test_what_one_may_not_call_is_not_called_in_a_batch_either(hub: Hub, work: Callable[[], None]) -> None:
    batch_id = begun(hub, sent(hub, requests("one", model="lab/ours"), hub.cast.charlie), hub.cast.charlie)
    work()
    told = hub.client.get(f"/v1/batches/{batch_id}", headers=hub.cast.charlie.headers).json()
    assert told["request_counts"]["failed"] == 1
    error = hub.client.get(f"/v1/files/{told['error_file_id']}/content", headers=hub.cast.charlie.headers).text
    assert "404" in error
    assert hub.engine.seen == []


def test_a_batch_goes_on_where_it_was(hub: Hub, work: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    batch_id = begun(hub, sent(hub, requests(*(f"w{at}" for at in range(12)))))
    monkeypatch.setattr(running, "NOTE_S", 0.0)
    hub.client.post(f"/api/batches/{batch_id}/pause", headers=hub.cast.alice.headers)
    work()
    assert hub.engine.seen == []
    with hub.database.write() as db:
        lines = [
            {"batch_id": batch_id, "number": at, "custom_id": f"c-{at}", "status": 200, "answer": "{}"}
            for at in (0, 1, 2, 5)
        ]
        db.execute(BatchLine.__table__.insert(), lines)  # type: ignore[attr-defined]
        batch = db.get_one(Batch, batch_id)
        batch.reached, batch.done = 3, 4
    hub.client.post(f"/api/batches/{batch_id}/resume", headers=hub.cast.alice.headers)
    work()
    words = [one["messages"][-1]["content"] for one in hub.engine.seen]
    assert sorted(words, key=lambda word: int(word[1:])) == [f"w{at}" for at in (3, 4, 6, 7, 8, 9, 10, 11)]
    assert of(hub, batch_id)["request_counts"] == {"total": 12, "completed": 12, "failed": 0}


def test_a_spent_budget_pauses_and_a_raised_one_goes_on(hub: Hub, work: Callable[[], None]) -> None:
    alice = hub.cast.alice.id
    with hub.database.write() as db:
        now = clock.now()
        db.add(Price(key="default", input_price=0, cached_price=0, output_price=10**6, second_price=0, changed_at=now))
        db.add(
            Budget(id=new_id(), key=subject_key(alice), account_id=alice, amount_micros=0, is_hard=True, changed_at=now)
        )
    batch_id = begun(hub, sent(hub, requests("one", "two")))
    work()
    told = of(hub, batch_id)
    assert told["freehold"]["state"] == "paused"
    assert "budget" in told["freehold"]["why"]
    assert hub.engine.seen == []
    with hub.database.write() as db:
        db.scalars(select(Budget)).one().amount_micros = 1000
    assert hub.client.post(f"/api/batches/{batch_id}/resume", headers=hub.cast.alice.headers).status_code == 200
    work()
    assert of(hub, batch_id)["status"] == "completed"


def test_many_refusals_in_a_row_wait_for_somebody_to_look(
    hub: Hub, work: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("freehold.batches.rules.PAUSE_AFTER", 3)
    batch_id = begun(hub, sent(hub, requests(*["x"] * 50, model="lab/gone")))
    work()
    told = of(hub, batch_id)
    assert told["freehold"]["state"] == "paused"
    assert "refused" in told["freehold"]["why"]
    assert told["request_counts"]["failed"] < 10


def test_what_is_done_to_a_batch_is_in_the_trail(hub: Hub, work: Callable[[], None]) -> None:
    batch_id = begun(hub, sent(hub, requests("one")))
    alice = hub.cast.alice.headers
    for verb in ("pause", "resume", "pause", "cancel"):
        assert hub.client.post(f"/api/batches/{batch_id}/{verb}", headers=alice).status_code == 200
    assert hub.client.post(f"/api/batches/{batch_id}/resume", headers=alice).status_code == 409
    rows(hub, '{"text": "a"}\n{"text": "long"}\n')
    second = hub.client.post("/api/batches", json=WISH | {"template": "{{text}}"}, headers=alice).json()["id"]
    work()
    with hub.database.read() as db:
        found = db.scalars(select(AuditEntry).where(AuditEntry.thing_kind == "batch").order_by(AuditEntry.id)).all()
    assert [(one.actor_name, one.verb, one.details.get("how")) for one in found if one.thing_id == batch_id] == [
        ("alice", "batch.begun", None), ("alice", "batch.stopped", "paused"), ("alice", "batch.resumed", None),
        ("alice", "batch.stopped", "paused"), ("alice", "batch.stopped", "cancelled"),
    ]  # fmt: skip
    begin, stop = [one for one in found if one.thing_id == second]
    assert begin.details == {"of": "alice/rows", "into": "alice/sums", "model": "lab/it"}
    assert (stop.actor_name, stop.details["how"]) == ("freehold", "waits")
    assert "1 of 2 rows failed" in stop.details["why"]
    assert {one.owner_id for one in found} == {hub.cast.alice.id}


def test_a_cancelled_batch_gives_what_it_has(hub: Hub, work: Callable[[], None]) -> None:
    batch_id = begun(hub, sent(hub, requests("one", "two")))
    told = hub.client.post(f"/v1/batches/{batch_id}/cancel", headers=hub.cast.alice.headers).json()
    assert told["status"] == "cancelling"
    work()
    assert of(hub, batch_id)["status"] == "cancelled"
    assert hub.engine.seen == []
    again = hub.client.post(f"/v1/batches/{batch_id}/cancel", headers=hub.cast.alice.headers)
    assert again.status_code == 409


def test_a_data_set_and_a_prompt_become_a_data_set(hub: Hub, work: Callable[[], None]) -> None:
    rows(hub, "".join(json.dumps({"text": word, "id": at}) + "\n" for at, word in enumerate(("a", "b", "c"))))
    alice = hub.cast.alice.headers
    told = hub.client.post("/api/batches/forecast", json=WISH, headers=alice).json()
    assert (told["rows"], told["completion_tokens"], told["sample"]) == (3, 6, "Sum up: a")
    made = hub.client.post("/api/batches", json=WISH, headers=alice)
    assert made.status_code == 201, made.text
    work()
    batch = of(hub, made.json()["id"])
    assert (batch["status"], batch["freehold"]["into"]) == ("completed", "alice/sums")
    answer = hub.client.get("/datasets/alice/sums/resolve/main/data/answers.jsonl", headers=alice)
    found = [json.loads(line) for line in answer.text.splitlines()]
    assert [(one["id"], one["text"], one["answer"], one["answer_tokens"]) for one in found] == [
        (0, "a", "w0 w1", 2), (1, "b", "w0 w1", 2), (2, "c", "w0 w1", 2)
    ]  # fmt: skip
    card = hub.client.get("/datasets/alice/sums/resolve/main/README.md", headers=alice).text
    assert "lab/it" in card
    assert '{"max_tokens": 2}' in card
    assert "0123456789abcdef" in card
    with hub.database.read() as db:
        assert db.scalars(select(Repo).where(Repo.name == "sums")).one().visibility == "private"
    assert hub.client.get("/datasets/alice/sums/resolve/main/README.md").status_code == 401


def test_a_split_of_parquet_and_csv_is_asked_of_a_route(hub: Hub, work: Callable[[], None]) -> None:
    card = """---
license: cc-by-4.0
configs:
- config_name: en
  data_files: [{split: test, path: ["*.parquet", "b.csv"]}]
---
"""
    rows(hub, parquet([{"text": word, "id": at} for at, word in enumerate("abc")]), "a.parquet",
         README_md=card.encode(), b_csv=b"text,id\nd,3\n")  # fmt: skip
    route(hub, "small_first", "lab/it", "lab/ours", check={"kind": "length", "value": "1000-4000"})
    alice = hub.cast.alice.headers
    wish = WISH | {"path": "en/test", "model": "lab/route"}
    told = hub.client.post("/api/batches/forecast", json=wish, headers=alice).json()
    assert (told["rows"], told["is_counted"], told["sample"]) == (4, True, "Sum up: a")
    made = hub.client.post("/api/batches", json=wish, headers=alice)
    assert made.status_code == 201, made.text
    work()
    assert of(hub, made.json()["id"])["status"] == "completed"
    answer = hub.client.get("/datasets/alice/sums/resolve/main/data/answers.jsonl", headers=alice)
    found = [json.loads(line) for line in answer.text.splitlines()]
    assert [(one["id"], one["text"], one["answer"]) for one in found] == [
        (0, "a", "w0 w1"), (1, "b", "w0 w1"), (2, "c", "w0 w1"), ("3", "d", "w0 w1")
    ]  # fmt: skip
    front = validate(hub.client.get("/datasets/alice/sums/resolve/main/README.md", headers=alice).text, "dataset")
    assert not front.errors and front.data["source_datasets"] == ["alice/rows"]
    with hub.database.read() as db:
        ours = db.scalars(select(Repo).where(Repo.path_key == "lab/ours")).one().id
    assert front.data["generated"]["by"] == [{"model": f"id:{ours}", "revision": REVISION, "answers": 4}]
    assert front.data["generated"]["batch"] == made.json()["id"]
    assert "lab/route (a route)" in front.body and "| licence of alice/rows | `cc-by-4.0` |" in front.body
    assert {(meter.via, meter.is_batch) for meter in hub.meters()} == {("lab/route", True)}
    stranger = hub.client.post("/api/batches", json=wish | {"into": "charlie/x"}, headers=hub.cast.charlie.headers)
    assert stranger.status_code == 201, "a public data set, and a route of which one model is public"
    hidden = wish | {"into": "charlie/y", "model": "lab/ours"}
    assert hub.client.post("/api/batches", json=hidden, headers=hub.cast.charlie.headers).status_code == 404


def test_rows_that_failed_are_tried_again_or_left_out(
    hub: Hub, work: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows(hub, "text,id\na,0\nlong,1\nc,2\n", "rows.csv")
    alice = hub.cast.alice.headers
    wish = WISH | {"path": "rows.csv", "template": "{{text}}"}
    batch_id = hub.client.post("/api/batches", json=wish, headers=alice).json()["id"]
    work()
    told = of(hub, batch_id)["freehold"]
    assert told["state"] == "paused"
    assert "1 of 3 rows failed" in told["why"]
    assert [(one["first"], one["lines"]) for one in told["reasons"]] == [("row-1", 1)]
    asked = len(hub.engine.seen)
    hub.client.post(f"/api/batches/{batch_id}/retry", headers=alice)
    work()
    assert len(hub.engine.seen) == asked + 1, "only the row that failed"
    assert hub.client.post(f"/api/batches/{batch_id}/finish", headers=alice).status_code == 200
    work()
    ended = of(hub, batch_id)
    assert ended["status"] == "completed"
    assert ended["freehold"]["reasons"] == told["reasons"], "tried once more, and told once"
    answer = hub.client.get("/datasets/alice/sums/resolve/main/data/answers.jsonl", headers=alice)
    assert [json.loads(line)["id"] for line in answer.text.splitlines()] == ["0", "2"]


def test_only_the_first_rows_are_asked_where_so_many_are_wanted(hub: Hub, work: Callable[[], None]) -> None:
    rows(hub, "".join(json.dumps({"text": word}) + "\n" for word in "abcde"))
    alice = hub.cast.alice.headers
    wish = WISH | {"rows": 2}
    told = hub.client.post("/api/batches/forecast", json=wish, headers=alice).json()
    assert (told["rows"], told["is_counted"], told["completion_tokens"]) == (2, True, 4)
    assert hub.client.post("/api/batches/forecast", json=wish | {"rows": 9}, headers=alice).json()["rows"] == 5
    batch_id = hub.client.post("/api/batches", json=wish, headers=alice).json()["id"]
    work()
    assert of(hub, batch_id)["request_counts"] == {"total": 2, "completed": 2, "failed": 0}
    answer = hub.client.get("/datasets/alice/sums/resolve/main/data/answers.jsonl", headers=alice)
    assert [json.loads(line)["text"] for line in answer.text.splitlines()] == ["a", "b"]
    card = hub.client.get("/datasets/alice/sums/resolve/main/README.md", headers=alice).text
    assert "| of them | `the first 2` |" in card


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"path": "train.parquet"}, 400), ({"path": "test"}, 400), ({"model": "lab/vectors"}, 400),
        ({"template": "none"}, 400), ({"model": "lab/gone"}, 404),
        ({"dataset": "bob/hidden"}, 404), ({"into": "lab"}, 400), ({"into": "charlie/x"}, 403),
        ({"parameters": {"stream": True}}, 400),
    ],
)  # fmt: skip
def test_what_cannot_be_begun_says_why_and_makes_nothing(hub: Hub, change: dict[str, Any], status: int) -> None:
    rows(hub, '{"text": "a"}\n')
    hub.serve("lab/vectors", abilities=["embeddings"])
    answer = hub.client.post("/api/batches", json=WISH | change, headers=hub.cast.alice.headers)
    assert answer.status_code == status, answer.text
    with hub.database.read() as db:
        assert db.scalar(select(func.count()).select_from(Batch)) == 0
        assert db.scalar(select(func.count()).select_from(Repo).where(Repo.name == "sums")) == 0


def test_a_batch_is_looked_at_begun_and_followed_in_a_browser(
    hub: Hub, work: Callable[[], None], browser: Callable[..., Any]
) -> None:
    rows(hub, '{"text": "a"}\n{"text": "long"}\n')
    alice = browser(hub.cast.alice)
    form = {name: str(value) for name, value in WISH.items() if name != "parameters"} | {"template": "{{text}}"}
    looked = alice.send("/batches/new", page="/batches/new", **form, parameters='{"max_tokens": 2}', do="look")
    assert looked.status_code == 200
    assert "2 rows" in looked.text
    refused = alice.send("/batches/new", page="/batches/new", **form, parameters="{", do="begin")
    assert refused.status_code == 422
    assert "Parameters are JSON" in refused.text
    for said in ("none", "0", "-1", "1e3"):
        odd = alice.send("/batches/new", page="/batches/new", **form, rows=said, do="look")
        assert odd.status_code == 422 and "Rows are a number" in odd.text
    first = alice.send("/batches/new", page="/batches/new", **form, rows="1", do="look")
    assert "1 row:" in first.text
    begun_at = alice.send("/batches/new", page="/batches/new", **form, parameters='{"max_tokens": 2}', do="begin")
    address = begun_at.headers["location"]
    assert begun_at.status_code == 303
    work()
    waiting = alice.see(address)
    assert "1 of 2 rows failed" in waiting and "Why 1 row failed" in waiting
    browser(hub.cast.bob).see(address, 404)
    assert alice.send(f"{address}/finish", page=address).status_code == 303
    work()
    assert "alice/sums" in alice.see(address)
    assert address in alice.see("/batches")
    assert alice.send(f"{address}/pause", page="/batches/new").status_code == 422


@pytest.mark.parametrize("is_written", [False, True])
def test_a_note_that_breaks_off_loses_no_line_and_counts_none_twice(
    hub: Hub, work: Callable[[], None], is_written: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether its transaction arrived is not known to the slice."""
    batch_id = begun(hub, sent(hub, requests("one", "two", "three", "four", "five")))
    real, breaks = running.jobs.note, [True]

    def note(db: Any, *given: Any) -> Any:
        if breaks and given[1]:
            breaks.clear()
            if is_written:
                real(db, *given)
                db.commit()
            raise OSError("the connection broke")
        return real(db, *given)

    monkeypatch.setattr(running.jobs, "note", note)
    monkeypatch.setattr(running, "NOTE_S", 0.0)
    work()
    assert not breaks
    with hub.database.write() as db:
        for task in db.query(Task):
            task.due_at = clock.now()
    work()
    told = of(hub, batch_id)
    assert (told["status"], told["request_counts"]) == ("completed", {"total": 5, "completed": 5, "failed": 0})
    assert sorted(one["custom_id"] for one in content(hub, told["output_file_id"])) == [f"c-{at}" for at in range(5)]


@pytest.mark.parametrize("answer", [b"hello", b"{", b"[1]", KeyError("choices")])
def test_an_answer_that_is_none_fails_its_line_and_not_the_batch(
    hub: Hub, work: Callable[[], None], answer: bytes | Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(runtime: Any, database: Any, kit: Any, admitted: Any) -> bytes:
        if admitted.wish.body["messages"][0]["content"] != "odd":
            return await asking.ask(runtime, database, kit, admitted)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def at_once(self: Any, seconds: float) -> None:
        """Nothing is waited for."""

    monkeypatch.setattr("freehold.batches.running.ask", ask)
    monkeypatch.setattr(running.Slice, "_pause", at_once)
    batch_id = begun(hub, sent(hub, requests("one", "odd", "three")))
    work()
    told = of(hub, batch_id)
    assert (told["status"], told["request_counts"]) == ("completed", {"total": 3, "completed": 2, "failed": 1})
    (error,) = content(hub, told["error_file_id"])
    assert error["response"]["status_code"] in (500, 502)


def test_of_a_cancelled_batch_over_rows_no_answer_is_left(hub: Hub, work: Callable[[], None]) -> None:
    rows(hub, '{"text": "long"}\n')
    batch_id = hub.client.post(
        "/api/batches", json=WISH | {"template": "{{text}}"}, headers=hub.cast.alice.headers
    ).json()["id"]
    work()
    assert of(hub, batch_id)["freehold"]["state"] == "paused", "its one row failed"
    assert hub.client.post(f"/api/batches/{batch_id}/cancel", headers=hub.cast.alice.headers).status_code == 200
    work()
    with hub.database.read() as db:
        assert db.scalar(select(func.count()).select_from(BatchLine)) == 0


def test_answers_with_odd_parts_become_a_data_set_all_the_same(
    hub: Hub, work: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(*_: Any) -> bytes:
        return b'{"usage": [1], "freehold": "mine", "choices": [7], "x": "\\ud800"}'

    monkeypatch.setattr("freehold.batches.running.ask", ask)
    rows(hub, '{"text": "one"}\n')
    batch_id = hub.client.post("/api/batches", json=WISH, headers=hub.cast.alice.headers).json()["id"]
    work()
    assert of(hub, batch_id)["status"] == "completed"


@pytest.mark.parametrize("state", ["running", "finishing"])
def test_a_batch_that_nothing_goes_on_with_waits_for_somebody_and_is_taken_up_again(
    hub: Hub, work: Callable[[], None], state: str
) -> None:
    batch_id = begun(hub, sent(hub, requests("one")))
    with hub.database.write() as db:
        db.get_one(Batch, batch_id).state = state
        for task in db.query(Task).filter(Task.key == f"batch {batch_id}"):
            task.due_at = None  # parked, as after its last attempt
    jobs.stop_given_up(hub.database)
    told = of(hub, batch_id)["freehold"]
    assert (told["state"], "again and again" in told["why"]) == ("paused", True)
    assert hub.client.post(f"/api/batches/{batch_id}/resume", headers=hub.cast.alice.headers).status_code == 200
    jobs.stop_given_up(hub.database)
    work()
    assert of(hub, batch_id)["status"] == "completed"
