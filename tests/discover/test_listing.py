"""Lists: filters that all must hold, pages that lose and repeat nothing, and never a name too many."""

import pytest
from sqlalchemy import delete, select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.cards.tables import RepoFacts
from freehold.core import clock
from freehold.core.database import Database
from freehold.repos.tables import Repo
from tests.cards.test_headers import safetensors_file, tensor
from tests.discover.conftest import Publish
from tests.fixtures.each import each
from tests.fixtures.people import Cast


def _card(**metadata: str) -> dict[str, str | bytes | tuple[str, int]]:
    lines = "\n".join(f"{key}: {value}" for key, value in metadata.items())
    return {"README.md": f"---\n{lines}\n---\n# T\n\nWords.\n"}


def _ids(client: TestClient, address: str, headers: dict[str, str] | None = None) -> list[str]:
    answer = client.get(address, headers=headers or {})
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()]


@pytest.fixture
def shelf(cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/chat-en", _card(license="mit", language="en", pipeline_tag="text-generation"))
    publish(cast.alice.actor, "alice/embed", _card(license="mit", datasets="[squad]", base_model="lab/base"))
    publish(cast.alice.actor, "lab/base", _card(license="apache-2.0", language="[en, de]"))
    publish(cast.alice.actor, "lab/secret", _card(license="mit", language="en"), private=True)
    publish(cast.charlie.actor, "charlie/data", _card(language="en", size_categories="n<1K"), kind="dataset")


@pytest.mark.usefixtures("shelf")
@each(
    ("query", "ids"),
    [
        ("", {"alice/chat-en", "alice/embed", "lab/base"}),
        ("?author=ALICE", {"alice/chat-en", "alice/embed"}),
        ("?author=nobody", set()),
        ("?search=EMB", {"alice/embed"}),
        ("?search=%25", set()),
        ("?search=_", set()),
        ("?filter=license:mit", {"alice/chat-en", "alice/embed"}),
        ("?filter=license:mit&filter=en", {"alice/chat-en"}),
        ("?filter=license:mit,en", {"alice/chat-en"}),
        ("?filter=language:de", {"lab/base"}),
        ("?filter=dataset:squad", {"alice/embed"}),
        ("?filter=base_model:lab/base", {"alice/embed"}),
        ("?filter=base_model:finetune:lab/base", {"alice/embed"}),
        ("?filter=base_model:quantized:lab/base", set()),
        ("?pipeline_tag=text-generation", {"alice/chat-en"}),
        ("?gated=true", set()),
        ("?gated=false", {"alice/chat-en", "alice/embed", "lab/base"}),
        ("?inference=warm", set()),
        (
            "?filter=region:us&search=a&limit=1000&sort=downloads&full=true&config=true&cardData=true",
            {"alice/chat-en", "alice/embed", "lab/base"},
        ),
    ],
)
def test_filters_narrow_the_list(client: TestClient, query: str, ids: set[str]) -> None:
    assert set(_ids(client, f"/api/models{query}")) == ids


@pytest.mark.usefixtures("shelf")
def test_private_names_are_listed_to_those_who_may_read_them(client: TestClient, cast: Cast) -> None:
    for person, seen in (
        (cast.alice, True),
        (cast.bob, True),
        (cast.root, True),
        (cast.charlie, False),
        (cast.anonymous, False),
    ):
        for address in (
            "/api/models",
            "/api/models?search=secret",
            "/api/models?author=lab",
            "/api/models?filter=license:mit",
        ):
            assert ("lab/secret" in _ids(client, address, person.headers)) is seen
        quick = client.get("/api/quicksearch?q=secret", headers=person.headers).json()
        assert quick["modelsCount"] == len(quick["models"]) == int(seen)


@pytest.mark.usefixtures("shelf")
def test_kinds_have_lists_of_their_own(client: TestClient) -> None:
    assert _ids(client, "/api/datasets") == ["charlie/data"]
    assert _ids(client, "/api/datasets?filter=size_categories:n<1K&filter=language:en") == ["charlie/data"]
    assert _ids(client, "/api/datasets?filter=en") == ["charlie/data"]
    assert _ids(client, "/api/spaces") == []
    assert _ids(client, "/api/kernels") == []


def test_pages_follow_the_link_without_loss_or_repetition(client: TestClient, cast: Cast, publish: Publish) -> None:
    for number in range(7):
        publish(cast.alice.actor, f"alice/m{number}")
    address, seen = "/api/models?limit=3&sort=createdAt&filter=small", []
    while address:
        answer = client.get(address)
        seen += [item["id"] for item in answer.json()]
        link = answer.headers.get("link", "")
        assert not link or link.startswith("<http://hub.test/api/models?")
        assert not link or link.endswith('>; rel="next"')
        address = link[1 : link.index(">")] if link else ""
    assert seen == [f"alice/m{number}" for number in reversed(range(7))]


@each("cursor", ["x", "AAAA", "W10", "WzEsMl0", "%00", "W1siYSJdLCJiIl0", "9" * 5000])
def test_a_foreign_cursor_is_refused(client: TestClient, cursor: str) -> None:
    assert client.get(f"/api/models?cursor={cursor}").status_code == 400


@pytest.mark.usefixtures("shelf")
def test_an_item_holds_what_clients_read(client: TestClient) -> None:
    item = client.get("/api/models?search=chat&full=true").json()[0]
    assert {"_id", "id", "modelId", "private", "gated", "likes", "tags", "createdAt", "lastModified", "sha"} <= set(
        item
    )
    assert item["author"] == "alice"
    assert {"rfilename": "README.md"} in item["siblings"]
    assert item["cardData"]["license"] == "mit"
    assert "siblings" not in client.get("/api/models").json()[0]


@pytest.mark.usefixtures("shelf")
def test_tags_in_use_are_told_by_type_to_those_who_may_know(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "lab/hidden", _card(tags="[hush]"), private=True)
    grouped = client.get("/api/models-tags-by-type").json()
    assert {"id": "license:mit", "label": "mit", "type": "license"} in grouped["license"]
    assert {tag["id"] for tag in grouped["language"]} == {"en", "de"}
    assert "hush" not in str(grouped)
    assert "hush" in str(client.get("/api/models-tags-by-type", headers=cast.bob.headers).json())
    assert "language" in client.get("/api/datasets-tags-by-type").json()
    assert set(client.get("/api/tasks").json()) == {"text-generation"}


@each(
    "address",
    [
        "/api/models?search=%00",
        "/api/models?author=a%00",
        "/api/models?filter=a%00",
        "/api/models?pipeline_tag=%00",
        "/api/quicksearch?q=%00",
        "/api/quicksearch?q=",
        "/models?pipeline_tag=%00",
        "/search?search=%00",
        "/models?search=%ff%fe&filter=%ff",
        "/api/models?limit=99999999999999999999",
        "/api/models?limit=-1",
        "/api/models?sort=%27%22--&direction=x",
    ],
)
def test_odd_questions_are_no_crash(client: TestClient, address: str) -> None:
    assert client.get(address).status_code in (200, 400)


def test_models_are_found_by_how_many_parameters_their_files_hold(
    client: TestClient, app: Starlette, cast: Cast, publish: Publish
) -> None:
    for name, values in (("small", 50), ("large", 5_000)):
        data = safetensors_file({"w": tensor("F16", [values], 0, 2 * values)}, 2 * values)
        publish(cast.alice.actor, f"alice/{name}", {"model.safetensors": data})
    publish(cast.alice.actor, "alice/unknown")
    app.state.worker.drain()

    def found(asked: str) -> list[str]:
        listed = client.get("/api/models", params={"num_parameters": asked, "expand": "safetensors"}).json()
        return sorted(f"{one['id']} {one['safetensors']['total']}" for one in listed)

    assert found("min:1k,max:1M") == ["alice/large 5000"]
    assert found("max:0.1K") == ["alice/small 50"]
    assert found("min:50") == ["alice/large 5000", "alice/small 50"]
    assert found("min:6B") == []
    assert client.get("/api/models?num_parameters=6B").status_code == 400


@pytest.mark.usefixtures("shelf")
def test_a_page_counts_classes_of_parameters_and_keeps_private_ones_out(client: TestClient, database: Database) -> None:
    with database.write() as db:
        for path, parameters in (
            ("alice/chat-en", 135_000_000),
            ("alice/embed", 22_700_000),
            ("lab/secret", 8 * 10**9),
        ):
            repo_id = db.scalars(select(Repo.id).where(Repo.path_key == path)).one()
            known = {"parameters": parameters, "size_bytes": 1, "formats": [], "quantisations": [], "details": {}}
            of = {"commit": "0" * 40, "version": 1, "computed_at": clock.now(), "has_pickle": False}
            db.execute(delete(RepoFacts).where(RepoFacts.repo_id == repo_id))
            db.add(RepoFacts(repo_id=repo_id, **known, **of))
    page = client.get("/models?num_parameters=max:100M", headers={"accept": "text/html"}).text
    assert '100 M to 1 B</span><span class="n">1</span>' in page
    assert "Remove filter Parameters: up to 100 M" in page
    assert "4 to 10 B" not in page
