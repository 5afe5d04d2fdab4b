"""A copy with 1 % changed: what a second upload sends, and what the store grows by."""

import random
from collections.abc import Iterator
from pathlib import Path

from bench.bench import Bench
from bench.hub import Client
from bench.machine import size_of
from bench.relay import Relay
from bench.table import Row

PLACES = 20
COPIES = 5
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
    chance = random.Random(f"{machine} {number}")  # the same files in every run: chance is not ours to measure
    original = bench.folder / "original"
    original.write_bytes(chance.randbytes(bench.scale.copy_bytes))
    # One address for both uploads: the client keeps what it knows of a hub under the hub's address.
    relay = Relay(bench.hub.port)
    first = bench.folder / f"client-{machine}-{number}"
    Client(first, relay.url, bench.token).upload(repo, original, "file.bin")
    changed = _change(original, chance)
    relay.sent_bytes = 0
    stored = size_of(bench.hub.data / "store")
    second = first if machine == "same" else bench.folder / f"client-{machine}-{number}-other"
    Client(second, relay.url, bench.token).upload(repo, changed, "file.bin")
    relay.close()
    changed.unlink()
    return relay.sent_bytes, size_of(bench.hub.data / "store") - stored


def _change(path: Path, chance: random.Random) -> Path:
    """1 % of the bytes overwritten, in ``PLACES`` places."""
    size = path.stat().st_size
    stretch = int(size * SHARE / PLACES)
    with path.open("r+b") as file:
        for place in range(PLACES):
            # In the middle of each twentieth: the first chunk stays, which is what a fresh machine asks about first.
            file.seek(place * (size // PLACES) + size // PLACES // 2)
            file.write(chance.randbytes(stretch))
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
        note=f"in {PLACES} places; {min(counts) / size:.2%} to {max(counts) / size:.2%} of {len(counts)} copies",
        samples={"bytes": [float(count) for count in counts]},
    )
