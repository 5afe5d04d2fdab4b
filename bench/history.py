"""Long histories: pages with last commits, commits into many files, a thousand commits in a row, and what is erased.

The peers are git's own commands on the same packs and objects.
"""

import hashlib
import json
import os
import shutil
import statistics
import subprocess
import time
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from bench.bench import Bench
from bench.histories import FIRST_S, Grown, Shape, grow
from bench.hub import Hub
from bench.machine import needs
from bench.table import Row
from freehold.content.keys import pack_index_key, pack_key
from freehold.content.tables import Pack, Push, Ref
from freehold.core import clock, settings
from freehold.core.database import Database
from freehold.core.ids import new_id
from freehold.repos.tables import Repo
from freehold.stores.store import open_store

LONG = Shape(files=10_000, commits=10_000, per_folder=100)
FLAT = Shape(files=10_000, commits=1_000, per_folder=0)
WIDE = Shape(files=100_000, commits=1, per_folder=100)
IN_A_ROW = 1000


def measure(bench: Bench) -> Iterator[Row]:
    needs("git", "git")
    quick = bench.scale.rounds < 5
    cut = 10 if quick else 1
    for what, shape in (("folders", LONG), ("one flat folder", FLAT)):
        smaller = Shape(shape.files // cut, shape.commits // cut, shape.per_folder)
        yield from _pages(bench, f"{smaller.files:,} files in {what}, {smaller.commits:,} commits", smaller)
    for shape in (Shape(LONG.files // cut, 1, 100), Shape(WIDE.files // cut, 1, 100)):
        yield _commits(bench, shape)
    yield _in_a_row(bench, IN_A_ROW // cut)
    yield _erased(bench, Shape(LONG.files // cut, LONG.commits // cut, 100))


# ---- pages with last commits ---------------------------------------------------------------------------------------


def _pages(bench: Bench, what: str, shape: Shape) -> Iterator[Row]:
    name = f"history-{shape.files}-{shape.commits}-{shape.per_folder}"
    repo, grown = _repository(bench, name, shape)
    folder = "d0001" if shape.per_folder else ""
    address = f"{bench.hub.url}/api/models/{repo}/tree/main/{folder}?expand=true&limit=100".replace("/?", "?")
    first = _timed(lambda: _get(bench, address))
    _restart(bench)
    again = _timed(lambda: _get(bench, address))
    warm = sorted(_timed(lambda: _get(bench, address)) for _ in range(200))
    bare = _bare(bench.folder / f"{name}.git", [grown.pack.pack_path, grown.pack.idx_path], grown.head)
    paths = [entry["path"] for entry in json.loads(_get(bench, address))][:3]
    git = statistics.mean(_timed(partial(_git, bare, "log", "-1", "--format=%H", "main", "--", path)) for path in paths)
    p50, p99 = statistics.median(warm), warm[int(len(warm) * 0.99)]
    yield Row(
        f"tree page with last commits, {what}",
        ours=f"p50 {_ms(p50)}, p99 {_ms(p99)}",
        peer=f"git log -1 for one path {_ms(git)}",
        target="p99 below 100 ms",
        met=p99 < 0.1,
        note=f"100 entries; first ever {_ms(first)}, first after a restart {_ms(again)}",
        samples={"warm": warm, "first": [first], "restarted": [again]},
    )
    log = f"{bench.hub.url}/api/models/{repo}/commits/main?limit=50"
    pages = sorted(_timed(lambda: _get(bench, log)) for _ in range(100))
    yield Row(
        f"page of the log, {what}",
        ours=f"p50 {_ms(statistics.median(pages))}, p99 {_ms(pages[98])}",
        peer=f"git log -50 {_ms(_timed(lambda: _git(bare, 'log', '-50', '--format=%H %an %at %s', 'main')))}",
        note="with the count of all",
        samples={"log": pages},
    )


# ---- commits -------------------------------------------------------------------------------------------------------


def _commits(bench: Bench, shape: Shape) -> Row:
    """A commit of three files into many, beside ``git fast-import`` of the same change on the same pack."""
    name = f"commits-{shape.files}"
    repo, grown = _repository(bench, name, shape)
    bare = _bare(bench.folder / f"{name}.git", [grown.pack.pack_path, grown.pack.idx_path], grown.head)
    ours, theirs = [], []
    for at in range(10):
        files = [(shape.path(number), f"{at} {number}\n") for number in (1, shape.files // 2, shape.files - 1)]
        named = [(b"/".join(filter(None, place)).decode(), text) for place, text in files]
        ours.append(_timed(partial(_commit, bench, repo, named)))
        theirs.append(_timed(partial(_fast_import, bare, named, at)))
    best, peer = min(ours), min(theirs)
    return Row(
        f"commit of 3 files into {shape.files:,}",
        ours=_ms(best),
        peer=f"git fast-import {_ms(peer)}",
        ratio=f"{peer / best:.2f}",
        note="ours over HTTP, durable and recorded; best of 10",
        samples={"ours": ours, "git": theirs},
    )


def _in_a_row(bench: Bench, count: int) -> Row:
    """Each commit changes one small file; the hub folds packs meanwhile."""
    _ = bench.hub
    repo = _made(bench, "in-a-row")
    took = [_timed(partial(_commit, bench, repo, [(f"d/{at % 50}.txt", str(at))])) for at in range(count)]
    tenth = max(1, count // 10)
    first, last = statistics.median(took[:tenth]), statistics.median(took[-tenth:])
    return Row(
        f"{count:,} commits in a row",
        ours=f"first tenth {_ms(first)}, last tenth {_ms(last)}",
        ratio=f"{last / first:.2f}",
        target="at most 2",
        met=last <= 2 * first,
        note=f"median of each tenth; slowest {_ms(max(took))}",
        samples={"commits": took},
    )


def _erased(bench: Bench, shape: Shape) -> Row:
    """One large file, there from the first commit on, taken out of all of them."""
    repo, _ = _repository(bench, "erased", shape, large=True)
    address = f"{bench.hub.url}/api/models/{repo}/lfs-files"
    listed = _timed(lambda: _get(bench, address))
    (item,) = json.loads(_get(bench, address))
    body = json.dumps({"deletions": {"sha": [item["fileOid"]], "rewriteHistory": True}}).encode()
    took = _timed(lambda: _get(bench, f"{address}/batch", body, "application/json"))
    return Row(
        f"a large file out of {shape.commits:,} commits",
        ours=f"{took:.1f} s",
        target="at most 60 s",
        met=took <= 60,
        note=f"every commit rewritten; listing large files for the first time {listed:.1f} s",
    )


# ---- the hub, and git ----------------------------------------------------------------------------------------------


def _repository(bench: Bench, name: str, shape: Shape, *, large: bool = False) -> tuple[str, Grown]:
    """A repository of the hub with this history, put where a push would have put it."""
    folder = bench.folder / name
    folder.mkdir()
    repo = _made(bench, name)
    pointer = _send_large(bench, repo) if large else None
    grown = grow(folder, shape, pointer)
    chosen = settings.load({}, data=bench.hub.data)
    database, store = Database(chosen.database), open_store(chosen)
    try:
        with database.write() as db:
            row = db.query(Repo).filter(Repo.path_key == repo).one()
            for path, key in ((grown.pack.pack_path, pack_key), (grown.pack.idx_path, pack_index_key)):
                copy = path.with_suffix(path.suffix + ".copy")
                shutil.copyfile(path, copy)
                store.put_file(key(row.id, grown.pack.name), copy)
            now = clock.now()
            size, objects = grown.pack.size_bytes, grown.pack.objects
            db.add(Pack(repo_id=row.id, name=grown.pack.name, size_bytes=size, objects=objects, created_at=now))
            ref = db.get_one(Ref, (row.id, "refs/heads/main"))
            db.add(Push(id=new_id(), repo_id=row.id, ref=ref.name, before=ref.target, after=grown.head, at=now))
            ref.target = grown.head
    finally:
        database.close()
    return repo, grown


def _made(bench: Bench, name: str) -> str:
    url = f"{bench.hub.url}/api/repos/create"
    _get(bench, url, json.dumps({"name": name}).encode(), "application/json")
    return f"bench/{name}"


def _send_large(bench: Bench, repo: str) -> bytes:
    """A large file is the repository's; its pointer."""
    data = os.urandom(1000)
    sha256 = hashlib.sha256(data).hexdigest()
    body = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": sha256, "size": len(data)}]}
    url = f"{bench.hub.url}/{repo}.git/info/lfs/objects/batch"
    answer = json.loads(_get(bench, url, json.dumps(body).encode(), "application/vnd.git-lfs+json"))
    request = urllib.request.Request(answer["objects"][0]["actions"]["upload"]["href"], data=data, method="PUT")
    urllib.request.urlopen(request).close()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(data)}\n".encode()


def _commit(bench: Bench, repo: str, files: Sequence[tuple[str, str]]) -> bytes:
    lines = [{"key": "header", "value": {"summary": "a change"}}]
    for path, text in files:
        content = b64encode(text.encode()).decode()
        lines.append({"key": "file", "value": {"path": path, "content": content, "encoding": "base64"}})
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    return _get(bench, f"{bench.hub.url}/api/models/{repo}/commit/main", body, "application/x-ndjson")


def _restart(bench: Bench) -> None:
    """The same hub in a new process; caches on disk stay, memory does not."""
    hub = bench.hub
    hub.process.stop()
    again = Hub(hub.data, port=hub.port)
    bench.closing.callback(again.process.stop)
    hub.process = again.process


def _bare(path: Path, files: Sequence[Path], head: str) -> Path:
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", path], check=True)
    for file in files:
        shutil.copyfile(file, path / "objects" / "pack" / file.name)
    _git(path, "update-ref", "refs/heads/main", head)
    return path


def _fast_import(bare: Path, files: Sequence[tuple[str, str]], at: int) -> None:
    told = [
        f"commit refs/heads/main\ncommitter b <b@b> {FIRST_S + at} +0000\ndata 8\na change\nfrom refs/heads/main^0\n"
    ]
    told += [f"M 100644 inline {path}\ndata {len(text)}\n{text}\n" for path, text in files]
    subprocess.run(["git", "-C", bare, "fast-import", "--quiet", "--force"], input="".join(told).encode(), check=True)


def _git(bare: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", bare, *words], check=True, capture_output=True, text=True).stdout


def _get(bench: Bench, url: str, body: bytes | None = None, kind: str = "") -> bytes:
    headers = {**bench.headers, **({"Content-Type": kind} if kind else {})}
    with urllib.request.urlopen(urllib.request.Request(url, data=body, headers=headers)) as answer:
        data: bytes = answer.read()
        return data


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms"
