"""What happens to cards: they are checked before a commit and indexed after it. The only writer of ``cards.tables``."""

import json
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from freehold.cards import rules, tags
from freehold.cards.errors import BadCard
from freehold.cards.summary import first_words
from freehold.cards.tables import RepoCard, RepoTag
from freehold.gitkit.objects import Objects
from freehold.repos.tables import Repo

README = "README.md"
CONFIG = "config.json"
MAX_CARD_BYTES = 4 << 20
MAX_CONFIG_BYTES = 1 << 20
#: Names looked at for tags; a repository of more files shows what it is for long before.
MAX_FILES = 5_000


def refuse_bad(text: bytes, kind: str) -> None:
    """Raise :class:`BadCard` when a README may not be published in a repository of ``kind``."""
    checked = rules.validate(text[:MAX_CARD_BYTES].decode("utf-8", "replace"), kind)
    if checked.errors:
        raise BadCard(f"Invalid metadata in README.md.\n{rules.told(checked.errors, 'Error')}")


def index(db: Session, repo: Repo, objects: Objects, commit: str) -> RepoCard:
    """The index says what ``commit`` of ``repo`` says. A card that cannot be read (it came by git) counts as none."""
    checked = rules.validate(_card_text(objects, commit), repo.kind)
    config = _config(objects, commit) if repo.kind == "model" else {}
    found = tags.read(repo.kind, checked.data, checked.body, _file_names(objects, commit), config)
    row = db.get(RepoCard, repo.id)
    if row is None:
        row = RepoCard(repo_id=repo.id)
        db.add(row)
    row.commit = commit
    row.data, row.config = checked.data or None, config or None
    row.tags = list(found.tags)
    row.license, row.pipeline_tag, row.library_name = found.license, found.pipeline_tag, found.library_name
    row.summary = first_words(checked.body)
    db.execute(delete(RepoTag).where(RepoTag.repo_id == repo.id))
    db.flush()
    db.add_all(RepoTag(repo_id=repo.id, tag=tag) for tag in found.tags)
    db.flush()
    return row


def forget(db: Session, repo_id: str) -> None:
    """The index knows nothing of a repository whose ``main`` is gone."""
    db.execute(delete(RepoTag).where(RepoTag.repo_id == repo_id))
    db.execute(delete(RepoCard).where(RepoCard.repo_id == repo_id))


def _card_text(objects: Objects, commit: str) -> str:
    return _small_file(objects, commit, README, MAX_CARD_BYTES).decode("utf-8", "replace")


def _config(objects: Objects, commit: str) -> dict[str, Any]:
    """What ``config.json`` says of the model's kind; empty when there is none that can be read."""
    try:
        read = json.loads(_small_file(objects, commit, CONFIG, MAX_CONFIG_BYTES) or b"{}")
    except (ValueError, RecursionError):
        return {}
    return config_facts(read) if isinstance(read, dict) else {}


def config_facts(config: dict[str, Any]) -> dict[str, Any]:
    """The few keys of a model's configuration that clients and pages read, where they have the shape they should."""
    facts: dict[str, Any] = {}
    architectures = [name[:200] for name in rules.words(config.get("architectures"))][:10]
    if architectures:
        facts["architectures"] = architectures
    model_type = config.get("model_type")
    if isinstance(model_type, str) and model_type and "\x00" not in model_type:
        facts["model_type"] = model_type[:200]
    for key in ("max_position_embeddings", "n_positions", "max_seq_len"):
        value = config.get(key)
        if type(value) is int and 0 < value < 10**9:
            facts["max_position_embeddings"] = value
            break
    quantization = config.get("quantization_config")
    if isinstance(quantization, dict) and isinstance(quantization.get("quant_method"), str):
        facts["quantization_config"] = {"quant_method": quantization["quant_method"][:40]}
    return facts


def _small_file(objects: Objects, commit: str, path: str, limit_bytes: int) -> bytes:
    """A file of the root that git holds whole; empty when absent, large or a pointer."""
    entry = objects.entry(commit, path)
    if entry is None or entry.kind != "file" or entry.pointer is not None or entry.size_bytes > limit_bytes:
        return b""
    return objects.blob(entry.oid)


def _file_names(objects: Objects, commit: str) -> list[str]:
    names: list[str] = []
    for entry in objects.walk(commit):
        if entry.kind == "file":
            names.append(entry.path)
            if len(names) >= MAX_FILES:
                break
    return names
