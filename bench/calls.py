"""Small calls: requests per second beside the barest handler that does comparable work on the same server."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench import wire
from bench.bench import Bench
from bench.hub import Client, noise
from bench.machine import PYTHON, Missing, Process, needs
from bench.table import Row

CONNECTIONS = 32
TARGET = 0.5
HEAD = 'wrk.method = "HEAD"\n'


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
        try:
            yield _row(bench, what, url, floor, method)
        except Missing as err:
            yield Row(what, note=str(err))


def _row(bench: Bench, what: str, url: str, floor: str, method: str) -> Row:
    script = bench.folder / "head.lua"
    script.write_text(HEAD if method == "HEAD" else "")
    ours, bare = [], []
    for _ in range(bench.scale.rounds):
        ours.append(_requests_per_s(bench, url, script))
        bare.append(_requests_per_s(bench, floor, script))
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


def _requests_per_s(bench: Bench, url: str, script: Path) -> float:
    wrk = needs("wrk", "wrk")
    command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{bench.scale.calls_s}s", "-s", str(script)]
    for name, value in bench.headers.items():
        command += ["-H", f"{name}: {value}"]
    said = subprocess.run([*command, url], capture_output=True, text=True, check=True, timeout=120).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(f"{url}:\n{said}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert found, said
    return float(found[1])
