"""What the hub weighs: memory when idle, time to the first page, bytes on disk."""

import subprocess
import time
from collections.abc import Iterator

from bench import wire
from bench.bench import Bench
from bench.hub import Hub
from bench.machine import ROOT, size_of
from bench.table import MIB, Row, mib

IDLE_BYTES = 150 * MIB
START_S = 2.0
INSTALLED_BYTES = 250 * MIB


def measure(bench: Bench) -> Iterator[Row]:
    yield _start(bench)
    yield _idle(bench)
    yield _installed(bench)


def _start(bench: Bench) -> Row:
    """From the command to the home page, on a data directory that was used before."""
    data = bench.folder / "start"
    hub = Hub(data)
    hub.process.stop()
    times_s = []
    for _ in range(bench.scale.rounds):
        began = time.perf_counter()
        hub = Hub(data)
        wire.get(f"{hub.url}/")
        times_s.append(time.perf_counter() - began)
        hub.process.stop()
    took_s = min(times_s)
    return Row(
        "start to first page",
        ours=f"{took_s:.2f} s",
        target=f"under {START_S:.0f} s",
        met=took_s < START_S,
        samples={"wall_s": times_s},
    )


def _idle(bench: Bench) -> Row:
    """A hub that has shown a page and answered a client, and does nothing now."""
    hub = Hub(bench.folder / "idle")
    for path in ("/", "/models", "/api/models"):
        wire.get(f"{hub.url}{path}")
    time.sleep(2)
    held = hub.process.resident_bytes()
    hub.process.stop()
    return Row("idle memory", ours=mib(held), target=f"below {IDLE_BYTES // MIB} MiB", met=held < IDLE_BYTES)


def _installed(bench: Bench) -> Row:
    """Everything that the hub alone needs, beside Python itself."""
    folder = bench.folder / "installed"
    subprocess.run(["sh", "scripts/environment.sh", "hub", str(folder)], cwd=ROOT, check=True, timeout=600)
    installers = sum(size_of(path) for path in folder.glob("lib/python3*/site-packages/*") if _installs(path.name))
    own = sum(
        path.stat().st_size for path in (ROOT / "freehold").rglob("*") if path.is_file() and path.suffix != ".pyc"
    )
    held = size_of(folder) - installers + own
    return Row(
        "core installation on disk",
        ours=mib(held),
        target=f"under {INSTALLED_BYTES // MIB} MiB",
        met=held < INSTALLED_BYTES,
        note=f"without pip and uv, which made it: {mib(installers)}",
    )


def _installs(name: str) -> bool:
    return name in ("pip", "uv", "setuptools", "_distutils_hack", "pkg_resources") or name.startswith(("pip-", "uv-"))
