"""``freehold serve``: the hub itself."""

import gc
import logging
from typing import Annotated

import typer

from freehold.accounts import service
from freehold.accounts.errors import NameTaken
from freehold.cli.shared import Data, load_settings, one_sentence
from freehold.core.database import Database
from freehold.core.settings import Settings

FIRST_ADMIN = "root"


@one_sentence
def serve(
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on [default: 127.0.0.1].", show_default=False)
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", help="Port to listen on [default: 8000].", show_default=False)
    ] = None,
    data: Data = None,
) -> None:
    """Serve the hub until stopped. The first start makes an administrator and prints a one-time link."""
    # Nothing that a start makes is garbage, and the collector would go through all of it again and again: a tenth of
    # the time to the first page. Frozen, it is no part of later collections either.
    gc.disable()
    from freehold.core.migrate import upgrade_apart
    from freehold.core.server import run
    from freehold.main import build_app

    _start_logging()
    settings = load_settings(data, host=host, port=port)
    app = build_app(settings, upgrade=upgrade_apart)
    gc.freeze()
    gc.enable()
    link = _first_link(settings, app.state.database)

    def ready(url: str) -> None:
        typer.echo(f"Freehold serves {url} from {settings.data}")
        if link:
            typer.echo(
                f"First administrator: open {settings.public_url.rstrip('/') or url}/login/{link} once, within a day."
            )

    run(app, host=settings.host, port=settings.port, ready=ready)


def _start_logging() -> None:
    """The hub's own news, and only the troubles of the libraries below it."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("freehold").setLevel(logging.INFO)


def _first_link(settings: Settings, database: Database) -> str | None:
    """On an installation without an administrator: make one, and the secret of its one-time link."""
    with database.read() as db:
        if service.has_admin(db) or service.has_people(db):
            return None
    with database.write() as db:
        try:
            admin = service.create_user(db, FIRST_ADMIN, is_admin=True)
        except NameTaken:  # another node started at the same moment
            return None
        return service.create_sign_in_link(db, admin)
