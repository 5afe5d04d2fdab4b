"""upload_file, upload_folder, hf_hub_download, snapshot_download: what goes up comes down, byte for byte."""

import io
from pathlib import Path

from checks import given, noise, read, told, write
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.utils import get_session

repo = given["repo"]
api = HfApi()
api.create_repo(repo)
assert api.list_repo_files(repo) == [".gitattributes"]

# One file at a time, from each kind of source; small ones go in the commit, large ones beside it.
sent = {"small.txt": b"hello\n", "from-path.bin": noise(1, 300_000), "from-stream.bin": noise(2, 700_000), "empty": b""}
api.upload_file(repo_id=repo, path_in_repo="small.txt", path_or_fileobj=sent["small.txt"])
Path("local.bin").write_bytes(sent["from-path.bin"])
api.upload_file(repo_id=repo, path_in_repo="from-path.bin", path_or_fileobj="local.bin")
api.upload_file(repo_id=repo, path_in_repo="from-stream.bin", path_or_fileobj=io.BytesIO(sent["from-stream.bin"]))
api.upload_file(repo_id=repo, path_in_repo="empty", path_or_fileobj=b"")

# A folder, with names that need care in an address.
folder = {
    "README.md": b"---\nlicense: mit\ntags:\n- compat\n---\n# Card\n",
    "config.json": b"{}\n",
    "weights/model.safetensors": noise(3, 5_000_000),
    "weights/deep/er/one.bin": noise(4, 70_000),
    "na mes/\u00fcml\u00e4ut & 100%+#?.txt": "\u00e4\u00f6\u00fc\n".encode(),
    "ignored/x.tmp": b"not this one",
}
write("folder", folder)
commit = api.upload_folder(repo_id=repo, folder_path="folder", ignore_patterns=["ignored/*"], commit_message="A folder")
del folder["ignored/x.tmp"]
sent |= folder
assert commit.commit_url.startswith(api.endpoint), commit.commit_url
assert commit.oid == api.repo_info(repo).sha

# Nothing changed: no commit.
again = api.upload_folder(repo_id=repo, folder_path="folder", ignore_patterns=["ignored/*"], commit_message="Again")
assert api.repo_info(repo).sha == commit.oid, again
titles = [entry.title for entry in api.list_repo_commits(repo)]
assert titles[0] == "A folder" and titles[-1] == "initial commit", titles

whole = {path: data for path, data in read(snapshot_download(repo)).items() if path != ".gitattributes"}
assert {path: len(data) for path, data in whole.items()} == {path: len(data) for path, data in sent.items()}
assert whole == sent
for path, data in sent.items():
    assert Path(hf_hub_download(repo, path, cache_dir="fresh")).read_bytes() == data, path
assert read(snapshot_download(repo, local_dir="local", allow_patterns=["weights/*"])) == {
    path: data for path, data in sent.items() if path.startswith("weights/")
}
old = hf_hub_download(repo, ".gitattributes", revision=[entry.commit_id for entry in api.list_repo_commits(repo)][-1])
assert "*.safetensors filter=lfs" in Path(old).read_text()

# delete_patterns takes away what is no longer in the folder, in the same commit.
write("less", {"weights/model.safetensors": folder["weights/model.safetensors"]})
api.upload_folder(repo_id=repo, folder_path="less/weights", path_in_repo="weights", delete_patterns="*")
assert "weights/deep/er/one.bin" not in api.list_repo_files(repo)
assert "weights/model.safetensors" in api.list_repo_files(repo)

entries = {entry.path: entry for entry in api.list_repo_tree(repo, recursive=True, expand=True)}
big = entries["weights/model.safetensors"]
assert big.size == 5_000_000 and big.lfs.sha256 and big.last_commit.title == "A folder", big
# As the hub tells it: clients before 1.0 do not keep the Xet hash.
(listed,) = get_session().get(f"{api.endpoint}/api/models/{repo}/tree/main/weights").json()
told(xet_hash=listed.get("xetHash"), sha=api.repo_info(repo).sha)
