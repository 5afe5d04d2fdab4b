"""Lists tell which models answer here: those that an endpoint that is switched on serves.

Works with the release before it: expand only.
"""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"


def upgrade() -> None:
    # Not in a batch, which would copy the table on SQLite: it is the largest that lists read, and may add a column so.
    op.add_column("repos", sa.Column("is_served", sa.Boolean(), server_default=sa.false(), nullable=False))
    repos = sa.table("repos", sa.column("id", sa.String), sa.column("is_served", sa.Boolean))
    endpoints = sa.table("endpoints", sa.column("repo_id", sa.String), sa.column("is_on", sa.Boolean))
    served = sa.select(endpoints.c.repo_id).where(endpoints.c.repo_id.is_not(None), endpoints.c.is_on)
    op.execute(repos.update().where(repos.c.id.in_(served)).values(is_served=sa.true()))
