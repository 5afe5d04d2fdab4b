"""Listings over JSON: trees, paths-info, commits. Source: protocol/hub-api.md 1.6, 1.7, 5."""

import html
import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from freehold.access.rules import Action
from freehold.content import queries
from freehold.core.bodies import receive_body
from freehold.core.clock import wire
from freehold.core.errors import Malformed
from freehold.core.http import Ask, door, in_thread, next_page, stream_door
from freehold.core.routes import Router
from freehold.gitkit.objects import CommitInfo, Entry
from freehold.repos import paths
from freehold.repos import service as repos
from freehold.repos.tables import Repo

paths.register()
router = Router(tags=["files"])
REPO = "/api/{kind:plural}/{namespace:segment}/{name:segment}"
MAX_PAGE = 1000
#: With ``expand`` every entry needs its last commit, which is history to walk.
MAX_EXPANDED_PAGE = 100
MAX_COMMITS_PAGE = 1000
COMMITS_PAGE = 50
MAX_PATHS = 1000
MAX_PATHS_BODY_BYTES = 8 << 20
#: Nothing scans files yet, and that is what the answer says. Source: protocol/hub-api.md 1.6.
NOT_SCANNED = {"status": "unscanned", "avScan": None, "pickleImportScan": None}

Limit = Annotated[int, Query(ge=1, le=1 << 31)]
Cursor = Annotated[str | None, Query(max_length=200)]


@router.get(f"{REPO}/tree/{{rev:segment}}", response_model=None)
@door(Action.READ)
def root(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    rev: str,
    recursive: bool = False,
    expand: bool = False,
    limit: Limit = MAX_PAGE,
    cursor: Cursor = None,
) -> Response:
    return _tree(ask, kind, f"{namespace}/{name}", rev, "", recursive, expand, limit, cursor)


@router.get(f"{REPO}/tree/{{rev:segment}}/{{path:rest}}", response_model=None)
@door(Action.READ)
def directory(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    rev: str,
    path: str,
    recursive: bool = False,
    expand: bool = False,
    limit: Limit = MAX_PAGE,
    cursor: Cursor = None,
) -> Response:
    return _tree(ask, kind, f"{namespace}/{name}", rev, path.strip("/"), recursive, expand, limit, cursor)


@router.post(
    f"{REPO}/paths-info/{{rev:segment}}",
    response_model=None,
    openapi_extra={
        "requestBody": {
            "content": {
                kind: {
                    "schema": {
                        "type": "object",
                        "required": ["paths"],
                        "properties": {
                            "paths": {"type": "array", "items": {"type": "string"}, "maxItems": MAX_PATHS},
                            "expand": {"type": "boolean"},
                        },
                    }
                }
                for kind in ("application/json", "application/x-www-form-urlencoded")
            }
        }
    },
)
@stream_door(Action.READ)
async def paths_info(request: Request, kind: str, namespace: str, name: str, rev: str) -> Response:
    body = bytearray()
    await receive_body(request, body.extend, limit_bytes=MAX_PATHS_BODY_BYTES)
    wanted, expand = _asked_paths(request.headers.get("content-type", ""), bytes(body))

    def answer(ask: Ask) -> list[dict[str, Any]]:
        repo = repos.load(ask.db, ask.actor, f"{namespace}/{name}", Action.READ, kind=kind)
        commit, entries = queries.entries_at(ask.db, repo, ask.kit, rev, wanted)
        return _entries(ask, repo, commit, [entry for entry in entries if entry.path], expand)

    return JSONResponse(await in_thread(request, answer, reads=True))


@router.get(f"{REPO}/commits/{{rev:segment}}", response_model=None)
@door(Action.READ)
def commits(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    rev: str,
    limit: Limit = COMMITS_PAGE,
    cursor: Cursor = None,
    path: Annotated[str, Query(max_length=8192)] = "",
) -> Response:
    """The history of a revision; with ``path`` (ours), of one file or folder, whose last commit may say where from."""
    repo = repos.load(ask.db, ask.actor, f"{namespace}/{name}", Action.READ, kind=kind)
    limit = min(limit, MAX_COMMITS_PAGE)
    log = queries.log_page(ask.db, repo, ask.kit, rev, limit=limit, cursor=cursor, path=path.strip("/"))
    query = ask.request.query_params
    formatted = "formatted" in query.getlist("expand[]") + query.getlist("expand")
    headers = {"X-Total-Count": str(log.total)} | (next_page(ask.request, log.next_cursor) if log.next_cursor else {})
    shown = [_commit(info, log.author(info), formatted=formatted) for info in log.commits]
    if log.renamed_from is not None:
        shown[-1]["renamedFrom"] = log.renamed_from
    return JSONResponse(shown, headers=headers)


def _tree(
    ask: Ask,
    kind: str,
    path_of_repo: str,
    rev: str,
    path: str,
    recursive: bool,
    expand: bool,
    limit: int,
    cursor: str | None,
) -> Response:
    repo = repos.load(ask.db, ask.actor, path_of_repo, Action.READ, kind=kind)
    limit = min(limit, MAX_EXPANDED_PAGE if expand else MAX_PAGE)
    page = queries.tree_page(ask.db, repo, ask.kit, rev, path, recursive=recursive, limit=limit, cursor=cursor)
    headers = {"X-Repo-Commit": page.commit} | (next_page(ask.request, page.next_cursor) if page.next_cursor else {})
    return JSONResponse(_entries(ask, repo, page.commit, page.entries, expand), headers=headers)


def _entries(ask: Ask, repo: Repo, commit: str, entries: Iterable[Entry], expand: bool) -> list[dict[str, Any]]:
    entries = list(entries)
    xet = queries.xet_hashes(ask.db, repo, entries)
    changed = queries.last_changes(ask.db, repo, ask.kit, commit, entries) if expand else {}
    return [_entry(entry, xet, changed.get(entry.path)) for entry in entries]


def _entry(entry: Entry, xet: Mapping[str, str], changed: CommitInfo | None) -> dict[str, Any]:
    shown: dict[str, Any] = {"type": entry.kind, "oid": entry.oid, "size": entry.true_size_bytes, "path": entry.path}
    if entry.pointer is not None:
        pointer = entry.pointer
        shown["lfs"] = {"oid": pointer.sha256, "size": pointer.size_bytes, "pointerSize": entry.size_bytes}
        if pointer.sha256 in xet:
            shown["xetHash"] = xet[pointer.sha256]
    if changed is not None:
        shown["lastCommit"] = {"id": changed.oid, "title": changed.title, "date": wire(changed.when)}
        if entry.kind == "file":
            shown["securityFileStatus"] = NOT_SCANNED
    return shown


def _commit(info: CommitInfo, author: str, *, formatted: bool) -> dict[str, Any]:
    body = info.message.partition("\n")[2].strip("\n")
    shown: dict[str, Any] = {
        "id": info.oid,
        "title": info.title,
        "message": body,
        "authors": [{"user": author}],
        "date": wire(info.when),
    }
    if formatted:
        shown["formatted"] = {"title": html.escape(info.title), "message": html.escape(body)}
    return shown


def _asked_paths(content_type: str, body: bytes) -> tuple[list[str], bool]:
    """Paths and ``expand`` from a form or from JSON. Source: protocol/hub-api.md 0.2, 1.7."""
    try:
        if content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
            form = parse_qs(
                body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_PATHS + 10, errors="strict"
            )
            wanted: Any = form.get("paths", []) + form.get("paths[]", [])
            expand: Any = form.get("expand", ["false"])[-1].lower() in ("true", "1")
        else:
            given = json.loads(body)
            wanted, expand = given["paths"], given.get("expand", False)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as err:
        raise Malformed("The body must be a form or JSON with 'paths'.") from err
    if isinstance(wanted, str):
        wanted = [wanted]
    if not isinstance(wanted, list) or len(wanted) > MAX_PATHS or not all(isinstance(path, str) for path in wanted):
        raise Malformed(f"'paths' must be a list of up to {MAX_PATHS} paths.")
    return wanted, expand is True
