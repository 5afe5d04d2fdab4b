"""Avatars: a parcel divided by the name's hash, so that the picture says the same thing as the name."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Parcel:
    """SVG geometry in a 24 by 24 box: ``lot`` are the points of the shaded part, ``cut`` the dividing lines."""

    lot: str
    cut: str
    initial: str


@lru_cache(maxsize=4096)
def parcel(name: str) -> Parcel:
    """The parcel of ``name``: one fence from top to bottom, one across the shaded side."""
    digest = hashlib.sha256(name.lower().encode()).digest()
    top = 8 + digest[0] % 8
    bottom = top + 2 - digest[1] % 5
    across = 7 + digest[2] % 10
    if digest[3] % 2:
        lot, fence = f"0,0 {top},0 {bottom},24 0,24", f"M0 {across} {(top + bottom) / 2:g} {across}"
    else:
        lot, fence = f"{top},0 24,0 24,24 {bottom},24", f"M24 {across} {(top + bottom) / 2:g} {across}"
    return Parcel(lot, f"M{top} 0 {bottom} 24{fence}", (name[:1] or "?").upper())
