"""Whether a model fits: the answer in words and bars, what would fit instead, and the filter of lists."""

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from freehold.cards import inspecting
from freehold.cards.memory import GB, Load, Machine
from freehold.cards.shape import LATENT, Layers, Shape
from freehold.content import queries as content
from freehold.discover import fitting, machines
from freehold.discover.fitting import Asked
from freehold.repos.tables import Repo
from tests.cards.test_headers import gguf_file
from tests.discover.conftest import Publish
from tests.fixtures.people import Cast

LLAMA = {
    "general.architecture": "llama",
    "llama.context_length": 8192,
    "llama.block_count": 4,
    "llama.embedding_length": 64,
    "llama.feed_forward_length": 128,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
}


def way(name: str, gigabytes: float, shape: Shape | None = None) -> Load:
    return Load("gguf", name, int(gigabytes * GB), shape or Shape([Layers(32, 2048)], "", 4096, 14_336, 32_000))


# ---- machines ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [*machines.BUILT_IN, "cpu-1", "gpu-99999x9999"])
def test_a_machine_is_named_by_the_address(text: str) -> None:
    machine = machines.parse(text)
    assert machine is not None
    assert machines.written(machine) == text
    assert machines.name(text)


@pytest.mark.parametrize(
    "text",
    ["", "cpu-0", "cpu-", "tpu-8", "cpu-16x0", "gpu-24x", "cpu-123456", "cpu-١٦", "cpu-1٦", "gpu-24x1٢", "x" * 999],
)
def test_anything_else_names_none(text: str) -> None:
    assert machines.parse(text) is None
    assert machines.built(text) is None


# ---- the answer --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("machine", "best", "others"),
    [
        ("cpu-16", ("Q4_1 in full precision", 4 * GB), ["Q4_1 as stored"]),
        ("cpu-4", ("Q4_1 as stored", GB), ["Q4_1 in full precision"]),
        ("gpu-16", ("Q4_1", GB), []),
    ],
)
def test_a_small_model_is_counted_as_the_hub_computes_it(
    machine: str, best: tuple[str, int], others: list[str]
) -> None:
    load = replace(way("a", 1), quantisation="Q4_1", full_bytes=4 * GB)
    found = fitting.of([load], Asked(machine, 1, 4096))
    assert found is not None
    assert ((found.best.label, found.best.need.weights_bytes), [one.label for one in found.rest]) == (best, others)
    assert found.best.is_full is (best[1] == 4 * GB)


def test_the_largest_way_that_fits_is_the_answer() -> None:
    found = fitting.of([way("a", 2), way("b", 6), way("c", 20)], Asked("cpu-16", 1, 4096))
    assert found is not None
    assert (found.best.name, found.best.verdict, [one.verdict for one in found.rest]) == ("b", "yes", ["yes", "no"])
    assert found.instead == ()
    assert found.more_users > 1
    at_most = Asked("cpu-16", found.more_users, 4096)
    more = Asked("cpu-16", found.more_users + 1, 4096)
    verdicts = [answer.best.verdict for asked in (at_most, more) if (answer := fitting.of([way("b", 6)], asked))]
    assert verdicts[0] == "yes" != verdicts[1]


def test_what_would_fit_instead_fits() -> None:
    loads = [way("b", 6)]
    found = fitting.of(loads, Asked("cpu-16", 16, 65_536))
    assert found is not None and found.best.verdict == "no"
    assert [words for words, _ in found.instead] == ["2,048 tokens each", "on 256 GB server"] or len(found.instead) >= 2
    for _, query in found.instead:
        given = dict(pair.split("=") for pair in query.removeprefix("?").removesuffix("#fit").split("&"))
        again = fitting.of(loads, Asked(given["machine"], int(given["users"]), int(given["tokens"])))
        assert again is not None and again.best.verdict == "yes"


def test_bars_add_up_and_show_where_memory_ends() -> None:
    found = fitting.of([way("a", 2), way("c", 30)], Asked("cpu-16", 1, 4096))
    assert found is not None
    small, large = found.best.bar, found.rest[0].bar
    assert small is not None and large is not None
    assert small.limit is None and small.scale_bytes == 5 * GB
    assert large.limit is not None and large.limit == pytest.approx(1000 * 12 * GB / large.scale_bytes, abs=1)
    assert [x + width for _, x, width in large.parts] == [*[x for _, x, _ in large.parts[1:]], 1000]


def test_an_unknown_cache_is_told_and_no_bar_drawn() -> None:
    found = fitting.of([way("a", 2, Shape(None, LATENT))], Asked("cpu-16", 1, 4096))
    assert found is not None
    assert (found.best.verdict, found.best.bar, found.best.need.why) == ("unknown", None, LATENT)


def test_a_card_may_serve_with_either_engine() -> None:
    load = Load("safetensors", "model.safetensors", 2 * GB, Shape([Layers(4, 100)]))
    found = fitting.of([load], Asked("gpu-24", 1, 4096))
    assert found is not None
    assert {found.best.need.engine, found.rest[0].need.engine} == {"transformers", "vLLM"}
    assert machines.parse("gpu-24") == Machine("gpu", 24 * GB)


def test_nothing_to_load_has_no_answer() -> None:
    assert fitting.of([], Asked("cpu-16", 1, 4096)) is None


# ---- pages -------------------------------------------------------------------------------------------------


@pytest.fixture
def small(client: TestClient, cast: Cast, publish: Publish) -> str:
    """A model of a few kilobytes whose facts are kept."""
    publish(cast.alice.actor, "alice/small", {"small.gguf": gguf_file(LLAMA, [("w", [10, 10], 0)], 400)})
    keep(client, "alice/small")
    return "/alice/small"


def keep(client: TestClient, path: str) -> None:
    app = client.app
    with app.state.database.write() as db:  # type: ignore[attr-defined]
        repo = db.query(Repo).filter(Repo.path_key == path).one()
        commit = content.head(db, repo)
        assert commit is not None
        found, headers = inspecting.inspect(inspecting.gather(db, app.state.kit, repo, commit))  # type: ignore[attr-defined]
        inspecting.keep(db, repo, commit, found, headers)


def test_the_page_answers_and_remembers_the_machine(client: TestClient, small: str) -> None:
    page = client.get(small).text
    assert "It fits on <b><bdi>16 GB laptop</bdi></b> at 1 user × 4,096 tokens" in page
    asked = client.get(f"{small}?machine=gpu-24&users=3&tokens=9000")
    assert "on <b><bdi>1 × 24 GB card</bdi></b> at 3 users × 9,000 tokens" in asked.text
    assert "The model itself takes 8,192 tokens." in asked.text
    assert "machine=gpu-24" in asked.headers["set-cookie"]
    assert "on <b><bdi>1 × 24 GB card</bdi></b>" in client.get(small).text


def test_with_script_the_panel_comes_alone(client: TestClient, small: str) -> None:
    headers = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "section#fit"}
    part = client.get(f"{small}?users=2", headers=headers).text
    assert part.strip().startswith("<section") and "2 users" in part and "<html" not in part


@pytest.mark.parametrize("query", ["users=abc", "tokens=-1", "users=1e9"])
def test_odd_numbers_are_refused_in_words(client: TestClient, small: str, query: str) -> None:
    assert client.get(f"{small}?{query}").status_code == 400


def test_hostile_machines_are_harmless(client: TestClient, small: str) -> None:
    page = client.get(small, params={"machine": '"><script>', "users": "999999999", "tokens": "999999999"})
    assert page.status_code == 200 and "<script>" not in page.text.partition('id="fit"')[2].partition("</section>")[0]
    assert "set-cookie" not in page.headers


def test_a_data_set_has_no_panel(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/rows", {"a.csv": "a,b\n1,2\n"}, kind="dataset")
    assert 'id="fit"' not in client.get("/datasets/alice/rows").text


# ---- lists -------------------------------------------------------------------------------------------------


def test_lists_are_narrowed_by_what_fits(client: TestClient, cast: Cast, publish: Publish, small: str) -> None:
    publish(cast.alice.actor, "alice/unknown", {"README.md": "# nothing"})
    keep(client, "alice/unknown")
    assert [one["id"] for one in client.get("/api/models?fits=cpu-1").json()] == ["alice/small"]
    page = client.get("/models?fits=cpu-8").text
    assert "alice/small" in page or ">small<" in page
    assert "unknown</" not in page.partition("<tbody>")[2]
    assert "Remove filter Fits on: 8 GB laptop" in page
    assert "16 GB laptop" in page


def test_a_list_refuses_what_is_no_machine(client: TestClient) -> None:
    assert client.get("/models?fits=tpu-8").status_code == 400
    assert client.get("/api/models?fits=cpu-0").status_code == 400


def test_private_models_count_for_those_who_may_know(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/own", {"m.gguf": gguf_file(LLAMA, [("w", [10, 10], 0)], 400)}, private=True)
    keep(client, "alice/own")
    assert client.get("/api/models?fits=cpu-8").json() == []
    assert "Fits on" not in client.get("/models").text
