"""``freehold user``: people."""

import sys
from typing import Annotated

import typer

from freehold.access.rules import HUB
from freehold.accounts import choices, service
from freehold.cli.shared import BaseUrl, Data, address, changing, installation, one_sentence
from freehold.core.errors import BadRequest
from freehold.people.rules import password_path
from freehold.people.service import invitations

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
    how = "" if password else f" `freehold user link {user.name}` prints a link that signs them in."
    typer.echo(f"Created {user.name}{', an administrator' if admin else ''}.{how}")


@app.command()
@one_sentence
def link(
    name: Annotated[str, typer.Argument(help="Whom the link is for.")],
    new_password: Annotated[
        bool, typer.Option("--new-password", help="To choose a new password, within two hours.")
    ] = False,
    base_url: BaseUrl = None,
    data: Data = None,
) -> None:
    """Print a link that signs NAME in once, within a day, or lets them choose a new password."""
    with installation(data) as (settings, database), database.write() as db:
        user = service.account(db, name, kind="user")
        if new_password:
            path = password_path(service.create_password_link(db, user))
        else:
            path = f"/login/{service.create_sign_in_link(db, user)}"
    typer.echo(address(settings, base_url, path))


@app.command()
@one_sentence
def invite(
    email: Annotated[str, typer.Argument(help="Whom the link is for.")],
    base_url: BaseUrl = None,
    data: Data = None,
) -> None:
    """Print a link that lets whoever reads mail at EMAIL make an account, once, within two weeks."""
    with installation(data) as (settings, database), database.write() as db:
        made = invitations.invite(db, HUB, None, email=email, sign_up=choices.sign_up(db, settings))
    typer.echo(address(settings, base_url, made.path))


@app.command()
@one_sentence
def password(
    name: Annotated[str, typer.Argument(help="Whose password it is.")],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    data: Data = None,
) -> None:
    """Set the password of NAME. Wherever they are signed in, they are not any more."""
    if not password_stdin:
        raise BadRequest("Pass --password-stdin, and the password on standard input.")
    given = sys.stdin.readline().rstrip("\r\n")
    with changing(data) as db:
        service.set_password(db, service.account(db, name, kind="user"), given)
    typer.echo(f"{name} has a new password.")


@app.command()
@one_sentence
def disable(name: Annotated[str, typer.Argument(help="Who is locked out.")], data: Data = None) -> None:
    """Lock NAME out: no session, no token, no link. What they published stays."""
    with changing(data) as db:
        service.set_disabled(db, service.account(db, name, kind="user"), True)
    typer.echo(f"{name} is disabled.")


@app.command()
@one_sentence
def enable(name: Annotated[str, typer.Argument(help="Who may come back.")], data: Data = None) -> None:
    """Let NAME back in, with the password and tokens they had."""
    with changing(data) as db:
        service.set_disabled(db, service.account(db, name, kind="user"), False)
    typer.echo(f"{name} is enabled.")
