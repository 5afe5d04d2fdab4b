"""Pictures: what draws is kept, everything else is not; nothing that is no picture passes."""

import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.accounts.pictures import MAX_BYTES, cleaned
from freehold.core.errors import BadRequest

pytestmark = pytest.mark.rules
PNG = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int = 2, height: int = 2, rows: bytes | None = None, more: bytes = b"", after: bytes = b"") -> bytes:
    rows = (b"\0" + b"\x10\x20\x30" * width) * height if rows is None else rows
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + more + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return PNG + body + after


def part(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def jpeg(width: int = 2, height: int = 2, more: bytes = b"", after: bytes = b"") -> bytes:
    frame = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00"
    scan = part(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"\x12\xff\x00\x34\xff\xd0\x56"
    return b"\xff\xd8" + more + part(0xDB, b"\0" * 65) + part(0xC0, frame) + scan + b"\xff\xd9" + after


def test_only_the_picture_is_kept() -> None:
    where = chunk(b"tEXt", b"Comment\0taken at home") + chunk(b"eXIf", b"GPS 52.5 13.4")
    kind, clean = cleaned(png(more=where, after=b"PK\x03\x04 a zip behind it"))
    assert (kind, clean) == ("image/png", cleaned(png())[1])
    assert b"home" not in clean
    kind, clean = cleaned(jpeg(more=part(0xE1, b"Exif\0\0GPS 52.5") + part(0xFE, b"taken at home"), after=b"<script>"))
    assert (kind, clean) == ("image/jpeg", jpeg())


@pytest.mark.parametrize(
    "picture",
    [
        b"",
        b"GIF89a",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        PNG,
        PNG + b"\0" * 40,
        png(1025, 1),
        png(0, 0),
        png(rows=b""),
        png(rows=b"\0" * 1_000_000),  # more than its head says
        png(rows=(b"\x09" + b"\0" * 6) * 2),
        png()[:-20],
        png(more=chunk(b"QQQQ", b"critical and unknown")),
        jpeg(5000, 2),
        jpeg()[:-2],
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xe0\xff\xff",
        b"\xff\xd8\xff" + b"\xff" * 1000,
        jpeg(more=part(0xC3, b"lossless")),
        b"\x89PNG\r\n\x1a\n" + b"\0" * MAX_BYTES,
    ],
)
def test_what_is_no_picture_is_refused(picture: bytes) -> None:
    with pytest.raises(BadRequest):
        cleaned(picture)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 200), st.sampled_from([png(), jpeg()]))
def test_damage_is_refused_or_harmless(noise: bytes, at: int, picture: bytes) -> None:
    damaged = picture[:at] + noise + picture[at + len(noise) :]
    try:
        kind, clean = cleaned(damaged)
    except BadRequest:
        return
    assert kind in ("image/png", "image/jpeg")
    assert cleaned(clean) == (kind, clean), "clean stays clean"
