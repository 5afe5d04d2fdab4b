"""Sound as strangers send it (WAV, FLAC, MP3, Ogg Vorbis), as one channel of numbers at the rate that is asked for."""

from collections.abc import Iterator
from typing import Any

from freehold.engines.programs.serving import Refused

#: What is decoded at a time: a few kilobytes can claim to be hours of silence.
STEP_S = 30
COUNTING_RATE = 8_000


def read(data: bytes, rate: int, most_s: int) -> Any:
    """Numbers from -1 to 1, float32. Raises :class:`Refused` for what is no sound, or longer than ``most_s``."""
    import numpy as np

    return np.concatenate(list(pieces(data, rate, most_s, STEP_S)))


def check(data: bytes, most_s: int) -> None:
    """Raises :class:`Refused` as :func:`read` does, before anything is done with a sound that is heard in pieces."""
    for _ in pieces(data, COUNTING_RATE, most_s, STEP_S):
        pass


def pieces(data: bytes, rate: int, most_s: int, piece_s: int) -> Iterator[Any]:
    """As :func:`read`, so many seconds at a time, the last as long as it is: hours are never in memory as a whole."""
    import miniaudio
    import numpy as np

    held, total, whole = np.zeros(0, np.float32), 0, piece_s * rate
    try:
        heard = miniaudio.stream_memory(
            data, miniaudio.SampleFormat.FLOAT32, nchannels=1, sample_rate=rate, frames_to_read=STEP_S * rate
        )
        for frames in heard:
            total += len(frames)
            if total > most_s * rate:
                raise Refused(f"The sound is over {most_s // 60} minutes long.")
            held = np.concatenate([held, np.clip(np.nan_to_num(np.array(frames, np.float32)), -1, 1)])
            while len(held) > whole:
                yield held[:whole]
                held = held[whole:]
    except miniaudio.MiniaudioError:
        raise Refused("The sound cannot be read: send WAV, FLAC, MP3 or Ogg Vorbis.") from None
    if not total:
        raise Refused("The sound is empty.")
    yield held
