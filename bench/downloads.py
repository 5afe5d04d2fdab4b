"""Files on their way out: kept whole, handed to nginx, kept as a Xet recipe."""

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench import peers, wire
from bench.bench import Bench
from bench.hub import Client, Hub, noise
from bench.machine import Process, Timing, in_turns, samples
from bench.table import Row, mib_per_s

PARTS = 16
LOCATION = "/_store"


def measure(bench: Bench) -> Iterator[Row]:
    file = noise(bench.folder / "file", bench.scale.file_bytes)
    url = _publish(bench, file, "whole", xet=False)
    stored = _stored(bench.hub, file)
    floor, floor_url = peers.nginx(bench.folder / "nginx", stored.parent)
    bench.closing.callback(floor.stop)
    nginx = (floor, f"{floor_url}/{stored.name}")
    yield from _both_ways(bench, "kept whole", (bench.hub.process, url), nginx, 0.6)
    yield from _handed_on(bench, url, nginx)
    url = _publish(bench, noise(bench.folder / "xet-file", bench.scale.file_bytes), "xet", xet=True)
    yield from _rebuilt(bench, url, nginx)


def _publish(bench: Bench, file: Path, name: str, *, xet: bool) -> str:
    """The file is in a repository, by LFS or by Xet; returns its address."""
    client = Client(bench.folder / f"client-{name}", bench.hub.url, bench.token, xet=xet)
    client.upload(f"bench/{name}", file, "file.bin")
    return f"{bench.hub.url}/bench/{name}/resolve/main/file.bin"


def _stored(hub: Hub, file: Path) -> Path:
    """Where the hub keeps the very bytes: nginx sends the same file from the same place."""
    with file.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    return next((hub.data / "store").rglob(sha256))


def _both_ways(
    bench: Bench, how: str, ours: tuple[Process, str], nginx: tuple[Process, str], target: float
) -> Iterator[Row]:
    size, rounds = bench.scale.file_bytes, bench.scale.rounds
    jobs = {
        f"GET of a file {how}": lambda url: wire.get(url, bench.headers),
        f"{PARTS} parallel ranges of a file {how}": lambda url: wire.get_ranges(url, size, PARTS, bench.headers),
    }
    for what, job in jobs.items():
        timings = in_turns(
            rounds, {"ours": (ours[0], partial(job, ours[1])), "nginx": (nginx[0], partial(job, nginx[1]))}
        )
        yield _row(what, size, timings, target)


def _row(what: str, size: int, timings: dict[str, Timing], target: float) -> Row:
    ours, nginx = timings["ours"], timings["nginx"]
    ratio = nginx.wall_s / ours.wall_s
    return Row(
        what,
        ours=mib_per_s(size, ours.wall_s),
        peer=f"nginx sendfile {mib_per_s(size, nginx.wall_s)}",
        ratio=f"{ratio:.2f}",
        target=f"at least {target}",
        met=ratio >= target,
        note=f"{ours.cpu_s:.2f} CPU s, nginx {nginx.cpu_s:.2f}",
        samples=samples(timings),
    )


def _handed_on(bench: Bench, url: str, nginx: tuple[Process, str]) -> Iterator[Row]:
    """The same file through nginx in front, told by the hub what to send."""
    port = wire.free_port()
    public = f"http://127.0.0.1:{port}"
    hub = Hub(bench.hub.data, {"FREEHOLD_NGINX_ACCEL": LOCATION, "FREEHOLD_PUBLIC_URL": public})
    bench.closing.callback(hub.process.stop)
    front, _ = peers.nginx_front(bench.folder / "front", port, hub.port, hub.data / "store", LOCATION)
    bench.closing.callback(front.stop)
    yield from _both_ways(bench, "handed to nginx", (front, url.replace(bench.hub.url, public)), nginx, 0.95)
    hub.process.stop()
    front.stop()


def _rebuilt(bench: Bench, url: str, nginx: tuple[Process, str]) -> Iterator[Row]:
    """A file that came by Xet, by plain GET: rebuilt while it is sent, then from the cache."""
    size = bench.scale.file_bytes
    cache = bench.hub.data / "cache" / "files"

    def get(address: str) -> int:
        return wire.get(address, bench.headers)

    def forget() -> None:
        for file in cache.glob("*"):
            file.unlink()

    contestants = {"ours": (bench.hub.process, partial(get, url)), "nginx": (nginx[0], partial(get, nginx[1]))}
    first = in_turns(bench.scale.rounds, contestants, between=forget)
    yield _row("GET of a file kept as Xet, first time", size, first, 0.25)
    get(url)
    yield from _both_ways(bench, "kept as Xet, cached", (bench.hub.process, url), nginx, 0.6)
