"""A hub whose models answer by a stand-in for an engine, whose batches run when a test wants them."""

import threading
from collections.abc import Callable

import pytest

from tests.fixtures.engines import engine as engine
from tests.gateway.conftest import Hub
from tests.gateway.conftest import hub as hub
from tests.governance.conftest import browser as browser


@pytest.fixture
def work(hub: Hub) -> Callable[[], None]:
    """Every task that is due has run; beside the test, because a slice runs in the hub's own loop."""

    def run() -> None:
        worker = hub.client.app.state.worker  # type: ignore[attr-defined]
        failed: list[BaseException] = []

        def drain() -> None:
            try:
                worker.drain()
            except BaseException as err:
                failed.append(err)

        thread = threading.Thread(target=drain)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]

    return run
