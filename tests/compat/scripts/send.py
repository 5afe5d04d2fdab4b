"""Publish files of sizes that fall on each side of chunk and xorb limits; tell their hashes."""

import hashlib

from checks import given, noise, told, write
from huggingface_hub import CommitOperationAdd, HfApi

api = HfApi()
api.create_repo(given["repo"])
sizes = (1, 63, 8_191, 8_192, 65_536, 131_073, 9_000_001)
files = {f"{size}.bin": noise(size, size) for size in sizes}
if "large_bytes" in given:
    files["large.bin"] = noise(7, given["large_bytes"])
files["zeros.bin"] = bytes(3_000_000)
files["repeats.bin"] = noise(6, 200_000) * 20
write("sent", files)  # from disk: what it is given in memory, the client before 1.0 never sends by Xet
operations = [CommitOperationAdd(path, f"sent/{path}") for path in files]
api.create_commit(given["repo"], operations, commit_message="Sizes")
told(**{path: hashlib.sha256(data).hexdigest() for path, data in files.items()})
