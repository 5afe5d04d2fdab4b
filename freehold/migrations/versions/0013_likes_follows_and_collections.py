"""Likes, follows and collections.

Works with the release before it: expand here, backfill in a bounded task, contract in a later release.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "collections",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("owner_id", sa.String(length=24), nullable=False),
        sa.Column("creator_id", sa.String(length=24), nullable=True),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("title_key", sa.String(length=240), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("theme", sa.String(length=8), nullable=False),
        sa.Column("is_private", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("upvotes", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["creator_id"], ["accounts.id"], name=op.f("fk_collections_creator_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["accounts.id"], name=op.f("fk_collections_owner_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collections")),
    )
    with op.batch_alter_table("collections", schema=None) as batch_op:
        batch_op.create_index("ix_collections_updated_at", ["updated_at", "id"], unique=False)
        batch_op.create_index("ix_collections_upvotes", ["upvotes", "id"], unique=False)
        batch_op.create_index("uq_collections_owner_id_title_key", ["owner_id", "title_key"], unique=True)

    op.create_table(
        "follows",
        sa.Column("account_id", sa.String(length=24), nullable=False),
        sa.Column("follower_id", sa.String(length=24), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("account_id <> follower_id", name=op.f("ck_follows_another")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_follows_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["follower_id"], ["accounts.id"], name=op.f("fk_follows_follower_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "follower_id", name=op.f("pk_follows")),
    )
    with op.batch_alter_table("follows", schema=None) as batch_op:
        batch_op.create_index(
            "ix_follows_account_id_created_at", ["account_id", "created_at", "follower_id"], unique=False
        )
        batch_op.create_index(
            "ix_follows_follower_id_created_at", ["follower_id", "created_at", "account_id"], unique=False
        )

    op.create_table(
        "collection_items",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("collection_id", sa.String(length=24), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("repo_id", sa.String(length=24), nullable=True),
        sa.Column("member_id", sa.String(length=24), nullable=True),
        sa.Column("paper", sa.String(length=24), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(repo_id is not null) or (member_id is not null) or (paper is not null)",
            name=op.f("ck_collection_items_something"),
        ),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collections.id"], name=op.f("fk_collection_items_collection_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["collections.id"], name=op.f("fk_collection_items_member_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["repo_id"], ["repos.id"], name=op.f("fk_collection_items_repo_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collection_items")),
    )
    with op.batch_alter_table("collection_items", schema=None) as batch_op:
        batch_op.create_index("ix_collection_items_member_id", ["member_id"], unique=False)
        batch_op.create_index("ix_collection_items_repo_id", ["repo_id"], unique=False)
        batch_op.create_index(
            "uq_collection_items_collection_id_member_id", ["collection_id", "member_id"], unique=True
        )
        batch_op.create_index("uq_collection_items_collection_id_paper", ["collection_id", "paper"], unique=True)
        batch_op.create_index("uq_collection_items_collection_id_repo_id", ["collection_id", "repo_id"], unique=True)

    op.create_table(
        "likes",
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("user_id", sa.String(length=24), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_likes_repo_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["accounts.id"], name=op.f("fk_likes_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repo_id", "user_id", name=op.f("pk_likes")),
    )
    with op.batch_alter_table("likes", schema=None) as batch_op:
        batch_op.create_index("ix_likes_repo_id_created_at", ["repo_id", "created_at", "user_id"], unique=False)
        batch_op.create_index("ix_likes_user_id_created_at", ["user_id", "created_at", "repo_id"], unique=False)

    op.create_table(
        "upvotes",
        sa.Column("collection_id", sa.String(length=24), nullable=False),
        sa.Column("user_id", sa.String(length=24), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collections.id"], name=op.f("fk_upvotes_collection_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["accounts.id"], name=op.f("fk_upvotes_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("collection_id", "user_id", name=op.f("pk_upvotes")),
    )
    with op.batch_alter_table("upvotes", schema=None) as batch_op:
        batch_op.create_index("ix_upvotes_created_at", ["created_at"], unique=False)
        batch_op.create_index("ix_upvotes_user_id", ["user_id"], unique=False)

    with op.batch_alter_table("repos", schema=None) as batch_op:
        batch_op.add_column(sa.Column("likes", sa.Integer(), server_default="0", nullable=False))
        batch_op.create_index("ix_repos_kind_likes", ["kind", "likes", "id"], unique=False)
