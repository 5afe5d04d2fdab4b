"""What a hub looks like in use: a few people's small but real repositories, threads and settings, told over its API.

For ``make screenshots`` and for the browser test that walks over every page. Everything is made here: nothing is
fetched. The people are the cast of the tests (``tests/fixtures/people.py``).
"""

import base64
import csv
import io
import json
import math
import struct
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

#: What addresses of the table of pages may name (``scripts/pages.py``): ``{commit}``, ``{webhook}``, ...
Found = dict[str, str]
Files = Mapping[str, str | bytes]


def fill(url: str, tokens: Mapping[str, str]) -> Found:
    """The hub at ``url`` holds the sample; ``tokens`` are write tokens of alice, bob, charlie and root, by name."""
    people = {
        name: httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60, trust_env=False)
        for name, token in tokens.items()
    }
    found: Found = {}
    try:
        _repositories(people, found)
        _threads(people, found)
        _marks(people, found)
        _settings(people, found)
        _served(people["alice"], found)
        _answers(people)
        _kept(people["alice"])
    finally:
        for client in people.values():
            client.close()
    return found


def _call(client: httpx.Client, method: str, path: str, body: Any = None, **options: Any) -> Any:
    answer = client.request(method, path, json=body, **options)
    assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
    return answer.json() if answer.headers.get("content-type", "").startswith("application/json") else None


# ---- repositories ------------------------------------------------------------------------------------------


def _repositories(people: Mapping[str, httpx.Client], found: Found) -> None:
    alice, bob = people["alice"], people["bob"]
    _repo(alice, "lab/river-tides", _tides())
    found["commit"] = _commit(
        alice, "models/lab/river-tides", {"README.md": TIDES_CARD + "\nMeasured again in spring.\n"}, "Measure again"
    )
    found["repo"] = _call(alice, "GET", "/api/models/lab/river-tides")["_id"]
    _repo(alice, "lab/river-tides-small", _small())
    _family(alice, bob)
    _repo(alice, "alice/letters-by-hand", {"README.md": "A first try, not for others.\n"}, private=True)
    _repo(alice, "lab/harbour-voices", {"README.md": VOICES_CARD, "model.safetensors": _safetensors(7, 5)})
    _call(alice, "PUT", "/api/models/lab/harbour-voices/settings", {"gated": "manual"})
    _repo(alice, "lab/harbour-logs", _logs(), kind="dataset")
    _repo(bob, "bob/weather-notes", _notes(), kind="dataset")
    _repo(bob, "bob/tide-table", _app(), kind="space", sdk="static")


def _family(alice: httpx.Client, bob: httpx.Client) -> None:
    """What came of the model of the tides: tuned, tuned again, adapted, made small, and merged."""
    tuned = {"base_model": "lab/river-tides", "license": "apache-2.0", "pipeline_tag": "text-classification"}
    _repo(bob, "bob/river-tides-nl", _made(tuned | {"language": "nl"}) | {"model.safetensors": _safetensors(64, 49)})
    _repo(bob, "bob/river-tides-lora", _made(tuned | {"base_model_relation": "adapter", "license": "cc-by-nc-4.0"}))
    for name, size in (("q8", 30), ("q4", 15)):
        _repo(
            bob,
            f"bob/river-tides-{name}",
            _made(tuned | {"base_model_relation": "quantized"}) | {"model.safetensors": _safetensors(size, 49)},
        )
    small = {"base_model": "bob/river-tides-nl", "base_model_relation": "quantized", "license": "apache-2.0"}
    _repo(alice, "lab/river-tides-nl-gguf", _made(small))
    both = {
        "base_model": ["bob/river-tides-nl", "far/sea-waves"],
        "license": "mit",
        "pipeline_tag": "text-classification",
    }
    _repo(bob, "bob/river-and-sea", _made(both))


def _made(card: Mapping[str, Any]) -> dict[str, str | bytes]:
    return {"README.md": f"---\n{json.dumps(card)}\n---\n# Made from another\n"}


def _repo(
    client: httpx.Client, path: str, files: Files, *, kind: str = "model", private: bool = False, sdk: str = ""
) -> None:
    namespace, name = path.split("/")
    wish = {"name": name, "organization": namespace, "type": kind, "private": private} | ({"sdk": sdk} if sdk else {})
    _call(client, "POST", "/api/repos/create", wish)
    _commit(client, f"{kind}s/{path}", files, "Add everything")


def _commit(client: httpx.Client, repo: str, files: Files, summary: str, *, pull: bool = False) -> str:
    """The id of the commit; with ``pull``, the number of the pull request it opened."""
    lines: list[dict[str, Any]] = [{"key": "header", "value": {"summary": summary, "description": ""}}]
    for path, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        value = {"path": path, "encoding": "base64", "content": base64.b64encode(data).decode()}
        lines.append({"key": "file", "value": value})
    answer = client.post(
        f"/api/{repo}/commit/main{'?create_pr=1' if pull else ''}",
        content="\n".join(json.dumps(line) for line in lines),
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert answer.is_success, f"{repo}: {answer.status_code} {answer.text[:300]}"
    told = answer.json()
    return str(told["pullRequestUrl"].rsplit("/", 1)[1] if pull else told["commitOid"])


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


def _card(heading: str, text: str, **front: str) -> str:
    return "".join(("---\n", *(f"{key}: {value}\n" for key, value in front.items()), f"---\n# {heading}\n\n{text}\n"))


def _tides() -> Files:
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
        "model.safetensors": _safetensors(64, 48),
        "map.png": _picture(320, 160),
        "train.py": PROGRAM,
        "docs/gauges.md": "# Gauges\n\nThree of them, one moved.\n",
        "notebooks/look.ipynb": json.dumps(NOTEBOOK),
    }


def _small() -> Files:
    front = {"license": "mit", "base_model": "lab/river-tides", "pipeline_tag": "text-classification"}
    card = _card("Smaller", "Half of it.", **front)
    return {"README.md": card, "model.safetensors": _safetensors(32, 24), "tides.gguf": _gguf()}


def _logs() -> Files:
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
    card = _card("Harbour logs", "Ten days, hour by hour.", license="cc-by-4.0", **facts)
    lines = "".join(json.dumps({"hour": hour, "said": "Calm.", "tags": ["log", hour]}) + "\n" for hour in range(40))
    return {"README.md": card, "data/train.csv": table.getvalue(), "data/remarks.jsonl": lines}


def _notes() -> Files:
    return {"README.md": "# Weather notes\n\nWritten on the back of tickets.\n", "notes.txt": "Fog until ten.\n" * 40}


def _app() -> Files:
    card = _card("Tide table", "Next week at a glance.", title="Tide table", sdk="static", license="mit")
    return {"README.md": card, "index.html": "<!doctype html><title>Tides</title><h1>Tides</h1>\n"}


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


def _safetensors(rows: int, columns: int) -> bytes:
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


def _gguf() -> bytes:
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


def _picture(width: int, height: int) -> bytes:
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


# ---- threads -----------------------------------------------------------------------------------------------


def _threads(people: Mapping[str, httpx.Client], found: Found) -> None:
    alice, bob, charlie = people["alice"], people["bob"], people["charlie"]
    at = "/api/models/lab/river-tides/discussions"
    question = {"title": "Does it know spring tides?", "description": "The table ends in March. **Is there more?**"}
    asked = _call(charlie, "POST", at, question | {"pullRequest": False})
    found["discussion"] = str(asked["num"])
    _call(alice, "POST", f"{at}/{found['discussion']}/comment", {"comment": "There will be: @bob reads the gauge."})
    changed = TIDES_CARD.replace("97.1", "97.4").replace("Open the gate, or do not.", "Open the gate if it says so.")
    found["pull"] = _commit(bob, "models/lab/river-tides", {"README.md": changed}, "Round less", pull=True)
    remark = {"path": "README.md", "line": 16, "side": "after", "text": "As measured in **spring**?"}
    verdict = {"state": "commented", "comment": "Where does 97.4 come from?", "remarks": [remark]}
    _call(alice, "POST", f"{at}/{found['pull']}/reviews", verdict)
    merged = _commit(bob, "models/lab/river-tides-small", {"NOTES.md": "Half the layers.\n"}, "Say how", pull=True)
    _call(alice, "POST", f"/api/models/lab/river-tides-small/discussions/{merged}/merge")


# ---- routes and pipelines ----------------------------------------------------------------------------------

PIPELINE = """title: Draft, look, polish
bounds: {seconds: 60, tokens: 2000}
steps:
  - {name: draft, kind: generate, model: lab/gauge-reader, prompt: "In three sentences: {{input}}"}
  - {name: sound, kind: check, check: {kind: refusal}, refuse: I cannot answer that.}
  - name: looks
    kind: join
    steps:
      - {name: mood, kind: classify, model: lab/harbour-clerk, of: draft, labels: [calm, angry]}
      - {name: short, kind: rewrite, model: lab/harbour-clerk, of: draft}
  - {name: final, kind: rewrite, model: lab/desk, when: steps.mood.label is angry, prompt: "{{steps.short.text}}"}
"""


def _answers(people: Mapping[str, httpx.Client]) -> None:
    alice = people["alice"]
    for name, visibility in (("gauge-reader", "public"), ("harbour-clerk", "public"), ("night-watch", "private")):
        there = {"url": "https://models.example/v1", "remoteModel": name, "visibility": visibility}
        _call(alice, "POST", "/api/endpoints", {"namespace": "lab", "name": name, **there})
    reader, clerk = {"name": "lab/gauge-reader", "timeout_s": 20}, {"name": "lab/harbour-clerk", "weight": 5}
    guards = [
        {"kind": "personal", "side": "output", "does": "mask", "kinds": ["mail", "phone"]},
        {"kind": "secrets", "side": "input", "does": "block"},
    ]
    policies = {
        "lab/desk": {"kind": "fallback", "targets": ["lab/night-watch", reader, "lab/harbour-clerk"], "guards": guards},
        "lab/trial": {"kind": "canary", "targets": [reader | {"weight": 95}, clerk]},
    }
    for name, policy in policies.items():
        route = {"name": name, "policy": policy, "description": "Who answers at the desk."}
        _call(alice, "POST", "/api/routes", route)
    _repo(alice, "lab/desk-steps", {"freehold-pipeline.yaml": PIPELINE, "README.md": "How the desk answers.\n"})
    _call(alice, "POST", "/api/pipelines", {"repo": "lab/desk-steps", "name": "lab/desk-review"})


# ---- likes, collections, settings --------------------------------------------------------------------------


def _marks(people: Mapping[str, httpx.Client], found: Found) -> None:
    for name in ("alice", "bob", "charlie"):
        _call(people[name], "POST", "/api/models/lab/river-tides/like")
    _call(people["charlie"], "POST", "/api/datasets/lab/harbour-logs/like")
    _call(people["bob"], "POST", "/api/users/alice/follow")
    wish = {"title": "Water levels", "namespace": "lab", "description": "All we have about them.", "private": False}
    made = _call(people["alice"], "POST", "/api/collections", wish)
    found["collection"] = made["slug"]
    for kind, path, note in (
        ("model", "lab/river-tides", "Start here."),
        ("dataset", "lab/harbour-logs", "What it learned from."),
        ("space", "bob/tide-table", ""),
    ):
        _call(
            people["alice"],
            "POST",
            f"/api/collections/{made['slug']}/items",
            {"item": {"type": kind, "id": path}, "note": note},
        )


def _served(alice: httpx.Client, found: Found) -> None:
    """A model that answers, small enough to be made now: what it says means nothing."""
    from scripts.tiny_models import language_model

    with tempfile.TemporaryDirectory() as folder:
        weights = language_model(Path(folder) / "talk.gguf").read_bytes()
    _repo(alice, "lab/tide-talk", {"README.md": _made({"license": "mit"})["README.md"], "talk.gguf": weights})
    wish = {"model": "lab/tide-talk", "context": 512, "defaults": {"temperature": 0.2}, "keepsContent": True}
    found["endpoint"] = _call(alice, "POST", "/api/endpoints", wish)["id"]
    asked = {"model": "lab/tide-talk", "messages": [{"role": "user", "content": "the river"}], "max_tokens": 8}
    line = {"custom_id": "first", "method": "POST", "url": "/v1/chat/completions", "body": asked}
    sent = alice.post("/v1/files", data={"purpose": "batch"}, files={"file": ("asked.jsonl", json.dumps(line))})
    sent.raise_for_status()
    batch = {"input_file_id": sent.json()["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    found["batch"] = _call(alice, "POST", "/v1/batches", batch)["id"]


def _kept(alice: httpx.Client) -> None:
    """A live call of the model that keeps what it is asked; by now it is loaded, for the batch."""
    asked = {"model": "lab/tide-talk", "messages": [{"role": "user", "content": "Is the gate shut?"}], "max_tokens": 8}
    _call(alice, "POST", "/v1/chat/completions", asked)


def _settings(people: Mapping[str, httpx.Client], found: Found) -> None:
    alice, charlie = people["alice"], people["charlie"]
    _call(alice, "PATCH", "/api/organizations/lab/settings", {"details": "Water, measured.", "takesRequests": True})
    _call(charlie, "POST", "/api/organizations/lab/join-requests", {"message": "I keep the lock."})
    _call(alice, "POST", "/api/organizations", {"name": "quay", "fullname": "The Quay"})
    _call(alice, "POST", "/api/organizations/quay/invitations", {"user": "charlie", "role": "read"})
    answers = {"Affiliation": "The lock", "I will not clone a voice": True}
    _call(charlie, "PUT", "/api/models/lab/harbour-voices/access-request", {"fields": answers})
    for machine in (
        {"name": "Rack 2", "kind": "gpu", "memoryGb": 24, "count": 2, "default": True},
        {"name": "Old workstation", "kind": "cpu", "memoryGb": 64, "keptGb": 20},
    ):
        _call(alice, "POST", "/api/organizations/lab/machines", machine)
    _call(alice, "POST", "/api/settings/machines", {"name": "Laptop", "kind": "cpu", "memoryGb": 16})
    for search in (
        {"name": "What I may sell", "query": "filter=license:apache-2.0", "mail": "daily"},
        {"name": "Fits on any of ours", "query": "fits=lab:fleet&commercial=yes"},
        {"name": "Logs of harbours", "kind": "dataset", "query": "search=harbour", "page": False},
    ):
        _call(alice, "POST", "/api/settings/searches", search)
    bob = _call(people["bob"], "GET", "/api/whoami-v2")["id"]
    bound = {"account": "lab", "subject": f"person:{bob}", "amount_micros": 25_000_000, "calls_per_minute": 60}
    _call(alice, "PUT", "/api/usage/bounds", bound)
    price = {"kind": "name", "name": "lab/river-tides", "input_price": 100_000, "output_price": 400_000}
    _call(people["root"], "PUT", "/api/usage/prices", price)
    hook = {"url": "https://hooks.example/tides", "watched": [{"type": "org", "name": "lab"}], "domains": ["repo"]}
    found["webhook"] = _call(alice, "POST", "/api/settings/webhooks", hook)["webhook"]["id"]
    found["terms"] = _call(alice, "GET", "/api/models/lab/harbour-voices/terms")[0]["sha256"]
