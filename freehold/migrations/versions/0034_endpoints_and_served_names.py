"""Models that answer: endpoints, the names they are called by, adapters beside them, and what runs on which node.

Works with the release before it: expand only.
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.create_table(
        "served_names",
        sa.Column("name", sa.String(length=193), nullable=False),
        sa.Column("shown", sa.String(length=193), nullable=False),
        sa.Column("namespace_id", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("target_id", sa.String(length=24), nullable=False),
        sa.CheckConstraint("kind in ('endpoint', 'adapter', 'route', 'pipeline')", name=op.f("ck_served_names_kind")),
        sa.ForeignKeyConstraint(
            ["namespace_id"], ["accounts.id"], name=op.f("fk_served_names_namespace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_served_names")),
    )
    with op.batch_alter_table("served_names", schema=None) as batch_op:
        batch_op.create_index("ix_served_names_namespace_id", ["namespace_id"], unique=False)
        batch_op.create_index("ix_served_names_target_id", ["target_id"], unique=False)

    op.create_table(
        "endpoints",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("namespace_id", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=193), nullable=False),
        sa.Column("repo_id", sa.String(length=24), nullable=True),
        sa.Column("revision", sa.String(length=40), nullable=False),
        sa.Column("file", sa.String(length=512), nullable=False),
        sa.Column("engine", sa.String(length=32), nullable=False),
        sa.Column("abilities", sa.JSON(), nullable=False),
        sa.Column("paths", sa.JSON(), nullable=False),
        sa.Column("context_tokens", sa.Integer(), nullable=True),
        sa.Column("parallel", sa.Integer(), nullable=False),
        sa.Column("replicas", sa.Integer(), nullable=False),
        sa.Column("need_bytes", sa.BigInteger(), nullable=True),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("defaults", sa.JSON(), nullable=False),
        sa.Column("keep_warm", sa.Boolean(), nullable=False),
        sa.Column("idle_s", sa.Integer(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("keeps_content", sa.Boolean(), nullable=False),
        sa.Column("remote_url", sa.String(length=2048), nullable=True),
        sa.Column("remote_model", sa.String(length=256), nullable=True),
        sa.Column("sealed_key", sa.Text(), nullable=True),
        sa.Column("visibility", sa.String(length=8), nullable=False),
        sa.Column("created_by_id", sa.String(length=24), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("visibility in ('public', 'private')", name=op.f("ck_endpoints_visibility")),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["accounts.id"], name=op.f("fk_endpoints_created_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["namespace_id"], ["accounts.id"], name=op.f("fk_endpoints_namespace_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_endpoints_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_endpoints")),
    )
    with op.batch_alter_table("endpoints", schema=None) as batch_op:
        batch_op.create_index("ix_endpoints_namespace_id", ["namespace_id"], unique=False)
        batch_op.create_index("ix_endpoints_repo_id", ["repo_id"], unique=False)

    op.create_table(
        "endpoint_adapters",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("endpoint_id", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=193), nullable=False),
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("revision", sa.String(length=40), nullable=False),
        sa.Column("file", sa.String(length=512), nullable=False),
        sa.Column("created_by_id", sa.String(length=24), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["accounts.id"], name=op.f("fk_endpoint_adapters_created_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["endpoints.id"], name=op.f("fk_endpoint_adapters_endpoint_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["repo_id"], ["repos.id"], name=op.f("fk_endpoint_adapters_repo_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_endpoint_adapters")),
    )
    with op.batch_alter_table("endpoint_adapters", schema=None) as batch_op:
        batch_op.create_index("ix_endpoint_adapters_endpoint_id", ["endpoint_id"], unique=False)
        batch_op.create_index("ix_endpoint_adapters_repo_id", ["repo_id"], unique=False)

    op.create_table(
        "replica_states",
        sa.Column("node", sa.String(length=80), nullable=False),
        sa.Column("endpoint_id", sa.String(length=24), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("message", sa.String(length=500), nullable=False),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["endpoints.id"], name=op.f("fk_replica_states_endpoint_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("node", "endpoint_id", "number", name=op.f("pk_replica_states")),
    )
    with op.batch_alter_table("replica_states", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_replica_states_seen_at"), ["seen_at"], unique=False)
