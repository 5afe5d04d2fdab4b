"""What engines look at: a model at a commit, put together from what ``cards`` knows of it."""

import json
from typing import Any

from sqlalchemy.orm import Session

from freehold.cards import inspecting, memory
from freehold.cards import reading as cards
from freehold.content import queries as content
from freehold.content.kit import Kit
from freehold.engines.rules import Model
from freehold.gitkit.objects import Objects
from freehold.repos.tables import Repo

#: Settings of a model that engines read, wherever in the repository they lie, by the end of their paths.
SETTINGS = (
    "config.json", "tokenizer_config.json", "generation_config.json", "preprocessor_config.json", "modules.json",
    "sentence_bert_config.json", "config_sentence_transformers.json", "adapter_config.json", "config.min.json",
)  # fmt: skip
MAX_SETTINGS, MAX_SETTINGS_BYTES = 40, 256 << 10


def model(db: Session, kit: Kit, repo: Repo, commit: str) -> Model:
    """``repo`` at ``commit``, as engines look at it. The caller has checked that it may be read.

    Raises :class:`~freehold.core.errors.Unavailable` while too many files are looked into at once.
    """
    gathered = inspecting.gather(db, kit, repo, commit)
    facts, read = inspecting.inspect(gathered)
    objects = content.objects(db, repo, kit)
    card = cards.read(objects, commit, repo.kind)
    files = dict(gathered.sources.files)
    return Model(
        repo=repo.path,
        revision=commit,
        files=files,
        facts={name: getattr(facts, name) for name in facts.__dataclass_fields__},
        loads=[memory.load_of(said) for said in facts.details.get("loads", ())],
        task=card.words.pipeline_tag,
        library=card.words.library_name,
        headers={one.path: parsed.told for one, parsed in read if not parsed.problem},
        settings={path: _settings(objects, commit, path) for path in _settings_paths(files)},
    )


def _settings_paths(files: dict[str, int]) -> list[str]:
    found = [path for path, size in files.items() if path.rpartition("/")[2] in SETTINGS and size <= MAX_SETTINGS_BYTES]
    return sorted(found, key=lambda path: (path.count("/"), path))[:MAX_SETTINGS]


def _settings(objects: Objects, commit: str, path: str) -> Any:
    """What a file of JSON says; None where it cannot be read."""
    entry = objects.entry(commit, path)
    if entry is None or entry.kind != "file" or entry.pointer is not None:
        return None
    try:
        return json.loads(objects.blob(entry.oid))
    except (ValueError, RecursionError):
        return None
