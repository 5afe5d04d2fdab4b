"""A batch says in words why lines failed, also once it has ended and its lines are gone.

Works with the release before it: expand only. Of batches made until now nothing is known.
"""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    with op.batch_alter_table("batches", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reasons", sa.JSON(), server_default="[]", nullable=False))
