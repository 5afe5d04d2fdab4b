"""Routes with their choices, what guards found, pipelines with their traces.

Works with the release before it: expand only.
"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.create_table(
        "routes",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("namespace_id", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=193), nullable=False),
        sa.Column("description", sa.String(length=500), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("keeps_content", sa.Boolean(), nullable=False),
        sa.Column("created_by_id", sa.String(length=24), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["namespace_id"], ["accounts.id"], name=op.f("fk_routes_namespace_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["accounts.id"], name=op.f("fk_routes_created_by_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routes")),
    )
    with op.batch_alter_table("routes", schema=None) as batch_op:
        batch_op.create_index("ix_routes_namespace_id", ["namespace_id"], unique=False)

    op.create_table(
        "route_choices",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("route_id", sa.String(length=24), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("chosen", sa.String(length=193), nullable=False),
        sa.Column("model", sa.String(length=256), nullable=False),
        sa.Column("revision", sa.String(length=40), nullable=False),
        sa.Column("why", sa.String(length=500), nullable=False),
        sa.Column("outcome", sa.String(length=9), nullable=False),
        sa.Column("legs", sa.Integer(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.String(length=256), nullable=False),
        sa.ForeignKeyConstraint(
            ["route_id"], ["routes.id"], name=op.f("fk_route_choices_route_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_route_choices")),
    )
    with op.batch_alter_table("route_choices", schema=None) as batch_op:
        batch_op.create_index("ix_route_choices_route_id_id", ["route_id", "id"], unique=False)

    op.create_table(
        "guard_findings",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("route_id", sa.String(length=24), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("guard", sa.String(length=12), nullable=False),
        sa.Column("side", sa.String(length=6), nullable=False),
        sa.Column("does", sa.String(length=5), nullable=False),
        sa.Column("what", sa.String(length=60), nullable=False),
        sa.Column("place", sa.String(length=60), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.String(length=256), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guard_findings")),
    )
    with op.batch_alter_table("guard_findings", schema=None) as batch_op:
        batch_op.create_index("ix_guard_findings_route_id_id", ["route_id", "id"], unique=False)

    op.create_table(
        "pipelines",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("namespace_id", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=193), nullable=False),
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("path", sa.String(length=512), nullable=False),
        sa.Column("revision", sa.String(length=40), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("keeps_content", sa.Boolean(), nullable=False),
        sa.Column("created_by_id", sa.String(length=24), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["namespace_id"], ["accounts.id"], name=op.f("fk_pipelines_namespace_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_pipelines_repo_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["accounts.id"], name=op.f("fk_pipelines_created_by_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pipelines")),
    )
    with op.batch_alter_table("pipelines", schema=None) as batch_op:
        batch_op.create_index("ix_pipelines_namespace_id", ["namespace_id"], unique=False)
        batch_op.create_index("ix_pipelines_repo_id", ["repo_id"], unique=False)

    op.create_table(
        "pipeline_traces",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("pipeline_id", sa.String(length=24), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=9), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("request_id", sa.String(length=256), nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["pipelines.id"], name=op.f("fk_pipeline_traces_pipeline_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pipeline_traces")),
    )
    with op.batch_alter_table("pipeline_traces", schema=None) as batch_op:
        batch_op.create_index("ix_pipeline_traces_pipeline_id_id", ["pipeline_id", "id"], unique=False)
