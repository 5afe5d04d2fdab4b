"""ONNX Runtime in a process of its own, with graphs of a few operators; and what is hostile among files and calls."""

import base64
import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from freehold.compute import service as compute
from freehold.compute.errors import JobFailed
from freehold.compute.rules import Running
from freehold.engines import onnx
from freehold.engines.programs import ocr, pictures, serving, sound, whisper
from freehold.engines.programs.graphs import Graph
from freehold.engines.programs.reading import Batch
from freehold.engines.programs.serving import Refused
from freehold.engines.rules import Offer, Refusal, Setup
from scripts.looking import model_of
from tests.engines.asking import ask, refusal
from tests.engines.conftest import VOCABULARY, write_tokenizer
from tests.fixtures import graphs

TOKENS = [("input_ids", graphs.I64, ["batch", "tokens"]), ("attention_mask", graphs.I64, ["batch", "tokens"])]
MOOD = {"architectures": ["BertForSequenceClassification"], "model_type": "bert", "id2label": {"0": "sad", "1": "glad"}}


@pytest.fixture(scope="module")
def mood(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Glad of "good", sad of "bad": numbers of the words, summed."""
    return classifier(tmp_path_factory.mktemp("mood"))


def classifier(folder: Path, **given: Any) -> Path:
    write_tokenizer(folder)
    (folder / "config.json").write_text(json.dumps(MOOD))
    words = np.zeros((len(VOCABULARY), 2), np.float32)
    words[VOCABULARY.index("good"), 1] = words[VOCABULARY.index("bad"), 0] = 4
    nodes = [
        graphs.node("Gather", ["words", "input_ids"], ["each"]),
        graphs.node("ReduceSum", ["each", "axis"], ["logits"], keepdims=0),
        graphs.node("Identity", ["attention_mask"], ["unused"]),
    ]
    weights = [graphs.tensor("words", words), graphs.tensor("axis", np.array([1], np.int64))]
    weights = given.pop("weights", weights)
    graphs.write(
        folder / "model.onnx",
        TOKENS,
        [("logits", graphs.F32, ["batch", 2])],
        given.pop("nodes", nodes),
        weights,
        **given,
    )
    return folder


def offer_of(folder: Path) -> Offer:
    found = onnx.look(model_of(folder=folder), Setup())
    assert not isinstance(found, Refusal), found
    return found[0]


def test_classes_of_texts_are_named_as_the_model_names_them(of_folder: Callable[..., Running], mood: Path) -> None:
    assert offer_of(mood).abilities == {"classification"}
    running = of_folder(mood)
    body = {"task": "text-classification", "inputs": "the river is good"}
    (told,) = ask(running, "/task", body)
    assert [one["label"] for one in told] == ["glad", "sad"]
    assert sum(one["score"] for one in told) == pytest.approx(1)
    both = ask(running, "/task", {**body, "inputs": ["bad", "good " * 3], "parameters": {"top_k": 1}})
    assert [[one["label"] for one in row] for row in both] == [["sad"], ["glad"]]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"task": "image-to-text", "inputs": "a"}, "it does text-classification"),
        ({"task": "text-classification"}, "'inputs'"),
        ({"task": "text-classification", "inputs": {"a": 1}}, "'inputs'"),
        ({"task": "text-classification", "inputs": "a", "parameters": {"top_k": -1}}, "'top_k'"),
        ({"task": "text-classification", "inputs": "a", "parameters": {"function_to_apply": "rm"}}, "softmax"),
        ({"task": "text-classification", "inputs": "a" * 1_000_001}, "1,000,000 characters"),
    ],
)
def test_calls_that_cannot_be_answered_are_refused(
    of_folder: Callable[..., Running], mood: Path, body: dict[str, Any], words: str
) -> None:
    assert words in refusal(of_folder(mood), "/task", body)["message"]


@pytest.mark.parametrize("path", ["/_/health", "/_/task", "/", "/_/v1/models", "/_/v1/embeddings", "/elsewhere"])
def test_without_the_key_not_even_paths_are_told(of_folder: Callable[..., Running], mood: Path, path: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        told = httpx.request(method, f"http://127.0.0.1:{of_folder(mood).port}{path}", trust_env=False)
        assert told.status_code == 401
        assert "Access-Control-Allow-Origin" not in told.headers


def test_weights_outside_its_folder_are_not_read(tmp_path: Path) -> None:
    """A file can name any path for its weights: what lies there must not come out as the model's answer."""
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "secret").write_bytes(b"s3cr" * 1_000)
    for location in ("../secret", str(tmp_path / "secret")):
        words = graphs.elsewhere("words", [len(VOCABULARY), 2], location)
        classifier(home, weights=[words, graphs.tensor("axis", np.array([1], np.int64))])
        refused(home, "bad_model")


def test_operators_that_nobody_knows_are_told(tmp_path: Path) -> None:
    node = graphs.node("Steal", ["input_ids", "attention_mask"], ["logits"], domain="com.example")
    message = refused(classifier(tmp_path, nodes=[node], domain="com.example"), "bad_model")
    assert "Steal" in message or "com.example" in message


@pytest.mark.parametrize("break_it", [lambda data: b"hello", lambda data: data[: len(data) // 2], lambda data: b""])
def test_files_that_cannot_be_read_are_told(tmp_path: Path, break_it: Callable[[bytes], bytes]) -> None:
    home = classifier(tmp_path)
    offer = offer_of(home)
    (home / "model.onnx").write_bytes(break_it((home / "model.onnx").read_bytes()))
    refused(home, "bad_model", offer)


def refused(home: Path, failure: str, offer: Offer | None = None) -> str:
    with pytest.raises(JobFailed) as raised:
        compute.start(onnx.job(offer or offer_of(home), Setup(threads=1), home, {})).stop()
    assert raised.value.failure == failure, raised.value.message
    assert str(home) not in raised.value.message
    return raised.value.message


def test_pictures_are_prepared_as_the_model_says(of_folder: Callable[..., Running], tmp_path: Path) -> None:
    """Red or blue, of a graph that takes colours last, the other way round, in numbers from 0 to 255."""
    (tmp_path / "config.json").write_text(json.dumps({"id2label": {"0": "red", "1": "blue"}}))
    said = {
        "size": {"height": 4, "width": 4},
        "do_rescale": False,
        "image_mean": [0, 0, 0],
        "do_flip_channel_order": True,
    }
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(said))
    pick = np.array([[0, 0.02], [0, 0], [0.02, 0]], np.float32)  # blue comes first
    nodes = [
        graphs.node("ReduceMean", ["picture"], ["colour"], axes=[1, 2], keepdims=0),
        graphs.node("MatMul", ["colour", "pick"], ["told"]),
    ]
    ports = [("picture", graphs.F32, ["batch", 4, 4, 3])]
    graphs.write(
        tmp_path / "model.onnx", ports, [("told", graphs.F32, ["batch", 2])], nodes, [graphs.tensor("pick", pick)]
    )
    assert offer_of(tmp_path).abilities == {"image-classification"}
    running = of_folder(tmp_path)
    for colour, label in (((255, 0, 0), "red"), ((0, 0, 255), "blue")):
        told = ask(
            running, "/task", {"task": "image-classification", "inputs": picture(Image.new("RGB", (50, 20), colour))}
        )
        assert told[0]["label"] == label
        assert told[0]["score"] > 0.9
    for hostile in ("!", base64.b64encode(b"GIF89a" + b"\xff" * 50).decode(), "http://127.0.0.1/", bomb()):
        assert refusal(running, "/task", {"task": "image-classification", "inputs": hostile})["message"]


def picture(image: Image.Image) -> str:
    out = io.BytesIO()
    image.save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def bomb() -> str:
    """A picture that says it has 10^10 points, in a few bytes."""
    data = base64.b64decode(picture(Image.new("RGB", (1, 1))))
    return base64.b64encode(data[:16] + struct.pack(">II", 100_000, 100_000) + data[24:]).decode()


def test_what_a_model_is_for_is_never_read_from_its_name(tmp_path: Path) -> None:
    classifier(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(MOOD | {"id2label": {"0": "fits"}}))
    assert offer_of(tmp_path).abilities == {"rerank"}
    (tmp_path / "config.json").write_text(json.dumps(MOOD | {"architectures": ["BertForMaskedLM"]}))
    assert offer_of(tmp_path).abilities == {"fill-mask"}
    (tmp_path / "tokenizer.json").unlink()
    found = onnx.look(model_of(folder=tmp_path), Setup())
    assert isinstance(found, Refusal)
    assert "tokenizer.json" in found.reason


@pytest.mark.rules
def test_what_hangs_together_is_one_frame() -> None:
    drawn = """
    ....#...
    .##..#..
    .#......
    ......##
    #.#...##
    ###.....
    """
    marked = np.array([[letter == "#" for letter in line.strip()] for line in drawn.split()])
    assert sorted(ocr.parts(marked)) == [(0, 4, 3, 6), (1, 1, 3, 3), (4, 0, 6, 2), (6, 3, 8, 5)]


def wav(values: Any, rate: int, kind: int = 1, bits: int = 16, channels: int = 1) -> bytes:
    said = struct.pack("<HHIIHH", kind, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(said)) + said + b"data" + struct.pack("<I", len(values)) + values
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.rules
@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 48_000])
@pytest.mark.parametrize(("kind", "bits"), [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32)])
def test_a_tone_is_the_same_tone_at_another_rate(rate: int, kind: int, bits: int) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    data = {
        8: (tone * 127 + 128).astype("u1").tobytes(),
        16: (tone * 32_767).astype("<i2").tobytes(),
        24: (tone * (2**23 - 1)).astype("<i4").view("u1").reshape(-1, 4)[:, :3].tobytes(),
        32: (tone * (2**31 - 1)).astype("<i4").tobytes() if kind == 1 else tone.astype("<f4").tobytes(),
    }[bits]
    heard = sound.read(wav(data, rate, kind, bits), 16_000, 60)
    assert len(heard) == 16_000
    heights = np.abs(np.fft.rfft(heard))
    assert heights.argmax() == 440
    assert heights[440] / 8_000 == pytest.approx(0.5, abs=0.05)
    assert np.delete(heights, range(430, 451)).max() < 0.02 * heights[440]


@pytest.mark.rules
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"OggS" + b"\0" * 100,
        b"RIFF\0\0\0\0WAVE",
        wav(b"", 16_000),
        wav(b"\0" * 100, 16_000, channels=0),
        wav(b"\0" * 100, 16_000, kind=7),
        wav(b"\0" * 200_000, 1_000),
    ],
)
def test_what_is_no_sound_is_refused(data: bytes) -> None:
    with pytest.raises(Refused):
        sound.read(data, 16_000, 60)


@pytest.mark.rules
def test_a_tone_stands_where_it_is_heard() -> None:
    """The filters that the tone falls into are the loudest, all the time, and nothing is heard after its end."""
    filters = whisper.filters(80)
    tone = np.sin(2 * np.pi * 1_000 * np.arange(16_000) / 16_000).astype(np.float32)
    found = whisper.spectrum(tone, filters)
    assert found.shape == (1, 80, 3_000)
    at = int(filters[:, round(1_000 / 40)].argmax())
    assert (np.abs(found[0, :, 5:95].argmax(0) - at) <= 1).all()
    assert found[0, :, 200:].max() == found.min()


@pytest.mark.rules
def test_a_step_has_so_many_tokens_however_long_texts_are() -> None:
    lengths = [900, 400, 300, 30, 2]
    mask = np.array([[at < length for at in range(900)] for length in lengths], np.int64)
    whole = Batch(mask * 7, mask, mask, int(mask.sum()), [[at] for at in range(5)])
    parts = list(whole.parts(1_000))
    assert [one.ids.shape for one in parts] == [(1, 900), (2, 400), (2, 30)]
    assert [one.tokens for one in parts] == [900, 700, 32]
    assert [offset for one in parts for offset in one.offsets] == whole.offsets
    assert parts[2].ids.tolist() == (mask[3:, :30] * 7).tolist()
    from_the_right = Batch(mask, mask[:, ::-1], mask, int(mask.sum()))
    assert [one.ids.shape for one in from_the_right.parts(1_000)] == [(1, 900), (2, 900), (2, 900)]


@pytest.mark.rules
@pytest.mark.parametrize(("mode", "colour"), [("RGB", (255, 0, 0)), ("RGBA", (255, 0, 0, 0)), ("P", 0)])
def test_a_huge_picture_is_made_smaller_before_it_is_turned(mode: str, colour: Any) -> None:
    """What is clear is white; how large it was, the right way up, is still known."""
    drawn = Image.new(mode, (4_000, 3_200), colour)
    if mode != "P":
        drawn.paste((0, 0, 255, 255)[: len(mode)], (0, 0, 2_000, 3_200))
    exif = Image.Exif()
    exif[0x112] = 6  # lies on its side
    out = io.BytesIO()
    drawn.save(out, "PNG", exif=exif)
    found = pictures.opened(out.getvalue())
    assert (found.mode, found.size, pictures.full_size(found)) == ("RGB", (1_600, 2_000), (3_200, 4_000))
    below = {"RGB": (255, 0, 0), "RGBA": (255, 255, 255), "P": (0, 0, 0)}[mode]
    assert (found.getpixel((800, 100)), found.getpixel((800, 1_900))) == ((0, 0, 255) if mode != "P" else below, below)
    small = pictures.opened(picture_bytes(Image.new("RGB", (30, 20))))
    assert (small.size, pictures.full_size(small)) == ((30, 20), (30, 20))


def picture_bytes(image: Image.Image) -> bytes:
    return base64.b64decode(picture(image))


@pytest.mark.rules
def test_a_long_sound_is_heard_piece_by_piece() -> None:
    data = (np.arange(16_000 * 7) % 2_000).astype("<i2").tobytes()
    pieces = list(sound.pieces(wav(data, 16_000), 16_000, 60, 3))
    assert [len(one) for one in pieces] == [48_000, 48_000, 16_000]
    assert np.concatenate(pieces) == pytest.approx(sound.read(wav(data, 16_000), 16_000, 60))
    with pytest.raises(Refused, match="minutes long"):
        sound.check(wav(data, 16_000), 6)


def test_what_was_read_when_its_caller_left_counts() -> None:
    graph: Any = object.__new__(Graph)
    graph.session = SimpleNamespace(run=lambda *_: ["vectors"])
    call = serving.Call(is_left=True)
    before = serving._current.set(call)
    with pytest.raises(serving.Left):
        graph.run({}, ["logits"], 7)
    serving._current.reset(before)
    assert call.prompt_tokens == 7
