"""``freehold doctor``: what is wrong with this installation and what to do."""

import secrets
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from sqlalchemy import func, select, text

from freehold.accounts import service as accounts
from freehold.cli.shared import Data, load_settings, one_sentence
from freehold.content.keys import content_key, pack_key, xorb_key
from freehold.content.tables import Content, Pack, Ref, Xorb
from freehold.core import migrate, sealing
from freehold.core.database import Database
from freehold.core.instance import known_value
from freehold.core.settings import Settings, SettingsError
from freehold.repos.tables import Repo
from freehold.stores.store import Store, open_store
from freehold.tasks import queue

LOW_DISK_BYTES = 2 << 30
MANY_TASKS = 100_000
SAMPLE = 50  # of each kind of object; a whole check is the scrub's work


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``advice`` is empty when it is well."""

    what: str
    seen: str
    advice: str = ""
    is_fatal: bool = True


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


def examine(settings: Settings) -> Iterator[Finding]:
    """Every finding in order; what cannot be looked at because of an earlier one is left out."""
    yield from _python_and_git()
    if not settings.data.is_dir():
        yield Finding(
            "data directory", f"{settings.data} is not there", "Start `freehold serve` once, or name it with --data."
        )
        return
    yield from _directory(settings.data)
    database = Database(settings.database)
    try:
        answering = yield from _guarded("database", lambda: _database(database))
        store = yield from _guarded("store", lambda: _store(settings))
        if answering:
            yield _sealing(settings, database)
        if answering and store is not None:
            yield from _bytes(database, store)
    finally:
        database.close()
    yield _server(settings)


def _python_and_git() -> Iterator[Finding]:
    yield Finding("python", sys.version.split()[0])
    git = shutil.which("git")
    yield Finding("git", git or "not found", "" if git else "Install git: cloning and pushing need it.", is_fatal=False)


def _directory(data: Path) -> Iterator[Finding]:
    probe = data / f".doctor-{secrets.token_hex(4)}"
    try:
        probe.write_bytes(b"probe")
        probe.unlink()
        yield Finding("data directory", f"{data} can be written")
    except OSError as err:
        yield Finding("data directory", f"{data}: {err.strerror}", "Make it writable for the user the hub runs as.")
    free = shutil.disk_usage(data).free
    low = free < LOW_DISK_BYTES
    advice = "Free some space: uploads are refused when the disk is full." if low else ""
    yield Finding("disk", f"{free / 1e9:.1f} GB free", advice, is_fatal=False)


def _guarded(what: str, look: "Callable[[], tuple[object, list[Finding]]]"):  # type: ignore[no-untyped-def]
    """The findings of ``look``, or one saying that it failed; returns what it found."""
    try:
        result, findings = look()
    except Exception as err:
        line = str(getattr(err, "orig", err)).strip().splitlines()[0]
        yield Finding(what, line, f"The {what} does not answer. Check FREEHOLD_{what.upper()}_URL and that it runs.")
        return None
    yield from findings
    return result


def _database(database: Database) -> tuple[object, list[Finding]]:
    current, newest = migrate.current(database), migrate.head()
    if current != newest:
        advice = "Start `freehold serve` of this release once: it brings the database to its newest shape."
        return None, [Finding("database", f"schema {current or 'empty'}, this release has {newest}", advice)]
    findings = [Finding("database", f"schema {current}")]
    with database.read() as db:
        if database.is_sqlite:
            checked = db.scalar(text("PRAGMA quick_check(5)"))
            advice = "" if checked == "ok" else "Restore the database from a backup; keep this copy for looking into."
            findings.append(Finding("database file", str(checked), advice))
        has_admin = accounts.has_admin(db)
        advice = "" if has_admin else "Create one: freehold user create NAME --admin, then freehold user link NAME."
        findings.append(
            Finding("administrator", "there is one" if has_admin else "there is none", advice, is_fatal=False)
        )
        headless = db.scalar(
            select(func.count()).select_from(Repo).where(~select(Ref).where(Ref.repo_id == Repo.id).exists())
        )
        if headless:
            findings.append(Finding("repositories", f"{headless} without any branch", "Delete and create them again."))
        findings.append(_tasks(queue.counts(db)))
    return True, findings


def _tasks(counts: queue.Counts) -> Finding:
    advice = "See why with: freehold tasks --failed" if counts.failed else ""
    if counts.waiting > MANY_TASKS:
        advice = "Raise FREEHOLD_TASK_THREADS, and see with `freehold tasks` what they are."
    return Finding("background tasks", f"{counts.waiting} waiting, {counts.failed} failed", advice, is_fatal=False)


def _sealing(settings: Settings, database: Database) -> Finding:
    """Whether this node's key opens what the installation sealed."""
    known = known_value(database, sealing.FINGERPRINT)
    try:
        key = sealing.key_of(settings)
    except SettingsError as err:
        return Finding("sealing key", "cannot be read", str(err))
    if known is None:
        return Finding("sealing key", "none yet; the first start makes it")
    fits = key is not None and sealing.fingerprint_of(key) == known
    advice = (
        "" if fits else f"Put back {settings.data / sealing.KEY_FILE}, or set FREEHOLD_SEALING_KEY: see settings.md."
    )
    return Finding("sealing key", "fits" if fits else "missing, or another installation's", advice)


def _store(settings: Settings) -> tuple[object, list[Finding]]:
    store = open_store(settings)
    key = f"doctor/{secrets.token_hex(8)}"
    store.put_bytes(key, b"probe")
    well = store.get(key) == b"probe"
    store.delete([key])
    advice = "" if well else "The store gives back other bytes than it was given: do not use it."
    return store, [Finding("store", settings.store if well else "does not keep what it is given", advice)]


def _bytes(database: Database, store: Store) -> Iterator[Finding]:
    """A sample of what the rows promise, newest first: is it in the store, at its size?"""
    with database.read() as db:
        packs = db.execute(
            select(Pack.repo_id, Pack.name, Pack.size_bytes).order_by(Pack.created_at.desc()).limit(SAMPLE)
        ).all()
        whole = db.execute(
            select(Content.sha256, Content.size_bytes)
            .where(Content.is_whole)
            .order_by(Content.created_at.desc())
            .limit(SAMPLE)
        ).all()
        xorbs = db.execute(
            select(Xorb.xorb_hash, Xorb.stored_bytes).order_by(Xorb.created_at.desc()).limit(SAMPLE)
        ).all()
    expected = [(pack_key(repo_id, name), size) for repo_id, name, size in packs]
    expected += [(content_key(sha256), size) for sha256, size in whole]
    expected += [(xorb_key(xorb_hash), size) for xorb_hash, size in xorbs]
    missing = [key for key, size in expected if store.size(key) != size]
    advice = f"Restore them from a backup, first {missing[0]}." if missing else ""
    yield Finding("objects", f"{len(missing)} of the {len(expected)} newest are missing or cut", advice)


def _server(settings: Settings) -> Finding:
    url = f"http://{settings.host}:{settings.port}/health"
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:  # our own address, always http
            well = answer.status == 200
    except (urllib.error.URLError, OSError) as err:
        reason = getattr(err, "reason", err)
        return Finding(
            "server",
            f"no answer at {url} ({reason})",
            "Start it: freehold serve. If it listens elsewhere, say so with FREEHOLD_PORT.",
            is_fatal=False,
        )
    return Finding("server", f"answers at {url}", "" if well else "Look into its log.", is_fatal=False)
