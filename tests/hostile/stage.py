"""A hub whose every free word is made to hurt: the sample of ``scripts/sample.py``, with a payload in each of them.

Words that a verb would refuse are written past it, into the database: what older releases took, or a door let through
that no test thinks of, must be shown as harmlessly.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import sqlalchemy as sa

from freehold.accounts.tables import Account
from scripts import sample
from tests.fixtures.servers import Live, launch

#: Asked for by whatever of a payload came to act.
HURT = "/-/hurt"
TURNED = "\u202e"
PAYLOAD = (
    f"\"'></title></textarea></script><script src={HURT}></script><img src={HURT} onerror=alert(1)>"
    f'<b hx-get="{HURT}" hx-trigger="load" data-hx-get="{HURT}" hx-on:load="alert(1)">{{{{7*7}}}}</b>{TURNED}'
)
#: Short enough for any column.
NAME = f"'\"><script src={HURT}></script>{TURNED}"
FILE = "'\"><svg onload=alert(1)>.txt"
CARD = f"""---
license: other
license_name: "{NAME.replace('"', "")}"
license_link: "javascript:alert(1)"
tags: ["{NAME.replace('"', "")}"]
pipeline_tag: text-classification
model-index:
  - name: "<script src={HURT}></script>"
    results:
      - task: {{type: text-classification, name: "<b onclick=x>"}}
        dataset: {{type: x, name: "<script src={HURT}></script>"}}
        metrics: [{{type: accuracy, name: "<b onclick=x>", value: "<script>x</script>"}}]
extra_gated_heading: "<script src={HURT}></script>"
extra_gated_prompt: "{PAYLOAD.replace('"', "'")}"
extra_gated_button_content: "<script src={HURT}></script>"
extra_gated_fields:
  "<script src={HURT}></script>": text
---
# Words {PAYLOAD}

<div hx-get="{HURT}" hx-trigger="load" data-module="suggest" hx-on::load="alert(1)">{PAYLOAD}</div>
<hx-partial hx-target="body">x</hx-partial><form hx-post="{HURT}" action="{HURT}"><button data-copy>y</button></form>

[a](javascript:alert(1)) ![b]({HURT}) `{PAYLOAD}`

| {PAYLOAD.replace("|", "")} | b |
|---|---|
| <img src=//evil.test/x> | $\\href{{javascript:alert(1)}}{{x}}$ |
"""
#: Columns of free words, by table; those that must differ get a number before the payload.
FREE: dict[str, tuple[str, ...]] = {
    "accounts": ("full_name", "details", "website"),
    "batch_files": ("name",),
    "batches": ("why",),
    "browser_sessions": ("agent",),
    "collections": ("title", "description"),
    "discussion_texts": ("title", "tags", "body"),
    "endpoints": ("file", "remote_model"),
    "eval_results": ("filename", "task"),
    "collection_items": ("note",),
    "comment_versions": ("text",),
    "discussions": ("title",),
    "file_headers": ("problem",),
    "guard_findings": ("what", "place"),
    "invitations": ("email",),
    "join_requests": ("message",),
    "admissions": ("reason",),
    "notifications": ("title",),
    "oauth_programs": ("name", "website"),
    "oauth_grants": ("name",),
    "own_machines": ("name",),
    "replica_states": ("message", "cards"),
    "repo_cards": ("summary", "license", "library_name"),
    "repo_facts": ("architecture", "tokenizer", "adapter_base", "dtype"),
    "repo_texts": ("title", "tags", "body"),
    "route_choices": ("chosen", "model", "why"),
    "routes": ("description",),
    "saved_searches": ("name",),
    "space_values": ("value", "description"),
    "tallies": ("word",),
    "tasks": ("error",),
    "tokens": ("name",),
    "upkeep_runs": ("error",),
    "usage_days": ("served_name", "model"),
    "webhooks": ("url", "disabled_reason"),
    "webhook_deliveries": ("response_excerpt",),
    "audit_entries": ("actor_name", "thing_name", "via", "address"),
}
#: Columns of JSON whose every text is one.
NESTED = {
    "admissions": ("answers",),
    "batches": ("given",),
    "endpoints": ("defaults",),
    "eval_results": ("data",),
    "news": ("data",),
    "repo_cards": ("data", "config", "tags"),
    "repo_facts": ("formats", "quantisations", "details"),
    "repo_openness": ("told",),
    "file_headers": ("told",),
    "audit_entries": ("details",),
    "discussion_events": ("data",),
    "pipeline_traces": ("steps",),
}


@dataclass(frozen=True)
class Stage:
    """A hub that runs, and what addresses may name of it (``scripts/pages.py``)."""

    live: Live
    found: sample.Found


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """The hub, for as long as the block runs."""
    live = launch(folder / "data")
    try:
        found = sample.fill(live.url, live.tokens)
        _publish(live)
        _serve(live)
        _overwrite(live)
        yield Stage(live, found)
    finally:
        live.stop()


def _publish(live: Live) -> None:
    """Files and cards, which the hub reads by itself: their words come through its own readers."""
    files = {
        "README.md": CARD,
        FILE: PAYLOAD,
        f"docs/{FILE}": PAYLOAD,
        "docs/gauges.md": CARD,
        "train.py": f"# {PAYLOAD}\n",
        "config.json": json.dumps({PAYLOAD: [PAYLOAD], "model_type": NAME, "architectures": [NAME]}),
        "data/train.csv": f'a,b\n"{NAME.replace(chr(34), "")}",2\n',
        "page.js": "document.documentElement.dataset.hurt = 'yes'",
    }
    for owner, path, kind in (
        ("alice", "lab/river-tides", "model"),
        ("alice", "lab/harbour-voices", "model"),
        ("alice", "lab/harbour-logs", "dataset"),
        ("bob", "bob/tide-table", "space"),
    ):
        # Not by the official client: it has the card checked first, and sends none like this.
        header = {"key": "header", "value": {"summary": NAME, "description": PAYLOAD}}
        lines = [header, *({"key": "file", "value": {"path": name, "content": text}} for name, text in files.items())]
        bearer = {"Authorization": f"Bearer {live.tokens[owner]}"}
        address = f"{live.url}/api/{kind}s/{path}"
        kinds = bearer | {"Content-Type": "application/x-ndjson"}
        body = "\n".join(json.dumps(line) for line in lines)
        answer = httpx.post(f"{address}/commit/main", content=body, headers=kinds)
        assert answer.status_code == 200, answer.text
        branch = quote("a'\"><svg-onload=x>", safe="")
        httpx.post(f"{address}/branch/{branch}", headers=bearer).raise_for_status()


def _serve(live: Live) -> None:
    """What is asked of models, and what policies and files of steps say in free words."""
    client = httpx.Client(base_url=live.url, headers={"Authorization": f"Bearer {live.tokens['alice']}"}, timeout=60)
    steps = [
        {"name": "a", "kind": "generate", "model": "lab/tide-talk", "prompt": f"{{{{input}}}} {NAME}"},
        {"name": "b", "kind": "check", "check": {"kind": "refusal"}, "refuse": PAYLOAD},
        {"name": "c", "kind": "classify", "model": "lab/tide-talk", "labels": [NAME, "x"], "of": "a"},
    ]
    header = {"key": "header", "value": {"summary": NAME}}
    document = json.dumps({"title": NAME, "description": PAYLOAD, "steps": steps})
    file = {"key": "file", "value": {"path": "freehold-pipeline.yaml", "content": document}}
    with client:
        sent = client.post(
            "/api/models/lab/twice/commit/main",
            content="\n".join(json.dumps(one) for one in (header, file)),
            headers={"Content-Type": "application/x-ndjson"},
        )
        assert sent.status_code == 200, sent.text
        pinned = client.put("/api/pipelines/lab/twice/revision", json={"revision": "main"})
        assert pinned.status_code == 200, pinned.text
        guards = [{"kind": "profanity", "side": "input", "does": "mark", "words": [NAME]}]
        policy = {"kind": "rules", "targets": [{"name": "lab/tide-talk", "when": "header x-a is b"}], "guards": guards}
        changed = client.put("/api/routes/lab/gatehouse", json={"name": "lab/gatehouse", "policy": policy})
        assert changed.status_code == 200, changed.text
        asked = {"model": "lab/tide-talk", "messages": [{"role": "user", "content": PAYLOAD}], "max_tokens": 2}
        assert client.post("/v1/chat/completions", json=asked).status_code == 200


def _overwrite(live: Live) -> None:
    tables = Account.metadata.tables
    database = live.database()
    try:
        with database.write() as db:
            for name, columns in FREE.items():
                table = tables[name]
                for column in columns:
                    long = getattr(table.c[column].type, "length", None) or 10_000
                    word = (PAYLOAD if long > len(PAYLOAD) + 9 else NAME)[:long]
                    start = {"url": "https://hooks.example/", "website": "javascript:alert(1)//"}.get(column, "")
                    value: Any = f"{start}{word}"[:long]
                    if column == "name":  # of which nobody may have two
                        value = table.c.id.concat(NAME)
                    if column == "word":  # the key of a row, with others
                        value = table.c.word.concat(NAME)
                    db.execute(sa.update(table).where(table.c[column].is_not(None)).values({column: value}))
            for name, columns in NESTED.items():
                _fill_json(db, tables[name], columns)
            people = tables["accounts"]
            db.execute(sa.update(people).values(email=people.c.id.concat(NAME)).where(people.c.kind == "user"))
    finally:
        database.close()


def _fill_json(db: Any, table: sa.Table, columns: tuple[str, ...]) -> None:
    keys = list(table.primary_key.columns)
    for row in db.execute(sa.select(*keys, *(table.c[name] for name in columns))).mappings().all():
        where = sa.and_(*(key == row[key.name] for key in keys))
        db.execute(sa.update(table).where(where).values({name: _hurting(row[name]) for name in columns}))


#: Texts that the hub compares or computes with, and shows as a word of its own.
_KEPT = ("id", "oid", "sha", "type", "kind", "status", "state", "verdict", "at", "path", "ref", "commit", "form")


def _hurting(value: Any, key: str = "") -> Any:
    if isinstance(value, str):
        return value if key.lower().endswith(_KEPT) else f"{value}{NAME}"
    if isinstance(value, list):
        return [_hurting(one, key) for one in value]
    if isinstance(value, dict):
        return {name: _hurting(one, name) for name, one in value.items()}
    return value


class Reader(HTMLParser):
    """Notes what a browser, or htmx, would do at a stranger's word."""

    def __init__(self) -> None:
        super().__init__()
        self.trouble: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("iframe", "object", "embed", "base", "style") or (tag == "script" and "src" not in given):
            self.trouble.append(f"<{tag}>")
        if tag == "meta" and "http-equiv" in given:
            self.trouble.append("<meta http-equiv>")
        for name, value in given.items():
            acts = name.startswith(("on", "hx-on", "data-hx")) or name == "style"
            if acts or (name.startswith("hx-") and HURT in value):
                self.trouble.append(f"{tag} {name}={value}")
            if name in ("href", "src", "action", "formaction", "xlink:href", "data-into", "data-search"):
                scheme = "".join(value.split()).lower()
                if scheme.startswith(("javascript:", "data:", "vbscript:")) or value.startswith(HURT):
                    self.trouble.append(f"{tag} {name}={value}")


def trouble(text: str) -> list[str]:
    """What is wrong with a page of this hub, as its HTML stands."""
    reader = Reader()
    reader.feed(text)
    return reader.trouble


def loose(headers: dict[str, str]) -> list[str]:
    """What of a page's headers lets in more than a page of this hub may."""
    policy = dict(rule.strip().partition(" ")[::2] for rule in headers.get("content-security-policy", "").split(";"))
    wanted = {"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "base-uri": "'none'"}
    wanted |= {"frame-ancestors": "'none'", "connect-src": "'self'"}
    said = [f"{name} {policy.get(name)}" for name, value in wanted.items() if policy.get(name) != value]
    for name, value in policy.items():
        if "unsafe" in value or "*" in value or "http" in value:
            said.append(f"{name} {value}")
    if headers.get("x-content-type-options") != "nosniff":
        said.append("its type is guessed at")
    return said
