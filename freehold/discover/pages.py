"""Home: what there is and what moves, what waits for whoever looks, and how to begin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response

from freehold.accounts.rules import RESERVED
from freehold.core.http import PUBLIC, Ask, door
from freehold.core.routes import Router
from freehold.discover import desk, queries, register
from freehold.discover.desk import Desk
from freehold.discover.errors import NoSuchPage
from freehold.discover.register import Row
from freehold.repos.heads import LABELS
from freehold.repos.rules import KINDS
from freehold.web.render import render

router = Router(include_in_schema=False)
SHOWN_KINDS = ("model", "dataset", "space")
#: Ranked entries of a kind, and new ones below them.
TRENDING, NEW = 5, 5
OWN = 5


@dataclass(frozen=True)
class Stand:
    """One kind on home: what is trending, and what is new."""

    kind: str
    label: str
    address: str
    total: int
    trending: Sequence[Row]  #: the highest first; empty where nothing was downloaded or liked for a while
    new: Sequence[Row]  #: the newest first


@dataclass(frozen=True)
class HomePage:
    """The start: what there is, and how to bring something in."""

    title: str
    stands: Sequence[Stand]
    own: Sequence[Row]  #: the visitor's own repositories and its organisations', last changed first
    desk: Desk
    is_empty: bool
    hub: str
    hides_search: bool = True


@router.get("/")
@door(PUBLIC)
def home(ask: Ask) -> Response:
    totals = queries.counts(ask.db, ask.actor)
    page = HomePage(
        title="Home",
        stands=_stands(ask, totals) if totals else (),
        own=register.own(ask.db, ask.actor, OWN) if totals and not ask.actor.is_anonymous else (),
        desk=desk.of(ask),
        is_empty=not totals,
        hub=ask.base_url,
    )
    return render(ask.request, page)


def _stands(ask: Ask, totals: Mapping[str, int]) -> Sequence[Stand]:
    kinds = [kind for kind in SHOWN_KINDS if totals.get(kind)]
    moving = register.moving(ask.db, ask.actor, kinds, TRENDING, NEW)
    return [
        Stand(kind, LABELS[kind], f"/{KINDS[kind][0]}", totals[kind], moving[kind, "trending"], moving[kind, "new"])
        for kind in kinds
    ]


def refuse_reserved(first: str) -> None:
    """The widest addresses catch what nobody else did, ``/api/...`` included: that is nothing, not a repository."""
    if first.lower() in RESERVED:
        raise NoSuchPage
