"""The log of what changed in lists, which triggers write (``freehold.discover.changes``).

Works with the release before it: its writes are told as well, since the database itself tells them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.create_table(
        "list_changes",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_list_changes")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("list_changes", schema=None) as batch_op:
        batch_op.create_index("ix_list_changes_repo_id_transaction_id", ["repo_id", "transaction_id"], unique=False)
        batch_op.create_index("ix_list_changes_transaction_id", ["transaction_id"], unique=False)
