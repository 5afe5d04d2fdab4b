"""Which files of a data set are asked about: by name, by a pattern, or by the subset and split that its card tells of.

Pure. Source: the data set card's ``configs``, and the names that the ``datasets`` library goes by where it has none.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from freehold.batches import formats
from freehold.batches.errors import BadBatch
from freehold.guards import linear
from freehold.guards.errors import BadGuard

MAX_FILES = 1000
MAX_CONFIGS = 200
#: Words of a path by which a file is of a split, where no card says so.
_SPLITS: Mapping[str, frozenset[str]] = {
    "train": frozenset({"train", "training"}),
    "validation": frozenset({"validation", "valid", "val", "dev"}),
    "test": frozenset({"test", "testing", "eval", "evaluation"}),
}
Config = Mapping[str, Sequence[str]]


def chosen(said: str, card: Mapping[str, Any], files: Sequence[str]) -> list[str]:
    """The files that ``said`` means: a file, a pattern as ``data/*.parquet``, ``split`` or ``subset/split``; '': of the
    usual subset ``train``, or its only split. Raises :class:`BadBatch` where there are none that can be read.
    """
    said = said.strip().strip("/")
    readable = [path for path in files if formats.is_read(path)]
    if said in files:
        if said not in readable:
            raise _unread(said)
        return [said]
    if "*" in said:
        found = _matching([said], readable)
    else:
        found = _of_split(said, _configs(card, readable), readable)
    if not found:
        known = ", ".join(names(card, files)[:20])[:400]
        raise BadBatch(
            f"There is no file, pattern, split or subset/split {said[:200]!r} that can be read"
            f"{f'; known are {known}' if known else ''}. Files that are read end with {', '.join(formats.FORMATS)}.",
            field="path",
        )
    if len(found) > MAX_FILES:
        raise BadBatch(f"These are {len(found):,} files; one batch reads {MAX_FILES:,}.", field="path")
    return found


def names(card: Mapping[str, Any], files: Sequence[str]) -> list[str]:
    """Every split as it can be asked for, ``subset/split``."""
    readable = [path for path in files if formats.is_read(path)]
    return [f"{config}/{split}" for config, splits in _configs(card, readable).items() for split in splits]


def _of_split(said: str, configs: Mapping[str, Config], files: Sequence[str]) -> list[str]:
    usual = "default" if "default" in configs else next(iter(configs), "")
    name, _, split = said.rpartition("/")
    splits = configs.get(name or usual)
    if not said and splits:
        split = "train" if "train" in splits or len(splits) > 1 else next(iter(splits))
    if splits is not None and split in splits:
        return _matching(splits[split], files)
    if said in configs:  # a subset by its name alone
        split = "train" if "train" in configs[said] else next(iter(configs[said]))
        return _matching(configs[said][split], files)
    return []


def _configs(card: Mapping[str, Any], files: Sequence[str]) -> dict[str, Config]:
    """Each subset with the patterns of its splits."""
    said = card.get("configs")
    configs: dict[str, Config] = {}
    for one in (said if isinstance(said, list) else [])[:MAX_CONFIGS]:
        if isinstance(one, dict):
            name = one.get("config_name")
            found = _splits(one)
            if found:
                configs[name if isinstance(name, str) and name else "default"] = found
    return configs or {"default": _by_names(files)}


def _splits(config: Mapping[str, Any]) -> Config:
    given, folder = config.get("data_files"), config.get("data_dir")
    prefix = f"{folder.strip('/')}/" if isinstance(folder, str) and folder.strip("./") else ""
    if given is None and prefix:
        return {"train": [f"{prefix}**"]}
    splits: dict[str, list[str]] = {}
    if isinstance(given, dict):
        given = [{"split": split, "path": path} for split, path in given.items()]
    for one in (given if isinstance(given, list) else [given])[: 10 * MAX_CONFIGS]:
        split, path = (one.get("split"), one.get("path")) if isinstance(one, dict) else ("train", one)
        patterns = [prefix + each for each in (path if isinstance(path, list) else [path]) if isinstance(each, str)]
        if patterns and isinstance(split, str):
            splits.setdefault(split, []).extend(patterns[:MAX_FILES])
    return splits


def _by_names(files: Sequence[str]) -> Config:
    splits: dict[str, list[str]] = {}
    for path in files:
        words = set(re.split(r"[^a-z0-9]+", path.lower()))
        split = next((name for name, known in _SPLITS.items() if words & known), "")
        splits.setdefault(split, []).append(path)
    rest = splits.pop("", [])
    return splits or ({"train": rest} if rest else {})


def _matching(patterns: Sequence[str], files: Sequence[str]) -> list[str]:
    """Files by patterns, each once, in the order of the patterns and their names."""
    found: dict[str, None] = {}
    for pattern in patterns:
        if pattern in files:
            found[pattern] = None
            continue
        try:
            matcher = linear.compiled(_expression(pattern))
        except BadGuard as err:
            raise BadBatch(f"The pattern {pattern[:200]!r} is too long.", field="path") from err
        found |= dict.fromkeys(path for path in files if matcher.is_in(path))
    return list(found)


def _expression(pattern: str) -> str:
    """A pattern of paths as an expression: ``**`` goes over folders, ``*`` and ``?`` do not."""
    told = ""
    for part in re.split(r"(\*\*/?|\*|\?)", pattern.removeprefix("./")):
        told += {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part, re.escape(part))
    return f"^{told}$"


def _unread(path: str) -> BadBatch:
    return BadBatch(
        f"{path[:100]} cannot be read row by row here: use a file that ends with {', '.join(formats.FORMATS)}.",
        field="path",
    )
