"""Uploads in parts know who sends them, so that a browser goes on with its own.

Works with the release before it: expand here, backfill in a bounded task, contract in a later release.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    with op.batch_alter_table("multipart_uploads", schema=None) as batch_op:
        batch_op.add_column(sa.Column("uploader_id", sa.String(length=24), nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_multipart_uploads_uploader_id"), "accounts", ["uploader_id"], ["id"], ondelete="SET NULL"
        )
        batch_op.create_index("ix_multipart_uploads_uploader_id", ["uploader_id"], unique=False)
