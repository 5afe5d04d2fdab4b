"""What calls asked and were answered, where the owner of what was called keeps it.

Works with the release before it: expand only.
"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    op.create_table(
        "kept_calls",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.String(length=24), nullable=False),
        sa.Column("user_id", sa.String(length=24), nullable=True),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("served_name", sa.String(length=320), nullable=False),
        sa.Column("repo_id", sa.String(length=24), nullable=True),
        sa.Column("request_id", sa.String(length=256), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_calls")),
    )
    with op.batch_alter_table("kept_calls", schema=None) as batch_op:
        batch_op.create_index("ix_kept_calls_account_id_id", ["account_id", "id"], unique=False)
        batch_op.create_index("ix_kept_calls_expires_at", ["expires_at"], unique=False)
        batch_op.create_index("ix_kept_calls_user_id_id", ["user_id", "id"], unique=False)
