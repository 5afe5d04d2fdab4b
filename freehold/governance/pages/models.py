"""Models that run: every replica of every node, and the memory that they hold."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from freehold.access.rules import Action
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.governance import access
from freehold.inference import node, queries
from freehold.inference.space import said_cards
from freehold.inference.tables import Endpoint, ReplicaState
from freehold.web.render import render

router = Router(include_in_schema=False)
ROOT = "/admin/models"


@dataclass(frozen=True)
class ModelsPage:
    """What runs on each node, as each of them last told."""

    title: str
    rows: Sequence[tuple[ReplicaState, Endpoint]]
    nodes: int
    memory_bytes: int  #: of all of them
    budget_bytes: int  #: that models may take on this node
    machine_bytes: int  #: memory of this node
    is_here: bool  #: that models run on it, not on a cluster
    cards: str  #: graphics cards of this node, in words
    root: str = ROOT
    area: str = "admin"


@router.get(ROOT)
@door(Action.ADMIN)
def models_page(ask: Ask) -> Response:
    access.administer(ask.actor)
    rows, room = queries.everywhere(ask.db), node.room(ask.kit.settings)
    page = ModelsPage(
        title="Models",
        rows=rows,
        nodes=len({state.node for state, _ in rows}),
        memory_bytes=sum(state.memory_bytes for state, _ in rows),
        budget_bytes=room.budget_bytes,
        machine_bytes=room.memory_bytes,
        is_here=room.is_here,
        cards=said_cards(room.cards),
    )
    return render(ask.request, page)
