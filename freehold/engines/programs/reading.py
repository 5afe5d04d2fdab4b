"""Texts as numbers of tokens, by the model's own tokenizer; longer ones are cut where the model's settings say."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from freehold.engines.programs import patience
from freehold.engines.programs.serving import Refused

#: Tokens of several texts that are read at a time, which offers count on (engines/sentences.py): more at a time is no
#: faster on a processor, and takes as much more memory.
STEP = 1_024
#: As ``inference.refusals`` knows it.
TOO_LONG = "text_too_long"
MAX_CHARS, MAX_SETTINGS_CHARS = 1_000_000, 16 << 20


@dataclass(frozen=True)
class Batch:
    """Texts side by side, the shorter ones filled up: (texts, tokens) each, int64; and tokens that are no filling."""

    ids: Any
    mask: Any
    types: Any
    tokens: int
    offsets: Sequence[Any] = ()

    def parts(self, most: int) -> Iterator["Batch"]:
        """The same texts in the same order, so many at a time that they are no more than ``most`` tokens with what
        fills them up: what a step takes in memory follows from it. One text is a part, however long."""
        start = 0
        widths = [int(one) for one in self.mask.sum(1)]
        while start < len(widths):
            end = start + 1
            while end < len(widths) and (end + 1 - start) * max(widths[start : end + 1]) <= most:
                end += 1
            # What fills up stands at the end of a text; where a tokenizer has it elsewhere nothing is cut.
            is_at_end = bool(self.mask[start:end, 0].all())
            wide = max(1, *widths[start:end]) if is_at_end else self.mask.shape[1]
            yield Batch(
                ids=self.ids[start:end, :wide],
                mask=self.mask[start:end, :wide],
                types=self.types[start:end, :wide],
                tokens=sum(widths[start:end]),
                offsets=self.offsets[start:end],
            )
            start = end


class Reader:
    """The tokenizer of a model in ``folder``. ``most``: tokens of a text, with those that mark its ends."""

    def __init__(self, folder: str, most: int, path: str = "tokenizer.json") -> None:
        import tokenizers

        self._tokenizer = tokenizers.Tokenizer.from_file(os.path.join(folder, path))
        self._tokenizer.enable_truncation(most)
        self.most = most
        said = settings(folder, "tokenizer_config.json")
        pad = said.get("pad_token")
        name = pad.get("content") if isinstance(pad, dict) else pad
        number = self._tokenizer.token_to_id(name) if isinstance(name, str) else None
        self._pad = (number or 0, name if number is not None else "[PAD]")
        self._tokenizer.enable_padding(pad_id=self._pad[0], pad_token=self._pad[1])

    @property
    def inner(self) -> Any:
        return self._tokenizer

    def read(
        self, texts: Sequence[str], seconds: Sequence[str] | None = None, *, whole: Sequence[str] | None = None
    ) -> Batch:
        """As one batch. ``seconds``: what each text is read together with, as in ranking. ``whole``: what each is
        called where none may be cut. Raises :class:`Refused`."""
        import numpy as np

        if any(len(one) > MAX_CHARS for one in (*texts, *(seconds or ()))):
            raise Refused(f"A text is over {MAX_CHARS:,} characters.")
        given = texts if seconds is None else list(zip(texts, seconds, strict=True))
        with patience.step():
            found = self._tokenizer.encode_batch([*given])
        for name, one in zip(whole or (), found, strict=False):
            if one.overflowing:
                raise self._too_long(name, one)
        mask = np.array([one.attention_mask for one in found], np.int64)
        return Batch(
            ids=np.array([one.ids for one in found], np.int64),
            mask=mask,
            types=np.array([one.type_ids for one in found], np.int64),
            tokens=int(mask.sum()),
            offsets=[one.offsets for one in found],
        )

    def _too_long(self, name: str, cut: Any) -> Refused:
        """``cut`` is the beginning of a text, with the pieces that were cut off; each has its ends marked."""
        inner = sum(one.special_tokens_mask.count(0) for one in (cut, *cut.overflowing))
        count = inner + sum(cut.attention_mask) - cut.special_tokens_mask.count(0)
        words = f"This model's maximum context length is {self.most} tokens, and {name} is {count} tokens. "
        words += 'Shorten it, or send "truncate": true to have its beginning read.'
        return Refused(words, kind=TOO_LONG, param="input", n_prompt_tokens=count, n_ctx=self.most)


def settings(folder: str, path: str) -> dict[str, Any]:
    """What a small JSON file says; empty where there is none that can be read."""
    try:
        with open(os.path.join(folder, path), encoding="utf-8") as file:
            said = json.loads(file.read(MAX_SETTINGS_CHARS))
    except (OSError, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {"": said}


def in_pieces(texts: Sequence[str], size: int) -> list[list[int]]:
    """Places of texts in batches of like length, so that little is filled up: longest first."""
    order = sorted(range(len(texts)), key=lambda at: -len(texts[at]))
    return [order[at : at + size] for at in range(0, len(order), size)]
