"""Repository info as clients read it. Pure: a subject in, JSON values out. Source: protocol/hub-api.md 1.5, 4.

Properties that this hub computes from nothing (regions, resource groups, papers) are left out rather than made up:
clients take an absent property as unknown.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from freehold.cards.results import Result
from freehold.core import clock
from freehold.discover import trending
from freehold.gitkit.objects import Entry
from freehold.repos.tables import Repo


@dataclass(frozen=True)
class Subject:
    """A repository at a commit. ``files`` and ``used_bytes`` are asked for only where a property needs them."""

    repo: Repo
    sha: str | None
    data: Mapping[str, Any] | None
    config: Mapping[str, Any] | None
    tags: Sequence[str]
    pipeline_tag: str | None
    library_name: str | None
    files: Callable[[], Iterable[Entry]]
    used_bytes: Callable[[], int]
    headers: Callable[[], Mapping[str, Any]] = dict  #: ``safetensors`` and ``gguf``, where headers could be read
    with_blobs: bool = False
    runtime: Callable[[], Mapping[str, Any] | None] = lambda: None  #: of a Space, as clients read it
    results: Callable[[], Sequence[Result]] = tuple  #: what ``.eval_results/`` of a model says
    inference: Callable[[], str | None] = lambda: None  #: ``warm`` where it answers whoever asks
    children: Callable[[], int] = int  #: models here that name this one as what they were made from


#: What a list shows of each item when nothing else is asked for.
LISTED = {
    "model": (
        "private",
        "gated",
        "likes",
        "downloads",
        "trendingScore",
        "tags",
        "pipeline_tag",
        "library_name",
        "createdAt",
        "lastModified",
    ),
    "dataset": (
        "author",
        "private",
        "gated",
        "disabled",
        "likes",
        "downloads",
        "trendingScore",
        "tags",
        "createdAt",
        "lastModified",
        "sha",
    ),
    "space": ("private", "likes", "trendingScore", "tags", "sdk", "createdAt", "lastModified"),
    "kernel": ("author", "private", "gated", "likes", "downloads", "sha", "lastModified", "createdAt"),
}
FULL = ("author", "sha", "lastModified", "disabled", "siblings", "cardData")
#: What is read out of the card's front matter, or the configuration: lists read those only where it is asked for.
OF_DATA = frozenset(
    {"cardData", "config", "datasets", "description", "model-index", "models", "paperswithcode_id", "widgetData"}
)
_COMMON = (
    "author",
    "sha",
    "lastModified",
    "createdAt",
    "private",
    "gated",
    "disabled",
    "likes",
    "tags",
    "cardData",
    "siblings",
    "usedStorage",
)
#: What the info of one repository holds.
WHOLE = {
    "model": (
        *_COMMON,
        "downloads",
        "pipeline_tag",
        "library_name",
        "config",
        "model-index",
        "safetensors",
        "gguf",
        "spaces",
        "widgetData",
    ),
    "dataset": (*_COMMON, "downloads", "description", "mainSize"),
    "space": (*_COMMON, "sdk", "models", "datasets", "subdomain", "runtime"),
    "kernel": (*_COMMON, "downloads"),
}


def build(subject: Subject, names: Iterable[str]) -> dict[str, Any]:
    """``id``, ``_id`` and the named properties that are known of ``subject``."""
    repo = subject.repo
    info: dict[str, Any] = {"_id": repo.id, "id": repo.path}
    if repo.kind == "model":
        info["modelId"] = repo.path
    for name in names:
        value = _VALUES[name](subject) if name in _VALUES else None
        if value is not None:
            info[name] = value
    return info


def _siblings(subject: Subject) -> list[dict[str, Any]]:
    if not subject.with_blobs:
        return [{"rfilename": entry.path} for entry in subject.files()]
    return [_sibling(entry) for entry in subject.files()]


def _sibling(entry: Entry) -> dict[str, Any]:
    sibling: dict[str, Any] = {"rfilename": entry.path, "size": entry.true_size_bytes, "blobId": entry.oid}
    if entry.pointer is not None:
        # The tree calls the same digest ``oid``; here it is ``sha256`` (hub-api.md 1.5).
        sibling["lfs"] = {
            "sha256": entry.pointer.sha256,
            "size": entry.pointer.size_bytes,
            "pointerSize": entry.size_bytes,
        }
    return sibling


def _base_models(subject: Subject) -> dict[str, Any] | None:
    for tag in subject.tags:
        prefix, _, rest = tag.partition(":")
        relation, _, base = rest.partition(":")
        if prefix == "base_model" and base:
            same = [other.rpartition(":")[2] for other in subject.tags if other.startswith(f"base_model:{relation}:")]
            return {"relation": relation, "models": [{"id": identifier} for identifier in same]}
    return None


def _from_card(key: str, kind: type) -> Callable[[Subject], Any]:
    def value(subject: Subject) -> Any:
        found = (subject.data or {}).get(key)
        return found if isinstance(found, kind) else None

    return value


_VALUES: dict[str, Callable[[Subject], Any]] = {
    "author": lambda s: s.repo.owner.name,
    "baseModels": _base_models,
    "childrenModelCount": lambda s: s.children(),
    "cardData": lambda s: dict(s.data) if s.data is not None else None,
    "config": lambda s: dict(s.config) if s.config is not None else None,
    "createdAt": lambda s: clock.wire(s.repo.created_at),
    "datasets": _from_card("datasets", list),
    "description": _from_card("description", str),
    "downloads": lambda s: s.repo.downloads,
    "downloadsAllTime": lambda s: s.repo.downloads_all_time,
    "disabled": lambda s: s.repo.is_disabled,
    "evalResults": lambda s: [
        {"filename": one.filename, "verified": False, "data": dict(one.data)} for one in s.results()
    ],
    "inference": lambda s: s.inference(),
    "inferenceProviderMapping": lambda s: [],  # no other hub's providers serve models of this one
    "gated": lambda s: s.repo.gated or False,
    "gguf": lambda s: s.headers().get("gguf"),
    "lastModified": lambda s: clock.wire(s.repo.updated_at),
    "library_name": lambda s: s.library_name,
    "likes": lambda s: s.repo.likes,
    "mainSize": lambda s: sum(entry.true_size_bytes for entry in s.files()),
    "model-index": _from_card("model-index", list),
    "models": _from_card("models", list),
    "pipeline_tag": lambda s: s.pipeline_tag,
    "private": lambda s: s.repo.visibility == "private",
    "safetensors": lambda s: s.headers().get("safetensors"),
    "paperswithcode_id": _from_card("paperswithcode_id", str),
    "runtime": lambda s: s.runtime(),
    "sdk": lambda s: s.repo.sdk,
    "sha": lambda s: s.sha,
    "siblings": _siblings,
    "spaces": lambda s: [],  # none runs here yet
    "subdomain": lambda s: s.repo.path.replace("/", "-").replace(".", "-").lower(),
    "tags": lambda s: list(s.tags),
    "trendingScore": lambda s: trending.score_of(s.repo.trend, clock.now()),
    "widgetData": _from_card("widget", list),
    "usedStorage": lambda s: s.used_bytes(),
    "xetEnabled": lambda s: True,
}
