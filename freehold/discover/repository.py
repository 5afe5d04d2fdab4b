"""One repository as a page: its card, what is known of it, and how to use it."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import Response

from freehold.access.rules import Action
from freehold.cards import reading, showing
from freehold.content import queries as content
from freehold.content.rules import MAIN
from freehold.core.http import Ask, door
from freehold.core.lru import Lru
from freehold.discover import facts, panels, weights
from freehold.discover.pages import refuse_reserved
from freehold.gating import panels as gates
from freehold.repos import service as repos
from freehold.repos.heads import ONE, head
from freehold.repos.rules import KINDS
from freehold.repos.tables import Repo
from freehold.web import markdown
from freehold.web.components import RepoHead
from freehold.web.render import render

router = APIRouter(include_in_schema=False)
KEPT_CARD_CHARACTERS = 16_000_000

_cards: Lru[tuple[str, str], markdown.Rendered] = Lru(KEPT_CARD_CHARACTERS, lambda card: len(card.html) + 500)


@dataclass(frozen=True)
class RepoPage:
    """A repository: its card, and what its files say."""

    title: str
    area: str
    kind: str
    kind_word: str
    head: RepoHead
    card: markdown.Rendered | None
    facts: Sequence[panels.Fact]
    tags: Sequence[tuple[str, str]]  #: a tag and the list that has it
    uses: Sequence[panels.Use]
    gate: gates.Gate | None  #: what stands before its files; None: it is not gated
    revision: str


@router.get("/{kind:prefix}{namespace}/{name}")
@door(Action.LIST)
def repo(ask: Ask, kind: str, namespace: str, name: str) -> Response:
    refuse_reserved(namespace)
    found = repos.load(ask.db, ask.actor, f"{namespace}/{name}", Action.LIST, kind=kind)
    commit = content.head(ask.db, found, MAIN)
    known = facts.of_commit(ask.db, found, ask.kit, commit) if commit else None
    words = known.card.words if known else None
    page = RepoPage(
        title=found.path,
        area=found.kind,
        kind=found.kind,
        kind_word=ONE[found.kind],
        head=head(found, _line(ask, found, known), actor=ask.actor),
        card=card(ask, found, commit) if commit else None,
        facts=_facts(ask, found, known) if known else (),
        tags=[(tag, f"/{KINDS[found.kind][0]}?{urlencode({'filter': tag})}") for tag in (words.tags if words else ())],
        uses=panels.uses(found, known, ask.base_url),
        gate=gates.of(ask.db, ask.kit, ask.actor, found),
        revision="main",
    )
    return render(ask.request, page)


def line(ask: Ask, head: RepoHead) -> Sequence[str]:
    """Fills the short facts under the name, on every page of a repository alike."""
    found = ask.db.get_one(Repo, head.repo_id)
    commit = content.head(ask.db, found, MAIN)
    return _line(ask, found, facts.of_commit(ask.db, found, ask.kit, commit) if commit else None)


def _line(ask: Ask, found: Repo, known: facts.Facts | None) -> tuple[str, ...]:
    return panels.line(known, _headers(ask, found, known)) if known else ()


def _headers(ask: Ask, found: Repo, known: facts.Facts) -> weights.Told:
    return weights.of_commit(ask.db, found, ask.kit, known.commit) if found.kind == "model" else {}


def _facts(ask: Ask, found: Repo, known: facts.Facts) -> Sequence[panels.Fact]:
    return panels.facts(found, known, content.used_storage(ask.db, found), _headers(ask, found, known))


def card(ask: Ask, found: Repo, commit: str) -> markdown.Rendered:
    return _cards.of((f"{found.kind}/{found.path}", commit), lambda: _rendered(ask, found, commit))


def _rendered(ask: Ask, found: Repo, commit: str) -> markdown.Rendered:
    text = reading.card_text(content.objects(ask.db, found, ask.kit), commit)
    root = head(found).address
    links = markdown.Links(page_root=f"{root}/blob/main/", file_root=f"{root}/resolve/main/")
    return showing.shown(text, links)
