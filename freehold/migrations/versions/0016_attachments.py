"""Attachments.

Works with the release before it: expand here, backfill in a bounded task, contract in a later release.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "attachments",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("uploader_id", sa.String(length=24), nullable=True),
        sa.Column("media_type", sa.String(length=40), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["uploader_id"], ["accounts.id"], name=op.f("fk_attachments_uploader_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_attachments")),
    )
    with op.batch_alter_table("attachments", schema=None) as batch_op:
        batch_op.create_index("ix_attachments_uploader_id_created_at", ["uploader_id", "created_at"], unique=False)
