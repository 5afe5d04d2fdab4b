"""A gate from both sides, by the client's own calls: asked, refused, answered, downloaded, put out again."""

import itertools
import os
import urllib.request

from checks import given, noise, refused, told
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError

repo = given["repo"]
owner = HfApi(token=given["owner"])
asker = HfApi(token=given["asker"])
member = HfApi(token=given["member"])
WEIGHTS = noise("gate", 300_000)
caches = itertools.count()


def reads(api):
    """Both files, through a cache of their own, or the error that is raised."""
    folder = snapshot_download(repo, token=api.token, cache_dir=f"cache-{next(caches)}")
    with open(os.path.join(folder, "weights.bin"), "rb") as stream:
        assert stream.read() == WEIGHTS


def asks(api, **form):
    """As people's scripts do it: the public hub's form, with a token."""
    body = "&".join(f"{key}={value}" for key, value in form.items()).encode()
    request = urllib.request.Request(f"{api.endpoint}/{repo}/ask-access", body, method="POST")
    request.add_header("Authorization", f"Bearer {api.token}")
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200


owner.create_repo(repo)
card = b"---\nlicense: mit\nextra_gated_fields:\n  Company: text\n  I agree: checkbox\n---\n# Gated\n"
owner.upload_file(repo_id=repo, path_in_repo="README.md", path_or_fileobj=card)
owner.upload_file(repo_id=repo, path_in_repo="LICENSE", path_or_fileobj=b"Be good.\n")
owner.upload_file(repo_id=repo, path_in_repo="weights.bin", path_or_fileobj=WEIGHTS)
owner.update_repo_settings(repo, gated="manual")

# A person asks, waits, is let in, and put out.
with refused(GatedRepoError, 403):
    hf_hub_download(repo, "weights.bin", token=asker.token, cache_dir="cache-none")
asks(asker, Company="Acme", **{"I%20agree": "on"})
(waiting,) = owner.list_pending_access_requests(repo)
assert (waiting.username, waiting.status, waiting.fields) == (
    "charlie",
    "pending",
    {"Company": "Acme", "I agree": True},
)
with refused(GatedRepoError, 403):
    asker.auth_check(repo)
owner.accept_access_request(repo, "charlie")
with refused(HfHubHTTPError, 404):
    owner.accept_access_request(repo, "charlie")
reads(asker)
owner.reject_access_request(repo, "charlie", rejection_reason="No more")
with refused(GatedRepoError, 403):
    reads(asker)
assert [one.username for one in owner.list_rejected_access_requests(repo)] == ["charlie"]

# Its organisation agrees once; a member reads, whoever was put out in person does not.
with refused(GatedRepoError, 403):
    reads(member)
asks(asker, organization=given["org"], Company="Acme", **{"I%20agree": "on"})
(waiting,) = owner.list_pending_access_requests(repo)
owner.accept_access_request(repo, waiting.username)
reads(member)
with refused(GatedRepoError, 403):
    reads(asker)
owner.cancel_access_request(repo, given["org"])
with refused(GatedRepoError, 403):
    reads(member)
owner.grant_access(repo, "bob")
reads(HfApi(token=given["bob"]))
told(accepted=[one.username for one in owner.list_accepted_access_requests(repo)])
