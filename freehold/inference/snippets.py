"""How a served model is called, as code to copy: with this hub's address and the model's name. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Snippet:
    """``key`` is part of an id; ``label`` says in what it is written."""

    key: str
    label: str
    code: str


QUESTION = "What is the capital of France?"


def of(hub: str, name: str, abilities: Sequence[str]) -> Sequence[Snippet]:
    """By what the model does, the clients that reach it."""
    if "chat" in abilities or "completions" in abilities:
        return _talking(hub, name, is_chat="chat" in abilities)
    if "embeddings" in abilities:
        return _embedding(hub, name)
    if "rerank" in abilities:
        body = {"model": name, "query": QUESTION, "documents": ["Paris is in France.", "Bread is baked."]}
        return [Snippet("curl", "curl", _curl(f"{hub}/v1/rerank", body))]
    task = abilities[0] if abilities else "task"
    return [
        Snippet("curl", "curl", _curl(f"{hub}/models/{name}", {"inputs": "A text."})),
        Snippet("hub", "InferenceClient", f"{_client(hub)}\n# task: {task}\nclient.text_classification('A text.')"
                if task == "classification" else f"{_client(hub)}  # task: {task}"),
    ]  # fmt: skip


def _talking(hub: str, name: str, *, is_chat: bool) -> Sequence[Snippet]:
    messages = [{"role": "user", "content": QUESTION}]
    body = {"model": name, "messages": messages} if is_chat else {"model": name, "prompt": "The capital of France is"}
    path = "chat/completions" if is_chat else "completions"
    if is_chat:
        python = (
            f'answer = client.chat.completions.create(\n    model="{name}",\n'
            f'    messages=[{{"role": "user", "content": "{QUESTION}"}}],\n)\nprint(answer.choices[0].message.content)'
        )
        javascript = (
            f'const answer = await client.chat.completions.create({{\n  model: "{name}",\n'
            f'  messages: [{{ role: "user", content: "{QUESTION}" }}],\n}});\n'
            "console.log(answer.choices[0].message.content);"
        )
        client = (
            f'answer = client.chat_completion(\n    [{{"role": "user", "content": "{QUESTION}"}}],\n'
            f'    model="{name}",\n)\nprint(answer.choices[0].message.content)'
        )
    else:
        said = f'model="{name}", prompt="The capital of France is"'
        python = f"answer = client.completions.create({said})\nprint(answer.choices[0].text)"
        javascript = (
            f'const answer = await client.completions.create({{\n  model: "{name}",\n'
            '  prompt: "The capital of France is",\n});\nconsole.log(answer.choices[0].text);'
        )
        client = ""
    found = [
        Snippet("curl", "curl", _curl(f"{hub}/v1/{path}", body)),
        Snippet("python", "Python, openai", f"{_openai(hub)}\n{python}"),
        Snippet("js", "JavaScript, openai", f"{_javascript(hub)}\n{javascript}"),
    ]
    return [*found, Snippet("hub", "Python, huggingface_hub", f"{_client(hub)}\n{client}")] if client else found


def _embedding(hub: str, name: str) -> Sequence[Snippet]:
    body = {"model": name, "input": ["A cat sits.", "A kitten rests."]}
    python = f'answer = client.embeddings.create(model="{name}", input=["A cat sits.", "A kitten rests."])\n'
    return [
        Snippet("curl", "curl", _curl(f"{hub}/v1/embeddings", body)),
        Snippet("python", "Python, openai", f"{_openai(hub)}\n{python}print(len(answer.data[0].embedding))"),
        Snippet(
            "js",
            "JavaScript, openai",
            f"{_javascript(hub)}\n"
            f'const answer = await client.embeddings.create({{ model: "{name}", input: ["A cat sits."] }});\n'
            "console.log(answer.data[0].embedding.length);",
        ),
    ]


def _curl(address: str, body: object) -> str:
    return (
        f"curl {address} \\\n  -H \"Authorization: Bearer $HF_TOKEN\" -H 'Content-Type: application/json' \\\n"
        f"  -d '{json.dumps(body)}'"
    )


def _openai(hub: str) -> str:
    return (
        f'import os\nfrom openai import OpenAI\n\nclient = OpenAI(base_url="{hub}/v1", api_key=os.environ["HF_TOKEN"])'
    )


def _javascript(hub: str) -> str:
    return (
        'import OpenAI from "openai";\n\n'
        f'const client = new OpenAI({{ baseURL: "{hub}/v1", apiKey: process.env.HF_TOKEN }});'
    )


def _client(hub: str) -> str:
    return (
        "import os\nfrom huggingface_hub import InferenceClient\n\n"
        f'client = InferenceClient(base_url="{hub}/v1", api_key=os.environ["HF_TOKEN"])'
    )
