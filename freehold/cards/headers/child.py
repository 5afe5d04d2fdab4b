"""The process in which headers are taken apart (``cards.parsing`` asks it): of files it sees the ranges it asks for."""

import json
import struct
from collections.abc import Callable
from typing import Any

from freehold.cards.headers import digest, gguf, onnx, parquet, pickles, safetensors
from freehold.cards.headers.header import Header, Read, Unreadable
from freehold.core.children import serve, wanted

_LENGTH = struct.Struct(">I")
_PARSERS: dict[str, Callable[[Read, int], Header]] = {
    "safetensors": safetensors.parse,
    "gguf": gguf.parse,
    "onnx": onnx.parse,
}


def work(question: bytes) -> bytes:
    """``question``: JSON and bodies, each after its length. The answer: JSON after its length, then a body."""
    job, *bodies = split(question)
    body = b""
    try:
        told, body = _answer(json.loads(job), bodies)
    except Unreadable as err:
        told = {"problem": str(err)}
    except MemoryError:
        told = {"problem": "it needs more memory than there is for a header"}
    return joined(json.dumps(told, separators=(",", ":")).encode(), body)


def _answer(job: dict[str, Any], bodies: list[bytes]) -> tuple[Any, bytes]:
    form, size_bytes = job["form"], job.get("size_bytes", 0)
    if form == "page":
        return digest.page(bodies, job["search"], job["sort"], job["number"]), b""
    if form == "pickle":
        return pickles.look(wanted, size_bytes), b""
    if form == "parquet":
        return parquet.look(wanted, size_bytes), b""
    if form == "index":
        return safetensors.parts(wanted(0, size_bytes)), b""
    if form == "raw":
        return {}, safetensors.raw(wanted, size_bytes)
    header = _PARSERS[form](wanted, size_bytes)
    return digest.summary(form, header), digest.packed(header.tensors)


# ---- for both ends -----------------------------------------------------------------------------------------


def joined(*pieces: bytes) -> bytes:
    """The pieces as one, each after its length."""
    return b"".join(_LENGTH.pack(len(piece)) + piece for piece in pieces)


def split(data: bytes) -> list[bytes]:
    """What :func:`joined` joined."""
    pieces, at = [], 0
    while at < len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        pieces.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return pieces


if __name__ == "__main__":
    serve(work)
