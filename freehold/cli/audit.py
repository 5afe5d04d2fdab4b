"""``freehold audit``: the trail of who did what."""

import sys

import typer

from freehold.cli.shared import Data, installation, one_sentence
from freehold.governance.queries import trail
from freehold.governance.service import chaining
from freehold.web.figures import plural

app = typer.Typer(help="The audit trail.", no_args_is_help=True)


@app.callback()
def audit() -> None:
    """The audit trail."""


@app.command()
@one_sentence
def check(data: Data = None) -> None:
    """Compute the chain of the trail again. Exits 1 when an entry was changed or taken out."""
    with installation(data) as (_, database):
        chaining.tie(database)
        verdict = chaining.check(database)
        with database.read() as db:
            chain = trail.chain(db)
    if verdict.broken:
        typer.echo(f"The chain is broken after {verdict.checked - 1} entries. {verdict.broken}", err=True)
        sys.exit(1)
    told = plural(verdict.checked, "entry is", "entries are")
    typer.echo(f"{told} as written. The chain ends in {chain.digest or 'nothing yet'}.")
