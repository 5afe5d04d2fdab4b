"""What is wrong with this installation and what to do: for ``freehold doctor`` and the page of the same findings."""

import os
import resource
import secrets
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from freehold.accounts import service as accounts
from freehold.content.keys import content_key, pack_key, xorb_key
from freehold.content.tables import Content, Pack, Ref, Xorb
from freehold.core import clock, migrate, sealing
from freehold.core.database import Database
from freehold.core.ids import id_at
from freehold.core.instance import known_value
from freehold.core.settings import Settings, SettingsError
from freehold.discover.index.client import State
from freehold.governance.tables import AuditEntry, UpkeepRun
from freehold.repos.tables import Repo
from freehold.stores.store import Store, open_store
from freehold.tasks import queue

LOW_DISK_BYTES = 2 << 30
MANY_TASKS = 100_000
LATE_S = 600
MANY_REFUSED = 20  # sign-ins of a day
SAMPLE = 50  # of each kind of object; a whole check is the scrub's work


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``advice`` is empty when it is well."""

    what: str
    seen: str
    advice: str = ""
    is_fatal: bool = True


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
        yield from _parts(settings, database, lambda: open_store(settings))
    finally:
        database.close()
    yield _server(settings)


def examine_running(settings: Settings, database: Database, store: Store) -> Iterator[Finding]:
    """As :func:`examine`, from inside the hub that is looked at, with what it has open."""
    yield from _python_and_git()
    yield from _directory(settings.data)
    yield from _parts(settings, database, lambda: store)
    yield _tls(settings)


def of_index(state: State) -> Finding:
    """How the index of lists of this node is; lists are answered without it too."""
    what, size = "index of lists", f"{state.repos:,} repositories in {state.memory_bytes / (1 << 20):.0f} MiB"
    if state.word == "off":
        return Finding(what, "off: lists come from the database")
    if state.word == "ready":
        how = "read from its snapshot" if state.is_resumed else "built"
        return Finding(what, f"{size}, {state.lag_s:.1f} s behind, {how} in {state.built_s:.0f} s")
    seen = f"{size}, {state.lag_s:.0f} s behind" if state.word == "behind" else f"{state.word}, start {state.starts}"
    return Finding(what, seen, "Lists come from the database until it is ready, and are slower.", is_fatal=False)


def _parts(settings: Settings, database: Database, opened: Callable[[], Store]) -> Iterator[Finding]:
    answering = yield from _guarded("database", lambda: _database(database))
    store = yield from _guarded("store", lambda: _store(settings, opened()))
    if answering:
        yield _sealing(settings, database)
    if answering and store is not None:
        yield from _bytes(database, store)


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


def _store(settings: Settings, store: Store) -> tuple[object, list[Finding]]:
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


def _tls(settings: Settings) -> Finding:
    """Whether people come by an address that nobody on the way can listen in on."""
    if not settings.public_url:
        advice = "Set FREEHOLD_PUBLIC_URL to the address people use: links in mail and webhooks begin with it."
        return Finding("public address", "taken from each request", advice, is_fatal=False)
    is_safe = settings.public_url.startswith("https:")
    advice = "" if is_safe else "Put a server that speaks TLS in front: passwords and tokens travel in the open."
    return Finding("public address", settings.public_url, advice, is_fatal=False)


def _server(settings: Settings) -> Finding:
    url = f"{settings.here}/health"
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:  # noqa: S310  # our own address, always http
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


# ---- figures of this process -------------------------------------------------------------------------------

_BEGAN = time.monotonic()


@dataclass(frozen=True)
class Figures:
    """How the hub and what it stands on are doing, measured now. Sizes in bytes, times in seconds."""

    database_kind: str
    database_bytes: int
    database_s: float  #: one small question and its answer
    store_s: float | None  #: a few bytes written, read and deleted; None: it failed
    free_bytes: int
    memory_bytes: int  #: resident now
    peak_bytes: int
    threads: int
    up_s: float
    waiting: int
    running: int
    failed: int
    lag_s: float  #: how long the task has waited that waited longest
    git: str
    git_lfs: str
    python: str


def figures(settings: Settings, database: Database, store: Store) -> Figures:
    """Takes some milliseconds, and a probe in the store."""
    with database.read() as db:
        since = time.perf_counter()
        db.execute(text("SELECT 1"))
        database_s = time.perf_counter() - since
        size = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        if not database.is_sqlite:
            size = "SELECT pg_database_size(current_database())"
        database_bytes = int(db.scalar(text(size)) or 0)
        counts, due = queue.counts(db), queue.longest_due(db)
    return Figures(
        database_kind="SQLite" if database.is_sqlite else "PostgreSQL",
        database_bytes=database_bytes,
        database_s=database_s,
        store_s=_probe_s(store),
        free_bytes=shutil.disk_usage(settings.data).free,
        memory_bytes=_resident_bytes(),
        peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        threads=threading.active_count(),
        up_s=time.monotonic() - _BEGAN,
        waiting=counts.waiting,
        running=counts.running,
        failed=counts.failed,
        lag_s=max(0.0, (clock.now() - due).total_seconds()) if due is not None else 0.0,
        git=_version("git", "--version"),
        git_lfs=_version("git-lfs", "version"),
        python=sys.version.split()[0],
    )


def _probe_s(store: Store) -> float | None:
    key, since = f"doctor/{secrets.token_hex(8)}", time.perf_counter()
    try:
        store.put_bytes(key, b"probe")
        well = store.get(key) == b"probe"
        store.delete([key])
    except Exception:  # whatever it is, the findings tell it in words
        return None
    return time.perf_counter() - since if well else None


def _resident_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):  # no Linux
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


@cache
def _version(*command: str) -> str:
    """The first line that a program says of itself; empty where it is not here."""
    path = shutil.which(command[0])
    if path is None:
        return ""
    try:
        said = subprocess.run([path, *command[1:]], capture_output=True, text=True, timeout=5, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return said.stdout.strip().partition("\n")[0].removeprefix("git version ").removeprefix("git-lfs/")[:60]


def free_bytes(settings: Settings) -> int | None:
    """What is left where the store is a directory of this machine; None where it is elsewhere."""
    scheme, _, path = settings.store.partition("://")
    return shutil.disk_usage(path).free if scheme == "file" and Path(path).is_dir() else None


def attention(db: Session, settings: Settings) -> list[tuple[str, str, str]]:
    """What wants an administrator's look: what it is, where to look, and how bad (``warn`` or ``danger``). Cheap."""
    found = []
    counts, due = queue.counts(db), queue.longest_due(db)
    if counts.failed:
        failed = f"{counts.failed:,} background {'task' if counts.failed == 1 else 'tasks'} failed"
        found.append((failed, "/admin/tasks?state=failed", "danger"))
    if due is not None and (clock.now() - due).total_seconds() > LATE_S:
        found.append(("Background tasks wait for a worker", "/admin/tasks?state=late", "warn"))
    if shutil.disk_usage(settings.data).free < LOW_DISK_BYTES:
        found.append(("The disk is nearly full: uploads are refused when it is", "/admin/storage", "danger"))
    scrub = select(UpkeepRun).where(UpkeepRun.kind == "scrub", UpkeepRun.ended_at.is_not(None))
    last = db.scalar(scrub.order_by(UpkeepRun.id.desc()).limit(1))
    if last is not None and last.report.get("damaged"):
        found.append((f"The scrub found {last.report['damaged']:,} damaged objects", "/admin/storage", "danger"))
    since = id_at(clock.now() - timedelta(days=1))
    refused = select(func.count()).select_from(AuditEntry)
    refused = refused.where(AuditEntry.verb == "session.refused", AuditEntry.id > since)
    if (count := db.scalar(refused) or 0) >= MANY_REFUSED:
        found.append((f"{count:,} sign-ins failed within a day", "/admin/audit?what=session.refused", "warn"))
    if not settings.public_url.startswith("https:"):
        found.append(("People may come by an address without TLS", "/admin/health", "warn"))
    return found
