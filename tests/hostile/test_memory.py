"""Nobody fills the hub's memory from outside: bodies are bounded, and strangers do not choose what is kept."""

import json

import pytest
from starlette.testclient import TestClient

from freehold.content.service import downloads
from freehold.discover import hot
from tests.content.given import repo
from tests.content.publishing import committed, file
from tests.fixtures.people import Cast


def test_a_list_of_files_to_rebuild_is_bounded_before_anybody_is_asked_who_calls(client: TestClient) -> None:
    huge = b"[" + b'"",' * 1_000_000 + b'""]'
    answer = client.post("/xet/v1/reconstructions", content=huge)
    assert answer.status_code == 413


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 50_000, '["\ud83d', "[1e999, NaN]"])
def test_a_list_of_files_that_is_no_list_is_refused(client: TestClient, body: str) -> None:
    answer = client.post("/xet/v1/reconstructions", content=body.encode("utf-8", "replace"))
    assert answer.status_code in (400, 401)


def test_long_paths_that_strangers_ask_for_are_not_kept(client: TestClient, cast: Cast) -> None:
    path = repo(client, cast.alice, "long")
    before = len(downloads._entries)
    for number in range(3):
        assert client.head(f"/{path}/resolve/main/{number}{'x' * 5000}").status_code == 404
    assert len(downloads._entries) == before
    assert client.head(f"/{path}/resolve/main/short").status_code == 404
    assert len(downloads._entries) == before + 1


def test_answers_to_long_queries_are_not_kept(client: TestClient, cast: Cast) -> None:
    path = repo(client, cast.alice, "asked")
    before = len(hot._answers)
    assert client.get(f"/api/models/{path}?junk={'x' * 5000}").status_code == 200
    assert len(hot._answers) == before
    assert client.get(f"/api/models/{path}").status_code == 200
    assert len(hot._answers) == before + 1


def test_a_body_with_a_million_faults_is_told_a_few_of_them(client: TestClient, cast: Cast) -> None:
    path = repo(client, cast.alice, "faults")
    body = json.dumps({"files": [1] * 1_000_000})
    answer = client.post(f"/api/models/{path}/preupload/main", content=body, headers=cast.alice.headers)
    assert answer.status_code == 422
    assert len(answer.content) < 10_000


def test_a_batch_with_endless_parts_is_refused(client: TestClient, cast: Cast) -> None:
    """A thousand files of 4 TiB would be a million addresses: an answer of 350 MB."""
    path = repo(client, cast.alice, "parts")
    files = [{"oid": f"{number:064x}", "size": 4 << 40} for number in range(1000)]
    body = {"operation": "upload", "transfers": ["multipart"], "objects": files, "ref": {"name": "main"}}
    address = f"/{path}.git/info/lfs/objects/batch"
    refusal = client.post(address, json=body, headers=cast.alice.headers)
    assert refusal.status_code == 413
    assert "fewer files" in refusal.json()["message"]
    answer = client.post(address, json=body | {"objects": files[:50]}, headers=cast.alice.headers)
    assert answer.status_code == 200
    assert len(answer.content) < 32 << 20


def test_patterns_without_end_against_paths_without_end_are_refused(client: TestClient, cast: Cast) -> None:
    """Anybody with an account can ask, of any public repository; one call took hours."""
    path = repo(client, cast.alice, "patterns")
    patterns = "\n".join(f"*x{number}*y" for number in range(4000))
    deep = "/".join("a" * 250)

    def asked(gitignore: str, paths: list[str]) -> int:
        files = [{"path": name, "size": 1, "sample": ""} for name in paths]
        address = f"/api/models/{path}/preupload/main?create_pr=1"
        body = {"files": files, "gitIgnore": gitignore}
        status: int = client.post(address, json=body, headers=cast.charlie.headers).status_code
        return status

    assert asked(patterns, [deep] * 10) == 413
    assert asked("**/a/**/y", [deep] * 100) == 413
    ordinary = [f"data/train/part-{number:05d}/shard.parquet" for number in range(1000)]
    assert asked("\n".join(["*.tmp", "__pycache__/", "/build", "**/cache/**"] * 50), ordinary) == 200


def test_a_repository_whose_attributes_have_no_end_holds_up_nobody(client: TestClient, cast: Cast) -> None:
    path = repo(client, cast.alice, "attributes")
    patterns = "".join(f"**/x{number}*y filter=lfs\n" for number in range(4000))
    committed(client, cast.alice, path, file(".gitattributes", patterns))

    def asked(paths: list[str]) -> int:
        files = [{"path": name, "size": 1, "sample": ""} for name in paths]
        address = f"/api/models/{path}/preupload/main?create_pr=1"
        status: int = client.post(address, json={"files": files}, headers=cast.charlie.headers).status_code
        return status

    assert asked(["/".join("a" * 200)] * 1000) == 413
    assert asked(["data/part.bin"] * 100) == 200
