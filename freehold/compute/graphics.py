"""The graphics cards of this machine, as their driver tells them: read once, in bounded time, and with no library.

Of NVIDIA's cards ``nvidia-smi`` tells, of AMD's the kernel. Where ``CUDA_VISIBLE_DEVICES`` is set, as Ray and people
who share a machine set it, only those cards are there for us. A card that tells no memory of its own is not counted.
"""

import csv
import functools
import logging
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger("freehold.models")

#: A driver that nobody used for a while takes seconds for each card.
ASK_S = 20.0
MAX_CARDS, MAX_NAME = 64, 80
MB = 1 << 20
#: Where Linux shows cards, and the number of their maker there. Source: PCI ids; Linux, amdgpu_vram_mgr.c.
_KERNEL, _AMD = Path("/sys/class/drm"), "0x1002"
#: The same order as here for whoever starts, whatever it thinks of which card is faster. Source: CUDA C++ Programming
#: Guide, "CUDA Environment Variables"; ROCm, "GPU isolation techniques".
_ORDER, _VISIBLE, _AMD_VISIBLE = "CUDA_DEVICE_ORDER", "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"
_NONE = "-1"
#: Some clusters mount the cards' driver where only this says so. Source: Google Kubernetes Engine, "Run GPUs".
_DRIVER = "LD_LIBRARY_PATH"


@dataclass(frozen=True)
class GraphicsCard:
    """``index``: how its driver counts it, from 0; ``id``: what is its alone, or ''."""

    index: int
    name: str
    memory_bytes: int
    id: str = ""


@functools.cache
def cards() -> Sequence[GraphicsCard]:
    """Those of this machine that this process may use. The first call may take seconds, where there is a driver."""
    found = _of_nvidia() or _of_amd(_KERNEL)
    return _visible(found, os.environ.get(_VISIBLE))


def environment(given: Iterable[int | str]) -> Mapping[str, str]:
    """What a program must be told to see the cards of these indices and no other."""
    said = ",".join(map(str, given)) or _NONE
    return {_ORDER: "PCI_BUS_ID", _VISIBLE: said, _AMD_VISIBLE: said}


def driver() -> Mapping[str, str]:
    """What a program must be told to find the driver, where whoever started this process says so."""
    return {_DRIVER: os.environ[_DRIVER]} if _DRIVER in os.environ else {}


def lent() -> Sequence[str]:
    """What whoever started this process calls the cards that it may use, where nothing tells more of them."""
    return [word.strip() for word in os.environ.get(_VISIBLE, "").split(",") if word.strip() not in ("", _NONE)]


def _of_nvidia() -> Sequence[GraphicsCard]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    asked = [program, "--query-gpu=index,name,memory.total,uuid", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(  # noqa: S603  # the driver's own program
            asked, stdin=subprocess.DEVNULL, capture_output=True, timeout=ASK_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as err:
        log.warning("nvidia-smi does not tell which graphics cards there are: %s", err)
        return ()
    if done.returncode:
        log.warning("nvidia-smi does not tell which graphics cards there are (exit status %d)", done.returncode)
        return ()
    return parsed(done.stdout.decode("utf-8", "replace"))


def parsed(told: str) -> Sequence[GraphicsCard]:
    """What ``nvidia-smi`` wrote: a line for each card with index, name, memory in MiB and id."""
    found: list[GraphicsCard] = []
    for line in list(csv.reader(told.splitlines()))[:MAX_CARDS]:
        words = [word.strip() for word in line]
        if len(words) >= 3 and words[0].isdecimal() and words[2].isdecimal():
            found.append(GraphicsCard(int(words[0]), words[1][:MAX_NAME], int(words[2]) * MB, "".join(words[3:4])))
    return found


def _of_amd(kernel: Path) -> Sequence[GraphicsCard]:
    """In the order of their places in the machine, which is how ROCm counts them."""
    places = sorted({path.resolve() for path in kernel.glob("card[0-9]*/device") if _read(path / "vendor") == _AMD})
    found: list[GraphicsCard] = []
    for path in places[:MAX_CARDS]:
        memory = _read(path / "mem_info_vram_total")
        if memory.isdecimal():
            name = _read(path / "product_name")[:MAX_NAME] or "AMD graphics card"
            found.append(GraphicsCard(len(found), name, int(memory)))
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def _visible(found: Sequence[GraphicsCard], said: str | None) -> Sequence[GraphicsCard]:
    """As CUDA reads it: indices or beginnings of ids, up to the first that is none."""
    if said is None:
        return tuple(found)
    seen: list[GraphicsCard] = []
    for word in (one.strip() for one in said.split(",")):
        card = next((one for one in found if word and (word == str(one.index) or one.id.startswith(word))), None)
        if card is None or card in seen:
            break
        seen.append(card)
    return tuple(seen)
