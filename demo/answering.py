"""The demo's models answer: deployed over the hub's API, asked as any client of OpenAI's asks, and checked."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from demo.errors import DemoError
from demo.items import NAMESPACE

CHAT, EMBEDDER = f"{NAMESPACE}/SmolLM2-135M-Instruct-GGUF", f"{NAMESPACE}/all-MiniLM-L6-v2"
QUESTION, EXPECTED = "What is the capital of France?", "Paris"
#: Loading the model for the first time takes some seconds, on a busy machine many.
ANSWER_S = 300


@dataclass(frozen=True)
class Answered:
    """What the model said, and whether it is right."""

    text: str

    @property
    def is_right(self) -> bool:
        return EXPECTED.lower() in self.text.lower()


def deploy(url: str, token: str, model: str, **wish: Any) -> str:
    """The model answers; a line that says so, or why it does not. What is deployed already is left as it is."""
    there = _call(url, token, "GET", "/api/endpoints")
    if any(one["name"].lower() == model.lower() for one in there):
        return f"{model} answers already"
    try:
        made = _call(url, token, "POST", "/api/endpoints", {"model": model, **wish})
    except DemoError as err:
        return f"{model} is not deployed: {err}"
    return f"{model} is deployed: {made['engine']}, up to {(made['needBytes'] or 0) / 1e6:.0f} MB"


def ask(url: str, token: str) -> Answered:
    """What the chat model says to the question. Raises :class:`DemoError` where nothing answers."""
    said = _call(url, token, "POST", "/v1/chat/completions", body())
    return Answered(str(said["choices"][0]["message"]["content"]).strip())


def body() -> dict[str, Any]:
    return {"model": CHAT, "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 40}


def curl(url: str) -> str:
    """The same question, to paste."""
    return (
        f"curl {url}/v1/chat/completions -H \"Authorization: Bearer $HF_TOKEN\" -H 'Content-Type: application/json' "
        f"-d '{json.dumps(body())}'"
    )


def _call(url: str, token: str, method: str, path: str, given: Any = None) -> Any:
    data = None if given is None else json.dumps(given).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url + path, data, headers, method=method)  # noqa: S310  (always our own http address)
    # No proxy of the environment stands before a hub of one's own.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=ANSWER_S) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as err:
        with err:
            raise DemoError(_sentence(err.read(65_536), err.code)) from err
    except (OSError, ValueError) as err:
        raise DemoError(f"{path} did not answer: {err}") from err


def _sentence(raw: bytes, status: int) -> str:
    try:
        said = json.loads(raw).get("error", "")
    except (ValueError, AttributeError):
        said = ""
    if isinstance(said, dict):
        said = said.get("message", "")
    return str(said or f"the hub answered {status}")
