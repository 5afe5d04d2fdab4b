"""Texts are kept so that their words are found."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from freehold.wordkit import rules
from freehold.wordkit.queries import COLUMNS
from freehold.wordkit.tables import TextColumns

#: Of the way of cutting: raised when rows must be made anew.
VERSION = 1
#: What PostgreSQL keeps of where a word stands in one text. Source: its manual, "Text Search", limitations.
MAX_PLACES, MAX_PLACE = 255, 16_383


def write(db: Session, row: TextColumns, *, title: str, tags: Iterable[str] = (), body: str = "") -> None:
    """``row`` holds these words from now on; the caller adds a new one to ``db``."""
    row.version = VERSION
    row.title, row.tags, row.body = rules.kept(title), rules.kept("\n".join(tags)), rules.kept(body)
    row.spellings, row.pairs, row.lexemes = rules.spellings(row.title), "", None
    if db.get_bind().dialect.name == "postgresql":
        row.lexemes = lexemes(row)
    else:
        row.pairs = rules.pairs(f"{row.title}\n{row.tags}\n{row.body}")


def lexemes(row: TextColumns) -> str:
    """All words and where they stand, as PostgreSQL spells it. Cut here: its own cutting is another one."""
    places: dict[str, list[str]] = {}
    at = 0
    for column in ("title", "spellings", "tags", "body"):
        for word in rules.words(getattr(row, column)):
            at = min(at + 1, MAX_PLACE)
            places.setdefault(word, []).append(f"{at}{COLUMNS[column]}")
        at = min(at + 2, MAX_PLACE)  # no phrase spans two columns
    return " ".join(f"'{word}':{','.join(found[:MAX_PLACES])}" for word, found in places.items())
