"""What goes on for ever ends, what breaks says so, and what nobody waits for is let go: of strangers' files."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tokenizers
from tokenizers import Regex, models, pre_tokenizers

from freehold.compute import service as compute
from freehold.compute.rules import Running
from freehold.engines import onnx
from freehold.engines.rules import Setup
from tests.engines.asking import ask
from tests.engines.test_onnx import classifier, offer_of
from tests.engines.test_onnx_text import COMPLETIONS, write_model
from tests.fixtures import graphs

MOOD = {"task": "text-classification", "inputs": "good"}


def began(folder: Path, patience_s: float) -> Running:
    job = onnx.job(offer_of(folder), Setup(threads=1), folder, {})
    return compute.start(replace(job, options={**job.options, "patience_s": patience_s}))


def test_a_graph_that_loops_for_ever_ends_with_its_process(tmp_path: Path) -> None:
    body = graphs.inner(
        [("round", graphs.I64, []), ("goes_on", graphs.BOOL, []), ("held", graphs.F32, ["batch", 2])],
        [("still", graphs.BOOL, []), ("kept", graphs.F32, ["batch", 2])],
        [graphs.node("Identity", ["goes_on"], ["still"]), graphs.node("Neg", ["held"], ["kept"])],
    )
    nodes = [
        graphs.node("Gather", ["words", "input_ids"], ["each"]),
        graphs.node("ReduceSum", ["each", "axis"], ["sum"], keepdims=0),
        graphs.node("Loop", ["rounds", "", "sum"], ["logits"], body=body),
        graphs.node("Identity", ["attention_mask"], ["unused"]),
    ]
    weights = [
        graphs.tensor("words", np.ones((13, 2), np.float32)),
        graphs.tensor("axis", np.array([1], np.int64)),
        graphs.tensor("rounds", np.array(1 << 60, np.int64)),
    ]
    running = began(classifier(tmp_path, nodes=nodes, weights=weights), 1)
    with pytest.raises(httpx.RemoteProtocolError):
        ask(running, "/task", MOOD)
    while running.is_alive:
        time.sleep(0.02)
    assert "nothing but one step for 1 seconds" in running.log()
    running.stop()


@pytest.mark.parametrize("path", ["/task", COMPLETIONS])
def test_a_tokenizer_that_panics_breaks_one_call(of_folder: Callable[..., Running], tmp_path: Path, path: str) -> None:
    """Its pattern tries so many ways that the library gives up, in a way that no Python program expects."""
    folder = classifier(tmp_path) if path == "/task" else write_model(tmp_path)
    broken = tokenizers.Tokenizer(models.WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]"))  # type: ignore[call-arg]
    broken.pre_tokenizer = pre_tokenizers.Split(Regex("^(a|a)*$"), "removed")
    broken.save(str(folder / "tokenizer.json"))
    running = of_folder(folder, Setup(threads=1, context_tokens=600, parallel=1))
    body: dict[str, Any] = {**MOOD, "inputs": "a" * 30 + "b", "prompt": "a" * 30 + "b"}
    for _ in range(2):  # the one turn was given back
        with pytest.raises(httpx.HTTPStatusError) as caught:
            ask(running, path, body)
        assert "could not go on" in caught.value.response.json()["error"]["message"]


def test_numbers_that_are_none_are_no_answer(of_folder: Callable[..., Running], tmp_path: Path) -> None:
    words = np.full((13, 2), np.nan, np.float32)
    weights = [graphs.tensor("words", words), graphs.tensor("axis", np.array([1], np.int64))]
    running = of_folder(classifier(tmp_path, weights=weights))
    with pytest.raises(httpx.HTTPStatusError) as caught:
        ask(running, "/task", MOOD)
    assert "no numbers" in caught.value.response.json()["error"]["message"]


def test_texts_that_nobody_waits_for_any_more_are_not_read(of_folder: Callable[..., Running], tmp_path: Path) -> None:
    """Two thousand texts, of which each step reads a few: the caller goes, and the next one has the turn."""
    nodes = [
        graphs.node("Gather", ["words", "input_ids"], ["each"]),
        graphs.node("MatMul", ["each", "wide"], ["wider"]),
        graphs.node("Sin", ["wider"], ["waves"]),
        graphs.node("ReduceSum", ["waves", "axes"], ["sum"], keepdims=1),
        graphs.node("Mul", ["sum", "ones"], ["each_"]),
        graphs.node("ReduceSum", ["each_", "axis"], ["logits"], keepdims=0),
        graphs.node("Identity", ["attention_mask"], ["unused"]),
    ]
    weights = [
        graphs.tensor("words", np.ones((13, 2), np.float32)),
        graphs.tensor("wide", np.ones((2, 4_096), np.float32)),
        graphs.tensor("axes", np.array([2], np.int64)),
        graphs.tensor("ones", np.ones((1, 1, 2), np.float32)),
        graphs.tensor("axis", np.array([1], np.int64)),
    ]
    running = of_folder(classifier(tmp_path, nodes=nodes, weights=weights), Setup(threads=1, parallel=1))
    body = {"task": "text-classification", "inputs": ["good " * 60] * 2_000}
    headers = {"Authorization": f"Bearer {running.key}", "X-Request-ID": "gone"}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{running.address}/task", json=body, headers=headers, timeout=0.5, trust_env=False)
    while not (took := ask(running, "/took/gone"))["is_over"]:
        time.sleep(0.02)
    assert 0 < took["prompt_tokens"] < 2_000 * 62
