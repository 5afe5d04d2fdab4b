"""HfFileSystem: listing, walking, exact ranges, and writing as with any file system."""

import random

from checks import given, noise, told
from huggingface_hub import HfApi, HfFileSystem

repo = given["repo"]
root = f"datasets/{repo}"
api = HfApi()
api.create_repo(repo, repo_type="dataset")
large = noise(20, 3_000_000)
for path, data in {"data/large.bin": large, "data/rows.csv": b"a,b\n1,2\n", "notes/\u00e4 b.txt": b"x"}.items():
    api.upload_file(repo_id=repo, repo_type="dataset", path_in_repo=path, path_or_fileobj=data)

fs = HfFileSystem(use_listings_cache=False)
assert sorted(fs.ls(root, detail=False)) == [f"{root}/.gitattributes", f"{root}/data", f"{root}/notes"]
assert fs.info(f"{root}/data/large.bin")["size"] == len(large)
assert fs.info(f"{root}/data")["type"] == "directory"
assert fs.glob(f"{root}/**/*.csv") == [f"{root}/data/rows.csv"]
assert sorted(fs.find(root)) == sorted(f"{root}/{path}" for path in api.list_repo_files(repo, repo_type="dataset"))
assert not fs.exists(f"{root}/data/none") and fs.isfile(f"{root}/data/rows.csv")
assert fs.read_text(f"hf://{root}/notes/\u00e4 b.txt") == "x"
assert fs.cat_file(f"{root}/data/large.bin", start=1_000_001, end=1_000_101) == large[1_000_001:1_000_101]

picks = random.Random(5)
with fs.open(f"{root}/data/large.bin", "rb", block_size=64 * 1024) as stream:
    for _ in range(12):
        start, size = picks.randrange(len(large)), picks.randrange(1, 200_000)
        stream.seek(start)
        assert stream.read(size) == large[start : start + size], (start, size)
    stream.seek(-10, 2)
    assert stream.read() == large[-10:]
with fs.open(f"{root}/data/large.bin", "rb", block_size=0) as stream:  # one stream, front to back
    assert stream.read() == large

before = fs.info(f"{root}/data/rows.csv")
with fs.open(f"{root}/data/new.txt", "w") as out:
    out.write("written\n")
fs.cp_file(f"{root}/data/new.txt", f"{root}/data/copy.txt")
assert fs.read_text(f"{root}/data/copy.txt") == "written\n"
fs.rm(f"{root}/data/new.txt")
assert not fs.exists(f"{root}/data/new.txt")
sha = api.repo_info(repo, repo_type="dataset").sha
assert fs.read_bytes(f"{root}@{sha}/data/rows.csv") == b"a,b\n1,2\n"
told(size=before["size"])
