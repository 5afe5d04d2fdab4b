"""Routes and pipelines called under /v1: like any model, with what each engine took recorded under their name."""

from typing import Any

import pytest

from tests.discover.conftest import Publish
from tests.discover.conftest import publish as publish  # the fixture
from tests.fixtures.engines import PROMPT_TOKENS
from tests.gateway.conftest import REVISION, Hub
from tests.gateway.test_calls import events

FILE = """\
steps:
  - {name: draft, kind: generate, model: lab/it, parameters: {max_tokens: 2}}
  - {name: polish, kind: rewrite, model: lab/ours, of: draft, parameters: {max_tokens: 3}}
"""


def route(hub: Hub, kind: str, *targets: str, name: str = "lab/route", **more: Any) -> None:
    given = {"name": name, "policy": {"kind": kind, "targets": list(targets), **more}}
    made = hub.client.post("/api/routes", json=given, headers=hub.cast.alice.headers)
    assert made.status_code == 201, made.text


def test_a_route_answers_like_a_model_and_says_who_did(hub: Hub) -> None:
    guards = [{"kind": "personal", "side": "input", "does": "mask"}]
    route(hub, "pinned", "lab/it", guards=guards)
    answer = hub.ask("I am carol@example.com", model="lab/route", max_tokens=3)
    assert answer.status_code == 200, answer.text
    assert answer.json()["model"] == "lab/route" and answer.json()["freehold"]["model"] == "lab/it"
    assert answer.headers["X-Freehold-Model"] == "lab/it" and answer.headers["X-Freehold-Revision"] == REVISION
    assert answer.headers["X-Freehold-Why"] == "lab/route: pinned"
    assert answer.headers["X-Freehold-Guards"] == "input.personal.mail=mask"
    assert hub.engine.seen[-1]["messages"][-1]["content"] == "I am [mail]"
    (meter,) = hub.meters()
    assert (meter.served_name, meter.via, meter.completion_tokens) == ("lab/it", "lab/route", 3)
    recent = hub.client.get("/api/routes/lab/route/recent", headers=hub.cast.alice.headers).json()
    assert [one["outcome"] for one in recent["choices"]] == ["ok"] and recent["findings"][0]["what"] == "mail"


def test_a_blocked_question_is_an_error_as_openais_are(hub: Hub) -> None:
    route(hub, "pinned", "lab/it", guards=[{"kind": "secrets", "side": "input", "does": "block"}])
    for stream in (False, True):
        answer = hub.ask("hf_abcdefghijABCDEFGHIJabcd", model="lab/route", stream=stream)
        assert answer.status_code == 400 and answer.json()["error"]["code"] == "content_filter"
        assert "hf_abc" not in answer.text
    assert not hub.meters() and not hub.engine.seen


def test_responses_are_guarded_like_chats(hub: Hub) -> None:
    guards = [{"kind": "personal", "side": side, "does": "mask"} for side in ("input", "output")]
    route(hub, "pinned", "lab/it", guards=guards)
    tool = {"type": "function", "name": "mail", "description": "To bob@example.com", "parameters": {}}
    for stream in (False, True):
        body = {"model": "lab/route", "instructions": "You are carol@example.com", "tools": [tool], "stream": stream}
        body["input"] = [{"role": "user", "content": [{"type": "input_text", "text": "I am dave@example.com"}]}]
        answer = hub.client.post("/v1/responses", json=body, headers=hub.cast.alice.headers)
        assert answer.status_code == 200 and "w0 w1" in answer.text, answer.text
        seen = hub.engine.seen[-1]
        assert [one["content"] for one in seen["messages"]] == ["You are [mail]", "I am [mail]"]
        assert seen["tools"][0]["function"]["description"] == "To [mail]"


def test_words_do_not_pass_a_guard_as_numbers_of_tokens(hub: Hub) -> None:
    route(hub, "pinned", "lab/it", guards=[{"kind": "secrets", "side": "input", "does": "block"}])
    for prompt in ([1, 2, 3], [[1, 2]], ["hello", 3]):
        answer = hub.ask(path="completions", model="lab/route", prompt=prompt)
        assert answer.status_code == 400 and answer.json()["error"]["code"] == "content_filter"
    assert not hub.engine.seen
    assert hub.ask(path="completions", model="lab/route", prompt="hello").status_code == 200


def test_a_pipeline_answers_streams_traces_and_meters_each_step(hub: Hub, publish: Publish) -> None:
    publish(hub.cast.alice.actor, "lab/steps", {"freehold-pipeline.yaml": FILE})
    body = {"repo": "lab/steps", "name": "lab/review"}
    assert hub.client.post("/api/pipelines", json=body, headers=hub.cast.alice.headers).status_code == 201
    headers = hub.cast.alice.headers | {"X-Freehold-Trace": "1"}
    call = {"model": "lab/review", "messages": [{"role": "user", "content": "hello"}]}
    told = hub.client.post("/v1/chat/completions", json=call, headers=headers).json()
    assert told["choices"][0]["message"]["content"] == "w0 w1 w2" and told["usage"]["completion_tokens"] == 5
    assert [one["step"] for one in told["freehold"]["trace"]] == ["draft", "polish"]
    assert told["freehold"]["trace"][0]["completion_tokens"] == 2
    *pieces, last = events(hub.client.post("/v1/chat/completions", json=call | {"stream": True}, headers=headers))
    assert last == "[DONE]" and len(pieces) > 3
    meters = [(one.served_name, one.via, one.completion_tokens, one.prompt_tokens) for one in hub.meters()]
    assert meters == [("lab/it", "lab/review", 2, PROMPT_TOKENS), ("lab/ours", "lab/review", 3, PROMPT_TOKENS)] * 2
    traces = hub.client.get("/api/pipelines/lab/review/traces", headers=hub.cast.alice.headers).json()
    assert [one["outcome"] for one in traces] == ["ok", "ok"] and "w0" not in str(traces)
    assert hub.ask(model="lab/review", who=hub.cast.charlie).status_code == 404


@pytest.mark.parametrize(
    ("who", "names"),
    [
        ("alice", ["lab/both", "lab/it", "lab/ours", "lab/private"]),
        ("bob", ["lab/both", "lab/it", "lab/ours", "lab/private"]),
        ("charlie", ["lab/both", "lab/it"]),
        ("anonymous", []),
    ],
)
def test_lists_of_models_have_what_somebody_may_call(hub: Hub, who: str, names: list[str]) -> None:
    route(hub, "fallback", "lab/ours", "lab/it", name="lab/both")
    route(hub, "pinned", "lab/ours", name="lab/private")
    headers = getattr(hub.cast, who).headers
    told = hub.client.get("/v1/models", headers=headers)
    assert [one["id"] for one in told.json()["data"]] == names
    answer = hub.ask(model="lab/both", who=getattr(hub.cast, who))
    assert answer.status_code == (200 if names else 401)
    if who == "charlie":
        assert answer.headers["X-Freehold-Model"] == "lab/it" and "lab/ours" not in str(answer.headers)
        assert "1 left out" in answer.headers["X-Freehold-Why"]
        unknown = hub.ask(model="lab/privat", who=hub.cast.charlie)
        assert unknown.status_code == 404 and "lab/private" not in unknown.text


def test_a_chain_goes_on_to_nobody_once_something_was_sent(hub: Hub) -> None:
    route(hub, "fallback", "lab/ours", "lab/it")
    told = events(hub.ask("crash", model="lab/route", stream=True))  # it dies after two tokens
    assert any("error" in one for one in told if one != "[DONE]")
    assert [(one.served_name, one.outcome) for one in hub.meters()] == [("lab/ours", "failed")]
