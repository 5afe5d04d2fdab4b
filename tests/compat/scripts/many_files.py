"""A folder of many files: upload_large_folder where the client has it, else the upload_folder that took its place."""

from checks import given, noise, read, told, write
from huggingface_hub import HfApi, snapshot_download

repo = given["repo"]
api = HfApi()
api.create_repo(repo, repo_type="dataset", exist_ok=True)
sent = {f"text/{number // 50}/{number}.txt": b"row %d\n" % number for number in range(300)}
sent |= {f"data/{number}.bin": noise(number, 40_000 + number) for number in range(40)}
write("folder", sent)
resumable = hasattr(api, "upload_large_folder")
if resumable:
    api.upload_large_folder(repo, "folder", repo_type="dataset", print_report=False, num_workers=4)
else:
    api.upload_folder(repo_id=repo, folder_path="folder", repo_type="dataset")
found = read(snapshot_download(repo, repo_type="dataset"))
del found[".gitattributes"]
assert found == sent
told(resumable=resumable, commits=len(list(api.list_repo_commits(repo, repo_type="dataset"))))
