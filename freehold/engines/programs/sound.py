"""Sound as strangers send it (WAV, FLAC, MP3, Ogg Vorbis), as one channel of numbers at the rate that is asked for."""

from typing import Any

from freehold.engines.programs.serving import Refused

#: What is decoded at a time: a few kilobytes can claim to be hours of silence.
STEP_S = 30


def read(data: bytes, rate: int, most_s: int) -> Any:
    """Numbers from -1 to 1, float32. Raises :class:`Refused` for what is no sound, or longer than ``most_s``."""
    import miniaudio
    import numpy as np

    found, total = [], 0
    try:
        pieces = miniaudio.stream_memory(
            data, miniaudio.SampleFormat.FLOAT32, nchannels=1, sample_rate=rate, frames_to_read=STEP_S * rate
        )
        for piece in pieces:
            found.append(np.array(piece, np.float32))
            total += len(piece)
            if total > most_s * rate:
                raise Refused(f"The sound is over {most_s // 60} minutes long.")
    except miniaudio.MiniaudioError:
        raise Refused("The sound cannot be read: send WAV, FLAC, MP3 or Ogg Vorbis.") from None
    if not total:
        raise Refused("The sound is empty.")
    return np.clip(np.nan_to_num(np.concatenate(found)), -1, 1)
