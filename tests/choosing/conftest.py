"""Models to choose from."""

import json
import struct

from tests.discover.conftest import Publish, publish

__all__ = ["Publish", "publish"]


def card(**words: object) -> dict[str, str | bytes | tuple[str, int]]:
    """A repository of nothing but a card that says so."""
    return {"README.md": f"---\n{json.dumps(words)}\n---\n# A title\n"}


def tensors(values: int) -> bytes:
    """A safetensors file with so many numbers of two bytes."""
    header = json.dumps({"a": {"dtype": "BF16", "shape": [values], "data_offsets": [0, 2 * values]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(2 * values)


def scored(value: object, *, dataset: str = "lab/bench", task: str = "main") -> str:
    """A file of ``.eval_results/``."""
    return json.dumps([{"dataset": {"id": dataset, "task_id": task}, "value": value}])
