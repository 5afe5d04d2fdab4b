"""Help me choose: six questions and a shortlist, on one page. Its address says all that was answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Form
from starlette.datastructures import QueryParams
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action
from freehold.accounts import csrf
from freehold.choosing import helping, saving, wishes
from freehold.choosing.helping import Help
from freehold.choosing.uses import Use
from freehold.choosing.wishes import Wish
from freehold.core.errors import BadRequest, Conflict, Forbidden
from freehold.core.http import PUBLIC, Ask, door
from freehold.core.routes import Router
from freehold.discover import machines
from freehold.web import flash
from freehold.web.render import render

router = Router(include_in_schema=False)
#: That stand side by side at once.
COMPARED = 5


@dataclass(frozen=True)
class ChoosePage:
    """Six questions, each with what was answered, and the shortlist."""

    title: str
    area: str
    wish: Wish
    uses: Sequence[Use]  #: that this hub has models for
    others: Sequence[Use]  #: the rest
    machines: Sequence[machines.Group]
    units: Sequence[str]
    speeds: Sequence[tuple[int, str]]
    languages: Sequence[tuple[str, str]]
    characters_a_token: str  #: in the language that was answered
    found: Help | None  #: None: what for was not answered yet
    needs_machine: bool  #: speed was asked for, and no machine to reckon with
    compare_address: str
    api_address: str
    name: str  #: proposed for a collection
    error: str  #: why it was not saved


@router.get(wishes.PAGE)
@door(PUBLIC)
def choose(ask: Ask) -> Response:
    wish = wishes.read(ask.request.query_params)
    return _page(ask, wish)


@router.post(f"{wishes.PAGE}/collection")
@door(Action.CREATE_IN)
def save(
    ask: Ask,
    wished: Annotated[str, Form()] = "",
    title: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    """The shortlist, as it is now, as a collection of one's own."""
    csrf.check(ask.request, token)
    wish = wishes.read(QueryParams(wished[:2_000]))
    own, _ = helping.own_machines(ask)
    found = helping.help_choosing(ask, wish, own) if wish.use else None
    if found is None or not found.picks:
        return _page(ask, wish, name=title, error="There is nothing on the list to save.", status=422)
    try:
        slug = saving.save(ask.db, ask.actor, title, f"{ask.base_url}{found.wish.address()}", found.picks)
    except (BadRequest, Conflict, Forbidden) as err:
        return _page(ask, wish, name=title, error=err.message, status=422)
    return flash.say(ask.request, RedirectResponse(f"/collections/{slug}", 303), "The shortlist is a collection now.")


def _page(ask: Ask, wish: Wish, *, name: str = "", error: str = "", status: int = 0) -> Response:
    own, options = helping.own_machines(ask)
    if wish.use is not None:
        found = helping.help_choosing(ask, wish, own)
        wish = found.wish
    else:
        found, (wish, _) = None, helping.with_machine(wish, own)
    uses, languages = helping.offered(ask)
    chosen = machines.find(wish.machine, own) if wish.machine else None
    offered = {address for group in options for address, _ in group.options}
    if chosen is not None and chosen.address not in offered:
        options = [*options, machines.Group("As asked", [(chosen.address, chosen.name)])]
    paths = found.paths[:COMPARED] if found else ()
    page = ChoosePage(
        title="Help me choose",
        area="model",
        wish=wish,
        uses=[use for use, is_there in uses if is_there],
        others=[use for use, is_there in uses if not is_there],
        machines=options,
        units=list(wishes.UNITS),
        speeds=list(wishes.SPEEDS.items()),
        languages=languages,
        characters_a_token=f"{wishes.characters_a_token(wish.language):g}",
        found=found,
        needs_machine=bool(wish.speed and wish.use and wish.use.writes and not wish.machine),
        compare_address=f"/compare?{urlencode(_compared(paths, wish))}" if paths else "",
        api_address=wish.address("/api/choose"),
        name=name or (f"Shortlist: {wish.use.words.lower()}" if wish.use else ""),
        error=error,
    )
    answer = render(ask.request, page, blocks={"chosen"}, status=status or (422 if wish.problems else 200))
    machines.remember(answer, ask.request)
    return answer


def _compared(paths: Sequence[str], wish: Wish) -> list[tuple[str, str]]:
    pairs = [("models", path) for path in paths]
    if wish.machine:
        pairs += [("machine", wish.machine), ("users", "1"), ("tokens", str(wish.counted_tokens))]
    return pairs
