"""``freehold org``: organisations and their members."""

from enum import StrEnum
from typing import Annotated

import typer

from freehold.access.rules import HUB
from freehold.accounts import choices, service
from freehold.cli.shared import BaseUrl, Data, address, changing, installation, one_sentence
from freehold.people.service import invitations, organizations

app = typer.Typer(help="Organisations.", no_args_is_help=True)


class Role(StrEnum):
    admin = "admin"
    write = "write"
    contributor = "contributor"
    read = "read"


@app.command()
@one_sentence
def create(
    name: Annotated[str, typer.Argument(help="The organisation's namespace.")],
    full_name: Annotated[str, typer.Option("--full-name", help="The name people know.")] = "",
    owner: Annotated[str | None, typer.Option("--owner", help="Who administers it.")] = None,
    private_by_default: Annotated[
        bool, typer.Option("--private-by-default", help="New repositories start private.")
    ] = False,
    data: Data = None,
) -> None:
    """Create an organisation."""
    with changing(data) as db:
        admin = service.account(db, owner, kind="user") if owner else None
        org = service.create_org(db, name, full_name=full_name, owner=admin, private_by_default=private_by_default)
    typer.echo(f"Created {org.name}{f', administered by {admin.name}' if admin else ''}.")


@app.command("add-member")
@one_sentence
def add_member(
    org: Annotated[str, typer.Argument(help="The organisation.")],
    user: Annotated[str, typer.Argument(help="Who joins it.")],
    role: Annotated[Role, typer.Option("--role", help="What they may do there.")],
    data: Data = None,
) -> None:
    """Make USER a member of ORG, or change the role they have there."""
    with changing(data) as db:
        service.set_role(db, service.account(db, org, kind="org"), service.account(db, user, kind="user"), role.value)
    typer.echo(f"{user} has the role {role.value} in {org}.")


@app.command("remove-member")
@one_sentence
def remove_member(
    org: Annotated[str, typer.Argument(help="The organisation.")],
    user: Annotated[str, typer.Argument(help="Who is no member any more.")],
    data: Data = None,
) -> None:
    """Remove USER from ORG. The last administrator stays."""
    with changing(data) as db:
        organizations.remove(db, HUB, org, user)
    typer.echo(f"{user} is no member of {org} any more.")


@app.command()
@one_sentence
def invite(
    org: Annotated[str, typer.Argument(help="The organisation.")],
    role: Annotated[Role, typer.Option("--role", help="What they may do there.")],
    user: Annotated[str, typer.Option("--user", help="By the name they have here.")] = "",
    email: Annotated[str, typer.Option("--email", help="By mail address: prints a link to hand on.")] = "",
    base_url: BaseUrl = None,
    data: Data = None,
) -> None:
    """Ask somebody into ORG. By mail, the printed link lets its reader join once, with a new account if need be."""
    with installation(data) as (settings, database), database.write() as db:
        made = invitations.invite(
            db, HUB, org, user_name=user, email=email, role=role.value, sign_up=choices.sign_up(db, settings)
        )
    typer.echo(address(settings, base_url, made.path) if made.path else f"{user} finds it under /settings.")
