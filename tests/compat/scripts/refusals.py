"""The exceptions that people's code catches: each cause raises the class it promises."""

import os

from checks import given, refused, told
from huggingface_hub import HfApi, errors, hf_hub_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.utils import EntryNotFoundError

NotThere = getattr(errors, "RemoteEntryNotFoundError", EntryNotFoundError)  # split in two at 1.0

repo, hidden, gated = given["repo"], given["repo"] + "-h", given["repo"] + "-g"
api = HfApi()
stranger = HfApi(token=given["stranger"])
visitor = HfApi(token=False)
reader = HfApi(token=given["reader"])

# exist_ok, and a conflict without it.
url = api.create_repo(repo)
assert url == f"{api.endpoint}/{repo}", url
assert api.create_repo(repo, exist_ok=True).repo_id == repo
with refused(HfHubHTTPError, 409):
    api.create_repo(repo)
assert api.create_repo(repo, repo_type="dataset").repo_type == "dataset"  # another kind, another repository
api.delete_repo(repo, repo_type="dataset")
with refused(RepositoryNotFoundError, 404):
    api.delete_repo(repo, repo_type="dataset")
api.delete_repo(repo, repo_type="dataset", missing_ok=True)

# What is not there.
assert not api.repo_exists("alice/never-was") and api.repo_exists(repo)
assert not api.file_exists(repo, "no.txt") and api.file_exists(repo, ".gitattributes")
assert not api.revision_exists(repo, "no") and api.revision_exists(repo, "main")
for asking, status in ((api, 404), (visitor, 401)):
    with refused(RepositoryNotFoundError, status):
        asking.repo_info("alice/never-was")
    with refused(RepositoryNotFoundError, status):
        hf_hub_download("alice/never-was", "config.json", token=asking.token)
with refused(RevisionNotFoundError, 404):
    api.repo_info(repo, revision="never")
with refused(RevisionNotFoundError, 404):
    hf_hub_download(repo, ".gitattributes", revision="never")
with refused(NotThere, 404):
    hf_hub_download(repo, "never.txt")
kept = os.path.join(os.environ["HF_HOME"], "hub", "models--" + repo.replace("/", "--"), ".no_exist")
assert os.listdir(os.path.join(kept, api.repo_info(repo).sha)) == ["never.txt"]  # so that loaders ask only once

# Private: its owner sees it, others cannot tell it from nothing.
api.create_repo(hidden, private=True)
api.upload_file(repo_id=hidden, path_in_repo="secret.bin", path_or_fileobj=b"\0secret" * 1000)
assert api.repo_info(hidden).private
with open(hf_hub_download(hidden, "secret.bin"), "rb") as stream:
    assert stream.read() == b"\0secret" * 1000
for asking, status in ((stranger, 404), (visitor, 401)):
    with refused(RepositoryNotFoundError, status):
        asking.repo_info(hidden)
    with refused(RepositoryNotFoundError, status):
        hf_hub_download(hidden, "secret.bin", token=asking.token, cache_dir=f"cache-{status}")
    assert hidden not in [found.id for found in asking.list_models(author="alice")]
assert hidden in [found.id for found in api.list_models(author="alice")]

# Gated: known to all, opened to few.
api.create_repo(gated)
api.upload_file(repo_id=gated, path_in_repo="weights.bin", path_or_fileobj=b"\0weights" * 1000)
api.update_repo_settings(gated, gated="manual")
for asking, status in ((stranger, 403), (visitor, 401)):
    assert asking.repo_info(gated).gated == "manual"
    with refused(GatedRepoError, status):
        hf_hub_download(gated, "weights.bin", token=asking.token, cache_dir=f"cache-{status}")
assert hf_hub_download(gated, "weights.bin")

# Rights: a read token reads, a stranger may not write what he may read, nobody makes a repo in a foreign namespace.
assert reader.repo_info(hidden).id == hidden
for asking in (reader, stranger):
    with refused(HfHubHTTPError, 403):
        asking.upload_file(repo_id=repo, path_in_repo="x.txt", path_or_fileobj=b"x")
with refused(HfHubHTTPError, 403):
    stranger.create_repo("alice/not-mine")
try:
    HfApi(token="hf_wrong").whoami()
except errors.HTTPError as err:  # httpx's or requests' own: the client words this one anew
    assert err.response.status_code == 401 and "Invalid user token" in str(err), err
else:
    raise AssertionError("a wrong token was taken")

# Moved: the old name leads to the new one.
moved = repo + "-moved"
api.move_repo(repo, moved)
assert api.repo_info(repo).id == moved
assert hf_hub_download(repo, ".gitattributes", force_download=True)
told(moved=moved)
