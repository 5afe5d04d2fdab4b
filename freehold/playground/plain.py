"""The playground without script: a form, the whole answer, the same page with one turn more."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from freehold.accounts import csrf
from freehold.core.errors import BadRequest, HubError
from freehold.core.http import Ask, in_thread, stream_door
from freehold.gateway import receiving
from freehold.gateway import rules as gateway_rules
from freehold.gateway import service as gateway
from freehold.gateway.asking import recorded
from freehold.gateway.keeping import Heard
from freehold.gateway.service import Admitted, Asker
from freehold.inference.rules import Runtime
from freehold.pipelines.answering import answer
from freehold.playground import asking, pages
from freehold.playground.asking import Given
from freehold.playground.lanes import Turn
from freehold.usage.errors import BudgetSpent
from freehold.usage.rules import Outcome
from freehold.usage.telling import OUTCOMES

OWN = "own"
MAX_FORM_BYTES = 4 << 20
MAX_FIELDS = 60


@dataclass(frozen=True)
class _Said:
    """The form: what was typed, and each lane's conversation before it."""

    given: Given
    text: str
    histories: Sequence[list[dict[str, str]]]
    token: str


@stream_door(OWN)
async def say(request: Request) -> Response:
    """The page with an answer of each model; where one of two gives none, it says why beside the other's answer.

    Where none answers, what went wrong stands on the page, and what was typed is still in the box.
    """
    said = _read(await receiving.body_of(request, MAX_FORM_BYTES))
    try:
        admitted = await in_thread(request, lambda ask: _admitted(ask, said), reads=True)
    except HubError as err:
        admitted = [err]
    answers = await asyncio.gather(*(_answer(request, one) for one in admitted))
    return await in_thread(request, lambda ask: _page(ask, said, answers), reads=True)


routes = [Route(asking.PAGE, say, methods=["POST"])]


def _read(body: bytes) -> _Said:
    try:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except (UnicodeDecodeError, ValueError) as err:
        raise BadRequest("This is not the playground's form. Open the page and send it again.") from err
    given = asking.read(fields)
    names = ("history", "history_with") if given.other else ("history",)
    return _Said(
        given,
        fields.get("text", "").replace("\r\n", "\n").strip(),
        [asking.history(fields.get(name, "")) for name in names],
        fields.get("csrf", ""),
    )


def _admitted(ask: Ask, said: _Said) -> list[Admitted | HubError]:
    """What is asked of each model, or why it may not be."""
    csrf.check_in_person(ask, said.token)
    if not said.text:
        raise BadRequest("Write something first.")
    first = [{"role": "system", "content": said.given.system}] if said.given.system else []
    found: list[Admitted | HubError] = []
    for model, history in zip((said.given.model, said.given.other), said.histories, strict=False):
        messages = [*first, *history, {"role": "user", "content": said.text}]
        body: dict[str, Any] = {"model": model, "messages": messages, **said.given.sent()}
        wish = gateway_rules.wish("chat/completions", body)
        asker = Asker(ask.actor, ask.request.scope.get("freehold.request_id", ""))
        try:
            found.append(gateway.admit(ask.db, asker, wish.model, lambda _, wish=wish: wish))  # type: ignore[misc]
        except HubError as err:
            found.append(err)
    return found


async def _answer(request: Request, admitted: Admitted | HubError) -> tuple[str, str] | HubError:
    """What the model said, and in a line how much it was; or why it said nothing."""
    if isinstance(admitted, HubError):
        return admitted
    try:
        return await _asked(request, admitted)
    except HubError as err:
        return err


async def _asked(request: Request, admitted: Admitted) -> tuple[str, str]:
    """Recorded however it ends."""
    runtime: Runtime = request.app.state.runtime
    heard = Heard(admitted.plan)
    try:
        async with answer(runtime, admitted.plan, admitted.call, admitted.asked, admitted.ledger) as reply:
            body = await reply.body()
        heard.whole(body)
    finally:
        outcome: Outcome | None = "cut" if admitted.is_spent else None
        await recorded(request.app.state.database, request.app.state.kit, admitted, heard, outcome=outcome)
    took = reply.measured
    note = f"{took.prompt_tokens:,} tokens read, {took.completion_tokens:,} written in {took.engine_s:.1f} s"
    note += f", {OUTCOMES['cut']}" if outcome == "cut" else ""
    try:
        return str(json.loads(body)["choices"][0]["message"]["content"] or ""), note
    except (ValueError, RecursionError, KeyError, IndexError, TypeError):
        return "", note


def _page(ask: Ask, said: _Said, answers: Sequence[tuple[str, str] | HubError]) -> Response:
    you, turns = ask.actor.name, []
    wrong = [one for one in answers if isinstance(one, HubError)]
    nobody = len(wrong) == len(answers)
    for number, history in enumerate(said.histories):
        model = (said.given.other if number else said.given.model).rpartition("/")[2]
        lane = [Turn(one["role"] == "user", you if one["role"] == "user" else model, one["content"]) for one in history]
        if not nobody:
            found = answers[number]
            told = ("", "", found.message, _is_spent(found)) if isinstance(found, HubError) else (*found, "")
            lane += [Turn(True, you, said.text), Turn(False, model, *told)]
        turns.append(lane)
    if nobody:
        words = " ".join(dict.fromkeys(one.message for one in wrong))
        spent, status = any(map(_is_spent, wrong)), wrong[0].status
        return pages.page(ask, said.given, turns=turns, typed=said.text, error=words, is_spent=spent, status=status)
    return pages.page(ask, said.given, turns=turns)


def _is_spent(err: HubError) -> bool:
    return isinstance(err, BudgetSpent)
