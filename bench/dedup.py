"""A copy with 1 % changed: what a second upload sends, and what the store grows by."""

from collections.abc import Iterator
from pathlib import Path

from bench.bench import Bench
from bench.hub import Client, noise
from bench.machine import size_of
from bench.relay import Relay
from bench.table import Row

PLACES = 20
SHARE = 0.01
LIMIT = 0.022


def measure(bench: Bench) -> Iterator[Row]:
    for machine in ("same", "fresh"):
        yield from _changed_copy(bench, machine)


def _changed_copy(bench: Bench, machine: str) -> Iterator[Row]:
    size = bench.scale.copy_bytes
    original = noise(bench.folder / "original", size)
    first = bench.folder / f"client-{machine}-first"
    # One address for both uploads: the client keeps what it knows of a hub under the hub's address.
    relay = Relay(bench.hub.port)
    Client(first, relay.url, bench.token).upload(f"bench/copy-{machine}", original, "file.bin")
    changed = _change(original)
    relay.sent_bytes = 0
    stored = size_of(bench.hub.data / "store")
    second = first if machine == "same" else bench.folder / f"client-{machine}-second"
    Client(second, relay.url, bench.token).upload(f"bench/copy-{machine}", changed, "file.bin")
    relay.close()
    yield _row(f"copy with 1 % changed, {machine} machine: bytes sent", relay.sent_bytes, size)
    yield _row(
        f"copy with 1 % changed, {machine} machine: store grows", size_of(bench.hub.data / "store") - stored, size
    )
    changed.unlink()


def _change(path: Path) -> Path:
    """1 % of the bytes overwritten, in ``PLACES`` places."""
    size = path.stat().st_size
    stretch = int(size * SHARE / PLACES)
    fresh = noise(path.with_name("stretches"), stretch * PLACES).read_bytes()
    with path.open("r+b") as file:
        for place in range(PLACES):
            file.seek(place * (size // PLACES) + stretch)
            file.write(fresh[place * stretch : (place + 1) * stretch])
    return path


def _row(what: str, count: int, size: int) -> Row:
    return Row(
        what,
        ours=f"{count:,} of {size:,} bytes",
        ratio=f"{count / size:.2%}",
        target=f"at most {LIMIT:.1%}",
        met=count <= LIMIT * size,
    )
