"""``freehold doctor``: what is wrong with this installation and what to do."""

import sys

import typer
from rich.console import Console

from freehold.cli.shared import Data, load_settings, one_sentence
from freehold.governance.queries.health import examine


@one_sentence
def doctor(data: Data = None) -> None:
    """Look at every part of the installation; say what is wrong and what to do. Exits 1 when something is."""
    settings = load_settings(data)
    console = Console(highlight=False, soft_wrap=True)
    wrong = 0
    for finding in examine(settings):
        mark = "[green]well[/]" if not finding.advice else "[red]wrong[/]" if finding.is_fatal else "[yellow]look[/]"
        console.print(f"{mark:<16} {finding.what}: {finding.seen}")
        if finding.advice:
            console.print(f"        {finding.advice}")
        wrong += bool(finding.advice and finding.is_fatal)
    if wrong:
        typer.echo(f"{wrong} {'thing is' if wrong == 1 else 'things are'} wrong.", err=True)
        sys.exit(1)
    typer.echo("All is well.")
