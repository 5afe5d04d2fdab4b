"""Routes of the rooms, each understood when it is first asked: most of some five hundred never are in a hub's life."""

import threading
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.routing import compile_path, get_name

_understanding = threading.RLock()


class LateRoute(APIRoute):
    """What a router needs to find it is there at once; what FastAPI makes of its signature, when that is first read.

    Validators and the functions around them are a fifth of the time that a start took and 11 MiB of what it held. A
    signature that FastAPI cannot read is told by whoever reads all of them: the JSON API's description, and its test.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **given: Any) -> None:
        self._given = given
        self.path, self.endpoint = path, endpoint
        self.name = given.get("name") or get_name(endpoint)
        self.methods = {method.upper() for method in given.get("methods") or ["GET"]}
        self.include_in_schema = given.get("include_in_schema", True)
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)

    @property
    def is_understood(self) -> bool:
        return "_given" not in self.__dict__

    def __getattr__(self, name: str) -> Any:
        """Asked for what is not there yet. Runs once a route; whoever comes second waits for the first."""
        with _understanding:
            given = self.__dict__.pop("_given", None)
            if given is not None:
                methods = self.methods
                super().__init__(self.path, self.endpoint, **given)
                self.methods = methods  # HEAD may have been added since
            if name in self.__dict__:
                return self.__dict__[name]
        raise AttributeError(f"{type(self).__name__} has no {name!r}")


class Router(APIRouter):
    """Every room's router: FastAPI's own, of late routes."""

    def __init__(self, *, prefix: str = "", tags: list[Any] | None = None, include_in_schema: bool = True) -> None:
        super().__init__(prefix=prefix, tags=tags, include_in_schema=include_in_schema, route_class=LateRoute)
