"""What one thought of an answer, over JSON: the playground's own calls, and scripts may send them too."""

from typing import Any

from pydantic import BaseModel, Field

from freehold.core.errors import BadRequest
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.playground import lanes, service
from freehold.playground.queries import Kept
from freehold.playground.rules import Said

router = Router(tags=["playground"])
OWN = "own"


class SaidBody(BaseModel):
    """One answer of one model."""

    model: str = Field(max_length=800)
    revision: str = Field("", max_length=40)
    answer: str = Field(max_length=200_000)


class FeedbackBody(BaseModel):
    """A rating of one answer (``model``, ``answer``, ``rating``), or which of two is better (``left``, ``right``,
    ``better``)."""

    messages: list[Any] = Field(max_length=200)
    parameters: dict[str, Any] = {}
    model: str = Field("", max_length=800)
    revision: str = Field("", max_length=40)
    answer: str = Field("", max_length=200_000)
    rating: str = Field("", max_length=8)
    corrected: str | None = Field(None, max_length=200_000)
    left: SaidBody | None = None
    right: SaidBody | None = None
    better: str = Field("", max_length=8)


@router.post("/api/feedback")
@door(OWN)
def give(ask: Ask, body: FeedbackBody) -> dict[str, Any]:
    """The row waits for its data set, where it stands in less than a minute; the answer says which."""
    if body.left and body.right:
        left, right = (_said(ask, one.model, one.revision, one.answer) for one in (body.left, body.right))
        kept = service.prefer(
            ask.db, ask.actor, left[1], left[0], right[0],
            messages=body.messages, better=body.better, parameters=body.parameters,
        )  # fmt: skip
    else:
        said, owner = _said(ask, body.model, body.revision, body.answer)
        kept = service.rate(
            ask.db, ask.actor, owner, said,
            messages=body.messages, rating=body.rating, corrected=body.corrected, parameters=body.parameters,
        )  # fmt: skip
    return _told(kept)


def _said(ask: Ask, model: str, revision: str, answer: str) -> tuple[Said, str]:
    """The answer, and the name of who serves the model: one that the actor may call, and did."""
    if not answer:
        raise BadRequest("Say which answer it is about.", field="answer")
    served = lanes.served(ask.db, ask.actor, model)
    return Said(served.name, revision or served.revision, answer), served.owner


def _told(kept: Kept) -> dict[str, Any]:
    if not kept.path:
        return {"said": f"Kept by {kept.owner}.", "place": None, "address": None}
    return {"said": f"Kept in {kept.path}.", "place": kept.path, "address": f"/datasets/{kept.path}"}
