"""Profiles and pictures, what organisations choose, tokens for a whole namespace, links for a new password.

Works with the release before it: expand here, backfill in a bounded task, contract in a later release.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "retired_names",
        sa.Column("key", sa.String(length=96), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_retired_names")),
    )
    op.create_table(
        "avatars",
        sa.Column("account_id", sa.String(length=24), nullable=False),
        sa.Column("media_type", sa.String(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_avatars_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_avatars")),
    )
    op.create_table(
        "token_owners",
        sa.Column("token_id", sa.String(length=24), nullable=False),
        sa.Column("owner_id", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["accounts.id"], name=op.f("fk_token_owners_owner_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["token_id"], ["tokens.id"], name=op.f("fk_token_owners_token_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_id", "owner_id", name=op.f("pk_token_owners")),
    )
    with op.batch_alter_table("token_owners", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_token_owners_owner_id"), ["owner_id"], unique=False)

    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("details", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("website", sa.String(length=512), server_default="", nullable=False))
        batch_op.add_column(sa.Column("is_email_verified", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("avatar_digest", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("default_role", sa.String(length=16), server_default="read", nullable=False))
        batch_op.add_column(sa.Column("shows_members", sa.Boolean(), server_default=sa.true(), nullable=False))
        batch_op.add_column(sa.Column("takes_requests", sa.Boolean(), server_default=sa.false(), nullable=False))

    with op.batch_alter_table("browser_sessions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("agent", sa.String(length=256), server_default="", nullable=False))

    with op.batch_alter_table("sign_in_links", schema=None) as batch_op:
        batch_op.add_column(sa.Column("purpose", sa.String(length=16), server_default="session", nullable=False))

    with op.batch_alter_table("tokens", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_granted", sa.Boolean(), server_default=sa.false(), nullable=False))
