"""Licence verdicts: may one use a repository commercially.

Works with the release before it: expand here; the rows come from a task that goes through all repositories.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.create_table(
        "repo_verdicts",
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("answer", sa.String(length=12), nullable=False),
        sa.Column("own", sa.String(length=24), nullable=False),
        sa.Column("adapter_key", sa.String(length=200), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_repo_verdicts_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repo_id", name=op.f("pk_repo_verdicts")),
    )
    with op.batch_alter_table("repo_verdicts", schema=None) as batch_op:
        batch_op.create_index("ix_repo_verdicts_answer_repo_id", ["answer", "repo_id"], unique=False)
        batch_op.create_index("ix_repo_verdicts_adapter_key", ["adapter_key"], unique=False)
        batch_op.create_index("ix_repo_verdicts_version", ["version"], unique=False)
