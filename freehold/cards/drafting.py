"""A card in the making: what a form, YAML and text come to together, and what is to say about it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from freehold.cards import changes, form, frontmatter, rules, writing
from freehold.cards.changes import Inside
from freehold.cards.errors import BadFrontMatter, NotByForm

MAX_DIFFERENCES = 100


@dataclass(frozen=True)
class Typed:
    """What somebody sent: the YAML, the text, the fields, and what the fields held when they were shown."""

    block: str
    body: str
    was: Mapping[str, str | None]
    said: Mapping[str, str]


@dataclass(frozen=True)
class Draft:
    """The README that comes of it: ``text``, and its two parts.

    ``data`` is what the front matter says. ``problem``: why it cannot be read or changed so; ``wrong``: what may not be
    published, by field; ``errors``: the rest of that. ``inside``: what differs from the card as it is.
    """

    text: str
    block: str
    body: str
    data: Mapping[str, Any]
    problem: str
    wrong: Mapping[str, str]
    errors: Sequence[str]
    inside: Inside | None

    @property
    def may_go(self) -> bool:
        return not (self.problem or self.wrong or self.errors)


def draft(kind: str, original: str, typed: Typed | None = None) -> Draft:
    """The README ``original`` of a repository of ``kind`` with what was typed; as it is without that."""
    card = frontmatter.split(original)
    block, body, problem = card.block or "", card.body, ""
    if typed is not None:
        block, body = _as_written(typed.block, card.block or ""), _as_written(typed.body, card.body)
    try:
        data = frontmatter.parse(block)
        if typed is not None:
            asked = form.changes(kind, typed.was, typed.said, data)
            block = writing.rewritten(block, asked) if asked else block
            data = {key: value for key, value in (data | asked).items() if value is not None or key not in asked}
    except NotByForm as err:
        problem = err.message
    except BadFrontMatter as err:
        data, problem = {}, err.message
    text = writing.joined(card, original, block if block.strip() or card.block is not None else None, body)
    wrong, errors = form.by_field(kind, rules.validate(text, kind).errors) if not problem else ({}, [])
    return Draft(
        text,
        block,
        body,
        data,
        problem,
        wrong,
        errors,
        _inside(card.block or "", data) if block != (card.block or "") else None,
    )


def _as_written(typed: str, original: str) -> str:
    """Browsers send line ends of their own: what was only shown is taken as it was."""
    plain = typed.replace("\r\n", "\n")
    return original if plain == original.replace("\r\n", "\n").replace("\r", "\n") else plain


def _inside(before: str, after: Mapping[str, Any]) -> Inside | None:
    try:
        known = frontmatter.parse(before)
    except BadFrontMatter:
        return None
    found = list(changes.differences(known, dict(after)))
    return Inside("metadata", found[:MAX_DIFFERENCES], (), len(found), "") if found else None
