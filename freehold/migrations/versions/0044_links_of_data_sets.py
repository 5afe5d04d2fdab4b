"""Links of data sets to those that they were drawn from, and to the models that wrote them.

Works with the release before it: rows only, of relations that it does not ask about.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"

BATCH = 1000
MAX_LINKS = 100


def upgrade() -> None:
    connection = op.get_bind()
    last = ""
    while True:
        rows = connection.execute(
            sa.text(
                "SELECT c.repo_id, c.data FROM repo_cards c JOIN repos r ON r.id = c.repo_id WHERE r.kind = 'dataset'"
                " AND EXISTS (SELECT 1 FROM repo_tags t WHERE t.repo_id = c.repo_id AND t.tag LIKE 'source_datasets:%')"
                " AND c.repo_id > :last ORDER BY c.repo_id LIMIT :some"
            ),
            {"last": last, "some": BATCH},
        ).all()
        if not rows:
            return
        last = rows[-1].repo_id
        found = dict.fromkeys(link for repo_id, data in rows for link in _links(repo_id, data))
        if found:
            connection.execute(
                sa.text(
                    "INSERT INTO repo_links (repo_id, relation, kind, path_key) VALUES (:repo_id, :relation, :kind, :path)"
                ),
                [dict(zip(("repo_id", "relation", "kind", "path"), link, strict=True)) for link in found],
            )


def _links(repo_id, data):
    said = json.loads(data) if isinstance(data, str) else data
    if not isinstance(said, dict):
        return
    named = said.get("source_datasets")
    named = [named] if isinstance(named, str) else named if isinstance(named, list) else []
    generated = said.get("generated")
    by = generated.get("by") if isinstance(generated, dict) else None
    makers = [one.get("model") for one in (by if isinstance(by, list) else []) if isinstance(one, dict)]
    links = [
        *(
            (repo_id, "drawn", "dataset", one.removeprefix("extended|").lower())
            for one in named
            if isinstance(one, str)
        ),
        *((repo_id, "written", "model", one.lower()) for one in makers if isinstance(one, str)),
    ]
    yield from [link for link in dict.fromkeys(links) if _leads(link[3])][:MAX_LINKS]


def _leads(path):
    return path.count("/") == 1 and len(path) <= 193 and "\x00" not in path
