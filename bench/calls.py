"""Small calls: requests per second beside the barest handler that does comparable work on the same server."""

from collections.abc import Iterator

from bench import repeated, wire
from bench.bench import Bench
from bench.hub import Client, noise
from bench.machine import PYTHON, Process
from bench.table import Row

CONNECTIONS = 32
TARGET = 0.5


def measure(bench: Bench) -> Iterator[Row]:
    repo = "bench/calls"
    file = noise(bench.folder / "small", 3 << 20)
    for name in ("config.json", "model.safetensors"):
        Client(bench.folder / "client-calls", bench.hub.url, bench.token).upload(repo, file, name)
    port = wire.free_port()
    bare = Process([PYTHON, "-m", "bench.bare", str(port), bench.folder / "bare.db"], log=bench.folder / "bare.log")
    bench.closing.callback(bare.stop)
    floor = f"http://127.0.0.1:{port}/"
    bare.wait_until(lambda: wire.answers(floor))
    cases = {
        "model info": (f"{bench.hub.url}/api/models/{repo}", "GET"),
        "resolve HEAD, a file in git": (f"{bench.hub.url}/{repo}/resolve/main/config.json", "HEAD"),
        "resolve HEAD, a large file": (f"{bench.hub.url}/{repo}/resolve/main/model.safetensors", "HEAD"),
    }
    for what, (url, method) in cases.items():
        yield _row(bench, what, url, floor, method)


def _row(bench: Bench, what: str, url: str, floor: str, method: str) -> Row:
    ours, bare = [], []
    for _ in range(bench.scale.rounds):
        ours.append(repeated.calls_per_s(method, url, bench.headers, CONNECTIONS, bench.scale.calls_s))
        bare.append(repeated.calls_per_s(method, floor, bench.headers, CONNECTIONS, bench.scale.calls_s))
    ratio = max(ours) / max(bare)
    return Row(
        what,
        ours=f"{max(ours):,.0f}/s",
        peer=f"bare Starlette {max(bare):,.0f}/s",
        ratio=f"{ratio:.2f}",
        target=f"at least {TARGET}",
        met=ratio >= TARGET,
        note=f"{CONNECTIONS} connections, with a token",
        samples={"ours": ours, "bare": bare},
    )
