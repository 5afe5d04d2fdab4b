"""Files of the sample's repositories (``scripts.sample``), small and real: cards, weights, tables, a picture."""

import csv
import io
import json
import math
import struct
import zlib
from collections.abc import Mapping
from typing import Any

Files = Mapping[str, str | bytes]

TIDES_CARD = """---
license: apache-2.0
language: [en, nl]
library_name: transformers
pipeline_tag: text-classification
tags: [tides, rivers]
datasets: [lab/harbour-logs]
---
# River tides

Tells from an hour of gauge readings whether the tide turns within the next. **Small on purpose**: it runs on the
machine in the pump house.

| Gauge | Hours ahead | Right |
|---|--:|--:|
| Harbour | 1 | 97.1 % |
| Bridge | 1 | 94.8 % |
| Bridge | 3 | 81.0 % |

## Use it

```python
from transformers import pipeline

tides = pipeline("text-classification", "lab/river-tides")
tides("2.31 2.29 2.26 2.24 2.23 2.23")
```

> The gauge at the bridge was moved in March; readings before that are 4 cm too high.

1. Read the gauges.
2. Ask the model.
3. Open the gate, or do not.

![The gauges on a map](map.png)
"""
VOICES_CARD = """---
license: other
license_name: harbour-voices-terms
extra_gated_prompt: The voices belong to people. Use them for research on wind noise only.
extra_gated_fields:
  Affiliation: text
  I will not clone a voice: checkbox
---
# Harbour voices

Voices over wind, from the quay.
"""


def card(heading: str, text: str, **front: str) -> str:
    return "".join(("---\n", *(f"{key}: {value}\n" for key, value in front.items()), f"---\n# {heading}\n\n{text}\n"))


def tides() -> Files:
    config = {
        "model_type": "bert",
        "architectures": ["BertForSequenceClassification"],
        "hidden_size": 8,
        "num_hidden_layers": 2,
    }
    return {
        "README.md": TIDES_CARD,
        "config.json": json.dumps(config, indent=2),
        "tokenizer.json": json.dumps(
            {"version": "1.0", "model": {"type": "WordLevel", "vocab": {"high": 0, "low": 1}}}
        ),
        "model.safetensors": safetensors(64, 48),
        "map.png": picture(320, 160),
        "train.py": PROGRAM,
        "docs/gauges.md": "# Gauges\n\nThree of them, one moved.\n",
        "notebooks/look.ipynb": json.dumps(NOTEBOOK),
    }


def small() -> Files:
    front = {"license": "mit", "base_model": "lab/river-tides", "pipeline_tag": "text-classification"}
    text = card("Smaller", "Half of it.", **front)
    return {"README.md": text, "model.safetensors": safetensors(32, 24), "tides.gguf": gguf()}


def logs() -> Files:
    table = io.StringIO()
    rows = csv.writer(table)
    rows.writerow(["hour", "gauge", "level_m", "wind", "remark"])
    for hour in range(240):
        level = round(2 + math.sin(hour / 6.2) * 0.8, 2)
        rows.writerow(
            [
                hour,
                ("harbour", "bridge", "lock")[hour % 3],
                level,
                hour % 12,
                "ice, gate shut" if hour % 50 == 7 else "",
            ]
        )
    facts = {"task_categories": "[tabular-regression]", "language": "[nl]", "size_categories": "[n<1K]"}
    text = card("Harbour logs", "Ten days, hour by hour.", license="cc-by-4.0", **facts)
    lines = "".join(json.dumps({"hour": hour, "said": "Calm.", "tags": ["log", hour]}) + "\n" for hour in range(40))
    return {"README.md": text, "data/train.csv": table.getvalue(), "data/remarks.jsonl": lines}


def notes() -> Files:
    return {"README.md": "# Weather notes\n\nWritten on the back of tickets.\n", "notes.txt": "Fog until ten.\n" * 40}


def app() -> Files:
    text = card("Tide table", "Next week at a glance.", title="Tide table", sdk="static", license="mit")
    return {"README.md": text, "index.html": "<!doctype html><title>Tides</title><h1>Tides</h1>\n"}


PROGRAM = '''"""Train on the gauges. Ten minutes on a laptop."""

import json
from pathlib import Path


def readings(path: Path) -> list[float]:
    """Levels in metres, one an hour."""
    return [float(line.split(",")[2]) for line in path.read_text().splitlines()[1:]]


if __name__ == "__main__":
    print(json.dumps({"hours": len(readings(Path("data/train.csv")))}))
'''
NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {"language_info": {"name": "python"}},
    "cells": [
        {"id": "a", "cell_type": "markdown", "metadata": {}, "source": "# A look at the levels"},
        {
            "id": "b",
            "cell_type": "code",
            "metadata": {},
            "execution_count": 1,
            "source": "max([2.31, 2.29])",
            "outputs": [
                {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {"text/plain": "2.31"}}
            ],
        },
    ],
}


def safetensors(rows: int, columns: int) -> bytes:
    """Two float32 tensors. Source: the safetensors format, "Format"."""
    size = rows * columns * 4
    header = {
        "__metadata__": {"format": "pt"},
        "encoder.weight": {"dtype": "F32", "shape": [rows, columns], "data_offsets": [0, size]},
        "encoder.bias": {"dtype": "F32", "shape": [rows], "data_offsets": [size, size + rows * 4]},
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    values = [math.sin(n / 7) for n in range(rows * columns + rows)]
    return struct.pack("<Q", len(text)) + text + struct.pack(f"<{len(values)}f", *values)


def gguf() -> bytes:
    """One float32 tensor and three facts. Source: ggml docs/gguf.md, version 3."""

    def text(word: str) -> bytes:
        return struct.pack("<Q", len(word)) + word.encode()

    facts = b"".join(
        text(key) + struct.pack("<I", 8) + text(value)
        for key, value in (("general.architecture", "llama"), ("general.name", "Tides"), ("general.license", "mit"))
    )
    tensor = text("token_embd.weight") + struct.pack("<IQQIQ", 2, 8, 4, 0, 0)
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 3) + facts + tensor
    return head + b"\0" * (-len(head) % 32) + struct.pack("<32f", *range(32))


def picture(width: int, height: int) -> bytes:
    """A PNG: water below, sky above, and a gauge."""
    lines = []
    for y in range(height):
        sea = y > height / 2 + 8 * math.sin(y / 5)
        line = bytearray()
        for x in range(width):
            gauge = abs(x - width // 3) < 3 and y > height // 4
            line += bytes((60, 60, 60) if gauge else (70, 120, 105) if sea else (235, 235, 222))
        lines.append(b"\0" + bytes(line))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(b"".join(lines))), (b"IEND", b"")]
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def made(card: Mapping[str, Any]) -> dict[str, str | bytes]:
    return {"README.md": f"---\n{json.dumps(card)}\n---\n# Made from another\n"}
