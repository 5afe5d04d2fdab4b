"""Discussion calls as clients send them."""

from typing import Any

from starlette.testclient import TestClient

from tests.fixtures.people import Person

JSON = dict[str, Any]


def put(client: TestClient, who: Person, repo: str, call: str, **body: Any) -> Any:
    return client.put(f"/api/models/{repo}/discussions/{call}", json=body, headers=who.headers)


def take(client: TestClient, who: Person, repo: str, call: str) -> Any:
    """The answer to DELETE."""
    return client.delete(f"/api/models/{repo}/discussions/{call}", headers=who.headers)


def post(client: TestClient, who: Person, repo: str, call: str = "", *, kind: str = "models", **body: Any) -> Any:
    """The answer to a call on the discussions of ``repo``; ``call`` such as ``1/comment``."""
    address = f"/api/{kind}/{repo}/discussions" + (f"/{call}" if call else "")
    return client.post(address, json=body, headers=who.headers)


def opened(client: TestClient, who: Person, repo: str, title: str = "A question", **body: Any) -> int:
    """The number of a new discussion (or, with ``pullRequest=True``, pull request)."""
    answer = post(client, who, repo, title=title, description=body.pop("description", "First words"), **body)
    assert answer.status_code == 200, answer.text
    num: int = answer.json()["num"]
    return num


def details(client: TestClient, who: Person, repo: str, num: int, query: str = "?diff=1") -> JSON:
    answer = client.get(f"/api/models/{repo}/discussions/{num}{query}", headers=who.headers)
    assert answer.status_code == 200, answer.text
    found: JSON = answer.json()
    return found


def listed(client: TestClient, who: Person, repo: str, query: str = "") -> list[int]:
    """The numbers that a list shows."""
    answer = client.get(f"/api/models/{repo}/discussions{query}", headers=who.headers)
    assert answer.status_code == 200, answer.text
    return [item["num"] for item in answer.json()["discussions"]]


def told(thread: JSON) -> list[tuple[str, str]]:
    """The events of a thread in short: type and words."""
    key = {"status-change": "status", "commit": "subject", "force-push": "subject", "review": "state"}
    key |= {"title-change": "to", "base-change": "to", "base-deleted": "base"}
    key |= {"locking-change": "locked", "pinning-change": "pinned"}
    return [
        (
            event["type"],
            event["data"]["latest"]["raw"] if event["type"] == "comment" else event["data"][key[event["type"]]],
        )
        for event in thread["events"]
    ]


def first_comment(thread: JSON) -> str:
    """The id of the comment that the thread begins with."""
    found: str = thread["events"][0]["id"]
    return found
