"""Upload one folder with the official client; runs in the client's environment."""

import json
import sys

from huggingface_hub import HfApi

given = json.loads(sys.argv[1])
api = HfApi()
api.create_repo(given["repo"], exist_ok=True)
commit = api.upload_folder(folder_path=given["path"], repo_id=given["repo"])
print(json.dumps({"commit": commit.oid}))
