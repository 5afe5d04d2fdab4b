"""``freehold user``: people."""

import sys
from typing import Annotated

import typer

from freehold.accounts import service
from freehold.cli.shared import Data, changing, installation, one_sentence
from freehold.core.errors import BadRequest

app = typer.Typer(help="People.", no_args_is_help=True)


@app.command()
@one_sentence
def create(
    name: Annotated[str, typer.Argument(help="The name to sign in with; also the person's namespace.")],
    full_name: Annotated[str, typer.Option("--full-name", help="The name people know.")] = "",
    email: Annotated[str | None, typer.Option("--email", help="Mail address.")] = None,
    admin: Annotated[bool, typer.Option("--admin", help="May administer the hub.")] = False,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    data: Data = None,
) -> None:
    """Create a person. Without a password they sign in by a one-time link (freehold user link)."""
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    if password == "":
        raise BadRequest("No password came on standard input.")
    with changing(data) as db:
        user = service.create_user(db, name, full_name=full_name, email=email, is_admin=admin, password=password)
    typer.echo(f"Created {user.name}{', an administrator' if admin else ''}.")


@app.command()
@one_sentence
def link(
    name: Annotated[str, typer.Argument(help="Whom the link signs in.")],
    base_url: Annotated[str | None, typer.Option("--url", help="Address of the hub [default: the public one].")] = None,
    data: Data = None,
) -> None:
    """Print a link that signs NAME in once, within a day."""
    with installation(data) as (settings, database), database.write() as db:
        secret = service.create_sign_in_link(db, service.account(db, name, kind="user"))
    base = base_url or settings.public_url or f"http://{settings.host}:{settings.port}"
    typer.echo(f"{base.rstrip('/')}/login/{secret}")
