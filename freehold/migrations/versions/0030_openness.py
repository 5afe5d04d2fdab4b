"""How open repositories are, dimension by dimension.

Works with the release before it: expand here; the rows come from a task that goes through all repositories.
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.create_table(
        "repo_openness",
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("commit", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("weights", sa.String(length=8), nullable=True),
        sa.Column("code", sa.String(length=8), nullable=True),
        sa.Column("data", sa.String(length=8), nullable=True),
        sa.Column("recipe", sa.String(length=8), nullable=True),
        sa.Column("evaluation", sa.String(length=8), nullable=True),
        sa.Column("licence", sa.String(length=8), nullable=True),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_repo_openness_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repo_id", name=op.f("pk_repo_openness")),
    )
    with op.batch_alter_table("repo_openness", schema=None) as batch_op:
        batch_op.create_index("ix_repo_openness_opened_repo_id", ["opened", "repo_id"], unique=False)
        batch_op.create_index("ix_repo_openness_version", ["version"], unique=False)
