"""Try one upload with the official client; tell what its user sees."""

import hashlib
import json
import random
import sys

from huggingface_hub import HfApi

given = json.loads(sys.argv[1])
data = random.Random(given["seed"]).randbytes(given["size_bytes"])
api = HfApi()
try:
    api.create_repo(given["repo"], exist_ok=True)
    done = api.upload_file(repo_id=given["repo"], path_in_repo=given["path"], path_or_fileobj=data)
    found = {"oid": done.oid, "error": None}
except Exception as err:
    status = getattr(getattr(err, "response", None), "status_code", None)
    found = {"oid": None, "error": f"{type(err).__name__}: {err}", "status": status}
print(json.dumps({**found, "sha256": hashlib.sha256(data).hexdigest()}))
