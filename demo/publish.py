"""Publish the demo set with the official client, over Xet, and only what the hub does not have yet.

Import this module after the client's environment was set (``__main__.prepare_client``): the client reads its settings
when it is imported.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError
from huggingface_hub.hf_api import RepoFile

from demo.errors import DemoError
from demo.items import NAMESPACE, Item
from demo.sources import sha256_of

PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class Outcome:
    """What publishing one item came to: paths sent, and paths that someone changed on the hub and that were left."""

    sent: tuple[str, ...]
    kept: tuple[str, ...]


def publish(api: HfApi, item: Item, files: Mapping[str, Path]) -> Outcome:
    """Every path of ``files`` exists in the repository of ``item``; nothing that was there is replaced.

    One commit at most, and none when nothing is missing: what somebody changed since is theirs.
    """
    repo_id = f"{NAMESPACE}/{item.name}"
    try:
        return _publish(api, item, repo_id, files)
    except (HfHubHTTPError, OSError, RuntimeError) as err:  # RuntimeError: what hf_xet raises
        raise DemoError(f"Publishing {repo_id} failed: {err}") from err


def _publish(api: HfApi, item: Item, repo_id: str, files: Mapping[str, Path]) -> Outcome:
    there = _there(api, item, repo_id)
    if there is None:
        api.create_repo(repo_id, repo_type=item.kind)
        there = {}
    missing = [path for path in files if path not in there]
    kept = tuple(path for path in files if path in there and not _same(files[path], there[path]))
    if missing:
        _commit(api, item, repo_id, {path: files[path] for path in missing})
    return Outcome(tuple(missing), kept)


def _commit(api: HfApi, item: Item, repo_id: str, files: Mapping[str, Path]) -> None:
    operations = [CommitOperationAdd(path, str(file)) for path, file in files.items()]
    api.create_commit(repo_id, operations, commit_message=f"Publish {item.what}", repo_type=item.kind)
    there = _there(api, item, repo_id) or {}
    wrong = [path for path, file in files.items() if path not in there or not _same(file, there[path])]
    if wrong:
        raise DemoError(f"The hub acknowledged {repo_id}, but does not list these files as sent: {', '.join(wrong)}.")


def _there(api: HfApi, item: Item, repo_id: str) -> dict[str, RepoFile] | None:
    """The files of the repository by path; None when there is no such repository."""
    try:
        listed = list(api.list_repo_tree(repo_id, recursive=True, repo_type=item.kind))
    except RepositoryNotFoundError:
        return None
    return {entry.path: entry for entry in listed if isinstance(entry, RepoFile)}


def _same(file: Path, entry: RepoFile) -> bool:
    if file.stat().st_size != entry.size:
        return False
    return sha256_of(file) == entry.lfs.sha256 if entry.lfs else _git_blob_id(file) == entry.blob_id


def _git_blob_id(file: Path) -> str:
    """The id git gives a file's bytes; git's own format, so SHA-1."""
    digest = hashlib.sha1(b"blob %d\0" % file.stat().st_size, usedforsecurity=False)
    with file.open("rb") as stream:
        while piece := stream.read(PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()
