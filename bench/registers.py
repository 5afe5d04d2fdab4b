"""Home, lists and search on a hub of many repositories: the server's time for each."""

import statistics
from collections.abc import Iterator
from pathlib import Path

from bench import repeated, shelves
from bench.bench import Bench
from bench.hub import OWNER, Hub
from bench.table import Row
from freehold.accounts import service as accounts
from freehold.accounts.rules import SESSION_COOKIE
from freehold.core.settings import Settings
from freehold.main import open_database

REPOSITORIES = 2_000
#: Milliseconds that half of the answers take at most.
HOME_MS, LIST_MS = 10, 15
PAGES = {
    "home": ("/", HOME_MS),
    "list of models": ("/models", LIST_MS),
    "list by two answers, most downloaded": (
        "/models?filter=license%3Amit&filter=text-classification&sort=downloads",
        LIST_MS,
    ),
    "list by words": ("/models?search=Llama+Instruct", LIST_MS),
    "list by parameters": ("/models?num_parameters=min%3A1B%2Cmax%3A4B", LIST_MS),
    "list of data sets": ("/datasets", LIST_MS),
    "search": ("/search?search=Instruct", None),
    "search that finds nothing": ("/search?search=Lllama-Intsruct", None),
}


def measure(bench: Bench) -> Iterator[Row]:
    data = bench.folder / "shelves"
    _fill(data)
    hub = Hub(data)
    bench.closing.callback(hub.process.stop)
    hub.make_person()
    cookie = _signed_in(hub)
    for what, (address, most_ms) in PAGES.items():
        yield _row(bench, what, hub.url + address, {}, most_ms)
    yield _row(bench, "home of somebody signed in", f"{hub.url}/", {"Cookie": cookie}, HOME_MS)
    yield _row(bench, "the same list as JSON", f"{hub.url}/api/models?limit=30&sort=trendingScore", {}, None)


def _fill(data: Path) -> None:
    database = open_database(Settings(data=data))
    try:
        shelves.fill(database, REPOSITORIES)
    finally:
        database.close()


def _signed_in(hub: Hub) -> str:
    """The cookie of somebody."""
    database = open_database(Settings(data=hub.data))
    try:
        with database.write() as db:
            secret = accounts.open_session(db, accounts.account(db, OWNER).id, life_s=3600)
    finally:
        database.close()
    return f"{SESSION_COOKIE}={secret}"


def _row(bench: Bench, what: str, url: str, headers: dict[str, str], most_ms: int | None) -> Row:
    asked = {"Accept": "text/html", **headers}
    repeated.latencies_ms(url, asked, 5)
    took = sorted(repeated.latencies_ms(url, asked, 40 * bench.scale.rounds))
    p50, p99 = statistics.median(took), took[int(len(took) * 0.99)]
    return Row(
        f"{REPOSITORIES:,} repositories, {what}",
        ours=f"p50 {p50:.1f} ms, p99 {p99:.1f} ms",
        target=f"p50 under {most_ms} ms" if most_ms else "",
        met=p50 < most_ms if most_ms else None,
        samples={"ms": took},
    )
