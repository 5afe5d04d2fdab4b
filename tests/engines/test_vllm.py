"""vLLM's command, held to the flags that it parses, and what a model takes of graphics cards; it never runs here."""

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from freehold.cards import memory
from freehold.cards.memory import Load
from freehold.cards.shape import Layers, Shape
from freehold.compute import seating
from freehold.compute import service as compute
from freehold.compute.graphics import GraphicsCard
from freehold.compute.rules import CardNeed, Given, Job
from freehold.engines import vllm
from freehold.engines.rules import Offer, Refusal, Setup
from tests.engines.test_foreign import model
from tests.engines.test_foreign import stand_in as stand_in  # the fixture

GB = 10**9
FLAGS = json.loads(Path(__file__).with_name("vllm_flags.json").read_text())


def parser() -> argparse.ArgumentParser:
    """As ``vllm serve`` parses its words, as far as their kinds go; what it does not know it refuses."""
    made = argparse.ArgumentParser(allow_abbrev=False, usage="strict")
    made.add_argument("model_tag")
    for kind, flags in FLAGS.items():
        for flag in flags if kind != "source" else ():
            known: Mapping[str, Any] = {
                "bool": {"action": argparse.BooleanOptionalAction},
                "int": {"type": int},
                "float": {"type": float},
                "list": {"nargs": "+"},
                "append": {"action": "append"},
            }.get(kind, {})
            made.add_argument(flag, **known)
    return made


def words(offer: Offer, setup: Setup, adapters: Mapping[str, Path] | None = None) -> argparse.Namespace:
    """What vLLM reads of our words, once it is known what it was given."""
    argv = vllm.job(offer, setup, Path("/m"), adapters or {}).options["argv"]
    filled = {"{port}": "8000", "{cards}": "2", "{share}": "0.25"}
    said = [filled.get(word, word) for word in argv]
    assert "{key}" not in " ".join(said), "other people on a machine see arguments"
    return parser().parse_args(said[said.index("serve") + 1 :])


def offer(heads: int = 32, pairs: int = 8, weights_bytes: int = 15 * GB, **config: Any) -> Offer:
    shape = Shape((Layers(32, 2048),), hidden=4096, feed_forward=14_336, vocabulary=128_256)
    load = Load("safetensors", "model.safetensors", weights_bytes, shape)
    heads_of = {"num_attention_heads": heads, "num_key_value_heads": pairs}
    found = vllm.look(model(heads_of | config, loads=[load], facts={"context_length": 8192}), Setup(parallel=4))
    assert not isinstance(found, Refusal), found
    return found[0]


def adapter(folder: Path, config: object) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder / "adapter_model.safetensors"


def test_what_it_is_told() -> None:
    read = words(offer(), Setup(context_tokens=9_999, parallel=7))
    assert (read.model_tag, read.served_model_name, read.port) == ("/m", ["model"], 8000)
    assert (read.host, read.middleware) == ("127.0.0.1", ["freehold_door.Door"])
    assert (read.max_model_len, read.max_num_seqs, read.max_num_batched_tokens) == (8192, 7, 8192)
    assert (read.gpu_memory_utilization, read.tensor_parallel_size) == (0.25, 2)
    assert read.enable_prompt_tokens_details
    assert (read.enable_lora, read.lora_modules) == (None, None)


def test_a_flag_that_it_does_not_know_is_refused() -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["/m", "--max-model-length", "9"])


def test_adapters_have_the_rank_that_their_files_say(tmp_path: Path) -> None:
    """It takes 16 unless told, and refuses to start for one that is higher."""
    adapters = {
        "alice/low": adapter(tmp_path / "low", {"r": 8}),
        "alice/high, and=odd": adapter(tmp_path / "high", {"r": 16, "rank_pattern": {"q_proj": 40}}),
        "alice/broken": adapter(tmp_path / "broken", ["r"]),
    }
    read = words(offer(), Setup(parallel=2), adapters)
    assert (read.enable_lora, read.max_lora_rank, read.max_loras, read.max_cpu_loras) == (True, "64", 2, 3)
    modules = [json.loads(one) for one in read.lora_modules]
    assert modules[1] == {"name": "alice/high, and=odd", "path": os.fspath(tmp_path / "high")}
    assert words(offer(), Setup(), {"a/b": tmp_path / "none" / "x"}).max_lora_rank == "1"


def test_adapters_are_what_peft_writes_and_no_pickle() -> None:
    files = {
        "adapter_config.json": 1,
        "adapter_model.safetensors": 1,
        "adapter_model.bin": 1,
        "b/adapter_model.safetensors": 1,
    }
    assert vllm.adapters_in(model(files=files)) == ["adapter_model.safetensors"]
    assert vllm.worded({"model": "alice/x"}, "", []) == {"model": "model"}
    assert vllm.worded({"model": "alice/x"}, "alice/tuned", ["alice/tuned"]) == {"model": "alice/tuned"}


@pytest.mark.parametrize(
    ("template", "reader"),
    [
        ("{{ '<tool_call>' }}{{ tool | tojson }}", "hermes"),
        ("<tool_call>\\n<function=", "qwen3_coder"),
        ("[TOOL_CALLS]", "mistral"),
        ("<|python_tag|>", "llama3_json"),
        ("{{ messages }}", None),
    ],
)
def test_tools_are_read_as_its_template_writes_them(tmp_path: Path, template: str, reader: str | None) -> None:
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}))
    argv = [word for word in vllm.job(offer(), Setup(), tmp_path, {}).options["argv"] if word[:1] != "{"]
    assert ("--enable-auto-tool-choice" in argv) == (reader is not None)
    assert reader is None or argv[argv.index("--tool-call-parser") + 1] == reader
    assert {"--enable-auto-tool-choice", "--tool-call-parser"} <= {*FLAGS["bool"], *FLAGS["text"]}


def test_a_grammar_is_told_in_its_words() -> None:
    grammar = 'root ::= "yes" | "no"'
    assert vllm.constrained({"grammar": grammar, "n": 1}) == {"n": 1, "structured_outputs": {"grammar": grammar}}
    assert vllm.constrained({"json_schema": {"type": "object"}}) == {"structured_outputs": {"json": {"type": "object"}}}
    its_own = {"structured_outputs": {"regex": "a"}}
    assert vllm.constrained({**its_own, "grammar": "b"}) == its_own


def test_cards_that_divide_its_heads_share_it() -> None:
    needs = offer(heads=24, pairs=4).on_cards
    assert [one.count for one in needs] == [1, 2, 4, 8]
    assert [one.count for one in offer(heads=14).on_cards] == [1, 2]
    assert [one.count for one in offer(text_config={"num_attention_heads": 4}).on_cards] == [1, 2, 4]
    assert [one.count for one in offer(num_attention_heads="x").on_cards] == [1]
    each = [one.each_bytes for one in needs]
    assert each == sorted(each, reverse=True)
    assert sum(each[1:2]) * 2 > each[0], "each card has a process of it"
    alone = offer(heads=8, pairs=1).on_cards
    assert alone[3].each_bytes > needs[3].each_bytes, "a head that keeps something is not cut in two"


def test_what_is_taken_is_weights_and_cache_and_what_it_takes_besides() -> None:
    (one, *_), cache = offer().on_cards, 32 * 2048 * 2 * 4 * 4096
    least = 15 * GB + cache + memory.RUNTIME_BYTES["vLLM"] + memory.CARD_BYTES
    assert least < one.each_bytes < 1.25 * least + 4 * GB
    assert offer().need == memory.beside_cards("vLLM"), "the machine's own memory is another"


def test_what_keeps_an_unknown_amount_has_its_cards_alone() -> None:
    load = Load("safetensors", "model.safetensors", 30 * GB, Shape(None, "why"))
    found = vllm.look(model(loads=[load]), Setup())
    assert not isinstance(found, Refusal)
    assert found[0].on_cards[0].is_whole


def test_it_is_started_on_the_cards_that_it_was_given(stand_in: Path, tmp_path: Path) -> None:
    found = offer()
    given = seating.seat([GraphicsCard(3, "large", 80 * GB)], found.on_cards, {})
    assert isinstance(given, Given)
    job = vllm.job(found, Setup(), tmp_path, {})
    running = compute.start(Job(job.name, job.argv, job.options, given=given))
    running.stop()
    said = running.log().partition("started as ")[2].split()
    assert said[said.index("--tensor-parallel-size") + 1] == "1"
    share = float(said[said.index("--gpu-memory-utilization") + 1])
    counted = found.on_cards[0].each_bytes - seating.UNCOUNTED_BYTES
    assert share == pytest.approx(counted / (80 * GB), abs=1e-4), "the driver's own part comes on top of its share"
    assert "cards 3" in running.log()


def test_its_share_and_the_drivers_part_are_no_more_than_it_was_given() -> None:
    """As measured: SmolLM2 135M, 64 calls of 2,048 tokens, vLLM 0.26, one H200 (docs/fit.md)."""
    of_card, share, took = 143_771 << 20, 0.0468, 7_347 << 20
    seen = int(139.8 * (1 << 30))  # what is left of it to programs, of which vLLM takes its share
    assert took - share * seen <= seating.UNCOUNTED_BYTES
    shape = Shape((Layers(30, 384),), hidden=576, feed_forward=1_536, vocabulary=49_152)
    smol = Load("safetensors", "model.safetensors", 269_060_552, shape)
    each_bytes, _ = memory.on_each_card(smol, 64, 2_048, 1, 3, "vLLM")
    given = seating.seat([GraphicsCard(0, "NVIDIA H200", of_card)], [CardNeed(1, each_bytes)], {})
    assert given is not None
    besides = 0.26 + 0.19 + 0.22  # GiB: weights, what is computed on the way, libraries, as it says at its start
    assert given.share * seen - besides * (1 << 30) >= 64 * 2_048 * 30 * 384 * 2, "every call has its context"
