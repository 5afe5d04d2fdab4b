"""What came of a batch is put together: files in OpenAI's form, or a data set with its card."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from freehold.batches import card, formats, rules, sources
from freehold.batches.card import Answerer
from freehold.batches.formats import File
from freehold.batches.running import actor_of
from freehold.batches.service import files
from freehold.batches.tables import Batch, BatchLine
from freehold.content.kit import Kit
from freehold.content.service import bringing, commits
from freehold.content.service.bringing import Brought
from freehold.content.service.commits import Target
from freehold.content.service.proposals import Proposal
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.ids import new_id

READ_AT_ONCE = 200


def finish(database: Database, kit: Kit, batch: Batch) -> None:
    """The batch has ended, and its answers are where they were wanted. Safe to run twice."""
    with commits.scratch_directory(kit) as scratch:
        if batch.source == "file":
            _files(database, kit, batch, scratch)
        else:
            _dataset(database, kit, batch, scratch)
    forget(database, batch.id)


def forget(database: Database, batch_id: str) -> None:
    """Its lines are gone, some at a time."""
    while _forget_some(database, batch_id):
        pass


def _files(database: Database, kit: Kit, batch: Batch, scratch: Path) -> None:
    good, bad = scratch / "output.jsonl", scratch / "errors.jsonl"
    with open(good, "wb") as answers, open(bad, "wb") as errors:
        for line in answered(database, batch.id):
            answer = json.loads(line.answer)
            is_good = line.status == 200
            told = {
                "id": f"{batch.id}-{line.number}",
                "custom_id": line.custom_id,
                "response": {"status_code": line.status, "request_id": f"{batch.id}-{line.number}", "body": answer}
                if is_good
                else {"status_code": line.status, "request_id": "", "body": {"error": answer}},
                "error": None,
            }
            text = json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")
            (answers if is_good else errors).write(text + b"\n")
    sizes = {name: held.stat().st_size for name, held in (("output", good), ("error", bad))}
    kept_s = int(batch.given.get("kept_s") or files.lifetime_s(kit, None, None))
    ids = {name: files.put(kit, held) for name, held in (("output", good), ("error", bad)) if sizes[name]}
    with database.write() as db:
        now = db.get_one(Batch, batch.id, with_for_update=True)
        for name, file_id in ids.items():
            called = f"{batch.id}_{name}.jsonl"
            files.record(db, now.user_id, file_id, called, "batch_output", sizes[name], kept_s=kept_s)
        now.output_file_id, now.error_file_id = ids.get("output"), ids.get("error")
        _ended(now)


def _dataset(database: Database, kit: Kit, batch: Batch, scratch: Path) -> None:
    held = scratch / "answers.jsonl"
    with database.read() as db:
        actor = actor_of(db, batch)
        files_of = sources.opened(db, database, kit, lambda now: actor_of(now, batch), batch)
    made_by: Counter[Answerer] = Counter()
    digest, size_bytes, sample = hashlib.sha256(), 0, b""
    with open(held, "wb") as out:
        for text in _joined(database, batch, files_of, made_by):
            out.write(text)
            digest.update(text)
            size_bytes += len(text)
            sample = sample or text[:512]
    with database.read() as db:
        origin = card.origin_of(db, actor, batch, made_by)
    said = card.written(batch, origin).encode("utf-8")
    path = scratch / "README.md"
    path.write_bytes(said)
    brought = [
        Brought(card.ANSWERS, held, size_bytes, digest.hexdigest(), sample),
        Brought("README.md", path, len(said), hashlib.sha256(said).hexdigest(), said[:512]),
    ]
    words = Proposal(card.summary(batch, origin))
    commit_scratch = scratch / new_id()
    commit_scratch.mkdir()
    into = Target("dataset", batch.given["into"], "main")
    bringing.bring(database, kit, actor, into, brought if size_bytes else brought[1:], words, commit_scratch)
    with database.write() as db:
        _ended(db.get_one(Batch, batch.id, with_for_update=True))


def _joined(database: Database, batch: Batch, files_of: Sequence[File], made_by: Counter[Answerer]) -> Iterator[bytes]:
    """Each answered row as it was, with the answer beside it; rows and answers go by in step."""
    rows = enumerate(formats.rows(files_of))
    number, row = -1, None
    for line in answered(database, batch.id):
        if line.status != 200:
            continue
        while number < line.number:
            number, row = next(rows)
        body = json.loads(line.answer)
        source, usage = (body.get(name) if isinstance(body.get(name), dict) else {} for name in ("freehold", "usage"))
        made_by[Answerer(*(str(source.get(name) or "") for name in Answerer._fields))] += 1
        told: dict[str, Any] = dict(row) if isinstance(row, dict) else {}
        told |= {
            "answer": rules.answer_text(body),
            "answer_finish": _finish_of(body),
            "answer_tokens": usage.get("completion_tokens"),
        }
        yield json.dumps(told, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _finish_of(body: dict[str, Any]) -> str | None:
    try:
        reason = body["choices"][0]["finish_reason"]
    except (KeyError, IndexError, TypeError):
        return None
    return reason if isinstance(reason, str) else None


def answered(database: Database, batch_id: str) -> Iterator[BatchLine]:
    """Every line that was answered or failed, in order, some at a time."""
    after = -1
    while True:
        with database.read() as db:
            some = db.scalars(_after(batch_id, after).limit(READ_AT_ONCE)).all()
        yield from some
        if len(some) < READ_AT_ONCE:
            return
        after = some[-1].number


def _after(batch_id: str, number: int) -> Any:
    mine = select(BatchLine).where(BatchLine.batch_id == batch_id, BatchLine.number > number)
    return mine.order_by(BatchLine.number)


def _ended(batch: Batch) -> None:
    batch.state = "cancelled" if batch.why == "cancelled" else "done"
    batch.why, batch.touched_at, batch.ended_at = "", clock.now(), clock.now()


def _forget_some(database: Database, batch_id: str) -> int:
    with database.write() as db:
        return _forgotten(db, batch_id)


def _forgotten(db: Session, batch_id: str) -> int:
    some = select(BatchLine.number).where(BatchLine.batch_id == batch_id).limit(5000)
    gone = delete(BatchLine).where(BatchLine.batch_id == batch_id, BatchLine.number.in_(some))
    return int(db.execute(gone.execution_options(synchronize_session=False)).rowcount)  # type: ignore[attr-defined]
