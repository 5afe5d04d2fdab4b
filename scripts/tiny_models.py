"""Models small enough to be made when they are needed, for tests and for sample content: random weights, so what they
say means nothing, but is always the same.
"""

import os
from pathlib import Path
from typing import Any

import gguf
import numpy as np

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WORDS = (
    "the", "a", "capital", "of", "France", "is", "Paris", "what", "who", "and", "or", "not", "it", "one", "two",
    "three", "river", "city", "north", "south",
)  # fmt: skip
LETTERS = "▁abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,?!:;'\"-\n"
HIDDEN, LAYERS, INNER, HEADS = 64, 2, 128, 4
CONTEXT = 2048


def language_model(path: Path, *, seed: int = 7, template: str = TEMPLATE, kind: str = "F16") -> Path:
    """Of the architecture ``llama``, written to ``path``. ``kind``: how its weights are kept, F16, Q8_0 or Q4_1."""
    random = np.random.default_rng(seed)
    tokens, types = _tokens()
    writer = gguf.GGUFWriter(path, "llama")
    _describe(writer, "Tiny", len(tokens))
    writer.add_file_type(_KINDS[kind][1])
    writer.add_head_count_kv(HEADS // 2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(at) for at in range(len(tokens))])
    writer.add_token_types(types)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    if template:
        writer.add_chat_template(template)

    def weight(name: str, rows: int, columns: int, scale: float = 0.3) -> None:
        _weight(writer, f"{name}.weight", random.standard_normal((rows, columns)) * scale, kind)

    weight("token_embd", len(tokens), HIDDEN, scale=1)
    out = random.standard_normal((len(tokens), HIDDEN))
    out[[at for at, kind in enumerate(types) if kind != _NORMAL]] = 0  # only words: text, and no early end
    _weight(writer, "output.weight", out, kind)
    writer.add_tensor("output_norm.weight", np.ones(HIDDEN, np.float32))
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        weight(block + "attn_q", HIDDEN, HIDDEN)
        weight(block + "attn_k", HIDDEN // 2, HIDDEN)
        weight(block + "attn_v", HIDDEN // 2, HIDDEN)
        weight(block + "attn_output", HIDDEN, HIDDEN)
        weight(block + "ffn_gate", INNER, HIDDEN)
        weight(block + "ffn_up", INNER, HIDDEN)
        weight(block + "ffn_down", HIDDEN, INNER)
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{block}{norm}.weight", np.ones(HIDDEN, np.float32))
    return _written(writer, path)


def adapter(path: Path, *, seed: int = 11, rank: int = 4) -> Path:
    """A LoRA adapter for :func:`language_model`, as ``convert_lora_to_gguf.py`` writes them."""
    random = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(rank))
    for layer in range(LAYERS):
        for name, out in (("attn_q", HIDDEN), ("attn_v", HIDDEN // 2)):
            weight = f"blk.{layer}.{name}.weight"
            writer.add_tensor(f"{weight}.lora_a", random.standard_normal((rank, HIDDEN)).astype(np.float32))
            writer.add_tensor(f"{weight}.lora_b", random.standard_normal((out, rank)).astype(np.float32))
    return _written(writer, path)


def encoder(path: Path, *, is_ranking: bool, seed: int = 13) -> Path:
    """Of the architecture ``bert``: embeddings by the mean of all tokens, or a score of two texts."""
    random = np.random.default_rng(seed)
    hidden, inner, context = 32, 64, 128
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"▁{word.lower()}" for word in WORDS)]
    tokens += [f"▁{letter}" for letter in "bcdefghijklmnopqrstuvwxyz"] + [*"abcdefghijklmnopqrstuvwxyz"]
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_name("Tiny encoder")
    writer.add_context_length(context)
    writer.add_embedding_length(hidden)
    writer.add_block_count(1)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(2)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.RANK if is_ranking else gguf.PoolingType.MEAN)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("bert")
    writer.add_token_list(tokens)
    writer.add_token_types([3] * 5 + [_NORMAL] * (len(tokens) - 5))
    writer.add_token_type_count(2)
    writer.add_pad_token_id(0)
    writer.add_unk_token_id(1)
    writer.add_bos_token_id(2)
    writer.add_sep_token_id(3)
    writer.add_eos_token_id(3)

    def weight(name: str, *shape: int) -> None:
        writer.add_tensor(name, (random.standard_normal(shape) * 0.3).astype(np.float32))

    def norm(name: str) -> None:
        writer.add_tensor(f"{name}.weight", np.ones(hidden, np.float32))
        writer.add_tensor(f"{name}.bias", np.zeros(hidden, np.float32))

    weight("token_embd.weight", len(tokens), hidden)
    weight("position_embd.weight", context, hidden)
    weight("token_types.weight", 2, hidden)
    norm("token_embd_norm")
    for name, out, into in (
        ("attn_q", hidden, hidden),
        ("attn_k", hidden, hidden),
        ("attn_v", hidden, hidden),
        ("attn_output", hidden, hidden),
        ("ffn_up", inner, hidden),
        ("ffn_down", hidden, inner),
    ):
        weight(f"blk.0.{name}.weight", out, into)
        weight(f"blk.0.{name}.bias", out)
    norm("blk.0.attn_output_norm")
    norm("blk.0.layer_output_norm")
    if is_ranking:
        weight("cls.weight", hidden, hidden)
        weight("cls.bias", hidden)
        weight("cls.output.weight", 1, hidden)
        weight("cls.output.bias", 1)
    return _written(writer, path)


#: Types of tokens. Source: gguf-py, constants.py, class TokenType.
_NORMAL, _UNKNOWN, _CONTROL, _UNUSED, _BYTE = 1, 2, 3, 5, 6
_KINDS = {
    "F16": (gguf.GGMLQuantizationType.F16, gguf.LlamaFileType.MOSTLY_F16),
    "Q8_0": (gguf.GGMLQuantizationType.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
    "Q4_1": (gguf.GGMLQuantizationType.Q4_1, gguf.LlamaFileType.MOSTLY_Q4_1),
}


def _tokens() -> tuple[list[str], list[int]]:
    found = [("<unk>", _UNKNOWN), ("<s>", _CONTROL), ("</s>", _CONTROL)]
    found += [(f"<0x{byte:02X}>", _BYTE) for byte in range(256)]
    found += [(f"▁{word}", _NORMAL) for word in WORDS] + [(letter, _NORMAL) for letter in LETTERS]
    found += [("<|im_start|>", _CONTROL), ("<|im_end|>", _CONTROL)]
    found += [(f"[{at}]", _UNUSED) for at in range(len(found), -(-len(found) // 32) * 32)]
    return [token for token, _ in found], [kind for _, kind in found]


def _describe(writer: gguf.GGUFWriter, name: str, tokens: int) -> None:
    writer.add_name(name)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_vocab_size(tokens)


def _weight(writer: gguf.GGUFWriter, name: str, values: "np.ndarray[Any, Any]", kind: str) -> None:
    kept, _ = _KINDS[kind]
    if kind == "F16":
        writer.add_tensor(name, values.astype(np.float16))
    else:
        writer.add_tensor(name, gguf.quants.quantize(values.astype(np.float32), kept), raw_dtype=kept)


def _written(writer: gguf.GGUFWriter, path: Path) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert os.path.getsize(path) < 1_000_000
    return path
