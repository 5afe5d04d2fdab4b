"""Try one upload with the official client; tell what its user sees."""

import hashlib
import json
import random
import sys

from huggingface_hub import HfApi


def said(err):
    """What its user reads of an error: the traceback ends with each of its causes in turn."""
    while err is not None:
        yield f"{type(err).__name__}: {err}"
        err = err.__cause__ or err.__context__


given = json.loads(sys.argv[1])
data = random.Random(given["seed"]).randbytes(given["size_bytes"])
if given["path"].endswith(".txt"):  # text goes inline, in the commit itself
    data = data.hex()[: given["size_bytes"]].encode()
api = HfApi()
try:
    api.create_repo(given["repo"], exist_ok=True)
    done = api.upload_file(repo_id=given["repo"], path_in_repo=given["path"], path_or_fileobj=data)
    found = {"oid": done.oid, "error": None}
except Exception as err:
    status = getattr(getattr(err, "response", None), "status_code", None)
    found = {"oid": None, "error": " | ".join(said(err)), "status": status}
print(json.dumps({**found, "sha256": hashlib.sha256(data).hexdigest()}))
