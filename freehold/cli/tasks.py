"""``freehold tasks``: the hub's background work."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from freehold.cli.shared import Data, changing, installation, one_sentence
from freehold.core import clock
from freehold.tasks import queue
from freehold.tasks.tables import Task
from freehold.tasks.worker import describe

app = typer.Typer(help="Background work: what waits, what runs, what failed.", invoke_without_command=True)
MAX_LISTED = 200


@app.callback()
@one_sentence
def listed(
    context: typer.Context,
    failed: Annotated[bool, typer.Option("--failed", help="Only those that were given up.")] = False,
    data: Data = None,
) -> None:
    """List the tasks that are not done: failed ones first, each with its error."""
    if context.invoked_subcommand is not None:
        return
    with installation(data) as (_, database), database.read() as db:
        counts, found = queue.counts(db), queue.unfinished(db, only_failed=failed, limit=MAX_LISTED)
        rows = [_row(task) for task in found]
    if rows:
        table = Table(box=None, pad_edge=False)
        for name in ("id", "task", "state", "attempts", "values", "last error"):
            table.add_column(name, overflow="fold", no_wrap=name == "id")
        for row in rows:
            table.add_row(*row)
        Console(markup=False, highlight=False, soft_wrap=False).print(table)
    typer.echo(f"{counts.failed} failed, {counts.running} running, {counts.waiting} waiting.")
    if counts.failed:
        typer.echo("Try one again with: freehold tasks retry ID")


@app.command()
@one_sentence
def retry(task_id: Annotated[str, typer.Argument(metavar="ID")], data: Data = None) -> None:
    """Try a failed task again, as if for the first time."""
    with changing(data) as db:
        task = queue.retry(db, task_id)
    typer.echo(f"{task.name} {task.id} is tried again as soon as a hub runs.")


@app.command()
@one_sentence
def drop(task_id: Annotated[str, typer.Argument(metavar="ID")], data: Data = None) -> None:
    """Forget a failed task."""
    with changing(data) as db:
        queue.drop(db, task_id)
    typer.echo(f"{task_id} is forgotten.")


def _row(task: Task) -> tuple[str, ...]:
    if task.due_at is None:
        state = "failed"
    elif task.lease is not None:
        state = f"running on {task.holder}"
    else:
        wait_s = (task.due_at - clock.now()).total_seconds()
        state = "waiting" if wait_s <= 0 else f"in {_span(wait_s)}"
    return (task.id, task.name, state, str(task.attempts), describe(task.values), task.error)


def _span(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
