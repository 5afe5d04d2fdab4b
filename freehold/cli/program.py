"""``freehold``: the program and its nouns."""

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

import freehold

#: Each command and its place in this package: a function, or a noun that has verbs of its own.
COMMANDS = {
    "serve": "serve.serve",
    "doctor": "doctor.doctor",
    "storage": "storage.storage",
    "collect": "storage.collect",
    "scrub": "storage.scrub",
    "deploy": "endpoints.deploy",
    "endpoints": "endpoints.endpoints",
    "undeploy": "endpoints.undeploy",
    "user": "user.app",
    "org": "org.app",
    "token": "token.app",
    "tasks": "tasks.app",
    "audit": "audit.app",
}


class Nouns(TyperGroup):
    """Commands that are imported when they are asked for: a hub that serves holds nothing of the others."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(dict.fromkeys([*COMMANDS, *self.commands]))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            self.commands[cmd_name] = _made(cmd_name)
        elif cmd_name not in self.commands:
            for one in COMMANDS:  # the sentence that refuses it names what is close
                self.get_command(ctx, one)
        return self.commands.get(cmd_name)


def _made(name: str) -> Any:
    module, _, attribute = COMMANDS[name].partition(".")
    found = getattr(import_module(f"freehold.cli.{module}"), attribute)
    alone = typer.Typer()
    if isinstance(found, typer.Typer):
        alone.add_typer(found, name=name)
    else:
        alone.command(name)(found)
    return get_group(alone).commands[name]


app = typer.Typer(
    name="freehold",
    cls=Nouns,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(is_asked: bool) -> None:
    if is_asked:
        version()
        raise typer.Exit


@app.callback()
def options(
    show: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """A Hugging Face of one's own: the hub your clients already speak to, on your own ground."""


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(freehold.__version__)


def main() -> None:
    app()
