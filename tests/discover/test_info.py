"""Repository info as the official client reads it."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient

from freehold.core import clock
from freehold.discover import info, rules
from tests.discover.conftest import CARD, CONFIG, Publish
from tests.fixtures.people import Cast


def test_model_info_tells_the_commit_the_card_and_the_files(client: TestClient, cast: Cast, publish: Publish) -> None:
    sha = publish(
        cast.alice.actor, "alice/tiny", {"README.md": CARD, "config.json": CONFIG, "m.safetensors": ("a" * 64, 123_456)}
    )
    info = client.get("/api/models/alice/tiny").json()
    assert info["id"] == info["modelId"] == "alice/tiny"
    assert info["sha"] == sha
    assert info["author"] == "alice"
    assert info["private"] is False
    assert info["gated"] is False
    assert info["disabled"] is False
    assert info["pipeline_tag"] == "text-generation"
    assert info["library_name"] == "transformers"
    assert info["cardData"]["license"] == "mit"
    assert info["config"]["model_type"] == "llama"
    assert {"license:mit", "en", "small", "transformers", "safetensors", "region:us"} <= set(info["tags"])
    assert {sibling["rfilename"] for sibling in info["siblings"]} >= {"README.md", "config.json", "m.safetensors"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", info["lastModified"])
    assert info["usedStorage"] > 0
    assert (info["downloads"], "securityRepoStatus" in info) == (0, False)


def test_blobs_tell_sizes_and_digests(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/tiny", {"a.txt": "hello", "m.bin": ("b" * 64, 99)})
    info = client.get("/api/models/alice/tiny?blobs=true").json()
    files = {sibling["rfilename"]: sibling for sibling in info["siblings"]}
    assert files["a.txt"]["size"] == 5
    assert re.fullmatch(r"[0-9a-f]{40}", files["a.txt"]["blobId"])
    assert "lfs" not in files["a.txt"]
    assert files["m.bin"]["size"] == 99
    assert files["m.bin"]["lfs"] == {
        "sha256": "b" * 64,
        "size": 99,
        "pointerSize": files["m.bin"]["lfs"]["pointerSize"],
    }


def test_a_revision_tells_its_own_card(client: TestClient, cast: Cast, publish: Publish) -> None:
    first = publish(cast.alice.actor, "alice/tiny", {"README.md": CARD})
    second = publish(cast.alice.actor, "alice/tiny", {"README.md": CARD.replace("mit", "apache-2.0")})
    assert client.get("/api/models/alice/tiny").json()["cardData"]["license"] == "apache-2.0"
    for revision, sha, license_name in (
        (first, first, "mit"),
        (first[:8], first, "mit"),
        ("main", second, "apache-2.0"),
        ("refs%2Fheads%2Fmain", second, "apache-2.0"),
    ):
        info = client.get(f"/api/models/alice/tiny/revision/{revision}").json()
        assert (info["sha"], info["cardData"]["license"]) == (sha, license_name)


def test_names_are_told_as_their_owner_writes_them(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/Tiny-Model")
    assert client.get("/api/models/ALICE/tiny-model").json()["id"] == "alice/Tiny-Model"


def test_expand_tells_only_what_was_asked(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/tiny")
    assert set(client.get("/api/models/alice/tiny?expand=sha&expand[]=likes").json()) == {
        "_id",
        "id",
        "modelId",
        "sha",
        "likes",
    }


@pytest.mark.parametrize("kind", ["models", "datasets", "spaces"])
def test_an_unknown_property_is_refused_with_the_list_of_known_ones(
    client: TestClient, cast: Cast, publish: Publish, kind: str
) -> None:
    sdk = "static" if kind == "spaces" else None
    publish(cast.alice.actor, "alice/tiny", kind=kind.removesuffix("s"), sdk=sdk)
    refused = client.get(f"/api/{kind}/alice/tiny?expand=does_not_exist")
    assert refused.status_code == 400
    known = re.findall(r'"(\w[\w-]*)"', refused.json()["error"].partition("expected one of ")[2])
    assert {"author", "sha", "siblings", "tags"} <= set(known)
    assert client.get(f"/api/{kind}?expand=does_not_exist").status_code == 400
    for name in known:
        assert client.get(f"/api/{kind}/alice/tiny?expand={name}").status_code == 200


def test_a_private_repository_is_known_to_its_people_alone(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "lab/secret", private=True)
    address = "/api/models/lab/secret"
    assert client.get(address, headers=cast.alice.headers).json()["private"] is True
    assert client.get(address, headers=cast.bob.read_headers).status_code == 200
    for person, status in ((cast.charlie, 404), (cast.anonymous, 401)):
        for path in (address, address + "/revision/main"):
            refused = client.get(path, headers=person.headers)
            assert (refused.status_code, refused.headers["X-Error-Code"]) == (status, "RepoNotFound")


def test_a_gated_repository_tells_its_facts(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/gated", gated="manual")
    assert client.get("/api/models/alice/gated").json()["gated"] == "manual"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/models/gpt2", "RepoNotFound"),
        ("/api/models/gpt2/revision/main", "RepoNotFound"),
        ("/api/models/alice/none", "RepoNotFound"),
        ("/api/datasets/alice/tiny", "RepoNotFound"),
        ("/api/models/alice/tiny/revision/none", "RevisionNotFound"),
        ("/api/models/alice/tiny/revision/" + "0" * 40, "RevisionNotFound"),
    ],
)
def test_what_is_missing_is_told_by_code(
    client: TestClient, cast: Cast, publish: Publish, path: str, code: str
) -> None:
    publish(cast.alice.actor, "alice/tiny")
    refused = client.get(path, headers=cast.alice.headers)
    assert (refused.status_code, refused.headers["X-Error-Code"]) == (404, code)


def test_a_wrong_token_is_never_anonymous(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/tiny")
    refused = client.get("/api/models/alice/tiny", headers={"Authorization": "Bearer hf_wrong"})
    assert refused.status_code == 401
    assert refused.json()["error"] == "Invalid credentials in Authorization header"


def test_kernels_and_data_sets_and_spaces_have_info(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/k", {"build.toml": "x"}, kind="kernel")
    publish(
        cast.alice.actor, "alice/d", {"README.md": "---\nlicense: mit\n---\n", "train.parquet": b"x"}, kind="dataset"
    )
    publish(cast.alice.actor, "alice/s", {"README.md": "---\nsdk: static\ntitle: T\n---\n"}, kind="space", sdk="static")
    assert client.get("/api/kernels/alice/k").json()["id"] == "alice/k"
    assert "format:parquet" in client.get("/api/datasets/alice/d").json()["tags"]
    assert client.get("/api/spaces/alice/s").json()["sdk"] == "static"


def test_the_kept_answer_follows_every_change(client: TestClient, cast: Cast, publish: Publish) -> None:
    """Info is kept by what it was made from; each of these must show in the very next answer."""

    def info(query: str = "") -> dict[str, object]:
        found: dict[str, object] = client.get(f"/api/models/alice/tiny{query}", headers=cast.alice.headers).json()
        assert found == client.get(f"/api/models/alice/tiny{query}", headers=cast.alice.headers).json()
        return found

    def change(**settings: object) -> None:
        answer = client.put("/api/models/alice/tiny/settings", json=settings, headers=cast.alice.headers)
        assert answer.status_code == 200

    first = publish(cast.alice.actor, "alice/tiny", {"README.md": CARD})
    assert info()["sha"] == first
    second = publish(cast.alice.actor, "alice/tiny", {"README.md": CARD, "more.bin": ("c" * 64, 1000)})
    assert info()["sha"] == second
    assert info("?expand=sha") == {"_id": info()["_id"], "id": "alice/tiny", "modelId": "alice/tiny", "sha": second}
    change(gated="manual")
    assert info()["gated"] == "manual"
    change(private=True, gated=False)
    assert (info()["private"], info()["gated"]) == (True, False)
    assert client.get("/api/models/alice/tiny").status_code == 401
    assert client.get("/api/models/alice/tiny", headers=cast.charlie.headers).status_code == 404
    change(private=False)
    assert info()["private"] is False
    assert client.get("/api/models/Alice/TINY").json() == info()


@pytest.mark.parametrize("asked", ["childrenModelCount", "%63hildrenModelCount"])
def test_what_others_add_to_the_info_follows_them(client: TestClient, cast: Cast, publish: Publish, asked: str) -> None:
    """How many models name this one changes while its own row stays as it is."""

    def number() -> int:
        return int(client.get(f"/api/models/bob/base?expand={asked}").json()["childrenModelCount"])

    publish(cast.bob.actor, "bob/base")
    assert number() == 0
    publish(cast.alice.actor, "alice/child", {"README.md": CARD.replace("license:", "base_model: bob/base\nlicense:")})
    assert number() == 1
    hidden = client.put("/api/models/alice/child/settings", json={"private": True}, headers=cast.alice.headers)
    assert hidden.status_code == 200
    assert number() == 0


def test_lists_read_what_cards_say_in_full_only_for_names_that_tell_of_it() -> None:
    owner = SimpleNamespace(name="ann")
    now = clock.now()
    numbers = {"likes": 1, "trend": 0, "downloads": 2, "downloads_all_time": 3}
    repo: Any = SimpleNamespace(
        id="1", path="ann/x", kind="model", owner=owner, created_at=now, updated_at=now, visibility="public",
        gated="", sdk=None, is_disabled=False, **numbers,
    )  # fmt: skip
    said = {"datasets": ["a"], "description": "b", "model-index": [{}], "models": ["c"], "widget": [{}]}
    said["paperswithcode_id"] = "d"

    def told(name: str, data: Any, config: Any) -> Any:
        words: Any = ["t"], "text-generation", "transformers"
        return info.build(info.Subject(repo, "e", data, config, *words, tuple, int), [name])

    names = {name for asked in rules.EXPAND.values() for name in asked}
    read = {name for name in names if told(name, said, {"f": 1}) != told(name, None, None)}
    assert read == info.OF_DATA & names
