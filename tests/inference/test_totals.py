"""What is reckoned of an engine's totals where the engine tells them late, or its first caller leaves at once."""

import asyncio

import pytest

from freehold.compute.rules import Took
from freehold.inference import calling, counting
from freehold.inference.calling import Caller
from freehold.inference.counting import Ledger, Totals
from freehold.inference.rules import Call, Measured, Replica, Target

pytestmark = pytest.mark.rules


METRICS = """llamacpp:prompt_tokens_total {prompt}
llamacpp:prompt_tokens_cached_total 0
llamacpp:tokens_predicted_total {completion}
llamacpp:requests_processing 0
llamacpp:requests_deferred 0
"""


class Engine:
    """Tells its totals, or nothing while it is ``busy``: it reads a long prompt."""

    def __init__(self, prompt: int = 0, completion: int = 0) -> None:
        self.prompt, self.completion = prompt, completion
        self.is_busy = False

    async def told(self) -> Totals | None:
        await asyncio.sleep(0)
        return Totals(self.prompt, 0, self.completion, 0)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if self.is_busy:
            await reader.read()  # until whoever asks has gone
        else:
            body = METRICS.format(prompt=self.prompt, completion=self.completion)
            writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
        writer.close()


def test_an_engine_that_was_too_busy_to_tell_its_totals_once_is_believed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "METRICS_S", 0.05)
    monkeypatch.setattr(counting, "SETTLE_S", 0.2)
    monkeypatch.setattr(counting, "LAST_S", 0.05)

    async def test() -> None:
        engine, first, second = Engine(), Measured(), Measured()
        server = await asyncio.start_server(engine.answer, "127.0.0.1", 0)
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        target = Target("e1", "lab/it", "lab/it", "0" * 40, "llama.cpp", frozenset({"chat"}), "lab")
        call = Call("chat/completions", {}, "alice")
        ledger = Caller()._ledger(Replica(address, "key", lambda: Took(0, 0, 0.0)), target, call)
        assert ledger is not None
        await ledger.begin(first)
        first.prompt_tokens, first.completion_tokens = 5, 2
        engine.is_busy = True
        assert not await ledger.leave(first, is_known=True), "it is an estimate"
        engine.is_busy = False
        engine.prompt, engine.completion = 5, 2
        await ledger.begin(second)
        second.prompt_tokens, second.completion_tokens = 7, 1
        engine.prompt, engine.completion = 12, 6  # it noticed three tokens later
        assert await ledger.leave(second, is_known=True)
        assert (second.prompt_tokens, second.completion_tokens) == (7, 4)
        server.close()
        await server.wait_closed()

    asyncio.run(test())


def test_what_an_engine_did_before_its_first_call_is_nobodys_also_where_that_left_at_once() -> None:
    async def test() -> None:
        engine = Engine(prompt=20, completion=9)
        ledger, measured = Ledger(engine.told), Measured()
        leaves = asyncio.create_task(ledger.begin(Measured()))
        await asyncio.sleep(0)
        leaves.cancel()
        await asyncio.wait({leaves})
        await asyncio.sleep(0.01)
        await ledger.begin(measured)
        measured.prompt_tokens, measured.completion_tokens = 3, 1
        engine.prompt, engine.completion = 23, 11
        assert await ledger.leave(measured, is_known=True)
        assert (measured.prompt_tokens, measured.completion_tokens) == (3, 2)

    asyncio.run(test())


def test_no_call_is_sent_before_it_is_known_what_the_engine_did_before() -> None:
    async def test() -> None:
        engine, order = Engine(prompt=20, completion=9), list[str]()

        async def told() -> Totals | None:
            seen = await engine.told()
            order.append("told")
            return seen

        ledger = Ledger(told)

        async def begin() -> None:
            await ledger.begin(Measured())
            order.append("sent")

        await asyncio.gather(begin(), begin(), begin())
        assert order == ["told", "sent", "sent", "sent"]

    asyncio.run(test())
