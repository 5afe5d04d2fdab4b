"""Endpoints elsewhere: an address that speaks OpenAI's API, called from here with the key that the hub holds.

Its name is resolved for each call and every address judged (``core.outward``); the call goes to one that was judged.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from freehold.compute.rules import Took
from freehold.core import outward
from freehold.core.outward import AddressRefused, Allowed, Unreachable
from freehold.inference.errors import EngineLost, LoadFailed
from freehold.inference.plans import Plan
from freehold.inference.rules import Replica, Target

USUAL_PORTS = {"http": 80, "https": 443}


class Outside:
    """``plan_of``: how an endpoint is reached, by its rows of now (blocking); None: it is gone."""

    def __init__(self, plan_of: Callable[[str], Plan | None], allowed: Allowed) -> None:
        self._plan_of, self._allowed = plan_of, allowed

    @asynccontextmanager
    async def replica(self, target: Target) -> AsyncIterator[Replica]:
        """As ``Store.replica``: where a call of ``target`` goes. Raises :class:`LoadFailed`, :class:`EngineLost`."""
        yield await asyncio.to_thread(self._found, target)

    def _found(self, target: Target) -> Replica:
        plan = self._plan_of(target.endpoint_id)
        if plan is None:
            raise LoadFailed(f"{target.served_name} is not served any more.")
        url, model = str(plan.setup.options["url"]), str(plan.setup.options["model"])
        try:
            to = outward.target(url, self._allowed)
            number, port = outward.resolved(to, self._allowed)[0]
        except AddressRefused as err:
            raise LoadFailed(f"{target.served_name} is at an address that this hub does not call now.") from err
        except Unreachable as err:
            raise EngineLost(f"{target.served_name} is not to be found: its address leads nowhere now.") from err
        parts = urlsplit(url)
        host = to.host if port == USUAL_PORTS[parts.scheme] else f"{to.host}:{port}"
        literal = f"[{number}]" if ":" in number else number
        path = parts.path.rstrip("/").removesuffix("/v1")
        address = f"{parts.scheme}://{literal}:{port}{path}"
        return Replica(address, plan.secret, lambda: Took(0, 0, 0.0), {"model": model}, host)
