"""Whose turn it is: bounded, fair between payers, live before batch, and given up at once by whoever leaves."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from freehold.inference import turns
from freehold.inference.errors import TooBusy
from freehold.inference.turns import Turns

pytestmark = pytest.mark.rules


class Crowd:
    """Callers of one endpoint with one slot, who note when their turn comes and hold it until told."""

    def __init__(self, turns: Turns) -> None:
        self.turns, self.order = turns, list[str]()
        self.gates: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def comes(self, name: str, payer: str, priority: str = "live", caller: str = "") -> None:
        self.gates[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._call(name, payer, priority, caller))
        await settled()

    async def _call(self, name: str, payer: str, priority: str, caller: str) -> None:
        async with self.turns.turn("endpoint", payer, caller, slots=1, priority=priority):  # type: ignore[arg-type]
            self.order.append(name)
            await self.gates[name].wait()

    async def all_go(self) -> None:
        for gate in self.gates.values():
            gate.set()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def acted(play: Callable[[Crowd], Awaitable[None]], **bounds: float) -> Crowd:
    async def run() -> Crowd:
        crowd = Crowd(Turns(**bounds))  # type: ignore[arg-type]
        await play(crowd)
        await crowd.all_go()
        assert (crowd.turns.busy("endpoint"), crowd.turns.waiting("endpoint")) == (0, 0)
        return crowd

    return asyncio.run(run())


def test_of_a_payers_callers_one_who_asks_much_does_not_keep_another_waiting() -> None:
    async def play(crowd: Crowd) -> None:
        for name in ("a1", "a2", "a3"):
            await crowd.comes(name, "anonymous", caller="anonymous@192.0.2.1")
        await crowd.comes("b1", "anonymous", caller="anonymous@192.0.2.2")
        await crowd.comes("lab", "lab")

    assert acted(play).order == ["a1", "lab", "b1", "a2", "a3"]


def test_one_caller_of_many_leaves_room_in_the_line_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "MAX_WAITING_OF_CALLER", 2)

    async def play(crowd: Crowd) -> None:
        await crowd.comes("at it", "anonymous", caller="anonymous@192.0.2.1")
        for at in range(4):
            await crowd.comes(f"a{at}", "anonymous", caller="anonymous@192.0.2.1")
            await crowd.comes(f"lab {at}", "lab")
        await crowd.comes("b", "anonymous", caller="anonymous@192.0.2.2")
        refused = {name for name, task in crowd.tasks.items() if task.done() and task.exception()}
        assert refused == {"a2", "a3"}

    acted(play)


def test_one_who_asks_much_does_not_keep_another_waiting() -> None:
    async def play(crowd: Crowd) -> None:
        for name in ("a1", "a2", "a3", "a4"):
            await crowd.comes(name, "lab")
        await crowd.comes("b1", "garden")

    assert acted(play).order == ["a1", "b1", "a2", "a3", "a4"]


def test_live_calls_go_before_a_batch() -> None:
    async def play(crowd: Crowd) -> None:
        await crowd.comes("first", "lab")
        await crowd.comes("row", "lab", "batch")
        await crowd.comes("asked", "garden")

    assert acted(play).order == ["first", "asked", "row"]


def test_whoever_leaves_the_line_leaves_no_gap() -> None:
    async def play(crowd: Crowd) -> None:
        for name in ("a", "b", "c"):
            await crowd.comes(name, name)
        crowd.tasks["b"].cancel()
        await settled()
        assert crowd.turns.waiting("endpoint") == 1

    assert acted(play).order == ["a", "c"]


def test_a_slot_that_is_left_goes_to_the_next_at_once() -> None:
    async def play(crowd: Crowd) -> None:
        await crowd.comes("a", "lab")
        await crowd.comes("b", "lab")
        crowd.tasks["a"].cancel()
        await settled()
        assert crowd.order == ["a", "b"]

    acted(play)


def test_leaving_in_the_moment_of_ones_turn_loses_no_slot() -> None:
    async def play(crowd: Crowd) -> None:
        for name in ("a", "b", "c"):
            await crowd.comes(name, "lab")
        crowd.gates["a"].set()
        await asyncio.sleep(0)
        crowd.tasks["b"].cancel()

    assert acted(play).order[-1] == "c"


@pytest.mark.parametrize("turns_after", range(4))
def test_whoever_leaves_as_their_turn_is_given_does_not_take_it(turns_after: int) -> None:
    async def play(crowd: Crowd) -> None:
        async with crowd.turns.turn("endpoint", "lab", slots=1):
            await crowd.comes("b", "lab")
        for _ in range(turns_after):
            await asyncio.sleep(0)
        has_begun = crowd.order == ["b"]
        crowd.tasks["b"].cancel()
        await settled()
        assert crowd.tasks["b"].cancelled()
        assert crowd.order == (["b"] if has_begun else [])

    acted(play)


def test_a_full_line_says_when_to_come_again() -> None:
    async def play(crowd: Crowd) -> None:
        for name in ("a", "b", "c"):
            await crowd.comes(name, "lab")
        await crowd.comes("d", "lab")
        with pytest.raises(TooBusy) as refused:
            await crowd.tasks["d"]
        assert refused.value.status == 429
        assert int(refused.value.headers["Retry-After"]) >= 1

    assert acted(play, max_waiting=2).order == ["a", "b", "c"]


def test_nobody_fills_the_line_alone() -> None:
    async def play(crowd: Crowd) -> None:
        for name in ("a", "b", "c"):
            await crowd.comes(name, "lab")
        await crowd.comes("d", "garden")

    crowd = acted(play, max_waiting_of_one=1)
    assert crowd.order == ["a", "d", "b"]
    assert isinstance(crowd.tasks["c"].exception(), TooBusy)


def test_a_wait_ends() -> None:
    async def play(crowd: Crowd) -> None:
        await crowd.comes("a", "lab")
        await crowd.comes("b", "lab")
        with pytest.raises(TooBusy):
            await crowd.tasks["b"]

    assert acted(play, max_wait_s=0.02).order == ["a"]
