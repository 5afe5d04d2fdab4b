"""Publish local files under given paths in one commit; tell their hashes and how the hub keeps them."""

from checks import given, sha256, told
from huggingface_hub import CommitOperationAdd, HfApi

api = HfApi()
kind = given.get("kind")
api.create_repo(given["repo"], repo_type=kind, exist_ok=True)
operations = [CommitOperationAdd(path, file) for path, file in given["files"].items()]
api.create_commit(given["repo"], operations, commit_message="Real files", repo_type=kind)
entries = list(api.list_repo_tree(given["repo"], recursive=True, repo_type=kind))
told(
    hashes={path: sha256(file) for path, file in given["files"].items()},
    xet=[entry.path for entry in entries if getattr(entry, "xet_hash", None)],
    large=[entry.path for entry in entries if getattr(entry, "lfs", None)],
)
