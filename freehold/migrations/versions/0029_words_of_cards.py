"""Words of cards, and words that slips of the keyboard lead back to.

Works with the release before it: expand here; the rows come from a task that goes through all repositories.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.create_table(
        "known_words",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("word", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_known_words")),
        sa.UniqueConstraint("word", name=op.f("uq_known_words_word")),
    )
    op.create_table(
        "near_words",
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("key", "number", name=op.f("pk_near_words")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "repo_texts",
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("spellings", sa.Text(), nullable=False),
        sa.Column("pairs", sa.Text(), nullable=False),
        sa.Column("lexemes", sa.Text().with_variant(postgresql.TSVECTOR(), "postgresql"), nullable=True),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_repo_texts_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_repo_texts")),
        sa.UniqueConstraint("repo_id", name=op.f("uq_repo_texts_repo_id")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE INDEX ix_repo_texts_lexemes ON repo_texts USING gin (lexemes)")
        return
    for statement in _full_text("repo_texts"):
        op.execute(statement)


COLUMNS = ("title", "spellings", "tags", "body", "pairs")


def _full_text(name: str) -> list[str]:
    """An index over the words of ``name``, which keeps no text of its own, and what keeps it true to the table."""
    listed, new, old = (", ".join(f"{place}{column}" for column in COLUMNS) for place in ("", "new.", "old."))
    put = f"INSERT INTO {name}_fts (rowid, {listed}) VALUES (new.number, {new});"  # noqa: S608  # names of ours
    take = f"INSERT INTO {name}_fts ({name}_fts, rowid, {listed}) VALUES ('delete', old.number, {old});"  # noqa: S608
    return [
        f"CREATE VIRTUAL TABLE {name}_fts USING fts5 ({listed}, content='{name}', content_rowid='number', "
        "tokenize='unicode61 remove_diacritics 2', prefix='3')",
        f"CREATE TRIGGER {name}_put AFTER INSERT ON {name} BEGIN {put} END",
        f"CREATE TRIGGER {name}_taken AFTER DELETE ON {name} BEGIN {take} END",
        f"CREATE TRIGGER {name}_changed AFTER UPDATE ON {name} BEGIN {take} {put} END",
    ]
