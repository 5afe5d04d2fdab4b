"""Commit calls as clients send them."""

import base64
import hashlib
import json
from typing import Any

from starlette.testclient import TestClient

from tests.fixtures.people import Person

NDJSON = {"Content-Type": "application/x-ndjson"}
Line = dict[str, Any]


def header(summary: str = "a change", **more: Any) -> Line:
    return {"key": "header", "value": {"summary": summary, "description": "", **more}}


def file(path: str, data: bytes | str) -> Line:
    raw = data.encode() if isinstance(data, str) else data
    return {"key": "file", "value": {"path": path, "content": base64.b64encode(raw).decode(), "encoding": "base64"}}


def large(path: str, data: bytes, **more: Any) -> Line:
    oid = hashlib.sha256(data).hexdigest()
    return {"key": "lfsFile", "value": {"path": path, "algo": "sha256", "oid": oid, "size": len(data), **more}}


def deleted(path: str, *, folder: bool = False) -> Line:
    return {"key": "deletedFolder" if folder else "deletedFile", "value": {"path": path}}


def copied(source: str, path: str, revision: str | None = None) -> Line:
    return {"key": "copyFile", "value": {"path": path, "srcPath": source, "srcRevision": revision}}


def body(*lines: Line) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def commit(
    client: TestClient,
    who: Person,
    repo: str,
    *lines: Line,
    rev: str = "main",
    kind: str = "models",
    summary: str = "a change",
    parent: str | None = None,
    query: str = "",
    raw: bytes | None = None,
) -> Any:
    """The answer to a commit call; ``raw`` replaces the body."""
    first = header(summary, **({"parentCommit": parent} if parent is not None else {}))
    content = raw if raw is not None else body(first, *lines)
    address = f"/api/{kind}/{repo}/commit/{rev}{query}"
    return client.post(address, content=content, headers=who.headers | NDJSON)


def committed(client: TestClient, who: Person, repo: str, *lines: Line, **how: Any) -> str:
    """The commit id; fails with the hub's words otherwise."""
    answer = commit(client, who, repo, *lines, **how)
    assert answer.status_code == 200, answer.text
    oid: str = answer.json()["commitOid"]
    return oid


def tree(
    client: TestClient, repo: str, rev: str = "main", *, kind: str = "models", who: Person | None = None
) -> list[str]:
    """Paths of all files at ``rev``."""
    headers = who.headers if who else {}
    answer = client.get(f"/api/{kind}/{repo}/tree/{rev}?recursive=true", headers=headers)
    assert answer.status_code == 200, answer.text
    return [entry["path"] for entry in answer.json() if entry["type"] == "file"]


def uploaded(client: TestClient, who: Person, repo: str, data: bytes) -> None:
    """``data`` is the repository's to use, sent over LFS."""
    lfs = {"Content-Type": "application/vnd.git-lfs+json", "Accept": "application/vnd.git-lfs+json"}
    oid = hashlib.sha256(data).hexdigest()
    wanted = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": oid, "size": len(data)}]}
    answer = client.post(f"/{repo}.git/info/lfs/objects/batch", json=wanted, headers=who.headers | lfs)
    assert answer.status_code == 200, answer.text
    actions = answer.json()["objects"][0].get("actions")
    if actions:
        sent = client.put(actions["upload"]["href"], content=data)
        assert sent.status_code == 200, sent.text
