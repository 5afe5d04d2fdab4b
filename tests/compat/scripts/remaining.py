"""What a client can ask besides files and commits: duplicates, Spaces, papers, and what does not exist here."""

import sys
from unittest.mock import patch

from checks import given, told
from huggingface_hub import HfApi

api, repo = HfApi(), given["repo"]
api.create_repo(repo)
owner = repo.partition("/")[0]
space, copy = f"{repo}-space", f"{repo}-copy"

# ---- a Space and its settings
api.create_repo(
    space,
    repo_type="space",
    space_sdk="gradio",
    space_hardware="t4-small",
    space_secrets=[{"key": "TOKEN", "value": "hunter2", "description": "d"}],
    space_variables=[{"key": "MODEL", "value": "a/b"}],
)
api.add_space_secret(space, "OTHER", "x")
api.delete_space_secret(space, "OTHER")
assert api.add_space_variable(space, "V", "1", description="one")["V"].value == "1"
assert set(api.delete_space_variable(space, "V")) == {"MODEL"}
assert api.get_space_variables(space)["MODEL"].updated_at is not None
runtime = api.get_space_runtime(space)
assert (runtime.stage, runtime.requested_hardware, runtime.hardware) == ("NO_APP_FILE", "t4-small", None)
assert api.request_space_hardware(space, "a10g-small", sleep_time=60).sleep_time == 60
assert api.set_space_sleep_time(space, 120).sleep_time == 120
if hasattr(api, "get_space_secrets"):
    secrets = api.get_space_secrets(space)
    assert list(secrets) == ["TOKEN"]
    assert "hunter2" not in str(secrets)
    assert list(api.fetch_space_logs(space)) == []
    assert api.get_space_runtime(space).volumes == []

# ---- what cannot be, at once and in words
codes = {}
pauses: list[float] = []  # the client waits before it asks again
for name, call in {
    "pause": lambda: api.pause_space(space),
    "restart": lambda: api.restart_space(space),
    "jobs": lambda: list(api.list_jobs(namespace=owner)) if hasattr(api, "list_jobs") else api.restart_space(space),
    "paper": lambda: api.paper_info("2407.21783"),
}.items():
    try:
        with patch("time.sleep", pauses.append):
            call()
    except OSError as err:  # HfHubHTTPError; of the call on jobs, 0.36 lets its parent through
        codes[name] = err.response.status_code
        assert err.response.headers["X-Error-Message"], name
    assert pauses == [], f"{name} was repeated"
assert list(api.list_papers(query="attention")) == []

# ---- a second repository
api.upload_file(path_or_fileobj=b"\0large" * 100_000, path_in_repo="w.bin", repo_id=repo)
if hasattr(api, "duplicate_repo"):
    url = api.duplicate_repo(repo, copy)
    assert url.repo_id == copy
    assert api.duplicate_repo(repo, copy, exist_ok=True).repo_id == copy
    assert api.duplicate_repo(space, f"{space}-copy", repo_type="space").repo_id == f"{space}-copy"
    assert len(list(api.list_repo_commits(copy))) == len(list(api.list_repo_commits(repo)))
    with open(api.hf_hub_download(copy, "w.bin"), "rb") as file:
        assert file.read() == b"\0large" * 100_000
else:
    api.duplicate_space(space, f"{space}-copy")
assert set(api.get_space_variables(f"{space}-copy")) == {"MODEL"}
info = api.model_info(repo, securityStatus=True)
assert info.security_repo_status == {"scansDone": False, "filesWithIssues": []}
told(codes=codes, python=sys.version.split()[0])
