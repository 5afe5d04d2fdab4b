"""A real model: small, quantised, and right. What it answers is checked, not only that tokens come."""

from collections.abc import Callable
from pathlib import Path

import pytest

from freehold.compute import service as compute
from freehold.engines import llama
from freehold.engines.rules import Setup
from scripts.looking import model_of
from tests.engines.asking import ask

pytestmark = [pytest.mark.compat, pytest.mark.timeout(300)]


def test_it_knows_the_capital_of_france(real_files: Callable[[str], Path], tmp_path: Path) -> None:
    """By default a model so small is computed in full precision, and greedily without being told so."""
    file = real_files("SmolLM2-135M-Instruct.Q4_1.gguf")
    setup = Setup(context_tokens=512, threads=2, cache=tmp_path)
    offer = llama.look(model_of(file), setup)[0]  # type: ignore[index]
    assert offer.options == {"precision": "full"}
    running = compute.start(llama.job(offer, setup, file.parent, {}))
    try:
        body = {"messages": [{"role": "user", "content": "What is the capital of France?"}], "max_tokens": 20}
        said = ask(running, "/v1/chat/completions", body | {"temperature": 0})
        assert "Paris" in said["choices"][0]["message"]["content"]
        took = running.took()
    finally:
        running.stop()
    assert offer.need is not None
    assert offer.need.total_bytes is not None
    assert took.peak_memory_bytes < offer.need.total_bytes * 1.1, "it takes no more than was promised"
