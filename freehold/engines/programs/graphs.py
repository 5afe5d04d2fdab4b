"""Graphs in ONNX, ready to be run, and why one cannot be loaded."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from freehold.engines.programs import lifeline, patience, serving
from freehold.engines.programs.reading import Batch
from freehold.engines.programs.serving import Abilities


class Unfit(Exception):
    """The files are not what the model needs; why, without a full stop."""


def loaded(options: Mapping[str, Any], make: Callable[[Mapping[str, Any]], Abilities]) -> Abilities:
    """What ``make`` makes of the files; where it cannot, the process says why and ends."""
    try:
        import numpy  # noqa: F401
        import onnxruntime
        import PIL  # noqa: F401
        import tokenizers  # noqa: F401
    except ImportError as err:
        lifeline.refuse(
            "not_installed", f"ONNX Runtime is not installed on this node: install freehold[serve] ({err})."
        )
    try:
        return make(options)
    except Unfit as err:
        lifeline.refuse("bad_model", f"It cannot be loaded: {err}.")
    except MemoryError:
        lifeline.refuse("out_of_memory", "ONNX Runtime got no memory for it.")
    except Exception as err:  # what the libraries raise has no class of their own in common
        told = str(err).replace(f"{options['folder']}/", "").strip().rstrip(".")[:300]
        code = "out_of_memory" if "bad_alloc" in told or "llocate memory" in told else "bad_model"
        lifeline.refuse(code, f"ONNX Runtime {onnxruntime.__version__} cannot load it: {told}.")


class Graph:
    """A model's file, ready to be run. ``is_steady``: no text is so long that its step takes more than another's."""

    def __init__(self, options: Mapping[str, Any], name: str, *, is_steady: bool = False) -> None:
        import onnxruntime

        given = onnxruntime.SessionOptions()
        given.intra_op_num_threads = options["threads"]
        given.inter_op_num_threads = 1
        given.enable_cpu_mem_arena = is_steady  # it keeps what the longest text took, for ever
        given.log_severity_level = 3
        # Threads that wait by spinning take the processor from the other engines of a node.
        given.add_session_config_entry("session.intra_op.allow_spinning", "0")
        path = os.path.join(options["folder"], options["files"][name])
        self.session = onnxruntime.InferenceSession(path, given, providers=["CPUExecutionProvider"])
        self.inputs = {one.name: one for one in self.session.get_inputs()}
        self.outputs = [one.name for one in self.session.get_outputs()]

    def run(self, given: Mapping[str, Any], wanted: Sequence[str], tokens: int = 0) -> list[Any]:
        """What it makes of ``given``; ``tokens`` of a text are counted as read, also where nobody waits any more."""
        with patience.step():
            found: list[Any] = self.session.run(list(wanted), dict(given))
        serving.has_read(tokens)
        return found

    def read(self, batch: Batch, wanted: Sequence[str]) -> list[Any]:
        """As :meth:`run`, of texts: whatever of them it takes."""
        told = {"input_ids": batch.ids, "attention_mask": batch.mask, "token_type_ids": batch.types}
        given = {name: told[name].astype(whole(self.inputs[name].type)) for name in self.inputs}
        return self.run(given, wanted, batch.tokens)


def whole(name: str) -> Any:
    """The numbers without fractions that a graph calls ``name``."""
    import numpy as np

    return np.int32 if name == "tensor(int32)" else np.int64


def softmax(values: Any) -> Any:
    found = exp(values - values.max(-1, keepdims=True))
    return found / found.sum(-1, keepdims=True)


def exp(values: Any) -> Any:
    import numpy as np

    return np.exp(np.clip(values, -80, 80))
