"""What the files of a commit are for, as far as their names tell how open it is. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from freehold.cards import facts
from freehold.cards.tags import FORMATS

#: Paths kept of each role; how many there are does not change what is read from them.
MAX_PATHS, MAX_WEIGHTS = 40, 100
#: Smaller ones say nothing, but for JSON: an empty ``train.py`` is no code.
LEAST_BYTES = 100
_NO_WEIGHTS = re.compile(r"(^|/)(training_args|optimizer|scheduler|rng_state|scaler)[^/]*$")
_MEDIA_WORDS = "jpg jpeg png webp gif wav mp3 flac ogg mp4 webm zip tar gz zst npy npz tsv xml h5 lmdb"
_MEDIA = frozenset(_MEDIA_WORDS.split())
_SCRIPT = r"\.(py|ipynb|sh|jl|rs|cpp|cu)$"

#: Role -> names, of paths in small letters.
ROLES: Mapping[str, re.Pattern[str]] = {
    role: re.compile(pattern)
    for role, pattern in {
        "training": rf"(^|/)(pre_?train|train|finetun|fine_tun|sft|dpo|grpo|ppo|distill|run_(clm|mlm|glue|t5|seq2seq))"
        rf"[^/]*{_SCRIPT}|(^|/)(train|training|pretraining|finetuning)/[^/]+{_SCRIPT}",
        "trainer": r"(^|/)(axolotl|llama_?factory|torchtune|autotrain|mergekit|unsloth|trl|sft|dpo|nemo|megatron)[^/]*"
        r"\.(ya?ml|json|toml)$",
        "settings": r"(^|/)(train(ing|er)?_?(config|args|arguments|params|hparams)|hparams|hyperparameters|recipe)[^/]*"
        r"\.(ya?ml|json|toml)$",
        "log": r"(^|/)(trainer_state|train_results|train(ing)?_?log)[^/]*\.(json|jsonl|csv|txt|log)$"
        r"|(^|/)events\.out\.tfevents\.",
        "harness": r"(^|/)(eval(uation)?s?|results?|lm_eval|benchmarks?)/.*\.(json|jsonl)$"
        r"|(^|/)(eval_results|all_results|results)[^/]*\.json$",
        "evaluating": rf"(^|/)(eval|evaluat|benchmark)[^/]*{_SCRIPT}",
        "modelling": r"(^|/)(modeling|modelling|model|modular|architecture)[^/]*\.py$",
        "making": rf"(^|/)(build|create|prepare|preprocess|process|generate|make|collect|scrape|crawl|filter|clean"
        rf"|convert|download|dedup)[^/]*{_SCRIPT}|(^|/)(scripts|src|tools)/[^/]+{_SCRIPT}",
        "paper": r"(^|/)[^/]*(paper|report)[^/]*\.pdf$",
        "licence": r"^(licen[cs]e|copying|notice)(\.(md|txt))?$",
        "shown": r"^(config|adapter_config|model_index|modules|meta)\.json$",
    }.items()
}


def sorted_out(kind: str, files: Sequence[tuple[str, int]], indexed: Sequence[str] = ()) -> "Sorted":
    """What each file is for. ``indexed``: the parts that an index of weights names."""
    missing, partial = _lacking([path for path, _ in files], indexed) if kind == "model" else ([], frozenset())
    found: dict[str, list[str]] = {}

    def put(role: str, path: str, most: int = MAX_PATHS) -> None:
        kept = found.setdefault(role, [])
        if len(kept) < most:
            kept.append(path)

    for path, size_bytes in files:
        small = path.lower()
        ending = small.rpartition(".")[2]
        if not size_bytes:
            continue
        if kind == "model":
            if ending in facts.WEIGHTS or (facts.is_pickle(path) and not _NO_WEIGHTS.search(small)):
                whole = "pickled" if facts.is_pickle(path) else "weights"
                put("incomplete" if path in partial else whole, path, MAX_WEIGHTS)
        elif (f".{ending}" in FORMATS and not _beside(small)) or ending in _MEDIA:
            put("data", path)
        if size_bytes >= LEAST_BYTES or ending == "json":
            for role, pattern in ROLES.items():
                if pattern.search(small):
                    put(role, path)
    return Sorted({role: tuple(paths) for role, paths in found.items()}, tuple(missing[:MAX_PATHS]))


@dataclass(frozen=True)
class Sorted:
    """Paths by role: those of :data:`ROLES`; ``weights`` and ``pickled`` hold a model, ``incomplete`` parts of one,
    ``data`` rows or media. ``missing``: parts that are named and not there."""

    roles: Mapping[str, Sequence[str]]
    missing: Sequence[str]


def _beside(path: str) -> bool:
    """Text that lies in the root of a data set and is not its data."""
    name = path.rpartition("/")[2]
    return name.startswith(("requirements", "licen", "citation", "dataset_info", "dataset_dict", "readme"))


_PART = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.(\w+)$")
_MOST_PARTS = 2_000


def _lacking(paths: Sequence[str], indexed: Sequence[str]) -> tuple[list[str], frozenset[str]]:
    """Parts that are not there, of an index or of files that say how many of them there are; and those that are."""
    there = set(paths)
    gone = [name for name in indexed if name not in there]
    partial = set(indexed) & there if gone else set()
    sets: dict[tuple[str, str, str], dict[int, str]] = {}
    for path in paths:
        if part := _PART.match(path):
            sets.setdefault((part[1], part[3], part[4]), {})[int(part[2])] = path
    for (stem, of, ending), parts in sets.items():
        lost = [n for n in range(1, min(int(of), _MOST_PARTS) + 1) if n not in parts]
        if lost:
            gone += [f"{stem}-{number:05}-of-{of}.{ending}" for number in lost[:MAX_PATHS]]
            partial |= set(parts.values())
    return list(dict.fromkeys(gone)), frozenset(partial)
