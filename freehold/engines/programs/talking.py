"""OpenAI's chat and completions over a model that writes: whole and as events, counted, let go when they are left.

What this cannot do is refused, never left out unseen. Source: OpenAI API reference, chat and completions.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from freehold.engines.programs import patience, sampling, serving, telling
from freehold.engines.programs.reading import MAX_CHARS
from freehold.engines.programs.serving import Broken, Call, Door, Refused
from freehold.engines.programs.telling import Answering, Events, Shape
from freehold.engines.programs.templating import Template
from freehold.engines.programs.writing import Reader, Wish

MAX_ANSWERS, MAX_PROMPTS = 16, 128
CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
MAX_STOPS, MAX_STOP_CHARS = 32, 1_000
#: More letters than so many a token fit into no context.
MOST_CHARS_A_TOKEN = 64
#: What changes an answer and is not done here.
UNKNOWN = (
    "functions", "function_call", "grammar", "json_schema", "guided_json", "guided_grammar", "guided_regex",
    "guided_choice", "structured_outputs", "suffix", "echo", "typical_p", "audio", "mirostat", "dry_multiplier",
    "xtc_probability", "min_tokens", "ignore_eos", "continue_final_message", "lora",
)  # fmt: skip


@dataclass(frozen=True)
class Writer:
    """A model that writes; ``template`` None: it was not made to talk."""

    reader: Reader
    template: Template | None


def doors(writer: Writer) -> Callable[[asyncio.Semaphore, str], Mapping[str, Door]]:
    """As ``serving.Abilities`` has them."""

    def made(turns: asyncio.Semaphore, alias: str) -> Mapping[str, Door]:
        talking = Talking(writer, turns, alias)
        return {CHAT: talking.chat, COMPLETIONS: talking.completions}

    return made


class Talking:
    """The doors of one model."""

    def __init__(self, writer: Writer, turns: asyncio.Semaphore, alias: str) -> None:
        self._writer, self._turns, self._alias = writer, turns, alias

    async def chat(self, request: Any) -> Any:
        body = await serving.read_json(request)
        return await self._answered(request, body, telling.Chat(self._alias), lambda: [self._spoken(body)])

    async def completions(self, request: Any) -> Any:
        body = await serving.read_json(request)
        return await self._answered(request, body, telling.Completion(self._alias), lambda: self._prompts(body))

    async def _answered(
        self, request: Any, body: Mapping[str, Any], shape: Shape, prompts: Callable[[], list[list[int]]]
    ) -> Any:
        from starlette.concurrency import run_in_threadpool

        _check(body)
        by, stops = sampling.read(body), _stops(body.get("stop"))
        answers = int(sampling.number(body, "n", 1, MAX_ANSWERS, 1))
        await self._turns.acquire()
        call: Call = request.state.call
        under_way: Answering | None = None
        try:
            if await request.is_disconnected():
                raise Refused("Its caller left before it began.")
            found = await run_in_threadpool(_unbroken, prompts)
            wish = Wish(found, answers, _most(body), stops, by, continues=shape.continues)
            under_way = Answering(self._writer.reader, wish, call, self._turns.release)
        finally:
            if under_way is None:
                self._turns.release()
        if body.get("stream"):
            options = body.get("stream_options")
            return Events(under_way, shape, isinstance(options, Mapping) and options.get("include_usage") is True)
        return await telling.whole(request, under_way, shape)

    def _spoken(self, body: Mapping[str, Any]) -> list[int]:
        """The tokens of a conversation."""
        if self._writer.template is None:
            raise Refused("This model has no chat template, so it only completes texts: ask at /v1/completions.")
        more = body.get("chat_template_kwargs")
        if more is not None and not isinstance(more, dict):
            raise Refused("'chat_template_kwargs' is an object.", param="chat_template_kwargs")
        said = {**(more or {}), "messages": _messages(body.get("messages")), "add_generation_prompt": True}
        return self._tokens(self._writer.template.prompt(**said), with_ends=False)

    def _prompts(self, body: Mapping[str, Any]) -> list[list[int]]:
        given = body.get("prompt")
        is_one = isinstance(given, str) or (isinstance(given, list) and given and isinstance(given[0], int))
        several = [given] if is_one else given
        if not isinstance(several, list) or not several or len(several) > MAX_PROMPTS:
            raise Refused(f"'prompt' is a text, or a list of up to {MAX_PROMPTS} texts.", param="prompt")
        last = int(sampling.number(body, "truncate_prompt_tokens", -1, 1e9, -1))
        return [self._tokens(one, with_ends=True, last=max(0, last)) for one in several]

    def _tokens(self, text: Any, *, with_ends: bool, last: int = 0) -> list[int]:
        """Numbers of tokens are taken as they are; the ``last`` so many, where it says a number. Raises
        :class:`Refused` for more than the context takes."""
        reader = self._writer.reader
        if isinstance(text, list):
            words = reader.tokenizer.get_vocab_size()
            if not all(isinstance(one, int) and not isinstance(one, bool) and 0 <= one < words for one in text):
                raise Refused(f"'prompt' has numbers of tokens from 0 to {words - 1:,}, or texts.", param="prompt")
            ids = list(text)
        elif isinstance(text, str):
            if len(text) > min(MAX_CHARS, reader.context_tokens * MOST_CHARS_A_TOKEN):
                raise _too_long(len(text), reader.context_tokens, "characters")
            with patience.step():
                ids = reader.tokenizer.encode(text, add_special_tokens=with_ends).ids
        else:
            raise Refused("'prompt' is a text, or a list of texts.", param="prompt")
        ids = ids[-last:]
        if not ids:
            raise Refused("There is nothing to go on with: the prompt has no token.", param="prompt")
        if len(ids) >= reader.context_tokens:
            raise _too_long(len(ids), reader.context_tokens)
        return ids


def _unbroken(prompts: Callable[[], list[list[int]]]) -> list[list[int]]:
    try:
        return prompts()
    except Refused:
        raise
    except BaseException as err:  # a library's own panic is no Exception
        raise Broken.of(err) from err


def _too_long(given: int, limit: int, what: str = "tokens") -> Refused:
    told = {"n_prompt_tokens": given} if what == "tokens" else {}
    words = f"The prompt is {given:,} {what}, and the context size is {limit:,} tokens, the answer included."
    return Refused(words, kind="exceed_context_size_error", n_ctx=limit, **told)


# ---- what is asked --------------------------------------------------------------------------------------------------


def _check(body: Mapping[str, Any]) -> None:
    """Raises :class:`Refused` for what would be left out of an answer."""
    if body.get("tools") and body.get("tool_choice") != "none":
        raise Refused("ONNX Runtime calls no tools here; llama.cpp does, from a GGUF file.", param="tools")
    form = body.get("response_format")
    if form is not None and not (isinstance(form, Mapping) and form.get("type") == "text"):
        raise Refused(
            "ONNX Runtime binds no answer to a form here; llama.cpp does, from a GGUF file.", param="response_format"
        )
    for name in (*UNKNOWN, "logprobs", "top_logprobs"):
        if body.get(name) not in (None, False, 0, "", [], {}):
            raise Refused(f"ONNX Runtime does not do {name!r} here.", param=name)


def _most(body: Mapping[str, Any]) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        if body.get(name) is not None:
            most = int(sampling.number(body, name, -1, 1e9, -1))
            return None if most < 0 else most
    return None


def _stops(said: Any) -> Sequence[str]:
    stops = [said] if isinstance(said, str) else said or []
    if not isinstance(stops, list) or len(stops) > MAX_STOPS or not all(isinstance(one, str) for one in stops):
        raise Refused(f"'stop' is a text, or a list of up to {MAX_STOPS} texts.", param="stop")
    if any(len(one) > MAX_STOP_CHARS for one in stops):
        raise Refused(f"A text of 'stop' has up to {MAX_STOP_CHARS:,} characters.", param="stop")
    return [one for one in stops if one]


def _messages(said: Any) -> list[dict[str, Any]]:
    """As templates know them: the parts of a message as one text."""
    if not isinstance(said, list) or not said or not all(isinstance(one, dict) for one in said):
        raise Refused("'messages' is a list of messages.", param="messages")
    return [
        {**one, "role": "system" if one.get("role") == "developer" else one.get("role"), "content": _text(one)}
        for one in said
    ]


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    texts = [one.get("text") if isinstance(one, dict) else None for one in content] if isinstance(content, list) else []
    if not texts or not all(isinstance(one, str) for one in texts):
        raise Refused("This model reads texts, and no pictures or sounds.", param="messages")
    return "\n".join(map(str, texts))
