"""Pictures that people send, as bytes that are safe to keep and to show again. Pure, and without a native parser.

A PNG or JPEG is taken apart and put together again from the parts that draw, nothing else: no text, no place where
the photograph was taken, no second file hidden behind the first. Pixels are not decoded beyond what proves that there
are as many as the head says, so that no picture takes more memory in a browser than its size promises.
Source: ISO/IEC 15948 (PNG) 5 and 11, ITU-T T.81 (JPEG) annex B.
"""

import struct
import zlib

from freehold.core.errors import BadRequest

MAX_BYTES = 512 << 10
MAX_SIDE = 1024
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
#: Start of frame: baseline, extended and progressive. Others (lossless, arithmetic) no browser shows.
_JPEG_FRAMES = (0xC0, 0xC1, 0xC2)
#: Tables, frame, scan, restart interval; and the marker that says how colours are kept (Adobe).
_JPEG_DRAWS = (0xC4, 0xDB, 0xDD, 0xDA, 0xEE, *_JPEG_FRAMES)


def cleaned(picture: bytes) -> tuple[str, bytes]:
    """The media type, and the same picture freed of all that is not picture; raises :class:`BadRequest`."""
    if len(picture) > MAX_BYTES:
        raise BadRequest(f"A picture has at most {MAX_BYTES >> 10} KiB.")
    try:
        if picture.startswith(_PNG):
            return "image/png", _clean_png(picture)
        if picture.startswith(b"\xff\xd8\xff"):
            return "image/jpeg", _clean_jpeg(picture)
    except (struct.error, zlib.error, IndexError) as err:
        raise BadRequest("The picture is damaged: it cannot be read to its end.") from err
    raise BadRequest("A picture is a PNG or a JPEG file.")


def _clean_png(picture: bytes) -> bytes:
    head, palette, alpha, packed = b"", b"", b"", []
    at = len(_PNG)
    while True:
        size, kind = struct.unpack_from(">I4s", picture, at)
        body = picture[at + 8 : at + 8 + size]
        (check,) = struct.unpack_from(">I", picture, at + 8 + size)
        if check != zlib.crc32(kind + body):
            raise BadRequest("The picture is damaged: a checksum does not fit.")
        if kind == b"IHDR":
            head = body
        elif kind == b"PLTE":
            palette = body
        elif kind == b"tRNS":
            alpha = body
        elif kind == b"IDAT":
            packed.append(body)
        elif kind == b"IEND":
            break
        elif not kind[0] & 0x20:  # a critical part that is not known here
            raise BadRequest("The picture has parts that are not known here. Save it anew as PNG.")
        at += 12 + size
    rows = _png_rows(head, b"".join(packed))
    parts = [(b"IHDR", head), (b"PLTE", palette), (b"tRNS", alpha), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    return _PNG + b"".join(_chunk(kind, body) for kind, body in parts if body or kind == b"IEND")


def _png_rows(head: bytes, packed: bytes) -> bytes:
    """The filtered rows, exactly as many bytes as the head promises."""
    width, height, depth, colour, compression, filtering, interlaced = struct.unpack(">IIBBBBB", head)
    _check_size(width, height)
    if colour not in _PNG_CHANNELS or depth not in (1, 2, 4, 8, 16) or compression or filtering or interlaced:
        raise BadRequest("The picture is of a rare kind. Save it anew as PNG, not interlaced.")
    row_bytes = 1 + (width * depth * _PNG_CHANNELS[colour] + 7) // 8
    unpacking = zlib.decompressobj()
    rows = unpacking.decompress(packed, row_bytes * height + 1)
    if len(rows) != row_bytes * height or any(rows[at] > 4 for at in range(0, len(rows), row_bytes)):
        raise BadRequest("The picture is damaged: it holds more or less than its head says.")
    return rows


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _clean_jpeg(picture: bytes) -> bytes:
    kept = [b"\xff\xd8"]
    at, is_sized, has_scan = 2, False, False
    while True:
        while picture[at] == 0xFF and picture[at + 1] == 0xFF:  # fill bytes
            at += 1
        if picture[at] != 0xFF:
            raise BadRequest("The picture is damaged: a marker is missing.")
        marker = picture[at + 1]
        if marker == 0xD9:
            break
        (size,) = struct.unpack_from(">H", picture, at + 2)
        end = at + 2 + size
        if size < 2 or end > len(picture):
            raise BadRequest("The picture is damaged: a part goes past the end.")
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", picture, at + 5)
            _check_size(width, height)
            is_sized = True
        if marker in _JPEG_DRAWS:
            kept.append(picture[at:end])
        elif not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            raise BadRequest("The picture is of a rare kind. Save it anew as JPEG.")
        at = end
        if marker == 0xDA:
            has_scan = True
            at = _end_of_scan(picture, at)
            kept.append(picture[end:at])
    if not (is_sized and has_scan):
        raise BadRequest("The picture is damaged: there is nothing in it to show.")
    return b"".join((*kept, b"\xff\xd9"))


def _end_of_scan(picture: bytes, at: int) -> int:
    """Where the compressed data ends: at the next marker that is neither a stuffed byte nor a restart."""
    while True:
        at = picture.find(b"\xff", at)
        if at < 0:
            raise BadRequest("The picture is damaged: it has no end.")
        following = picture[at + 1]
        if following != 0 and not 0xD0 <= following <= 0xD7:
            return at
        at += 2


def _check_size(width: int, height: int) -> None:
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise BadRequest(f"A picture has at most {MAX_SIDE} pixels a side; this one has {width} by {height}.")
