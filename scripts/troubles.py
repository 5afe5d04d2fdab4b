"""So many accidents and changes of models that run, in an order of chance, and then nothing of them left.

Usage: python -m scripts.troubles 500 [SEED]. The suite does sixty of the same.
"""

import asyncio
import os
import random
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

from freehold.core.errors import HubError
from freehold.inference import loading, processes, waiting
from freehold.inference.store import NodeStore
from scripts.stand_in import MB, StandIn, call, run


def main(events: int, seed: int) -> None:
    processes.BACK_OFF_S, loading.ROOM_S, waiting.LOOK_S = (0.0, 0.05), 2.0, 0.05
    before = held()
    run(lambda node, starter: trouble(node, starter, events, seed), budget_bytes=250 * MB)
    after = held()
    told = [(descriptors, threads, len(children)) for descriptors, threads, children in (before, after)]
    print(f"{events} troubles: descriptors, threads and processes {told[0]} before, {told[1]} after")
    if after != before:
        sys.exit(1)


async def trouble(store: NodeStore, starter: StandIn, events: int, seed: int) -> None:
    """So many accidents and changes in an order of chance, while calls go on: each ends, well or with its error."""
    order = random.Random(seed)  # noqa: S311  # no secret
    names = ["a", "b", "c", "d"]
    for name in names:
        starter.put(name, parallel=2)

    async def one(number: int) -> None:
        name = order.choice(names)
        what = order.choice(["call", "call", "die", "kill", "change", "off", "cancel", "refuse", "grow", "rest"])
        if what in ("refuse", "grow"):
            starter.options[name] = {"refuse": "no"} if what == "refuse" else {"grow": 150 * MB, "limit": 40 * MB}
        if what == "change":
            starter.put(name, fingerprint=str(number))
        if what == "off":
            starter.put(name, is_on=not starter.wishes[name].is_on)
        if what in ("change", "off", "rest"):
            await store.follow(list(starter.wishes.values()))
            await store.rest()
        more = {"die": True} if what == "die" else {}
        calling = asyncio.create_task(call(store, starter.target(name), f"caller {number % 40}", **more))
        if what == "kill":
            await asyncio.sleep(0.01)
            for running in [one for one in starter.running if one.is_alive][:1]:
                with suppress(ProcessLookupError):
                    os.kill(running.pid, signal.SIGKILL)
        if what == "cancel":
            await asyncio.sleep(order.random() / 20)
            calling.cancel()
        try:
            await calling
        except (HubError, asyncio.CancelledError):
            pass
        finally:
            starter.options.pop(name, None)

    for start in range(0, events, 4):
        await asyncio.gather(*(one(number) for number in range(start, min(start + 4, events))))
    assert all(one.held == 0 for group in store.groups.values() for one in group.processes), "a slot is taken"


def held() -> tuple[int, int, set[str]]:
    """What this process has open: descriptors, threads, and processes of its own, unreaped ones too."""
    children: set[str] = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has just ended
            children |= set((task / "children").read_text().split())
    return len(os.listdir("/proc/self/fd")), threading.active_count(), children


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500, int(sys.argv[2]) if len(sys.argv) > 2 else 6)
