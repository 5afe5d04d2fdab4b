"""Annotated tags, which refs point to instead of a commit; locks of git-lfs.

Works with the release before it: expand here, backfill in a bounded task, contract in a later release.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    with op.batch_alter_table("refs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("peeled", sa.String(length=40), nullable=True))

    op.create_table(
        "locks",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("path", sa.String(length=4096), nullable=False),
        sa.Column("path_hash", sa.String(length=64), nullable=False),
        sa.Column("owner_id", sa.String(length=24), nullable=False),
        sa.Column("locked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["accounts.id"], name=op.f("fk_locks_owner_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_locks_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_locks")),
    )
    with op.batch_alter_table("locks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_locks_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index("uq_locks_repo_id_path_hash", ["repo_id", "path_hash"], unique=True)
