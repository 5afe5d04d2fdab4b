"""Text by a graph that keeps what it read: token for token as a plain loop writes it, and what a call can ask of it."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tokenizers
from tokenizers import decoders, models, pre_tokenizers

from freehold.compute import service as compute
from freehold.compute.errors import JobFailed
from freehold.compute.rules import Running
from freehold.engines import onnx_text, service, transformers
from freehold.engines.programs import sampling, templating
from freehold.engines.programs.serving import Refused
from freehold.engines.programs.writing import Held, Letters
from freehold.engines.rules import Offer, Refusal, Setup
from scripts.looking import model_of
from scripts.tiny_models import TEMPLATE
from tests.engines.asking import ask, refusal
from tests.engines.conftest import write_safetensors
from tests.fixtures import graphs

WORDS = ("[UNK]", "<s>", "</s>", "<|im_start|>", "<|im_end|>", "user", "assistant", *(f"w{at}" for at in range(40)))
WIDTH, END = 8, WORDS.index("<|im_end|>")
PAST = "past_key_values.0.key"
CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
MESSAGES = [{"role": "user", "content": "w1 w2 w3"}]
SPOKEN = "<|im_start|> user w1 w2 w3 <|im_end|> <|im_start|> assistant"
PROMPT = [WORDS.index(one) for one in SPOKEN.split()]


def write_graph(path: Path, *, kind: int = graphs.F32, extras: bool = False, past: str = PAST) -> Path:
    """Each token's score is a wave of the sum of all tokens so far, which it has only from what was kept."""
    random = np.random.default_rng(3)
    inputs: list[graphs.Port] = [
        ("input_ids", graphs.I64, ["batch", "new"]),
        ("attention_mask", graphs.I64, ["batch", "all"]),
        (past, kind, ["batch", 1, "before", WIDTH]),
    ]
    outputs: list[graphs.Port] = [
        ("logits", graphs.F32, ["batch", "new", len(WORDS)]),
        ("present.0.key", kind, ["batch", 1, "all", WIDTH]),
    ]
    nodes = [
        graphs.node("Gather", ["words", "input_ids"], ["each"]),
        graphs.node("Unsqueeze", ["each", "one"], ["new"]),
        graphs.node("Cast", [past], ["old"], to=graphs.F32),
        graphs.node("Concat", ["old", "new"], ["whole"], axis=2),
        graphs.node("Cast", ["whole"], ["present.0.key"], to=kind),
        graphs.node("CumSum", ["whole", "two"], ["sums"]),
        graphs.node("Shape", ["old"], ["sides"]),
        graphs.node("Slice", ["sides", "two_", "three"], ["start"]),
        graphs.node("Slice", ["sums", "start", "most", "two_"], ["mine"]),
        graphs.node("Squeeze", ["mine", "one"], ["flat"]),
        graphs.node("Sin", ["flat"], ["wave"]),
        graphs.node("MatMul", ["wave", "out"], ["scores"]),
    ]
    last = "scores"
    if extras:
        inputs += [("position_ids", graphs.I64, ["batch", "new"]), ("use_cache_branch", graphs.BOOL, [1])]
        nodes += [
            graphs.node("Cast", ["position_ids"], ["places"], to=graphs.F32),
            graphs.node("Unsqueeze", ["places", "two_"], ["column"]),
            graphs.node("Sin", ["column"], ["by_place"]),
            graphs.node("Mul", ["scores", "by_place"], ["placed"]),
        ]
        last = "placed"
    nodes.append(graphs.node("Identity", [last], ["logits"]))
    out = random.standard_normal((WIDTH, len(WORDS))).astype(np.float32)
    out[:, :7] = 0  # only words: no early end
    weights = [
        graphs.tensor("words", (random.standard_normal((len(WORDS), WIDTH)) * 2).round(1).astype(np.float32)),
        graphs.tensor("out", out),
        graphs.tensor("one", np.array([1], np.int64)),
        graphs.tensor("two", np.array(2, np.int64)),
        graphs.tensor("two_", np.array([2], np.int64)),
        graphs.tensor("three", np.array([3], np.int64)),
        graphs.tensor("most", np.array([1 << 40], np.int64)),
    ]
    path.parent.mkdir(exist_ok=True)
    return graphs.write(path, inputs, outputs, nodes, weights)


def write_model(folder: Path, *, template: str = TEMPLATE, **given: Any) -> Path:
    found = tokenizers.Tokenizer(
        models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="[UNK]")  # type: ignore[call-arg]
    )
    found.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    found.add_special_tokens(["<s>", "</s>", "<|im_start|>", "<|im_end|>"])
    found.save(str(folder / "tokenizer.json"))
    said = {"eos_token": {"content": "<|im_end|>"}, "bos_token": "<s>", "chat_template": template}
    (folder / "tokenizer_config.json").write_text(json.dumps(said))
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "max_position_embeddings": 700}
    config |= {"hidden_size": WIDTH, "num_hidden_layers": 1, "num_attention_heads": 1, "vocab_size": len(WORDS)}
    (folder / "config.json").write_text(json.dumps(config))
    write_graph(folder / "onnx" / "model.onnx", **given)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("writer"))


@pytest.fixture(scope="module")
def writer(of_folder: Callable[..., Running], home: Path) -> Running:
    return of_folder(home, Setup(threads=1, context_tokens=600, parallel=1))


def plainly(path: Path, prompt: list[int], number: int) -> list[int]:
    """The likeliest tokens, by a loop over the graph that reads everything again for each."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    ports = {one.name: one for one in session.get_inputs()}
    ids, found = [*prompt], []
    while len(found) < number and END not in found:
        told = {"input_ids": np.array([ids]), "attention_mask": np.ones((1, len(ids)), np.int64)}
        told |= {"position_ids": np.arange(len(ids))[None], "use_cache_branch": np.array([False])}
        for name, port in ports.items():
            if name.startswith("past"):
                kind = np.float16 if "16" in port.type else np.float32
                told[name] = np.zeros((1, port.shape[1], 0, port.shape[3]), kind)
        scores = session.run(["logits"], {name: told[name] for name in ports})[0]
        found.append(int(scores[0, -1].argmax()))
        ids.append(found[-1])
    return found


def events(running: Running, path: str, body: Mapping[str, Any], leave_after: int = 0) -> list[dict[str, Any]]:
    """What a stream brings, without its end; or the first of it, after which the caller goes."""
    headers = {"Authorization": f"Bearer {running.key}", "X-Request-ID": "streamed"}
    found: list[dict[str, Any]] = []
    body = {**body, "stream": True, "stream_options": {"include_usage": True}}
    with httpx.stream("POST", f"{running.address}{path}", json=body, headers=headers, trust_env=False) as answer:
        for line in answer.iter_lines():
            if line == "data: [DONE]":
                return found
            if line:
                found.append(json.loads(line.removeprefix("data: ")))
            if leave_after and len(found) >= leave_after:
                return found
    raise AssertionError("it had no end")


@pytest.mark.parametrize("given", [{}, {"kind": graphs.F16, "extras": True}], ids=["plain", "halves and branches"])
def test_it_writes_token_for_token_what_a_plain_loop_writes(
    of_folder: Callable[..., Running], tmp_path_factory: pytest.TempPathFactory, given: dict[str, Any]
) -> None:
    folder = write_model(tmp_path_factory.mktemp("model"), **given)
    running = of_folder(folder, Setup(threads=1, context_tokens=600))
    wanted = " ".join(WORDS[one] for one in plainly(folder / "onnx" / "model.onnx", PROMPT, 24))
    body = {"messages": MESSAGES, "max_tokens": 24}
    whole = ask(running, CHAT, body)
    assert whole["choices"][0]["message"] == {"role": "assistant", "content": wanted}
    assert whole["choices"][0]["finish_reason"] == "length"
    assert whole["usage"] == {"prompt_tokens": 8, "completion_tokens": 24, "total_tokens": 32}
    *told, last = events(running, CHAT, body)
    assert "".join(one["choices"][0]["delta"].get("content", "") for one in told) == wanted
    assert told[-1]["choices"][0]["finish_reason"] == "length"
    assert (last["choices"], last["usage"]) == ([], whole["usage"])
    long = [WORDS.index(f"w{at % 40}") for at in range(530)]  # read in several steps
    completed = ask(running, COMPLETIONS, {"prompt": long, "max_tokens": 3})
    assert completed["choices"][0]["text"].split() == [
        WORDS[one] for one in plainly(folder / "onnx" / "model.onnx", long, 3)
    ]


def test_calls_say_how_it_is_written(writer: Running) -> None:
    def said(**body: Any) -> list[str]:
        return [
            one["text"] for one in ask(writer, COMPLETIONS, {"prompt": "w1 w2", "max_tokens": 12, **body})["choices"]
        ]

    (likeliest,) = said()
    assert said(temperature=5, top_k=1) == said(temperature=5, top_p=1e-9) == [likeliest]
    first, second = said(temperature=5, seed=4, n=2)
    assert first != second
    assert said(temperature=5, seed=4, n=2) == [first, second]
    assert said(temperature=5, seed=5) != [first]
    words = likeliest.split()
    assert len(set(said(presence_penalty=2, frequency_penalty=2, repeat_penalty=50)[0].split())) > len(set(words))
    forced = WORDS.index("w33")
    assert said(max_tokens=2, logit_bias={str(forced): 100}) == [" w33 w33"]
    stopped = ask(writer, COMPLETIONS, {"prompt": "w1 w2", "max_tokens": 12, "stop": ["none", words[3]]})["choices"][0]
    assert stopped["text"] == likeliest[: likeliest.index(words[3])]
    assert (stopped["finish_reason"], stopped["stop_reason"]) == ("stop", words[3])
    cut = {"prompt": "w7 w8 w1 w2", "max_tokens": 12, "truncate_prompt_tokens": 2, "stop": "none"}
    cut_short = ask(writer, COMPLETIONS, cut)
    assert (cut_short["choices"][0]["text"], cut_short["usage"]["prompt_tokens"]) == (likeliest, 2)
    assert cut_short["choices"][0]["stop_reason"] is None
    ended = ask(writer, COMPLETIONS, {"prompt": ["w1", "w2"], "logit_bias": {str(END): 100}})
    assert [(one["text"], one["finish_reason"]) for one in ended["choices"]] == [("", "stop")] * 2
    assert ended["usage"] == {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        (CHAT, {"messages": MESSAGES, "tools": [{"type": "function", "function": {"name": "a"}}]}, "no tools"),
        (CHAT, {"messages": MESSAGES, "response_format": {"type": "json_object"}}, "to a form"),
        (CHAT, {"messages": MESSAGES, "grammar": "root ::= [a-z]"}, "'grammar'"),
        (CHAT, {"messages": MESSAGES, "logprobs": True}, "'logprobs'"),
        (CHAT, {"messages": MESSAGES, "temperature": -1}, "'temperature'"),
        (CHAT, {"messages": MESSAGES, "n": 99}, "'n'"),
        (CHAT, {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, "texts"),
        (CHAT, {"messages": "hello"}, "'messages'"),
        (COMPLETIONS, {"prompt": [99]}, "numbers of tokens from 0 to 46"),
        (COMPLETIONS, {"prompt": "a", "stop": "a" * 2_000}, "'stop'"),
        (COMPLETIONS, {"prompt": ""}, "no token"),
        (COMPLETIONS, {"prompt": "w1 " * 600}, "600 tokens, and the context size is 600"),
        (COMPLETIONS, {"prompt": "w" * 1_000_000}, "1,000,000 characters"),
    ],
)
def test_what_it_cannot_do_is_refused_and_never_left_out(
    writer: Running, path: str, body: dict[str, Any], words: str
) -> None:
    assert words in refusal(writer, path, body)["message"]


def test_an_answer_ends_where_the_context_does(writer: Running) -> None:
    found = ask(writer, COMPLETIONS, {"prompt": "w1 " * 590})
    assert found["choices"][0]["finish_reason"] == "length"
    assert found["usage"] == {"prompt_tokens": 590, "completion_tokens": 10, "total_tokens": 600}


def test_who_leaves_frees_the_slot_and_what_was_taken_is_told(writer: Running) -> None:
    body = {"prompt": "w1", "n": 16, "max_tokens": 590}
    events(writer, COMPLETIONS, body, leave_after=5)
    ask(writer, COMPLETIONS, {"prompt": "w1", "max_tokens": 1})  # there is one turn: it was given back
    took = ask(writer, "/took/streamed")
    assert took["is_known"] and took["is_over"]
    assert took["prompt_tokens"] == 1
    assert 5 <= took["completion_tokens"] < 16 * 590
    headers = {"Authorization": f"Bearer {writer.key}", "X-Request-ID": "whole"}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{writer.address}{COMPLETIONS}", json=body, headers=headers, timeout=0.1, trust_env=False)
    while not (took := ask(writer, "/took/whole"))["is_over"]:
        time.sleep(0.02)
    assert took["completion_tokens"] < 16 * 590


def test_without_a_template_it_only_completes(
    of_folder: Callable[..., Running], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = write_model(tmp_path_factory.mktemp("base"), template="")
    assert offers_of(folder)[0].abilities == {"completions"}
    assert "no chat template" in refusal(of_folder(folder), CHAT, {"messages": MESSAGES})["message"]


def test_what_it_takes_is_no_more_than_it_says(writer: Running, home: Path) -> None:
    need = offers_of(home)[0].need
    assert need is not None and need.most_bytes is not None
    assert writer.took().peak_memory_bytes <= need.most_bytes


# ---- which models ---------------------------------------------------------------------------------------------------


def offers_of(folder: Path, setup: Setup | None = None) -> list[Offer]:
    found = onnx_text.look(model_of(folder=folder), setup or Setup())
    assert not isinstance(found, Refusal), found
    return list(found)


def test_each_precision_is_a_way_of_its_own(tmp_path: Path) -> None:
    write_model(tmp_path)
    write_graph(tmp_path / "onnx" / "model_fp16.onnx", kind=graphs.F16)
    write_graph(tmp_path / "onnx" / "decoder_with_past_model.onnx")
    (tmp_path / "onnx" / "model.onnx_data").write_bytes(b"0" * 5_000_000)
    fp16, plain = offers_of(tmp_path)
    assert (fp16.file, plain.file) == ("onnx/model_fp16.onnx", "onnx/model.onnx")
    assert plain.need and fp16.need and plain.need.cache_bytes == 2 * (fp16.need.cache_bytes or 0)
    assert "onnx/model.onnx_data" in plain.paths
    assert plain.max_context_tokens == 700
    (named,) = offers_of(tmp_path, Setup(file="onnx/model_fp16.onnx"))
    assert named.file == "onnx/model_fp16.onnx"


@pytest.mark.parametrize(
    ("given", "words"),
    [({"past": "past_conv.0"}, "past_conv.0, which"), ({"past": "past_key_values.0.encoder.key"}, "encoder")],
)
def test_what_keeps_something_else_is_refused(tmp_path: Path, given: dict[str, Any], words: str) -> None:
    found = onnx_text.look(model_of(folder=write_model(tmp_path, **given)), Setup())
    assert isinstance(found, Refusal)
    assert words in found.reason


def test_a_file_that_was_asked_for_is_the_one_that_is_served(tmp_path: Path) -> None:
    """Beside safetensors other engines come first, unless a file of ONNX was named."""
    write_safetensors(write_model(tmp_path) / "model.safetensors", {"a": np.zeros(4, np.float32)})
    model = model_of(folder=tmp_path)
    assert not isinstance(transformers.look(model, Setup()), Refusal)
    found = transformers.look(model, Setup(file="onnx/model.onnx"))
    assert isinstance(found, Refusal) and "is what was asked for" in found.reason
    names = [*service.ENGINES]
    assert names.index("onnx-text") > names.index("transformers")


# ---- hostile files --------------------------------------------------------------------------------------------------


def test_a_template_that_is_none_is_told_when_it_is_loaded(tmp_path: Path) -> None:
    folder = write_model(tmp_path, template="{% for")
    (offer,) = offers_of(folder)
    with pytest.raises(JobFailed) as caught:
        compute.start(onnx_text.job(offer, Setup(threads=1), folder, {}))
    assert "chat template cannot be read" in str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}"
        "{% endfor %}",
        "{% set ns = namespace(x='aaaaaaaa') %}{% for a in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{{ 'a' * (9000000000 + messages | length) }}",
        "{{ messages.__class__.__mro__[1].__subclasses__() }}",
        "{% include '/etc/passwd' %}",
        "{{ raise_exception('Only one message, please.') }}",
    ],
)
def test_a_template_that_goes_on_for_ever_ends(source: str) -> None:
    template = templating.Template(source + "{% if messages == [1] %}{% endif %}", {}, render_s=1)
    try:
        with pytest.raises(Refused):
            template.prompt(messages=[])
    finally:
        template.close()


def test_a_template_is_given_whatever_a_caller_calls_its_values() -> None:
    template = templating.Template("{{ messages[0] }} {{ environment }}", {})
    try:
        assert template.prompt(self=1, template=2, environment=3, messages=["hello"]) == "hello 3"
    finally:
        template.close()


def test_after_one_prompt_that_took_too_long_the_next_is_made() -> None:
    source = "{% for a in range(messages) %}{% for b in range(99999) %}{% endfor %}{% endfor %}{{ bos_token }}{{ 1 }}"
    template = templating.Template(source, {"bos_token": "<s>"}, render_s=1)
    with pytest.raises(Refused):
        template.prompt(messages=99_999)
    assert template.prompt(messages=1) == "<s>1"
    template.close()


# ---- parts ----------------------------------------------------------------------------------------------------------


def test_letters_of_several_tokens_are_told_whole() -> None:
    alphabet = {one: at for at, one in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = tokenizers.Tokenizer(models.BPE(alphabet, []))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    ids = tokenizer.encode("né 中文").ids
    letters = Letters(tokenizer, ())
    told = [letters.add(one) for one in ids]
    assert [one for one in told if one] == ["n", "é", " ", "中", "文"]
    broken = Letters(tokenizer, ())
    assert [broken.add(one) for one in ids[3:5]] == [" ", ""]
    assert broken.rest() == "�"


def test_what_may_be_the_beginning_of_an_end_waits() -> None:
    held = Held(["END", "DONE"])
    assert [held.add(one) for one in ("aE", "N", "b D", "O")] == ["a", "", "ENb ", ""]
    assert held.add("NE!") == "" and held.is_over
    assert Held(["END"]).rest("EN") == "EN"


def test_chance_follows_the_scores() -> None:
    scores = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))

    def drawn(**body: Any) -> set[int]:
        choosing = sampling.Choosing(sampling.read({"temperature": 1, "seed": 1, **body}), 0, [])
        return {choosing.next(scores.copy()) for _ in range(200)}

    assert drawn() == {0, 1, 2, 3}
    assert drawn(top_k=2) == drawn(top_p=0.7) == drawn(min_p=0.5) == {0, 1}
    wide = np.zeros(5_000, np.float32)  # flat: the likeliest thousand are not enough
    choosing = sampling.Choosing(sampling.read({"temperature": 1, "seed": 1}), 0, [])
    assert max(choosing.next(wide.copy()) for _ in range(50)) > 2_000
