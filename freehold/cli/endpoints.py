"""``freehold deploy``, ``freehold endpoints``, ``freehold undeploy``: models that answer. A running hub notices."""

import json
from typing import Annotated, Any

import typer

from freehold.access.rules import HUB
from freehold.cli.shared import BaseUrl, Data, address, fail, installation, one_sentence
from freehold.web import figures


@one_sentence
def deploy(
    model: Annotated[str, typer.Argument(help="NAMESPACE/NAME, perhaps with @REVISION and :FILE.")],
    namespace: Annotated[str, typer.Option(help="Whose it is [default: the model's].", show_default=False)] = "",
    name: Annotated[
        str, typer.Option(help="What it is called there [default: as the model].", show_default=False)
    ] = "",
    engine: Annotated[str, typer.Option(help="Which engine [default: the first that can].", show_default=False)] = "",
    context: Annotated[int | None, typer.Option(help="Tokens for each call at a time.", show_default=False)] = None,
    parallel: Annotated[int, typer.Option(help="Calls at a time of one process.")] = 2,
    replicas: Annotated[int, typer.Option(help="Processes on each node.")] = 1,
    keep_warm: Annotated[bool, typer.Option("--keep-warm", help="Load at start, and never unload when idle.")] = False,
    default: Annotated[list[str] | None, typer.Option(help="Of calls that do not say it: temperature=0.")] = None,
    option: Annotated[list[str] | None, typer.Option(help="The engine's own: precision=full.")] = None,
    base_url: BaseUrl = None,
    data: Data = None,
) -> None:
    """Serve a model under /v1. Where it does not fit, nothing is done, and what would fit is said."""
    from freehold.inference import naming
    from freehold.inference.service import endpoints
    from freehold.inference.service.making import Wanted
    from freehold.main import build_kit

    called = naming.parsed(model)
    if called is None:
        fail(f"{model!r} is not NAMESPACE/NAME[@REVISION][:FILE].")
    wanted = Wanted(
        file=called.file, engine=engine, namespace=namespace, name=name, context_tokens=context, parallel=parallel,
        replicas=replicas, options=_pairs(option), defaults=_pairs(default), keep_warm=keep_warm,
    )  # fmt: skip
    with installation(data, is_there=True) as (settings, database):
        kit = build_kit(settings, database)
        with database.write() as db:
            row = endpoints.deploy(db, kit, HUB, called.name, called.revision, wanted)
            served, needs = row.name, figures.size(row.need_bytes) if row.need_bytes else "an unknown amount"
            typer.echo(f"{served} is served by {row.engine} at {row.revision[:7]}; it takes up to {needs}.")
        where = address(settings, base_url, "/v1") if base_url or settings.public_url else "/v1 of your hub"
        typer.echo(f'Call it at {where} with "model": "{served}" and a token.')


@one_sentence
def endpoints(data: Data = None) -> None:
    """List the models that answer, and how they are on each node."""
    from freehold.inference import queries

    with installation(data, is_there=True) as (_, database), database.read() as db:
        for one in queries.listed(db, HUB):
            memory = f"  {figures.size(one.memory_bytes)}" if one.memory_bytes else ""
            typer.echo(f"{one.endpoint.name}  {one.endpoint.engine}  {one.state}{memory}")


@one_sentence
def undeploy(
    name: Annotated[str, typer.Argument(help="The served name: NAMESPACE/NAME.")],
    data: Data = None,
) -> None:
    """A model answers no more; its repository stays."""
    from freehold.inference.service import endpoints, names

    with installation(data, is_there=True) as (_, database), database.write() as db:
        found = names.find(db, name)
        if found is None or found.kind != "endpoint":
            fail(f"No model is served as {name!r}; `freehold endpoints` lists those that are.")
        endpoints.remove(db, HUB, found.target_id)
        typer.echo(f"{found.shown} is not served any more.")


def _pairs(given: list[str] | None) -> dict[str, Any]:
    """``name=value`` each; a value that is JSON is what it says, another one is text."""
    pairs: dict[str, Any] = {}
    for one in given or ():
        name, sign, value = one.partition("=")
        if not sign or not name:
            fail(f"{one!r} is not NAME=VALUE.")
        try:
            pairs[name] = json.loads(value)
        except ValueError:
            pairs[name] = value
    return pairs
