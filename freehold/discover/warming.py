"""The first list of each kind, asked by the hub itself: templates, statements and connections are made before anybody
waits for them. Only hubs that are large enough for an index do so; on others, lists are as quick without."""

import asyncio
import logging
import threading
from concurrent.futures import wait

from starlette.types import ASGIApp

from freehold.core import inward

log = logging.getLogger("freehold.index")
#: Each by a browser, then as a client asks.
ADDRESSES = ("/models?sort=downloads", "/datasets", "/spaces", "/api/models?limit=30", "/api/datasets?limit=30")
MOST_S, LOOK_S = 20.0, 0.05


def warm(app: ASGIApp, loop: asyncio.AbstractEventLoop, stopping: threading.Event) -> None:
    """From a thread: ``app`` has been asked, in its ``loop``, or is ``stopping``, or took too long."""
    asked = asyncio.run_coroutine_threadsafe(_ask(app), loop)
    for _ in range(int(MOST_S / LOOK_S)):
        if wait([asked], LOOK_S).done:
            break
        if stopping.is_set():  # the loop may be waiting for this thread
            break
    if not asked.done():
        asked.cancel()
    elif not asked.cancelled() and (err := asked.exception()) is not None:
        log.warning("Lists could not be asked for before the first visitor: %s", err)


async def _ask(app: ASGIApp) -> None:
    for address in ADDRESSES:
        await inward.status_of(app, address, "application/json" if address.startswith("/api/") else "text/html")
