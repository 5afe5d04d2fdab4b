"""What scripts fetch for a page (its parts, suggestions, previews, the palette) tells no more than the page would."""

import re
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from freehold.accounts.rules import SESSION_COOKIE
from freehold.core.database import Database
from tests.content.given import repo
from tests.content.publishing import committed, file
from tests.discussions.talking import opened
from tests.fixtures.hub import BASE_URL
from tests.fixtures.people import Cast, Person

SECRET = "wigeon-q8"
PART = {"HX-Request": "true", "HX-Request-Type": "partial", "Accept": "text/html"}
#: A page and the element that takes a part of it.
PARTS = (
    ("/models", "listing"),
    ("/datasets", "listing"),
    (f"/models?search={SECRET[:5]}", "listing"),
    (f"/lab/{SECRET}/compare/main..main", "changes"),
    (f"/lab/{SECRET}/card/edit", "preview"),
    (f"/lab/{SECRET}", "main"),
    (f"/lab/{SECRET}/tree/main", "main"),
    (f"/lab/{SECRET}/discussions/1", "main"),
    (f"/-/suggest?q={SECRET[:5]}", ""),
    (f"/-/suggest?q=lab/{SECRET[:5]}", ""),
    (f"/api/quicksearch?q={SECRET[:5]}&type=model", ""),
    (f"/api/models?search={SECRET[:5]}", ""),
    (f"/search?search={SECRET[:5]}", ""),
    (f"/new/name?kind=model&namespace=alice&name={SECRET}", ""),
)


@pytest.fixture
def hidden(client: TestClient, cast: Cast) -> str:
    """A private model of the lab's, and its path."""
    path = f"lab/{SECRET}"
    body = {"name": SECRET, "organization": "lab", "private": True}
    client.post("/api/repos/create", json=body, headers=cast.alice.headers).raise_for_status()
    committed(client, cast.alice, path, file("README.md", f"---\nlicense: mit\ntags: [{SECRET}]\n---\n# {SECRET}\n"))
    opened(client, cast.alice, path, f"About {SECRET}")
    return path


def _told(client: TestClient, address: str, target: str, headers: dict[str, str]) -> bool:
    part = PART | {"HX-Target": f"div#{target}"} if target else {}
    said = client.get(address, headers=headers | part)
    assert said.status_code in (200, 303, 307, 401, 403, 404), (address, said.text)
    # The address itself comes back: "sign in, and come back here"; and what was asked for, in its field.
    text = re.sub(r'(href|value|data-copy)="[^"]*"', "", said.text)
    return SECRET in text and not (f"/{SECRET}" in address and said.status_code in (401, 404))


def test_parts_and_suggestions_tell_their_own_people_only(client: TestClient, cast: Cast, hidden: str) -> None:
    everybody = {
        person.name: [a for a, target in PARTS if _told(client, a, target, person.headers)] for person in cast.people
    }
    wanted = {address for address, _ in PARTS if "/new/name" not in address and address != "/datasets"}
    assert {name: set(told) for name, told in everybody.items() if name in ("charlie", "anonymous")} == {
        "charlie": set(),
        "anonymous": set(),
    }
    assert set(everybody["alice"]) >= wanted - {a for a in wanted if a.startswith("/api/")}, "the walk asks rightly"


def test_a_preview_makes_no_link_of_what_its_writer_may_not_know(
    client: TestClient, cast: Cast, hidden: str, database: Database
) -> None:
    """Else words would be a question: is there a repository of this name?"""
    place = repo(client, cast.alice, "open")
    for person, knows in ((cast.charlie, False), (cast.bob, True)):
        text = _preview(client, database, person, place, f"See {hidden} and alice/open.")
        assert 'href="/alice/open"' in text
        assert (f'href="/{hidden}"' in text) == knows, person.name


def _preview(client: TestClient, database: Database, person: Person, path: str, text: str) -> str:
    with database.write() as db:
        cookie = {"Cookie": f"{SESSION_COOKIE}={accounts.open_session(db, person.id, life_s=600)}"}
    csrf = re.search(r'name="csrf" value="([^"]+)"', client.get("/settings/profile", headers=cookie).text)
    assert csrf
    answer = client.post(
        f"/{quote(path)}/preview", data={"csrf": csrf[1], "text": text}, headers=cookie | PART | {"Origin": BASE_URL}
    )
    assert answer.status_code == 200, answer.text
    return answer.text
