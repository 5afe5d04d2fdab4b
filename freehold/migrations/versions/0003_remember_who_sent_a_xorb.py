"""Remember who sent a xorb.

Works with the release before it: expand here, backfill in a bounded task, contract in a later release.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "user_xorbs",
        sa.Column("user_id", sa.String(length=24), nullable=False),
        sa.Column("xorb_hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["accounts.id"], name=op.f("fk_user_xorbs_user_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["xorb_hash"], ["xorbs.xorb_hash"], name=op.f("fk_user_xorbs_xorb_hash")),
        sa.PrimaryKeyConstraint("user_id", "xorb_hash", name=op.f("pk_user_xorbs")),
    )
    with op.batch_alter_table("user_xorbs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_user_xorbs_xorb_hash"), ["xorb_hash"], unique=False)
