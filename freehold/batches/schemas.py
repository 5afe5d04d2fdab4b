"""Batches and their files on the wire. Source: OpenAI API reference, file object and batch object."""

from typing import Any

from pydantic import BaseModel, Field

from freehold.batches import rules
from freehold.batches.service.jobs import FromDataset
from freehold.batches.tables import Batch, BatchFile


class DatasetBody(BaseModel):
    """A data set, a prompt with ``{{column}}`` in it, a served name, and the data set that is made for the answers."""

    dataset: str = Field(max_length=200)
    revision: str = Field("main", max_length=200)
    #: A file, a pattern such as ``data/*.parquet``, ``split``, or ``subset/split``; empty: the usual one.
    path: str = Field("", max_length=1000)
    model: str = Field(max_length=400)
    template: str = Field(max_length=rules.MAX_TEMPLATE_CHARS)
    system: str = Field("", max_length=rules.MAX_TEMPLATE_CHARS)
    parameters: dict[str, Any] = Field(default_factory=dict)
    into: str = Field(max_length=200)
    bill_to: str = Field("", max_length=96)
    #: So many rows, the first; null: all.
    rows: int | None = Field(None, ge=1, le=rules.MAX_ROWS)

    def asked(self) -> FromDataset:
        return FromDataset(
            self.dataset, self.revision, self.path, self.model, self.template, self.into, self.system, self.parameters,
            self.bill_to, self.rows,
        )  # fmt: skip


def file(one: BatchFile) -> dict[str, Any]:
    return {
        "id": one.id,
        "object": "file",
        "bytes": one.size_bytes,
        "created_at": int(one.created_at.timestamp()),
        "expires_at": int(one.expires_at.timestamp()) if one.expires_at else None,
        "filename": one.name,
        "purpose": one.purpose,
        "status": "processed",
    }


def batch(one: Batch) -> dict[str, Any]:
    """As OpenAI's clients read it, with what is the hub's own under ``freehold``."""
    ended = int(one.ended_at.timestamp()) if one.ended_at else None
    status = rules.STATUS[one.state]
    if one.state == "finishing" and one.why == "cancelled":
        status = "cancelling"
    wrong = {"code": "failed", "param": None, "line": None} | one.given.get("wrong", {}) | {"message": one.why}
    errors = {"object": "list", "data": [wrong]} if one.state == "failed" else None
    return {
        "id": one.id,
        "object": "batch",
        "endpoint": f"/v1/{one.path}",
        "errors": errors,
        "input_file_id": one.given.get("file_id", ""),
        "completion_window": "24h",
        "status": status,
        "output_file_id": one.output_file_id,
        "error_file_id": one.error_file_id,
        "created_at": int(one.created_at.timestamp()),
        "in_progress_at": int(one.created_at.timestamp()),
        "completed_at": ended if one.state == "done" else None,
        "failed_at": ended if one.state == "failed" else None,
        "cancelled_at": ended if one.state == "cancelled" else None,
        "request_counts": {"total": one.total or one.done + one.failed, "completed": one.done, "failed": one.failed},
        "metadata": one.notes or None,
        "freehold": {
            "state": one.state,
            "why": one.why,
            "reasons": one.reasons,
            "source": one.source,
            "served_name": one.served_name,
            "dataset": one.given.get("repo"),
            "into": one.given.get("into"),
            "prompt_tokens": one.prompt_tokens,
            "completion_tokens": one.completion_tokens,
        },
    }
