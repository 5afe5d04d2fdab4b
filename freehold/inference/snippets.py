"""How a served model is called, as code to copy: with this hub's address and the model's name. Pure."""

import json
from collections.abc import Mapping, Sequence
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
    return _doing(hub, name, next((task for ability, task in _TASKS.items() if ability in abilities), _Task("")))


@dataclass(frozen=True)
class _Task:
    """How a task is asked: ``call`` of the official client, and what is sent: ``inputs``, or the bytes of ``file``."""

    call: str
    inputs: object = "A text."
    file: str = ""
    media_type: str = ""


_PICTURE, _SOUND = (
    {"file": "picture.png", "media_type": "image/png"},
    {"file": "sound.flac", "media_type": "audio/flac"},
)
_ALIKE = {"source_sentence": "A cat sits.", "sentences": ["A kitten rests.", "Bread is baked."]}
_MASKED = "Paris is the [MASK] of France."
#: By ability. Those that OpenAI's clients know too are told their way (:func:`of`).
_TASKS: Mapping[str, _Task] = {
    "classification": _Task('text_classification("A text.")'),
    "token-classification": _Task('token_classification("Ada lives in London.")', "Ada lives in London."),
    "fill-mask": _Task(f'fill_mask("{_MASKED}")', _MASKED),
    "sentence-similarity": _Task('sentence_similarity("A cat sits.", ["A kitten rests.", "Bread is baked."])', _ALIKE),
    "feature-extraction": _Task('feature_extraction("A text.")'),
    "image-classification": _Task('image_classification("picture.png")', **_PICTURE),
    "object-detection": _Task('object_detection("picture.png")', **_PICTURE),
    "image-to-text": _Task('image_to_text("picture.png")', **_PICTURE),
    "transcription": _Task('automatic_speech_recognition("sound.flac")', **_SOUND),
    "audio-classification": _Task('audio_classification("sound.flac")', **_SOUND),
    "text-to-speech": _Task('text_to_speech("Good morning.")', "Good morning."),
}


def _doing(hub: str, name: str, task: _Task) -> Sequence[Snippet]:
    """By the official client's calls of tasks, which send pictures and sounds as they are."""
    address = f"{hub}/models/{name}"
    if task.file:
        shell = (
            f"curl {address} \\\n  -H \"Authorization: Bearer $HF_TOKEN\" -H 'Content-Type: {task.media_type}' \\\n"
            f"  --data-binary @{task.file}"
        )
    else:
        shell = _curl(address, {"inputs": task.inputs})
    python = (
        "import os\nfrom huggingface_hub import InferenceClient\n\n"
        f'client = InferenceClient(model="{address}", token=os.environ["HF_TOKEN"])\nprint(client.{task.call})'
    )
    if task.call.startswith("text_to_speech"):
        shell += " --output said.wav"
        python = python.replace("print(", 'open("said.wav", "wb").write(')
    found = [Snippet("curl", "curl", shell)]
    return [*found, Snippet("hub", "Python, huggingface_hub", python)] if task.call else found


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
