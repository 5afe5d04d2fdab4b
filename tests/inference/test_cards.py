"""Graphics cards as the model store shares them: who fits beside whom, who goes for whom, and what people are told."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.compute import graphics, seating
from freehold.compute.graphics import MB as MIB
from freehold.compute.graphics import GraphicsCard
from freehold.compute.rules import CardNeed
from freehold.engines import interpreters
from freehold.inference.errors import DoesNotFit
from freehold.inference.processes import Process
from freehold.inference.space import Space, said_cards
from freehold.inference.store import NodeStore
from scripts.stand_in import MB, StandIn, call, run
from tests.discover.conftest import Publish
from tests.discover.conftest import publish as publish  # the fixture
from tests.engines.conftest import write_safetensors
from tests.engines.test_foreign import LLAMA
from tests.engines.test_foreign import stand_in as stand_in  # the fixture
from tests.fixtures.people import Cast
from tests.inference.conftest import nothing_is_left as nothing_is_left  # the fixture

GB = 10**9
TWO = (GraphicsCard(0, "small", 10 * GB), GraphicsCard(1, "small", 10 * GB))


def on(count: int, each_gb: float) -> list[CardNeed]:
    return [CardNeed(count, int(each_gb * GB))]


def held(store: NodeStore) -> dict[str, tuple[int | str, ...]]:
    return {one.name.partition("/")[2]: tuple(one.cards) for one in store.seen() if one.state == "ready"}


@pytest.mark.usefixtures("nothing_is_left")
def test_two_share_a_card_and_a_third_has_another_and_then_who_was_used_least_goes() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        targets = {name: starter.put(name, MB) for name in "abcd"}
        starter.on_cards = {"a": on(1, 4), "b": on(1, 4), "c": on(1, 4), "d": on(1, 8)}
        for name in "abc":
            await call(store, targets[name])
        assert held(store) == {"a": (0,), "b": (0,), "c": (1,)}
        await call(store, targets["a"])
        await call(store, targets["d"])
        assert held(store) == {"a": (0,), "b": (0,), "d": (1,)}, "one goes, not the two that were used before or after"

    run(test, cards=TWO)


@pytest.mark.usefixtures("nothing_is_left")
def test_one_that_needs_two_cards_has_both_and_what_is_kept_warm_stays() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        wide, narrow = starter.put("wide", MB, keep_warm=True), starter.put("narrow", MB)
        starter.on_cards = {"wide": [*on(1, 16), *on(2, 8)], "narrow": on(1, 3)}
        await call(store, wide)
        assert held(store) == {"wide": (0, 1)}
        with pytest.raises(DoesNotFit, match=r"narrow takes up to 3.GB of a graphics card, and there is no room"):
            await call(store, narrow)
        assert held(store) == {"wide": (0, 1)}

    run(test, budget_bytes=5 * GB, cards=TWO)


@pytest.mark.usefixtures("nothing_is_left")
@pytest.mark.parametrize(
    ("cards", "says"),
    [
        ((), "runs on a graphics card, and this node has none"),
        (TWO, r"takes up to 17.GB of a graphics card, or 9.5.GB of each of 2, and this node has 2 × small, of which"),
    ],
)
def test_what_never_fits_says_what_there_is(cards: tuple[GraphicsCard, ...], says: str) -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        target = starter.put("a", MB)
        starter.on_cards = {"a": [*on(1, 17), *on(2, 9.5)]}
        with pytest.raises(DoesNotFit, match=says):
            await call(store, target)
        assert starter.begun == []

    run(test, cards=cards)


def test_a_cluster_knows_its_cards_by_itself() -> None:
    space = Space(10 * GB, is_here=False)
    assert space.lacks(GB, on(1, 900)) == ""
    assert said_cards([GraphicsCard(0, "a", 10 * GB), *TWO]) == (
        "a, of which models have 9\xa0GB; 2 × small, of which models have 9\xa0GB each"
    )


def test_of_what_is_idle_only_what_is_in_the_way_goes() -> None:
    space = Space(10 * GB, TWO)

    def process(given_on: int, gb: float, used_at: float) -> Process:
        seat = Space(10 * GB, TWO[given_on : given_on + 1]).seat(MB, on(1, gb))
        assert seat is not None
        return Process(0, None, seat.bytes, used_at, None, seat.given)  # type: ignore[arg-type]

    old, older, newer = process(0, 2, 2.0), process(1, 6, 1.0), process(0, 6, 3.0)
    everyone, idle = [old, older, newer], [older, old, newer]
    assert list(space.to_go(MB, on(1, 9), everyone, idle)) == [older]
    assert list(space.to_go(MB, on(2, 9), everyone, idle)) == idle
    assert list(space.to_go(MB, on(1, 9), everyone, [old])) == [], "nothing ends where that would not do"


@pytest.fixture
def one_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 0, NVIDIA Stand-in, 5000, GPU-1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    graphics.cards.cache_clear()
    yield
    graphics.cards.cache_clear()


@pytest.mark.usefixtures("one_card")
def test_a_model_is_served_on_a_card_and_one_that_is_too_large_says_what_would_fit(
    client: TestClient, app: Starlette, cast: Cast, publish: Publish, stand_in: Path, tmp_path: Path
) -> None:
    write_safetensors(tmp_path / "weights", {"model.embed": np.zeros((8, 8), np.float16)})
    config = LLAMA | {"hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 32, "vocab_size": 8,
                      "intermediate_size": 8, "max_position_embeddings": 65_536}  # fmt: skip
    files: dict[str, str | bytes | tuple[str, int]] = {"config.json": json.dumps(config), "tokenizer.json": "{}"}
    files["model.safetensors"] = (tmp_path / "weights").read_bytes()
    publish(cast.alice.actor, "alice/writer", files)
    headers = cast.alice.headers
    asked = {"model": "alice/writer", "engine": "vllm", "parallel": 1}
    refused = client.post("/api/endpoints", json={**asked, "context": 16_384}, headers=headers)
    assert refused.status_code == 400, refused.text
    told = refused.json()["error"].replace("\xa0", " ")
    assert "of a graphics card, or 8.4 GB of each of 2, and this node has NVIDIA Stand-in, of which models have" in told
    assert "What fits: a context of 2,048 tokens (up to" in told
    found = client.get("/api/models/alice/writer/engines?context=512&parallel=1&engine=vllm", headers=headers).json()
    assert found["offers"][0]["onCards"][0]["cards"] == 1
    made = client.post("/api/endpoints", json={**asked, "context": 512}, headers=headers).json()
    assert made["onCards"][0]["eachBytes"] < 5000 * MIB
    body = {"model": "alice/writer", "prompt": "the", "max_tokens": 4}
    assert client.post("/v1/completions", json=body, headers=headers).status_code == 200
    assert client.portal is not None
    client.portal.call(app.state.following.turn)
    (replica,) = client.get(f"/api/endpoints/{made['id']}", headers=headers).json()["nodes"]
    assert replica["cards"] == "NVIDIA Stand-in (0)"
    assert replica["cardBytes"] == made["onCards"][0]["eachBytes"]
    log = client.get(f"/api/endpoints/{made['id']}/log", headers=headers).json()["log"]
    share = (made["onCards"][0]["eachBytes"] - seating.UNCOUNTED_BYTES) / (5000 * MIB)
    assert f"--gpu-memory-utilization {share:.4f} --tensor-parallel-size 1" in log
    interpreters.know({})
