"""Pipelines on the wire."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field

from freehold.pipelines import reading
from freehold.pipelines.queries import Seen
from freehold.pipelines.service import USUAL_PATH, Given
from freehold.pipelines.tables import PipelineTrace


class PipelineBody(BaseModel):
    """A file of a repository to be served; without ``name`` under the repository's own."""

    repo: str = Field(max_length=193)
    kind: str = Field("model", max_length=10)
    path: str = Field(USUAL_PATH, max_length=512)
    revision: str = Field("main", max_length=255)
    name: str = Field("", max_length=193)
    keeps_content: bool = Field(False, alias="keepsContent")

    def given(self) -> Given:
        return Given(self.repo, self.name, self.path, self.revision, self.kind, self.keeps_content)


class RevisionBody(BaseModel):
    revision: str = Field("main", max_length=255)


class SettingsBody(BaseModel):
    on: bool = True
    keeps_content: bool = Field(False, alias="keepsContent")


def pipeline(seen: Seen) -> dict[str, Any]:
    return {
        "name": seen.name,
        "repo": seen.repo,
        "repoKind": seen.repo_kind,
        "path": seen.path,
        "revision": seen.revision,
        "on": seen.is_on,
        "callable": seen.is_callable,
        "models": sorted(seen.models.values()),
        "document": reading.written(seen.document) if seen.document and seen.is_callable else None,
        "mayChange": seen.may_change,
        "keepsContent": seen.keeps_content,
        "updatedAt": seen.updated_at.isoformat(),
    }


def traces(rows: Sequence[PipelineTrace]) -> list[dict[str, Any]]:
    return [
        {
            "at": one.at.isoformat(), "outcome": one.outcome, "seconds": one.seconds,
            "promptTokens": one.prompt_tokens, "completionTokens": one.completion_tokens, "steps": one.steps,
            "requestId": one.request_id,
        }
        for one in rows
    ]  # fmt: skip
