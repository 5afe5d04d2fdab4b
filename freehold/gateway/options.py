"""What a call says beside its words: numbers within their range, tools that are tools, what nobody here can do. Pure.

An engine leaves out unseen what it does not know, or takes it for something else; here it is said. Source: OpenAI API
reference, chat and completions.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from freehold.engines import llama
from freehold.gateway.errors import BadCall
from freehold.inference.errors import NotAble
from freehold.pipelines.rules import AnyPlan, leaves

MAX_CHOICES = 16
MAX_TOKENS = 10_000_000
#: Each is looked for in every token of an answer.
MAX_STOPS = 64
MAX_STOP_CHARS = 1000
MAX_BIASES = 4096
MAX_TOP_LOGPROBS = 20
MAX_NAME_CHARS = 256
_WHOLE: Mapping[str, tuple[int, int]] = {
    "n": (1, MAX_CHOICES),
    "max_tokens": (-1, MAX_TOKENS),
    "max_completion_tokens": (0, MAX_TOKENS),
    "top_logprobs": (0, MAX_TOP_LOGPROBS),
    "seed": (-(1 << 63), (1 << 63) - 1),
}
_NUMBERS: Mapping[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
}
#: What would be left out unseen, and what to do instead.
_NOT_HERE: Mapping[str, str] = {
    "functions": 'is the older form of tools: send "tools", and "tool_choice" for "function_call".',
    "function_call": 'is the older form of "tool_choice", which is taken with "tools".',
    "web_search_options": "is not taken: this hub searches nothing for a model.",
    "audio": "is not taken: no model here answers in sound.",
}


def check(path: str, given: Mapping[str, Any]) -> None:
    """Raises :class:`BadCall` naming the first option of a call of ``path`` that cannot be."""
    for name, (low, high) in _WHOLE.items():
        _check_number(name, given.get(name), low, high, whole=True)
    if 0 in (given.get("max_tokens"), given.get("max_completion_tokens")):  # llama.cpp writes one all the same
        raise BadCall('An answer has at least one token: "max_tokens" must be 1 or more.', "max_tokens")
    for name, (least, most) in _NUMBERS.items():
        _check_number(name, given.get(name), least, most, whole=False)
    _check_stop(given.get("stop"))
    _check_bias(given.get("logit_bias"))
    options = given.get("stream_options")
    if options is not None and not isinstance(options, Mapping):
        raise BadCall('"stream_options" must be an object, such as {"include_usage": true}.', "stream_options")
    if path == "chat/completions":
        _check_chat(given)
    elif path == "embeddings":
        if given.get("encoding_format") not in (None, "float", "base64"):
            raise BadCall('"encoding_format" must be float or base64.', "encoding_format")
    elif path == "completions":
        _check_number("logprobs", given.get("logprobs"), 0, MAX_TOP_LOGPROBS, whole=True)
        best, each = given.get("best_of"), given.get("n")
        if best is not None and best != (1 if each is None else each):
            raise BadCall('"best_of" is not taken: ask for "n" answers and choose among them.', "best_of")


def check_able(plan: AnyPlan, path: str, body: Mapping[str, Any]) -> None:
    """Raises :class:`NotAble` where the engine behind ``plan`` would leave out unseen what a completion asks for."""
    if path != "completions" or any(target.engine != llama.NAME for target in leaves(plan)):
        return
    if body.get("suffix"):
        raise NotAble(f"{plan.served_name} only goes on from a prompt: it fills in nothing before a suffix.")
    if body.get("echo") is True and (body.get("logprobs") is not None or not _is_text(body.get("prompt"))):
        raise NotAble(f'{plan.served_name} repeats a prompt ("echo") of words only, and without "logprobs" of it.')


def settled(path: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """``given``, once it was checked, in the words that every engine takes for the same."""
    body = dict(given)
    if (stop := given.get("stop")) is not None:
        body["stop"] = [one for one in ([stop] if isinstance(stop, str) else stop) if one]
        if not body["stop"]:  # to an engine it is found in the first token
            del body["stop"]
    if path == "completions":
        if given.get("logprobs") == 0:  # that of the token itself, and of no other
            body["logprobs"] = 1
    elif path == "chat/completions":
        if given.get("logprobs") is True and not given.get("top_logprobs"):
            body["top_logprobs"] = 1  # engines tell nothing for none, and many where nothing is said
        body["messages"] = [_settled_message(one) for one in given["messages"]]
        choice = given.get("tool_choice")
        if isinstance(choice, Mapping) and choice.get("type") == "allowed_tools":
            names = _allowed(choice)
            body["tools"] = [one for one in given["tools"] if one["function"]["name"] in names]
            body["tool_choice"] = choice["allowed_tools"].get("mode", "auto")
    return body


# ---- numbers, and what is looked for in an answer -----------------------------------------------------------


def _check_number(name: str, value: Any, low: float, high: float, *, whole: bool) -> None:
    if value is None:
        return
    kinds = (int,) if whole else (int, float)
    if not isinstance(value, kinds) or isinstance(value, bool) or not low <= value <= high:
        what = "a whole number" if whole else "a number"
        raise BadCall(f'"{name}" must be {what} from {low:,} to {high:,}.', name)


def _check_stop(stop: Any) -> None:
    if stop is None or (isinstance(stop, str) and len(stop) <= MAX_STOP_CHARS):
        return
    if (
        not isinstance(stop, list)
        or len(stop) > MAX_STOPS
        or not all(isinstance(one, str) and len(one) <= MAX_STOP_CHARS for one in stop)
    ):
        raise BadCall(
            f'"stop" must be a text, or a list of up to {MAX_STOPS}, each of at most {MAX_STOP_CHARS:,} characters.',
            "stop",
        )


def _check_bias(bias: Any) -> None:
    if bias is None:
        return
    pairs: Any = bias.items() if isinstance(bias, Mapping) else bias if isinstance(bias, list) else None
    if pairs is None or len(pairs) > MAX_BIASES or not all(_is_bias(one) for one in pairs):
        raise BadCall(
            '"logit_bias" must be an object of token numbers and how much more likely each is, from -100 to 100: up to '
            f"{MAX_BIASES:,} of them.",
            "logit_bias",
        )


def _is_bias(pair: Any) -> bool:
    """llama.cpp also takes a list of pairs, words for token numbers, and false for never."""
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        return False
    value = pair[1]
    return value is False or (isinstance(value, int | float) and value is not True and -100 <= value <= 100)


# ---- of a chat ----------------------------------------------------------------------------------------------


def _check_chat(given: Mapping[str, Any]) -> None:
    for name, why in _NOT_HERE.items():
        if given.get(name) is not None:
            raise BadCall(f'"{name}" {why}', name)
    if given.get("modalities") not in (None, [], ["text"]):
        raise BadCall('"modalities" is text here: no model answers in anything else.', "modalities")
    for name in ("logprobs", "parallel_tool_calls"):
        if given.get(name) is not None and not isinstance(given[name], bool):
            raise BadCall(f'"{name}" must be true or false.', name)
    if given.get("top_logprobs") is not None and given.get("logprobs") is not True:
        raise BadCall('"top_logprobs" goes with "logprobs": true.', "top_logprobs")
    tools = given.get("tools")
    if tools is not None:
        _check_tools(tools)
    _check_choice(given.get("tool_choice"), {one["function"]["name"] for one in tools or ()})
    for at, message in enumerate(given["messages"]):
        _check_calls(message, at)


def _check_tools(tools: Any) -> None:
    if not isinstance(tools, list):
        raise BadCall('"tools" must be a list of functions.', "tools")
    for at, tool in enumerate(tools):
        kind = tool.get("type", "function") if isinstance(tool, Mapping) else tool
        if kind != "function":
            raise BadCall(
                f"tools[{at}] is {str(kind)[:60]!r}: this hub runs no tools, only functions go through.", f"tools[{at}]"
            )
        function = tool.get("function")
        name = function.get("name") if isinstance(function, Mapping) else None
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_CHARS:
            raise BadCall(
                f'tools[{at}] must be {{"type": "function", "function": {{"name": ..., "parameters": ...}}}}.',
                f"tools[{at}]",
            )
        if not isinstance(function.get("parameters", {}), Mapping | None):
            raise BadCall(
                f"tools[{at}].function.parameters must be a JSON schema, as an object.",
                f"tools[{at}].function.parameters",
            )


def _check_choice(choice: Any, names: set[str]) -> None:
    if choice in (None, "none", "auto"):
        return
    if choice == "required":
        wanted: set[str] = set()
    elif isinstance(choice, Mapping) and choice.get("type") == "allowed_tools":
        wanted = _allowed(choice)
    elif isinstance(choice, Mapping) and isinstance(choice.get("function"), Mapping):
        wanted = {str(choice["function"].get("name"))}
    else:
        raise BadCall(
            '"tool_choice" must be none, auto, required, or {"type": "function", "function": {"name": ...}}.',
            "tool_choice",
        )
    if not names:
        raise BadCall('"tool_choice" asks for a tool, and "tools" has none.', "tool_choice")
    if missing := wanted - names:
        raise BadCall(f'"tools" has no {next(iter(missing))[:80]!r}, which "tool_choice" names.', "tool_choice")


def _allowed(choice: Mapping[str, Any]) -> set[str]:
    """The names in a choice among some of the tools."""
    told = choice.get("allowed_tools")
    tools = told.get("tools") if isinstance(told, Mapping) else None
    listed = tools if isinstance(tools, list) else []
    functions = [one.get("function") if isinstance(one, Mapping) else None for one in listed]
    named = {str(one.get("name")) if isinstance(one, Mapping) else "" for one in functions}
    if not isinstance(told, Mapping) or told.get("mode", "auto") not in ("auto", "required") or not named:
        raise BadCall('"tool_choice.allowed_tools" has a mode (auto or required) and tools.', "tool_choice")
    return named


def _check_calls(message: Mapping[str, Any], at: int) -> None:
    """Templates read what a tool was called with as JSON."""
    calls = message.get("tool_calls")
    if calls is None:
        return
    if not isinstance(calls, list):
        raise BadCall(f"messages[{at}].tool_calls must be a list.", f"messages[{at}].tool_calls")
    for number, call in enumerate(calls):
        where = f"messages[{at}].tool_calls[{number}].function"
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise BadCall(f"{where} must be an object with a name and arguments.", where)
        arguments = function.get("arguments")
        if isinstance(arguments, str) and arguments.strip() and not _is_json(arguments):
            raise BadCall(f"{where}.arguments is not JSON.", f"{where}.arguments")


def _settled_message(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Clients send what a tool without parameters was called with as an empty text, which is no JSON."""
    calls: Sequence[Any] = message.get("tool_calls") or ()
    if all(str(one["function"].get("arguments") or "").strip() for one in calls):
        return message
    told = [
        one
        if str(one["function"].get("arguments") or "").strip()
        else {**one, "function": {**one["function"], "arguments": "{}"}}
        for one in calls
    ]
    return {**message, "tool_calls": told}


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_text(prompt: Any) -> bool:
    return isinstance(prompt, str) or (isinstance(prompt, list) and all(isinstance(one, str) for one in prompt))
