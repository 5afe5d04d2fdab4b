"""The family of a model as a page: a list within a list, browsed by opening models or going to their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from starlette.responses import Response

from freehold.access.rules import Action
from freehold.choosing import trees
from freehold.choosing.trees import Family
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.discover import panels
from freehold.discover.kinship import MANY
from freehold.discover.pages import refuse_reserved
from freehold.repos import service as repos
from freehold.repos.heads import head
from freehold.web.components import RepoHead
from freehold.web.render import render

router = Router(include_in_schema=False)
#: What is below a repository's address and can be no name in it: the clients' own words never begin so.
LINEAGE = "-/lineage"

WAS = {"finetune": "was fine-tuned", "adapter": "was adapted", "merge": "was merged", "quantized": "was quantised"}


@dataclass(frozen=True)
class Asked:
    """What of the family is shown: only one relation, and what of those below is opened."""

    root: str
    relation: str
    opened: tuple[str, ...]

    def address(self) -> str:
        pairs = [("relation", self.relation)] if self.relation else []
        pairs += [("open", path) for path in self.opened]
        return f"{self.root}?{urlencode(pairs)}" if pairs else self.root

    def toggled(self, path: str) -> str:
        """The page with what was made from ``path`` opened, or shut again."""
        key = path.lower()
        rest = tuple(one for one in self.opened if one != key)
        return replace(self, opened=rest if len(rest) < len(self.opened) else (*rest, key)).address()

    def only(self, relation: str) -> str:
        return replace(self, relation=relation, opened=()).address()


@dataclass(frozen=True)
class LineagePage:
    """A model among those it was made from and those that were made from it."""

    title: str
    area: str
    head: RepoHead
    asked: Asked
    family: Family
    was: Mapping[str, str]  #: what was done to a base, by relation
    many: Mapping[str, str]  #: what came of it, by relation
    can_open: bool

    def own(self, path: str) -> str:
        """The page like this one of another model."""
        return f"/{path}/{LINEAGE}"

    def listed(self, relation: str, path: str) -> str:
        """The list of all that was made from ``path`` in this way."""
        return panels.list_address("model", f"base_model:{relation}:{path}")


@router.get("/{namespace}/{name}/" + LINEAGE)
@door(Action.LIST)
def lineage(ask: Ask, namespace: str, name: str) -> Response:
    refuse_reserved(namespace)
    found = repos.load(ask.db, ask.actor, f"{namespace}/{name}", Action.LIST)
    asked = _asked(ask, found.path)
    shown = trees.family(ask.db, ask.actor, found, relation=asked.relation, opened=asked.opened)
    page = LineagePage(
        title=f"Family of {found.path}",
        area="model",
        head=head(found, actor=ask.actor),
        asked=asked,
        family=shown,
        was=WAS,
        many=MANY,
        can_open=len(asked.opened) < trees.MAX_OPEN,
    )
    return render(ask.request, page, blocks={"family"})


def _asked(ask: Ask, path: str) -> Asked:
    query = ask.request.query_params
    opened: Sequence[str] = [one[:200].lower() for one in query.getlist("open") if one]
    relation = query.get("relation", "")
    return Asked(
        root=f"/{path}/{LINEAGE}",
        relation=relation if relation in trees.RELATIONS else "",
        opened=tuple(dict.fromkeys(opened))[: trees.MAX_OPEN],
    )
