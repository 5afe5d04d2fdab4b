"""Whether the answer of a small model will do, or the large one is to be asked."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, get_args

from freehold.guards import json_schema, linear
from freehold.guards.errors import BadGuard
from freehold.inference.rules import Call, Target
from freehold.routing import conditions
from freehold.routing.errors import BadRoute
from freehold.routing.rules import Check, CheckKind, Plan, leaves

KINDS: tuple[CheckKind, ...] = get_args(CheckKind)
MAX_ANSWER = 20_000
JUDGE = (
    "Question:\n{question}\n\nAnswer:\n{answer}\n\nIs this answer correct, complete and to the point? "
    "Say only yes or no."
)
#: How models begin when they do not answer; looked for in the first 300 characters.
REFUSALS = (
    "i'm sorry, but", "i am sorry, but", "i cannot", "i can't", "i'm not able to", "i am not able to", "i don't know",
    "i do not know", "as an ai", "as a language model", "i'm unable", "i am unable", "es tut mir leid",
    "ich kann nicht", "ich weiß nicht", "je suis désolé", "je ne peux pas", "je ne sais pas", "lo siento",
    "no puedo", "mi dispiace", "non posso", "desculpe", "não posso", "抱歉", "对不起", "我不能", "申し訳",
)  # fmt: skip
_LENGTH = re.compile(r"([0-9]{0,7})\s*-\s*([0-9]{0,7})")


def checked(check: Check) -> Check:
    """``check`` as it can be kept. Raises :class:`BadRoute`."""
    if check.kind not in KINDS:
        raise BadRoute(f"A check is of one of these kinds: {', '.join(KINDS)}.", field="check_kind")
    value = check.value
    if check.kind == "schema":
        try:
            return Check("schema", json_schema.checked(value))
        except BadGuard as err:
            raise BadRoute(err.message, field="check_value") from err
    if check.kind == "regex":
        _pattern(str(value))
    if check.kind == "length":
        found = _LENGTH.fullmatch(str(value).strip())
        if found is None or not (found[1] or found[2]):
            raise BadRoute("Bounds of length are written 20-4000, -4000 or 20-, in characters.", field="check_value")
    if check.kind == "refusal" and len(str(value)) > 2000:
        raise BadRoute("Words of refusal have at most 2,000 characters together.", field="check_value")
    if check.kind == "judge" and not check.judge:
        raise BadRoute("Name the model that judges.", field="check_judge")
    return check


async def wrong(check: Check, call: Call, text: str, judge: Callable[[str], Awaitable[str]]) -> str:
    """Why ``text`` will not do, in a few words; '' where it passes."""
    if check.kind == "judge":
        question = conditions.text_of(call.body)[-MAX_ANSWER:]
        template = str(check.value or JUDGE)
        asked = template.replace("{question}", question).replace("{answer}", text[:MAX_ANSWER])
        said = (await judge(asked)).strip().lower()
        return "" if said.startswith("yes") else "the judge said no" if said else "there was no judge to ask"
    return _WAYS[check.kind](check.value, text)


def yes_or_no(question: str, judge: Plan) -> dict[str, Any]:
    """The body that asks a judging model, bound to yes or no as far as its engine can be bound."""
    body: dict[str, Any] = {
        "messages": [{"role": "user", "content": question}],
        "max_tokens": 4,
        "temperature": 0,
    }
    engines = {leaf.engine for leaf in leaves(judge)} if not isinstance(judge, Target) else {judge.engine}
    if engines == {"llama.cpp"}:
        body["grammar"] = 'root ::= "yes" | "no"'
    elif engines == {"vllm"}:
        body["guided_choice"] = ["yes", "no"]
    return body


def _by_schema(value: Any, text: str) -> str:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return "it is not JSON"
    return f"it is not of the schema ({told})" if (told := json_schema.wrong(value, told)) else ""


def _by_pattern(value: Any, text: str) -> str:
    return "" if _pattern(str(value)).is_in(text) else "the pattern is not in it"


def _by_length(value: Any, text: str) -> str:
    found = _LENGTH.fullmatch(str(value).strip())
    assert found is not None, "bounds were checked when the route was saved"
    if len(text) < int(found[1] or 0):
        return "it is too short"
    return "it is too long" if found[2] and len(text) > int(found[2]) else ""


def _by_refusal(value: Any, text: str) -> str:
    began = text.strip().lower().replace("’", "'")[:300]
    words = [word.strip().lower() for word in str(value or "").split(",") if word.strip()] or REFUSALS
    if not began:
        return "it is empty"
    return "it refuses" if any(word in began for word in words) else ""


_WAYS: dict[str, Callable[[Any, str], str]] = {
    "schema": _by_schema,
    "regex": _by_pattern,
    "length": _by_length,
    "refusal": _by_refusal,
}


def _pattern(text: str) -> "linear.Pattern":
    try:
        return linear.compiled(text)
    except BadGuard as err:
        raise BadRoute(err.message, field="check_value") from err
