"""OpenAI's own client, unmodified, against a model of the hub: whole, streamed, as responses, refused."""

import json
import os

import openai
from checks import given, told

url = os.environ["HF_ENDPOINT"] + "/v1"
client = openai.OpenAI(base_url=url, api_key=os.environ["HF_TOKEN"], max_retries=0)
model, words = given["model"], [{"role": "user", "content": given["question"]}]
most = {"max_tokens": given.get("max_tokens", 16)}


def refused(**asked):
    """The class, the code and the words of what is raised."""
    try:
        client.chat.completions.create(**{"model": model, "messages": words, **asked})
    except openai.APIError as err:
        return [type(err).__name__, err.code, err.message]
    raise AssertionError("it was answered")


def tool(name, *fields):
    """A function of texts, its schema as pydantic writes it."""
    properties = {field: {"$ref": "#/$defs/Text"} for field in fields}
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(fields),
        "$defs": {"Text": {"type": "string"}},
    }
    return {"type": "function", "function": {"name": name, "description": f"Tells the {name}.", "parameters": schema}}


def called(choice, **asked):
    """The name of the tool that is called, the names of its arguments, and why it ended: whole, then streamed."""
    words = [{"role": "user", "content": "What is the weather in Paris?"}]
    asked = {"model": model, "messages": words, "tools": tools, "tool_choice": choice, "max_tokens": 80, **asked}
    found = [client.chat.completions.create(**asked)]
    with client.chat.completions.stream(**asked) as stream:
        found.append(stream.until_done().get_final_completion())
    choices = [one.choices[0] for one in found]
    functions = [one.message.tool_calls[0].function for one in choices]
    return [
        [function.name, list(json.loads(function.arguments)), choice.finish_reason, choice.message.content]
        for function, choice in zip(functions, choices, strict=True)
    ]


tools = [tool("weather", "city"), tool("time", "zone")]
whole = client.chat.completions.create(model=model, messages=words, **most)
pieces = list(client.chat.completions.create(model=model, messages=words, stream=True, **most))
asked = {"model": model, "input": given["question"], "max_output_tokens": most["max_tokens"]}
with client.responses.stream(**asked) as stream:
    kinds = [event.type for event in stream]
    final = stream.get_final_response()
counted = client.chat.completions.create(
    model=model, messages=words, stream=True, stream_options={"include_usage": True}, **most
)
told(
    listed=[one.id for one in client.models.list()],
    found=client.models.retrieve(model).id,
    said=whole.choices[0].message.content,
    model=whole.model,
    revision=whole.freehold["revision"],
    tokens=whole.usage.completion_tokens,
    streamed="".join(piece.choices[0].delta.content or "" for piece in pieces),
    streamed_tokens=list(counted)[-1].usage.completion_tokens,
    responded=final.output_text,
    kinds=kinds,
    completed=client.completions.create(model=model, prompt="The", **most).choices[0].text,
    named=called({"type": "function", "function": {"name": "time"}}),
    any_tool=called("required"),
    unknown=refused(model=model + "x"),
    long=refused(messages=[{"role": "user", "content": "hello " * 20_000}]),
    schema=refused(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "none"}}}),
)
