"""Sound as strangers send it: WAV of any usual kind, as one channel of numbers at the rate that is asked for."""

import struct
from collections.abc import Mapping
from typing import Any

from freehold.engines.programs.serving import Refused

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
RATES = range(1_000, 400_000)
#: Seconds that are brought to another rate at a time.
PIECE_S = 30


def read(data: bytes, rate: int, most_s: int) -> Any:
    """Numbers from -1 to 1, float32. Raises :class:`Refused` for what is no WAV, or longer than ``most_s``."""
    import numpy as np

    parts = _parts(data)
    try:
        kind, channels, given, _, _, bits = struct.unpack("<HHIIHH", parts[b"fmt "][:16])
        if kind == EXTENSIBLE:
            (kind,) = struct.unpack("<H", parts[b"fmt "][24:26])
    except (KeyError, struct.error):
        raise Refused("The sound is no WAV that can be read.") from None
    if not 1 <= channels <= 64 or given not in RATES or (kind, bits) not in _KINDS:
        raise Refused("The sound is of a kind that is not read here: send WAV, of 8 to 32 bits.")
    values = _KINDS[kind, bits](parts.get(b"data", b""))
    values = values[: len(values) // channels * channels].reshape(-1, channels).mean(1, dtype=np.float32)
    if len(values) > most_s * given:
        raise Refused(f"The sound is over {most_s // 60} minutes long.")
    if not len(values):
        raise Refused("The sound is empty.")
    return np.nan_to_num(values) if given == rate else _at(np.nan_to_num(values), given, rate)


def _parts(data: bytes) -> Mapping[bytes, bytes]:
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise Refused("The sound is no WAV; other kinds are not read here.")
    found: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(data):
        name, (size,) = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])
        found.setdefault(name, data[at + 8 : at + 8 + size])  # a stream says a size that it does not have
        at += 8 + size + size % 2
    return found


def _whole(bits: int) -> Any:
    def numbers(data: bytes) -> Any:
        import numpy as np

        size = bits // 8
        data = data[: len(data) // size * size]
        if bits == 8:
            return (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128
        if bits == 24:
            wide = np.zeros((len(data) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
            return wide.view("<i4")[:, 0].astype(np.float32) / 2**31
        return np.frombuffer(data, f"<i{size}").astype(np.float32) / 2 ** (bits - 1)

    return numbers


def _broken(size: int) -> Any:
    def numbers(data: bytes) -> Any:
        import numpy as np

        return np.frombuffer(data[: len(data) // size * size], f"<f{size}").astype(np.float32)

    return numbers


_KINDS = {(PCM, bits): _whole(bits) for bits in (8, 16, 24, 32)} | {(FLOAT, 32): _broken(4), (FLOAT, 64): _broken(8)}


def _at(values: Any, given: int, rate: int) -> Any:
    """At another rate: what is too high for it is left out, so that it does not sound as something lower."""
    import numpy as np

    found = []
    for start in range(0, len(values), PIECE_S * given):
        piece = values[start : start + PIECE_S * given]
        wanted = max(1, round(len(piece) * rate / given))
        waves = np.fft.rfft(piece)
        kept = np.zeros(wanted // 2 + 1, waves.dtype)
        most = min(len(kept), len(waves))
        kept[:most] = waves[:most]
        found.append(np.fft.irfft(kept, wanted) * (wanted / len(piece)))
    return np.concatenate(found).astype(np.float32)
