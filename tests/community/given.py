"""What the tests of this room begin with, as clients send it."""

from typing import Any

from starlette.testclient import TestClient

from tests.fixtures.people import Person

JSON = dict[str, Any]


def made(client: TestClient, who: Person, path: str, *, kind: str = "model", private: bool = False) -> str:
    """A repository ``ns/name`` of ``who``'s; its path."""
    namespace, _, name = path.partition("/")
    body = {"organization": namespace, "name": name, "type": kind, "private": private, "sdk": "static"}
    answer = client.post("/api/repos/create", json=body, headers=who.headers)
    assert answer.status_code == 200, answer.text
    return path


def like(client: TestClient, who: Person, path: str, *, kind: str = "models") -> int:
    """The number of likes once ``who`` likes it too."""
    answer = client.post(f"/api/{kind}/{path}/like", headers=who.headers)
    assert answer.status_code == 200, answer.text
    found: int = answer.json()["likes"]
    return found


def everything(client: TestClient, address: str, who: Person) -> list[JSON]:
    """All pages of a list."""
    found: list[JSON] = []
    while address:
        answer = client.get(address, headers=who.headers)
        assert answer.status_code == 200, answer.text
        found += answer.json()
        address = answer.links["next"]["url"].removeprefix("http://hub.test") if "next" in answer.links else ""
    return found
