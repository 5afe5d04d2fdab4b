"""The packets that git speaks in: a length of four hex digits, then so many bytes less four.

Source: gitprotocol-common(5), pkt-line format; gitprotocol-pack(5), side bands and reports.
"""

from collections.abc import Iterator

MAX_LINE_BYTES = 65_516
FLUSH, DELIMITER = b"0000", b"0001"
#: Side bands: 1 carries what was asked for, 2 words for the user, 3 the last word before everything ends.
ANSWER, WORDS = 1, 2
KEEP_ALIVE = b"0005\x02"


class BadPacket(Exception):
    """What came is not of packets."""


def line(data: bytes) -> bytes:
    """``data`` as one packet."""
    assert len(data) <= MAX_LINE_BYTES, "a packet longer than git reads"
    return b"%04x" % (len(data) + 4) + data


def banded(band: int, data: bytes) -> Iterator[bytes]:
    """``data`` on a side band, in as many packets as it takes."""
    for at in range(0, len(data), MAX_LINE_BYTES - 1):
        yield line(bytes([band]) + data[at : at + MAX_LINE_BYTES - 1])


def said(text: str) -> bytes:
    """``text`` for the user, who sees each line after ``remote:``. Nothing in it can move a terminal's cursor."""
    plain = "\n".join("".join(char if char.isprintable() else "?" for char in row) for row in text.split("\n"))
    return b"".join(banded(WORDS, plain.encode("utf-8", "replace") + b"\n"))


class Packets:
    """Reads packets out of bytes that arrive in pieces."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, piece: bytes | memoryview) -> None:
        self._held += piece

    def next(self) -> bytes | None:
        """The next packet's data, ``FLUSH`` for the packet that ends a part, None until there is a whole one.

        Raises :class:`BadPacket`.
        """
        if len(self._held) < 4:
            return None
        try:
            size = int(bytes(self._held[:4]), 16) if self._held[:4].isalnum() else -1
        except ValueError:
            size = -1
        if size == 0:
            del self._held[:4]
            return FLUSH
        if size < 4 or size > MAX_LINE_BYTES + 4:
            raise BadPacket(f"{bytes(self._held[:4])!r} is no length of a packet")
        if len(self._held) < size:
            return None
        data = bytes(self._held[4:size])
        del self._held[:size]
        return data

    def rest(self) -> bytes:
        """What comes after the packets; nothing is held any more."""
        held, self._held = bytes(self._held), bytearray()
        return held
