"""What is counted and measured.

Works with the release before it: expand here, backfill in a bounded task, contract in a later release.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "download_days",
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("downloads", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_download_days_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repo_id", "day", name=op.f("pk_download_days")),
    )
    with op.batch_alter_table("download_days", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_download_days_day"), ["day"], unique=False)

    op.create_table(
        "eval_results",
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("dataset_key", sa.String(length=200), nullable=False),
        sa.Column("task", sa.String(length=200), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_eval_results_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repo_id", "position", name=op.f("pk_eval_results")),
    )
    with op.batch_alter_table("eval_results", schema=None) as batch_op:
        batch_op.create_index("ix_eval_results_dataset_key_task", ["dataset_key", "task"], unique=False)

    with op.batch_alter_table("repos", schema=None) as batch_op:
        batch_op.add_column(sa.Column("discussions_disabled", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("downloads", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("downloads_all_time", sa.Integer(), nullable=False, server_default="0"))
        batch_op.create_index("ix_repos_kind_downloads", ["kind", "downloads"], unique=False)
