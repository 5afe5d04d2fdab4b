"""What every command shares: the data option, opening the installation, and turning errors into one sentence."""

import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, ParamSpec, TypeVar

import typer

from freehold.core import settings as settings_module
from freehold.core.errors import HubError
from freehold.core.settings import Settings, SettingsError

if TYPE_CHECKING:  # help and the words of a mistake come without the database
    from sqlalchemy.orm import Session

    from freehold.core.database import Database

P = ParamSpec("P")
R = TypeVar("R")

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="Directory of the installation [env: FREEHOLD_DATA; default: ./freehold-data].",
        show_default=False,
    ),
]


BaseUrl = Annotated[str | None, typer.Option("--url", help="Address of the hub [default: the public one].")]


def address(settings: Settings, base_url: str | None, path: str) -> str:
    """``path`` as people open it."""
    base = base_url or settings.public_url or settings.here
    return base.rstrip("/") + path


def load_settings(data: Path | None, **given: Any) -> Settings:
    return settings_module.load(os.environ, data=data, **given)


@contextmanager
def installation(data: Path | None, *, is_there: bool = False) -> Iterator[tuple[Settings, "Database"]]:
    """The settings and the database of the installation in ``data``, at its newest shape.

    ``is_there``: a command that means a hub in use ends with a sentence where there is none, and makes none.
    """
    from freehold.core.events import Bus
    from freehold.governance.service import listening
    from freehold.main import open_database

    settings, bus = load_settings(data), Bus()
    if is_there and not settings.database_url and not (settings.data / "freehold.db").exists():
        fail(f"There is no hub in {settings.data}. Name the directory of yours: --data DIR, or FREEHOLD_DATA.")
    listening.subscribe(bus)  # what is done here is written down, and nobody else hears of it
    database = open_database(settings, bus=bus, via="command line")
    try:
        yield settings, database
    finally:
        database.close()


@contextmanager
def changing(data: Path | None) -> "Iterator[Session]":
    """One transaction on the installation in ``data``."""
    with installation(data) as (_, database), database.write() as db:
        yield db


def one_sentence(command: Callable[P, R]) -> Callable[P, R]:
    """An expected failure ends the command with its sentence on stderr and exit code 1, never with a trace."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except (HubError, SettingsError) as err:
            fail(str(err))
        except OSError as err:
            fail(f"{err.strerror or err}: {err.filename}" if err.filename else str(err))
        except Exception as err:
            sentence = _of_the_database(err)
            if sentence is None:
                raise
            fail(sentence)

    return run


def _of_the_database(err: Exception) -> str | None:
    """What to say where the database is why; None where it is not."""
    from sqlalchemy.exc import OperationalError

    from freehold.core.migrate import SchemaError

    if isinstance(err, OperationalError):
        return f"The database does not answer: {str(err.orig).strip().splitlines()[0]}. Check FREEHOLD_DATABASE_URL."
    return str(err) if isinstance(err, SchemaError) else None


def fail(sentence: str) -> NoReturn:
    """Say ``sentence`` and end with exit code 1."""
    typer.echo(f"freehold: {sentence}", err=True)
    sys.exit(1)
