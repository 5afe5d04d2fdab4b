"""``freehold storage``, ``collect`` and ``scrub``: what is kept, what goes, and whether it is still what it was."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from freehold.cli.shared import Data, installation, one_sentence
from freehold.content import holdings
from freehold.content.kit import Kit
from freehold.content.service import scrubbing
from freehold.content.service.collecting import Collector, Report
from freehold.core.database import Database

PROGRESS_S = 10


@one_sentence
def storage(
    owner: Annotated[str, typer.Argument(help="Only the repositories of this person or organisation.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many repositories to list.")] = 50,
    data: Data = None,
) -> None:
    """What repositories and their owners take. Bytes that several share are counted for each."""
    with installation(data) as (_, database), database.read() as db:
        owners, repos = holdings.by_owner(db, owner, limit=limit), holdings.by_repo(db, owner, limit=limit)
    console = Console(highlight=False, soft_wrap=True)
    for head, rows in (("owner", owners), ("repository", repos)):
        table = Table(box=None, pad_edge=False)
        table.add_column(head)
        for name in ("git", "large files", "together"):
            table.add_column(name, justify="right")
        for row in rows:
            table.add_row(
                row.name, _size(row.git_bytes), _size(row.large_bytes), _size(row.git_bytes + row.large_bytes)
            )
        console.print(table)
        console.print()


@one_sentence
def collect(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")] = False,
    data: Data = None,
) -> None:
    """Free what nothing names any more. The running hub does it by itself, every hour."""
    with _kit(data) as (database, kit):
        collector = Collector(database, kit)
        report = collector.dry_run() if dry_run else collector.turn()
    for line in _lines(report, dry_run):
        typer.echo(line)


@one_sentence
def scrub(data: Data = None) -> None:
    """Read every stored byte again and compare it with its name. Exits 1 when something is damaged."""
    damaged = count = size_bytes = 0
    said_at = time.monotonic()
    with _kit(data) as (database, kit):
        for checked in scrubbing.scrub(database, kit):
            count, size_bytes = count + 1, size_bytes + checked.size_bytes
            if checked.problem:
                damaged += 1
                typer.echo(f"damaged: {checked.key} {checked.problem}")
            if time.monotonic() - said_at > PROGRESS_S:
                said_at = time.monotonic()
                typer.echo(f"{count} objects read, {_size(size_bytes)}", err=True)
    typer.echo(f"{count} objects read, {_size(size_bytes)}: {damaged or 'none'} damaged.")
    if damaged:
        typer.echo("Restore them from a backup: the same key, the same bytes.", err=True)
        sys.exit(1)


@contextmanager
def _kit(data: Data) -> Iterator[tuple[Database, Kit]]:
    from freehold.main import build_kit

    with installation(data) as (settings, database):
        kit = build_kit(settings, database)
        try:
            yield database, kit
        finally:
            kit.git.close()


def _lines(report: Report, dry_run: bool) -> Iterator[str]:
    would = "would be " if dry_run else ""
    yield f"claims on large files {would}ended: {report.ended_claims}"
    pruned = f"{len(report.pruned)}" + ("" if dry_run else f", {_size(report.pruned_bytes)} less in packs")
    yield f"repositories {would}pruned of what no branch reaches: {pruned}"
    for kind, count in sorted(report.doomed.items()):
        if count:
            yield f"{kind} {would}without a name: {count}, {_size(report.doomed_bytes[kind])}"
    yield f"objects {would}deleted now: {report.deleted}, {_size(report.deleted_bytes)}"
    yield f"objects waiting for their time: {report.waiting}, {_size(report.waiting_bytes)}"


def _size(count: int) -> str:
    """As the pages show sizes."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
