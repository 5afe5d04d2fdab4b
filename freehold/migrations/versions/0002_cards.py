"""Cards: the index of what repositories say about themselves.

Works with the release before it: expand here, backfill in a bounded task, contract in a later release.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "repo_cards",
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("commit", sa.String(length=40), nullable=False),
        sa.Column("data", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("config", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("license", sa.String(length=200), nullable=True),
        sa.Column("pipeline_tag", sa.String(length=200), nullable=True),
        sa.Column("library_name", sa.String(length=200), nullable=True),
        sa.Column("summary", sa.String(length=400), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_repo_cards_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repo_id", name=op.f("pk_repo_cards")),
    )
    op.create_table(
        "repo_tags",
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("tag", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_repo_tags_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repo_id", "tag", name=op.f("pk_repo_tags")),
    )
    op.create_index("ix_repo_tags_tag_repo_id", "repo_tags", ["tag", "repo_id"])
