"""Whether a card may be published. Pure. Messages are the public hub's, because people search for them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from freehold.cards import frontmatter, vocabulary
from freehold.cards.errors import BadFrontMatter

LICENSES = tuple(vocabulary.LICENSES)
SDKS = ("gradio", "streamlit", "docker", "static")
COLOURS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
RELATIONS = tuple(vocabulary.RELATIONS)
LANGUAGE_WORDS = frozenset({"code", "multilingual", "other", "unknown"})
EMPTY_WARNING = (
    "empty or missing yaml metadata in repo card (https://huggingface.co/docs/hub/model-cards#model-card-metadata)"
)
#: Enough to correct a card by; a hostile one does not get to choose the size of our answer.
MAX_MESSAGES = 50

_LANGUAGE = re.compile(r"[a-z]{2,3}")
_REPO_ID = re.compile(r"[\w.-]{1,96}(?:/[\w.-]{1,96})?", re.ASCII)


@dataclass(frozen=True)
class Checked:
    """A card after reading: its metadata (empty when it could not be read), its text, and what is to say about it."""

    data: dict[str, Any]
    body: str
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())


def validate(text: str, kind: str) -> Checked:
    """Read and check a README of a repository of ``kind``. Never raises on any text; unknown keys pass."""
    card = frontmatter.split(text)
    if card.block is None:
        return Checked({}, card.body, warnings=(EMPTY_WARNING,))
    try:
        data = frontmatter.parse(card.block)
    except BadFrontMatter as err:
        return Checked({}, card.body, errors=(err.message,))
    if not data:
        return Checked({}, card.body, warnings=(EMPTY_WARNING,))
    errors = [message for check in _CHECKS.get(kind, _COMMON) for message in check(data)]
    return Checked(data, card.body, errors=tuple(errors[:MAX_MESSAGES]))


def told(messages: tuple[str, ...], word: str) -> str:
    """Messages as the text answer gives them: ``- Error: "license" must be one of ...`` (hub-api.md 3.7)."""
    return "\n".join(f"- {word}: {message}" for message in messages)


def words(value: Any) -> list[str]:
    """A value that may be one word or a list of them, as a list; anything else in it is left out."""
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


# ---- the checks: each takes the metadata and yields what is wrong ----------------------------------------------------

Check = Callable[[dict[str, Any]], Iterator[str]]


def _license(data: dict[str, Any]) -> Iterator[str]:
    given = data.get("license")
    if given is None:
        return
    named = given if isinstance(given, list) else [given]
    if not all(isinstance(item, str) and item in LICENSES for item in named):
        yield f'"license" must be one of [{", ".join(LICENSES)}, array]'


def _language(data: dict[str, Any]) -> Iterator[str]:
    for where, value in _items(data, "language"):
        if not isinstance(value, str):
            yield f'"{where}" must be a string'
            continue
        if value != value.lower():
            yield f'"{where}" must only contain lowercase characters'
        if not _LANGUAGE.fullmatch(value) and value not in LANGUAGE_WORDS:
            yield (
                f'"{where}" with value "{value[:80]}" is not valid. It must be an ISO 639-1, 639-2 or 639-3 code '
                '(two/three letters), or a special value like "code", "multilingual". If you want to use BCP-47 '
                "identifiers, you can specify them in language_bcp47."
            )


def _ids(key: str, advice: str) -> Check:
    def check(data: dict[str, Any]) -> Iterator[str]:
        for where, value in _items(data, key):
            if not isinstance(value, str):
                yield f'"{where}" must be a string'
            elif not _REPO_ID.fullmatch(value):
                yield f'"{where}" with value "{value[:80]}" is not valid. {advice}'

    return check


def _shape(*keys: str, kinds: tuple[type, ...], words: str) -> Check:
    def check(data: dict[str, Any]) -> Iterator[str]:
        for key in keys:
            value = data.get(key)
            if value is not None and not isinstance(value, kinds):
                yield f'"{key}" must be {words}'

    return check


def _one_of(key: str, values: tuple[str, ...]) -> Check:
    def check(data: dict[str, Any]) -> Iterator[str]:
        value = data.get(key)
        if value is not None and value not in values:
            yield f'"{key}" must be one of [{", ".join(values)}]'

    return check


def _model_index(data: dict[str, Any]) -> Iterator[str]:
    index = data.get("model-index")
    if index is None:
        return
    if not isinstance(index, list):
        yield '"model-index" must be an array'
        return
    for number, model in enumerate(index):
        where = f"model-index[{number}]"
        if not isinstance(model, dict):
            yield f'"{where}" must be an object'
            continue
        if not isinstance(model.get("name"), str):
            yield f'"{where}.name" must be a string'
        if not isinstance(model.get("results", []), list):
            yield f'"{where}.results" must be an array'


def _items(data: dict[str, Any], key: str) -> Iterator[tuple[str, Any]]:
    value = data.get(key)
    if isinstance(value, list):
        yield from ((f"{key}[{number}]", item) for number, item in enumerate(value))
    elif value is not None:
        yield key, value


_COMMON: tuple[Check, ...] = (
    _license,
    _language,
    _shape("tags", kinds=(list,), words="an array"),
    _shape("license_name", "license_link", kinds=(str,), words="a string"),
)
_CHECKS: dict[str, tuple[Check, ...]] = {
    "model": (
        *_COMMON,
        _ids("datasets", "If possible, use a dataset id from https://hf.co/datasets."),
        _ids("base_model", "Use a model id from https://hf.co/models."),
        _one_of("base_model_relation", RELATIONS),
        _shape("pipeline_tag", "library_name", kinds=(str,), words="a string"),
        _model_index,
    ),
    "dataset": (
        *_COMMON,
        _shape("configs", kinds=(list,), words="an array"),
        _shape("dataset_info", kinds=(list, dict), words="an array or an object"),
        _shape("pretty_name", kinds=(str,), words="a string"),
    ),
    "space": (
        *_COMMON,
        _one_of("sdk", SDKS),
        _one_of("colorFrom", COLOURS),
        _one_of("colorTo", COLOURS),
        _shape("title", "emoji", "app_file", kinds=(str,), words="a string"),
    ),
}
