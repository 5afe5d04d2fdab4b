"""A late route: found at once, understood when asked, the same as FastAPI's own from then on."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, Query
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from freehold.core.routes import LateRoute, Router

pytestmark = pytest.mark.rules


def _app(monkeypatch: pytest.MonkeyPatch) -> tuple[FastAPI, list[str]]:
    """An application of two late routes, and the paths of those that FastAPI looked into."""
    understood: list[str] = []
    plain = APIRoute.__init__

    def noticed(self: APIRoute, path: str, *args: Any, **given: Any) -> None:
        understood.append(path)
        plain(self, path, *args, **given)

    monkeypatch.setattr(APIRoute, "__init__", noticed)
    router = Router(tags=["fruit"])

    @router.get("/fruit/{name}")
    def fruit(name: str, count: Annotated[int, Query(le=9)] = 1) -> dict[str, Any]:
        return {"name": name, "count": count}

    @router.post("/fruit", status_code=201)
    def more(count: int) -> int:
        return count

    app = FastAPI(openapi_url=None)
    app.router.routes.extend(router.routes)
    return app, understood


def test_only_the_route_that_is_asked_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    app, understood = _app(monkeypatch)
    client = TestClient(app)
    assert client.get("/nothing").status_code == 404
    assert understood == []
    assert client.get("/fruit/fig?count=3").json() == {"name": "fig", "count": 3}
    assert client.get("/fruit/fig?count=10").status_code == 422
    assert client.put("/fruit/fig").status_code == 405
    assert understood == ["/fruit/{name}"]
    assert client.post("/fruit?count=2").status_code == 201


def test_a_description_tells_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    app, understood = _app(monkeypatch)
    told = app.openapi()["paths"]
    assert set(told) == set(understood) == {"/fruit/{name}", "/fruit"}
    assert told["/fruit"]["post"]["tags"] == ["fruit"]


def test_a_method_that_was_added_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    app, _ = _app(monkeypatch)
    route = next(route for route in app.router.routes if isinstance(route, LateRoute) and "GET" in route.methods)
    route.methods.add("HEAD")
    assert TestClient(app).head("/fruit/fig").status_code == 200


def test_threads_that_ask_at_once_make_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    app, understood = _app(monkeypatch)
    (route, *_) = [route for route in app.router.routes if isinstance(route, LateRoute)]
    together = threading.Barrier(4)

    def ask(_: int) -> Any:
        together.wait()
        return route.dependant

    with ThreadPoolExecutor(4) as pool:
        assert len({id(found) for found in pool.map(ask, range(4))}) == 1
    assert understood == ["/fruit/{name}"]
    with pytest.raises(AttributeError):
        route.colour  # noqa: B018  # what no route has
