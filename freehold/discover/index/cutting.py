"""Words of texts as the database itself cuts them, for the few texts that change: what it would find them by.

On SQLite that is done by an index of the same kind in memory, since no table tells the words of one text.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Text, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from freehold.cards.tables import RepoText
from freehold.wordkit.queries import COLUMNS, TOKENIZE

_COLUMNS = [getattr(RepoText, name) for name in COLUMNS]


@dataclass(frozen=True)
class Said:
    """The number of a text, and all its words."""

    number: int
    words: frozenset[str]


class Cutter:
    """Used by one thread at a time."""

    def __init__(self) -> None:
        self._lite: sqlite3.Connection | None = None

    def cut(self, db: Session, repo_ids: Sequence[str]) -> Mapping[str, Said]:
        """By repository, what its text holds now."""
        return self.found(db, RepoText.repo_id.in_(repo_ids))

    def found(self, db: Session, which: ColumnElement[bool]) -> Mapping[str, Said]:
        """The same of any texts."""
        if db.get_bind().dialect.name == "postgresql":
            words: Any = func.tsvector_to_array(RepoText.lexemes, type_=ARRAY(Text))
            rows = db.execute(select(RepoText.repo_id, RepoText.number, words).where(which))
            return {repo_id: Said(number, frozenset(found or ())) for repo_id, number, found in rows}
        texts = db.execute(select(RepoText.number, *_COLUMNS, RepoText.repo_id).where(which)).all()
        words_of = self._cut([text[:-1] for text in texts])
        return {text[-1]: Said(text[0], words_of.get(text[0], frozenset())) for text in texts}

    def _cut(self, texts: Sequence[Sequence[Any]]) -> Mapping[int, frozenset[str]]:
        """By number, the words of texts: a number and the columns of each."""
        lite = self._lite = self._lite or _memory()
        places = ", ".join("?" * (1 + len(COLUMNS)))
        lite.executemany(f"INSERT INTO cut (rowid, {', '.join(COLUMNS)}) VALUES ({places})", texts)  # noqa: S608
        found: defaultdict[int, set[str]] = defaultdict(set)
        for number, word in lite.execute("SELECT doc, term FROM words"):
            found[number].add(word)
        lite.execute("INSERT INTO cut (cut) VALUES ('delete-all')")
        return {number: frozenset(words) for number, words in found.items()}


def _memory() -> sqlite3.Connection:
    lite = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    lite.execute(f"CREATE VIRTUAL TABLE cut USING fts5 ({', '.join(COLUMNS)}, content='', tokenize='{TOKENIZE}')")
    lite.execute("CREATE VIRTUAL TABLE words USING fts5vocab (cut, 'instance')")
    return lite
