"""Turns of git are shared out: nobody keeps the others out by many clones, nor by slow ones."""

import asyncio

import pytest

from freehold.core.errors import Unavailable
from freehold.gitkit import serving
from freehold.gitkit.serving import Pace, Turns


def test_a_free_turn_goes_to_whoever_has_the_fewest() -> None:
    async def story() -> list[str]:
        turns, served = Turns(2), []

        async def clone(who: str) -> None:
            async with turns.one(who):
                served.append(who)
                await asyncio.sleep(0.15)

        greedy = [asyncio.ensure_future(clone("greedy")) for _ in range(8)]
        await asyncio.sleep(0.01)
        await asyncio.gather(clone("modest"), *greedy)
        assert not turns.are_wanted
        return served

    assert "modest" in asyncio.run(story())[:4]


def test_of_one_person_s_clones_the_first_is_served_first() -> None:
    async def story() -> list[int]:
        turns, served = Turns(1), []

        async def clone(number: int) -> None:
            async with turns.one("alice"):
                served.append(number)
                await asyncio.sleep(0.06)

        clones = []
        for number in range(6):
            clones.append(asyncio.ensure_future(clone(number)))
            await asyncio.sleep(0.01)
        await asyncio.gather(*clones)
        return served

    assert asyncio.run(story()) == list(range(6))


def test_a_turn_that_never_comes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "TURN_WAIT_S", 0)

    async def story() -> None:
        turns = Turns(1)
        async with turns.one("a"):
            with pytest.raises(Unavailable):
                async with turns.one("b"):
                    pass
        assert not turns.are_wanted
        async with turns.one("b"):
            pass

    asyncio.run(story())


@pytest.mark.parametrize("waits", [True, False], ids=["somebody waits", "nobody waits"])
def test_whoever_dawdles_gives_way_to_those_who_wait(monkeypatch: pytest.MonkeyPatch, waits: bool) -> None:
    monkeypatch.setattr(serving, "PACE_S", 0.1)
    monkeypatch.setattr(serving, "LOOK_S", 0.02)

    async def story() -> str:
        turns = Turns(1)

        async def take_slowly(piece: bytes) -> None:
            await asyncio.sleep(0.06)

        async def clone() -> str:
            async with turns.one("slow"):
                pace = Pace(turns, take_slowly)
                try:
                    for _ in range(12):
                        await pace.write(b"a little")
                except Unavailable:
                    return "cut off"
            return "whole"

        async def another() -> None:
            async with turns.one("other"):
                pass

        slow = asyncio.ensure_future(clone())
        await asyncio.sleep(0.01)
        if waits:
            await asyncio.wait_for(another(), 5)
        return await slow

    assert asyncio.run(story()) == ("cut off" if waits else "whole")


def test_a_quick_client_is_left_alone_whoever_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "PACE_S", 0.05)

    async def story() -> None:
        turns = Turns(1)

        async def take(piece: bytes) -> None:
            await asyncio.sleep(0.01)

        async def another() -> None:
            async with turns.one("other"):
                pass

        async with turns.one("quick"):
            waiting = asyncio.ensure_future(another())
            await asyncio.sleep(0.01)
            pace = Pace(turns, take)
            for _ in range(20):
                await pace.write(bytes(64 << 10))
        await waiting

    asyncio.run(story())
