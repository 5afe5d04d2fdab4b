"""``freehold token``: secrets for clients."""

from enum import StrEnum
from typing import Annotated

import typer

from freehold.access.rules import HUB
from freehold.accounts import service
from freehold.cli.shared import Data, changing, one_sentence
from freehold.repos.queries import repo_ids_of

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
    namespace: Annotated[
        list[str] | None,
        typer.Option("--namespace", help="Only the repositories of this person or organisation; can be repeated."),
    ] = None,
    data: Data = None,
) -> None:
    """Create a token and print it, and nothing else. It is never shown again."""
    with changing(data) as db:
        owner = service.account(db, user, kind="user")
        repo_ids = [found for path in repo for found in repo_ids_of(db, HUB, path)] if repo else None
        owner_ids = [service.account(db, found).id for found in namespace] if namespace else None
        _, secret = service.create_token(db, owner, name, scope.value, repo_ids=repo_ids, owner_ids=owner_ids)
    typer.echo(secret)
