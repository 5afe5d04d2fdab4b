"""The parts of this room that live as long as the hub, put together: for ``main.py`` alone."""

import socket
from typing import Any

from freehold.content.kit import Kit
from freehold.core.database import Database
from freehold.core.outward import Allowed
from freehold.engines import service as engines
from freehold.inference import fitting, node
from freehold.inference.following import Following
from freehold.inference.outside import Outside
from freehold.inference.runtime import NodeRuntime
from freehold.inference.starting import NodeStarter
from freehold.inference.store import NodeStore


def install(state: Any, database: Database, kit: Kit) -> None:
    """``models`` (the store of this node), ``runtime`` and ``following`` are at the application's ``state``."""
    starter = NodeStarter(database, kit, engines.named)
    state.models = NodeStore(starter, lambda: fitting.space(node.room(kit.settings)))
    allowed = Allowed.parse(kit.settings.remote_allow, setting="FREEHOLD_REMOTE_ALLOW")
    state.runtime = NodeRuntime(state.models, outside=Outside(starter.plan, allowed))
    state.following = Following(database, state.models, f"{socket.gethostname()}:{kit.settings.port}")


async def close(state: Any) -> None:
    """No connection and no process of a model is left."""
    await state.following.close()
    await state.runtime.close()
