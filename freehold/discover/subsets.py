"""What the front matter of a data set says of its parts: subsets, splits and columns. Pure.

It is believed as far as it is of the shape it should be.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

MAX_SUBSETS, MAX_SPLITS, MAX_COLUMNS = 100, 30, 200
MAX_NAME = 100


@dataclass(frozen=True)
class Split:
    """``rows`` and ``size_bytes`` None: not stated."""

    name: str
    rows: int | None
    size_bytes: int | None


@dataclass(frozen=True)
class Subset:
    """One part of a data set that is loaded by itself. ``columns`` are names with their types."""

    name: str
    is_default: bool
    splits: Sequence[Split]
    columns: Sequence[tuple[str, str]]
    files: str  #: where its files are, as the card says it


def read(data: dict[str, Any] | None) -> Sequence[Subset]:
    """The subsets that ``configs`` and ``dataset_info`` tell of, in their order."""
    said = data or {}
    infos = {_name(info): info for info in _dicts(said.get("dataset_info"))}
    configs = {_name(config): config for config in _dicts(said.get("configs"))}
    names = list(dict.fromkeys([*configs, *infos]))[:MAX_SUBSETS]
    return [_subset(name, configs.get(name, {}), infos.get(name, {})) for name in names]


def to_load(subsets: Sequence[Subset]) -> str:
    """The subset to name when the data set is loaded; empty where there is one only, or one of them is the default."""
    if len(subsets) < 2 or any(subset.is_default for subset in subsets):
        return ""
    return subsets[0].name


def _subset(name: str, config: dict[str, Any], info: dict[str, Any]) -> Subset:
    splits = {split["name"]: split for split in _dicts(info.get("splits")) if isinstance(split.get("name"), str)}
    named = list(dict.fromkeys([*splits, *_splits_of_files(config.get("data_files"))]))[:MAX_SPLITS]
    return Subset(
        name=name,
        is_default=config.get("default") is True or name == "default",
        splits=[
            Split(
                split[:MAX_NAME],
                _count(splits.get(split, {}).get("num_examples")),
                _count(splits.get(split, {}).get("num_bytes")),
            )
            for split in named
        ],
        columns=list(_columns(info.get("features"))),
        files=_files(config),
    )


def _name(part: dict[str, Any]) -> str:
    name = part.get("config_name")
    return name[:MAX_NAME] if isinstance(name, str) and name else "default"


def _dicts(value: Any) -> list[dict[str, Any]]:
    found = value if isinstance(value, list) else [value]
    return [item for item in found[: 4 * MAX_SUBSETS] if isinstance(item, dict)]


def _splits_of_files(value: Any) -> Iterator[str]:
    for part in _dicts(value):
        if isinstance(part.get("split"), str):
            yield part["split"]


def _columns(value: Any) -> Iterator[tuple[str, str]]:
    for feature in _dicts(value)[:MAX_COLUMNS]:
        name = feature.get("name")
        if isinstance(name, str):
            yield name[:MAX_NAME], _type(feature)


def _type(feature: dict[str, Any]) -> str:
    """A column's type in a word or two: what the front matter nests deeply is named, not unfolded."""
    kind = feature.get("dtype")
    if isinstance(kind, str):
        return kind[:MAX_NAME]
    if isinstance(kind, dict):
        return str(next(iter(kind), ""))[:MAX_NAME].replace("_", " ")
    for key in ("list", "sequence", "large_list"):
        if key in feature:
            inner = feature[key]
            return f"list of {inner[:MAX_NAME]}" if isinstance(inner, str) else "list"
    return "struct" if "struct" in feature else "not stated"


def _files(config: dict[str, Any]) -> str:
    """The patterns of a subset's files, as far as they fit a line."""
    given = config.get("data_files", config.get("data_dir"))
    patterns: list[str] = []
    for part in (given if isinstance(given, list) else [given])[:MAX_SPLITS]:
        path = part.get("path") if isinstance(part, dict) else part
        patterns += [one for one in (path if isinstance(path, list) else [path]) if isinstance(one, str)]
    return ", ".join(patterns)[:200]


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 1 << 60 else None
