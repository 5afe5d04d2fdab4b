"""A stand-in for Ray: the bridge as it is, and actors that are objects of its own process. A node is lost on request.

Says what Ray says: ``remote``, ``get`` with a time limit, ``nodes``, ``kill``, and the errors of an actor that is gone.
"""

import concurrent.futures
import os
import sys
import types
from collections.abc import Mapping
from typing import Any

from freehold.compute import ray_bridge


class RayError(Exception): ...


class RayActorError(RayError): ...


class GetTimeoutError(RayError): ...


class Reference:
    def __init__(self, future: "concurrent.futures.Future[Any]", actor: "Handle") -> None:
        self.future, self.actor = future, actor


class Handle:
    """One actor. It is lost once a file of the name of the cluster's address lies there."""

    def __init__(self, kind: Any, given: Any, waits: bool) -> None:
        self._calls = concurrent.futures.ThreadPoolExecutor(4)
        self.is_gone = False
        self._made = self._calls.submit(kind, *given)
        self._waits = waits

    def __getattr__(self, name: str) -> Any:
        def remote(*given: Any) -> Reference:
            if self._waits:  # for a room that is not there
                return Reference(concurrent.futures.Future(), self)
            return Reference(self._calls.submit(lambda: getattr(self._made.result(), name)(*given)), self)

        return types.SimpleNamespace(remote=remote)

    def lose(self) -> None:
        self.is_gone = True
        running = self._made.result()._running
        if running is not None:
            running.stop(0.0)  # the machine is gone, and all on it


class Kind:
    def __init__(self, actor: Any, address: str) -> None:
        self.actor, self.address, self.wanted = actor, address, {}

    def options(self, **wanted: Any) -> "Kind":
        made = Kind(self.actor, self.address)
        made.wanted = wanted
        return made

    def remote(self, *given: Any) -> Handle:
        return Handle(self.actor, given, waits=self.wanted["num_cpus"] > 2)


class Ray:
    """The module."""

    __version__ = "0"
    exceptions = types.SimpleNamespace(RayError=RayError, RayActorError=RayActorError, GetTimeoutError=GetTimeoutError)
    util = types.SimpleNamespace(get_node_ip_address=lambda: "127.0.0.1")

    def init(self, address: str, **_: Any) -> None:
        if not os.path.isdir(address):
            raise ConnectionError("no cluster there")
        self.address = address

    def remote(self, actor: Any) -> Kind:
        return Kind(actor, self.address)

    def nodes(self) -> list[Mapping[str, Any]]:
        return [{"Alive": True, "Resources": {"CPU": 4.0, "GPU": 2.0, "memory": 4e9}}]

    def get(self, reference: Reference, timeout: float) -> Any:
        if os.path.exists(os.path.join(self.address, "lost")) and not reference.actor.is_gone:
            reference.actor.lose()
        if reference.actor.is_gone:
            raise RayActorError("gone")
        try:
            return reference.future.result(timeout)
        except concurrent.futures.TimeoutError:
            raise GetTimeoutError from None

    def kill(self, actor: Handle) -> None:
        actor.is_gone = True

    def shutdown(self) -> None: ...


if __name__ == "__main__":
    sys.modules["ray"] = Ray()  # type: ignore[assignment]
    ray_bridge.PLACE_S = 0.2
    ray_bridge.main()
