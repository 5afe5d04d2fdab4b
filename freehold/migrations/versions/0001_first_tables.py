"""First tables.

Works with the release before it: expand here, backfill in a bounded task, contract in a later release.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("name", sa.String(length=96), nullable=False),
        sa.Column("key", sa.String(length=96), nullable=False),
        sa.Column("full_name", sa.String(length=256), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.Column("is_disabled", sa.Boolean(), nullable=False),
        sa.Column("private_by_default", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind in ('user', 'org')", name=op.f("ck_accounts_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("key", name=op.f("uq_accounts_key")),
    )
    op.create_table(
        "instance_values",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_instance_values")),
    )
    op.create_table(
        "recipes",
        sa.Column("file_hash", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("terms", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("file_hash", name=op.f("pk_recipes")),
    )
    op.create_table(
        "xorbs",
        sa.Column("xorb_hash", sa.String(length=64), nullable=False),
        sa.Column("stored_bytes", sa.BigInteger(), nullable=False),
        sa.Column("raw_bytes", sa.BigInteger(), nullable=False),
        sa.Column("chunks", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("xorb_hash", name=op.f("pk_xorbs")),
    )
    op.create_table(
        "browser_sessions",
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=24), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["accounts.id"], name=op.f("fk_browser_sessions_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_browser_sessions")),
    )
    with op.batch_alter_table("browser_sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_browser_sessions_user_id"), ["user_id"], unique=False)

    op.create_table(
        "contents",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("is_whole", sa.Boolean(), nullable=False),
        sa.Column("file_hash", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["file_hash"], ["recipes.file_hash"], name=op.f("fk_contents_file_hash")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_contents")),
    )
    with op.batch_alter_table("contents", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contents_file_hash"), ["file_hash"], unique=False)

    op.create_table(
        "dedup_chunks",
        sa.Column("chunk_hash", sa.String(length=64), nullable=False),
        sa.Column("xorb_hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["xorb_hash"], ["xorbs.xorb_hash"], name=op.f("fk_dedup_chunks_xorb_hash"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("chunk_hash", "xorb_hash", name=op.f("pk_dedup_chunks")),
    )
    op.create_table(
        "memberships",
        sa.Column("org_id", sa.String(length=24), nullable=False),
        sa.Column("user_id", sa.String(length=24), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role in ('admin', 'write', 'contributor', 'read')", name=op.f("ck_memberships_role")),
        sa.ForeignKeyConstraint(["org_id"], ["accounts.id"], name=op.f("fk_memberships_org_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["accounts.id"], name=op.f("fk_memberships_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("org_id", "user_id", name=op.f("pk_memberships")),
    )
    with op.batch_alter_table("memberships", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_memberships_user_id"), ["user_id"], unique=False)

    op.create_table(
        "recipe_xorbs",
        sa.Column("file_hash", sa.String(length=64), nullable=False),
        sa.Column("xorb_hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_hash"], ["recipes.file_hash"], name=op.f("fk_recipe_xorbs_file_hash"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["xorb_hash"], ["xorbs.xorb_hash"], name=op.f("fk_recipe_xorbs_xorb_hash")),
        sa.PrimaryKeyConstraint("file_hash", "xorb_hash", name=op.f("pk_recipe_xorbs")),
    )
    with op.batch_alter_table("recipe_xorbs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_recipe_xorbs_xorb_hash"), ["xorb_hash"], unique=False)

    op.create_table(
        "repos",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("owner_id", sa.String(length=24), nullable=False),
        sa.Column("creator_id", sa.String(length=24), nullable=True),
        sa.Column("name", sa.String(length=96), nullable=False),
        sa.Column("path_key", sa.String(length=193), nullable=False),
        sa.Column("visibility", sa.String(length=8), nullable=False),
        sa.Column("gated", sa.String(length=8), nullable=False),
        sa.Column("sdk", sa.String(length=16), nullable=True),
        sa.Column("is_disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("gated in ('', 'auto', 'manual')", name=op.f("ck_repos_gated")),
        sa.CheckConstraint("kind in ('model', 'dataset', 'space', 'kernel')", name=op.f("ck_repos_kind")),
        sa.CheckConstraint("visibility in ('public', 'private')", name=op.f("ck_repos_visibility")),
        sa.ForeignKeyConstraint(["creator_id"], ["accounts.id"], name=op.f("fk_repos_creator_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["owner_id"], ["accounts.id"], name=op.f("fk_repos_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repos")),
    )
    with op.batch_alter_table("repos", schema=None) as batch_op:
        batch_op.create_index("ix_repos_kind_updated_at", ["kind", "updated_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_repos_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index("uq_repos_kind_path_key", ["kind", "path_key"], unique=True)

    op.create_table(
        "sign_in_links",
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=24), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["accounts.id"], name=op.f("fk_sign_in_links_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_sign_in_links")),
    )
    with op.batch_alter_table("sign_in_links", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_in_links_user_id"), ["user_id"], unique=False)

    op.create_table(
        "tokens",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("user_id", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=96), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("hint", sa.String(length=8), nullable=False),
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("is_fine_grained", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("scope in ('read', 'write')", name=op.f("ck_tokens_scope")),
        sa.ForeignKeyConstraint(["user_id"], ["accounts.id"], name=op.f("fk_tokens_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_tokens_secret_hash")),
    )
    with op.batch_alter_table("tokens", schema=None) as batch_op:
        batch_op.create_index("uq_tokens_user_id_name", ["user_id", "name"], unique=True)

    op.create_table(
        "multipart_uploads",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("chunk_bytes", sa.BigInteger(), nullable=False),
        sa.Column("store_upload_id", sa.String(length=1024), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["repo_id"], ["repos.id"], name=op.f("fk_multipart_uploads_repo_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_multipart_uploads")),
    )
    op.create_table(
        "packs",
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("objects", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_packs_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repo_id", "name", name=op.f("pk_packs")),
    )
    op.create_table(
        "pushes",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("actor_id", sa.String(length=24), nullable=True),
        sa.Column("ref", sa.String(length=255), nullable=False),
        sa.Column("before", sa.String(length=40), nullable=True),
        sa.Column("after", sa.String(length=40), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_pushes_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pushes")),
    )
    with op.batch_alter_table("pushes", schema=None) as batch_op:
        batch_op.create_index("ix_pushes_repo_id_at", ["repo_id", "at"], unique=False)

    op.create_table(
        "refs",
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("target", sa.String(length=40), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_refs_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repo_id", "name", name=op.f("pk_refs")),
    )
    op.create_table(
        "repo_aliases",
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("path_key", sa.String(length=193), nullable=False),
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_repo_aliases_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("kind", "path_key", name=op.f("pk_repo_aliases")),
    )
    with op.batch_alter_table("repo_aliases", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_repo_aliases_repo_id"), ["repo_id"], unique=False)

    op.create_table(
        "repo_contents",
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_repo_contents_repo_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["sha256"], ["contents.sha256"], name=op.f("fk_repo_contents_sha256")),
        sa.PrimaryKeyConstraint("repo_id", "sha256", name=op.f("pk_repo_contents")),
    )
    with op.batch_alter_table("repo_contents", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_repo_contents_sha256"), ["sha256"], unique=False)

    op.create_table(
        "repo_recipes",
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("file_hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["file_hash"], ["recipes.file_hash"], name=op.f("fk_repo_recipes_file_hash")),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_repo_recipes_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repo_id", "file_hash", name=op.f("pk_repo_recipes")),
    )
    with op.batch_alter_table("repo_recipes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_repo_recipes_file_hash"), ["file_hash"], unique=False)

    op.create_table(
        "repo_xorbs",
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("xorb_hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_repo_xorbs_repo_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["xorb_hash"], ["xorbs.xorb_hash"], name=op.f("fk_repo_xorbs_xorb_hash")),
        sa.PrimaryKeyConstraint("repo_id", "xorb_hash", name=op.f("pk_repo_xorbs")),
    )
    with op.batch_alter_table("repo_xorbs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_repo_xorbs_xorb_hash"), ["xorb_hash"], unique=False)

    op.create_table(
        "token_repos",
        sa.Column("token_id", sa.String(length=24), nullable=False),
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(["token_id"], ["tokens.id"], name=op.f("fk_token_repos_token_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_id", "repo_id", name=op.f("pk_token_repos")),
    )
