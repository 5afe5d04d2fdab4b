"""An endpoint elsewhere: called at the address that was judged, with the key that the hub holds."""

import asyncio
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from freehold.core.outward import Allowed
from freehold.inference.errors import LoadFailed
from freehold.inference.outside import Outside
from freehold.inference.rules import Leg
from freehold.inference.runtime import NodeRuntime
from tests.fixtures.engines import KEY, PROMPT_TOKENS, Engine, OneReplica
from tests.inference.test_runtime import TARGET, asks

ELSEWHERE = replace(TARGET, engine="remote", model="gpt")


def called(engine: Engine, allow: str) -> tuple[dict[str, Any], Leg]:
    options = {"url": f"{engine.address}/v1", "model": "gpt"}
    plan = cast(Any, SimpleNamespace(setup=SimpleNamespace(options=options), secret=KEY))
    outside = Outside(lambda _: plan, Allowed.parse(allow, setting="FREEHOLD_REMOTE_ALLOW"))

    async def run() -> tuple[dict[str, Any], Leg]:
        legs: list[Leg] = []
        runtime = NodeRuntime(OneReplica(engine), outside=outside)
        async with runtime.call(ELSEWHERE, asks("hello", model="lab/it"), legs) as reply:
            return json.loads(await reply.body()), legs[0]

    return asyncio.run(run())


def test_it_is_called_by_its_own_name_with_the_hubs_key(engine: Engine) -> None:
    answer, leg = called(engine, "127.0.0.1")
    assert answer["choices"]
    assert leg.measured.prompt_tokens == PROMPT_TOKENS
    assert engine.seen[0]["model"] == "gpt"


def test_what_leads_into_the_hubs_own_network_is_not_called(engine: Engine) -> None:
    with pytest.raises(LoadFailed):
        called(engine, "")
    assert engine.seen == []
