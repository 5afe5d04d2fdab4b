"""So many accidents and changes of models that run, in an order of chance, and then nothing of them left.

Usage: python -m scripts.troubles 500 [SEED]. The suite does sixty of the same.
"""

import os
import sys
import threading
from pathlib import Path

from freehold.inference import processes, store
from tests.inference.stand_in import MB, run, trouble


def main(events: int, seed: int) -> None:
    processes.BACK_OFF_S, store.ROOM_S, store.LOOK_S = (0.0, 0.05), 2.0, 0.05
    before = _left()
    run(lambda node, starter: trouble(node, starter, events, seed), budget_bytes=250 * MB)
    after = _left()
    print(f"{events} troubles: descriptors, threads and processes {before} before, {after} after")
    if after != before:
        sys.exit(1)


def _left() -> tuple[int, int, int]:
    children = [(task / "children").read_text().split() for task in Path("/proc/self/task").iterdir()]
    return len(os.listdir("/proc/self/fd")), threading.active_count(), sum(map(len, children))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500, int(sys.argv[2]) if len(sys.argv) > 2 else 6)
