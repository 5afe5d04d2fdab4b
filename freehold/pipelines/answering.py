"""A pipeline at work: step after step, those of a join side by side, the last one as a stream where one is asked."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

from freehold.inference.errors import NotAble
from freehold.inference.rules import Call, Leg, Measured, Piece, Reply, Runtime, Target
from freehold.pipelines import templates
from freehold.pipelines.errors import OutOfBounds, StepFailed
from freehold.pipelines.rules import MAX_TEXT, Gave, PipelinePlan, Step
from freehold.routing import answering, checking, conditions
from freehold.routing.replies import delta_of, text_of
from freehold.routing.rules import Asked, Ledger, Plan, leaves

#: Of the call, what the last step takes where it says nothing of its own.
OF_CALL = ("temperature", "top_p", "seed", "max_tokens", "stop", "stream", "stream_options", "response_format")
#: A caller asks by this header for the trace in the answer's field ``freehold``.
TRACE_HEADER = "x-freehold-trace"
LABEL = "Text:\n{{text}}\n\nWhich of these is it: {labels}? Say only that word."


@asynccontextmanager
async def answer(
    runtime: Runtime, plan: Plan | PipelinePlan, call: Call, asked: Asked, ledger: Ledger
) -> AsyncIterator[Reply]:
    """The answer to ``call`` by whatever a served name came to: an endpoint, a route or a pipeline.

    As ``Runtime.call``; ``reply.target`` is the model of the last step. Raises what that and ``routing.answering`` do,
    and :class:`OutOfBounds`.
    """
    if not isinstance(plan, PipelinePlan):
        async with answering.answer(runtime, plan, call, asked, ledger) as reply:
            yield reply
        return
    if call.path != "chat/completions":
        raise NotAble(f"{plan.served_name} is a pipeline: it answers chat completions.")
    async with AsyncExitStack() as stack:
        run = _Run(runtime, plan, call, asked, ledger)
        yield Traced(await run.answer(stack), run)


class _Run:
    """One call of a pipeline."""

    def __init__(self, runtime: Runtime, plan: PipelinePlan, call: Call, asked: Asked, ledger: Ledger) -> None:
        self.runtime, self.plan, self.call, self.asked, self.ledger = runtime, plan, call, asked, ledger
        self.gave: dict[str, Gave] = {}
        self.facts = conditions.Facts(call, asked.headers)
        self.question = _last_question(call)
        self.ends_at = time.monotonic() + plan.document.bounds.seconds
        self.last_target: Target | None = None
        self.last_text = ""

    async def answer(self, stack: AsyncExitStack) -> Reply:
        """All steps but the last are done; the last one's reply, or what was said before where it is skipped."""
        *before, last = self.plan.document.steps
        self.ledger.why.append(f"{self.plan.served_name}: a pipeline of {len(before) + 1} steps")
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + self.plan.document.bounds.seconds):
                for step in before:
                    if await self._does(step) is False:
                        return self._said()
                if last.kind in ("generate", "rewrite") and self._holds(last):
                    return await self._begun(stack, last)
                await self._does(last)
        except TimeoutError as err:
            raise OutOfBounds(f"The pipeline took over {self.plan.document.bounds.seconds:g} seconds.") from err
        return self._said()

    async def _does(self, step: Step) -> bool | None:
        """One step is done; False: the pipeline ends with what it said."""
        if not self._holds(step):
            return None
        began, sub, gave = time.monotonic(), Ledger(), Gave()
        outcome = "failed"
        try:
            gave = await self._kinds[step.kind](self, step, sub)
            outcome = "ok"
        finally:
            for part in sub.parts:
                part.step = part.step or step.name
            self.ledger.legs.extend(sub.legs)
            self.ledger.parts.extend(sub.parts)
            self.ledger.findings.extend(sub.findings)
            self.ledger.chosen.update(sub.chosen)
            if step.kind != "join":
                self._trace(step, gave, sub.legs, began, outcome)
        self.gave[step.name] = gave
        if gave.text and step.kind != "check":
            self.last_text = gave.text
        if gave.passed is False and step.refuse:
            self.last_text = step.refuse
            self.ledger.why.append(f"{self.plan.served_name}: {step.name} did not pass")
            return False
        return None

    def _holds(self, step: Step) -> bool:
        if templates.holds(step.when, self.gave, lambda: self.facts):
            return True
        skipped = Gave(is_skipped=True)
        self.gave[step.name] = skipped
        for inner in step.steps:
            self.gave[inner.name] = skipped
        self.ledger.trace.append({"step": step.name, "kind": step.kind, "outcome": "skipped", "when": step.when})
        return False

    # ---- kinds ---------------------------------------------------------------------------------------------

    async def _generate(self, step: Step, sub: Ledger) -> Gave:
        body = self._body(step)
        told = await self._ask(step.model, "chat/completions", body, sub)
        text = text_of(told)
        if len(text) > MAX_TEXT:
            raise OutOfBounds(f"{step.name} said over {MAX_TEXT:,} characters.")
        return Gave(text=text)

    async def _check(self, step: Step, sub: Ledger) -> Gave:
        assert step.check is not None, "the file was checked when it was read"

        async def judge(question: str) -> str:
            plan = self.plan.models[step.model.lower()]
            return text_of(await self._ask(step.model, "chat/completions", checking.yes_or_no(question, plan), sub))

        text = self._text(step)
        wrong = await checking.wrong(step.check, self.call, text, judge)
        return Gave(text=text, label=wrong, passed=not wrong)

    async def _classify(self, step: Step, sub: Ledger) -> Gave:
        text = self._text(step)
        if not step.labels:
            body: dict[str, Any] = {"task": "text-classification", "inputs": text, "parameters": {}}
            return _top(await self._ask(step.model, "task", body, sub), step)
        prompt = (
            templates.fill(step.prompt, self.question, self.gave)
            if step.prompt
            else LABEL.replace("{labels}", ", ".join(step.labels)).replace("{{text}}", text)
        )
        body = {"messages": [{"role": "user", "content": prompt}], "max_tokens": 24, "temperature": 0}
        if {leaf.engine for leaf in leaves(self.plan.models[step.model.lower()])} == {"llama.cpp"}:
            body["grammar"] = "root ::= " + " | ".join(json.dumps(label) for label in step.labels)
        said = text_of(await self._ask(step.model, "chat/completions", body, sub)).strip().lower()
        label = next((one for one in step.labels if said.startswith(one.lower())), "")
        return Gave(text=label, label=label)

    async def _join(self, step: Step, sub: Ledger) -> Gave:
        """Its steps side by side; one that fails ends the others."""
        try:
            async with asyncio.TaskGroup() as group:
                for inner in step.steps:
                    group.create_task(self._does(inner))
        except BaseExceptionGroup as err:
            raise err.exceptions[0] from None
        if step.template:
            return Gave(text=templates.fill(step.template, self.question, self.gave))
        return Gave(text="\n\n".join(text for one in step.steps if (text := self.gave[one.name].text)))

    _kinds: Mapping[str, Any] = {
        "generate": _generate, "rewrite": _generate, "check": _check, "classify": _classify, "join": _join,
    }  # fmt: skip

    # ---- calls ---------------------------------------------------------------------------------------------

    async def _ask(self, model: str, path: str, body: Mapping[str, Any], sub: Ledger) -> bytes:
        call = replace(self.call, path=path, body=body, is_stream=False, upload=None, content_type="")
        plan, via = self.plan.models[model.lower()], self.plan.served_name
        async with answering.answer(self.runtime, plan, call, self.asked, sub, role="step", via=via) as reply:
            told = await reply.body()
            self.last_target = reply.target
        return told

    async def _begun(self, stack: AsyncExitStack, step: Step) -> Reply:
        """The last step, on its way."""
        body = self._body(step, is_last=True)
        call = replace(self.call, body=body, upload=None, content_type="")
        plan, at = self.plan.models[step.model.lower()], len(self.ledger.legs)
        began = time.monotonic()

        def ended(kind: type[BaseException] | None, *_: object) -> None:
            for part in self.ledger.parts[at:]:
                part.step = step.name
            self._trace(step, Gave(text=self.last_text), self.ledger.legs[at:], began, "failed" if kind else "ok")

        asking = answering.answer(
            self.runtime, plan, call, self.asked, self.ledger, role="step", via=self.plan.served_name
        )
        reply = await stack.enter_async_context(asking)
        stack.push(ended)  # before the call is left: its leg is told as it stands then
        self.last_target, self.last_text = reply.target, ""
        return reply

    def _body(self, step: Step, *, is_last: bool = False) -> dict[str, Any]:
        """What is asked of a step's model, within the tokens that are left."""
        if step.prompt or step.kind == "rewrite":
            prompt = step.prompt or "Rewrite this so that it reads well, and say nothing else:\n\n{{of}}"
            asked = templates.fill(prompt.replace("{{of}}", "\x00"), self.question, self.gave)
            messages: list[Any] = [{"role": "user", "content": asked.replace("\x00", self._text(step))}]
        else:
            messages = [one for one in self.call.body["messages"] if not step.system or one.get("role") != "system"]
        if step.system:
            messages.insert(0, {"role": "system", "content": templates.fill(step.system, self.question, self.gave)})
        of_call = {key: self.call.body[key] for key in OF_CALL if is_last and key in self.call.body}
        body = {**of_call, **step.parameters, "messages": messages}
        left = self.plan.document.bounds.tokens - sum(leg.measured.completion_tokens for leg in self.ledger.legs)
        if left <= 0:
            raise OutOfBounds(f"The steps said over {self.plan.document.bounds.tokens:,} tokens, all they are given.")
        wanted = body.get("max_tokens")
        body["max_tokens"] = min(left, wanted) if isinstance(wanted, int) and wanted > 0 else left
        return body

    def _text(self, step: Step) -> str:
        return self.gave[step.of].text if step.of else self.question

    def _trace(self, step: Step, gave: Gave, legs: Sequence[Leg], began: float, outcome: str) -> None:
        said: dict[str, Any] = {
            "step": step.name,
            "kind": step.kind,
            "outcome": outcome,
            "seconds": round(time.monotonic() - began, 3),
            "model": legs[-1].target.model if legs else "",
            "revision": legs[-1].target.revision if legs else "",
            "prompt_tokens": sum(leg.measured.prompt_tokens for leg in legs),
            "completion_tokens": sum(leg.measured.completion_tokens for leg in legs),
            "passed": gave.passed,
            "label": gave.label,
        }
        if self.plan.keeps_content:
            said["text"] = gave.text[:8000]
        self.ledger.trace.append({key: one for key, one in said.items() if one not in ("", None)})

    def _said(self) -> Reply:
        """What was said so far, as an answer of its own."""
        target = self.last_target or leaves(next(iter(self.plan.models.values())))[0]
        return Said(target, self.last_text, self.ledger.legs)


class Said:
    """A text as an answer: what a pipeline says where its last step asks no model."""

    content_type = "application/json"

    def __init__(self, target: Target, text: str, legs: Sequence[Leg]) -> None:
        self.target, self.measured, self.legs, self._text = target, Measured(), legs, text

    async def body(self) -> bytes:
        message = {"role": "assistant", "content": self._text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return json.dumps({"object": "chat.completion", "choices": [choice], "usage": {}}).encode()

    async def pieces(self) -> AsyncIterator[Piece]:
        for delta, finish in (({"role": "assistant", "content": self._text}, None), ({}, "stop")):
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            yield Piece(json.dumps({"object": "chat.completion.chunk", "choices": [choice]}).encode())


class Traced:
    """The last step's reply, with the tokens of all steps, and the trace where the caller asked for it."""

    def __init__(self, reply: Reply, run: _Run) -> None:
        self.target, self.measured, self.content_type = reply.target, reply.measured, reply.content_type
        self._reply, self._run = reply, run
        self._is_asked = run.asked.headers.get(TRACE_HEADER, "").strip().lower() in ("1", "true", "yes")

    @property
    def legs(self) -> Sequence[Leg]:
        return self._run.ledger.legs

    async def body(self) -> bytes:
        raw = await self._reply.body()
        self._run.last_text = text_of(raw)
        try:
            told = json.loads(raw)
        except (ValueError, RecursionError) as err:
            raise StepFailed("The last step's model answered no JSON.") from err
        if not isinstance(told, dict):
            return raw
        if "usage" in told:
            told["usage"] = self._usage()
        if self._is_asked:
            told["freehold"] = {"trace": self._traced()}
        return json.dumps(told, ensure_ascii=False).encode()

    async def pieces(self) -> AsyncIterator[Piece]:
        size = 0
        async for piece in self._reply.pieces():
            size += len(piece.data)
            if self._run.plan.keeps_content and size < MAX_TEXT:
                self._run.last_text += delta_of(piece.data)
            if time.monotonic() > self._run.ends_at:
                raise OutOfBounds(f"The pipeline took over {self._run.plan.document.bounds.seconds:g} seconds.")
            yield self._with_usage(piece)
        if self._is_asked:
            event = {"object": "chat.completion.chunk", "choices": [], "freehold": {"trace": self._traced()}}
            yield Piece(json.dumps(event).encode())

    def _with_usage(self, piece: Piece) -> Piece:
        if b'"usage"' not in piece.data:
            return piece
        event = json.loads(piece.data)
        if not event.get("usage"):
            return piece
        return Piece(json.dumps(event | {"usage": self._usage()}, ensure_ascii=False).encode())

    def _usage(self) -> dict[str, int]:
        prompt = sum(leg.measured.prompt_tokens for leg in self.legs)
        completion = sum(leg.measured.completion_tokens for leg in self.legs)
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}

    def _traced(self) -> list[dict[str, Any]]:
        """What every step did; the last one is still on its way, and is told as far as it got. No texts."""
        told = [{key: one for key, one in entry.items() if key != "text"} for entry in self._run.ledger.trace]
        last = self._run.plan.document.steps[-1]
        if all(entry["step"] != last.name for entry in told) and self._run.last_target is not None:
            target = self._run.last_target
            told.append({"step": last.name, "kind": last.kind, "model": target.model, "revision": target.revision})
        return told


def _last_question(call: Call) -> str:
    """What was asked last, in words."""
    messages = [one for one in call.body.get("messages", ()) if isinstance(one, dict) and one.get("role") == "user"]
    return conditions.text_of({"messages": messages[-1:]})


def _top(body: bytes, step: Step) -> Gave:
    """The label of the highest score."""
    try:
        told = json.loads(body)
        rows = told[0] if isinstance(told, list) and told and isinstance(told[0], list) else told
        best = max(rows, key=lambda row: float(row["score"]))
        return Gave(text=str(best["label"])[:200], label=str(best["label"])[:200], score=float(best["score"]))
    except (ValueError, RecursionError, KeyError, IndexError, TypeError) as err:
        raise StepFailed(f"The model of {step.name} does not classify.") from err
