"""Text by a model in ONNX that keeps what it read (``past_key_values``, as optimum and transformers.js publish them).

Options: ``folder``, ``files`` (``model``: the graph's path in it), ``threads``, ``context_tokens`` for each of
``parallel`` calls, ``alias``. Everything else its own files say: tokenizer.json, its settings, its chat template.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from freehold.engines.programs import graphs, lifeline, patience, serving, talking, templating
from freehold.engines.programs.graphs import Graph, Unfit
from freehold.engines.programs.reading import settings
from freehold.engines.programs.serving import Abilities, Call
from freehold.engines.programs.talking import Writer
from freehold.engines.programs.templating import Template

PAST, PRESENT = "past_key_values.", "present."
#: Tokens of a prompt that are read at a time: scores of a whole one would take gigabytes. As ``cards.memory`` counts.
STEP = 128
MAX_TEMPLATE_BYTES, MAX_VOCABULARY = 1 << 20, 4_000_000
#: Names of tokens that templates use.
NAMED = ("bos_token", "eos_token", "pad_token", "unk_token")


def main() -> None:
    options = lifeline.begin()
    serving.serve(options, graphs.loaded(options, abilities))


def abilities(options: Mapping[str, Any]) -> Abilities:
    return Abilities(talk=talking.doors(Writer(Decoder(options), _template(options["folder"]))))


@dataclass(frozen=True)
class Kept:
    """What the graph gave to be given back, of so many tokens."""

    tokens: int
    values: Mapping[str, Any]


class Decoder:
    """One graph, by which one token after another is written (``writing.Reader``)."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        import tokenizers

        self._graph = graph = Graph(options, "model", is_steady=True)
        folder = options["folder"]
        self.tokenizer = tokenizers.Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.context_tokens = int(options["context_tokens"])
        self.ends = frozenset(_ends(folder, self.tokenizer))
        self._past = [name for name in graph.inputs if name.startswith(PAST)]
        self._wanted = ["logits", *(PRESENT + name.removeprefix(PAST) for name in self._past)]
        if missing := set(self._wanted) - set(graph.outputs):
            raise Unfit(f"its graph gives no {sorted(missing)[0][:100]}")
        self._empty = Kept(0, {name: self._nothing(name) for name in self._past})
        # A graph of two branches has one that reads from the beginning, and one that may read a single token.
        self.step = self.context_tokens if "use_cache_branch" in graph.inputs else STEP
        self._try()

    def read(self, tokens: Sequence[int], kept: Kept | None, call: Call) -> tuple[Any, Kept]:
        import numpy as np

        kept = kept or self._empty
        scores, *values = self._run(tokens, kept, call)
        found = scores.numpy()[0, -1].astype(np.float32)
        return found, Kept(kept.tokens + len(tokens), dict(zip(self._past, values, strict=True)))

    def _run(self, tokens: Sequence[int], kept: Kept, call: Call) -> list[Any]:
        import numpy as np
        import onnxruntime

        whole = kept.tokens + len(tokens)
        told = {
            "input_ids": np.array([tokens]),
            "attention_mask": np.ones((1, whole)),
            "position_ids": np.arange(kept.tokens, whole)[None],
            "num_logits_to_keep": np.array(1).reshape([1] * len(self._shape("num_logits_to_keep"))),
            "use_cache_branch": np.array([kept.tokens > 0]),
        }
        given = dict(kept.values)
        for name in self._graph.inputs:
            if name not in given:
                kind = np.bool_ if name == "use_cache_branch" else graphs.whole(self._graph.inputs[name].type)
                given[name] = onnxruntime.OrtValue.ortvalue_from_numpy(told[name].astype(kind))
        if call.handle is None:
            call.handle = onnxruntime.RunOptions()
            call.stop = lambda: setattr(call.handle, "terminate", True)
        try:
            with patience.step():
                found: list[Any] = self._graph.session.run_with_ort_values(self._wanted, given, call.handle)
        except Exception:
            call.check()  # it was ended because nobody waits for it
            raise
        return found

    def _shape(self, name: str) -> Sequence[Any]:
        return self._graph.inputs[name].shape if name in self._graph.inputs else ()

    def _nothing(self, name: str) -> Any:
        import numpy as np
        import onnxruntime

        port = self._graph.inputs[name]
        kinds = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
        if len(port.shape) != 4 or not all(isinstance(port.shape[at], int) for at in (1, 3)) or port.type not in kinds:
            raise Unfit(f"what it keeps as {name[:100]} is of a form that this program does not know")
        empty = np.zeros((1, port.shape[1], 0, port.shape[3]), kinds[port.type])
        return onnxruntime.OrtValue.ortvalue_from_numpy(empty)

    def _try(self) -> None:
        """One token, then another, to see that it keeps what it says it keeps. Raises :class:`Unfit`."""
        call = Call()
        words = self.tokenizer.get_vocab_size()
        kept: Kept | None = None
        for tokens in (1, 2):
            scores, kept = self.read([0], kept, call)
            lengths = {one.shape()[2] for one in kept.values.values() if len(one.shape()) == 4}
            if lengths != {tokens} or not 1 < len(scores) <= MAX_VOCABULARY:
                raise Unfit("what its graph gives does not grow by one token for each that it reads")
        if words > len(scores):
            raise Unfit(f"its tokenizer has {words:,} tokens, and its graph {len(scores):,}")


def _ends(folder: str, tokenizer: Any) -> Iterator[int]:
    """Tokens by which an answer is at its end, wherever the files say so."""
    for file in ("generation_config.json", "config.json"):
        said = settings(folder, file).get("eos_token_id")
        yield from (one for one in (said if isinstance(said, list) else [said]) if isinstance(one, int))
    named = _word(settings(folder, "tokenizer_config.json").get("eos_token"))
    number = tokenizer.token_to_id(named) if named else None
    if number is not None:
        yield number


def _word(said: Any) -> str | None:
    """A token's text, as settings have it: by itself, or with what else is known of it."""
    found = said.get("content") if isinstance(said, Mapping) else said
    return found if isinstance(found, str) else None


def _template(folder: str) -> Template | None:
    said = settings(folder, "tokenizer_config.json")
    source = _source(folder, said.get("chat_template"))
    if source is None:
        return None
    given = {name: word for name in NAMED if (word := _word(said.get(name))) is not None}
    try:
        return Template(source, given)
    except templating.Unreadable as err:
        raise Unfit(f"its chat template cannot be read: {err}") from err


def _source(folder: str, said: Any) -> str | None:
    """A file of its own counts, else what the tokenizer's settings say; of several the one for all occasions."""
    try:
        with open(os.path.join(folder, "chat_template.jinja"), encoding="utf-8", errors="replace") as file:
            return file.read(MAX_TEMPLATE_BYTES)
    except OSError:
        pass
    if isinstance(said, list):
        named = {str(one.get("name")): one.get("template") for one in said if isinstance(one, dict)}
        said = named.get("default")
    return said if isinstance(said, str) and 0 < len(said) <= MAX_TEMPLATE_BYTES else None


if __name__ == "__main__":
    main()
