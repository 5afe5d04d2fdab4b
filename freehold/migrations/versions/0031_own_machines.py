"""Machines that people and organisations named: what fits on them.

Works with the release before it: expand only.
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.create_table(
        "own_machines",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("owner_id", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("name_key", sa.String(length=180), nullable=False),
        sa.Column("word", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=3), nullable=False),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("kept_bytes", sa.BigInteger(), nullable=True),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.CheckConstraint("kind in ('cpu', 'gpu')", name=op.f("ck_own_machines_kind")),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["accounts.id"], name=op.f("fk_own_machines_owner_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_own_machines")),
    )
    with op.batch_alter_table("own_machines", schema=None) as batch_op:
        batch_op.create_index("uq_own_machines_owner_id_name_key", ["owner_id", "name_key"], unique=True)
        batch_op.create_index("uq_own_machines_owner_id_word", ["owner_id", "word"], unique=True)
