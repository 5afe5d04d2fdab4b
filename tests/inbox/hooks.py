"""A receiver of webhooks on loopback, and calls about webhooks as clients send them."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.fixtures.people import Person

JSON = dict[str, Any]
ALLOW = {"webhook_allow": "127.0.0.1"}


@dataclass
class Receiver:
    """What came, and what is answered: ``answer`` is a status, and headers."""

    url: str = ""
    got: list[tuple[dict[str, str], JSON]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    answer: tuple[int, dict[str, str]] = (200, {})
    waits_for: threading.Event | None = None  # before it answers

    @property
    def events(self) -> list[tuple[str, str]]:
        return [(body["event"]["action"], body["event"]["scope"]) for _, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A web server that keeps what it is sent."""
    with receiving() as kept:
        yield kept


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver of its own, for tests with several."""
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.raw.append(body)
            kept.got.append(({name.lower(): value for name, value in self.headers.items()}, json.loads(body)))
            if kept.waits_for is not None:
                kept.waits_for.wait(30)
            status, headers = kept.answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"done")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def app(new_app: Callable[..., Starlette]) -> Starlette:
    """A hub that may call loopback."""
    return new_app(**ALLOW)


def hook(client: TestClient, who: Person, url: str, *watched: str, **body: Any) -> str:
    """The id of a new webhook that watches ``user:alice``, ``model:alice/m`` and the like."""
    items = [dict(zip(("type", "name"), item.split(":"), strict=True)) for item in watched]
    answer = client.post("/api/settings/webhooks", json={"url": url, "watched": items, **body}, headers=who.headers)
    assert answer.status_code == 200, answer.text
    found: str = answer.json()["webhook"]["id"]
    return found


def deliveries(client: TestClient, who: Person, webhook_id: str) -> list[JSON]:
    answer = client.get(f"/api/settings/webhooks/{webhook_id}/deliveries", headers=who.headers)
    assert answer.status_code == 200, answer.text
    found: list[JSON] = answer.json()
    return found


def settled(app: Starlette) -> None:
    """Every background task that is due has run."""
    app.state.worker.drain()
