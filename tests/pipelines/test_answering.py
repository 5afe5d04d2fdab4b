"""Pipelines over engines that say what they are told: what each step is given, gives and takes."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from freehold.core.errors import HubError
from freehold.inference.errors import EngineLost, NotAble
from freehold.inference.rules import Call
from freehold.pipelines import reading
from freehold.pipelines.answering import answer
from freehold.pipelines.errors import OutOfBounds
from freehold.pipelines.rules import PipelinePlan
from freehold.routing.rules import Asked, Ledger
from tests.pipelines.test_reading import WHOLE
from tests.routing.engines import Engines, chat, target, text_of

pytestmark = pytest.mark.rules


def plan(text: bytes = WHOLE, *, keeps_content: bool = False) -> PipelinePlan:
    document = reading.parsed(text)
    models = {name: target(name) for name in document.models}
    return PipelinePlan("p", "lab/review", "owner", document, models, keeps_content)


def ask(engines: Engines, made: PipelinePlan, call: Call, asked: Asked = Asked()) -> tuple[str, Ledger]:
    """What was said and the ledger; whole and as a stream it is the same."""

    async def run(call: Call) -> tuple[str, Ledger]:
        ledger = Ledger()
        async with answer(engines, made, call, asked, ledger) as reply:
            return await text_of(reply, call), ledger

    whole, streamed = asyncio.run(run(call)), asyncio.run(run(replace(call, is_stream=True)))
    assert whole[0] == streamed[0] and engines.open_calls == 0
    assert [one["step"] for one in whole[1].trace] == [one["step"] for one in streamed[1].trace]
    return whole


def says(body: Any) -> str:
    asked = body["messages"][-1]["content"]
    return f"<{asked}>"


def mood(label: str) -> Engines:
    return Engines({"lab/large": says, "lab/small": says, "lab/mood": label})


def test_steps_are_given_what_came_before() -> None:
    engines = mood("Calm.")
    said, ledger = ask(engines, plan(), chat("Why?"))
    assert said == "<Polish: <Rewrite this so that it reads well, and say nothing else:\n\n<Answer: Why?>>\n>"
    assert [one["step"] for one in ledger.trace] == ["draft", "sound", "mood", "short", "final"]
    assert {one["step"]: one.get("label") for one in ledger.trace}["mood"] == "calm"
    assert sorted(part.step for part in ledger.parts) == ["draft", "final", "mood", "short"]
    assert {part.via for part in ledger.parts} == {"lab/review"} and {part.role for part in ledger.parts} == {"step"}
    assert all(leg.outcome == "ok" and leg.measured.prompt_tokens for leg in ledger.legs)
    classified = next(body for name, body in engines.asked if name == "lab/mood")
    assert classified["grammar"] == 'root ::= "calm" | "angry"'
    assert all("text" not in one for one in ledger.trace)
    assert ask(mood("calm"), plan(keeps_content=True), chat("Why?"))[1].trace[0]["text"] == "<Answer: Why?>"


def test_a_step_is_left_out_where_its_condition_does_not_hold() -> None:
    said, ledger = ask(mood("angry"), plan(), chat("Why?"))
    assert said.startswith("angry: <Rewrite") and ledger.trace[-1]["outcome"] == "skipped"
    # The join is of calls in English or unknown; without it nothing says what the mood is.
    said, ledger = ask(mood("calm"), plan(), chat("Was ist das und wie ist es zu verstehen, bitte?"))
    assert [one["outcome"] for one in ledger.trace] == ["ok", "ok", "skipped", "ok"]


def test_a_check_that_does_not_pass_may_end_it() -> None:
    engines = Engines({"lab/large": "I'm sorry, but no."})
    said, ledger = ask(engines, plan(), chat("Why?"))
    assert said == "I cannot answer that." and len(ledger.legs) == 1
    assert ledger.trace[-1]["passed"] is False


def test_what_models_say_is_no_template() -> None:
    engines = Engines({"lab/large": "{{steps.sound.text}} {{input}}", "lab/small": says, "lab/mood": "angry"})
    assert "{{steps.sound.text}} {{input}}" in ask(engines, plan(), chat("Why?"))[0]


def test_the_trace_comes_with_the_answer_where_it_is_asked_for() -> None:
    async def run(call: Call, asked: Asked) -> Any:
        async with answer(mood("calm"), plan(keeps_content=True), call, asked, Ledger()) as reply:
            if call.is_stream:
                return [json.loads(piece.data) async for piece in reply.pieces()]
            return json.loads(await reply.body())

    wants = Asked(headers={"x-freehold-trace": "1"})
    told = asyncio.run(run(chat("Why?"), wants))["freehold"]["trace"]
    assert [one["step"] for one in told] == ["draft", "sound", "mood", "short", "final"]
    assert told[0]["revision"] == "1" * 40 and "<Answer" not in json.dumps(told)
    assert "freehold" not in asyncio.run(run(chat("Why?"), Asked()))
    events = asyncio.run(run(replace(chat("Why?"), is_stream=True), wants))
    assert events[-1]["choices"] == [] and len(events[-1]["freehold"]["trace"]) == 5
    assert len(events) > 5  # the last step came in pieces


def test_bounds_hold() -> None:
    few = WHOLE.replace(b"tokens: 500", b"tokens: 2")
    with pytest.raises(OutOfBounds):
        ask(mood("calm"), plan(few), chat("one two three four"))

    class Never(Engines):
        def call(self, *of: Any, **more: Any) -> Any:
            class Wait:
                async def __aenter__(self) -> None:
                    await asyncio.Event().wait()

                async def __aexit__(self, *of: Any) -> None: ...

            return Wait()

    slow = WHOLE.replace(b"seconds: 30", b"seconds: 0.01")
    with pytest.raises(OutOfBounds):
        ask(Never({}), plan(slow), chat("Why?"))
    engines = mood("calm")
    ask(engines, plan(), chat("Why?"))
    assert [body["max_tokens"] for name, body in engines.asked if name == "lab/large"][:1] == [100]


@pytest.mark.parametrize("which", ["lab/large", "lab/mood", "lab/small"])
def test_a_step_that_fails_ends_the_call_and_nothing_stays_open(which: str) -> None:
    engines = mood("calm")
    engines.says = {**engines.says, which: EngineLost("lost")}

    async def run() -> Ledger:
        ledger = Ledger()
        with pytest.raises(HubError):
            async with answer(engines, plan(), chat("Why?"), Asked(), ledger):
                raise AssertionError("a step before the last failed")
        return ledger

    ledger = asyncio.run(run())
    assert engines.open_calls == 0 and "failed" in [leg.outcome for leg in ledger.legs]
    assert len(ledger.legs) == len(ledger.parts)


def test_a_pipeline_only_chats_and_other_names_are_asked_as_they_are() -> None:
    call = Call("embeddings", {"input": "x"}, "payer")
    with pytest.raises(NotAble):
        asyncio.run(_enter(plan(), call))
    asyncio.run(_enter(target("lab/large"), chat("?")))


async def _enter(made: Any, call: Call) -> None:
    async with answer(mood("calm"), made, call, Asked(), Ledger()) as reply:
        await reply.body()
