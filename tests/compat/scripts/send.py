"""Publish files of sizes that fall on each side of chunk and xorb limits; tell their hashes."""

import hashlib

from checks import given, noise, told
from huggingface_hub import CommitOperationAdd, HfApi

api = HfApi()
api.create_repo(given["repo"])
sizes = (1, 63, 8_191, 8_192, 65_536, 131_073, 9_000_001)
files = {f"{size}.bin": noise(size, size) for size in sizes}
files["zeros.bin"] = bytes(3_000_000)
files["repeats.bin"] = noise(6, 200_000) * 20
operations = [CommitOperationAdd(path, data) for path, data in files.items()]
api.create_commit(given["repo"], operations, commit_message="Sizes")
told(**{path: hashlib.sha256(data).hexdigest() for path, data in files.items()})
