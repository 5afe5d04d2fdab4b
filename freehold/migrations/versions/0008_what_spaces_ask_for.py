"""What spaces ask for.

Works with the release before it: expand here, backfill in a bounded task, contract in a later release.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "space_values",
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("is_secret", sa.Boolean(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("description", sa.String(length=500), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_space_values_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repo_id", "key", name=op.f("pk_space_values")),
    )
    op.create_table(
        "space_wishes",
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("hardware", sa.String(length=40), nullable=True),
        sa.Column("sleep_time_s", sa.Integer(), nullable=True),
        sa.Column("volumes", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_space_wishes_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repo_id", name=op.f("pk_space_wishes")),
    )
