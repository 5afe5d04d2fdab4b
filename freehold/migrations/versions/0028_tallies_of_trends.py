"""Tallies: how many new repositories, downloads and likes each kind of repository had, by day, week and month.

Works with the release before it: expand here; the rows come from a task that goes through all repositories.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.create_table(
        "tallies",
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("dimension", sa.String(length=16), nullable=False),
        sa.Column("grain", sa.String(length=5), nullable=False),
        sa.Column("word", sa.String(length=200), nullable=False),
        sa.Column("begins", sa.Integer(), nullable=False),
        sa.Column("new", sa.BigInteger(), nullable=False),
        sa.Column("downloads", sa.BigInteger(), nullable=False),
        sa.Column("likes", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("grain in ('day', 'week', 'month', 'all')", name=op.f("ck_tallies_grain")),
        sa.PrimaryKeyConstraint("kind", "dimension", "grain", "word", "begins", name=op.f("pk_tallies")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "contributions",
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("repo_id", name=op.f("pk_contributions")),
    )
    op.create_table(
        "tally_rounds",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("after", sa.String(length=24), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("days_since", sa.Date(), nullable=False),
        sa.Column("stamp", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tally_rounds")),
    )
