"""Upload one file with the official client and tell how long it took; runs in the client's environment."""

import json
import sys
import time

from huggingface_hub import HfApi

given = json.loads(sys.argv[1])
api = HfApi()
api.create_repo(given["repo"], exist_ok=True)
began = time.perf_counter()
commit = api.upload_file(path_or_fileobj=given["path"], path_in_repo=given["name"], repo_id=given["repo"])
print(json.dumps({"wall_s": time.perf_counter() - began, "commit": commit.oid}))
