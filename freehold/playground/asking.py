"""What an address of the playground says: models, system prompt and parameters, and the same as code. Pure."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

PAGE = "/playground"
EXAMPLE = "What is the capital of France?"
MAX_HISTORY_CHARACTERS = 400_000


@dataclass(frozen=True)
class Parameter:
    """A parameter of a call as the form shows it; ``most`` None: a plain field that may stay empty."""

    key: str
    label: str
    usual: str
    least: float = 0
    most: float | None = None
    step: float = 1
    value: str = ""


#: Source of the names: the OpenAI API's chat completions; engines take the rest as they know them.
PARAMETERS = (
    Parameter("temperature", "Temperature", "0", 0, 2, 0.1),
    Parameter("top_p", "Top p", "1", 0, 1, 0.01),
    Parameter("max_tokens", "Longest answer, tokens", "256", 1, 2048, 1),
    Parameter("seed", "Seed", ""),
)


@dataclass(frozen=True)
class Given:
    """What was asked for by an address or a form. ``values``: by parameter, as they will be sent."""

    model: str = ""
    other: str = ""  #: the second model; empty: one lane
    system: str = ""
    values: Mapping[str, float | int] = field(default_factory=dict)

    def address(self, **changes: str) -> str:
        """The page's address for this, with ``model`` or ``other`` changed."""
        model, other = changes.get("model", self.model), changes.get("other", self.other)
        said = [("model", model), ("with", other), ("system", self.system)]
        said += [(key, _plain(value)) for key, value in self.values.items()]
        query = urlencode([(key, value) for key, value in said if value != ""])
        return f"{PAGE}?{query}" if query else PAGE

    def shown(self) -> Sequence[Parameter]:
        """The parameters with the values to show."""
        return [
            Parameter(
                one.key, one.label, one.usual, one.least, one.most, one.step,
                _plain(self.values[one.key]) if one.key in self.values else one.usual,
            )
            for one in PARAMETERS
        ]  # fmt: skip

    def sent(self) -> dict[str, float | int]:
        """The parameters of a call: what is shown, the empty ones left out."""
        return {one.key: _number(one.value) for one in self.shown() if one.value != ""}


def read(said: Mapping[str, str]) -> Given:
    """What an address or a form says. What cannot be read counts as not said: sliders only give what can."""
    values: dict[str, float | int] = {}
    for one in PARAMETERS:
        raw = said.get(one.key, "").strip()
        try:
            value = float(raw)
        except ValueError:
            continue
        if not math.isfinite(value) or abs(value) > 2**53:
            continue
        if one.most is not None:
            value = min(max(value, one.least), one.most)
        values[one.key] = int(value) if value == int(value) else value
    model, other = said.get("model", "")[:300].strip(), said.get("with", "")[:300].strip()
    return Given(model, other, said.get("system", "")[:20_000].strip(), values)


def history(text: str) -> list[dict[str, str]]:
    """The conversation that a form carried along; empty for what is none."""
    if not text or len(text) > MAX_HISTORY_CHARACTERS:
        return []
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if not isinstance(said, list):
        return []
    return [
        {"role": one["role"], "content": one["content"]}
        for one in said[-200:]
        if isinstance(one, dict) and one.get("role") in ("user", "assistant") and isinstance(one.get("content"), str)
    ]


def code(base_url: str, given: Given) -> dict[str, str]:
    """The call as Python, JavaScript and curl. The page's script says the same as parameters move."""
    first = [{"role": "system", "content": given.system}] if given.system else []
    messages = [*first, {"role": "user", "content": EXAMPLE}]
    sent = given.sent()
    lines = "".join(f"        {json.dumps(one, ensure_ascii=False)},\n" for one in messages)
    python = (
        f'from openai import OpenAI\n\nhub = OpenAI(base_url="{base_url}/v1", api_key="YOUR_TOKEN")\n'
        f"answer = hub.chat.completions.create(\n    model={json.dumps(given.model)},\n    messages=[\n{lines}    ],"
        + "".join(f"\n    {key}={_plain(value)}," for key, value in sent.items())
        + "\n)\nprint(answer.choices[0].message.content)"
    )
    body: dict[str, Any] = {"model": given.model, "messages": messages, **sent}
    javascript = (
        f'import OpenAI from "openai";\n\nconst hub = new OpenAI({{ baseURL: "{base_url}/v1", '
        f"apiKey: process.env.HF_TOKEN }});\nconst answer = await hub.chat.completions.create("
        f"{json.dumps(body, ensure_ascii=False, indent=2)});\nconsole.log(answer.choices[0].message.content);"
    )
    said = json.dumps(body, ensure_ascii=False).replace("'", "'\\''")
    curl = (
        f'curl {base_url}/v1/chat/completions \\\n  -H "Authorization: Bearer $HF_TOKEN" '
        f"-H \"Content-Type: application/json\" \\\n  -d '{said}'"
    )
    return {"python": python, "javascript": javascript, "curl": curl}


def _number(text: str) -> float | int:
    value = float(text)
    return int(value) if value == int(value) else value


def _plain(value: float | int) -> str:
    return str(int(value)) if value == int(value) else f"{value:g}"
