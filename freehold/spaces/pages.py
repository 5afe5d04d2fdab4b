"""The secrets and variables of a Space, as a page of its settings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Form
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action
from freehold.accounts import csrf
from freehold.core.errors import BadRequest, Conflict
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.repos import service as repos
from freehold.repos.events import SpaceValueGiven
from freehold.repos.heads import head
from freehold.spaces import queries, service
from freehold.spaces.queries import Secret, Variable
from freehold.web.components import RepoHead
from freehold.web.render import render

router = Router(include_in_schema=False)
VALUES = "/spaces/{namespace}/{name}/settings/variables"


@dataclass(frozen=True)
class ValuesPage:
    """Secrets and variables, and a form for one more. A secret's value is never in here, not even one just typed."""

    title: str
    area: str
    kind: str
    head: RepoHead
    secrets: Sequence[Secret]
    variables: Sequence[Variable]
    sort: str  #: what was chosen: ``secret`` or ``variable``
    key: str
    value: str
    description: str
    error: str


@router.get(VALUES)
@door(Action.ADMIN)
def values(ask: Ask, namespace: str, name: str, key: str = "") -> Response:
    """``key``: the variable to change, shown in the form."""
    return _page(ask, f"{namespace}/{name}", changing=key)


@router.post(VALUES)
@door(Action.ADMIN)
def put(
    ask: Ask,
    namespace: str,
    name: str,
    sort: Annotated[str, Form()] = "secret",
    key: Annotated[str, Form()] = "",
    value: Annotated[str, Form()] = "",
    description: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check_in_person(ask, token)
    path = f"{namespace}/{name}"
    given = SpaceValueGiven(key.strip(), value.replace("\r\n", "\n"), description.strip())
    put_value = service.set_variable if sort == "variable" else service.set_secret
    try:
        repo = put_value(ask.db, ask.kit, ask.actor, path, given)
    except (BadRequest, Conflict) as err:
        return _page(ask, path, typed=given, sort=sort, error=err.message)
    return RedirectResponse(f"{head(repo).address}/settings/variables", 303)


@router.post(VALUES + "/remove")
@door(Action.ADMIN)
def remove(
    ask: Ask,
    namespace: str,
    name: str,
    sort: Annotated[str, Form()] = "",
    key: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check_in_person(ask, token)
    gone = service.remove_variable if sort == "variable" else service.remove_secret
    repo = gone(ask.db, ask.actor, f"{namespace}/{name}", key)
    return RedirectResponse(f"{head(repo).address}/settings/variables", 303)


def _page(
    ask: Ask,
    path: str,
    *,
    changing: str = "",
    typed: SpaceValueGiven | None = None,
    sort: str = "secret",
    error: str = "",
) -> Response:
    repo = repos.load(ask.db, ask.actor, path, Action.ADMIN, kind="space")
    variables = queries.variables(ask.db, repo)
    there = next((one for one in variables if changing and one.key == changing), None)
    if there is not None:
        typed, sort = SpaceValueGiven(there.key, there.value, there.description), "variable"
    page = ValuesPage(
        title=f"Secrets and variables of {repo.path}",
        area="space",
        kind="space",
        head=head(repo, actor=ask.actor),
        secrets=queries.secrets(ask.db, repo),
        variables=variables,
        sort=sort,
        key=typed.key[:200] if typed else changing[:200],
        value=typed.value if typed and sort == "variable" else "",
        description=typed.description if typed else "",
        error=error,
    )
    return render(ask.request, page, status=422 if error else 200)
