"""Governance.

Works with the release before it: expand here, backfill in a bounded task, contract in a later release.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verb", sa.String(length=40), nullable=False),
        sa.Column("actor_kind", sa.String(length=9), nullable=False),
        sa.Column("actor_id", sa.String(length=24), nullable=True),
        sa.Column("actor_name", sa.String(length=96), nullable=False),
        sa.Column("actor_key", sa.String(length=96), nullable=False),
        sa.Column("via", sa.String(length=120), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("thing_kind", sa.String(length=12), nullable=False),
        sa.Column("thing_id", sa.String(length=64), nullable=False),
        sa.Column("thing_name", sa.String(length=200), nullable=False),
        sa.Column("thing_key", sa.String(length=200), nullable=False),
        sa.Column("owner_id", sa.String(length=24), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.CheckConstraint("actor_kind in ('user', 'hub', 'anonymous')", name=op.f("ck_audit_entries_actor_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    with op.batch_alter_table("audit_entries", schema=None) as batch_op:
        batch_op.create_index("ix_audit_entries_actor_key_id", ["actor_key", "id"], unique=False)
        batch_op.create_index("ix_audit_entries_owner_id_id", ["owner_id", "id"], unique=False)
        batch_op.create_index("ix_audit_entries_thing_key_id", ["thing_key", "id"], unique=False)
        batch_op.create_index("ix_audit_entries_verb_id", ["verb", "id"], unique=False)

    op.create_table(
        "upkeep_runs",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("by_name", sa.String(length=96), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.CheckConstraint("kind in ('rehearse', 'collect', 'scrub')", name=op.f("ck_upkeep_runs_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upkeep_runs")),
    )
    with op.batch_alter_table("upkeep_runs", schema=None) as batch_op:
        batch_op.create_index("ix_upkeep_runs_kind_id", ["kind", "id"], unique=False)

    op.create_table(
        "audit_links",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.String(length=24), nullable=False),
        sa.Column("before", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["audit_entries.id"], name=op.f("fk_audit_links_entry_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_links")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_audit_links_entry_id")),
    )
