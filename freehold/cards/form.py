"""A card's metadata as a form: which fields a kind has, what stands in them, and what a change to them means. Pure."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from freehold.cards import rules, vocabulary

#: Of one field.
MAX_CHARACTERS = 10_000
MAX_WORDS = 300


@dataclass(frozen=True)
class Field:
    """One key of the front matter. ``form``: a word, one of a few, or words with commas between them.

    ``options`` names the vocabulary that a picker offers; ``search`` the kind of repository that can be searched for.
    """

    key: str
    label: str
    form: Literal["word", "choice", "words"] = "word"
    hint: str = ""
    options: str = ""
    search: str = ""
    is_rare: bool = False


_LICENCE = (
    Field("license", "Licence", options="licences"),
    Field("license_name", "Its name", hint="Where the licence is “other”.", is_rare=True),
    Field("license_link", "Where it stands", hint="A file of the repository, or an address.", is_rare=True),
)
_LANGUAGE = Field("language", "Languages", "words", options="languages")
_TAGS = Field("tags", "Tags", "words")
FIELDS: Mapping[str, Sequence[Field]] = {
    "model": (
        *_LICENCE,
        Field("pipeline_tag", "Task", options="tasks"),
        Field("library_name", "Library", options="libraries"),
        _LANGUAGE,
        Field("base_model", "Base models", "words", search="models"),
        Field("base_model_relation", "How it comes from them", "choice", options="relations"),
        Field("datasets", "Training data", "words", search="datasets"),
        _TAGS,
        Field("metrics", "Metrics", "words", options="metrics", is_rare=True),
    ),
    "dataset": (
        Field("pretty_name", "Name for people"),
        *_LICENCE,
        Field("task_categories", "Tasks", "words", options="tasks"),
        Field("size_categories", "Rows", "words", options="sizes"),
        _LANGUAGE,
        _TAGS,
    ),
    "space": (
        Field("title", "Title"),
        Field("emoji", "Emoji"),
        Field("colorFrom", "Colour from", "choice", options="colours"),
        Field("colorTo", "Colour to", "choice", options="colours"),
        Field("sdk", "Made with", "choice", options="sdks"),
        Field("app_file", "Starts with the file"),
        Field("models", "Models it uses", "words", search="models"),
        Field("datasets", "Data sets it uses", "words", search="datasets"),
        *_LICENCE,
        _TAGS,
    ),
    "kernel": (*_LICENCE, _TAGS),
}
#: What pickers offer: what stands in the card, and what it means.
OPTIONS: Mapping[str, Mapping[str, str]] = {
    "licences": vocabulary.LICENSES,
    "tasks": vocabulary.TASKS,
    "libraries": dict.fromkeys(sorted(vocabulary.LIBRARIES), ""),
    "languages": vocabulary.LANGUAGES,
    "relations": vocabulary.RELATIONS,
    "sizes": vocabulary.SIZES,
    "metrics": dict.fromkeys(vocabulary.METRICS, ""),
    "sdks": dict.fromkeys(rules.SDKS, ""),
    "colours": dict.fromkeys(rules.COLOURS, ""),
}


def shown(kind: str, data: Mapping[str, Any]) -> dict[str, str | None]:
    """What stands in each field; None for a value that a field cannot hold, such as a table."""
    return {field.key: _shown(data.get(field.key)) for field in FIELDS[kind]}


def _shown(value: Any) -> str | None:
    if value is None:
        return ""
    if isinstance(value, str):
        return value if "\n" not in value and len(value) <= MAX_CHARACTERS else None
    if isinstance(value, list) and all(
        isinstance(item, str) and not re.search(r"[,\n]|^\s|\s$", item) for item in value
    ):
        text = ", ".join(value)
        return text if len(text) <= MAX_CHARACTERS else None
    return None


def changes(
    kind: str, was: Mapping[str, str | None], said: Mapping[str, str], data: Mapping[str, Any]
) -> dict[str, str | list[str] | None]:
    """What somebody changed in the fields, as values of the front matter that now says ``data``.

    ``was`` is what the fields held when they were shown: a field that was left alone changes nothing, whatever was
    typed as YAML beside it. None: the key goes.
    """
    made: dict[str, str | list[str] | None] = {}
    for field in FIELDS[kind]:
        before, now = was.get(field.key), _plain(said.get(field.key, ""))
        if before is None or field.key not in said or now == _plain(before):
            continue
        made[field.key] = _value(field, now, data.get(field.key))
    return made


def _plain(text: str) -> str:
    return " ".join(text.replace("\x00", "").split())[:MAX_CHARACTERS]


def _value(field: Field, text: str, old: Any) -> str | list[str] | None:
    """One word stays a word, and a list a list: authors and their tools have their ways."""
    if not text:
        return None
    if field.form != "words" and not isinstance(old, list):
        return text
    words = list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))[:MAX_WORDS]
    if len(words) == 1 and (isinstance(old, str) or (old is None and field.key == "base_model")):
        return words[0]
    return words


_KEY = re.compile(r'"([\w-]+)')


def by_field(kind: str, errors: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """What is wrong, by field; and what is wrong elsewhere."""
    keys = {field.key for field in FIELDS[kind]}
    told: dict[str, str] = {}
    rest: list[str] = []
    for error in errors:
        found = _KEY.match(error)
        if found and found[1] in keys:
            told.setdefault(found[1], _SHORT.get(found[1], "") or error)
        else:
            rest.append(error)
    return told, rest


#: Where the message names every value there is.
_SHORT = {"license": "No licence of the list. Take “other”, and say its name and where it stands."}


def missing(kind: str, data: Mapping[str, Any], body: str, absent: Collection[str] = ()) -> list[str]:
    """What a reader would look for and not find. ``absent``: repositories it names that are not on this hub."""
    told: list[str] = []
    licence = rules.words(data.get("license"))
    if not licence:
        told.append("No licence: what others may do with it stays open.")
    if "other" in licence and not data.get("license_name"):
        told.append("The licence is “other”: its name is missing.")
    if "other" in licence and not data.get("license_link"):
        told.append("The licence is “other”: where it stands is missing.")
    if kind in ("model", "dataset") and not data.get("language"):
        told.append("No language. For what has none, leave it so.")
    if kind == "model" and not data.get("pipeline_tag"):
        told.append("No task: the hub goes by the files.")
    if kind == "dataset" and not data.get("task_categories"):
        told.append("No task that it is for.")
    if kind == "space" and not data.get("sdk"):
        told.append("Not stated what it is made with.")
    told += [f"{name} is not on this hub, or not for you to see." for name in absent]
    if len(body.split()) < 20:
        told.append("The text says little: what it is, where it comes from, what one may do with it.")
    return told
