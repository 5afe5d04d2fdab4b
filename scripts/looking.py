"""Files as engines look at them: what ``engines.queries.model`` makes of a repository, without one."""

import json
from pathlib import Path
from typing import Any

from freehold.cards import facts, memory
from freehold.cards.facts import FileTold, Sources
from freehold.cards.headers import digest, gguf, onnx, safetensors
from freehold.engines.queries import SETTINGS
from freehold.engines.rules import Model

PARSERS: dict[str, Any] = {"gguf": gguf.parse, "safetensors": safetensors.parse, "onnx": onnx.parse}


def model_of(*paths: Path, folder: Path | None = None, task: str | None = None) -> Model:
    """A model of these files, or of all in ``folder``."""
    root = folder or paths[0].parent
    found = [*paths] if folder is None else sorted(path for path in folder.rglob("*") if path.is_file())
    files = {str(path.relative_to(root)): path.stat().st_size for path in found}
    headers = [_told(root, name) for name in files if name.rpartition(".")[2] in PARSERS]
    settings = {name: json.loads((root / name).read_bytes()) for name in files if name.rpartition("/")[2] in SETTINGS}
    chosen = [one.path for one in headers][:1]
    config = (root / "config.json").read_text() if "config.json" in files else ""
    made = facts.of(Sources("model", list(files.items()), headers, chosen, config))
    return Model(
        repo="alice/model",
        revision="0" * 40,
        files=files,
        facts={name: getattr(made, name) for name in made.__dataclass_fields__},
        loads=[memory.load_of(said) for said in made.details.get("loads", ())],
        task=task,
        library=None,
        headers={one.path: one.told for one in headers},
        settings=settings,
    )


def _told(root: Path, name: str) -> FileTold:
    form = name.rpartition(".")[2]
    path = root / name
    with path.open("rb") as file:

        def read(start: int, end: int) -> bytes:
            file.seek(start)
            return file.read(end - start)

        return FileTold(name, form, digest.summary(form, PARSERS[form](read, path.stat().st_size)))
