"""Searches that people saved, and what each has found.

Works with the release before it: expand only.
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.create_table(
        "saved_searches",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("user_id", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("name_key", sa.String(length=240), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("in_page", sa.Boolean(), nullable=False),
        sa.Column("mail", sa.String(length=8), nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("made_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("mail in ('none', 'soon', 'daily')", name=op.f("ck_saved_searches_mail")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["accounts.id"], name=op.f("fk_saved_searches_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_searches")),
    )
    with op.batch_alter_table("saved_searches", schema=None) as batch_op:
        batch_op.create_index("uq_saved_searches_user_id_name_key", ["user_id", "name_key"], unique=True)
    op.create_table(
        "search_matches",
        sa.Column("search_id", sa.String(length=24), nullable=False),
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mailed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_search_matches_repo_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["search_id"], ["saved_searches.id"], name=op.f("fk_search_matches_search_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("search_id", "repo_id", name=op.f("pk_search_matches")),
    )
    with op.batch_alter_table("search_matches", schema=None) as batch_op:
        batch_op.create_index("ix_search_matches_repo_id", ["repo_id"], unique=False)
        batch_op.create_index("ix_search_matches_search_id_found_at", ["search_id", "found_at"], unique=False)
