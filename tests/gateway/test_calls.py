"""OpenAI's calls under /v1: answered, refused in words, recorded, and only for who may read the model."""

import json
from typing import Any

import pytest

from freehold.core import clock
from freehold.usage.tables import Budget, Price
from tests.fixtures.engines import LIMIT_TOKENS, PROMPT_TOKENS
from tests.gateway.conftest import REVISION, Hub


def events(answer: Any) -> list[Any]:
    """What a stream said, in order; the closing word as it is."""
    told = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in told]


def test_an_answer_says_who_gave_it_and_is_recorded(hub: Hub) -> None:
    answer = hub.ask(max_tokens=3)
    assert answer.status_code == 200
    told = answer.json()
    assert told["choices"][0]["message"]["content"] == "w0 w1 w2"
    assert told["model"] == "lab/it"
    assert told["freehold"] == {"endpoint": "lab/it", "model": "lab/it", "revision": REVISION}
    assert answer.headers["X-Freehold-Revision"] == REVISION
    (meter,) = hub.meters()
    assert (meter.prompt_tokens, meter.completion_tokens, meter.outcome) == (PROMPT_TOKENS, 3, "ok")
    assert (meter.served_name, meter.kind, meter.revision) == ("lab/it", "chat", REVISION)
    assert meter.request_id == answer.headers["X-Request-Id"]


def test_a_stream_names_the_model_and_ends(hub: Hub) -> None:
    answer = hub.ask(stream=True, max_tokens=2)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    *told, last = events(answer)
    assert last == "[DONE]"
    assert "".join(one["choices"][0]["delta"].get("content", "") for one in told) == "w0 w1 "
    assert {one["model"] for one in told} == {"lab/it"}
    assert [("usage" in one, "timings" in one) for one in told] == [(False, False)] * 3
    (meter,) = hub.meters()
    assert (meter.completion_tokens, meter.outcome) == (2, "ok")


def test_any_case_of_a_name_and_its_revision_are_understood(hub: Hub) -> None:
    assert hub.ask(model=f"LAB/It@{REVISION[:8]}").status_code == 200


def test_what_an_engine_understands_goes_through_and_what_is_the_hubs_does_not(hub: Hub) -> None:
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
    form = {"type": "json_schema", "json_schema": {"name": "it", "schema": {"type": "object"}}}
    given = {"tools": tools, "response_format": form, "seed": 7, "stop": ["x"], "logprobs": True, "grammar": "root"}
    hub.ask(**given, temperature=0.5, id_slot=0, user="alice")
    seen = hub.engine.seen[-1]
    assert {name: seen[name] for name in given} == given
    assert seen["temperature"] == 0.5
    assert {"id_slot", "user"} & seen.keys() == set()


#: What is sent, and the part of it that is said to be wrong.
BAD = (
    (b"{", None),
    (b"[1]", None),
    (b"[" * 100_000, None),
    (b"\xff", None),
    (b'{"messages": []}', "model"),
    (b'{"model": "lab/it"}', "messages"),
    (b'{"model": "lab/it", "messages": "hello"}', "messages"),
    (b'{"model": "lab/it", "messages": ["hello"]}', "messages[0]"),
    (b'{"model": "lab/it", "messages": [{"role": "user"}], "stream": 1}', "stream"),
    (b'{"model": "lab/it", "messages": [{"role": "user"}], "n": 1000}', "n"),
    (b'{"model": "lab/it", "messages": [{"role": "user"}], "max_tokens": "many"}', "max_tokens"),
    (
        b'{"model": "lab/it", "messages": [{"role": "user"}], "response_format": {"type": "json_schema"}}',
        "response_format",
    ),
)


def test_a_body_that_cannot_be_understood_is_told_where(hub: Hub) -> None:
    for body, param in BAD:
        answer = hub.client.post("/v1/chat/completions", content=body, headers=hub.cast.alice.headers)
        assert answer.status_code == 400, body[:100]
        error = answer.json()["error"]
        assert (error["type"], error["param"]) == ("invalid_request_error", param), body[:100]
    assert hub.engine.seen == []


def test_a_prompt_that_is_too_long_says_the_limit(hub: Hub) -> None:
    for word in ("long", "x" * 10_000_000):
        answer = hub.ask(word)
        assert answer.status_code == 400
        error = answer.json()["error"]
        assert error["code"] == "context_length_exceeded"
        assert f"This model's maximum context length is {LIMIT_TOKENS} tokens" in error["message"]
        assert error["param"] == "messages"
    assert len(hub.engine.seen) == 1  # ten megabytes were not sent on
    for path, given, param in (("completions", "prompt", "prompt"), ("responses", "input", "input")):
        for word in ("long", "x" * 7000):
            error = hub.ask(path=path, **{given: word}).json()["error"]
            assert (error["code"], error["param"]) == ("context_length_exceeded", param)


def test_a_body_over_the_limit_is_refused(hub: Hub) -> None:
    answer = hub.ask("x" * (33 << 20))
    assert answer.status_code == 413
    assert "32 MiB" in answer.json()["error"]["message"]


def test_a_model_that_does_not_do_it_says_what_it_does(hub: Hub) -> None:
    answer = hub.ask(path="embeddings", input="hello")
    assert answer.status_code == 400
    assert "chat" in answer.json()["error"]["message"]


def test_embeddings_and_sound_are_answered(hub: Hub) -> None:
    hub.serve("lab/vectors", abilities=["embeddings", "transcription"])
    answer = hub.ask(path="embeddings", model="lab/vectors", input=["a", "b"])
    assert [one["embedding"] for one in answer.json()["data"]] == [[1.0, 0.0], [1.0, 0.0]]
    heard = hub.client.post(
        "/v1/audio/transcriptions",
        data={"model": "lab/vectors", "language": "en"},
        files={"file": ("it.wav", b"RIFF", "audio/wav")},
        headers=hub.cast.alice.headers,
    )
    assert heard.json()["text"] == "heard it"
    form = hub.engine.seen[-1]["form"]
    assert "RIFF" in form
    assert 'name="language"' in form
    assert [one.kind for one in hub.meters()] == ["embeddings", "transcription"]


@pytest.mark.parametrize(("word", "code"), [("crash", "engine_lost"), ("break", "engine_failed")])
def test_an_engine_that_breaks_off_ends_the_stream_with_an_error_and_the_next_call_works(
    hub: Hub, word: str, code: str
) -> None:
    told = events(hub.ask(word, stream=True))
    assert told[-1]["error"]["code"] == code
    assert hub.ask().status_code == 200
    failed, good = hub.meters()
    assert (failed.outcome, failed.completion_tokens, good.outcome) == ("failed", 2, "ok")


def test_a_crash_before_the_answer_has_a_status_of_its_own(hub: Hub) -> None:
    hub.store.failing = None
    hub.engine.address = "http://127.0.0.1:9"
    answer = hub.ask()
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "engine_lost"


def test_a_budget_that_ends_in_the_middle_ends_the_stream(hub: Hub) -> None:
    now, mine = clock.now(), hub.cast.alice.id
    with hub.database.write() as db:
        db.add(Price(key="default", input_price=0, cached_price=0, output_price=10**6, second_price=0, changed_at=now))
        db.add(Budget(id="b", key=f"{mine}/-/-", account_id=mine, amount_micros=3, is_hard=True, changed_at=now))
    last = events(hub.ask("large", stream=True, max_tokens=2000))[-1]
    assert last["error"]["code"] == "insufficient_quota"
    (meter,) = hub.meters()
    assert meter.outcome == "cut"
    assert meter.completion_tokens == hub.engine.totals["completion"] < 2000
    refused = hub.ask()
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "insufficient_quota")


# ---- who may call ------------------------------------------------------------------------------------------


def test_a_private_model_is_called_and_listed_by_its_readers_alone(hub: Hub) -> None:
    for person, may in ((hub.cast.alice, True), (hub.cast.bob, True), (hub.cast.charlie, False)):
        listed = [one["id"] for one in hub.client.get("/v1/models", headers=person.headers).json()["data"]]
        assert ("lab/ours" in listed, "lab/it" in listed) == (may, True)
        assert hub.ask(who=person, model="lab/ours").status_code == (200 if may else 404)
        one = hub.client.get("/v1/models/lab%2Fours", headers=person.headers)
        assert one.status_code == (200 if may else 404)


def test_an_unknown_model_says_close_names_that_one_may_call(hub: Hub) -> None:
    error = hub.ask(who=hub.cast.charlie, model="lab/our").json()["error"]
    assert error["code"] == "model_not_found"
    assert "lab/ours" not in error["message"]
    assert "lab/ours" in hub.ask(model="lab/our").json()["error"]["message"]
    unknown, hidden = (hub.ask(who=hub.cast.charlie, model=name).json()["error"] for name in ("lab/xyzzy", "lab/ours"))
    assert hidden["message"] == unknown["message"].replace("lab/xyzzy", "lab/ours")


def test_a_read_token_calls_and_no_token_does_not(hub: Hub) -> None:
    body = {"model": "lab/it", "messages": [{"role": "user", "content": "hello"}]}
    assert hub.client.post("/v1/chat/completions", json=body, headers=hub.cast.bob.read_headers).status_code == 200
    refused = hub.client.post("/v1/chat/completions", json=body)
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "invalid_api_key"
    assert hub.client.get("/v1/models").json()["data"] == []
    wrong = hub.client.post("/v1/chat/completions", json=body, headers={"Authorization": "Bearer hf_nobody"})
    assert wrong.status_code == 401
    assert wrong.json()["error"]["type"] == "authentication_error"


def test_an_organisation_pays_for_its_own_people_alone(hub: Hub) -> None:
    body = {"model": "lab/it", "messages": [{"role": "user", "content": "hello"}]}
    for person, status in ((hub.cast.bob, 200), (hub.cast.charlie, 403)):
        headers = {**person.headers, "OpenAI-Organization": "lab"}
        assert hub.client.post("/v1/chat/completions", json=body, headers=headers).status_code == status
    (meter,) = hub.meters()
    assert (meter.payer_id != hub.cast.bob.id, meter.user_id) == (True, hub.cast.bob.id)


def test_an_address_that_is_none_says_which_there_are(hub: Hub) -> None:
    def said(method: str, path: str, **more: Any) -> tuple[int, str, str]:
        headers = {**hub.cast.alice.headers, **more}
        answer = hub.client.request(method, f"/v1/{path}", content=b"{}", headers=headers)
        return answer.status_code, answer.json()["error"]["code"], answer.json()["error"]["message"]

    assert said("POST", "nothing")[:2] == (404, "unknown_url")
    assert "/v1/chat/completions" in said("POST", "nothing")[2]
    for path, told in (
        ("images/generations", "pictures"),
        ("responses/resp_1", "Nothing is kept"),
        ("messages", "OpenAI's API"),
        ("v1/chat/completions", "yours has two"),
    ):
        assert told in said("POST", path)[2], path
    assert said("GET", "chat/completions/x")[:2] == (404, "unknown_url")
    assert said("GET", "completions")[:2] == (405, "method_not_allowed")
    assert said("PUT", "chat/completions")[:2] == said("OPTIONS", "embeddings")[:2] == (405, "method_not_allowed")
    assert said("POST", "chat/completions", **{"Content-Encoding": "gzip"})[:2] == (415, "unsupported_encoding")
    assert said("GET", "models", Authorization="Bearer hf_nobody")[:2] == (401, "invalid_api_key")


def test_a_sound_is_told_in_the_form_that_is_asked_for(hub: Hub) -> None:
    hub.serve("lab/ears", abilities=["transcription"])

    def hear(**fields: str) -> Any:
        sent = {"data": {"model": "lab/ears", **fields}, "files": {"file": ("it.wav", b"RIFF")}}
        return hub.client.post("/v1/audio/transcriptions", headers=hub.cast.alice.headers, **sent)

    assert hear(response_format="json", temperature="0", stream="false").json()["text"] == "heard it"
    assert 'name="response_format"\r\n\r\njson' in hub.engine.seen[-1]["form"]
    events = [json.loads(line[6:]) for line in hear(stream="true").text.splitlines() if line.startswith("data: {")]
    assert [one["type"] for one in events] == ["transcript.text.delta", "transcript.text.done"]
    assert (events[0]["delta"], events[1]["text"]) == ("heard it", "heard it")
    for field, value in (("response_format", "odt"), ("stream", "perhaps"), ("temperature", "hot")):
        refused = hear(**{field: value})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, field)
    assert [(one.kind, one.completion_tokens, one.estimated_tokens) for one in hub.meters()] == [
        ("transcription", 3, 0), ("transcription", 3, 0),
    ], "what was written for it"  # fmt: skip


def test_documents_are_ranked_as_their_clients_send_them(hub: Hub) -> None:
    hub.serve("lab/ranks", abilities=["rerank"])
    asked = {
        "model": "lab/ranks",
        "query": "q",
        "documents": [{"text": "a"}, "b"],
        "return_documents": True,
        "top_n": 1,
    }
    answer = hub.client.post("/v2/rerank", json=asked, headers=hub.cast.alice.headers).json()
    assert hub.engine.seen[-1]["documents"] == ["a", "b"]
    assert answer["results"] == [{"index": 1, "relevance_score": 0.5, "document": {"text": "b"}}]
    assert "document" not in hub.ask(path="rerank", **{**asked, "return_documents": False}).json()["results"][0]
    for given, param in (({"documents": [7]}, "documents[0]"), ({"top_n": 0}, "top_n")):
        assert hub.ask(path="rerank", **{**asked, **given}).json()["error"]["param"] == param
