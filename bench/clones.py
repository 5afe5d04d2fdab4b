"""Clones of a long history, beside ``git http-backend`` on the same packs; and how both grow with the history."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx

from bench import peers
from bench.bench import Bench
from bench.hub import OWNER
from bench.machine import ROOT, Timing, clean_environment, in_turns, samples
from bench.table import Row

#: Each commit adds a file and changes another one, in folders of a hundred.
A_FOLDER = 100
TARGET = 0.8


def measure(bench: Bench) -> Iterator[Row]:
    walls: dict[int, dict[str, float]] = {}
    for commits in (bench.scale.commits // 10, bench.scale.commits):
        pushed: list[Row] = []
        timings = _cloned(bench, commits, pushed)
        yield from pushed
        ours, git = timings["ours"], timings["git"]
        walls[commits] = {name: timing.wall_s for name, timing in timings.items()}
        ratio = git.wall_s / ours.wall_s
        yield Row(
            f"clone of {commits:,} commits and files",
            ours=f"{ours.wall_s:.2f} s",
            peer=f"git http-backend, same packs {git.wall_s:.2f} s",
            ratio=f"{ratio:.2f}",
            target=f"at least {TARGET}",
            met=ratio >= TARGET,
            samples=samples(timings),
        )
    few, many = sorted(walls)
    growth = {name: walls[many][name] / walls[few][name] for name in ("ours", "git")}
    yield Row(
        f"clone, {many // few} times the history",
        ours=f"{growth['ours']:.1f} times the time",
        peer=f"git http-backend {growth['git']:.1f} times",
        ratio=f"{growth['git'] / growth['ours']:.2f}",
        target="at least 0.9: no faster growth than git's",
        met=growth["git"] / growth["ours"] >= 0.9,
    )


def _cloned(bench: Bench, commits: int, pushed: list[Row]) -> dict[str, Timing]:
    folder = bench.folder / f"history-{commits}"
    source = _history(folder / "source", commits)
    name = f"history-{commits}"
    made = httpx.post(f"{bench.hub.url}/api/repos/create", json={"name": name}, headers=bench.headers, trust_env=False)
    made.raise_for_status()
    ours = f"{bench.hub.url}/{OWNER}/{name}"
    signed_in = ours.replace("http://", f"http://x:{bench.token}@")
    push = partial(_git, source, "push", "-q", "--force", signed_in, "main")
    first = in_turns(1, {"push": (bench.hub.process, push)})["push"]
    pushed.append(Row(f"push of {commits:,} commits and files", ours=f"{first.wall_s:.2f} s"))
    root = folder / "root"
    _same_packs(bench.hub.data / "store" / "git", root / "peer.git", _git(source, "rev-parse", "main"))
    peer, peer_url = peers.git_http_backend(folder / "http-backend", root)
    bench.closing.callback(peer.stop)

    def clone(address: str) -> None:
        target = folder / "clone"
        _git(folder, "clone", "-q", "--bare", address, str(target))
        shutil.rmtree(target)

    contestants = {
        "ours": (bench.hub.process, partial(clone, ours)),
        "git": (peer, partial(clone, f"{peer_url}/peer.git")),
    }
    return in_turns(bench.scale.rounds, contestants)


def _history(folder: Path, commits: int) -> Path:
    """A repository of so many commits, made in one go and packed as git packs."""
    folder.mkdir(parents=True)
    _git(folder, "init", "-q", "-b", "main")
    stream = []
    for number in range(commits):
        author = f"A <a@b.c> {1_600_000_000 + number * 60} +0000"
        stream.append(f"commit refs/heads/main\ncommitter {author}\ndata {len(str(number))}\n{number}\n")
        for changed in {number, number * 7 // 11}:
            text = f"file {changed} at {number}\n" * 20
            path = f"part-{changed // A_FOLDER}/file-{changed}.txt"
            stream.append(f"M 100644 inline {path}\ndata {len(text)}\n{text}\n")
    _git(folder, "fast-import", "--quiet", given="".join(stream))
    _git(folder, "repack", "-q", "-a", "-d", "-f")
    return folder


def _same_packs(store: Path, bare: Path, head: str) -> None:
    """A bare repository of the packs that the hub keeps: the folder among the store's that has the head."""
    bare.parent.mkdir(parents=True)
    for packs in store.glob("*/objects/pack"):
        _git(bare.parent, "init", "-q", "--bare", "-b", "main", bare.name)
        shutil.copytree(packs, bare / "objects" / "pack", dirs_exist_ok=True)
        known = subprocess.run(["git", "cat-file", "-e", head], cwd=bare, capture_output=True, check=False)
        if known.returncode == 0:
            _git(bare, "update-ref", "refs/heads/main", head)
            return
        shutil.rmtree(bare)
    raise RuntimeError("no packs of the hub hold what was pushed to it")


def _git(folder: Path, *words: str, given: str = "") -> str:
    environ = {**clean_environment(), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "HOME": str(ROOT)}
    done = subprocess.run(
        ["git", *words], cwd=folder, env=environ, input=given, capture_output=True, text=True, timeout=900, check=False
    )
    if done.returncode:
        raise RuntimeError(f"git {' '.join(words)}: {done.stderr[-1000:]}")
    return done.stdout.strip()
