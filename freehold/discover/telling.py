"""The parameters of lists, as the description of the API tells of them: made from the questions."""

from typing import Any

from freehold.discover import rules
from freehold.discover.answers import EXAMPLES, UNKNOWN
from freehold.discover.questions import BY_NAME, Question, Range

_OWN = {
    "search": "Parts of a name, all of which it holds.",
    "author": "Whose it is, by the whole name.",
    "text": "Words of its name, tags and card; quoted ones stand side by side, a minus leaves out.",
    "filter": "Tags, all of which it carries, parted by commas: ``license:mit``, ``text-generation``, ``language:de``.",
    "sort": f"What comes first: {', '.join(sorted(rules.SORTS))}. What is unknown comes last in both directions.",
    "direction": "1: the lowest first.",
    "limit": f"Items of one page, up to {rules.MAX_PAGE}; the header ``Link`` has the address of the next.",
}
_MORE = ("search", "filter")


def parameters() -> list[dict[str, Any]]:
    """For OpenAPI: those that every list has, and one for each question."""
    told = [_parameter(name, words, is_list=name in _MORE) for name, words in _OWN.items()]
    return told + [_parameter(one.name, f"{one.about} {how(one)}") for one in BY_NAME.values()]


def how(question: Question) -> str:
    """How an answer to a question that has a parameter of its own is written."""
    value = question.kept
    if isinstance(value, Range) and value.unit == "machine":
        return "One machine."
    unknown = [f"``{UNKNOWN}``"] if value.unknown else []
    if isinstance(value, Range):
        return f"Like {'; or '.join([EXAMPLES[value.unit], *unknown])}."
    words = [*(f"``{word}``" for word in value.names), *unknown]
    if value.names:
        return f"One or more of {', '.join(words)}, parted by commas."
    return f"One or more, parted by commas{', or ' + unknown[0] if unknown else ''}."


def _parameter(name: str, words: str, *, is_list: bool = False) -> dict[str, Any]:
    text = {"type": "string"}
    schema = {"type": "array", "items": text} if is_list else text
    return {"name": name, "in": "query", "required": False, "description": words, "schema": schema}
