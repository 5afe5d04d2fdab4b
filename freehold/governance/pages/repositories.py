"""Repositories: all of them, and one with what can be done to it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from starlette.responses import Response

from freehold.access.rules import Action
from freehold.core.errors import Conflict
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.governance import access
from freehold.governance.errors import NotTheName
from freehold.governance.pages.forms import Csrf, Text, act, search
from freehold.governance.queries import people as figures
from freehold.governance.queries import repositories as queries
from freehold.governance.queries.repositories import Row, Wanted
from freehold.repos import service as repos
from freehold.repos.rules import page_path
from freehold.repos.service import Changes
from freehold.web.render import render

router = Router(include_in_schema=False)
ROOT = "/admin/repositories"
KINDS = ("model", "dataset", "space", "kernel")


@dataclass(frozen=True)
class RepositoriesPage:
    """Every repository of this hub, the largest first."""

    title: str
    rows: Sequence[Row]
    total: int
    wanted: Wanted
    kinds: Sequence[str]
    orders: Sequence[tuple[str, str]]  #: each order and the address of the list in it
    next: str
    root: str = ROOT
    area: str = "admin"


@dataclass(frozen=True)
class RepositoryPage:
    """One repository: whose it is and what it takes; make it private, move it, delete it."""

    title: str
    row: Row
    address: str  #: of its own page
    error: str
    typed: str  #: the new name that was typed
    root: str = ROOT
    area: str = "admin"


@router.get(ROOT)
@door(Action.ADMIN)
def repositories_page(ask: Ask) -> Response:
    access.administer(ask.actor)
    query = ask.request.query_params
    order, kind = query.get("order", ""), query.get("kind", "")
    wanted = Wanted(
        search=search(ask),
        owner=search(ask, "owner"),
        kind=kind if kind in KINDS else "",
        order=order if order in queries.ORDERS else "size",
        only_private=query.get("private", "") == "1",
    )
    rows, cursor = queries.listed(ask.db, wanted, cursor=query.get("cursor", ""))
    orders = [(name, _address(replace(wanted, order=name))) for name in queries.ORDERS]
    page = RepositoriesPage(
        title="Repositories",
        rows=rows,
        total=figures.figures(ask.db).repos,
        wanted=wanted,
        kinds=KINDS,
        orders=orders,
        next=_address(wanted, cursor) if cursor else "",
    )
    return render(ask.request, page)


def _address(wanted: Wanted, cursor: str = "") -> str:
    private = "1" if wanted.only_private else ""
    parts = {"q": wanted.search, "owner": wanted.owner, "kind": wanted.kind, "private": private}
    parts |= {"order": wanted.order, "cursor": cursor}
    return f"{ROOT}?{urlencode({name: value for name, value in parts.items() if value})}"


@router.get(ROOT + "/{repo_id}")
@door(Action.ADMIN)
def repository_page(ask: Ask, repo_id: str) -> Response:
    access.administer(ask.actor)
    return _one(ask, repo_id)


@router.post(ROOT + "/{repo_id}/visibility")
@door(Action.ADMIN)
def visibility(ask: Ask, repo_id: str, visibility: Text = "", token: Csrf = "") -> Response:
    access.administer(ask.actor)
    repo = queries.one(ask.db, repo_id).repo
    changes = Changes(visibility=visibility)
    return act(
        ask, token, lambda: repos.change_settings(ask.db, ask.actor, repo.path, changes, kind=repo.kind),
        to=f"{ROOT}/{repo_id}", said=f"{repo.path} is {visibility}.",
        again=lambda error: _one(ask, repo_id, error=error),
    )  # fmt: skip


@router.post(ROOT + "/{repo_id}/move")
@door(Action.ADMIN)
def move(ask: Ask, repo_id: str, name: Text = "", token: Csrf = "") -> Response:
    access.administer(ask.actor)
    repo, name = queries.one(ask.db, repo_id).repo, name.strip()
    before = repo.path

    def change() -> None:
        if name.count("/") != 1:
            raise Conflict("A repository is called OWNER/NAME.")
        repos.move(ask.db, ask.actor, before, name, kind=repo.kind)

    return act(
        ask, token, change,
        to=f"{ROOT}/{repo_id}", said=f"{before} is called {name} now. The old name leads there.",
        again=lambda error: _one(ask, repo_id, error=error, typed=name),
    )  # fmt: skip


@router.post(ROOT + "/{repo_id}/delete")
@door(Action.ADMIN)
def delete(ask: Ask, repo_id: str, confirmed: Text = "", token: Csrf = "") -> Response:
    access.administer(ask.actor)
    repo = queries.one(ask.db, repo_id).repo
    path, kind = repo.path, repo.kind

    def change() -> None:
        if confirmed.strip().lower() != path.lower():
            raise NotTheName(f"To delete {path}, type its whole name.")
        repos.delete_repo(ask.db, ask.actor, path, kind=kind)

    return act(
        ask, token, change,
        to=ROOT, said=f"{path} is deleted.", again=lambda error: _one(ask, repo_id, error=error),
    )  # fmt: skip


def _one(ask: Ask, repo_id: str, *, error: str = "", typed: str = "") -> Response:
    access.administer(ask.actor)
    row = queries.one(ask.db, repo_id)
    page = RepositoryPage(row.repo.path, row, page_path(row.repo.kind, row.repo.path), error, typed[:200])
    return render(ask.request, page, status=422 if error else 200)
