"""Encoders of the BERT kind from safetensors, computed with numpy: embeddings of sentences without torch.

Options: ``folder``, ``weights`` (paths in it), ``pooling``, ``is_normal``, ``max_tokens``, ``alias``, ``parallel``.
Source: transformers, models/bert/modeling_bert.py.
"""

import json
import math
import os
import struct
from collections.abc import Callable, Mapping
from typing import Any

from freehold.engines.programs import lifeline, reading, sentences, serving
from freehold.engines.programs.reading import Batch, Reader

MAX_HEADER_BYTES = 16 << 20
#: Names that people save these weights under, before those of the model itself.
PREFIXES = ("", "bert.", "0.auto_model.", "model.", "encoder.")


class Unfit(Exception):
    """The files are not what an encoder needs; why, without a full stop."""


def main() -> None:
    options = lifeline.begin()
    try:
        import numpy  # noqa: F401
        import tokenizers  # noqa: F401
    except ImportError as err:
        lifeline.refuse("not_installed", f"The encoder is not installed on this node: install freehold[serve] ({err}).")
    folder = options["folder"]
    try:
        encoder = Encoder(tensors(folder, options["weights"]), reading.settings(folder, "config.json"))
        reader = Reader(folder, min(options["max_tokens"], encoder.positions))
    except Unfit as err:
        lifeline.refuse("bad_model", f"It cannot be loaded: {err}.")
    except MemoryError:
        lifeline.refuse("out_of_memory", "There was no memory for its weights.")
    except Exception as err:  # what the tokenizer's library raises has no class of its own
        lifeline.refuse("bad_model", f"Its tokenizer cannot be loaded: {str(err)[:200]}.")
    making = sentences.Making(options["pooling"], options["is_normal"])
    serving.serve(options, sentences.abilities(reader, encoder.encode, making))


class Encoder:
    """BERT's layers: ``encode`` gives a vector of each token."""

    def __init__(self, found: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        self._weights = _named(found)
        self._heads = _count(config, "num_attention_heads")
        self._layers = _count(config, "num_hidden_layers")
        self._epsilon = float(config.get("layer_norm_eps") or 1e-12)
        self._activate = _activation(str(config.get("hidden_act") or "gelu"))
        if config.get("position_embedding_type") not in (None, "absolute"):
            raise Unfit(
                f"its positions are {str(config['position_embedding_type'])[:40]!r}; only absolute ones are known"
            )
        self.positions = int(self._take("embeddings.position_embeddings.weight").shape[0])
        self._check()

    def encode(self, batch: Batch) -> Any:
        """(texts, tokens, width), float32."""
        import numpy as np

        ids = batch.ids
        words = self._take("embeddings.word_embeddings.weight")
        if ids.max(initial=0) >= len(words):
            raise serving.Refused("The tokenizer knows words that the weights do not.")
        found = words[ids] + self._take("embeddings.position_embeddings.weight")[: ids.shape[1]]
        if "embeddings.token_type_embeddings.weight" in self._weights:
            found = found + self._take("embeddings.token_type_embeddings.weight")[batch.types]
        found = self._normal(found, "embeddings.LayerNorm")
        # What is filled up is seen by nobody.
        hidden = np.where(batch.mask[:, None, None, :] > 0, np.float32(0), np.float32(-1e9))
        for layer in range(self._layers):
            found = self._layer(found, hidden, f"encoder.layer.{layer}.")
        serving.has_read(batch.tokens)
        return found

    def _layer(self, found: Any, hidden: Any, name: str) -> Any:
        seen = self._linear(self._attended(found, hidden, f"{name}attention.self."), f"{name}attention.output.dense")
        found = self._normal(found + seen, f"{name}attention.output.LayerNorm")
        inner = self._activate(self._linear(found, f"{name}intermediate.dense"))
        return self._normal(found + self._linear(inner, f"{name}output.dense"), f"{name}output.LayerNorm")

    def _attended(self, found: Any, hidden: Any, name: str) -> Any:
        import numpy as np

        texts, tokens, width = found.shape
        shape = (texts, tokens, self._heads, width // self._heads)
        query, key, value = (
            self._linear(found, name + part).reshape(shape).transpose(0, 2, 1, 3) for part in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(2, 3) / np.float32(math.sqrt(shape[3])) + hidden
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        return (scores @ value).transpose(0, 2, 1, 3).reshape(texts, tokens, width)

    def _linear(self, found: Any, name: str) -> Any:
        return found @ self._take(f"{name}.weight").T + self._take(f"{name}.bias")

    def _normal(self, found: Any, name: str) -> Any:
        import numpy as np

        centred = found - found.mean(-1, keepdims=True)
        spread = np.sqrt((centred * centred).mean(-1, keepdims=True) + np.float32(self._epsilon))
        return centred / spread * self._take(f"{name}.weight") + self._take(f"{name}.bias")

    def _take(self, name: str) -> Any:
        try:
            return self._weights[name]
        except KeyError:
            raise Unfit(f"its weights have no {name}") from None

    def _check(self) -> None:
        """One short text: whatever has another shape than it should shows here, not in somebody's call."""
        import numpy as np

        one = np.zeros((1, 2), np.int64)
        width = int(self._take("embeddings.word_embeddings.weight").shape[-1])
        if width % self._heads:
            raise Unfit(f"its width of {width:,} cannot be shared by {self._heads:,} heads")
        try:
            found = self.encode(Batch(one, one + 1, one, 2))
        except (ValueError, IndexError, TypeError) as err:
            raise Unfit(f"its weights do not fit together ({str(err)[:200]})") from err
        if found.shape != (1, 2, width) or not np.isfinite(found).all():
            raise Unfit("its weights give no numbers")


def tensors(folder: str, paths: list[str]) -> dict[str, Any]:
    """The weights of safetensors files as 32-bit numbers. Raises :class:`Unfit`. Source: the safetensors format."""
    found: dict[str, Any] = {}
    for path in paths:
        with open(os.path.join(folder, path), "rb") as file:
            data = file.read()
        found |= _parsed(data)
    return found


def _parsed(data: bytes) -> dict[str, Any]:
    import numpy as np

    types: dict[str, Any] = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": np.uint16}
    try:
        (length,) = struct.unpack("<Q", data[:8])
        if length > min(MAX_HEADER_BYTES, len(data)):
            raise Unfit("the header of its weights claims more than the file holds")
        header = json.loads(data[8 : 8 + length])
        found = {}
        for name, said in header.items():
            if name == "__metadata__" or said["dtype"] not in types:
                continue
            start, end = said["data_offsets"]
            values = np.frombuffer(data[8 + length + start : 8 + length + end], types[said["dtype"]])
            if said["dtype"] == "BF16":
                values = (values.astype(np.uint32) << 16).view(np.float32)
            found[name] = values.astype(np.float32).reshape(said["shape"])
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as err:
        raise Unfit(f"its weights cannot be read ({str(err)[:200]})") from err
    return found


def _named(found: Mapping[str, Any]) -> dict[str, Any]:
    """By the names that BERT has, whatever stands before them; ``gamma`` and ``beta`` are old names."""
    for prefix in PREFIXES:
        if f"{prefix}embeddings.word_embeddings.weight" in found:
            mine = {name[len(prefix) :]: value for name, value in found.items() if name.startswith(prefix)}
            return {
                name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias"): value
                for name, value in mine.items()
            }
    raise Unfit("its weights are not those of an encoder of the BERT kind")


def _count(config: Mapping[str, Any], name: str) -> int:
    value = config.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= 1_000:
        raise Unfit(f"its config.json says no {name}")
    return value


def _activation(name: str) -> Callable[[Any], Any]:
    import numpy as np

    def gelu(x: Any) -> Any:
        return x * np.float32(0.5) * (1 + _erf(x * np.float32(1 / math.sqrt(2))))

    def gelu_new(x: Any) -> Any:
        return (
            x * np.float32(0.5) * (1 + np.tanh(np.float32(math.sqrt(2 / math.pi)) * (x + np.float32(0.044715) * x**3)))
        )

    known = {
        "gelu": gelu,
        "gelu_new": gelu_new,
        "relu": lambda x: np.maximum(x, 0),
        "silu": lambda x: x / (1 + np.exp(-x)),
    }
    if name not in known:
        raise Unfit(f"it computes with {name[:40]!r}, which is not known")
    return known[name]


def _erf(x: Any) -> Any:
    """Within 1.5e-7. Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26."""
    import numpy as np

    a = [np.float32(one) for one in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)]
    size = np.abs(x)
    t = 1 / (1 + np.float32(0.3275911) * size)
    series = a[0]
    for one in a[1:]:
        series = series * t + one
    return np.sign(x) * (1 - series * t * np.exp(-size * size))


if __name__ == "__main__":
    main()
