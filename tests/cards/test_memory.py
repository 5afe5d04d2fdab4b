"""What models take in memory: the shapes that files tell, the sum, and the sum against engines that ran."""

from typing import Any

import pytest

from freehold.cards import loads, memory, shape
from freehold.cards.facts import FileTold
from freehold.cards.memory import GB, Load, Machine, need, verdict
from freehold.cards.shape import Layers, Shape

pytestmark = pytest.mark.rules

SMOLLM = Load(
    "gguf", "SmolLM2-135M-Instruct.Q4_1.gguf", 98_362_432, Shape([Layers(30, 384)], "", 576, 1536, 49_152, 48_900)
)
GEMMA = Load(
    "gguf",
    "gemma-3-270m-q4_k_m.gguf",
    253_113_024,
    Shape([Layers(15, 512, 512), Layers(3, 512)], "", 640, 2048, 262_144),
)


#: Model, tokens, users, peak in bytes: docs/fit.md says how it was measured.
MEASURED: list[tuple[Load, int, int, int]] = [
    (SMOLLM, 256, 1, 166_748_160),
    (SMOLLM, 1_024, 1, 194_695_168),
    (SMOLLM, 2_048, 1, 219_344_896),
    (SMOLLM, 4_096, 1, 268_505_088),
    (SMOLLM, 512, 4, 220_647_424),
    (GEMMA, 256, 1, 373_047_296),
    (GEMMA, 1_024, 1, 410_877_952),
    (GEMMA, 2_048, 1, 415_956_992),
    (GEMMA, 4_096, 1, 424_697_856),
    (GEMMA, 512, 4, 456_802_304),
]


@pytest.mark.parametrize(("load", "tokens", "users", "peak_bytes"), MEASURED)
def test_the_sum_is_within_a_tenth_of_what_was_measured(load: Load, tokens: int, users: int, peak_bytes: int) -> None:
    found = need(load, users, tokens)
    assert found.is_measured
    assert found.total_bytes == pytest.approx(peak_bytes, rel=0.10)


# ---- shapes ------------------------------------------------------------------------------------------------

LLAMA = {
    "block_count": 32,
    "embedding_length": 4096,
    "feed_forward_length": 14_336,
    "attention.head_count": 32,
    "attention.head_count_kv": 8,
}
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "num_hidden_layers": 32,
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
}


@pytest.mark.parametrize(
    ("architecture", "more", "layers"),
    [
        ("llama", {}, [Layers(32, 2048)]),
        ("llama", {"attention.head_count_kv": None}, [Layers(32, 8192)]),
        ("llama", {"attention.key_length": 64, "attention.value_length": 32}, [Layers(32, 768)]),
        ("llama", {"attention.sliding_window": 512}, [Layers(32, 2048)]),  # llama.cpp does not heed it there
        ("gemma2", {"attention.sliding_window": 512}, [Layers(16, 2048, 512), Layers(16, 2048)]),
        ("openelm", {"block_count": 2, "attention.head_count_kv": [1, 2], "attention.head_count": [4, 8]},
         [Layers(1, 1024), Layers(1, 2048)]),
        ("bert", {}, []),
        ("qwen3", {"attention.causal": False}, []),
    ],
)  # fmt: skip
def test_layers_of_a_gguf(architecture: str, more: dict[str, Any], layers: list[Layers]) -> None:
    found = shape.of_gguf(architecture, LLAMA | more)
    assert found.layers is not None
    assert sorted(found.layers, key=repr) == sorted(layers, key=repr)


@pytest.mark.parametrize(
    ("architecture", "more", "why"),
    [
        ("mamba", {}, shape.STATEFUL),
        ("granitehybrid", {"ssm": True}, shape.STATEFUL),
        ("deepseek2", {"attention.kv_lora_rank": 512}, shape.LATENT),
        ("t5", {}, shape.TWO_SIDED),
        ("llama", {"block_count": None}, shape.NO_LAYERS),
        ("llama", {"block_count": 10**6}, shape.NO_LAYERS),
        ("llama", {"attention.head_count": []}, shape.NO_LAYERS),
        ("llama", {"attention.key_length": 10**6}, shape.NO_LAYERS),
    ],
)
def test_what_a_gguf_leaves_unknown_has_its_reason(architecture: str, more: dict[str, Any], why: str) -> None:
    found = shape.of_gguf(architecture, LLAMA | more)
    assert (found.layers, found.why) == (None, why)


@pytest.mark.parametrize(
    ("more", "layers"),
    [
        ({}, [Layers(32, 2048)]),
        ({"head_dim": 256}, [Layers(32, 4096)]),
        ({"num_key_value_heads": None}, [Layers(32, 8192)]),
        ({"num_key_value_heads": None, "multi_query": True}, [Layers(32, 256)]),
        ({"model_type": "mistral", "sliding_window": 4096}, [Layers(32, 2048, 4096)]),
        ({"model_type": "qwen2", "sliding_window": 4096, "use_sliding_window": False}, [Layers(32, 2048)]),
        ({"sliding_window": 512, "sliding_window_pattern": 4}, [Layers(24, 2048, 512), Layers(8, 2048)]),
        ({"sliding_window": 512, "layer_types": ["sliding_attention"] * 31 + ["full_attention"]},
         [Layers(31, 2048, 512), Layers(1, 2048)]),
        ({"architectures": ["LlamaForSequenceClassification"]}, []),
        ({"architectures": ["BertModel"], "model_type": "bert"}, []),
    ],
)  # fmt: skip
def test_layers_of_a_configuration(more: dict[str, Any], layers: list[Layers]) -> None:
    assert shape.of_config(CONFIG | more).layers == layers or tuple(layers) == shape.of_config(CONFIG | more).layers
    nested = {"architectures": (CONFIG | more)["architectures"], "text_config": CONFIG | more}
    assert list(shape.of_config(nested).layers or ()) == layers


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"model_type": "mamba2"}, shape.STATEFUL),
        ({"layer_types": ["linear_attention"] * 32}, shape.STATEFUL),
        ({"kv_lora_rank": 512}, shape.LATENT),
        ({"is_encoder_decoder": True}, shape.TWO_SIDED),
        ({"architectures": ["Qwen3Model"]}, shape.UNSURE),
        ({"num_hidden_layers": "32"}, shape.NO_LAYERS),
        ({"num_hidden_layers": True}, shape.NO_LAYERS),
        ({"head_dim": 10**6}, shape.NO_LAYERS),
    ],
)
def test_what_a_configuration_leaves_unknown_has_its_reason(more: dict[str, Any], why: str) -> None:
    found = shape.of_config(CONFIG | more)
    assert (found.layers, found.why) == (None, why)


@pytest.mark.parametrize("config", [{}, {"architectures": 3}, {"text_config": []}, {"layer_types": [None]}])
def test_an_odd_configuration_is_unknown(config: dict[str, Any]) -> None:
    assert shape.of_config(config).layers is None


def test_shapes_and_loads_are_kept_as_json() -> None:
    for load in (SMOLLM, GEMMA, Load("onnx", "m.onnx", 5, Shape(())), Load("gguf", "m.gguf", 5, Shape(None, "why"))):
        kept = memory.load_of(load.plain())
        assert kept.plain() == load.plain()
        assert need(kept, 2, 3000) == need(load, 2, 3000)


#: A graph in ONNX that keeps what it read, by the hub's own program, with all that this started: docs/fit.md.
MINIMIND = Load(
    "onnx", "model_quantized.onnx", 29_667_782, Shape([Layers(8, 256)], "", 512, 1408, 6_400), value_bytes=4
)


@pytest.mark.parametrize(
    ("tokens", "users", "peak_bytes"),
    [(1_024, 1, 211_845_120), (4_096, 1, 345_374_720), (4_096, 2, 427_941_888), (8_192, 1, 524_513_280)],
)
def test_a_graph_that_keeps_what_it_read_takes_no_more_than_the_sum_says(
    tokens: int, users: int, peak_bytes: int
) -> None:
    found = need(MINIMIND, users, tokens)
    assert found.total_bytes is not None and found.most_bytes is not None
    assert found.total_bytes * 0.9 < peak_bytes < found.most_bytes


# ---- the sum -----------------------------------------------------------------------------------------------


def test_a_cache_grows_with_tokens_and_users_but_a_window_does_not() -> None:
    wide = Load("safetensors", "m", 10, Shape([Layers(2, 100)]))
    assert need(wide, 1, 1000).cache_bytes == 2 * 100 * 2 * 1000
    assert need(wide, 8, 1000).cache_bytes == 8 * 2 * 100 * 2 * 1000
    narrow = Load("safetensors", "m", 10, Shape([Layers(2, 100, 64)]))
    assert need(narrow, 1, 1000).cache_bytes == need(narrow, 1, 10_000).cache_bytes == 2 * 100 * 2 * 64
    assert need(Load("safetensors", "m", 10, Shape(())), 5, 1000).cache_bytes == 0


def test_an_unknown_cache_has_no_total_and_only_weights_can_rule_it_out() -> None:
    found = need(Load("gguf", "m.gguf", 20 * GB, Shape(None, shape.LATENT)), 1, 4096)
    assert (found.total_bytes, found.most_bytes, found.why) == (None, None, shape.LATENT)
    assert verdict(found, Machine("cpu", 64 * GB)) == "unknown"
    assert verdict(found, Machine("cpu", 16 * GB)) == "no"


def test_a_machine_keeps_some_of_its_memory() -> None:
    assert Machine("cpu", 16 * GB).usable_bytes == 12 * GB
    assert Machine("cpu", 128 * GB).usable_bytes == 120 * GB
    assert Machine("gpu", 24 * GB, 2).usable_bytes == pytest.approx(43.2 * GB)


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_lists_and_pages_say_the_same(kind: memory.Kind) -> None:
    machine = Machine(kind, 2 * GB, 1)
    for tenths in range(20):
        load = Load("gguf", "m.gguf", tenths * GB // 10, GEMMA.shape)
        fits = verdict(need(load, memory.USERS, memory.TOKENS, machine), machine) == "yes"
        assert fits == ((memory.needed([load]) or 0) <= memory.room_for_lists(machine))


def test_a_list_takes_the_smallest_way_that_is_known() -> None:
    unknown = Load("gguf", "u.gguf", 1, Shape(None, "why"))
    assert memory.needed([unknown]) is None
    assert memory.needed([unknown, SMOLLM, GEMMA]) == need(SMOLLM, 1, 4096).most_bytes
    assert memory.needed([]) is None


# ---- ways to load ------------------------------------------------------------------------------------------


def gguf(path: str, **dimensions: Any) -> FileTold:
    told = {"facts": {"architecture": "llama"}, "dimensions": LLAMA | dimensions, "quantisation": "Q4_0"}
    return FileTold(path, "gguf", told | {"size_bytes": {"Q4_0": 7, "F32": 1}})


def test_each_quantisation_is_a_way_and_parts_are_one() -> None:
    read = [
        gguf("b.gguf"),
        gguf("a-00002-of-00002.gguf"),
        gguf("a-00001-of-00002.gguf"),
        gguf("mmproj-b.gguf"),
        gguf("lora.gguf", type="adapter"),
    ]
    found = loads.of([(one.path, 100) for one in read], read, [], {})
    assert [(one.name, one.files, one.weights_bytes, one.repacked_bytes) for one in found] == [
        ("b.gguf", 1, 100, 7),
        ("a", 2, 200, 14),
    ]


def test_a_graph_that_takes_nothing_kept_keeps_nothing() -> None:
    told: dict[str, Any] = {"parameters": {"F32": 5}, "graph": {"inputs": [["input_ids", "I64", ["1"]]]}}
    one = FileTold("onnx/model.onnx", "onnx", told)
    files = [("onnx/model.onnx", 10), ("onnx/model.onnx_data", 90)]
    (found,) = loads.of(files, [one], [one], {})
    assert (found.weights_bytes, found.shape.layers) == (100, ())
    told["graph"]["inputs"].append(["past_key_values.0.key", "F32", []])
    (found,) = loads.of(files, [one], [one], CONFIG)
    assert (found.shape.layers, found.value_bytes) == ([Layers(32, 2048)], 4)


def test_an_adapter_is_no_model_by_itself() -> None:
    one = FileTold("adapter_model.safetensors", "safetensors", {"parameters": {"F32": 5}})
    assert loads.of([(one.path, 10)], [one], [one], CONFIG) == []
