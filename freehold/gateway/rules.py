"""What a call asks for, read from its body, and how much of it there is. Pure.

Only what the hub itself needs is looked at here; what an engine understands better is left to the engine, whose words
go back to whoever asked.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from freehold.engines.rules import Ability
from freehold.gateway.errors import BadCall
from freehold.inference.errors import ContextTooLong, NotAble
from freehold.pipelines.rules import AnyPlan, leaves

#: A prompt in words and pictures.
MAX_BODY_BYTES = 32 << 20
#: As OpenAI takes it.
MAX_SOUND_BYTES = 25 << 20
MAX_PICTURE_BYTES = 25 << 20
MAX_MODEL_CHARS = 800
MAX_CHOICES = 16
#: No vocabulary has longer tokens as a rule: a text of more characters than that a token cannot fit, whatever it says.
MOST_CHARS_A_TOKEN = 64
USUAL_CHARS_A_TOKEN = 4
#: Paths of ``/v1`` -> what a model must be able to do, and how a meter calls it.
ABILITY_OF: Mapping[str, Ability] = {
    "chat/completions": "chat",
    "completions": "completions",
    "embeddings": "embeddings",
    "rerank": "rerank",
    "audio/transcriptions": "transcription",
}
_NEEDED: Mapping[str, tuple[str, tuple[type, ...], str]] = {
    "chat/completions": ("messages", (list,), "a list of messages"),
    "completions": ("prompt", (str, list), "a text, or a list of them"),
    "embeddings": ("input", (str, list), "a text, or a list of them"),
    "rerank": ("query", (str,), "a text"),
}
STREAMS = frozenset({"chat/completions", "completions"})
#: Fields that the hub answers by itself, or that would reach past what was asked of an engine.
OWN_FIELDS = frozenset({"model", "user", "id_slot", "lora", "n_keep", "n_discard", "cache_prompt", "store", "metadata"})


@dataclass(frozen=True)
class Wish:
    """``model`` as the call names it; ``body`` for the engine, without what is the hub's."""

    path: str
    model: str
    body: Mapping[str, Any]
    is_stream: bool = False
    upload: bytes | None = None
    content_type: str = ""

    @property
    def text_chars(self) -> int:
        """Of all words that the model is to read."""
        if self.path == "task":
            return sum(len(text) for text in _texts(self.body.get("inputs")))
        return sum(len(text) for name in _READ for text in _texts(self.body.get(name)))

    @property
    def max_tokens(self) -> int | None:
        """The call's own bound of its answer."""
        for name in ("max_completion_tokens", "max_tokens"):
            value = self.body.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
                return value
        return None


_READ = ("messages", "prompt", "input", "query", "documents", "suffix")


def parsed(body: bytes) -> dict[str, Any]:
    """The JSON object that a call sends. Raises :class:`BadCall` saying what is wrong and where."""
    try:
        given = json.loads(body)
    except json.JSONDecodeError as err:
        raise BadCall(f"The body is not JSON: {err.msg} at line {err.lineno}, column {err.colno}.") from err
    except (UnicodeDecodeError, RecursionError, ValueError) as err:
        raise BadCall("The body is not JSON that can be read: it is not UTF-8, or nested too deep.") from err
    if not isinstance(given, dict):
        raise BadCall('The body must be a JSON object, such as {"model": ..., "messages": [...]}.')
    return given


def wish(path: str, given: Mapping[str, Any], *, model: str = "") -> Wish:
    """What a call of ``path`` below /v1 asks for. ``model``: where the address says it already."""
    named = model or given.get("model")
    if not isinstance(named, str) or not named:
        raise BadCall('Say which model is asked: "model" is its name here, as GET /v1/models lists them.', "model")
    if len(named) > MAX_MODEL_CHARS:
        raise BadCall(f'"model" is longer than {MAX_MODEL_CHARS} characters.', "model")
    is_stream = given.get("stream")
    if is_stream is not None and not isinstance(is_stream, bool):
        raise BadCall('"stream" must be true or false.', "stream")
    if is_stream and path not in STREAMS:
        raise BadCall(f"/v1/{path} is not answered as a stream.", "stream")
    _check(path, given)
    body = {name: value for name, value in given.items() if name not in OWN_FIELDS}
    return Wish(path, named, body, bool(is_stream))


def _check(path: str, given: Mapping[str, Any]) -> None:
    if path in _NEEDED:
        name, kinds, what = _NEEDED[path]
        if not isinstance(given.get(name), kinds) or not given[name]:
            raise BadCall(f'"{name}" must be {what}.', name)
    if path == "rerank" and not isinstance(given.get("documents", given.get("texts")), list):
        raise BadCall('"documents" must be a list of texts.', "documents")
    for at, message in enumerate(given["messages"] if path == "chat/completions" else ()):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise BadCall(f'messages[{at}] must be an object with a "role".', f"messages[{at}]")
    for name, low, high in (("n", 1, MAX_CHOICES), ("max_tokens", -1, None), ("max_completion_tokens", 0, None)):
        value = given.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < low or (high and value > high):
            bound = f"from {low} to {high}" if high else f"of at least {low}"
            raise BadCall(f'"{name}" must be a whole number {bound}.', name)
    _check_schema(given.get("response_format"))


def _check_schema(form: object) -> None:
    if form is None:
        return
    if not isinstance(form, dict) or not isinstance(form.get("type"), str):
        raise BadCall('"response_format" must be an object with a "type".', "response_format")
    if form["type"] == "json_schema":
        told = form.get("json_schema")
        if not isinstance(told, dict) or not isinstance(told.get("schema"), dict):
            raise BadCall(
                '"response_format.json_schema.schema" must be a JSON schema, as an object.', "response_format"
            )


def check_able(plan: AnyPlan, wish: Wish) -> None:
    """Raises :class:`NotAble` where no model behind it does this, :class:`ContextTooLong` where no tokens could be few
    enough: before a turn is taken for it."""
    needed = ABILITY_OF.get(wish.path)
    targets = leaves(plan)
    if needed is not None and not any(needed in target.abilities for target in targets):
        does = ", ".join(sorted({one for target in targets for one in target.abilities})) or "nothing that is known"
        raise NotAble(f"{plan.served_name} does not do {needed}; what it does: {does}.")
    limits = [target.context_tokens for target in targets if target.context_tokens is not None]
    if len(limits) < len(targets) or not limits or wish.path not in STREAMS:
        return
    if wish.text_chars > max(limits) * MOST_CHARS_A_TOKEN:
        raise ContextTooLong(
            f"The prompt has {wish.text_chars:,} characters, and {plan.served_name} takes {max(limits):,} tokens in "
            "all, its answer included. Shorten it, or deploy the model with a longer context.",
            limit_tokens=max(limits),
        )


def _texts(value: object, depth: int = 0) -> Iterator[str]:
    """The words in messages, parts of messages, lists of texts; not pictures, which come as addresses."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth < 6:
        for one in value:
            yield from _texts(one, depth + 1)
    elif isinstance(value, dict) and depth < 6:
        for name in ("content", "text", "source_sentence", "sentences"):
            yield from _texts(value.get(name), depth + 1)
