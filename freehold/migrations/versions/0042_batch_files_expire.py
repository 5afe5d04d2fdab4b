"""Files of batches expire; those that are there already after as long as new ones do by default.

Works with the release before it: expand only.
"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    with op.batch_alter_table("batch_files", schema=None) as batch_op:
        batch_op.add_column(sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index("ix_batch_files_expires_at", ["expires_at"], unique=False)
    files = sa.table("batch_files", sa.column("expires_at", sa.DateTime(timezone=True)))
    op.execute(files.update().values(expires_at=datetime.now(UTC) + timedelta(days=30)))
