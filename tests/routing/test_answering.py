"""Routes over engines that say what they are told: who answers, why, and what is left of it in the end."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from freehold.core.errors import HubError
from freehold.guards.errors import Blocked
from freehold.guards.rules import Guard
from freehold.inference.errors import ContextTooLong, EngineFailed, EngineLost, EngineRefused, TooBusy
from freehold.inference.rules import Call, Reply, Target
from freehold.routing.answering import answer
from freehold.routing.errors import NothingLeft
from freehold.routing.rules import Asked, Check, Choice, Ledger, Option, Plan, Policy, RoutePlan
from tests.routing.engines import Engines, chat, target, text_of

pytestmark = pytest.mark.rules
BUSY, LOST = TooBusy("busy", retry_after_s=3), EngineLost("lost")


def route(
    kind: Any, *names: str | Choice, name: str = "lab/route", judge: Plan | None = None, **more: Any
) -> RoutePlan:
    choices = tuple(one if isinstance(one, Choice) else Choice(one) for one in names)
    policy = Policy(kind, choices, **more)
    options = tuple(Option(one, target(one.name)) for one in choices)
    return RoutePlan(f"r-{name}", name, "owner", policy, options, judge=judge)


def ask(engines: Engines, plan: Plan, call: Call, asked: Asked = Asked()) -> tuple[str, str, Ledger]:
    """What was said, by whom, and the ledger; both ways of asking must agree."""

    async def run(call: Call) -> tuple[str, str, Ledger]:
        ledger = Ledger()
        async with answer(engines, plan, call, asked, ledger) as reply:
            said = await text_of(reply, call)
            return said, reply.target.served_name, ledger

    whole = asyncio.run(run(call))
    streamed = asyncio.run(run(replace(call, is_stream=True)))
    assert (whole[0], whole[1], whole[2].why) == (streamed[0], streamed[1], streamed[2].why)
    assert engines.open_calls == 0
    assert len(streamed[2].legs) == len(streamed[2].parts)
    return streamed


def test_a_pinned_model_answers() -> None:
    said, who, ledger = ask(Engines({"a/small": "Paris."}), route("pinned", "a/small"), chat("?"))
    assert (said, who, ledger.why) == ("Paris.", "a/small", ["lab/route: pinned"])
    headers = ledger.headers(target("a/small"))
    assert headers["X-Freehold-Model"] == "a/small" and headers["X-Freehold-Revision"] == "1" * 40


def test_a_canary_keeps_its_weights_and_its_word() -> None:
    engines = Engines({"a/old": "old", "a/new": "new"})
    plan = route("canary", Choice("a/old", 9), Choice("a/new", 1))

    def drawn(plan: RoutePlan, call: Call, asked: Asked) -> str:
        return asyncio.run(_who(engines, plan, call, asked))

    by_seed = [drawn(plan, chat("?", seed=seed), Asked()) for seed in range(300)]
    assert 10 <= Counter(by_seed)["a/new"] <= 55
    assert by_seed[:50] == [drawn(plan, chat("!", seed=seed), Asked()) for seed in range(50)]
    sticky = replace(plan, policy=replace(plan.policy, sticky="user"))
    for user in ("u1", "u2", "u3"):
        assert len({drawn(sticky, chat(str(at)), Asked(user)) for at in range(10)}) == 1
    shuffled = replace(sticky, policy=replace(sticky.policy, seed="other"))
    people = [Asked(f"u{at}") for at in range(80)]
    assert [drawn(sticky, chat(""), one) for one in people] != [drawn(shuffled, chat(""), one) for one in people]
    talk = replace(plan, policy=replace(plan.policy, sticky="conversation"))
    began = [{"role": "user", "content": "Hello"}]
    later = [*began, {"role": "assistant", "content": "Hi"}, {"role": "user", "content": "More"}]
    turns = [Call("chat/completions", {"messages": one}, "payer") for one in (began, later)]
    assert len({drawn(talk, turn, Asked("u1")) for turn in turns}) == 1


async def _who(engines: Engines, plan: Plan, call: Call, asked: Asked) -> str:
    async with answer(engines, plan, call, asked, Ledger()) as reply:
        await reply.body()
        return reply.target.served_name


@pytest.mark.parametrize(
    "err", [BUSY, LOST, EngineFailed("upstream"), EngineRefused("slow down", status=429), OSError()]
)
def test_a_fallback_goes_on(err: Exception) -> None:
    engines = Engines({"a/one": err, "a/two": "Here."})
    said, who, ledger = ask(engines, route("fallback", "a/one", "a/two"), chat("?"))
    assert (said, who) == ("Here.", "a/two")
    assert [part.role for part in ledger.parts] == ["tried", "answer"]
    assert len(ledger.why) == 1 and "fallback 1: the one before" in ledger.why[0] and "a/one" not in ledger.why[0]


@pytest.mark.parametrize("err", [EngineRefused("bad schema", status=400), ContextTooLong("long", limit_tokens=4096)])
def test_a_question_that_is_at_fault_is_asked_nobody_else(err: HubError) -> None:
    engines = Engines({"a/one": err, "a/two": "Here."})
    with pytest.raises(type(err)):
        ask(engines, route("fallback", "a/one", "a/two"), chat("?"))
    assert [name for name, _ in engines.asked] == ["a/one"]


def test_a_target_that_does_not_do_it_is_passed_over_and_said_so() -> None:
    plan = route("fallback", "a/words", "a/two")
    words = replace(plan.options[0], plan=target("a/words", abilities=("embeddings",)))
    said, who, ledger = ask(Engines({"a/two": "Here."}), replace(plan, options=(words, plan.options[1])), chat("?"))
    assert (said, who) == ("Here.", "a/two")
    assert ledger.why == ["lab/route: 1 passed over that does not do this; first in the chain"]


def test_a_prompt_too_long_may_go_to_who_takes_more() -> None:
    engines = Engines({"a/one": ContextTooLong("long", limit_tokens=4096), "a/two": "Here."})
    assert ask(engines, route("fallback", "a/one", "a/two", also_too_long=True), chat("?"))[0] == "Here."


def test_the_last_error_is_told_where_nobody_answers() -> None:
    with pytest.raises(EngineLost):
        ask(Engines({"a/one": BUSY, "a/two": LOST}), route("fallback", "a/one", "a/two"), chat("?"))


def test_an_engine_lost_before_its_first_piece_is_replaced_and_later_is_not() -> None:
    plan, call = route("fallback", "a/one", "a/two"), replace(chat("?"), is_stream=True)

    async def run(engines: Engines) -> tuple[str, list[str]]:
        said, ledger = "", Ledger()
        try:
            async with answer(engines, plan, call, Asked(), ledger) as reply:
                async for piece in reply.pieces():
                    said += json.loads(piece.data)["choices"][0]["delta"].get("content") or ""
        except EngineLost:
            said += " (lost)"
        return said, [leg.outcome for leg in ledger.legs]

    said, outcomes = asyncio.run(run(Engines({"a/one": "a b c d", "a/two": "other"}, dies_after=2)))
    assert said == "a b (lost)" and outcomes == ["failed"]


def test_who_keeps_an_engine_learns_that_it_was_lost() -> None:
    engines = Engines({"a/one": "x", "a/two": "Here."}, breaks=frozenset({"a/one"}))
    said, who, ledger = ask(engines, route("fallback", "a/one", "a/two"), chat("?"))
    assert (said, who) == ("Here.", "a/two")
    assert [leg.outcome for leg in ledger.legs] == ["failed", "ok"]  # the stand-in says so only where it is told


def test_who_is_too_slow_is_passed_over() -> None:
    class Slow(Engines):
        def call(self, target: Any, call: Any, legs: Any = None) -> Any:
            slow = super().call

            class Wait:
                async def __aenter__(self) -> Any:
                    self.context = slow(target, call, legs)
                    reply = await self.context.__aenter__()
                    if target.served_name == "a/slow":
                        await asyncio.Event().wait()
                    return reply

                async def __aexit__(self, *of: Any) -> Any:
                    return await self.context.__aexit__(*of)

            return Wait()

    engines = Slow({"a/slow": "late", "a/two": "Here."})
    _, who, ledger = ask(engines, route("fallback", Choice("a/slow", timeout_s=0.01), "a/two"), chat("?"))
    assert who == "a/two" and "too slow" in ledger.why[0]


@pytest.mark.parametrize(
    ("call", "who"),
    [
        (chat("short"), "a/other"),
        (chat("word " * 500), "a/long"),
        (chat("Was ist die Hauptstadt von Frankreich und warum ist sie es?"), "a/german"),
        (chat("法国的首都是什么？"), "a/german"),
        (chat("?", tools=[{"type": "function"}]), "a/tools"),
        (Call("completions", {"prompt": "x"}, "payer"), "a/plain"),
    ],
)
def test_rules_are_tried_in_order(call: Call, who: str) -> None:
    plan = route(
        "rules",
        Choice("a/long", when="tokens > 500"),
        Choice("a/german", when="language is de, zh and not has tools"),
        Choice("a/tools", when="has tools"),
        Choice("a/plain", when="task is completions"),
        Choice("a/gold", when="header X-Tier is gold"),
        Choice("a/other"),
    )
    engines = Engines({choice.name: "x" for choice in plan.policy.choices})
    assert asyncio.run(_who(engines, plan, call, Asked())) == who
    assert asyncio.run(_who(engines, plan, chat("hello"), Asked(headers={"x-tier": "Gold"}))) == "a/gold"


@pytest.mark.parametrize(
    ("check", "small", "passes"),
    [
        (Check("refusal"), "I'm sorry, but no.", False),
        (Check("refusal"), "Paris.", True),
        (Check("length", "3-20"), "No", False),
        (Check("length", "-20"), "Paris it is", True),
        (Check("regex", "^[A-Z]"), "paris", False),
        (Check("schema", {"type": "object", "required": ["city"]}), '{"town": 1}', False),
        (Check("schema", {"type": "object", "required": ["city"]}), '{"city": "Paris"}', True),
        (Check("judge", "", "a/judge"), "right", True),
        (Check("judge", "", "a/judge"), "wrong", False),
    ],
)
def test_the_large_one_is_asked_where_the_small_ones_answer_will_not_do(check: Check, small: str, passes: bool) -> None:
    def judge(body: Any) -> str:
        assert body["grammar"] == 'root ::= "yes" | "no"'
        return "yes" if "right" in body["messages"][0]["content"] else "no"

    engines = Engines({"a/small": small, "a/large": "Large.", "a/judge": judge}, slots=1)
    plan = route("small_first", "a/small", "a/large", check=check, judge=target("a/judge"))
    said, who, ledger = ask(engines, plan, chat("?"))
    assert (said, who) == ((small, "a/small") if passes else ("Large.", "a/large"))
    assert len(ledger.why) == 1 and ("passed" in ledger.why[0]) is passes
    assert len(ledger.legs) == 1 + (check.kind == "judge") + (not passes)


@pytest.mark.parametrize("told", ["[" * 100_000, "[]", '{"choices": []}', '{"choices": [{"message": null}]}'])
def test_a_judge_that_says_nothing_that_can_be_read_passes_nothing(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engines = Engines({"a/small": "Small.", "a/large": "Large.", "a/judge": "yes"})
    real = engines.call

    @asynccontextmanager
    async def call(target: Target, *more: Any) -> AsyncIterator[Reply]:
        async with real(target, *more) as reply:
            if target.served_name == "a/judge":
                monkeypatch.setattr(reply, "body", lambda: asyncio.sleep(0, told.encode()))
            yield reply

    monkeypatch.setattr(engines, "call", call)
    plan = route("small_first", "a/small", "a/large", check=Check("judge", "", "a/judge"), judge=target("a/judge"))
    said, _, ledger = ask(engines, plan, chat("?"))
    assert said == "Large." and "no judge" in ledger.why[0]


def test_what_a_small_first_route_is_asked_for_on_the_way_is_told_apart_from_the_answer() -> None:
    inner = route("small_first", "a/small", "a/large", name="lab/inner", check=Check("refusal"))
    guard = Guard("model", "output", "mark", {"model": "lab/inner"})
    outer = replace(route("pinned", "a/one", guards=(guard,)), guard_models={"lab/inner": inner})
    ledger = ask(Engines({"a/one": "Hi.", "a/small": "I cannot", "a/large": "no"}), outer, chat("?"))[2]
    assert [part.role for part in ledger.parts] == ["answer", "guard", "guard"]


def test_routes_stand_behind_routes_and_say_so() -> None:
    inner = route("fallback", "a/one", "a/two", name="lab/inner")
    outer = replace(route("pinned", "lab/inner", name="lab/outer"), options=(Option(Choice("lab/inner"), inner),))
    _, who, ledger = ask(Engines({"a/one": BUSY, "a/two": "Here."}), outer, chat("?"))
    assert who == "a/two" and [one.split(":")[0] for one in ledger.why] == ["lab/outer", "lab/inner"]
    assert {part.via for part in ledger.parts} == {"lab/outer"}


def test_what_cannot_take_such_a_call_is_not_asked() -> None:
    plan = route("fallback", "a/words", "a/chat")
    words = Option(plan.policy.choices[0], target("a/words", abilities=("embeddings",)))
    both = replace(plan, options=(words, plan.options[1]))
    assert ask(Engines({"a/chat": "Hi."}), both, chat("?"))[1] == "a/chat"
    with pytest.raises(NothingLeft):
        ask(Engines({}), replace(plan, options=(words,)), chat("?"))


# ---- guards ------------------------------------------------------------------------------------------------


def test_what_goes_in_is_masked_before_any_engine_sees_it() -> None:
    guards = (Guard("personal", "input", "mask"), Guard("personal", "output", "mask"))
    engines = Engines({"a/small": "I wrote to bob@example.com and to 4111 1111 1111 1111 for you."})
    said, _, ledger = ask(engines, route("pinned", "a/small", guards=guards), chat("I am carol@example.com"))
    assert said == "I wrote to [mail] and to [card] for you."
    assert all("carol" not in json.dumps(body) for _, body in engines.asked)
    assert {one.said for one in ledger.findings} == {
        "input.personal.mail=mask", "output.personal.mail=mask", "output.personal.card=mask"
    }  # fmt: skip
    assert ledger.findings[0].place == "messages[0]"


def test_a_question_that_is_blocked_reaches_nobody() -> None:
    engines = Engines({"a/small": "x"})
    plan = route("pinned", "a/small", guards=(Guard("secrets", "input", "block"),))
    with pytest.raises(Blocked) as refused:
        ask(engines, plan, chat("my key is hf_abcdefghijABCDEFGHIJabcd"))
    assert not engines.asked and "hf_abc" not in refused.value.message
    big = route("pinned", "a/small", guards=(Guard("size", "input", "block", {"characters": 100}),))
    with pytest.raises(Blocked):
        ask(engines, big, chat("x" * 101))


def test_an_answer_that_is_blocked_ends_as_openais_do() -> None:
    engines = Engines({"a/small": "The key is hf_abcdefghijABCDEFGHIJabcd and so on"})
    plan = route("pinned", "a/small", guards=(Guard("secrets", "output", "block"),))

    async def run(call: Call) -> list[dict[str, Any]]:
        async with answer(engines, plan, call, Asked(), Ledger()) as reply:
            if call.is_stream:
                return [json.loads(piece.data) async for piece in reply.pieces()]
            return [json.loads(await reply.body())]

    (whole,) = asyncio.run(run(chat("?")))
    assert whole["choices"][0]["finish_reason"] == "content_filter" and whole["choices"][0]["message"]["content"] == ""
    events = asyncio.run(run(replace(chat("?"), is_stream=True)))
    assert events[-1]["choices"][0]["finish_reason"] == "content_filter"
    assert "hf_" not in json.dumps(events) and engines.open_calls == 0


@pytest.mark.parametrize(("does", "said"), [("block", ""), ("mask", "[removed]"), ("mark", "Something violent.")])
def test_a_model_guards(does: Any, said: str) -> None:
    guard = Guard("model", "output", does, {"model": "a/guard", "prompt": "Bad? {{text}}", "answers": ["yes"]})
    labels = Guard("model", "input", "block", {"model": "a/labels", "labels": {"harm": 0.5}})
    plan = replace(
        route("pinned", "a/small", guards=(labels, guard)),
        guard_models={"a/guard": target("a/guard"), "a/labels": target("a/labels")},
    )
    scores = json.dumps([[{"label": "harm", "score": 0.2}, {"label": "fine", "score": 0.8}]])
    engines = Engines({
        "a/small": "Something violent.", "a/labels": scores,
        "a/guard": lambda body: "Yes." if "violent" in body["messages"][0]["content"] else "no",
    }, slots=1)  # fmt: skip
    told, _, ledger = ask(engines, plan, chat("?"))
    assert told == said
    assert [part.role for part in ledger.parts] == ["guard", "answer", "guard"]
    assert [one.what for one in ledger.findings] == ["yes"]


def test_an_answer_of_another_shape_is_blocked() -> None:
    guard = Guard("schema", "output", "block", {"schema": {"type": "object", "required": ["a"]}})
    plan = route("pinned", "a/small", guards=(guard,))
    assert ask(Engines({"a/small": '{"a": 1}'}), plan, chat("?"))[0] == '{"a": 1}'
    assert ask(Engines({"a/small": '{"b": 1}'}), plan, chat("?"))[0] == ""


def test_json_that_streams_stays_json() -> None:
    plan = route("pinned", "a/small", guards=(Guard("personal", "output", "mask"),))
    said, _, _ = ask(Engines({"a/small": '{"n": 4111111111111111, "to": "bob@example.com"}'}), plan, chat("?"))
    assert json.loads(said) == {"n": "[card]", "to": "[mail]"}
