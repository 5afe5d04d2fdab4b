"""Pages as people meet them: the server's time, the first visit in a browser, beside MLflow's page of a model."""

import json
import math
import statistics
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Browser

from bench import browser, repeated, wire
from bench.bench import Bench
from bench.hub import Client
from bench.machine import ROOT, Process
from bench.table import Row

REPO = "bench/visits"
FIRST_VISIT_BYTES = 150_000
TREE_FILES = 1_000
DESCENDANTS = 12
MODEL_PAGE_MS = 10
DIFF_LINES = 2_000
TABLE_ROWS = 200_000
CARD = ROOT / "demo" / "cards"
#: At least this much of 100.
WANTED = {"performance": 95, "accessibility": 100, "best-practices": 100}


def measure(bench: Bench) -> Iterator[Row]:
    pages = _publish(bench)
    for what, address in pages.items():
        yield _server_time(bench, what, address)
    with browser.chromium() as chromium:
        yield from _first_visits(bench, chromium, bench.hub.url + pages["model page"])
    for what in ("home", "model page", "file page", "list of models"):
        yield _marks(bench, what, bench.hub.url + pages[what])


def _publish(bench: Bench) -> dict[str, str]:
    """A model with a real card, a folder of many files and a long change; returns the pages by name."""
    folder = bench.folder / "visits"
    (folder / "many").mkdir(parents=True)
    card = max(CARD.rglob("*.md"), key=lambda path: path.stat().st_size)
    (folder / "README.md").write_bytes(card.read_bytes())
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", "max_position_embeddings": 2048}))
    (folder / "train.py").write_text("".join(f"def step_{n}(x: int) -> int:\n    return x + {n}\n" for n in range(500)))
    for number in range(TREE_FILES):
        (folder / "many" / f"file-{number:04}.txt").write_text(f"{number}\n")
    rows = (
        f"{number},{'yes' if number % 3 else 'no'},{number / 7:.4f},a few words of text\n"
        for number in range(TABLE_ROWS)
    )
    (folder / "table.csv").write_text("id,label,score,text\n" + "".join(rows))
    lines = folder / "lines.txt"
    lines.write_text("".join(f"old line {number}\n" for number in range(DIFF_LINES)))
    client = Client(bench.folder / "client-visits", bench.hub.url, bench.token)
    told = client.run("upload_folder.py", repo=REPO, path=str(folder))
    lines.write_text("".join(f"new line {number}\n" for number in range(DIFF_LINES)))
    changed = client.upload(REPO, lines, "lines.txt")
    assert told["commit"] != changed["commit"]
    _publish_family(bench, client)
    return {
        "home": "/",
        "list of models": "/models",
        "model page": f"/{REPO}",
        f"model page with {DESCENDANTS} made from it": f"/{REPO}-base",
        "file page": f"/{REPO}/blob/main/train.py",
        f"tree of {TREE_FILES:,} entries": f"/{REPO}/tree/main/many",
        f"first rows of a CSV of {(folder / 'table.csv').stat().st_size / 1e6:.0f} MB": f"/{REPO}/blob/main/table.csv",
        f"search in {TREE_FILES:,} names": f"/{REPO}/tree/main?search=file-07",
        f"diff of {DIFF_LINES:,} lines": f"/{REPO}/commit/{changed['commit']}",
    }


def _publish_family(bench: Bench, client: Client) -> None:
    """A base of :data:`REPO` and models that were made from it, itself made from something elsewhere."""
    folder = bench.folder / "visits-family"
    folder.mkdir()
    names = [f"{REPO}-base", *(f"{REPO}-{number}" for number in range(DESCENDANTS))]
    for name, base in zip(names, ["elsewhere/large", *[names[0]] * DESCENDANTS], strict=True):
        (folder / "README.md").write_text(f"---\nlicense: mit\nbase_model: {base}\n---\n# {name}\n")
        client.upload(name, folder / "README.md", "README.md")


def _server_time(bench: Bench, what: str, address: str) -> Row:
    headers = {"Accept": "text/html"}
    repeated.latencies_ms(bench.hub.url + address, headers, 5)  # what is kept in memory is kept by now
    took = sorted(repeated.latencies_ms(bench.hub.url + address, headers, 40 * bench.scale.rounds))
    p50, p99 = statistics.median(took), took[int(len(took) * 0.99)]
    row = Row(f"server time, {what}", ours=f"p50 {p50:.1f} ms, p99 {p99:.1f} ms", samples={"ms": took})
    if not what.startswith("model page"):
        return row
    return replace(row, target=f"p50 at most {MODEL_PAGE_MS} ms", met=p50 <= MODEL_PAGE_MS)


def _first_visits(bench: Bench, chromium: Browser, ours: str) -> Iterator[Row]:
    theirs = _mlflow(bench)
    seen: dict[str, list[browser.Visit]] = {ours: [], theirs: []}
    for _ in range(bench.scale.rounds):
        for url in seen:
            seen[url].append(browser.visit(chromium, url))
    # A page that painted nothing while it was watched did not get there in time.
    best = {
        url: min(visits, key=lambda one: one.first_content_ms if one.first_content_ms > 0 else math.inf)
        for url, visits in seen.items()
    }
    mine, other = best[ours], best[theirs]
    yield Row(
        "first visit of a model page, bytes without pictures",
        ours=f"{mine.sent_bytes / 1000:,.0f} kB in {mine.requests} requests",
        peer=f"MLflow {other.sent_bytes / 1000:,.0f} kB in {other.requests}",
        ratio=f"{mine.sent_bytes / other.sent_bytes:.3f}",
        target=f"at most {FIRST_VISIT_BYTES // 1000} kB",
        met=mine.sent_bytes <= FIRST_VISIT_BYTES,
    )
    yield Row(
        "first visit of a model page, first content",
        ours=f"{mine.first_content_ms:.0f} ms",
        peer=f"MLflow {other.first_content_ms:.0f} ms",
        ratio=f"{mine.first_content_ms / other.first_content_ms:.2f}",
        samples={url: [one.first_content_ms for one in visits] for url, visits in seen.items()},
    )


def _mlflow(bench: Bench) -> str:
    """MLflow's server with one model in its registry; returns the address of that model's page."""
    env = ROOT / ".envs" / "mlflow"
    subprocess.run(["sh", "scripts/environment.sh", "mlflow", str(env)], cwd=ROOT, check=True, timeout=600)
    folder, port = bench.folder / "mlflow", wire.free_port()
    folder.mkdir()
    command: list[str | Path] = [
        *(env / "bin" / "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", folder / "artifacts"),
    ]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "PATH": f"{env}/bin:/usr/bin:/bin"}
    server = Process(command, log=folder / "log", env=quiet)
    bench.closing.callback(server.stop)
    url = f"http://127.0.0.1:{port}"
    server.wait_until(lambda: wire.answers(f"{url}/health"), timeout_s=120)
    asked = urllib.request.Request(
        f"{url}/api/2.0/mlflow/registered-models/create",
        data=json.dumps({"name": "visits", "description": max(CARD.rglob("*.md")).read_text()[:4000]}).encode(),
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(asked, timeout=60).close()
    return f"{url}/#/models/visits"


def _marks(bench: Bench, what: str, url: str) -> Row:
    found = [browser.judge(url, bench.folder) for _ in range(min(bench.scale.rounds, 3))]
    best = {name: max(one.marks[name] for one in found) for name in WANTED}
    return Row(
        f"Lighthouse, {what}",
        ours=", ".join(f"{name} {mark}" for name, mark in best.items()),
        target=", ".join(str(mark) for mark in WANTED.values()),
        met=all(best[name] >= mark for name, mark in WANTED.items()),
        note=", ".join(found[-1].wrong),
    )
