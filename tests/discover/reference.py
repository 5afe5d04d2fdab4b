"""What lists must answer, the slow and plain way: one look at each row in turn. Nothing here is discover's code.

The words are those of protocol/hub-api.md 4, and of the house for its own parameters: whoever changes what a list
answers says it here too.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from freehold.core.database import Database
from tests.fixtures.people import Person

Given = Mapping[str, Any]
#: A tag of a data set is found by its bare word too, behind each of these.
IMPLIED = ("language", "task_categories", "license", "format")
GGUF_APPS = ("llama.cpp", "ollama", "lmstudio", "jan", "gpt4all", "llamafile")
#: Bytes that a model may need on machines of these names (docs/fit.md).
ROOMS = {"cpu-8": 6_000_000_000, "cpu-64": 56_000_000_000, "gpu-24": 20_850_000_000}
SORTED_BY = {
    "created_at": "created_at",
    "createdAt": "created_at",
    "last_modified": "updated_at",
    "lastModified": "updated_at",
    "trending_score": "trend",
    "trendingScore": "trend",
    "downloads": "downloads",
    "likes": "likes",
    "size": "size_bytes",
    "num_parameters": "parameters",
    "context_length": "context_length",
}
PAGE = 100
#: Questions of the hub's own that words answer, and what a row says of each.
WORDS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "commercial": lambda row: row["answer"],
    "dtype": lambda row: row["dtype"],
    "quantisation": lambda row: row["quantisations"],
    "publisher": lambda row: row["publisher"],
    "evaluated": lambda row: "yes" if row["results"] else "no",
    "pickles": lambda row: "yes" if row["has_pickle"] else "no" if row["formats"] else None,
    "gated": lambda row: "true" if row["gated"] else "false",
}
#: And those that numbers or days answer.
NUMBERS = {
    "num_parameters": "parameters",
    "context_length": "context_length",
    "size": "size_bytes",
    "rows": "rows",
    "created": "created_at",
    "updated": "updated_at",
}
#: What a unit means as the least and as the most.
_ZEROS = {"": 0, "K": 3, "M": 6, "MB": 6, "B": 9, "GB": 9, "T": 12}
UNITS = {unit: (10**zeros, 10**zeros) for unit, zeros in _ZEROS.items()}
UNITS_OF_TOKENS = {"": (1, 1), "K": (1_000, 1_024), "M": (10**6, 1 << 20)}


@dataclass(frozen=True)
class Asker:
    """Who asks: ``is_limited`` to some repositories or owners by the token that is shown."""

    name: str
    person: Person
    headers: Mapping[str, str]
    is_limited: bool = False
    repo_ids: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()  #: by name


def rows_of(database: Database) -> list[dict[str, Any]]:
    """Every repository of the hub, with all that lists go by."""
    query = """
        SELECT r.id, r.kind, r.name, a.name AS owner, a.kind AS publisher, r.visibility, r.gated, r.downloads,
            r.downloads_all_time, r.likes, r.trend, r.created_at, r.updated_at, r.sdk, c.license, c.pipeline_tag,
            c.library_name, f.repo_id AS facts, f.parameters, f.needed_bytes, f.context_length, f.dtype,
            f.quantisations, f.formats, f.has_pickle, f.size_bytes, f.rows, v.answer, h.target AS sha,
            (SELECT COUNT(*) FROM eval_results e WHERE e.repo_id = r.id) AS results
        FROM repos r JOIN accounts a ON a.id = r.owner_id LEFT JOIN repo_cards c ON c.repo_id = r.id
        LEFT JOIN repo_facts f ON f.repo_id = r.id LEFT JOIN repo_verdicts v ON v.repo_id = r.id
        LEFT JOIN refs h ON h.repo_id = r.id AND h.name = 'refs/heads/main'
    """
    with database.read() as db:
        rows = [dict(row._mapping) for row in db.execute(text(query))]
        tags: dict[str, list[str]] = {row["id"]: [] for row in rows}
        for repo_id, tag in db.execute(text("SELECT repo_id, tag FROM repo_tags")):
            tags[repo_id].append(tag)
        members = {
            (org, user)
            for org, user in db.execute(
                text(
                    "SELECT o.name, u.name FROM memberships m JOIN accounts o ON o.id = m.org_id"
                    " JOIN accounts u ON u.id = m.user_id"
                )
            )
        }
    for row in rows:
        row["tags"] = tags[row["id"]]
        for words in ("quantisations", "formats"):
            row[words] = json.loads(row[words]) if isinstance(row[words], str) else row[words] or []
        row["members"] = {user for org, user in members if org == row["owner"]}
        for moment in ("created_at", "updated_at"):
            row[moment] = _moment(row[moment])
    return rows


def listed(rows: Sequence[dict[str, Any]], asker: Asker, kind: str, given: Given, own: Given) -> list[dict[str, Any]]:
    """The rows that the client's call with ``given`` must find, in order, with the hub's ``own`` parameters besides."""
    found = [row for row in rows if row["kind"] == kind and may_know(row, asker) and _matches(row, kind, given, own)]
    key = SORTED_BY.get(given.get("sort") or own.get("sort") or "", "updated_at")
    known = [row for row in found if row[key] is not None]
    unknown = [row for row in found if row[key] is None]  # these come last, whichever way the others go
    falls = own.get("direction") != "1"
    known.sort(key=lambda row: (row[key], row["id"]), reverse=falls)
    unknown.sort(key=lambda row: row["id"], reverse=falls)
    return known + unknown


def may_know(row: Mapping[str, Any], asker: Asker) -> bool:
    """A private one is known to its owner, to its organisation's members and to administrators, as far as the token
    goes."""
    if row["visibility"] == "public":
        return True
    if asker.name == "anonymous":
        return False
    if asker.is_limited and row["id"] not in asker.repo_ids and row["owner"] not in asker.owners:
        return False
    return asker.name == "root" or row["owner"] == asker.name or asker.name in row["members"]


def _matches(row: Mapping[str, Any], kind: str, given: Given, own: Given) -> bool:
    path = f"{row['owner']}/{row['name']}".lower()
    words = [word for name in ("search", "dataset_name") for word in (given.get(name) or "").lower().split()]
    return (
        all(word in path for word in words)
        and given.get("author", row["owner"]).lower() == row["owner"].lower()
        and given.get("gated", bool(row["gated"])) == bool(row["gated"])
        and given.get("pipeline_tag", row["pipeline_tag"]) == row["pipeline_tag"]
        and all(_is_tagged(row, kind, value) for value in _filters(given))
        and all(_lies(row, name, text) for name, text in {**own, **given}.items() if name in NUMBERS)
        and all(_says(row, name, text) for name, text in own.items() if name in WORDS)
        and not any(given.get(name) for name in ("linked", "models", "datasets"))
        and not (_many(given.get("inference")) + _many(given.get("inference_provider")))  # none is deployed there
        and all(app in GGUF_APPS and "gguf" in row["tags"] for app in _many(given.get("apps")))
        and ("fits" not in own or (row["needed_bytes"] is not None and row["needed_bytes"] <= ROOMS[own["fits"]]))
    )


def _filters(given: Given) -> list[str]:
    """As the client makes them of its parameters; a comma parts several."""
    values = _many(given.get("filter"))
    values += [_prefixed("dataset", value) for value in _many(given.get("trained_dataset"))]
    for key in ("language", "size_categories", "task_categories", "multilinguality", "task_ids", "language_creators"):
        values += [_prefixed(key, value) for value in _many(given.get(key))]
    values += [f"benchmark:{given['benchmark']}"] if "benchmark" in given else []
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def _is_tagged(row: Mapping[str, Any], kind: str, value: str) -> bool:
    prefix, _, rest = value.partition(":")
    if value in row["tags"]:
        return True
    if prefix in ("language", "library") and rest:  # of models these are bare words
        return rest in row["tags"]
    return kind == "dataset" and not rest and any(f"{implied}:{value}" in row["tags"] for implied in IMPLIED)


def _says(row: Mapping[str, Any], name: str, text: str) -> bool:
    """One of the words is said of it; ``unknown`` where nothing is."""
    said = WORDS[name](row)
    words = text.split(",")
    if said is None:
        return "unknown" in words
    return any(word in (said if isinstance(said, list) else [said]) for word in words)


def _lies(row: Mapping[str, Any], name: str, text: str) -> bool:
    """Between the bounds, both included; nothing lies there that is not known."""
    value = row[NUMBERS[name]]
    parts = text.split(",")
    if value is None:
        return "unknown" in parts
    bounds = dict(part.split(":") for part in parts if part != "unknown")
    if not bounds:
        return False
    if name in ("created", "updated"):
        day = value.date().isoformat()
        return bool(bounds.get("min", day) <= day <= bounds.get("max", day))
    units = UNITS_OF_TOKENS if name == "context_length" else UNITS
    least, most = (
        _number(bounds.get("min", "0"), units, 0),
        _number(bounds["max"], units, 1) if "max" in bounds else value,
    )
    return bool(least <= value <= most)


def _number(text: str, units: Mapping[str, tuple[int, int]], side: int) -> float:
    unit = text.lstrip("0123456789.")
    return float(text.removesuffix(unit)) * units[unit][side]


def _many(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _prefixed(key: str, value: str) -> str:
    return value if value.startswith(f"{key}:") else f"{key}:{value}"


def _moment(value: Any) -> datetime:
    """SQLite hands out texts."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found if found.tzinfo else found.replace(tzinfo=UTC)
