"""The Pythons of engines that need an environment of their own, as the settings of this node name them."""

import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

#: What such an interpreter imports of ours, and nothing else: the rest would get in the way of its own packages.
DOOR: Mapping[str, str] = {"PYTHONPATH": os.fspath(Path(__file__).parent / "programs" / "door")}
_known: dict[str, str] = {}


def know(named: Mapping[str, str]) -> None:
    """From now on these are the interpreters, by engine; an empty one is not there. Done once, at the start."""
    _known.clear()
    _known.update({engine: path for engine, path in named.items() if path})


def of(engine: str, needed: tuple[str, ...] = ()) -> str:
    """The interpreter of ``engine``: the one that is named, else the hub's own if it has what is ``needed``; or ''."""
    if engine in _known:
        return _known[engine]
    has_all = needed and all(importlib.util.find_spec(name) is not None for name in needed)
    return sys.executable if has_all else ""


def why_not(engine: str, setting: str, needed: tuple[str, ...] = ()) -> str:
    """Why there is no interpreter that could be started, in a sentence; '' where there is one."""
    path = of(engine, needed)
    if not path:
        return f"{engine} is not set up on this node: {setting} names the Python of its environment."
    if not os.access(path, os.X_OK):
        return f"{setting} names {path}, which is no program on this node."
    return ""
