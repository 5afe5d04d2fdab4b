"""What the tests of byte doors start from: repositories, commits and large files, put there without other doors."""

import hashlib
import shutil
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.content.keys import pack_index_key, pack_key, xorb_index_key, xorb_key
from freehold.content.tables import Content, Pack, Recipe, Ref, RepoContent
from freehold.core import clock
from freehold.core.ids import new_id
from freehold.gitkit.commits import Change, write_commit
from freehold.gitkit.objects import Person as Author
from freehold.repos.tables import Repo
from freehold.xetkit import hashes, recipes, xorbs
from freehold.xetkit.recipes import Term
from tests.fixtures.people import Person

LFS = {"Content-Type": "application/vnd.git-lfs+json", "Accept": "application/vnd.git-lfs+json"}


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def repo(client: TestClient, owner: Person, name: str, *, kind: str = "model", private: bool = False) -> str:
    """A new repository of ``owner``; its ``ns/name``."""
    body = {"name": name, "type": kind, "private": private}
    answer = client.post("/api/repos/create", json=body, headers=owner.headers)
    assert answer.status_code == 200, answer.text
    return f"{owner.name}/{name}"


def commit(app: Starlette, path: str, changes: Sequence[Change], *, kind: str = "model", ref: str = "main") -> str:
    """``changes`` on top of the branch ``ref``; the commit id."""
    kit, database = app.state.kit, app.state.database
    full = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
    with database.write() as db:
        row = db.scalars(select(Repo).where(Repo.kind == kind, Repo.path_key == path)).one()
        packs = list(db.scalars(select(Pack.name).where(Pack.repo_id == row.id)))
        at = db.get(Ref, (row.id, full))
        scratch = kit.tmp / new_id()
        scratch.mkdir()
        objects = kit.git.open(row.id, packs) if packs else None
        author = Author("Alice", "alice@hub.test", clock.now())
        new = write_commit(objects, at.target if at else None, changes, author, "change", scratch)
        assert new is not None, "the changes change something"
        if new.pack is not None:
            kit.store.put_file(pack_key(row.id, new.pack.name), new.pack.pack_path)
            kit.store.put_file(pack_index_key(row.id, new.pack.name), new.pack.idx_path)
            size, count = new.pack.size_bytes, new.pack.objects
            db.add(Pack(repo_id=row.id, name=new.pack.name, size_bytes=size, objects=count, created_at=clock.now()))
        shutil.rmtree(scratch)
        if at is None:
            db.add(Ref(repo_id=row.id, name=full, target=new.commit, updated_at=clock.now()))
        else:
            at.target = new.commit
    return new.commit


def batch(
    client: TestClient, path: str, files: Sequence[bytes], headers: dict[str, str], **more: Any
) -> list[dict[str, Any]]:
    """The objects of a batch answer for ``files``."""
    objects = [{"oid": digest(data), "size": len(data)} for data in files]
    body = {"operation": "upload", "transfers": ["basic"], "hash_algo": "sha256", "objects": objects, **more}
    answer = client.post(f"/{path}.git/info/lfs/objects/batch", json=body, headers=LFS | headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/vnd.git-lfs+json"
    found: list[dict[str, Any]] = answer.json()["objects"]
    return found


def large_file(client: TestClient, path: str, owner: Person, data: bytes) -> str:
    """``data`` is in the repository by LFS; its SHA-256."""
    (offer,) = batch(client, path, [data], owner.headers, ref={"name": "main"})
    if "actions" in offer:
        answer = client.put(offer["actions"]["upload"]["href"], content=data)
        assert answer.status_code == 200, answer.text
    return digest(data)


def recipe(app: Starlette, path: str, data: bytes, *, kind: str = "model") -> str:
    """``data`` is the repository's as a recipe over two xorbs, the way an upload by Xet leaves it; its Xet hash."""
    kit, database = app.state.kit, app.state.database
    size = 64 << 10
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    terms = []
    for run in (chunks[: len(chunks) // 2], chunks[len(chunks) // 2 :]):
        body = b"".join(_chunk_header(len(chunk)) + chunk for chunk in run)
        name = hashes.xorb([hashes.chunk(chunk) for chunk in run], [len(chunk) for chunk in run])
        index = xorbs.validate(body, name)
        kit.store.put_bytes(xorb_index_key(hashes.text(name)), index.encode())
        kit.store.put_bytes(xorb_key(hashes.text(name)), body)
        terms.append(Term(name, 0, len(run), sum(map(len, run))))
    listed = [(hashes.chunk(chunk), len(chunk)) for chunk in chunks]
    file_hash = hashes.text(hashes.file([found for found, _ in listed], [length for _, length in listed]))
    with database.write() as db:
        row = db.scalars(select(Repo).where(Repo.kind == kind, Repo.path_key == path)).one()
        now = clock.now()
        db.add(Recipe(file_hash=file_hash, size_bytes=len(data), terms=recipes.pack(terms), created_at=now))
        db.flush()
        facts = {"size_bytes": len(data), "is_whole": False, "file_hash": file_hash, "created_at": now}
        db.add(Content(sha256=digest(data), **facts))
        db.flush()
        db.add(RepoContent(repo_id=row.id, sha256=digest(data), created_at=now))
    return file_hash


def _chunk_header(length: int) -> bytes:
    """Version 0, not compressed. Source: protocol/xet.md 5.1."""
    return b"\0" + length.to_bytes(3, "little") + b"\0" + length.to_bytes(3, "little")
