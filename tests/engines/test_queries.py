"""What engines look at, of a repository on a hub: small and large files, settings that may be anything."""

import json
from pathlib import Path

from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.engines import queries, service
from freehold.engines.rules import Model, Setup
from freehold.repos.tables import Repo
from tests.content import given, publishing
from tests.engines.conftest import BERT, bert_tensors, write_safetensors, write_tokenizer
from tests.fixtures.people import Cast


def model_of(app: Starlette, path: str, commit: str) -> Model:
    with app.state.database.read() as db:
        repo = db.scalars(select(Repo).where(Repo.path_key == path)).one()
        return queries.model(db, app.state.kit, repo, commit)


def test_a_language_model_in_lfs(app: Starlette, client: TestClient, cast: Cast, tiny_gguf: Path) -> None:
    path, data = given.repo(client, cast.alice, "tiny"), tiny_gguf.read_bytes()
    publishing.uploaded(client, cast.alice, path, data)
    commit = publishing.committed(client, cast.alice, path, publishing.large("tiny.gguf", data))
    found = model_of(app, path, commit)
    assert (found.repo, found.revision, found.files["tiny.gguf"]) == (path, commit, len(data))
    choices = service.choices(found, Setup(context_tokens=256))
    assert [(one.engine, one.file, one.paths) for one in choices.offers] == [("llama.cpp", "tiny.gguf", ["tiny.gguf"])]
    assert {one.engine for one in choices.refusals} == {"vllm", "onnx", "onnx-text", "encoder", "transformers"}


def test_an_older_commit_is_looked_at_as_it_was(app: Starlette, client: TestClient, cast: Cast, tmp_path: Path) -> None:
    path = given.repo(client, cast.alice, "bert")
    home = tmp_path / "bert"
    home.mkdir()
    write_tokenizer(home)
    write_safetensors(home / "model.safetensors", bert_tensors())
    (home / "config.json").write_text(json.dumps(BERT))
    lines = [publishing.file(one.name, one.read_bytes()) for one in sorted(home.iterdir())]
    first = publishing.committed(client, cast.alice, path, *lines)
    broken = [publishing.file("config.json", "[" * 50_000), publishing.file("modules.json", "no JSON")]
    second = publishing.committed(client, cast.alice, path, *broken)
    assert [one.engine for one in service.choices(model_of(app, path, first)).offers] == ["encoder"]
    later = model_of(app, path, second)
    assert later.settings == {
        "config.json": None,
        "modules.json": None,
        "tokenizer_config.json": {"pad_token": "[PAD]"},
    }
    assert service.choices(later).offers == []
