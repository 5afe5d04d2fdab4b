"""Files on their way in: by Xet, by LFS, and many at once."""

import hashlib
import http.client
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from bench import peers, wire
from bench.bench import GIB, Bench
from bench.hub import Client, noise
from bench.machine import Missing, Timing, in_turns, samples
from bench.table import MIB, Row, mib, mib_per_s

XET_CPU_S = 2.0
PEAK_BYTES = 400 * MIB
LFS = {"Accept": "application/vnd.git-lfs+json", "Content-Type": "application/vnd.git-lfs+json"}


def measure(bench: Bench) -> Iterator[Row]:
    yield _xet(bench)
    yield _lfs(bench)
    yield _many_by_lfs(bench)
    yield _many_by_xet(bench)


def _xet(bench: Bench) -> Row:
    """One file of random bytes by the official client: what it costs the server."""
    size, process = bench.scale.file_bytes, bench.hub.process
    timing = Timing()
    for number in range(min(3, bench.scale.rounds)):
        file = noise(bench.folder / "new", size)
        client = Client(bench.folder / f"client-cpu-{number}", bench.hub.url, bench.token)
        os.sync()
        cpu_s = process.cpu_s()
        told = client.upload(f"bench/cpu-{number}", file, "file.bin")
        timing.cpus_s.append(process.cpu_s() - cpu_s)
        timing.walls_s.append(told["wall_s"])
        file.unlink()
    limit_s = XET_CPU_S * size / GIB
    return Row(
        "Xet upload of random bytes, server's CPU",
        ours=f"{timing.cpu_s:.2f} CPU s",
        target=f"at most {limit_s:.2f}",
        met=timing.cpu_s <= limit_s,
        note=f"{mib_per_s(size, timing.wall_s)} with the client on the same cores",
        samples={"cpu_s": timing.cpus_s, "wall_s": timing.walls_s},
    )


def _lfs(bench: Bench) -> Row:
    """One LFS object, digest checked and durable, against a blob of docker-registry, which does the same."""
    what, target, size = "LFS PUT, digest checked and durable", 1.5, bench.scale.file_bytes
    try:
        registry, registry_url = peers.registry(bench.folder / "registry")
    except Missing as err:
        return Row(what, note=str(err))
    bench.closing.callback(registry.stop)
    _repo(bench, "lfs")
    file = Fresh(noise(bench.folder / "new", size))

    def between() -> None:
        shutil.rmtree(bench.folder / "registry" / "registry", ignore_errors=True)
        file.change()
        os.sync()

    timings = in_turns(
        bench.scale.rounds,
        {
            "ours": (bench.hub.process, lambda: _lfs_put(bench, "lfs", file.path, file.sha256)),
            "docker-registry": (registry, lambda: _blob_put(registry_url, file.path, file.sha256)),
        },
        between=between,
    )
    registry.stop()
    file.path.unlink()
    ours, peer = timings["ours"], timings["docker-registry"]
    ratio = peer.wall_s / ours.wall_s
    return Row(
        what,
        ours=mib_per_s(size, ours.wall_s),
        peer=f"docker-registry {mib_per_s(size, peer.wall_s)}",
        ratio=f"{ratio:.2f}",
        target=f"at least {target}",
        met=ratio >= target,
        note=f"{ours.cpu_s:.2f} CPU s, docker-registry {peer.cpu_s:.2f}",
        samples=samples(timings),
    )


class Fresh:
    """A file that is made new content at will, so that no upload finds its bytes there already."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sha256 = ""

    def change(self) -> None:
        with self.path.open("r+b") as file:
            file.write(os.urandom(16))
        self.sha256 = sha256_of(self.path)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _lfs_put(bench: Bench, repo: str, path: Path, sha256: str) -> None:
    """The whole of an LFS upload: batch call and body."""
    asked = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": sha256, "size": path.stat().st_size}]}
    batch = f"{bench.hub.url}/bench/{repo}.git/info/lfs/objects/batch"
    answer = _call("POST", batch, json.dumps(asked).encode(), {**LFS, **bench.headers})
    upload = json.loads(answer)["objects"][0]["actions"]["upload"]
    wire.put(upload["href"], path, upload.get("header"))


def _blob_put(url: str, path: Path, sha256: str) -> None:
    """The whole of a blob upload: the call that opens it, and the body."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    connection.request("POST", "/v2/bench/blobs/uploads/")
    answer = connection.getresponse()
    answer.read()
    where = urlsplit(answer.headers["Location"])
    connection.close()
    wire.put(
        f"{url}{where.path}?{where.query}&digest=sha256:{sha256}", path, {"Content-Type": "application/octet-stream"}
    )


def _repo(bench: Bench, name: str) -> None:
    body = json.dumps({"name": name}).encode()
    _call("POST", f"{bench.hub.url}/api/repos/create", body, {"Content-Type": "application/json", **bench.headers})


def _call(method: str, url: str, body: bytes, headers: dict[str, str]) -> bytes:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    connection.request(method, parts.path, body, headers)
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    if answer.status >= 300:
        raise RuntimeError(f"{method} {url}: {answer.status} {said[:300]!r}")
    return said


# ---- many at once ----------------------------------------------------------------------------------------------------


def _many_by_lfs(bench: Bench) -> Row:
    _repo(bench, "many")
    files = [noise(bench.folder / f"many-{number}", bench.scale.file_bytes) for number in range(bench.scale.clients)]
    digests = {path: sha256_of(path) for path in files}
    row = _peak(bench, "LFS", [lambda path=path: _lfs_put(bench, "many", path, digests[path]) for path in files])
    for path in files:
        path.unlink()
    return row


def _many_by_xet(bench: Bench) -> Row:
    """By official clients; on few cores they, not the hub, set the pace."""
    jobs = []
    for number in range(bench.scale.clients):
        file = noise(bench.folder / f"many-{number}", bench.scale.file_bytes)
        client = Client(bench.folder / f"client-many-{number}", bench.hub.url, bench.token)
        jobs.append(lambda client=client, file=file, number=number: client.upload(f"bench/many-{number}", file, "f"))
    row = _peak(bench, "Xet", jobs)
    for number in range(bench.scale.clients):
        (bench.folder / f"many-{number}").unlink()
    return row


def _peak(bench: Bench, how: str, jobs: list) -> Row:  # type: ignore[type-arg]
    process = bench.hub.process
    process.forget_peak()
    wire.at_once(jobs)
    peak = process.peak_bytes()
    return Row(
        f"{len(jobs)} clients upload at once by {how}, server's peak memory",
        ours=mib(peak),
        target=f"below {PEAK_BYTES // MIB} MiB",
        met=peak < PEAK_BYTES,
        note=f"{bench.scale.file_bytes // MIB} MiB each",
    )
