"""So many accidents of models that run on a Ray cluster of three nodes, and then nothing of them left (``make ray``).

Usage: RAY_PYTHON=... python -m scripts.ray_troubles 500 [SEED]. A small language model on llama.cpp, three endpoints of
it: answered, streamed, left, cancelled, changed; their processes and actors killed, nodes killed and added, and the
hub's own child that speaks to Ray. ``scripts.troubles`` does the like on one machine.
"""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from freehold.compute import service as compute
from freehold.compute.cluster import Cluster, Place
from freehold.compute.rules import Given, Running
from freehold.core import clock
from freehold.core.errors import HubError
from freehold.engines import llama
from freehold.engines.rules import Setup
from freehold.inference import processes as replicas
from freehold.inference.errors import EngineLost
from freehold.inference.plans import Plan, Wish
from freehold.inference.rules import Call, Target
from freehold.inference.runtime import NodeRuntime
from freehold.inference.space import Space
from freehold.inference.store import NodeStore
from scripts.looking import model_of
from scripts.tiny_models import language_model

ROOT = Path(__file__).parents[1]
SETUP = Setup(context_tokens=512, parallel=2, threads=1)
NAMES = ("a", "b", "c")
ABREAST = 4
#: No event takes longer, or something hangs.
MOST_S = 240.0
USUAL = ["whole", "whole", "streamed", "streamed", "left", "left", "left", "cancelled", "cancelled"]
EVENTS = [*USUAL * 2, "kill", "kill", "kill actor", "change"]


class Starter:
    """``inference.processes.Starter`` on a cluster, of endpoints that no rows tell."""

    def __init__(self, place: Place, model: Path) -> None:
        self.cluster, self.model = Cluster(place), model
        self.offer = llama.look(model_of(model), SETUP)[0]  # type: ignore[index]
        wish = Wish("", "", "1", True, False, 600, 1, SETUP.parallel, clock.now())
        self.wishes = {name: replace(wish, endpoint_id=name, name=f"lab/{name}") for name in NAMES}
        self.begun: list[Running] = []

    def target(self, name: str) -> Target:
        one = self.wishes[name]
        return Target(name, one.name, one.name, "0" * 40, "llama.cpp", frozenset({"chat"}), "lab",
                      fingerprint=one.fingerprint, parallel=one.parallel)  # fmt: skip

    def wish(self, endpoint_id: str) -> Wish | None:
        return self.wishes[endpoint_id]

    def plan(self, endpoint_id: str) -> Plan | None:
        return Plan(self.wishes[endpoint_id], "llama.cpp", self.offer, SETUP, 300 * 10**6, None)

    def begin(self, plan: Plan, limit_bytes: int, given: Given | None) -> Running:
        job = llama.job(self.offer, SETUP, self.model.parent, {})
        job = replace(job, memory_bytes=limit_bytes, reserved_bytes=plan.need_bytes, cpus=1.0, files=[self.model])
        running = compute.begin(job, self.cluster)
        self.begun.append(running)
        return running

    def ready(self, running: Running) -> None:
        compute.ready(running)

    def body(self, plan: Plan, adapter: str) -> Mapping[str, Any]:
        return {}

    def keep_files(self, plan: Plan) -> None:
        """They stay."""

    def stop(self) -> None:
        self.cluster.close()


class Troubles:
    """``ray``: the cluster's process."""

    def __init__(self, ray: "subprocess.Popen[str]", starter: Starter, seed: int) -> None:
        self.ray, self.starter, self.dice = ray, starter, random.Random(seed)  # noqa: S311  # no secret
        self.store = NodeStore(starter, lambda: Space(10**12, is_here=False))
        self.runtime = NodeRuntime(self.store)
        self.told: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()

    async def all(self, events: int) -> None:
        try:
            for start in range(0, events, ABREAST):
                abreast = [self.one(number) for number in range(start, min(start + ABREAST, events))]
                async with asyncio.timeout(MOST_S):
                    await asyncio.gather(*abreast)
                if start % 100 == 0:
                    print(f"{start} events, {time.monotonic():.0f}: {dict(self.told)} {dict(self.errors)}", flush=True)
            for name in NAMES:
                await self.answered(name)
            held = [one.held for group in self.store.groups.values() for one in group.processes]
            assert not any(held), "a slot is taken"
        finally:
            await self.runtime.close()

    async def answered(self, name: str) -> None:
        """The next call works; or the one after it, where it is the first to meet a node that fell silent."""
        try:
            await self.asked(name, "whole", -1)
        except EngineLost:
            self.told["first to notice"] += 1
            await self.asked(name, "whole", -1)
        self.told["answered at the end"] += 1

    async def one(self, number: int) -> None:
        what, name = self.dice.choice(EVENTS), self.dice.choice(NAMES)
        if number % 50 == 25:
            what = "swap"
        elif number % 250 == 100:
            what = "bridge"
        self.told[what] += 1
        asking = asyncio.create_task(self.asked(name, what, number))
        if what in ("kill", "kill actor", "swap", "bridge"):
            await asyncio.sleep(self.dice.random() / 2)
            await asyncio.to_thread(self.strike, what)
        if what == "change":
            changed = replace(self.starter.wishes[name], fingerprint=str(number + 2))
            self.starter.wishes[name] = changed
            await self.store.follow(list(self.starter.wishes.values()))
        try:
            await asking
        except HubError as err:
            self.errors[f"{what}: {type(err).__name__}"] += 1
        except TimeoutError:
            self.told["went"] += 1

    async def asked(self, name: str, what: str, number: int) -> None:
        body: dict[str, Any] = {"messages": [{"role": "user", "content": "the city"}], "max_tokens": 12}
        if what not in ("whole", "streamed"):
            body["max_tokens"] = 300
        call = Call("chat/completions", body, "lab", is_stream=what != "whole", caller_id=f"caller {number % 60}")
        patience = self.dice.random() if what == "cancelled" else MOST_S
        pieces = self.dice.randint(1, 20) if what == "left" else 10**6
        async with asyncio.timeout(patience), self.runtime.call(self.starter.target(name), call) as reply:
            if not call.is_stream:
                await reply.body()
                return
            async for _ in reply.pieces():
                pieces -= 1
                if not pieces:
                    return

    def strike(self, what: str) -> None:
        alive = [one for one in self.starter.begun if one.is_alive and one.pid]
        if what == "swap":
            print("swap", file=self.ray.stdin, flush=True)
            answer_of(self.ray)
        elif what == "bridge":
            if (child := self.starter.cluster._child) is not None:
                child.kill()
        elif alive:
            pid = self.dice.choice(alive).pid
            with suppress(ProcessLookupError, ValueError, OSError):
                os.kill(parent(pid) if what == "kill actor" else pid, signal.SIGKILL)


def answer_of(ray: "subprocess.Popen[str]") -> Any:
    """What the cluster's program answers. Ray puts words of its own between, of a node that was lost for one."""
    assert ray.stdout is not None
    return json.loads(next(line for line in ray.stdout if line.startswith("{")))


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def left() -> tuple[int, int]:
    return len(os.listdir("/proc/self/fd")), threading.active_count()


def main(events: int, seed: int) -> None:
    replicas.BACK_OFF_S = (0.0, 0.2)
    python = os.environ["RAY_PYTHON"]
    here = {**os.environ, "PYTHONPATH": os.fspath(ROOT)}
    program = [python, os.fspath(ROOT / "tests" / "compute" / "ray_cluster.py"), "3"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=here) as ray,
    ):
        assert ray.stdin is not None
        address = answer_of(ray)["address"]
        root = Path(folder) / "hub"
        (root / "models").mkdir(parents=True)
        model = language_model(root / "models" / "tiny.gguf")
        starter = Starter(Place(address, root, root / "made", python=python, cache=f"{folder}/node"), model)
        before, began = left(), time.monotonic()
        troubles = Troubles(ray, starter, seed)
        asyncio.run(troubles.all(events))
        if starter.cluster._reading is not None:
            starter.cluster._reading.join(60)
        after = left()
        processes = [one.pid for one in starter.begun if one.pid and Path(f"/proc/{one.pid}").exists()]
        print("left", file=ray.stdin, flush=True)
        taken = answer_of(ray)
        jobs = list(Path(folder, "node", "jobs").iterdir())
        print(f"{events} troubles in {time.monotonic() - began:.0f} s: {dict(troubles.told)}")
        print(f"errors told to callers: {dict(troubles.errors)}")
        print(f"{len(starter.begun)} replicas begun; processes left {processes}, {taken}, {len(jobs)} folders; "
              f"descriptors and threads {before} before, {after} after")  # fmt: skip
        ray.stdin.close()
        ray.wait(60)
    if after != before or processes or taken["cores taken"]:
        sys.exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500, int(sys.argv[2]) if len(sys.argv) > 2 else 6)
