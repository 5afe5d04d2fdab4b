"""Memory that models take.

Works with the release before it: expand here, backfill in a bounded task, contract in a later release.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    with op.batch_alter_table("repo_facts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("needed_bytes", sa.BigInteger(), nullable=True))
        batch_op.create_index("ix_repo_facts_needed_bytes", ["needed_bytes"], unique=False)
