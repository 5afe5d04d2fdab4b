"""Of the tokens of calls, those that no engine counted.

Works with the release before it: expand only.
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    for table in ("meters", "usage_days"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column("estimated_tokens", sa.BigInteger(), server_default="0", nullable=False))
