"""Task calls as the official client makes them: to the address of a model."""

import base64
import json
from types import SimpleNamespace
from typing import Any

import pytest

from freehold.gateway.generated import Generation
from freehold.inference.rules import Measured
from tests.gateway.conftest import REVISION, Hub


def post(hub: Hub, path: str, who: Any = None, **given: Any) -> Any:
    return hub.client.post(path, json=given, headers=(who or hub.cast.alice).headers)


def test_text_goes_on(hub: Hub) -> None:
    answer = post(hub, "/models/lab/it", inputs="hello", parameters={"max_new_tokens": 2, "temperature": None})
    assert answer.json() == [{"generated_text": "w0 w1"}]
    given = {"max_new_tokens": 2, "details": True, "return_full_text": True, "grammar": {"type": "json", "value": {}}}
    (told,) = post(hub, "/hf-inference/models/lab/it", inputs="hello", parameters=given).json()
    assert told["generated_text"] == "hellow0 w1"
    assert (told["details"]["generated_tokens"], told["details"]["finish_reason"]) == (2, "length")
    assert hub.engine.seen[-1]["json_schema"] == {}


def test_text_goes_on_token_by_token(hub: Hub) -> None:
    answer = post(hub, "/models/lab/it", inputs="hello", parameters={"max_new_tokens": 2}, stream=True)
    said = [json.loads(line[5:]) for line in answer.text.splitlines() if line.startswith("data:")]
    assert [one["token"]["text"] for one in said] == ["w0 ", "w1 ", ""]
    assert [one["generated_text"] for one in said] == [None, None, "w0 w1 "]
    assert said[-1]["details"]["generated_tokens"] == 2
    broken = post(hub, "/models/lab/it", inputs="break", stream=True).text.splitlines()
    assert json.loads([line for line in broken if line][-1][5:])["error_type"] == "generation"


STOPS = {"details": True, "stop": ["Paris"]}


def reply(engine: str, tokens: int) -> Any:
    return SimpleNamespace(target=SimpleNamespace(engine=engine), measured=Measured(7, 0, tokens))


@pytest.mark.parametrize(
    ("engine", "choice", "parameters", "reason"),
    [
        ("llama.cpp", {"finish_reason": "length"}, STOPS, "length"),
        ("llama.cpp", {"logprobs": {"content": [{}, {}]}}, STOPS, "eos_token"),  # with the end itself
        ("llama.cpp", {"logprobs": {"content": [{}]}}, STOPS, "stop_sequence"),
        ("llama.cpp", {"logprobs": None}, STOPS, "stop_sequence"),
        ("llama.cpp", {"logprobs": None}, {"details": True}, "eos_token"),
        ("vllm", {"stop_reason": "Paris"}, STOPS, "stop_sequence"),
        ("vllm", {"stop_reason": None}, STOPS, "eos_token"),
    ],
)
def test_what_ended_a_text_is_told(engine: str, choice: Any, parameters: Any, reason: str) -> None:
    said = {"choices": [{"text": "It is ", "finish_reason": "stop"} | choice]}
    (told,) = json.loads(Generation({"parameters": parameters}).whole(json.dumps(said).encode(), reply(engine, 2)))
    assert told["details"]["finish_reason"] == reason


@pytest.mark.parametrize(
    ("engine", "texts", "end", "reason"),
    [
        ("llama.cpp", ["It ", "is "], {}, "stop_sequence"),
        ("llama.cpp", ["It ", ""], {}, "eos_token"),  # the last one is the model's own end
        ("llama.cpp", [], {}, "eos_token"),
        ("vllm", ["It "], {"stop_reason": "Paris"}, "stop_sequence"),
        ("vllm", ["It "], {}, "eos_token"),
    ],
)
def test_what_ended_a_stream_is_told(engine: str, texts: list[str], end: Any, reason: str) -> None:
    shape, answered = Generation({"parameters": STOPS}), reply(engine, 2)
    choices = [*({"text": text, "finish_reason": None} for text in texts), {"text": "", "finish_reason": "stop"} | end]
    for choice in choices:
        shape.piece(json.dumps({"choices": [choice]}).encode(), answered)
    assert json.loads(shape.last(answered)[5:])["details"]["finish_reason"] == reason


def test_llama_is_asked_to_show_what_ended_a_text_where_it_matters(hub: Hub) -> None:
    for parameters, is_shown in ((STOPS, True), ({"stop": ["Paris"]}, False), ({"details": True}, False)):
        post(hub, "/models/lab/it", inputs="hello", parameters=parameters)
        assert ("logprobs" in hub.engine.seen[-1]) is is_shown
    post(hub, "/models/lab/it", inputs="hello", parameters=STOPS, stream=True)
    assert "logprobs" not in hub.engine.seen[-1], "its tokens show it as they come"


def test_a_prompt_is_cut_or_refused_and_never_read_whole_unseen(hub: Hub) -> None:
    hub.serve("lab/cutting", engine="vllm")
    post(hub, "/models/lab/cutting", inputs="one two three", parameters={"truncate": 2})
    assert hub.engine.seen[-1]["truncate_prompt_tokens"] == 2
    assert post(hub, "/models/lab/it", inputs="one two three", parameters={"truncate": 200}).status_code == 200
    assert "truncate_prompt_tokens" not in hub.engine.seen[-1], "it is sure to be no more tokens than that"
    refused = post(hub, "/models/lab/it", inputs="one two three", parameters={"truncate": 2})
    assert (refused.status_code, refused.json()["error_type"]) == (400, "validation")
    assert "cuts no prompt to 2 tokens" in refused.json()["error"]
    for parameters in ({"truncate": 0}, {"truncate": "all"}, {"best_of": 2}, {"watermark": True}, {"top_n_tokens": 5}):
        assert post(hub, "/models/lab/it", inputs="one", parameters=parameters).status_code == 400, parameters


def test_vectors_are_of_whole_texts_or_of_their_beginning_as_the_call_says(hub: Hub) -> None:
    hub.serve("lab/vectors", abilities=["embeddings"], engine="encoder")
    for truncate, is_cut in ((None, True), (True, True), (False, False)):
        post(hub, "/models/lab/vectors", inputs="a", truncate=truncate)
        assert hub.engine.seen[-1].get("truncate", False) is is_cut
    hub.serve("lab/elsewhere", abilities=["embeddings"], engine="remote")
    post(hub, "/models/lab/elsewhere", inputs="a")
    assert "truncate" not in hub.engine.seen[-1], "what OpenAI's own API does not know it refuses"
    for wrong in ({"prompt_name": "query"}, {"truncation_direction": "left"}):
        assert post(hub, "/models/lab/vectors", inputs="a", **wrong).status_code == 400, wrong


def test_vectors_are_compared_for_a_model_that_gives_them(hub: Hub) -> None:
    hub.serve("lab/vectors", abilities=["embeddings"])
    assert post(hub, "/models/lab/vectors", inputs="a").json() == [1.0, 0.0]
    path = "/models/lab/vectors/pipeline/feature-extraction"
    assert post(hub, path, inputs=["a", "b"]).json() == [[1.0, 0.0], [1.0, 0.0]]
    asked = {"source_sentence": "a", "sentences": ["b", "c"]}
    assert post(hub, "/models/lab/vectors/pipeline/sentence-similarity", inputs=asked).json() == [1.0, 1.0]
    assert post(hub, "/models/lab/vectors", inputs=7).status_code == 400


def test_a_picture_goes_to_the_engine_with_its_parameters(hub: Hub) -> None:
    hub.serve("lab/eyes", abilities=["image-classification"])
    sent = {"content": b"\x89PNG", "headers": {**hub.cast.alice.headers, "Content-Type": "image/png"}}
    assert hub.client.post("/models/lab/eyes", **sent).json() == [[{"label": "good", "score": 0.75}]]
    picture = base64.b64encode(b"\x89PNG").decode()
    seen = hub.engine.seen[-1]
    assert (seen["task"], seen["inputs"], seen["parameters"]) == ("image-classification", picture, {})
    post(hub, "/models/lab/eyes", inputs=picture, parameters={"top_k": 2})
    assert (hub.engine.seen[-1]["inputs"], hub.engine.seen[-1]["parameters"]) == (picture, {"top_k": 2})
    assert [one.prompt_tokens for one in hub.meters()] == [4, 4]


def test_what_is_asked_says_which_of_two_tasks_it_is(hub: Hub) -> None:
    """The official client names no task: labels to choose from are those of a call, or the model's own."""
    hub.serve("lab/judge", abilities=["classification", "zero-shot-classification"])
    post(hub, "/models/lab/judge", inputs="hello", parameters={"candidate_labels": ["a", "b"]})
    assert hub.engine.seen[-1]["task"] == "zero-shot-classification"
    assert hub.engine.seen[-1]["parameters"] == {"candidate_labels": ["a", "b"]}
    post(hub, "/models/lab/judge", inputs="hello")
    assert hub.engine.seen[-1]["task"] == "text-classification"
    hub.serve("lab/answers", abilities=["question-answering"])
    asked = {"question": "who?", "context": "somebody"}
    post(hub, "/models/lab/answers", inputs=asked)
    assert (hub.engine.seen[-1]["task"], hub.engine.seen[-1]["inputs"]) == ("question-answering", asked)
    wrong = post(hub, "/models/lab/answers", inputs="hello", parameters={"candidate_labels": ["a", "b"]})
    assert (wrong.status_code, "question-answering" in wrong.json()["error"]) == (400, True)


def test_sound_is_heard(hub: Hub) -> None:
    hub.serve("lab/ears", abilities=["transcription"])
    sent = {"content": b"RIFF", "headers": {**hub.cast.alice.headers, "Content-Type": "audio/wav"}}
    assert hub.client.post("/models/lab/ears", **sent).json() == {"text": "heard it"}


def test_a_chat_goes_to_the_model_that_the_address_names(hub: Hub) -> None:
    said = [{"role": "user", "content": "hello"}]
    form = {"type": "json_object", "value": {"type": "object"}}
    path = "/models/lab/it/v1/chat/completions"
    answer = post(hub, path, model="dummy", messages=said, response_format=form).json()
    assert answer["model"] == "lab/it"
    assert hub.engine.seen[-1]["response_format"]["json_schema"]["schema"] == {"type": "object"}


def test_a_refusal_is_in_the_clients_own_form(hub: Hub) -> None:
    wrong = post(hub, "/models/lab/it", inputs={"source_sentence": "a", "sentences": []})
    assert wrong.status_code == 400
    assert "text-generation" in wrong.json()["error"]
    hidden = post(hub, "/models/lab/ours", hub.cast.charlie, inputs="hello")
    assert (hidden.status_code, hidden.headers["X-Error-Code"]) == (404, "model_not_found")
    long = post(hub, "/models/lab/it", inputs="long")
    assert (long.status_code, long.json()["error_type"]) == (400, "validation")


def test_a_text_goes_on_at_the_models_own_address(hub: Hub) -> None:
    """As @huggingface/inference asks for it."""
    body = {"model": "whatever", "prompt": "hello", "max_tokens": 2}
    answer = hub.client.post("/models/lab/it/v1/completions", json=body, headers=hub.cast.alice.headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["model"] == "lab/it"
    hidden = hub.client.post("/models/lab/ours/v1/completions", json=body, headers=hub.cast.charlie.headers)
    assert hidden.status_code == 404


def test_bytes_are_taken_for_what_they_are_where_nothing_says_it(hub: Hub) -> None:
    hub.serve("lab/ears", abilities=["transcription"])
    sent = {"content": b"RIFF", "headers": hub.cast.alice.headers}  # as the client sends what it was given as bytes
    assert hub.client.post("/models/lab/ears", **sent).json() == {"text": "heard it"}


def test_what_is_sent_for_one_task_is_not_answered_by_another(hub: Hub) -> None:
    hub.serve("lab/judge", abilities=["classification"])
    for sent in (
        {"inputs": "a", "stream": True},
        {"inputs": "a", "parameters": {"candidate_labels": ["b"]}},
        {"inputs": {"question": "a", "context": "b"}},
        {"inputs": "a", "parameters": {"aggregation_strategy": "simple"}},
    ):
        answer = post(hub, "/models/lab/judge", **sent)
        assert (answer.status_code, answer.json()["error_type"]) == (400, "validation"), sent
        assert "does not do" in answer.json()["error"]
    headers = {**hub.cast.alice.headers, "Accept": "image/png"}
    assert "no pictures" in hub.client.post("/models/lab/it", json={"inputs": "a cat"}, headers=headers).json()["error"]


def test_parameters_of_a_text_mean_what_the_client_says(hub: Hub) -> None:
    post(hub, "/models/lab/it", inputs="hello", parameters={"do_sample": True})
    assert hub.engine.seen[-1]["temperature"] == 1
    post(hub, "/models/lab/it", inputs="hello", parameters={"do_sample": True, "temperature": 0.5})
    assert hub.engine.seen[-1]["temperature"] == 0.5
    assert post(hub, "/models/lab/it", inputs="hello", parameters={"temperature": "hot"}).status_code == 400
    hub.serve("lab/vectors", abilities=["embeddings"])
    post(hub, "/models/lab/vectors", inputs="a", dimensions=2, normalize=True)
    assert hub.engine.seen[-1]["dimensions"] == 2


def test_a_model_says_what_it_is_to_who_may_call_it(hub: Hub) -> None:
    def get(path: str, who: Any) -> Any:
        return hub.client.get(f"/models/lab/{path}", headers=who.headers)

    told = get("ours/info", hub.cast.alice).json()
    assert (told["model_id"], told["model_sha"], told["max_total_tokens"]) == ("lab/ours", REVISION, 100)
    assert get("it/health", hub.cast.charlie).status_code == 200
    hidden = [get(f"{name}/{path}", hub.cast.charlie) for path in ("info", "health") for name in ("ours", "none")]
    assert [one.status_code for one in hidden] == [404] * 4
    assert "error_type" not in hidden[0].json()
    assert hidden[0].json()["error"].replace("ours", "none") == hidden[1].json()["error"]
