"""Gates: who was let through, which terms were in force, and what happened there.

Works with the release before it: expand here, backfill in a bounded task, contract in a later release.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "terms_texts",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("licence_path", sa.String(length=255), nullable=False),
        sa.Column("licence_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_terms_texts")),
    )
    op.create_table(
        "access_records",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("what", sa.String(length=8), nullable=False),
        sa.Column("repo_id", sa.String(length=24), nullable=True),
        sa.Column("repo_kind", sa.String(length=8), nullable=False),
        sa.Column("repo_path", sa.String(length=193), nullable=False),
        sa.Column("account_id", sa.String(length=24), nullable=True),
        sa.Column("account_kind", sa.String(length=8), nullable=False),
        sa.Column("account_name", sa.String(length=96), nullable=False),
        sa.Column("by_id", sa.String(length=24), nullable=True),
        sa.Column("by_name", sa.String(length=96), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.CheckConstraint(
            "what in ('agreed', 'asked', 'accepted', 'rejected', 'granted', 'returned', 'left')",
            name=op.f("ck_access_records_what"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_access_records_account_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["by_id"], ["accounts.id"], name=op.f("fk_access_records_by_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_access_records_repo_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["sha256"], ["terms_texts.sha256"], name=op.f("fk_access_records_sha256")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_records")),
    )
    with op.batch_alter_table("access_records", schema=None) as batch_op:
        batch_op.create_index("ix_access_records_account_id_at_id", ["account_id", "at", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_access_records_by_id"), ["by_id"], unique=False)
        batch_op.create_index("ix_access_records_repo_id_at_id", ["repo_id", "at", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_access_records_sha256"), ["sha256"], unique=False)

    op.create_table(
        "admissions",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("account_id", sa.String(length=24), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("terms", sa.String(length=64), nullable=True),
        sa.Column("answers", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("asked_by_id", sa.String(length=24), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_id", sa.String(length=24), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.CheckConstraint("status in ('pending', 'accepted', 'rejected')", name=op.f("ck_admissions_status")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_admissions_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["asked_by_id"], ["accounts.id"], name=op.f("fk_admissions_asked_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["accounts.id"], name=op.f("fk_admissions_decided_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_admissions_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admissions")),
    )
    with op.batch_alter_table("admissions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_admissions_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_admissions_asked_by_id"), ["asked_by_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_admissions_decided_by_id"), ["decided_by_id"], unique=False)
        batch_op.create_index("ix_admissions_repo_id_status_id", ["repo_id", "status", "id"], unique=False)
        batch_op.create_index("uq_admissions_repo_id_account_id", ["repo_id", "account_id"], unique=True)

    op.create_table(
        "gates",
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("renew", sa.String(length=8), nullable=False),
        sa.Column("grace_days", sa.Integer(), nullable=False),
        sa.Column("notify_mode", sa.String(length=9), nullable=False),
        sa.Column("notify_email", sa.String(length=320), nullable=True),
        sa.CheckConstraint("notify_mode in ('bulk', 'real-time')", name=op.f("ck_gates_notify_mode")),
        sa.CheckConstraint("renew in ('required', 'notified')", name=op.f("ck_gates_renew")),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_gates_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repo_id", name=op.f("pk_gates")),
    )
    op.create_table(
        "terms_versions",
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("commit", sa.String(length=40), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_terms_versions_repo_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["sha256"], ["terms_texts.sha256"], name=op.f("fk_terms_versions_sha256")),
        sa.PrimaryKeyConstraint("repo_id", "number", name=op.f("pk_terms_versions")),
    )
    with op.batch_alter_table("terms_versions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_terms_versions_sha256"), ["sha256"], unique=False)
