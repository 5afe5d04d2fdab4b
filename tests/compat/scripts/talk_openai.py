"""OpenAI's own client, unmodified, against a model of the hub: whole, streamed, as responses, refused."""

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
    unknown=refused(model=model + "x"),
    long=refused(messages=[{"role": "user", "content": "hello " * 20_000}]),
    schema=refused(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "none"}}}),
)
