"""Links between repositories, and downloads by month.

Works with the release before it: expand here. Links of what is there are read from its tags and from the cards of
Spaces; days of downloads that are gone already are in no month.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

BATCH = 1000
RELATIONS = ("finetune", "adapter", "merge", "quantized")


def upgrade() -> None:
    links = op.create_table(
        "repo_links",
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("relation", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("path_key", sa.String(length=193), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_repo_links_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repo_id", "relation", "kind", "path_key", name=op.f("pk_repo_links")),
    )
    with op.batch_alter_table("repo_links", schema=None) as batch_op:
        batch_op.create_index("ix_repo_links_path_key_kind_repo_id", ["path_key", "kind", "repo_id"], unique=False)
    op.create_table(
        "download_months",
        sa.Column("repo_id", sa.String(length=24), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("downloads", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["repos.id"], name=op.f("fk_download_months_repo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repo_id", "month", name=op.f("pk_download_months")),
    )
    with op.batch_alter_table("download_months", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_download_months_month"), ["month"], unique=False)
    connection = op.get_bind()
    for rows in (_from_tags(connection), _from_spaces(connection)):
        batch = {}
        for row in rows:
            batch[row] = None
            if len(batch) >= BATCH:
                _insert(connection, links, batch)
                batch = {}
        _insert(connection, links, batch)


def _from_tags(connection):
    tags = connection.execute(
        sa.text(
            "SELECT t.repo_id, t.tag FROM repo_tags t JOIN repos r ON r.id = t.repo_id"
            " WHERE r.kind = 'model' AND (t.tag LIKE 'base_model:%' OR t.tag LIKE 'dataset:%') ORDER BY t.repo_id"
        )
    ).all()
    for repo_id, tag in tags:
        prefix, _, rest = tag.partition(":")
        relation, _, base = rest.partition(":")
        if prefix == "dataset":
            yield from _link(repo_id, "trained", "dataset", rest)
        elif base and relation in RELATIONS:
            yield from _link(repo_id, relation, "model", base)


def _from_spaces(connection):
    cards = connection.execute(
        sa.text("SELECT c.repo_id, c.data FROM repo_cards c JOIN repos r ON r.id = c.repo_id WHERE r.kind = 'space'")
    ).all()
    for repo_id, data in cards:
        said = json.loads(data) if isinstance(data, str) else data
        for key, kind in (("models", "model"), ("datasets", "dataset")):
            named = said.get(key) if isinstance(said, dict) else None
            for path in [named] if isinstance(named, str) else named if isinstance(named, list) else []:
                if isinstance(path, str):
                    yield from _link(repo_id, "uses", kind, path)


def _link(repo_id, relation, kind, path):
    if path.count("/") == 1 and len(path) <= 193 and "\x00" not in path:
        yield repo_id, relation, kind, path.lower()


def _insert(connection, links, rows):
    """Ordered by repository, so that the spellings of one path in one card meet in one batch; the rest is left to it."""
    names = ("repo_id", "relation", "kind", "path_key")
    known = set(
        connection.execute(
            sa.select(*(links.c[name] for name in names)).where(links.c.repo_id.in_({row[0] for row in rows}))
        )
    )
    new = [dict(zip(names, row, strict=True)) for row in rows if row not in known]
    if new:
        connection.execute(links.insert(), new)
