"""Tasks of the official client by graphs of a few operators: answered as its own types read them, and as a plain
computation over the same numbers has it."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub.inference._generated import types
from PIL import Image

from freehold.compute.rules import Running
from freehold.engines import onnx
from freehold.engines.rules import Refusal, Setup
from scripts.looking import model_of
from tests.engines.asking import ask, refusal
from tests.engines.conftest import VOCABULARY, write_tokenizer
from tests.engines.test_onnx import TOKENS, classifier, picture, wav
from tests.fixtures import graphs

QUESTION, CONTEXT = "is the river good", "the bad city is a good river the citys"


def able(folder: Path) -> set[str]:
    found = onnx.look(model_of(folder=folder), Setup())
    assert not isinstance(found, Refusal), found
    return set(found[0].abilities)


# ---- answers in a text ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def answers(of_folder: Callable[..., Running], tmp_path_factory: pytest.TempPathFactory) -> Running:
    """An answer begins with "good" and ends with "river": scores of the words."""
    folder = tmp_path_factory.mktemp("answers")
    write_tokenizer(folder)
    config = {"architectures": ["BertForQuestionAnswering"], "model_type": "bert", "max_position_embeddings": 20}
    (folder / "config.json").write_text(json.dumps(config))
    starts, ends = np.zeros(len(VOCABULARY), np.float32), np.zeros(len(VOCABULARY), np.float32)
    starts[VOCABULARY.index("good")], starts[VOCABULARY.index("city")] = 4, 3
    ends[VOCABULARY.index("river")], ends[VOCABULARY.index("city")], ends[VOCABULARY.index("##s")] = 4, 2, 1
    nodes = [
        graphs.node("Gather", ["starts", "input_ids"], ["start_logits"]),
        graphs.node("Gather", ["ends", "input_ids"], ["end_logits"]),
        graphs.node("Identity", ["attention_mask"], ["unused"]),
    ]
    outputs = [(name, graphs.F32, ["batch", "tokens"]) for name in ("start_logits", "end_logits")]
    weights = [graphs.tensor("starts", starts), graphs.tensor("ends", ends)]
    graphs.write(folder / "model.onnx", TOKENS, outputs, nodes, weights)
    assert able(folder) == {"question-answering"}
    return of_folder(folder)


def asked(**parameters: Any) -> dict[str, Any]:
    inputs = {"question": QUESTION, "context": CONTEXT}
    return {"task": "question-answering", "inputs": inputs, "parameters": parameters}


def test_the_answer_stands_in_the_text(answers: Running) -> None:
    told = types.QuestionAnsweringOutputElement.parse_obj(ask(answers, "/task", asked()))
    assert isinstance(told, types.QuestionAnsweringOutputElement)
    assert (told.answer, CONTEXT[told.start : told.end]) == ("good river", "good river")
    # By hand, of the tokens of the context and the one that stands for "none": [CLS] the bad city is a good river the
    # city ##s, before which the question stands.
    start, end = np.exp([0, 0, 0, 3, 0, 0, 4, 0, 0, 3, 0]), np.exp([0, 0, 0, 2, 0, 0, 0, 4, 0, 2, 1])
    likely = np.outer(start / start.sum(), end / end.sum())
    assert told.score == pytest.approx(likely[6, 7], abs=1e-5)
    several = types.QuestionAnsweringOutputElement.parse_obj(ask(answers, "/task", asked(top_k=3)))
    assert [one.answer for one in several] == ["good river", "city is a good river", "good river the citys"]
    assert several[1].score == pytest.approx(likely[3, 7], abs=1e-5)
    as_tokens = ask(answers, "/task", asked(top_k=3, align_to_words=False))
    assert as_tokens[2]["answer"] == "good river the city"
    short = ask(answers, "/task", asked(top_k=5, max_answer_len=1))
    assert short[0]["answer"] == "city"
    none = ask(answers, "/task", asked(top_k=100, handle_impossible_answer=True))
    assert {"answer": "", "start": 0, "end": 0} in [{k: v for k, v in one.items() if k != "score"} for one in none]


def test_a_long_text_is_read_in_pieces(answers: Running) -> None:
    body = asked()
    body["inputs"]["context"] = "the " * 300 + "good river " + "a " * 300
    told = ask(answers, "/task", body)
    assert (told["answer"], told["start"]) == ("good river", 1200)


@pytest.mark.parametrize(
    ("inputs", "parameters", "words"),
    [
        ("text", {}, "'question' and 'context'"),
        ({"question": "a", "context": 1}, {}, "'question' and 'context'"),
        ({"question": "the " * 50, "context": "a"}, {}, "too long"),
        ({"question": "a", "context": "a"}, {"top_k": 0}, "'top_k'"),
        ({"question": "a", "context": "a" * 1_000_001}, {}, "1,000,000 characters"),
    ],
)
def test_what_is_no_question_is_refused(answers: Running, inputs: Any, parameters: dict[str, Any], words: str) -> None:
    body = {"task": "question-answering", "inputs": inputs, "parameters": parameters}
    assert words in refusal(answers, "/task", body)["message"]


# ---- what a text is about -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def entails(of_folder: Callable[..., Running], tmp_path_factory: pytest.TempPathFactory) -> Running:
    """Scores of the words of both texts, summed: "good" and "river" follow, "bad" does not."""
    folder = tmp_path_factory.mktemp("entails")
    words = np.zeros((len(VOCABULARY), 3), np.float32)
    words[VOCABULARY.index("good"), 2], words[VOCABULARY.index("river"), 2] = 2, 1
    words[VOCABULARY.index("bad"), 0] = 2
    nodes = [
        graphs.node("Gather", ["words", "input_ids"], ["each"]),
        graphs.node("ReduceSum", ["each", "axis"], ["logits"], keepdims=0),
        graphs.node("Identity", ["attention_mask"], ["unused"]),
    ]
    classifier(folder, nodes=nodes, weights=[graphs.tensor("words", words), graphs.tensor("axis", np.array([1]))])
    labels = {"0": "contradiction", "1": "neutral", "2": "ENTAILMENT"}
    said = {"architectures": ["BertForSequenceClassification"], "model_type": "bert", "id2label": labels}
    (folder / "config.json").write_text(json.dumps(said))
    assert able(folder) == {"classification", "zero-shot-classification"}
    return of_folder(folder)


def test_labels_are_weighed_against_each_other_or_each_by_itself(entails: Running) -> None:
    def told(**parameters: Any) -> list[types.ZeroShotClassificationOutputElement]:
        body = {"task": "zero-shot-classification", "inputs": "the city", "parameters": parameters}
        return types.ZeroShotClassificationOutputElement.parse_obj_as_list(ask(entails, "/task", body))

    labels = ["bad", "good", "river"]
    found = told(candidate_labels=labels)
    assert [one.label for one in found] == ["good", "river", "bad"]
    assert [one.score for one in found] == pytest.approx(np.exp([2, 1, 0]) / np.exp([2, 1, 0]).sum(), abs=1e-5)
    each = told(candidate_labels=labels, multi_label=True, hypothesis_template="{} is good")
    assert [one.score for one in each] == pytest.approx([1 / (1 + np.exp(-one)) for one in (4, 3, 0)], abs=1e-5)
    for wrong in ({"candidate_labels": []}, {"candidate_labels": ["a"], "hypothesis_template": "none"}, {}):
        body = {"task": "zero-shot-classification", "inputs": "the city", "parameters": wrong}
        assert refusal(entails, "/task", body)["message"]


# ---- things in pictures ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_sigmoid", [False, True], ids=["with a kind for nothing", "without"])
def test_things_in_pictures_have_boxes(of_folder: Callable[..., Running], tmp_path: Path, is_sigmoid: bool) -> None:
    """Two things, always at the same places, of which one is red where the picture is."""
    labels = ["cat", "dog"]
    (tmp_path / "config.json").write_text(json.dumps({"id2label": dict(enumerate(labels)), "model_type": "detr"}))
    said = {"size": {"shortest_edge": 8, "longest_edge": 12}, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(said))
    scores = np.array([[[0, 3, 0], [0, 0, 5]]], np.float32)[:, :, : 2 if is_sigmoid else 3]
    boxes = np.array([[[0.5, 0.5, 0.5, 0.25], [0.1, 0.1, 0.4, 0.1]]], np.float32)
    red = np.array([[[2, 0, 0], [0, 0, 0]]], np.float32)[:, :, : 2 if is_sigmoid else 3]
    nodes = [
        graphs.node("ReduceMean", ["pixel_values"], ["colours"], axes=[2, 3], keepdims=0),
        graphs.node("MatMul", ["colours", "first"], ["share"]),
        graphs.node("Mul", ["share", "red"], ["more"]),
        graphs.node("Add", ["more", "scores"], ["logits"]),
        graphs.node("Identity", ["boxes"], ["pred_boxes"]),
        graphs.node("Identity", ["pixel_mask"], ["unused"]),
    ]
    weights = [graphs.tensor("scores", scores), graphs.tensor("boxes", boxes), graphs.tensor("red", red)]
    weights.append(graphs.tensor("first", np.array([[1], [0], [0]], np.float32)))
    ports = [("pixel_values", graphs.F32, ["batch", 3, "h", "w"]), ("pixel_mask", graphs.I64, ["batch", 8, 8])]
    outputs = [("logits", graphs.F32, ["batch", 2, scores.shape[2]]), ("pred_boxes", graphs.F32, ["batch", 2, 4])]
    graphs.write(tmp_path / "model.onnx", ports, outputs, nodes, weights)
    assert able(tmp_path) == {"object-detection"}
    running = of_folder(tmp_path)

    def told(**parameters: Any) -> list[types.ObjectDetectionOutputElement]:
        drawn = picture(Image.new("RGB", (200, 100), (255, 0, 0)))
        body = {"task": "object-detection", "inputs": drawn, "parameters": parameters}
        return types.ObjectDetectionOutputElement.parse_obj_as_list(ask(running, "/task", body))

    row = np.exp([2.0, 3.0, 0.0])
    wanted = 1 / (1 + np.exp(-3)) if is_sigmoid else row[1] / row.sum()
    # Without a kind for nothing each kind is weighed by itself.
    assert [one.label for one in told()] == (["dog", "cat"] if is_sigmoid else ["dog"])
    (dog,) = told(threshold=0.9 if is_sigmoid else 0.6)
    assert (dog.label, dog.score) == ("dog", pytest.approx(wanted, abs=1e-5))
    assert (dog.box.xmin, dog.box.ymin, dog.box.xmax, dog.box.ymax) == (50, 37, 150, 62)
    everything = told(threshold=0.001)
    assert {one.box.xmin for one in everything} == {50, 0}  # what begins left of the picture begins with it
    body = {"task": "object-detection", "inputs": picture(Image.new("RGB", (5, 5))), "parameters": {"threshold": 2}}
    assert "'threshold'" in refusal(running, "/task", body)["message"]


# ---- pictures and texts, sounds -------------------------------------------------------------------------------------


def test_labels_that_nobody_trained_fit_a_picture(of_folder: Callable[..., Running], tmp_path: Path) -> None:
    """A red picture fits "good", a blue one "bad": the mean colour times the words of a label."""
    write_tokenizer(tmp_path)
    config = {"model_type": "clip", "architectures": ["CLIPModel"], "text_config": {"max_position_embeddings": 12}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    said = {"size": {"height": 4, "width": 4}, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(said))
    words = np.zeros((len(VOCABULARY), 3), np.float32)
    words[VOCABULARY.index("good"), 0] = words[VOCABULARY.index("bad"), 2] = 3
    nodes = [
        graphs.node("ReduceMean", ["pixel_values"], ["colours"], axes=[2, 3], keepdims=0),
        graphs.node("Gather", ["words", "input_ids"], ["each"]),
        graphs.node("ReduceSum", ["each", "axis"], ["texts"], keepdims=0),
        graphs.node("Transpose", ["texts"], ["turned"], perm=[1, 0]),
        graphs.node("MatMul", ["colours", "turned"], ["logits_per_image"]),
        graphs.node("Identity", ["attention_mask"], ["unused"]),
    ]
    ports = [*TOKENS, ("pixel_values", graphs.F32, ["batch", 3, 4, 4])]
    outputs = [("logits_per_image", graphs.F32, ["batch", "texts"])]
    weights = [graphs.tensor("words", words), graphs.tensor("axis", np.array([1]))]
    graphs.write(tmp_path / "model.onnx", ports, outputs, nodes, weights)
    assert able(tmp_path) == {"zero-shot-image-classification"}
    running = of_folder(tmp_path)
    for colour, label in (((255, 0, 0), "good"), ((0, 0, 255), "bad")):
        parameters = {"candidate_labels": ["good", "bad", "city"]}
        drawn = picture(Image.new("RGB", (9, 9), colour))
        body = {"task": "zero-shot-image-classification", "inputs": drawn, "parameters": parameters}
        found = types.ZeroShotImageClassificationOutputElement.parse_obj_as_list(ask(running, "/task", body))
        assert found[0].label == label
        assert found[0].score == pytest.approx(np.exp(3) / (np.exp(3) + 2), abs=1e-5)


def test_sounds_are_told_apart(of_folder: Callable[..., Running], tmp_path: Path) -> None:
    """By how long they are: a graph that takes them as they are, each made as loud as every other."""
    (tmp_path / "config.json").write_text(json.dumps({"id2label": {"0": "short", "1": "loud"}}))
    nodes = [
        graphs.node("ReduceSumSquare", ["input_values"], ["power"], axes=[1], keepdims=1),
        graphs.node("Mul", ["power", "scale"], ["scaled"]),
        graphs.node("Concat", ["zero", "scaled"], ["scores"], axis=1),
        graphs.node("Identity", ["scores"], ["logits"]),
    ]
    weights = [
        graphs.tensor("scale", np.array([[1e-3]], np.float32)),
        graphs.tensor("zero", np.zeros((1, 1), np.float32)),
    ]
    ports = [("input_values", graphs.F32, ["batch", "samples"])]
    graphs.write(tmp_path / "model.onnx", ports, [("logits", graphs.F32, ["batch", 2])], nodes, weights)
    assert able(tmp_path) == {"audio-classification"}
    running = of_folder(tmp_path)
    heard = wav((np.sin(np.arange(4_000) / 9) * 9_000).astype("<i2").tobytes(), 16_000)
    body = {"task": "audio-classification", "inputs": base64.b64encode(heard).decode(), "parameters": {"top_k": 1}}
    (told,) = types.AudioClassificationOutputElement.parse_obj_as_list(ask(running, "/task", body))
    assert (told.label, told.score) == ("loud", pytest.approx(1 / (1 + np.exp(-4)), abs=1e-3))
    body["inputs"] = base64.b64encode(wav(b"\0" * (16_000 * 2 * 61), 16_000)).decode()
    assert "long" in refusal(running, "/task", body)["message"]
