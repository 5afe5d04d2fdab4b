"""Words of threads.

Works with the release before it: expand here; rows of older threads are made a batch at a time while the hub runs.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.create_table(
        "discussion_texts",
        sa.Column("discussion_id", sa.String(length=24), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("spellings", sa.Text(), nullable=False),
        sa.Column("pairs", sa.Text(), nullable=False),
        sa.Column("lexemes", sa.Text().with_variant(postgresql.TSVECTOR(), "postgresql"), nullable=True),
        sa.ForeignKeyConstraint(
            ["discussion_id"], ["discussions.id"], name=op.f("fk_discussion_texts_discussion_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_discussion_texts")),
        sa.UniqueConstraint("discussion_id", name=op.f("uq_discussion_texts_discussion_id")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE INDEX ix_discussion_texts_lexemes ON discussion_texts USING gin (lexemes)")
        return
    for statement in _full_text("discussion_texts"):
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
