"""What a table of texts has, and the words that slips of the keyboard lead back to."""

from typing import Any

from sqlalchemy import Integer, String, Text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from freehold.core.database import Base

#: Of near words.
MAX_WORD_CHARS = 32


class TextColumns:
    """One row for each thing whose words are found; ``number`` is what full-text indexes call it.

    SQLite has a table ``<name>_fts`` beside it that three triggers keep, and a migration that builds this table anew
    must make again; there ``lexemes`` stays null. On PostgreSQL ``lexemes`` holds the words of all columns, indexed.
    """

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    #: How it was cut: rows of an older way are made anew.
    version: Mapped[int] = mapped_column(Integer)
    title: Mapped[str] = mapped_column(Text)
    #: Words it is filed under.
    tags: Mapped[str] = mapped_column(Text)
    #: Its text as it is shown in a line of context.
    body: Mapped[str] = mapped_column(Text)
    #: Other spellings of the title.
    spellings: Mapped[str] = mapped_column(Text)
    #: Pairs of characters of what is written without spaces (SQLite; PostgreSQL is given them among the lexemes).
    pairs: Mapped[str] = mapped_column(Text)

    @declared_attr
    @classmethod
    def lexemes(cls) -> Mapped[Any]:
        return mapped_column(Text().with_variant(TSVECTOR, "postgresql"), nullable=True)


class KnownWord(Base):
    """A word of names, tags and titles, of everybody's: it may be told only where a search for it finds something."""

    __tablename__ = "known_words"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    word: Mapped[str] = mapped_column(String(MAX_WORD_CHARS), unique=True)


class NearWord(Base):
    """A word with up to two of its letters left out, as a number: words that share one are a slip or two apart."""

    __tablename__ = "near_words"
    __table_args__ = {"sqlite_with_rowid": False}

    key: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
