"""Speech to text by Whisper's two graphs, half a minute at a time, the likeliest word each time.

Source: openai/whisper, audio.py, decoding.py; transformers, models/whisper.
"""

from collections.abc import Iterator
from typing import Any

from freehold.engines.programs import sound
from freehold.engines.programs.reading import settings
from freehold.engines.programs.serving import Refused, has_written

RATE, PIECE_S = 16_000, 30
WINDOW, HOP, FRAMES = 400, 160, 3_000
MAX_S = 3 * 3_600
MAX_TOKENS, MAX_TONES = 224, 512


class Whisper:
    def __init__(self, folder: str, encode: Any, decode: Any) -> None:
        import tokenizers

        self._encode, self._decode = encode, decode
        self._words = tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")
        self._said = settings(folder, "generation_config.json")
        config = settings(folder, "config.json")
        tones = config.get("num_mel_bins") or 80
        if not isinstance(tones, int) or not 0 < tones <= MAX_TONES:
            raise ValueError(f"it hears up to {MAX_TONES} tones, and not {str(tones)[:20]}")
        self._filters = filters(tones)
        self._start = self._number("<|startoftranscript|>")
        self._end = self._number("<|endoftext|>")
        languages = self._said.get("lang_to_id")
        self._languages = {str(name): int(at) for name, at in languages.items()} if isinstance(languages, dict) else {}
        self._never = [one for one in self._said.get("suppress_tokens") or () if isinstance(one, int)]
        self._not_first = [one for one in self._said.get("begin_suppress_tokens") or () if isinstance(one, int)]
        self._kept = [name for name in decode.inputs if name.startswith("past_key_values.")]

    def text(self, data: bytes, language: str = "") -> str:
        """What is said. ``language``: as "en"; without it, what the first half minute sounds like. Raises Refused."""
        sound.check(data, MAX_S)
        told = ""
        known = self._languages.get(f"<|{language.lower()}|>") if language else None
        if language and known is None:
            raise Refused(f"'language' is one of {', '.join(sorted(one.strip('<|>') for one in self._languages))}.")
        for heard in sound.pieces(data, RATE, MAX_S, PIECE_S):
            found = self._features(heard)
            if known is None and self._languages:
                known = self._language(found)
            told += self._words.decode([*self._spoken(found, known)])
        return told.strip()

    def _features(self, heard: Any) -> Any:
        (found,) = self._encode.run(
            {next(iter(self._encode.inputs)): spectrum(heard, self._filters)}, self._encode.outputs[:1]
        )
        return found

    def _language(self, found: Any) -> int:
        scores, _ = self._step([self._start], found, None)
        return max(self._languages.values(), key=lambda one: scores[one])

    def _spoken(self, found: Any, language: int | None) -> Iterator[int]:
        import numpy as np

        given = [self._start]
        if language is not None:
            given += [language, self._number("<|transcribe|>")]
        given.append(self._number("<|notimestamps|>"))
        past = None
        for at in range(MAX_TOKENS):
            scores, past = self._step(given, found, past)
            scores[[one for one in self._never if one < len(scores)]] = -np.inf
            scores[self._start :] = -np.inf  # marks of time and of languages
            if at == 0:
                scores[self._not_first] = -np.inf
            token = int(scores.argmax())
            has_written(1)
            if token == self._end:
                return
            yield token
            given = [token]

    def _step(self, tokens: list[int], found: Any, past: dict[str, Any] | None) -> tuple[Any, dict[str, Any]]:
        """Scores of the next token, and what is kept for the one after."""
        import numpy as np

        given = {"input_ids": np.array([tokens], np.int64), "encoder_hidden_states": found}
        for name in self._kept:
            _, heads, _, width = self._decode.inputs[name].shape
            given[name] = past[name] if past else np.zeros((1, heads, 0, width), np.float32)
        if "use_cache_branch" in self._decode.inputs:
            given["use_cache_branch"] = np.array([past is not None])
        wanted = ["logits", *(name.replace("past_key_values", "present") for name in self._kept)]
        scores, *kept = self._decode.run(given, wanted)
        told = dict(zip(self._kept, kept, strict=True))
        if past:  # what was heard does not change, and this branch does not give it again
            told |= {name: past[name] for name in self._kept if ".encoder." in name}
        return scores[0, -1].astype(np.float64), told

    def _number(self, token: str) -> int:
        found = self._words.token_to_id(token)
        if found is None:
            raise ValueError(f"its tokenizer has no {token}")
        return int(found)


def spectrum(heard: Any, by: Any) -> Any:
    """Half a minute as Whisper hears it: (1, tones, 3000), float32."""
    import numpy as np

    whole = np.zeros(RATE * PIECE_S, np.float32)
    whole[: len(heard)] = heard
    padded = np.pad(whole, WINDOW // 2, mode="reflect")
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:FRAMES] * window
    power = np.abs(np.fft.rfft(frames, axis=1)).astype(np.float32) ** 2
    found = np.log10(np.maximum(by @ power.T, 1e-10))
    found = (np.maximum(found, found.max() - 8) + 4) / 4
    return found[None].astype(np.float32)


def filters(number: int) -> Any:
    """Triangles over tones that are as far apart as we hear them. Source: librosa, filters.mel (Slaney)."""
    import numpy as np

    def tone(heard: Any) -> Any:
        slow = heard * 200 / 3
        return np.where(heard >= 15, 1_000 * np.exp(np.log(6.4) / 27 * (heard - 15)), slow)

    top = 15 + np.log(RATE / 2 / 1_000) / (np.log(6.4) / 27)
    tones = tone(np.linspace(0, top, number + 2))
    every = np.fft.rfftfreq(WINDOW, 1 / RATE)
    rise = (every - tones[:-2, None]) / np.diff(tones)[:-1, None]
    fall = (tones[2:, None] - every) / np.diff(tones)[1:, None]
    found = np.maximum(0, np.minimum(rise, fall)) * (2 / (tones[2:] - tones[:-2]))[:, None]
    return found.astype(np.float32)
