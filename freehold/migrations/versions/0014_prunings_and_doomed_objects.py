"""Prunings and doomed objects: what the collector has to remember.

Works with the release before it: expand here, backfill in a bounded task, contract in a later release.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "prunings",
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("pruned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ripe_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_wanted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_prunings_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repo_id", name=op.f("pk_prunings")),
    )
    op.create_table(
        "doomed",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state in ('waiting', 'deleting', 'gone')", name=op.f("ck_doomed_state")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_doomed")),
    )
    with op.batch_alter_table("doomed", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_doomed_at"), ["at"], unique=False)
    with op.batch_alter_table("xorbs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("used_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("repo_recipes", schema=None) as batch_op:
        batch_op.add_column(sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True))
