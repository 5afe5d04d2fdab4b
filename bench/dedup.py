"""A copy with 1 % changed: what a second upload sends, and what the store grows by."""

from collections.abc import Iterator
from pathlib import Path

from bench.bench import Bench
from bench.hub import Client, noise
from bench.machine import size_of
from bench.relay import Relay
from bench.table import Row

PLACES = 20
COPIES = 3
SHARE = 0.01
LIMIT = 0.022


def measure(bench: Bench) -> Iterator[Row]:
    for machine in ("same", "fresh"):
        copies = [_changed_copy(bench, machine, number) for number in range(COPIES)]
        for what, counts in (("bytes sent", [c[0] for c in copies]), ("store grows", [c[1] for c in copies])):
            yield _row(f"copy with 1 % changed, {machine} machine: {what}", counts, bench.scale.copy_bytes)


def _changed_copy(bench: Bench, machine: str, number: int) -> tuple[int, int]:
    """Upload a file and then its changed copy: what the second upload sends, and what the store grows by."""
    repo = f"bench/copy-{machine}-{number}"
    original = noise(bench.folder / "original", bench.scale.copy_bytes)
    # One address for both uploads: the client keeps what it knows of a hub under the hub's address.
    relay = Relay(bench.hub.port)
    first = bench.folder / f"client-{machine}-{number}"
    Client(first, relay.url, bench.token).upload(repo, original, "file.bin")
    changed = _change(original)
    relay.sent_bytes = 0
    stored = size_of(bench.hub.data / "store")
    second = first if machine == "same" else bench.folder / f"client-{machine}-{number}-other"
    Client(second, relay.url, bench.token).upload(repo, changed, "file.bin")
    relay.close()
    changed.unlink()
    return relay.sent_bytes, size_of(bench.hub.data / "store") - stored


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


def _row(what: str, counts: list[int], size: int) -> Row:
    """The mean of the copies: where the changes fall among the chunks is chance."""
    mean = sum(counts) / len(counts)
    return Row(
        what,
        ours=f"{mean:,.0f} of {size:,} bytes",
        ratio=f"{mean / size:.2%}",
        target=f"at most {LIMIT:.1%}",
        met=mean <= LIMIT * size,
        note=f"{PLACES} places; mean of {len(counts)} copies",
        samples={"bytes": [float(count) for count in counts]},
    )
