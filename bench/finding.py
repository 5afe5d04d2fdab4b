"""Lists of small and of large hubs: what they take over HTTP, how that grows, and what the index behind them costs."""

import json
import os
import random
import statistics
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from bench import repeated, shelves
from bench.bench import Bench
from bench.hub import OWNER, Client, Hub
from bench.machine import PYTHON, ROOT, Process, status_bytes
from bench.table import Row, mib
from freehold.core.settings import Settings
from freehold.main import open_database

#: Milliseconds, growth from the second size to the last, bytes and seconds that are promised for the largest.
MOST_MS, MOST_GROWTH, MOST_BYTES, READY_S, FOUND_S = 30, 3, 600 * 10**6, 60, 2
#: Addresses asked of each hub, and how often each; others that are asked once, with other words.
ADDRESSES, TIMES, FIRSTS, WRITERS, WRITING_S = 120, 5, 480, 20, 15
LARGEST, WAIT_S = 2_000_000, 600
#: Below the data directory of a hub.
SNAPSHOT = "cache/index/snapshot"
_SORTS = (
    "trendingScore",
    "downloads",
    "likes",
    "createdAt",
    "lastModified",
    "size",
    "num_parameters",
    "context_length",
)
_TAGS = {
    "models": (
        "text-generation", "transformers", "safetensors", "gguf", "peft", "license:mit", "license:apache-2.0",
        "license:wtfpl", "license:gemma", "en", "de", "sw", "image-segmentation", "robotics", "region:us", "onnx",
    ),
    "datasets": (
        "license:mit", "language:en", "language:sw", "format:parquet", "size_categories:1K<n<10K", "modality:audio",
        "task_categories:translation",
    ),
    "spaces": ("gradio", "docker", "license:mit", "streamlit"),
}  # fmt: skip
_WORDS = ("llama", "qwen", "lora", "finetuned", "ten-1", "x", "bert-base-dpo", "qzx", "museum", "chess-games")
#: Of names, tags and cards: some are in many cards, some in few.
_TEXTS = ("llama", "speech", "qwen gguf", "museum -llama", "chess games", "qzx")
#: The same for those that are asked once: frequent and rare, halves of words, parts across words, long and short.
_OTHER_WORDS = (
    "mistral", "instruct-", "a-1", "dpo-2", "ra-1", "-v2", "gemma-2", "phi", "ta", "ppo-lunar", "kalo", "t5", "zzz",
    "qwen2.5-lora", "satellite", "llama-3.1 gguf",
)  # fmt: skip
_OTHER_TEXTS = (
    "mistral", "image model", "gguf", "transformers", "gemma lora", "whisper", "satellite images", "bert -base", "text",
    "patents", "license mit", "weather stations", "tax returns", "qwen2 4bit", "katen", "poems -en", "robotics",
)  # fmt: skip
_ANSWERS = {
    "num_parameters": ("min:6B,max:9B", "max:100M", "min:40B"),
    "commercial": ("yes", "yes,conditions", "no"),
    "fits": ("cpu-8", "gpu-24", "gpu-80x8"),
    "context_length": ("min:32K", "min:1M"),
    "quantisation": ("Q4_K_M", "IQ4_XS"),
    "dtype": ("BF16", "F8_E4M3"),
    "publisher": ("org",),
    "evaluated": ("yes",),
    "created": ("30d", "year"),
    "gated": ("true",),
}


def addresses(
    seed: int = 1, number: int = ADDRESSES, words: Sequence[str] = _WORDS, said: Sequence[str] = _TEXTS
) -> list[tuple[str, bool]]:
    """Lists as people ask for them: paths, and whether each is a page. Every kind, order and question is among them."""
    chance, texts = random.Random(seed), random.Random(seed + 1)
    found = []
    for place in range(number):
        kind = chance.choices(("models", "datasets", "spaces"), (7, 2, 1))[0]
        pairs = [("filter", tag) for tag in chance.sample(_TAGS[kind], chance.choice((0, 1, 1, 2, 2, 3)))]
        if chance.random() < 0.2:
            pairs.append(("search", chance.choice(words)))
        if kind == "models":
            names = chance.sample(tuple(_ANSWERS), chance.choice((0, 0, 1, 1, 2)))
            pairs += [(name, chance.choice(_ANSWERS[name])) for name in names]
        pairs += [("text", texts.choice(said))] if texts.random() < 0.1 else []
        is_page, sort = place % 2 == 0, _SORTS[place // 2 % len(_SORTS)]
        pairs.append(("sort", sort))
        pairs += [] if is_page else [("limit", "30")]
        found.append((f"{'' if is_page else '/api'}/{kind}?{urlencode(pairs)}", is_page))
    return found


@dataclass(frozen=True)
class Took:
    """Milliseconds of one size, and of what stands beside it as a floor."""

    pages: Sequence[float]
    lists: Sequence[float]
    first_pages: Sequence[float]  #: where an address is asked for the first time, these addresses and others
    first_lists: Sequence[float]
    worst_first: str
    pages_cpu: Sequence[float]  #: of processor, an address each
    lists_cpu: Sequence[float]
    floor: Sequence[float]
    row: Sequence[float]
    worst: str


def measure(bench: Bench) -> Iterator[Row]:
    p99: dict[int, float] = {}
    for number in bench.scale.repositories:
        data = bench.folder / f"hub-{number}"
        yield _fill(data, number)
        began = time.monotonic()
        hub = Hub(data, {"FREEHOLD_INDEX": "on"})
        try:
            hub.process.wait_until(lambda hub=hub: _ready(hub, 1), WAIT_S)  # type: ignore[misc]
            yield from _index(hub, number, time.monotonic() - began)
            hub.process.wait_until((data / SNAPSHOT).exists, WAIT_S)
            hub.process.stop()
            began = time.monotonic()
            hub = Hub(data, {"FREEHOLD_INDEX": "on"})
            hub.process.wait_until(lambda hub=hub: _ready(hub, 2), WAIT_S)  # type: ignore[misc]
            yield _again(data, number, time.monotonic() - began)
            client = Client(bench.folder / "client", hub.url, hub.make_person())
            client.upload(f"{OWNER}/first", _card(bench, "first"), "README.md")
            took = _took(hub)
            yield from _rows(number, took)
            p99[number] = _p99([*took.pages, *took.lists])
            yield _freshness(bench, client, hub, number)
            yield _beside_writers(bench, client, hub, number)
        finally:
            hub.process.stop()
            for path in data.glob("freehold.db*"):
                path.unlink()
    small, large = sorted(p99)[min(1, len(p99) - 1)], max(p99)
    growth = p99[large] / p99[small]
    yield Row(
        f"lists, from {small:,} to {large:,} repositories",
        ours=f"p99 {growth:.1f} times",
        target=f"at most {MOST_GROWTH} times",
        met=growth <= MOST_GROWTH if large > small else None,
    )


def _fill(data: Path, number: int) -> Row:
    began = time.monotonic()
    database = open_database(Settings(data=data))
    try:
        shelves.fill(database, number)
    finally:
        database.close()
    size = sum(path.stat().st_size for path in data.glob("freehold.db*"))
    return Row(f"{number:,} repositories, made up", ours=f"{time.monotonic() - began:.0f} s, {mib(size)} of database")


def _ready(hub: Hub, times: int) -> bool:
    """The log of all starts tells it once for each."""
    return hub.process.log.read_text(errors="replace").count("The index is ready") >= times


def _index(hub: Hub, number: int, ready_s: float) -> Iterator[Row]:
    is_largest = number == LARGEST
    yield Row(
        f"{number:,} repositories, index ready after the start, from nothing",
        ours=f"{ready_s:.1f} s",
        target=f"{READY_S} s" if is_largest else "",
        met=ready_s <= READY_S if is_largest else None,
        note=f"load {os.getloadavg()[0]:.1f}",
    )
    held, peak = _index_bytes(hub)
    yield Row(
        f"{number:,} repositories, memory of the index",
        ours=mib(held),
        target=mib(MOST_BYTES) if is_largest else "",
        met=held <= MOST_BYTES if is_largest else None,
        note=f"at most {mib(peak)} while it was built; the hub's own {mib(hub.process.resident_bytes())}",
    )


def _again(data: Path, number: int, ready_s: float) -> Row:
    return Row(
        f"{number:,} repositories, index ready after the next start, from its snapshot",
        ours=f"{ready_s:.1f} s",
        target=f"{READY_S} s" if number == LARGEST else "",
        met=ready_s <= READY_S if number == LARGEST else None,
        note=f"load {os.getloadavg()[0]:.1f}; a snapshot of {mib((data / SNAPSHOT).stat().st_size)}",
    )


def _index_bytes(hub: Hub) -> tuple[int, int]:
    """What the process of the index holds, and the most that it held."""
    for pid in hub.process.pids:
        place = Path(f"/proc/{pid}")
        if b"discover.index.process" in (place / "cmdline").read_bytes():
            return status_bytes(pid, "VmRSS"), status_bytes(pid, "VmHWM")
    raise RuntimeError("the hub has no index")


def _processor_ms(hub: Hub) -> float:
    """What the hub and its children have used so far: on a busy machine it tells more than a clock."""
    told = (path.read_text() for pid in hub.process.pids for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))
    return sum(int(line.split()[0]) for line in told) / 1e6


def _took(hub: Hub) -> Took:
    """Each address some times, one after another, after one look at it that is told apart: what only the first to ask
    a question pays for is to be seen, and not to hide among the others."""
    asked = addresses()
    took: dict[bool, list[float]] = {True: [], False: []}
    first: dict[bool, list[float]] = {True: [], False: []}
    used: dict[bool, list[float]] = {True: [], False: []}
    worst = (0.0, "")
    for address, is_page in asked:
        headers = {"Accept": "text/html" if is_page else "application/json"}
        first[is_page] += repeated.latencies_ms(hub.url + address, headers, 1)
        before = _processor_ms(hub)
        found = repeated.latencies_ms(hub.url + address, headers, TIMES)
        took[is_page] += found
        used[is_page].append((_processor_ms(hub) - before) / TIMES)
        worst = max(worst, (statistics.median(found), address))
    worst_first = (0.0, "")
    for address, is_page in addresses(7, FIRSTS, _OTHER_WORDS, _OTHER_TEXTS):
        headers = {"Accept": "text/html" if is_page else "application/json"}
        (once,) = repeated.latencies_ms(hub.url + address, headers, 1)
        first[is_page].append(once)
        worst_first = max(worst_first, (once, address))
    floor = repeated.latencies_ms(f"{hub.url}/health", {}, 100)
    row = repeated.latencies_ms(f"{hub.url}/api/models/{OWNER}/first?expand=likes", {}, 100)
    slowest = f"slowest {worst[0]:.0f} ms: {worst[1]}"
    slowest_first = f"slowest {worst_first[0]:.0f} ms: {worst_first[1]}"
    return Took(
        took[True], took[False], first[True], first[False], slowest_first, used[True], used[False], floor, row, slowest
    )


def _rows(number: int, took: Took) -> Iterator[Row]:
    floor = f"an empty answer p50 {statistics.median(took.floor):.1f} ms, p99 {_p99(took.floor):.1f} ms"
    one = f"one repository p50 {statistics.median(took.row):.1f} ms, p99 {_p99(took.row):.1f} ms"
    for what, found, first, used, peer in (
        ("pages with numbers", took.pages, took.first_pages, took.pages_cpu, floor),
        ("lists as JSON", took.lists, took.first_lists, took.lists_cpu, one),
    ):
        processor = f"processor p50 {statistics.median(used):.1f} ms, p99 {_p99(used):.1f} ms"
        yield Row(
            f"{number:,} repositories, {what}",
            ours=f"p50 {statistics.median(found):.1f} ms, p99 {_p99(found):.1f} ms",
            peer=peer,
            target=f"p99 at most {MOST_MS} ms",
            met=_p99(found) <= MOST_MS,
            note=f"load {os.getloadavg()[0]:.1f}; {processor}; {took.worst}",
            samples={"ms": list(found)},
        )
        yield Row(
            f"{number:,} repositories, {what}, whoever asks first",
            ours=f"p50 {statistics.median(first):.1f} ms, p99 {_p99(first):.1f} ms",
            target=f"p99 at most {MOST_MS} ms",
            met=_p99(first) <= MOST_MS,
            note=f"load {os.getloadavg()[0]:.1f}; {len(first)} addresses; {took.worst_first}",
            samples={"ms": list(first)},
        )


def _card(bench: Bench, tag: str) -> Path:
    path = bench.folder / "README.md"
    path.write_text(f"---\ntags: [{tag}]\n---\n# Fresh\n")
    return path


def _freshness(bench: Bench, client: Client, hub: Hub, number: int) -> Row:
    """From the official client's commit until a list by a tag of its card tells of the repository."""
    waited = []
    for round in range(3):
        tag = f"fresh-{number}-{round}"
        client.upload(f"{OWNER}/{tag}", _card(bench, tag), "README.md")
        began = time.monotonic()
        while not json.loads(_get(f"{hub.url}/api/models?filter={tag}")):
            if time.monotonic() - began > 60:
                break
            time.sleep(0.02)
        waited.append(time.monotonic() - began)
    longest = max(waited)
    return Row(
        f"{number:,} repositories, a commit is found",
        ours=f"at most {longest:.2f} s after the client's call",
        target=f"{FOUND_S} s",
        met=longest <= FOUND_S,
        note=f"load {os.getloadavg()[0]:.1f}",
    )


def _beside_writers(bench: Bench, client: Client, hub: Hub, number: int) -> Row:
    """What readers wait while so many commit, one commit after another each."""
    given = {"url": hub.url, "token": client.token, "owner": OWNER, "writers": WRITERS, "seconds": WRITING_S}
    command: list[str | Path] = [PYTHON, ROOT / "bench" / "scripts" / "writers.py", json.dumps(given)]
    log = bench.folder / f"writers-{number}.log"
    writers = Process(command, log=log)
    took: list[float] = []
    chosen = [address for address, is_page in addresses(2, 40) if not is_page]
    try:
        writers.wait_until(lambda: "writing" in log.read_text())
        until = time.monotonic() + WRITING_S - 2
        while time.monotonic() < until:
            for address in chosen:
                took += repeated.latencies_ms(hub.url + address, {}, 1)
    finally:
        writers.wait(WRITING_S + 30)
    return Row(
        f"{number:,} repositories, lists as JSON beside {WRITERS} writers",
        ours=f"p50 {statistics.median(took):.1f} ms, p99 {_p99(took):.1f} ms",
        note=f"load {os.getloadavg()[0]:.1f}; {log.read_text().splitlines()[-1]}",
        samples={"ms": took},
    )


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=120) as answer:
        body: bytes = answer.read()
    return body


def _p99(found: Sequence[float]) -> float:
    return sorted(found)[int(len(found) * 0.99)]
