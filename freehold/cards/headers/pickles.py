"""Pickles, looked at and never loaded: the members of a zip, and the names that loading would import and call.

Disassembled with ``pickletools``, which runs nothing. Source: PEP 307; torch.save writes a zip with ``data.pkl``, or
(before 1.6) several pickles one after the other.
"""

import io
import pickletools
import zipfile
from typing import Any

from freehold.cards.headers.header import Read, Unreadable

MAX_PICKLE_BYTES = 8 << 20
MAX_OPCODES = 400_000
MAX_NAMES = 200
MAX_MEMBERS = 300
MAX_DIRECTORY_BYTES = 16 << 20
#: Old files of torch: a number, a version, what made it, the object; then raw values.
MAX_IN_A_ROW = 4


def look(read: Read, size_bytes: int) -> dict[str, Any]:
    """``members`` as ``[name, bytes]`` with their ``total``, ``imports`` as dotted names, ``why`` some may lack."""
    if read(0, 4) == b"PK\x03\x04":
        return _zip(read, size_bytes)
    imports: set[str] = set()
    why = _imports(_Ranged(read, size_bytes), imports)
    return {"members": [], "total": 0, "imports": sorted(imports)[:MAX_NAMES], "why": why}


def _zip(read: Read, size_bytes: int) -> dict[str, Any]:
    imports: set[str] = set()
    why = ""
    try:
        with zipfile.ZipFile(_Ranged(read, size_bytes)) as archive:
            infos = archive.infolist()
            pickles = [info for info in infos if info.filename.endswith((".pkl", ".pickle"))][:8]
            for info in pickles:
                with archive.open(info) as member:
                    why = _imports(io.BytesIO(member.read(MAX_PICKLE_BYTES)), imports) or why
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as err:
        raise Unreadable("its zip archive is damaged or encrypted") from err
    members = [[info.filename[:200], info.file_size] for info in infos[:MAX_MEMBERS]]
    return {"members": members, "total": len(infos), "imports": sorted(imports)[:MAX_NAMES], "why": why}


def _imports(stream: Any, imports: set[str]) -> str:
    """Put into ``imports`` what the pickles of ``stream`` name; returns why there may be more, or nothing."""
    opcodes = 0
    for number in range(MAX_IN_A_ROW):
        texts: list[str] = []
        try:
            for opcode, argument, _ in pickletools.genops(stream):
                opcodes += 1
                if opcodes > MAX_OPCODES or len(imports) > MAX_NAMES:
                    return "it is longer than what is looked at"
                if opcode.name == "GLOBAL":
                    imports.add(str(argument).replace(" ", ".", 1)[:200])
                elif opcode.name == "STACK_GLOBAL":
                    imports.add(".".join(texts[-2:])[:200])
                elif isinstance(argument, str):
                    texts = [*texts[-1:], argument]
        except Unreadable:
            return "it is longer than what is looked at"
        except Exception:  # the disassembler raises what it likes on what is no pickle
            return "" if number else "it is no pickle that can be taken apart"
    return ""


class _Ranged(io.RawIOBase):
    """The file, read by range as a stream."""

    def __init__(self, read: Read, size_bytes: int) -> None:
        self._read, self._size_bytes, self._at, self._taken = read, size_bytes, 0, 0
        self._window, self._start = b"", 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, (0, self._at, self._size_bytes)[whence] + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        end = self._size_bytes if size is None or size < 0 else min(self._size_bytes, self._at + size)
        if not self._start <= self._at <= end <= self._start + len(self._window):
            self._taken += max(end - self._at, 0)
            if self._taken > MAX_DIRECTORY_BYTES:
                raise Unreadable("it needs more of the file than is read")
            self._start = self._at
            self._window = self._read(self._at, min(self._size_bytes, max(end, self._at + (64 << 10))))
        data = self._window[self._at - self._start : end - self._start]
        self._at += len(data)
        return data

    def readline(self, size: int | None = -1) -> bytes:
        line = b""
        while not line.endswith(b"\n") and len(line) < 4096:
            piece = self.read(1)
            if not piece:
                break
            line += piece
        return line
