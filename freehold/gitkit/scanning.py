"""What a pack says of its own objects, looked at while it arrives: bombs are found before anything unpacks them whole.

Every entry names the size it unpacks to, and a delta names the size it makes; both are held to a bound, alone and all
together. Whether the pack is sound is for ``index-pack`` to say. Source: gitformat-pack(5), pack-*.pack files.
"""

import zlib

COMMIT, TREE, BLOB, TAG, BY_OFFSET, BY_ID = 1, 2, 3, 4, 6, 7
#: A blob of this size is still named when it is refused as too large for git; a bigger one stands for itself.
MAX_BLOB_BYTES = 1 << 30
#: Commits, trees and tags are read whole: a tree of a million names has some 40 MB. What a delta makes is, too.
MAX_OTHER_BYTES = 64 << 20
MAX_MADE_BYTES = 256 << 20
#: All objects together: so much for any pack, and so many times its size. A long history of wide folders is deltas of
#: the same few trees, four hundred times its pack when it is made whole; text packs to a fifth.
FREE_BYTES, TIMES = 1 << 30, 64
FREE_MADE_BYTES, MADE_TIMES = 8 << 30, 1000
FIRST_STEP_BYTES, LAST_STEP_BYTES = 1 << 10, 128 << 10
MAX_HEADER_BYTES = 64


class BadPack(Exception):
    """The words are for whoever pushed."""


class PackScan:
    """Fed a pack piece by piece. Raises :class:`BadPack` at the first entry that breaks a bound."""

    def __init__(self) -> None:
        self._held = b""
        self._seen = self._whole = self._made = 0
        self._left: int | None = None  # entries to come; None before the head of the pack
        self._inflate: zlib._Decompress | None = None
        self._step = 0
        self._announced = self._unpacked = 0
        self._delta: bytearray | None = None  # the beginning of a delta, which names its size

    def feed(self, piece: memoryview) -> None:
        self._seen += len(piece)
        data = memoryview(self._held + bytes(piece)) if self._held else piece
        at, self._held = 0, b""
        while at < len(data):
            if self._inflate is not None:
                at = self._unpack(data, at)
                continue
            if self._left == 0:  # the checksum, and whatever is wrong behind it
                return
            taken = self._head(data, at) if self._left is None else self._entry(data, at)
            if not taken:
                self._held = bytes(data[at:])
                return
            at += taken

    def _head(self, data: memoryview, at: int) -> int:
        if len(data) - at < 12:
            return 0
        head = bytes(data[at : at + 12])
        if head[:8] not in (b"PACK\0\0\0\x02", b"PACK\0\0\0\x03"):
            raise BadPack("what was sent is no pack")
        self._left = int.from_bytes(head[8:])
        return 12

    def _entry(self, data: memoryview, start: int) -> int:
        """The bytes of one entry's header; 0 when it is not all there."""
        header = bytes(data[start : start + MAX_HEADER_BYTES])
        try:
            at, kind, size = 1, header[0] >> 4 & 7, header[0] & 15
            shift = 4
            while header[at - 1] & 0x80:
                size |= (header[at] & 0x7F) << shift
                shift, at = shift + 7, at + 1
                if shift > 63:
                    raise BadPack("an object has a size past all bounds")
            if kind == BY_ID:
                at += 20
            elif kind == BY_OFFSET:
                at += 1
                while header[at - 1] & 0x80:
                    at += 1
        except IndexError as err:
            if len(header) == MAX_HEADER_BYTES:
                raise BadPack("an object's header has no end") from err
            return 0
        if at > len(header):
            return 0
        self._begin(kind, size)
        return at

    def _begin(self, kind: int, size: int) -> None:
        limit = MAX_BLOB_BYTES if kind == BLOB else MAX_OTHER_BYTES
        if size > limit:
            raise BadPack(_too_large(size) if kind == BLOB else f"a {_name(kind)} of {size:,} bytes")
        self._whole += size
        if self._whole > FREE_BYTES + TIMES * self._seen:
            raise BadPack(f"the pack unpacks to more than {TIMES} times its size")
        self._announced, self._unpacked = size, 0
        self._inflate, self._step = zlib.decompressobj(), FIRST_STEP_BYTES
        self._delta = bytearray() if kind in (BY_OFFSET, BY_ID) else None

    def _unpack(self, data: memoryview, at: int) -> int:
        """Some of an entry's bytes are unpacked and dropped; where it goes on."""
        inflate = self._inflate
        assert inflate is not None, "between entries"
        step = data[at : at + self._step]
        self._step = min(2 * self._step, LAST_STEP_BYTES)
        rest: bytes | memoryview = step
        while True:
            try:
                plain = inflate.decompress(rest, LAST_STEP_BYTES)
            except zlib.error as err:
                raise BadPack("an object of the pack is broken") from err
            self._unpacked += len(plain)
            if self._unpacked > self._announced:
                raise BadPack("an object unpacks to more than it says")
            if self._delta is not None:
                self._read_delta(plain)
            rest = inflate.unconsumed_tail
            if inflate.eof or (not rest and len(plain) < LAST_STEP_BYTES):
                break
        if not inflate.eof:
            return at + len(step)
        if self._unpacked != self._announced:
            raise BadPack("an object unpacks to less than it says")
        self._inflate, self._left = None, (self._left or 0) - 1
        return at + len(step) - len(inflate.unused_data)

    def _read_delta(self, plain: bytes) -> None:
        assert self._delta is not None
        self._delta += plain[:MAX_HEADER_BYTES]
        sizes = _delta_sizes(self._delta)
        if sizes is None:
            return
        self._delta, made = None, sizes[1]
        self._made += made
        if made > MAX_MADE_BYTES:
            raise BadPack(_too_large(made))
        if self._made > FREE_MADE_BYTES + MADE_TIMES * self._seen:
            raise BadPack(f"the deltas of the pack make more than {MADE_TIMES} times its size")


def _delta_sizes(head: bytes | bytearray) -> tuple[int, int] | None:
    """The sizes of a delta's base and of what it makes; None when ``head`` does not hold both."""
    sizes, size, shift = [], 0, 0
    for byte in head:
        size |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            sizes.append(size)
            if len(sizes) == 2:
                return sizes[0], sizes[1]
            size = shift = 0
    return None


def _name(kind: int) -> str:
    return {COMMIT: "commit", TREE: "tree", TAG: "tag"}.get(kind, "delta")


def _too_large(size: int) -> str:
    return f"a file of {size:,} bytes: keep large files with git-lfs (git lfs migrate import --above=10MB)"
