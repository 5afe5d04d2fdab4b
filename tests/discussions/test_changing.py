"""Files written, renamed and deleted, and commits taken back, in a browser without JavaScript."""

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.content.given import repo
from tests.content.publishing import committed, copied, file, large, tree, uploaded
from tests.discussions.browsing import Browser, browser
from tests.fixtures.people import Cast

LARGE = b"\0weights" * 100


@pytest.fixture
def path(client: TestClient, cast: Cast) -> str:
    path = repo(client, cast.alice, "m")
    uploaded(client, cast.alice, path, LARGE)
    committed(client, cast.alice, path, file("README.md", "# A model\n"), file("data/a.txt", "1\n"))
    committed(client, cast.alice, path, file("data/deep/b.txt", "2\n"), large("data/w.bin", LARGE))
    return path


@pytest.fixture
def alice(app: Starlette, client: TestClient, cast: Cast) -> Browser:
    return browser(app, client, cast.alice)


@pytest.fixture
def charlie(app: Starlette, client: TestClient, cast: Cast) -> Browser:
    return browser(app, client, cast.charlie)


def said(client: TestClient, path: str, rev: str = "main") -> Any:
    """The newest commit."""
    return client.get(f"/api/models/{path}/commits/{rev}").json()[0]


# ---- a new file ------------------------------------------------------------------------------------------------


def test_a_new_file_lies_in_the_folder_that_was_typed(client: TestClient, alice: Browser, path: str) -> None:
    page = f"/{path}/new/main/data"
    assert 'value="data/"' in alice.get(page)
    where = alice.send(
        page, "", path="data/new/c.txt", text="3\r\n", summary=" Add  c ", description="Why", how="commit"
    )
    assert where.headers["location"] == f"/{path}/blob/main/data/new/c.txt"
    assert client.get(f"/{path}/resolve/main/data/new/c.txt").content == b"3\n"
    assert (said(client, path)["title"], said(client, path)["message"]) == ("Add c", "Why")


def test_a_new_file_takes_no_name_that_is_taken_or_cannot_be(alice: Browser, path: str) -> None:
    page = f"/{path}/new/main"
    for wrong in ("README.md", "data", "", "../x", ".git/config", "a\\b", "README.md/x", "con/\u2028x"):
        refused = alice.send(page, "", 422, path=wrong, text="kept <b>words</b>", how="commit")
        assert "Nothing was changed" in refused.text and "kept &lt;b&gt;words" in refused.text, wrong


# ---- renaming --------------------------------------------------------------------------------------------------


def test_a_file_gets_another_name_and_keeps_its_bytes(client: TestClient, alice: Browser, path: str) -> None:
    where = alice.send(f"/{path}/move/main/data/w.bin", "", to="model/weights.bin", how="commit")
    assert where.headers["location"] == f"/{path}/blob/main/model/weights.bin"
    assert client.get(f"/{path}/resolve/main/model/weights.bin").content == LARGE
    assert "data/w.bin" not in tree(client, path)
    assert said(client, path)["title"] == "Rename data/w.bin to model/weights.bin"


def test_a_folder_moves_with_everything_in_it(client: TestClient, alice: Browser, path: str) -> None:
    assert "3 files" in alice.get(f"/{path}/move/main/data")
    alice.send(f"/{path}/move/main/data", "", to="new/home", how="commit")
    assert sorted(tree(client, path)) == [
        ".gitattributes", "README.md", "new/home/a.txt", "new/home/deep/b.txt", "new/home/w.bin"
    ]  # fmt: skip


def test_nothing_moves_where_it_cannot_be(client: TestClient, alice: Browser, path: str) -> None:
    before = said(client, path)["id"]
    for to in ("README.md", "data", "data/deep", "../x", "README.md/x", ""):
        refused = alice.send(f"/{path}/move/main/data", "", 422, to=to, how="commit")
        assert "Nothing was changed" in refused.text, to
    assert said(client, path)["id"] == before
    alice.get(f"/{path}/move/main/nothing", 404)
    alice.get(f"/{path}/move/main/", 404)


# ---- deleting --------------------------------------------------------------------------------------------------


def test_a_folder_goes_once_it_was_said_what_goes(client: TestClient, alice: Browser, path: str) -> None:
    assert "3 files" in alice.get(f"/{path}/delete/main/data")
    where = alice.send(f"/{path}/delete/main/data", "", how="commit", summary="Tidy")
    assert where.headers["location"] == f"/{path}/tree/main"
    assert sorted(tree(client, path)) == [".gitattributes", "README.md"]
    alice.get(f"/{path}/delete/main/data", 404)


def test_a_file_that_changed_meanwhile_is_not_deleted_unseen(
    client: TestClient, cast: Cast, alice: Browser, path: str
) -> None:
    seen = said(client, path)["id"]
    committed(client, cast.alice, path, file("README.md", "# Another\n"), summary="Say <b>more</b>")
    refused = alice.send(f"/{path}/delete/main/README.md", "", 412, how="commit", parent=seen)
    for words in ("moved on", "alice changed it", "Say &lt;b&gt;more&lt;/b&gt;", f"/compare/{seen}..", "look at their"):
        assert words in refused.text, words
    assert "README.md" in tree(client, path)


def test_a_change_elsewhere_is_told_as_that(client: TestClient, cast: Cast, alice: Browser, path: str) -> None:
    seen = said(client, path)["id"]
    committed(client, cast.alice, path, file("other", "x"), summary="Elsewhere")
    page = f"/{path}/edit/main/README.md"
    refused = alice.send(page, "", 412, text="mine", summary="My summary", how="commit", parent=seen)
    for words in ("alice committed", "Elsewhere", "nothing of theirs is lost", "mine", "My summary"):
        assert words in refused.text, words
    alice.send(page, "", text="mine", how="commit")  # the form carries the newer commit now
    assert client.get(f"/{path}/resolve/main/README.md").text == "mine"


# ---- as a proposal, and who may --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "fields"),
    [
        ("new/main", {"path": "n.txt", "text": "1"}),
        ("edit/main/README.md", {"text": "# Better"}),
        ("move/main/data", {"to": "d"}),
        ("delete/main/data/a.txt", {}),
    ],
)
def test_a_reader_proposes_each_of_them(
    client: TestClient, charlie: Browser, path: str, page: str, fields: dict[str, str]
) -> None:
    before = tree(client, path)
    shown = charlie.get(f"/{path}/{page}")
    assert 'value="commit"' not in shown and "becomes a pull request" in shown
    made = charlie.send(f"/{path}/{page}", "", **fields, how="pull", summary="Please look")
    assert made.headers["location"] == f"/{path}/discussions/1"
    assert tree(client, path) == before
    assert "Please look" in charlie.get(f"/{path}/discussions/1")
    forced = charlie.client.post(
        f"/{path}/{page}",
        data={"how": "commit", "csrf": "x", **fields},
        headers=charlie.headers | {"Origin": "http://hub.test"},
    )
    assert forced.status_code == 403


def test_a_reader_who_asks_for_a_commit_is_refused(client: TestClient, charlie: Browser, path: str) -> None:
    for page, fields in (
        ("new/main", {"path": "n", "text": ""}),
        ("delete/main/data", {}),
        ("move/main/data", {"to": "d"}),
    ):
        charlie.send(f"/{path}/{page}", "", 403, how="commit", **fields)
    assert "data/a.txt" in tree(client, path)


def test_private_repositories_do_not_show(client: TestClient, cast: Cast, charlie: Browser) -> None:
    secret = repo(client, cast.alice, "secret", private=True)
    for address in ("new/main", "new/main/x", "move/main/.gitattributes", "delete/main/.gitattributes", "revert/main"):
        charlie.get(f"/{secret}/{address}", 404)
        Browser(client).get(f"/{secret}/{address}", 401)


def test_visitors_are_led_to_sign_in(client: TestClient, path: str) -> None:
    visitor = Browser(client)
    for address in ("new/main/data", "move/main/data", "delete/main/data", "revert/main"):
        answer = client.get(f"/{path}/{address}", headers=visitor.headers)
        assert answer.headers["location"].startswith("/login?next=%2Falice%2Fm%2F"), address
    assert "/delete/main" not in visitor.get(f"/{path}/tree/main/data")


def test_pages_lead_to_what_can_be_done(alice: Browser, client: TestClient, path: str) -> None:
    page = alice.get(f"/{path}/tree/main/data")
    for what in ("new", "upload", "move", "delete"):
        assert f'href="/{path}/{what}/main/data"' in page, what
    assert f'href="/{path}/move/main/data/a.txt"' in alice.get(f"/{path}/blob/main/data/a.txt")
    oid = said(client, path)["id"]
    assert "/delete/" not in alice.get(f"/{path}/blob/{oid}/data/a.txt"), "a commit stays as it is"


# ---- taking back -----------------------------------------------------------------------------------------------


def test_a_commit_is_taken_back_by_a_button(client: TestClient, cast: Cast, alice: Browser, path: str) -> None:
    oid = committed(client, cast.alice, path, file("data/a.txt", "wrong\n"), summary="Make it wrong")
    assert f'href="/{path}/revert/{oid}"' in alice.get(f"/{path}/commit/{oid}")
    assert f"/revert/{oid}" not in Browser(client).get(f"/{path}/commit/{oid}")
    done = alice.send(f"/{path}/revert/{oid}", "", how="commit", description="It was wrong.")
    newest = said(client, path)
    assert done.headers["location"] == f"/{path}/commit/{newest['id']}"
    assert newest["title"] == 'Revert "Make it wrong"'
    assert newest["message"] == f"It was wrong.\n\nThis reverts commit {oid}."
    assert client.get(f"/{path}/resolve/main/data/a.txt").text == "1\n"
    again = alice.send(f"/{path}/revert/{oid}", "", 422, how="commit", summary="Once more")
    assert "nothing to undo" in again.text and "Once more" in again.text


def test_a_reader_proposes_to_take_a_commit_back(client: TestClient, cast: Cast, charlie: Browser, path: str) -> None:
    oid = committed(client, cast.alice, path, file("data/a.txt", "wrong\n"), copied("README.md", "R2"))
    made = charlie.send(f"/{path}/revert/{oid}", "", how="pull")
    assert made.headers["location"] == f"/{path}/discussions/1"
    assert "R2" not in tree(client, path, "refs%2Fpr%2F1") and "R2" in tree(client, path)
