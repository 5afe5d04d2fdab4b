"""What a call asks for, read from its body, and how much of it there is. Pure.

Only what the hub itself needs is looked at here; what an engine understands better is left to the engine, whose words
go back to whoever asked.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from freehold.gateway import grammars, options
from freehold.gateway.errors import BadCall
from freehold.inference.errors import ContextTooLong, NotAble
from freehold.inference.rules import ABILITY_OF
from freehold.pipelines.rules import AnyPlan, leaves

#: A prompt in words and pictures.
MAX_BODY_BYTES = 32 << 20
#: As OpenAI takes it.
MAX_SOUND_BYTES = 25 << 20
MAX_PICTURE_BYTES = 25 << 20
MAX_MODEL_CHARS = 800
#: Of a body: lists and objects in one another, and of them all together, each of which takes many times its bytes.
MAX_DEPTH = 100
MAX_CONTAINERS = 500_000
#: Messages of a call and the parts of them, of which an engine's template makes some kilobytes each, however short.
MAX_MESSAGES = 4096
#: Values in what a call gives to a template beside them, which also are held as its own.
MAX_GIVEN = 4096
#: Texts of one call: each is a task of its own to an engine.
MAX_TEXTS: Mapping[str, int] = {"completions": 128, "embeddings": 2048, "rerank": 2048}
#: No vocabulary has longer tokens as a rule: a text of more characters than that a token cannot fit, whatever it says.
MOST_CHARS_A_TOKEN = 64
USUAL_CHARS_A_TOKEN = 4
#: What a usual template puts around each message, and once around all: its marks, who speaks, a system's own words.
USUAL_TOKENS_A_MESSAGE, USUAL_TOKENS_AROUND = 8, 24
#: What a body must have, by its path below /v1: its name, its types, and these in words.
_NEEDED: Mapping[str, tuple[str, tuple[type, ...], str]] = {
    "chat/completions": ("messages", (list,), "a list of messages"),
    "completions": ("prompt", (str, list), "a text, or a list of them"),
    "embeddings": ("input", (str, list), "a text, or a list of them"),
    "rerank": ("query", (str,), "a text"),
}
STREAMS = frozenset({"chat/completions", "completions"})
#: Fields that the hub answers by itself, or that would reach past what was asked of an engine.
OWN_FIELDS = frozenset(
    {"model", "user", "id_slot", "lora", "n_keep", "n_discard", "cache_prompt", "store", "metadata"}
    # Other names of ``max_tokens`` and ``n`` that engines have, and heed before those that are looked at here.
    | {"n_predict", "max_new_tokens", "n_cmpl", "best_of"}
)
#: Parts of a message by which engines fetch a picture or a sound, or open a file of their own machine; and what names
#: the address within one of them, or beside a "type".
_MEDIA = frozenset({"image", "video", "audio", "input_audio", "image_url", "video_url", "audio_url", "file_url"})
_ADDRESS = frozenset({"url", "path", "file"})
_BASE64 = frozenset({"data", "file_data", "image_embeds", "audio_embeds"})


@dataclass(frozen=True)
class Wish:
    """``model`` as the call names it; ``body`` for the engine, without what is the hub's."""

    path: str
    model: str
    body: Mapping[str, Any]
    is_stream: bool = False
    upload: bytes | None = None
    content_type: str = ""
    has_no_others: bool = False  # of tokens it wants to know how likely each was, and not which others might have been

    @property
    def text_chars(self) -> int:
        """Of all words that the model is to read."""
        if self.path == "task":
            return sum(len(text) for text in _texts(self.body.get("inputs")))
        return sum(len(text) for name in _READ for text in _texts(self.body.get(name)))

    @property
    def expected_prompt_tokens(self) -> int:
        """About how many the model reads: what an engine counts is known when it has."""
        messages = self.body.get("messages")
        around = USUAL_TOKENS_AROUND + USUAL_TOKENS_A_MESSAGE * len(messages) if isinstance(messages, list) else 0
        return around + self.text_chars // USUAL_CHARS_A_TOKEN

    @property
    def answers(self) -> int:
        """How many are generated: to each of several prompts as many as the call wants."""
        prompts, each = self.body.get("prompt"), self.body.get("n")
        several = isinstance(prompts, list) and bool(prompts) and not isinstance(prompts[0], int)
        return (len(prompts) if several and isinstance(prompts, list) else 1) * (each if isinstance(each, int) else 1)

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
    if body.count(b"[") + body.count(b"{") > MAX_CONTAINERS:
        raise BadCall(f"The body has over {MAX_CONTAINERS:,} lists and objects.")
    try:
        given = json.loads(body, parse_constant=_refuse_constant)
    except json.JSONDecodeError as err:
        raise BadCall(f"The body is not JSON: {err.msg} at line {err.lineno}, column {err.colno}.") from err
    except (UnicodeDecodeError, RecursionError, ValueError) as err:
        raise BadCall("The body is not JSON that can be read: it is not UTF-8, or nested too deep.") from err
    if not isinstance(given, dict):
        raise BadCall('The body must be a JSON object, such as {"model": ..., "messages": [...]}.')
    level: list[Any] = [given]
    for _ in range(MAX_DEPTH):
        level = [inner for one in level for inner in _parts(one) if isinstance(inner, dict | list)]
        if not level:
            return given
    raise BadCall(f"The body is nested over {MAX_DEPTH} deep.")


def _refuse_constant(word: str) -> Any:
    raise BadCall(f"The body is not JSON: {word} is no number of JSON's.")


def _parts(one: Any) -> Iterator[Any]:
    return iter(one.values() if isinstance(one, dict) else one)


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
    body = {name: value for name, value in options.settled(path, given).items() if name not in OWN_FIELDS}
    return Wish(path, named, body, bool(is_stream), has_no_others=_has_no_others(path, given))


def _has_no_others(path: str, given: Mapping[str, Any]) -> bool:
    if path == "completions":
        return given.get("logprobs") == 0
    return given.get("logprobs") is True and not given.get("top_logprobs")


def _check(path: str, given: Mapping[str, Any]) -> None:
    if path in _NEEDED:
        name, kinds, what = _NEEDED[path]
        if not isinstance(given.get(name), kinds) or not given[name]:
            raise BadCall(f'"{name}" must be {what}.', name)
    if path == "rerank" and not isinstance(given.get("documents", given.get("texts")), list):
        raise BadCall('"documents" must be a list of texts.', "documents")
    parts = 0
    for at, message in enumerate(given["messages"] if path == "chat/completions" else ()):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise BadCall(f'messages[{at}] must be an object with a "role".', f"messages[{at}]")
        parts += 1 + sum(len(one) for one in (message.get("content"), message.get("tool_calls")) if _is_list(one))
        if parts > MAX_MESSAGES:
            raise BadCall(
                f'"messages" has over {MAX_MESSAGES:,} messages and parts; one call takes so many.', "messages"
            )
    options.check(path, given)
    _check_given(given.get("chat_template_kwargs"))
    if path in STREAMS:  # of a sound it is the form in which its text is told
        _check_schema(given.get("response_format"))
    grammars.check(given)
    _check_texts(path, given)
    for name in _READ:
        if isinstance(given.get(name), list):
            _refuse_addresses(given[name], name)


def _check_given(value: Any) -> None:
    count, level = 0, [value]
    while level:
        level = [inner for one in level if isinstance(one, dict | list) for inner in _parts(one)]
        count += len(level)
        if count > MAX_GIVEN:
            raise BadCall(f'"chat_template_kwargs" has over {MAX_GIVEN:,} values.', "chat_template_kwargs")


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _check_texts(path: str, given: Mapping[str, Any]) -> None:
    most = MAX_TEXTS.get(path)
    if most is None:
        return
    for name in ("prompt", "input", "documents", "texts"):
        texts = given.get(name)
        if isinstance(texts, list) and len(texts) > most and not isinstance(texts[0], int):  # numbers are tokens of one
            raise BadCall(f'"{name}" has {len(texts):,} texts; one call takes {most:,}.', name)


def _refuse_addresses(given: list[Any], name: str) -> None:
    """Pictures and sounds come in the call: an engine that fetched them would reach what its caller cannot, on the
    network and on the disk of its machine."""
    level: list[tuple[Any, bool]] = [(given, False)]
    while level:
        inside: list[tuple[Any, bool]] = []
        for one, is_media in level:
            pairs = one.items() if isinstance(one, dict) else [("", inner) for inner in one]
            is_part = is_media or (isinstance(one, dict) and "type" in one)  # frames of a film come as a list
            for key, value in pairs:
                if isinstance(value, str) and not _is_in_call(key, value, is_part=is_part):
                    raise BadCall(
                        f'"{key}" must hold the file itself, as data:...;base64,...: nothing is fetched for a call.',
                        name,
                    )
                # What a tool was called with is words to a model, whatever it is about.
                if isinstance(value, dict | list) and key != "tool_calls":
                    inside.append((value, key in _MEDIA or (is_media and key == "")))
        level = inside


def _is_in_call(key: str, value: str, *, is_part: bool) -> bool:
    if key in _BASE64 and is_part:
        return value[:5].lower() == "data:" or ":" not in value[:500]
    is_address = key in _MEDIA or (key in _ADDRESS and is_part) or (key == "" and is_part)
    return value[:5].lower() == "data:" or not is_address


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
    options.check_able(plan, wish.path, wish.body)
    limits = [target.context_tokens for target in targets if target.context_tokens is not None]
    if len(limits) < len(targets) or not limits or wish.path not in STREAMS:
        return
    if wish.text_chars > max(limits) * MOST_CHARS_A_TOKEN:
        limit = max(limits)
        raise ContextTooLong(
            f"{ContextTooLong.limit(limit)}, its answer included, and the prompt has {wish.text_chars} characters. "
            f"Shorten it, or deploy {plan.served_name} with a longer context.",
            limit_tokens=limit,
            param=_NEEDED[wish.path][0],
        )


def _texts(value: object, depth: int = 0) -> Iterator[str]:
    """The words in messages, parts of messages, lists of texts; not pictures, which come as addresses."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth < 6:
        for one in value:
            yield from _texts(one, depth + 1)
    elif isinstance(value, dict) and depth < 6:
        for name in ("content", "text", "source_sentence", "sentences", "question", "context"):
            yield from _texts(value.get(name), depth + 1)
