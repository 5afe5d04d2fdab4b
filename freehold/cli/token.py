"""``freehold token``: secrets for clients."""

from enum import StrEnum
from typing import Annotated

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.access.rules import HUB
from freehold.accounts import service
from freehold.cli.shared import Data, changing, one_sentence
from freehold.core.errors import BadRequest
from freehold.repos.access import visible
from freehold.repos.rules import KIND_OF_PLURAL
from freehold.repos.tables import Repo

app = typer.Typer(help="Access tokens.", no_args_is_help=True)


class Scope(StrEnum):
    read = "read"
    write = "write"


@app.command()
@one_sentence
def create(
    user: Annotated[str, typer.Argument(help="Whose token it is.")],
    name: Annotated[str, typer.Option("--name", help="What it is for; unique for the person.")],
    scope: Annotated[Scope, typer.Option("--scope", help="read, or read and write.")],
    repo: Annotated[
        list[str] | None,
        typer.Option("--repo", help="Only this repository (ns/name, or datasets/ns/name); can be repeated."),
    ] = None,
    data: Data = None,
) -> None:
    """Create a token and print it, and nothing else. It is never shown again."""
    with changing(data) as db:
        owner = service.account(db, user, kind="user")
        repo_ids = [found for path in repo for found in _repo_ids(db, path)] if repo else None
        _, secret = service.create_token(db, owner, name, scope.value, repo_ids=repo_ids)
    typer.echo(secret)


def _repo_ids(db: Session, path: str) -> list[str]:
    """The repositories a ``--repo`` means: one kind when it starts with one, else every kind of that name."""
    first, _, rest = path.partition("/")
    kind = KIND_OF_PLURAL.get(first) if "/" in rest else None
    key = (rest if kind else path).lower()
    query = visible(select(Repo.id).where(Repo.path_key == key), HUB)
    found = list(db.scalars(query.where(Repo.kind == kind) if kind else query))
    if not found:
        raise BadRequest(f"There is no repository {path!r} here. Name it as ns/name or datasets/ns/name.")
    return found
