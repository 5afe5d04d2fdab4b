"""``/v1/responses`` as a chat: what it asks for, said as ``/v1/chat/completions`` has it. Pure.

So every model that chats answers it, behind routes and guards too. Nothing is kept between calls: a conversation is
sent whole each time. Source: OpenAI API reference, Responses.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from freehold.gateway.errors import BadCall

#: What the two have under the same name.
_SAME = ("temperature", "top_p", "seed", "stop", "parallel_tool_calls", "presence_penalty", "frequency_penalty")
_KEPT = 'Nothing is kept between calls here: send the whole conversation in "input".'

#: What a chat has under another name.
_NAMES = {"max_tokens": "max_output_tokens", "response_format": "text.format", "messages": "input"}


def as_named(err: BadCall) -> BadCall:
    """What is wrong with a chat, by the names that whoever asked knows."""
    name = _NAMES.get(err.param or "")
    if name is None:
        return err
    return BadCall(err.message.replace(f'"{err.param}', f'"{name}'), name, code=err.code)


def chat_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a chat that asks the same. Raises :class:`BadCall` saying what has no counterpart."""
    for name in ("previous_response_id", "conversation", "prompt"):
        if given.get(name) is not None:
            raise BadCall(_KEPT, name)
    if given.get("background"):
        raise BadCall('Answers are not made in the background here: leave "background" out.', "background")
    body: dict[str, Any] = {name: given[name] for name in ("model", "stream", *_SAME) if given.get(name) is not None}
    body["messages"] = list(_messages(given))
    if given.get("max_output_tokens") is not None:
        body["max_tokens"] = given["max_output_tokens"]
    include = given.get("include")
    if given.get("top_logprobs") is not None:
        body |= {"logprobs": True, "top_logprobs": given["top_logprobs"]}
    elif isinstance(include, list) and "message.output_text.logprobs" in include:
        body["logprobs"] = True
    text = given.get("text")
    if text is not None and not isinstance(text, Mapping):
        raise BadCall('"text" must be an object, such as {"format": {"type": "text"}}.', "text")
    if text is not None and text.get("format") is not None:
        body |= _format(text["format"])
    if given.get("tools"):
        body["tools"] = [_tool(one, at) for at, one in enumerate(_listed(given["tools"], "tools"))]
    if given.get("tool_choice") is not None:
        body["tool_choice"] = _choice(given["tool_choice"])
    return body


def _messages(given: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if given.get("instructions"):
        yield {"role": "system", "content": given["instructions"]}
    said = given.get("input")
    if isinstance(said, str):
        yield {"role": "user", "content": said}
        return
    for at, item in enumerate(_listed(said, "input")):
        if not isinstance(item, Mapping):
            raise BadCall(f"input[{at}] must be an object.", f"input[{at}]")
        message = _message(item, f"input[{at}]")
        if message is not None:
            yield message


def _message(item: Mapping[str, Any], at: str) -> dict[str, Any] | None:
    kind = item.get("type", "message")
    if kind == "message":
        role = {"developer": "system"}.get(str(item.get("role")), item.get("role"))
        return {"role": role, "content": _content(item.get("content"), at)}
    if kind in ("function_call", "function_call_output") and not isinstance(item.get("call_id"), str):
        raise BadCall(f'{at} has no "call_id", by which a call and its output find one another.', f"{at}.call_id")
    if kind == "function_call":
        function = {"name": item.get("name"), "arguments": item.get("arguments")}
        call = {"id": item.get("call_id"), "type": "function", "function": function}
        return {"role": "assistant", "content": None, "tool_calls": [call]}
    if kind == "function_call_output":
        output = item.get("output")
        return {"role": "tool", "tool_call_id": item.get("call_id"), "content": _content(output, at)}
    if kind == "reasoning":  # of an earlier answer: models are not shown it again
        return None
    raise BadCall(f"{at} is of type {str(kind)[:60]!r}, which this hub does not know.", at)


def _content(content: Any, at: str) -> Any:
    if not isinstance(content, list):
        return content
    parts = []
    for one in content:
        kind = one.get("type") if isinstance(one, Mapping) else None
        if kind in ("input_text", "output_text", "text"):
            parts.append({"type": "text", "text": one.get("text")})
        elif kind == "input_image" and one.get("image_url"):
            parts.append({"type": "image_url", "image_url": {"url": one["image_url"]}})
        else:
            raise BadCall(f"{at} has content of type {str(kind)[:60]!r}, which this hub does not take.", at)
    # Templates of small models know no lists: words alone are one text.
    if all(part["type"] == "text" for part in parts):
        return "".join(str(part["text"]) for part in parts)
    return parts


def _tool(tool: Any, at: int) -> dict[str, Any]:
    if not isinstance(tool, Mapping) or tool.get("type") != "function":
        kind = tool.get("type") if isinstance(tool, Mapping) else tool
        raise BadCall(f"tools[{at}] is {str(kind)[:60]!r}: this hub runs no tools, only functions go through.", "tools")
    function = {name: tool[name] for name in ("name", "description", "parameters", "strict") if name in tool}
    return {"type": "function", "function": function}


def _choice(choice: Any) -> Any:
    kind = choice.get("type") if isinstance(choice, Mapping) else None
    if kind == "allowed_tools" and isinstance(choice.get("tools"), list):
        tools = [{"function": one} for one in choice["tools"]]
        return {"type": kind, "allowed_tools": {"mode": choice.get("mode", "auto"), "tools": tools}}
    if kind == "function":
        return {"type": "function", "function": {"name": choice.get("name")}}
    return choice


def _format(form: Any) -> dict[str, Any]:
    if not isinstance(form, Mapping) or form.get("type") not in ("text", "json_object", "json_schema"):
        raise BadCall('"text.format" has a type: text, json_object or json_schema.', "text.format")
    if form.get("type") == "json_schema":
        told = {name: form[name] for name in ("name", "schema", "strict") if name in form}
        return {"response_format": {"type": "json_schema", "json_schema": told}}
    return {"response_format": {"type": "json_object"}} if form.get("type") == "json_object" else {}


def _listed(value: object, name: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise BadCall(f'"{name}" must be a text or a list.' if name == "input" else f'"{name}" must be a list.', name)
    return value
