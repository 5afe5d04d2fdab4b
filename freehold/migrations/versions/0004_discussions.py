"""Discussions, pull requests, and the numbers they share.

Works with the release before it: expand here, backfill in a bounded task, contract in a later release.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "discussions",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("num", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("is_pull_request", sa.Boolean(), nullable=False),
        sa.Column("base", sa.String(length=255), nullable=True),
        sa.Column("start", sa.String(length=40), nullable=True),
        sa.Column("merge_commit", sa.String(length=40), nullable=True),
        sa.Column("author_id", sa.String(length=24), nullable=True),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("characters", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status in ('draft', 'open', 'closed', 'merged')", name=op.f("ck_discussions_status")),
        sa.ForeignKeyConstraint(
            ["author_id"], ["accounts.id"], name=op.f("fk_discussions_author_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_discussions_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discussions")),
    )
    with op.batch_alter_table("discussions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_discussions_author_id"), ["author_id"], unique=False)
        batch_op.create_index("uq_discussions_repo_id_num", ["repo_id", "num"], unique=True)

    op.create_table(
        "numberings",
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_numberings_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repo_id", name=op.f("pk_numberings")),
    )
    op.create_table(
        "discussion_events",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("discussion_id", sa.String(length=24), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("author_id", sa.String(length=24), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("is_hidden", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "type in ('comment', 'status-change', 'title-change', 'commit')", name=op.f("ck_discussion_events_type")
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["accounts.id"], name=op.f("fk_discussion_events_author_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["discussion_id"], ["discussions.id"], name=op.f("fk_discussion_events_discussion_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discussion_events")),
    )
    with op.batch_alter_table("discussion_events", schema=None) as batch_op:
        batch_op.create_index("uq_discussion_events_discussion_id_position", ["discussion_id", "position"], unique=True)

    op.create_table(
        "comment_versions",
        sa.Column("event_id", sa.String(length=24), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author_id", sa.String(length=24), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["author_id"], ["accounts.id"], name=op.f("fk_comment_versions_author_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["discussion_events.id"], name=op.f("fk_comment_versions_event_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event_id", "number", name=op.f("pk_comment_versions")),
    )
