"""datasets: push_to_hub, load_dataset whole and streaming, several configurations, and files as people upload them."""

from checks import given, told
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value, load_dataset
from huggingface_hub import HfApi

repo = given["repo"]
features = Features({"text": Value("string"), "label": ClassLabel(names=["no", "yes"]), "size": Value("int64")})


def rows(start, stop):
    columns = {"text": [f"row {n} \u00e4" for n in range(start, stop)], "size": list(range(start, stop))}
    return Dataset.from_dict({**columns, "label": [n % 2 for n in range(start, stop)]}, features=features)


DatasetDict(train=rows(0, 2000), test=rows(2000, 2100)).push_to_hub(repo, num_shards={"train": 3, "test": 1})
loaded = load_dataset(repo)
assert {split: part.num_rows for split, part in loaded.items()} == {"train": 2000, "test": 100}
assert loaded["train"].features["label"].names == ["no", "yes"]
assert loaded["train"][1999]["text"] == "row 1999 \u00e4"

stream = load_dataset(repo, split="train", streaming=True)
assert [row["size"] for row in stream.skip(700).take(3)] == [700, 701, 702]
assert sum(1 for _ in stream) == 2000

# A second configuration beside the first, then the first one replaced by fewer shards.
rows(0, 5).push_to_hub(repo, config_name="small")
assert load_dataset(repo, "small", split="train").num_rows == 5
rows(0, 50).push_to_hub(repo, split="train")
assert load_dataset(repo, split="train", download_mode="force_redownload").num_rows == 50
paths = HfApi().list_repo_files(repo, repo_type="dataset")
assert sum("train-" in path and path.startswith("data/") for path in paths) == 1, paths

# Files as people upload them: split names in the file names, no card at all; a private one with its token.
plain = repo + "-p"
api = HfApi()
api.create_repo(plain, repo_type="dataset", private=True)
api.upload_file(repo_id=plain, repo_type="dataset", path_in_repo="train.jsonl", path_or_fileobj=b'{"a": 1}\n{"a": 2}\n')
api.upload_file(repo_id=plain, repo_type="dataset", path_in_repo="test.jsonl", path_or_fileobj=b'{"a": 3}\n')
assert load_dataset(plain)["train"]["a"][:] == [1, 2]
assert load_dataset(f"{plain}", split="test", streaming=True, revision="main").take(1).__iter__().__next__() == {"a": 3}
told(paths=paths)
