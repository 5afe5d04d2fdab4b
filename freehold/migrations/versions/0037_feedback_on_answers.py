"""Where feedback on answers is kept, and what waits to be written there.

Works with the release before it: expand only.
"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    op.create_table(
        "feedback_places",
        sa.Column("account_id", sa.String(length=24), nullable=False),
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("chosen_by", sa.String(length=24), nullable=False),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_feedback_places_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["chosen_by"], ["accounts.id"], name=op.f("fk_feedback_places_chosen_by"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_feedback_places_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_feedback_places")),
    )
    with op.batch_alter_table("feedback_places", schema=None) as batch_op:
        batch_op.create_index("ix_feedback_places_repo_id", ["repo_id"], unique=False)

    op.create_table(
        "waiting_feedback",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("committed_as", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("row", sa.JSON(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["committed_as"], ["accounts.id"], name=op.f("fk_waiting_feedback_committed_as"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["repo_id"], ["repos.id"], name=op.f("fk_waiting_feedback_repo_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiting_feedback")),
    )
    with op.batch_alter_table("waiting_feedback", schema=None) as batch_op:
        batch_op.create_index("ix_waiting_feedback_repo_id_id", ["repo_id", "id"], unique=False)
