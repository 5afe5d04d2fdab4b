"""What is trending.

Works with the release before it: expand here, backfill in a bounded task, contract in a later release.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    with op.batch_alter_table("download_days", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sources", sa.Integer(), server_default="0", nullable=False))
    # A month of days at most: one statement, before anything counts on it.
    op.execute("UPDATE download_days SET sources = downloads")

    with op.batch_alter_table("repos", schema=None) as batch_op:
        batch_op.add_column(sa.Column("trend", sa.Integer(), server_default="0", nullable=False))
        batch_op.create_index("ix_repos_kind_trend", ["kind", "trend", "id"], unique=False)
