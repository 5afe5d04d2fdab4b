"""Reviews, reactions, locked and pinned threads; what pushes tell pull requests.

Works with the release before it: expand here, backfill in a bounded task, contract in a later release.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_TYPES = (
    "'comment', 'status-change', 'title-change', 'commit', 'review', 'force-push', 'base-change', 'base-deleted', "
    "'locking-change', 'pinning-change'"
)


def upgrade() -> None:
    op.create_table(
        "reactions",
        sa.Column("event_id", sa.String(length=24), nullable=False),
        sa.Column("account_id", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_reactions_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["discussion_events.id"], name=op.f("fk_reactions_event_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event_id", "account_id", "name", name=op.f("pk_reactions")),
    )
    with op.batch_alter_table("reactions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reactions_account_id"), ["account_id"], unique=False)
    with op.batch_alter_table("discussions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_locked", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("is_pinned", sa.Boolean(), server_default=sa.false(), nullable=False))
    with op.batch_alter_table("discussion_events", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_discussion_events_type"), type_="check")
        batch_op.create_check_constraint(batch_op.f("ck_discussion_events_type"), f"type in ({_TYPES})")
