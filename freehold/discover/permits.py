"""The pages that say how answers are read: what licences permit, and what makes a repository open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response

from freehold.cards.licences.permits import Licence, table
from freehold.core.http import PUBLIC, Ask, door
from freehold.core.routes import Router
from freehold.repos.licences import GROUPS
from freehold.web.render import render

router = Router(include_in_schema=False)


@dataclass(frozen=True)
class LicencesPage:
    """What each licence permits, by group, and what the words of the table mean."""

    title: str
    groups: Mapping[str, Sequence[Licence]]
    asks: Mapping[str, str]


@router.get("/-/licences")
@door(PUBLIC)
def licences(ask: Ask) -> Response:
    found = table()
    groups = {group: [found.licences[id] for id in names] for group, names in GROUPS.items()}
    page = LicencesPage(
        title="What licences permit",
        groups=groups | {"Others, by the name that a card gives them": list(found.names.values())},
        asks=found.asks,
    )
    return render(ask.request, page)


@dataclass(frozen=True)
class OpennessPage:
    """What makes each dimension open, partly, closed or unknown."""

    title: str


@router.get("/-/openness")
@door(PUBLIC)
def openness(ask: Ask) -> Response:
    return render(ask.request, OpennessPage("How openness is read"))
