"""Task calls of the official client, ``POST /models/{name}``: what each asks for. Pure.

Which task it is the address says, or what was sent and what the model does. Source: huggingface_hub 2.4,
``inference/_providers/hf_inference.py``; types in ``inference/_generated/types``.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from freehold.engines import encoder, llama, onnx, onnx_text, vllm
from freehold.gateway import grammars, options
from freehold.gateway.errors import BadCall
from freehold.gateway.options import MAX_TOKENS
from freehold.gateway.rules import MAX_PICTURE_BYTES, Wish
from freehold.inference.errors import NotAble
from freehold.pipelines.rules import AnyPlan, leaves

#: Tasks by what a model must be able to do, in the order in which they are taken where nothing says which.
ABILITY_OF_TASK: Mapping[str, str] = {
    "text-generation": "completions",
    "text-classification": "classification",
    "token-classification": "token-classification",
    "fill-mask": "fill-mask",
    "question-answering": "question-answering",
    "zero-shot-classification": "zero-shot-classification",
    "sentence-similarity": "sentence-similarity",
    "feature-extraction": "feature-extraction",
    "image-classification": "image-classification",
    "object-detection": "object-detection",
    "image-to-text": "image-to-text",
    "zero-shot-image-classification": "zero-shot-image-classification",
    "automatic-speech-recognition": "transcription",
    "audio-classification": "audio-classification",
    "text-to-speech": "text-to-speech",
}
OF_BYTES = frozenset(
    {
        "image-classification",
        "object-detection",
        "image-to-text",
        "zero-shot-image-classification",
        "automatic-speech-recognition",
        "audio-classification",
    }
)
#: Answered by vectors, as ``/v1/embeddings`` gives them.
BY_VECTORS = frozenset({"feature-extraction", "sentence-similarity"})
#: Parameters, and parts of inputs, that only one task has.
_BY_PARAMETER = {
    "candidate_labels": "zero-shot-classification",
    "aggregation_strategy": "token-classification",
    "targets": "fill-mask",
}
_BY_INPUT = {
    "source_sentence": "sentence-similarity",
    "table": "table-question-answering",
    "context": "question-answering",
    "image": "visual-question-answering",
}
#: Of text generation, as a completion names them.
_PARAMETERS = {
    "max_new_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "typical_p": "typical_p",
    "repetition_penalty": "repeat_penalty",
    "frequency_penalty": "frequency_penalty",
    "seed": "seed",
    "stop": "stop",
    "stop_sequences": "stop",
}
USUAL_NEW_TOKENS = 100  # as text-generation-inference has it where nothing is said
#: Of text generation, and what it would leave out unseen.
_NOT_HERE = {
    "best_of": "several answers are not compared here",
    "watermark": "no model here marks what it writes",
    "adapter_id": "an adapter is called by its own name",
    "decoder_input_details": "no engine here tells of the tokens of a prompt",
    "top_n_tokens": 'ask /v1/completions with "logprobs" for other tokens',
}
#: Engines that cut a prompt to its last tokens, as vLLM names it; and those that cut a text to its first where they are
#: told, and refuse it where not.
CUTTING_PROMPTS, CUTTING_TEXTS = frozenset({vllm.NAME, onnx_text.NAME}), frozenset({encoder.NAME, onnx.NAME})
#: Marks that a tokenizer puts around a prompt. Every other token is a byte of it, or more.
MOST_MARKS = 8


def task_of(plan: AnyPlan, asked: str, given: Mapping[str, Any] | None) -> str:
    """The task that is asked of ``plan``. ``asked``: as the address says, or ''; ``given`` None: bytes were sent.

    Raises :class:`NotAble`, saying what the model does.
    """
    able = [task for task in ABILITY_OF_TASK if _is_able(plan, task)]
    if asked := asked or _sent_for(given):
        if asked not in able:
            raise NotAble(f"{plan.served_name} does not do {asked[:60]}; what it does: {', '.join(able) or 'none'}.")
        return asked
    if given is None:
        fitting = [task for task in able if task in OF_BYTES]
    else:
        is_named = "candidate_labels" in _parameters(given)  # by which the caller says what there is to choose from
        fitting = [task for task in able if task != "sentence-similarity" and task.startswith("zero-shot") == is_named]
    if not fitting:
        raise NotAble(f"{plan.served_name} takes no such input; what it does: {', '.join(able) or 'none'}.")
    return fitting[0]


def _sent_for(given: Mapping[str, Any] | None) -> str:
    """The task by what is sent for no other; '': nothing says. Another's answer would be taken for its own."""
    given = given or {}
    inputs, parameters = given.get("inputs"), given.get("parameters")
    if "stream" in given:
        return "text-generation"
    for sent, tasks in ((parameters, _BY_PARAMETER), (inputs, _BY_INPUT)):
        if isinstance(sent, Mapping) and (found := next((tasks[name] for name in tasks if name in sent), "")):
            return found
    return ""


def _is_able(plan: AnyPlan, task: str) -> bool:
    able = _abilities(plan)
    return ABILITY_OF_TASK[task] in able or (task in BY_VECTORS and "embeddings" in able)


def _abilities(plan: AnyPlan) -> frozenset[str]:
    return frozenset(one for target in leaves(plan) for one in target.abilities)


def wish_of(plan: AnyPlan, task: str, given: Mapping[str, Any] | None, upload: bytes, media_type: str) -> Wish:
    """What the engine is asked for ``task``."""
    name = plan.served_name
    if task == "automatic-speech-recognition":
        sound = upload if given is None else bytes_of(given)
        return Wish("audio/transcriptions", name, {"model": name}, upload=sound, content_type=media_type)
    if task in OF_BYTES:
        inputs: Any = base64.b64encode(upload if given is None else bytes_of(given)).decode()
        return Wish("task", name, {"task": task, "inputs": inputs, "parameters": _parameters(given)})
    if given is None or "inputs" not in given:
        raise BadCall('Send {"inputs": ...} as JSON.', "inputs")
    if task == "text-generation":
        return _generation(plan, given)
    if task in BY_VECTORS and "embeddings" in _abilities(plan):  # which every engine has that gives vectors
        return Wish("embeddings", name, {"input": texts_of(task, given["inputs"]), **_reading(plan, given)})
    rest = {key: value for key, value in given.items() if key not in ("inputs", "parameters", "options", "model")}
    return Wish("task", name, {"task": task, "inputs": given["inputs"], "parameters": rest | _parameters(given)})


def _reading(plan: AnyPlan, given: Mapping[str, Any]) -> dict[str, Any]:
    """How texts are read, and how wide their vectors are. Source: text-embeddings-inference, ``/embed``."""
    if given.get("prompt_name") is not None:
        raise BadCall('"prompt_name" is not taken: put the words of the prompt before the text.', "prompt_name")
    if str(given.get("truncation_direction") or "right").lower() != "right":
        raise BadCall('"truncation_direction" is right: a text is cut at its end.', "truncation_direction")
    asked = {"dimensions": given["dimensions"]} if given.get("dimensions") is not None else {}
    is_cut = given.get("truncate") is not False and all(one.engine in CUTTING_TEXTS for one in leaves(plan))
    return asked | ({"truncate": True} if is_cut else {})


def _generation(plan: AnyPlan, given: Mapping[str, Any]) -> Wish:
    if not isinstance(given["inputs"], str) or not given["inputs"]:
        raise BadCall('"inputs" must be a text.', "inputs")
    parameters = _parameters(given)
    if wrong := next((key for key in _NOT_HERE if parameters.get(key) not in (None, False, 0)), None):
        raise BadCall(f'"{wrong}" is not taken: {_NOT_HERE[wrong]}.', wrong)
    body: dict[str, Any] = {"prompt": given["inputs"], "max_tokens": USUAL_NEW_TOKENS}
    body |= {_PARAMETERS[key]: value for key, value in parameters.items() if key in _PARAMETERS and value is not None}
    if parameters.get("do_sample") is not None:  # without a word it is whatever the endpoint's temperature says
        body.setdefault("temperature", float(parameters["do_sample"] is True))
    options.check("completions", body)
    form = parameters.get("grammar")
    if isinstance(form, Mapping):
        kind = {"json": "json_schema", "json_schema": "json_schema"}.get(str(form.get("type")))
        if kind is None:
            raise BadCall('"grammar" is taken of type json.', "grammar")
        body["json_schema"] = form.get("value")
        grammars.check(body)
    most = body["max_tokens"]
    if not isinstance(most, int) or isinstance(most, bool) or not 1 <= most <= MAX_TOKENS:
        raise BadCall(f'"max_new_tokens" must be a whole number from 1 to {MAX_TOKENS:,}.', "max_new_tokens")
    is_stream = given.get("stream") is True
    body |= _cut(plan, given["inputs"], parameters.get("truncate"))
    if body.get("stop") and parameters.get("details") and not is_stream and _is_llama(plan):
        body["logprobs"] = 1  # by which it shows what ended it (``generated.Generation``)
    return Wish("completions", plan.served_name, body, is_stream=is_stream)


def _cut(plan: AnyPlan, prompt: str, most: Any) -> Mapping[str, Any]:
    """The prompt is cut to its last ``most`` tokens. Raises :class:`NotAble` where no engine does that, and it is not
    sure that there are no more."""
    if most is None:
        return {}
    if not isinstance(most, int) or isinstance(most, bool) or not 1 <= most <= MAX_TOKENS:
        raise BadCall(f'"truncate" must be a whole number from 1 to {MAX_TOKENS:,}.', "truncate")
    if all(one.engine in CUTTING_PROMPTS for one in leaves(plan)):
        return {"truncate_prompt_tokens": most}
    if len(prompt.encode("utf-8", "replace")) + MOST_MARKS > most:
        raise NotAble(
            f"{plan.served_name} cuts no prompt to {most:,} tokens: its engine does not. Shorten the text, or leave "
            '"truncate" out: what is too long for its context is refused.',
            param="truncate",
        )
    return {}


def _is_llama(plan: AnyPlan) -> bool:
    return all(one.engine == llama.NAME for one in leaves(plan))


def texts_of(task: str, inputs: Any) -> str | list[str]:
    """What is turned into vectors."""
    if task == "sentence-similarity":
        inputs = (
            [inputs.get("source_sentence"), *_list(inputs.get("sentences"))] if isinstance(inputs, Mapping) else None
        )
    if isinstance(inputs, str) or (isinstance(inputs, list) and inputs and all(isinstance(one, str) for one in inputs)):
        return inputs
    raise BadCall('"inputs" must be a text, or a list of texts.', "inputs")


def bytes_of(given: Mapping[str, Any]) -> bytes:
    """A picture or a sound that came as base64 in JSON, beside its parameters."""
    text = given.get("inputs")
    if not isinstance(text, str) or len(text) > MAX_PICTURE_BYTES * 4 // 3 + 4:
        raise BadCall('"inputs" must be the file as base64.', "inputs")
    try:
        return base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text, validate=True)
    except (binascii.Error, ValueError) as err:
        raise BadCall('"inputs" is not base64.', "inputs") from err


def _parameters(given: Mapping[str, Any] | None) -> dict[str, Any]:
    parameters = (given or {}).get("parameters")
    if parameters is not None and not isinstance(parameters, Mapping):
        raise BadCall('"parameters" must be an object.', "parameters")
    return dict(parameters or {})


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []
