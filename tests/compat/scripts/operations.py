"""create_commit with every operation, and what the hub says to a commit on a stale parent."""

import inspect

from checks import given, noise, read, refused, told
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    errors,
    snapshot_download,
)
from huggingface_hub.errors import HfHubHTTPError, RevisionNotFoundError
from huggingface_hub.utils import EntryNotFoundError

NotThere = getattr(errors, "RemoteEntryNotFoundError", EntryNotFoundError)  # split in two at 1.0

repo, other = given["repo"], given["repo"] + "-2"
api = HfApi()
api.create_repo(repo)


def commit(*operations, to=repo, **options):
    return api.create_commit(to, list(operations), commit_message=options.pop("message", "Change"), **options)


def files(of=repo, revision=None):
    folder = snapshot_download(of, revision=revision)
    return {path: data for path, data in read(folder).items() if path != ".gitattributes"}


small, large = b"small\n", noise(10, 900_000)
first = commit(
    CommitOperationAdd("a.txt", small),
    CommitOperationAdd("a.bin", large),
    CommitOperationAdd("dir/b.txt", b"b\n"),
    CommitOperationAdd("dir/sub/c.bin", noise(11, 50_000)),
    message="First\n\nwith a body",
)
assert files() == {"a.txt": small, "a.bin": large, "dir/b.txt": b"b\n", "dir/sub/c.bin": noise(11, 50_000)}

# Copies in the repository, of a small and of a large file; a file replaced; a folder and a file deleted: one commit.
second = commit(
    CommitOperationCopy("a.txt", "copies/a.txt"),
    CommitOperationCopy("a.bin", "copies/a.bin"),
    CommitOperationAdd("a.txt", b"replaced\n"),
    CommitOperationDelete("dir/", is_folder=True),
    parent_commit=first.oid,
)
assert files() == {"a.txt": b"replaced\n", "a.bin": large, "copies/a.txt": small, "copies/a.bin": large}
commit(CommitOperationDelete("copies/a.bin"))
assert set(files()) == {"a.txt", "a.bin", "copies/a.txt"}
# From an old revision: brings back what was deleted since.
commit(CommitOperationCopy("dir/sub/c.bin", "back.bin", src_revision=first.oid))
assert files()["back.bin"] == noise(11, 50_000)

# Somebody else was faster.
with refused(HfHubHTTPError, 412):
    commit(CommitOperationAdd("late.txt", b"late"), parent_commit=first.oid)
assert "late.txt" not in files()
head = api.repo_info(repo).sha
with refused(NotThere, 404):
    commit(CommitOperationDelete("never-was.txt"))
with refused(RevisionNotFoundError, 404):
    commit(CommitOperationAdd("x.txt", b"x"), revision="no-such-branch")
assert api.repo_info(repo).sha == head

# Branches and tags.
api.create_branch(repo, branch="work/one", revision=first.oid)
api.create_tag(repo, tag="v1", revision=second.oid, tag_message="One")
commit(CommitOperationAdd("only-here.txt", b"branch\n"), revision="work/one")
assert files(revision="work/one")["only-here.txt"] == b"branch\n"
assert "only-here.txt" not in files()
assert files(revision="v1")["copies/a.bin"] == large
refs = api.list_repo_refs(repo)
assert {ref.name for ref in refs.branches} == {"main", "work/one"}, refs
assert [(ref.name, ref.target_commit) for ref in refs.tags] == [("v1", second.oid)], refs
api.delete_tag(repo, tag="v1")
api.delete_branch(repo, branch="work/one")
with refused(RevisionNotFoundError, 404):
    api.repo_info(repo, revision="work/one")

# Across repositories: by reference where the client can.
across = "src_repo_id" in inspect.signature(CommitOperationCopy).parameters
if across and given["xet"]:
    api.create_repo(other)
    commit(CommitOperationCopy("a.bin", "taken.bin", src_repo_id=repo, src_repo_type="model"), to=other)
    assert files(of=other) == {"taken.bin": large}
told(across=across, commits=len(list(api.list_repo_commits(repo))))
