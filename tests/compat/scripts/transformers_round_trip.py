"""transformers: a tiny model with a real tokenizer goes up with push_to_hub, and comes back with the same answers."""

import torch
from checks import given, told
from huggingface_hub import HfApi
from transformers import AutoConfig, AutoModel, AutoTokenizer, BertConfig, BertModel

repo, tokenizer_of = given["repo"], given["tokenizer_of"]
torch.manual_seed(1)
tokenizer = AutoTokenizer.from_pretrained(tokenizer_of)
config = BertConfig(
    vocab_size=tokenizer.vocab_size, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
)
model = BertModel(config).eval()
model.push_to_hub(repo, commit_message="A tiny model")
tokenizer.push_to_hub(repo)
files = HfApi().list_repo_files(repo)
assert {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"} <= set(files), files

back, back_tokenizer = AutoModel.from_pretrained(repo).eval(), AutoTokenizer.from_pretrained(repo)
text = "unmodified clients, \u00fcnchanged answers"
assert back_tokenizer(text)["input_ids"] == tokenizer(text)["input_ids"]
inputs = tokenizer(text, return_tensors="pt")
with torch.no_grad():
    assert torch.equal(back(**inputs).last_hidden_state, model(**inputs).last_hidden_state)
assert AutoConfig.from_pretrained(repo, revision="main").hidden_size == 32

# Sharded weights, and one particular revision.
first = HfApi().repo_info(repo).sha
model.push_to_hub(repo, max_shard_size="200KB", commit_message="In shards")
names = HfApi().list_repo_files(repo)
assert "model.safetensors.index.json" in names, names
sharded = AutoModel.from_pretrained(repo, force_download=True).eval()
assert AutoModel.from_pretrained(repo, revision=first).num_parameters() == sharded.num_parameters()
told(files=names)
