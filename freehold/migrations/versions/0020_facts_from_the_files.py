"""Facts from the files.

Works with the release before it: expand here, backfill in a bounded task, contract in a later release.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_table(
        "repo_facts",
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("commit", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("parameters", sa.BigInteger(), nullable=True),
        sa.Column("active_parameters", sa.BigInteger(), nullable=True),
        sa.Column("dtype", sa.String(length=20), nullable=True),
        sa.Column("context_length", sa.BigInteger(), nullable=True),
        sa.Column("architecture", sa.String(length=100), nullable=True),
        sa.Column("tokenizer", sa.String(length=100), nullable=True),
        sa.Column("adapter_base", sa.String(length=200), nullable=True),
        sa.Column("has_pickle", sa.Boolean(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("formats", sa.JSON(), nullable=False),
        sa.Column("quantisations", sa.JSON(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_repo_facts_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repo_id", name=op.f("pk_repo_facts")),
    )
    with op.batch_alter_table("repo_facts", schema=None) as batch_op:
        batch_op.create_index("ix_repo_facts_parameters", ["parameters"], unique=False)
        batch_op.create_index("ix_repo_facts_version", ["version"], unique=False)

    op.create_table(
        "file_headers",
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("form", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("problem", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_file_headers_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repo_id", "digest", "form", name=op.f("pk_file_headers")),
    )
