"""Newest repositories of a kind.

Works with the release before it: expand here, backfill in a bounded task, contract in a later release.
"""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    with op.batch_alter_table("repos", schema=None) as batch_op:
        batch_op.create_index("ix_repos_kind_created_at", ["kind", "created_at"], unique=False)
