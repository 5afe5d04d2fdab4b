"""Repositories side by side as a page. Its address says all: which, on what machine, and whether only what differs."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import Response

from freehold.choosing import rules
from freehold.choosing.comparing import Comparison, compare
from freehold.choosing.errors import TooManyCompared
from freehold.choosing.rules import Asked
from freehold.core.http import PUBLIC, Ask, door
from freehold.core.routes import Router
from freehold.discover import machines
from freehold.repos.heads import LABELS, ONE
from freehold.repos.rules import KINDS
from freehold.web.components import RepoHead
from freehold.web.render import part, render

router = Router(include_in_schema=False)


@dataclass(frozen=True)
class Export:
    """The comparison as a file."""

    label: str
    address: str


@dataclass(frozen=True)
class ComparePage:
    """Up to five repositories, a column each."""

    title: str
    area: str
    kind_word: str
    family: str  #: what suggestions call repositories of this kind
    parameter: str  #: that names a repository in the address
    asked: Asked
    found: Comparison | None  #: None: too many are named
    refused: str  #: why
    hidden: Sequence[tuple[str, str]]  #: the address without the machine: what its form keeps
    exports: Sequence[Export]
    can_add: bool
    most: int
    list_address: str


@dataclass(frozen=True)
class CompareAction:
    """Beside a repository's name: it and others side by side."""

    address: str


@router.get(rules.PAGE)
@door(PUBLIC)
def comparison(ask: Ask) -> Response:
    asked = rules.read(ask.request.query_params)
    found, refused = None, ""
    try:
        found = compare(ask)
    except TooManyCompared as err:
        refused = err.message
    parameter = KINDS[asked.kind][0]
    page = ComparePage(
        title=f"Compare {LABELS[asked.kind].lower()}",
        area=asked.kind,
        kind_word=ONE[asked.kind],
        family=LABELS[asked.kind],
        parameter=parameter,
        asked=asked,
        found=found,
        refused=refused,
        hidden=[pair for pair in asked.pairs() if pair[0] not in ("machine", "users", "tokens")],
        exports=_exports(asked) if found and found.shown else (),
        can_add=len(asked.names) < rules.MOST,
        most=rules.MOST,
        list_address=f"/{parameter}",
    )
    answer = render(ask.request, page, status=422 if refused else 200, blocks={"comparison"})
    machines.remember(answer, ask.request)
    return answer


def repo_action(ask: Ask, head: RepoHead) -> str:
    """An entry of the menu beside a repository's name, where its kind is one that is compared."""
    if head.plural not in (KINDS[kind][0] for kind in rules.KINDS_COMPARED):
        return ""
    return part(ask.request, CompareAction(f"{rules.PAGE}?{urlencode({head.plural: head.path})}"))


def _exports(asked: Asked) -> Sequence[Export]:
    root = asked.address("/api/compare")
    return [
        Export(label, f"{root}&format={form}")
        for label, form in (("CSV", "csv"), ("Markdown", "markdown"), ("JSON", "json"))
    ]
