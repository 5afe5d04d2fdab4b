"""A plan and a call to an answer: which model is asked, which next, and what is said of it.

Nothing is sent on before it is known to stay: a fallback moves on only while no piece of an answer has left here.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from freehold.core.errors import HubError
from freehold.guards import answering as guarding
from freehold.guards.sieve import Placed
from freehold.inference.rules import ABILITY_OF, Call, Reply, Runtime, Target
from freehold.routing import checking, choosing
from freehold.routing.errors import NothingLeft
from freehold.routing.replies import Begun, begin, text_of, whole
from freehold.routing.rules import Asked, Ledger, Option, Part, Plan, Role, RoutePlan


@asynccontextmanager
async def answer(
    runtime: Runtime, plan: Plan, call: Call, asked: Asked, ledger: Ledger, *, role: Role = "answer", via: str = ""
) -> AsyncIterator[Reply]:
    """The answer to ``call`` by ``plan``, as ``Runtime.call`` gives it; ``reply.target`` is the model that answered.

    ``ledger.legs`` has every engine call that was made for it, also where it ends in an error: record each.
    Raises what ``Runtime.call`` does, ``guards.errors.Blocked`` and ``NothingLeft``.
    """
    if isinstance(plan, Target):
        async with _asked(runtime, plan, call, ledger, role, via) as reply:
            yield reply
        return
    via = via or plan.served_name
    ask = _Asker(runtime, plan, call, asked, ledger, via)
    guards = [Placed(guard, plan.route_id) for guard in plan.policy.guards]
    call = await guarding.checked_input(call, guards, ledger.findings, ask.guard_model)
    async with AsyncExitStack() as stack:
        if any(one.guard.kind == "model" and one.guard.side == "output" for one in guards):
            told: Reply = await _read(
                lambda inner: _by_policy(inner, runtime, plan, call, asked, ledger, role, via), call
            )
        else:
            told = await _by_policy(stack, runtime, plan, call, asked, ledger, role, via)
        yield guarding.guarded(told, call, guards, ledger.findings, ask.guard_model)


@asynccontextmanager
async def _asked(
    runtime: Runtime, target: Target, call: Call, ledger: Ledger, role: Role, via: str
) -> AsyncIterator[Reply]:
    """One engine is asked, and it is written down what for."""
    # The leg is there before anything is waited for, so that both lists stay in step though calls go on side by side.
    ledger.parts.append(Part(role, via))
    async with runtime.call(target, call, ledger.legs) as reply:
        yield reply


async def _by_policy(
    stack: AsyncExitStack,
    runtime: Runtime,
    plan: RoutePlan,
    call: Call,
    asked: Asked,
    ledger: Ledger,
    role: Role,
    via: str,
) -> Reply:
    policy = plan.policy
    able = [option for option in plan.options if _is_able(option.plan, call)]
    if not able:
        raise NothingLeft(f"No model behind {plan.served_name} takes calls of /v1/{call.path}.")
    if policy.kind == "small_first" and policy.check is not None and len(able) > 1:
        return await _small_first(stack, runtime, plan, able, call, asked, ledger, role, via)
    if policy.kind == "fallback":
        return await _first_that_answers(stack, runtime, plan, able, call, asked, ledger, role, via)
    option, why = choosing.choose(plan, able, call, asked)
    _note(ledger, plan, option, why)
    return await stack.enter_async_context(answer(runtime, option.plan, call, asked, ledger, role=role, via=via))


async def _first_that_answers(
    stack: AsyncExitStack,
    runtime: Runtime,
    plan: RoutePlan,
    able: Sequence[Option],
    call: Call,
    asked: Asked,
    ledger: Ledger,
    role: Role,
    via: str,
) -> Reply:
    """The first target of a chain that begins to answer; the last one's error where none does."""
    tried = ""
    said = f"{plan.left_out} left out that you may not call; " if plan.left_out else ""
    unable = len(plan.options) - len(able)
    said += f"{unable} passed over that {'does' if unable == 1 else 'do'} not do this; " if unable else ""
    for place, option in enumerate(able):
        _note(ledger, plan, option, f"{said}first in the chain" if place == 0 else f"{said}fallback {place}: {tried}")
        trial = AsyncExitStack()
        before = len(ledger.parts)
        try:
            asking = answer(runtime, option.plan, call, asked, ledger, role=role, via=via)
            async with asyncio.timeout(option.choice.timeout_s):
                reply = await begin(await trial.enter_async_context(asking), call)
        except BaseException as err:
            await _leave(trial, err)
            if place == len(able) - 1 or not _goes_on(plan, err):
                raise
            tried = _said(err)
            _were_tried(ledger, before)
            continue
        stack.push_async_exit(trial)
        return reply
    raise AssertionError("a chain has at least one target")


async def _small_first(
    stack: AsyncExitStack,
    runtime: Runtime,
    plan: RoutePlan,
    able: Sequence[Option],
    call: Call,
    asked: Asked,
    ledger: Ledger,
    role: Role,
    via: str,
) -> Reply:
    """The small model's whole answer where it passes the check; otherwise the large one's."""
    small, large, check = able[0], able[1], plan.policy.check
    assert check is not None, "the policy was checked when it was saved"
    before = len(ledger.parts)
    _note(ledger, plan, small, "small first")
    reply: Begun | None = None
    try:
        async with asyncio.timeout(small.choice.timeout_s):
            asking = answer(runtime, small.plan, call, asked, ledger, role=role, via=via)
            reply = await _read(lambda inner: inner.enter_async_context(asking), call)
            ask = _Asker(runtime, plan, call, asked, ledger, via)
            wrong = await checking.wrong(check, call, reply.text, ask.judge)
    except BaseException as err:
        if not _goes_on(plan, err):
            raise
        wrong = _said(err)
    if reply is not None and not wrong:
        _note(ledger, plan, small, "small first: it passed the check")
        return reply
    _were_tried(ledger, before)
    _note(ledger, plan, large, f"small first: {wrong}, so the large one")
    return await stack.enter_async_context(answer(runtime, large.plan, call, asked, ledger, role=role, via=via))


class _Asker:
    """Other models, asked on the way: judges of answers and models that guard."""

    def __init__(self, runtime: Runtime, plan: RoutePlan, call: Call, asked: Asked, ledger: Ledger, via: str) -> None:
        self.runtime, self.plan, self.call, self.asked, self.ledger, self.via = runtime, plan, call, asked, ledger, via

    async def judge(self, question: str) -> str:
        """What the judge says; '' where it says nothing, or whoever asks may not call it, which passes nothing."""
        if self.plan.judge is None:
            return ""
        body = checking.yes_or_no(question, self.plan.judge)
        return text_of(await self._ask(self.plan.judge, "chat/completions", body, "judge"))

    async def guard_model(self, name: str, path: str, body: dict[str, object]) -> bytes:
        """The answer of the model that a guard names. Raises :class:`NothingLeft` where it may not be called."""
        plan = self.plan.guard_models.get(name.lower())
        if plan is None:
            raise NothingLeft(f"A guard of {self.plan.served_name} is a model that you may not call.")
        return await self._ask(plan, path, body, "guard")

    async def _ask(self, plan: Plan, path: str, body: dict[str, object], role: Role) -> bytes:
        call = replace(self.call, path=path, body=body, is_stream=False, upload=None, content_type="")
        # Its tokens count; its reasons and findings are not the answer's.
        apart = Ledger(legs=self.ledger.legs, parts=self.ledger.parts)
        async with answer(self.runtime, plan, call, self.asked, apart, role=role, via=self.via) as reply:
            return await reply.body()


def _note(ledger: Ledger, plan: RoutePlan, option: Option, why: str) -> None:
    """The last word on what a route chose; an earlier one of the same route gives way."""
    sentence = f"{plan.served_name}: {why}"
    earlier = ledger.chosen.get(plan.route_id)
    if earlier is not None:
        ledger.why[:] = [one for one in ledger.why if one != f"{plan.served_name}: {earlier[1]}"]
    ledger.why.append(sentence)
    ledger.chosen[plan.route_id] = (option.choice.name, why)


async def _read(asking: Callable[[AsyncExitStack], Awaitable[Reply]], call: Call) -> Begun:
    """All of an answer, whose engine is free again: it may be the one that judges it, with one slot in all."""
    inner = AsyncExitStack()
    try:
        reply = await whole(await asking(inner), call)
    except BaseException as err:
        await _leave(inner, err)
        raise
    await inner.aclose()
    return reply


async def _leave(trial: AsyncExitStack, err: BaseException) -> None:
    """A call that failed is left with its error: whoever keeps its engine learns by it that the engine is lost."""
    try:
        await trial.__aexit__(type(err), err, err.__traceback__)
    except BaseException as again:
        if again is not err:
            raise


def _were_tried(ledger: Ledger, since: int) -> None:
    for part in ledger.parts[since:]:
        part.role = "tried" if part.role == "answer" else part.role


def _is_able(plan: Plan, call: Call) -> bool:
    """Whether a target, or anything behind a route, can take the call at all."""
    needed = ABILITY_OF.get(call.path)
    if needed is None:
        return True
    if isinstance(plan, Target):
        return needed in plan.abilities
    return any(_is_able(option.plan, call) for option in plan.options)


def _goes_on(plan: RoutePlan, err: BaseException) -> bool:
    """Whether another target is worth asking: this one was busy, broken or slow, and the question was not the fault."""
    if isinstance(err, TimeoutError | OSError):
        return True
    if not isinstance(err, HubError):
        return False
    if err.code == "context_length_exceeded":
        return plan.policy.also_too_long
    return err.status in (408, 429) or err.status >= 500


def _said(err: BaseException) -> str:
    """Why a target did not answer, without its name or the engine's words: the reader may not know that one."""
    if isinstance(err, TimeoutError):
        return "the one before was too slow"
    if isinstance(err, HubError) and err.status == 429:
        return "the one before was busy"
    if isinstance(err, HubError) and err.code == "context_length_exceeded":
        return "the prompt was too long for the one before"
    return "the one before failed"
