"""Others like a repository, each with why: a page, and a section of the repository's own page, brought in late."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import Response

from freehold.access.rules import Action
from freehold.cards.tables import RepoCard
from freehold.choosing import rules, similar
from freehold.choosing.likeness import Similar
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.discover.errors import NoSuchPage
from freehold.discover.pages import refuse_reserved
from freehold.discover.repository import fit_asked
from freehold.repos import service as repos
from freehold.repos.heads import ONE, head
from freehold.repos.rules import KINDS
from freehold.repos.tables import Repo
from freehold.web.components import Place, RepoHead
from freehold.web.render import render

router = Router(include_in_schema=False)
#: Of those shown beside a card.
MOST_COMPARED = rules.MOST - 1


@dataclass(frozen=True)
class SimilarPage:
    """What else there is."""

    title: str
    area: str
    kind_word: str
    head: RepoHead
    similar: Sequence[Similar]
    compare: str  #: it and the nearest side by side; empty: there is nothing to compare
    lists: Sequence[Place]  #: lists that ask for what could stand in its place


@router.get("/{kind:prefix}{namespace}/{name}/-/similar")
@door(Action.LIST)
def similar_page(ask: Ask, kind: str, namespace: str, name: str) -> Response:
    refuse_reserved(namespace)
    if kind not in similar.KINDS:
        raise NoSuchPage
    found = repos.load(ask.db, ask.actor, f"{namespace}/{name}", Action.LIST, kind=kind)
    shown = similar.of(ask.db, found)
    page = SimilarPage(
        title=f"Like {found.path}",
        area=kind,
        kind_word=ONE[kind],
        head=head(found, actor=ask.actor),
        similar=shown,
        compare=_compare(found, shown),
        lists=_lists(ask, found),
    )
    return render(ask.request, page, blocks={"similar"})


def _compare(found: Repo, shown: Sequence[Similar]) -> str:
    paths = [found.path, *(one.row.path for one in shown[:MOST_COMPARED])]
    return f"{rules.PAGE}?{urlencode([(KINDS[found.kind][0], path) for path in paths])}" if shown else ""


def _lists(ask: Ask, found: Repo) -> Sequence[Place]:
    """What could stand in its place: for the same task, on the visitor's machine or free to be used commercially."""
    card = ask.db.get(RepoCard, found.id)
    tasks = [tag for tag in (card.tags if card else ()) if tag.startswith("task_categories:")]
    task = (card.pipeline_tag if card else None) or next(iter(tasks), "")
    if not task:
        return ()
    root = f"/{KINDS[found.kind][0]}"
    places = []
    if found.kind == "model":
        query = urlencode({"filter": task, "fits": fit_asked(ask).machine})
        places.append(Place("that fit on my machine", f"{root}?{query}"))
    query = urlencode({"filter": task, "commercial": "yes"})
    return [*places, Place("that may be used commercially", f"{root}?{query}")]
