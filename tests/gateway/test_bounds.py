"""What a call may ask of an engine that answers others too: small enough, and nothing that reaches past the call."""

import json
from typing import Any

import pytest
from sqlalchemy import func, select

from freehold.core import clock
from freehold.gateway import grammars, rules
from freehold.gateway.errors import BadCall
from freehold.gateway.rules import MAX_MESSAGES
from freehold.usage.rules import month_of, price_keys
from freehold.usage.service.recording import LEDGER
from freehold.usage.tables import Budget, BudgetHold, Limit, Price
from tests.gateway.conftest import Hub
from tests.gateway.test_policies import route


def chat(content: Any = "hello", **given: Any) -> rules.Wish:
    return rules.wish("chat/completions", {"model": "a/b", "messages": [{"role": "user", "content": content}], **given})


def schema(of: Any) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"schema": of}}}


def nested(times: int) -> Any:
    of: Any = {"type": "string"}
    for _ in range(times):
        of = {"type": "array", "items": of}
    return of


def doubled(times: int) -> list[str]:
    return [f"a{at} ::= a{at + 1} | a{at + 1}" for at in range(times)] + [f'a{times} ::= "x"']


BOMBS = {
    "doubled": "\n".join(["root ::= a0", *doubled(30)]),
    "brackets": "root ::= " + "(" * 3_000 + '"a"' + ")" * 3_000,
    "chain": "\n".join(["root ::= a0", *(f"a{at} ::= a{at + 1}" for at in range(900)), 'a900 ::= "x"']),
    "rules": "\n".join(f'a{at} ::= "x"' for at in range(2_000)),
    "repeated nothing": 'root ::= ("a"?){1,1000}',
    "nothing in a row": "root ::= " + '"a"? ' * 500,
    "long": "root ::= " + '"a" ' * 50_000,
}
JSON = r"""
root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws
object ::= "{" ws ( string ":" ws value ("," ws string ":" ws value)* )? "}" ws
array  ::= "[" ws ( value ("," ws value)* )? "]" ws
string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) )* "\"" ws  # (((
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
ws     ::= | " " | "\n" [ \t]{0,20}
"""


@pytest.mark.parametrize("name", BOMBS)
def test_a_grammar_that_would_keep_an_engine_from_others_is_refused(name: str) -> None:
    with pytest.raises(BadCall) as told:
        chat(grammar=BOMBS[name])
    assert told.value.param == "grammar"


def test_grammars_that_people_write_go_through() -> None:
    for grammar in (JSON, 'root ::= "yes" | "no"', "root ::= (", 'root ::= "a"{1,500}', "root ::= [a-z ]+ root |"):
        assert chat(grammar=grammar).body["grammar"] == grammar


def test_a_schema_that_would_keep_an_engine_from_others_is_refused() -> None:
    either = {f"a{at}": {"anyOf": [{"$ref": f"#/$defs/a{at + 1}"}] * 2} for at in range(30)}
    bombs: list[Any] = [
        nested(80),
        {"type": "object", "properties": {f"p{at}": {"type": "integer"} for at in range(5_000)}},
        {"$ref": "#/$defs/a0", "$defs": {**either, "a30": {"type": "string"}}},
        {"type": "string", "pattern": "^(a?){1000}$"},
        {"type": "string", "pattern": "(" * 41 + "a" + ")" * 41},
    ]
    for bomb in bombs:
        with pytest.raises(BadCall):
            chat(**schema(bomb))
        with pytest.raises(BadCall):
            chat(tools=[{"type": "function", "function": {"name": "it", "parameters": bomb}}])


def test_schemas_that_people_write_go_through() -> None:
    node = {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}}
    for of in (
        {"$ref": "#/$defs/node", "$defs": {"node": node}},
        {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2})?$"},
        {"enum": [f"word {at}" for at in range(300)]},
        nested(20),
    ):
        assert chat(**schema(of)).body["response_format"]


def test_nothing_is_fetched_for_a_call() -> None:
    for part in (
        {"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/secret.png"}},
        {"type": "image_url", "image_url": "file:///etc/passwd"},
        {"image_url": {"url": "/etc/passwd"}},
        {"type": "image", "url": "etc/passwd"},
        {"type": "image", "image": "/etc/passwd"},
        {"type": "video", "path": "clip.mp4"},
        {"type": "audio_url", "audio_url": {"url": "HTTPS://elsewhere.example/a.wav"}},
        {"type": "input_audio", "input_audio": {"data": "http://elsewhere.example/a.wav", "format": "wav"}},
        {"type": "image", "video": ["/etc/passwd", "/etc/hosts"]},
    ):
        with pytest.raises(BadCall, match="nothing is fetched"):
            chat([{"type": "text", "text": "What is it?"}, part])


def test_what_comes_in_the_call_goes_through() -> None:
    arguments = {"type": "open", "path": "/etc/passwd", "url": "http://elsewhere.example"}
    calls = [{"id": "1", "type": "function", "function": {"name": "open", "arguments": arguments}}]
    for message in (
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}]},
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "/9j/aGk=", "format": "wav"}}]},
        {"role": "user", "content": [{"type": "text", "text": "http://elsewhere.example/it.png"}]},
        {"role": "assistant", "tool_calls": calls},
    ):
        assert rules.wish("chat/completions", {"model": "a/b", "messages": [message]}).body["messages"] == [message]


def test_a_call_has_one_name_for_each_bound() -> None:
    """llama.cpp heeds ``n_predict`` before ``max_tokens``, by which a budget bounds an answer."""
    body = chat(max_tokens=2, n_predict=500, n_cmpl=9, best_of=9, max_new_tokens=500).body
    assert set(body) == {"messages", "max_tokens"}


def test_bodies_that_take_many_times_their_bytes_are_refused(hub: Hub) -> None:
    for body in (
        b'{"model": "lab/it", "temperature": NaN, "messages": [{"role": "user", "content": "x"}]}',
        b'{"model": "lab/it", "x": ' + b"[" * 200 + b"]" * 200 + b', "messages": [{"role": "user", "content": "x"}]}',
        b'{"model": "lab/it", "x": [' + b"[]," * 600_000 + b"1]}",
        json.dumps({"model": "lab/it", "messages": [{"role": "user", "content": "x"}], "max_tokens": 10**30}).encode(),
    ):
        answer = hub.client.post("/v1/chat/completions", content=body, headers=hub.cast.alice.headers)
        assert answer.status_code == 400, answer.text
    for parameters in ({"max_new_tokens": 10**30}, {"grammar": {"type": "json", "value": nested(80)}}):
        given = {"inputs": "hello", "parameters": parameters}
        answer = hub.client.post("/models/lab/it", json=given, headers=hub.cast.alice.headers)
        assert answer.status_code == 400, answer.text
    assert hub.engine.seen == []


def test_texts_of_one_call_are_bounded() -> None:
    rules.wish("completions", {"model": "a/b", "prompt": list(range(5_000))})  # tokens of one text
    with pytest.raises(BadCall, match="128"):
        rules.wish("completions", {"model": "a/b", "prompt": ["a"] * 5_000})
    with pytest.raises(BadCall, match="2,048"):
        rules.wish("embeddings", {"model": "a/b", "input": ["a"] * 5_000})
    grammars.check({"grammar": None})


#: No name has such letters, and no database takes them.
NO_NAMES = (
    "\ud800",
    "lab/\ud800it",
    "lab/it\x00",
    "lab/it@\ud800123456",
    "lab/it:\udfff",
    "lab/it\r\nX-A: b",
    "\u202e/x",
)


def test_a_name_of_no_letters_is_nobodys(hub: Hub) -> None:
    for name in NO_NAMES:
        policy = {"kind": "pinned", "targets": [name]}
        for path, body in (
            ("/v1/chat/completions", {"model": name, "messages": [{"role": "user", "content": "hello"}]}),
            ("/api/routes", {"name": "lab/route", "policy": policy}),
            ("/v1/batches", {"input_file_id": name, "endpoint": name, "metadata": {"a": name}}),
        ):
            answer = hub.client.post(path, content=json.dumps(body), headers=hub.cast.alice.headers)
            assert 400 <= answer.status_code < 500, answer.text


def bound(hub: Hub, micros: int, spent: int = 0) -> None:
    """A token of an answer of ``lab/it`` costs one millionth, and Alice has ``micros`` of them a month."""
    mine, now = hub.cast.alice.id, clock.now()
    with hub.database.write() as db:
        key = price_keys("", "lab/it")[1]
        db.add(Price(key=key, input_price=0, cached_price=0, output_price=10**6, second_price=0, changed_at=now))
        budget = Budget(id="b", key=f"{mine}/-/-", account_id=mine, amount_micros=micros, is_hard=True, changed_at=now)
        budget.month, budget.spent_micros = month_of(now), spent
        db.add(budget)


def test_a_spent_budget_ends_calls_of_a_route_too(hub: Hub) -> None:
    """Its models have a price, and it has none of its own."""
    route(hub, "pinned", "lab/it", name="alice/around")
    bound(hub, 5, spent=5)
    for model in ("lab/it", "alice/around"):
        assert hub.ask(model=model).status_code == 429
    assert not hub.engine.seen


def small_first(hub: Hub) -> None:
    """``lab/route`` asks ``lab/it``, whose answer is never long enough, and then ``lab/ours``."""
    route(hub, "small_first", "lab/it", "lab/ours", check={"kind": "length", "value": "1000-4000"})


def test_all_that_a_route_asked_counts_under_a_limit_of_tokens(hub: Hub) -> None:
    small_first(hub)
    mine, now = hub.cast.alice.id, clock.now()
    with hub.database.write() as db:
        db.add(Limit(id="l", key=f"{mine}/-/-", account_id=mine, tokens=1000, changed_at=now))
    assert hub.ask(model="lab/route", max_tokens=3).status_code == 200
    took = [meter.prompt_tokens + meter.completion_tokens for meter in hub.meters()]
    assert len(took) == 2 and all(took)
    (window,) = hub.database.info[LEDGER]._windows.values()
    assert (window.calls + window.before[0], window.tokens + window.before[1]) == (1, sum(took))


def test_what_is_left_of_a_limit_is_told_as_openai_tells_it(hub: Hub) -> None:
    def said(answer: Any) -> list[str | None]:
        names = ("limit-requests", "remaining-requests", "limit-tokens", "remaining-tokens")
        return [answer.headers.get(f"x-ratelimit-{name}") for name in names]

    assert said(hub.ask()) == [None] * 4, "nothing bounds it"
    mine, now = hub.cast.alice.id, clock.now()
    with hub.database.write() as db:
        db.add(Limit(id="l", key=f"{mine}/-/-", account_id=mine, calls=2, tokens=100_000, changed_at=now))
    first, second = hub.ask(max_tokens=3), hub.ask(max_tokens=3, stream=True)
    assert said(first)[:3] == ["2", "1", "100000"] and said(second)[:2] == ["2", "0"]
    assert 0 < int(said(second)[3] or 0) < int(said(first)[3] or 0) < 100_000
    assert 0 < int(first.headers["x-ratelimit-reset-requests"].removesuffix("s")) <= 120
    refused = hub.ask()
    assert (refused.status_code, said(refused)[:2], bool(refused.headers["retry-after"])) == (429, ["2", "0"], True)
    assert said(hub.ask(who=hub.cast.bob)) == [None] * 4


@pytest.mark.parametrize(("own", "costs"), [(None, [3, 0]), (10 * 10**6, [30, 30])])
def test_a_routes_own_price_is_that_of_all_it_asked_and_else_each_model_has_its_own(
    hub: Hub, own: int | None, costs: list[int]
) -> None:
    small_first(hub)
    bound(hub, 1000)
    if own:
        with hub.database.write() as db:
            key, now = price_keys("lab/route", "")[0], clock.now()
            db.add(Price(key=key, input_price=0, cached_price=0, output_price=own, second_price=0, changed_at=now))
    assert hub.ask(model="lab/route", max_tokens=3).status_code == 200
    assert [(meter.served_name, meter.via, meter.cost_micros) for meter in hub.meters()] == [
        ("lab/it", "lab/route", costs[0]), ("lab/ours", "lab/route", costs[1])
    ]  # fmt: skip
    with hub.database.read() as db:
        assert db.get_one(Budget, "b").spent_micros == sum(costs)
        assert db.scalar(select(func.count()).select_from(BudgetHold)) == 0


def test_what_is_left_of_a_budget_is_shared_by_the_answers_of_a_call(hub: Hub) -> None:
    bound(hub, 12)
    assert hub.ask(n=4, max_tokens=100).status_code == 200
    assert hub.engine.seen[-1]["max_tokens"] == 3


def test_answers_of_a_call_are_counted() -> None:
    def answers(**given: Any) -> int:
        return rules.wish("completions", {"model": "a/b", **given}).answers

    assert [answers(prompt="a"), answers(prompt=["a", "b"], n=3), answers(prompt=[1, 2, 3])] == [1, 6, 1]


def test_very_many_short_messages_or_parts_are_refused_before_an_engine_has_them(hub: Hub) -> None:
    """A template makes kilobytes of each: four thousand ended a small engine by its bound of memory."""
    one, part = {"role": "user", "content": "x"}, {"type": "text", "text": "x"}
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    for messages in (
        [one] * (MAX_MESSAGES + 1),
        [{"role": "user", "content": [part] * MAX_MESSAGES}],
        [one, {"role": "assistant", "content": None, "tool_calls": [call] * MAX_MESSAGES}],
    ):
        refused = hub.ask(messages=messages)
        assert refused.status_code == 400
        assert "4,096 messages and parts" in refused.json()["error"]["message"]
    assert not hub.engine.seen
    assert hub.ask(messages=[one] * 100).status_code == 200


def test_what_a_call_gives_to_a_template_is_bounded(hub: Hub) -> None:
    for given in ({"x": [[]] * 5000}, {"x": {"y": [[1, 2]] * 2000}}):
        refused = hub.ask(chat_template_kwargs=given)
        assert refused.status_code == 400
        assert refused.json()["error"]["param"] == "chat_template_kwargs"
    assert not hub.engine.seen
    assert hub.ask(chat_template_kwargs={"enable_thinking": False}).status_code == 200


def test_a_length_of_thousands_of_digits_is_too_long(hub: Hub) -> None:
    headers = hub.cast.alice.headers | {"Content-Length": "9" * 5000}
    assert hub.client.post("/v1/chat/completions", content=b"{}", headers=headers).status_code == 413


def test_what_a_template_puts_around_messages_is_expected_of_short_prompts_too() -> None:
    """Many short calls at a time would else go past a budget by what none of them was expected to take."""
    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    one, two = (rules.wish("chat/completions", {"model": "a/b", "messages": talk[:count]}) for count in (1, 2))
    assert 30 <= one.expected_prompt_tokens < two.expected_prompt_tokens <= 48
    bare = rules.wish("completions", {"model": "a/b", "prompt": "x" * 400})
    assert bare.expected_prompt_tokens == 100
