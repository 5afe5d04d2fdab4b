"""Embeddings of sentences as sentence-transformers makes them: an encoder, a pooling, and what its modules say besides.

Source: sentence-transformers, models/Pooling.py, models/Normalize.py, models/Dense.py.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from freehold.engines.programs.reading import STEP, Batch, Reader, in_pieces
from freehold.engines.programs.serving import Abilities, Asked, Refused, Told, Vectors

BATCH = 16
Pooling = str  #: "mean", "cls", "max" or "last"


@dataclass(frozen=True)
class Making:
    """How vectors of tokens become one of a text, and whether its length is made one."""

    pooling: Pooling
    is_normal: bool


def abilities(reader: Reader, encode: Callable[[Batch], Any], making: Making) -> Abilities:
    """``encode``: (texts, tokens, width) of a batch, or (texts, width) where the model pools by itself. A text that is
    longer than the model reads is cut, or refused where it is to be read whole."""

    def embed(texts: Sequence[str], is_whole: bool = False, is_normal: bool = making.is_normal) -> Vectors:
        import numpy as np

        rows: list[Any] = [None] * len(texts)
        tokens = 0
        for places in in_pieces(texts, BATCH):
            left = iter(places)
            names = ["the text" if len(texts) == 1 else f"input[{at}]" for at in places] if is_whole else None
            for batch in reader.read([texts[at] for at in places], whole=names).parts(STEP):
                tokens += batch.tokens
                found = encode(batch)
                pooled = found if found.ndim == 2 else pool(found, batch.mask, making.pooling)
                if is_normal:
                    pooled = pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-12)
                for row, at in zip(pooled, left, strict=False):
                    rows[at] = row
        return Vectors(np.array(rows, np.float32), tokens)

    def features(asked: Asked) -> Told:
        texts, is_list = asked.texts()
        is_normal = making.is_normal or bool(asked.parameters.get("normalize"))
        found = embed(texts, asked.parameters.get("truncate") is False, is_normal)
        return Told(found.rows.tolist() if is_list else found.rows[0].tolist(), found.tokens)

    def similarity(asked: Asked) -> Told:
        given = asked.inputs if isinstance(asked.inputs, Mapping) else {}
        source, others = given.get("source_sentence"), given.get("sentences")
        if not isinstance(source, str) or not isinstance(others, list):
            raise Refused("'inputs' has 'source_sentence', a text, and 'sentences', a list of texts.")
        found = embed([source, *Asked(others).texts()[0]], is_normal=True)
        return Told((found.rows[1:] @ found.rows[0]).tolist(), found.tokens)

    return Abilities(embed=embed, tasks={"feature-extraction": features, "sentence-similarity": similarity})


def pool(found: Any, mask: Any, pooling: Pooling) -> Any:
    """One vector for each text out of those of its tokens; ``mask`` says which count."""
    import numpy as np

    if pooling == "cls":
        return found[:, 0]
    if pooling == "last":
        return found[np.arange(len(found)), mask.shape[1] - 1 - mask[:, ::-1].argmax(1)]
    weight = mask[..., None].astype(found.dtype)
    if pooling == "max":
        return np.where(weight > 0, found, -np.inf).max(1)
    return (found * weight).sum(1) / np.maximum(weight.sum(1), 1e-9)
