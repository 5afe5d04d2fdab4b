"""What an endpoint takes of graphics cards is kept beside what it takes of the machine, and which ones a replica has.

Endpoints of vLLM had what they take of a card as their memory. Works with the release before it: expand only.
"""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
#: What vLLM takes of the machine beside one card, as ``cards.memory`` reckoned when this was written.
BESIDE_BYTES = 5 * 10**9


def upgrade() -> None:
    with op.batch_alter_table("endpoints", schema=None) as batch_op:
        batch_op.add_column(sa.Column("on_cards", sa.JSON(), server_default="[]", nullable=False))
    with op.batch_alter_table("replica_states", schema=None) as batch_op:
        batch_op.add_column(sa.Column("cards", sa.String(length=200), server_default="", nullable=False))
        batch_op.add_column(sa.Column("card_bytes", sa.BigInteger(), server_default="0", nullable=False))
    endpoints = sa.table(
        "endpoints", sa.column("id"), sa.column("engine"), sa.column("need_bytes", sa.BigInteger()),
        sa.column("on_cards", sa.JSON()),
    )  # fmt: skip
    bind = op.get_bind()
    for row in bind.execute(sa.select(endpoints).where(endpoints.c.engine == "vllm")).all():
        need = {"count": 1, "each_bytes": row.need_bytes or 0, "is_whole": not row.need_bytes}
        bind.execute(
            endpoints.update().where(endpoints.c.id == row.id).values(on_cards=[need], need_bytes=BESIDE_BYTES)
        )
