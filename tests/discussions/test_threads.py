"""Discussions: what people say, and who may say what."""

import threading
from typing import Any

import pytest
from sqlalchemy import delete
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.accounts.tables import Account
from freehold.core.database import Database
from freehold.discussions import rules, service
from freehold.discussions.errors import BadText, DiscussionFull
from freehold.discussions.tables import CommentVersion, Discussion
from tests.content.given import repo
from tests.discussions.talking import details, first_comment, listed, opened, post, told
from tests.fixtures.people import Cast


@pytest.fixture
def path(client: TestClient, cast: Cast) -> str:
    return repo(client, cast.alice, "m")


# ---- opening and reading -----------------------------------------------------------------------------------


def test_charlie_asks_a_question(client: TestClient, cast: Cast, path: str) -> None:
    num = opened(client, cast.charlie, path, "  Which   licence? ", description="I see *none*.")
    thread = details(client, cast.anonymous, path, num)
    event = thread["events"][0]
    assert thread == {
        "num": 1,
        "title": "Which licence?",
        "status": "open",
        "isPullRequest": False,
        "pinned": False,
        "locked": False,
        "createdAt": thread["createdAt"],
        "repo": {"name": "alice/m", "type": "model"},
        "author": {"name": "charlie", "fullname": "Charlie", "type": "user"},
        "events": [event],
    }
    assert (event["type"], event["author"]["name"], len(event["id"])) == ("comment", "charlie", 24)
    assert event["data"]["latest"]["raw"] == "I see *none*."
    assert event["data"]["latest"]["html"] == "<p>I see <em>none</em>.</p>\n"
    assert (event["data"]["edited"], event["data"]["hidden"], event["data"]["history"]) == (False, False, [])


def test_a_thread_reads_the_same_every_time(client: TestClient, cast: Cast, path: str) -> None:
    num = opened(client, cast.alice, path, pullRequest=True)
    assert details(client, cast.alice, path, num) == details(client, cast.alice, path, num)


def test_a_comment_is_no_way_to_run_a_script(client: TestClient, cast: Cast, path: str) -> None:
    num = opened(client, cast.charlie, path, description="<script>alert(1)</script>[x](javascript:alert(1))")
    html = details(client, cast.alice, path, num)["events"][0]["data"]["latest"]["html"]
    assert "<script" not in html and "href" not in html


@pytest.mark.parametrize("kind", ["datasets", "spaces", "kernels"])
def test_every_kind_has_discussions(client: TestClient, cast: Cast, kind: str) -> None:
    singular = kind.removesuffix("s")
    body = {"name": "k", "type": singular, "sdk": "static"}
    assert client.post("/api/repos/create", json=body, headers=cast.alice.headers).status_code == 200
    assert opened(client, cast.charlie, "alice/k", kind=kind) == 1
    shown = client.get(f"/api/{kind}/Alice/K/discussions").json()["discussions"][0]
    assert shown["repo"] == {"name": "alice/k", "type": singular}


def test_lists_are_narrowed_and_newest_first(client: TestClient, cast: Cast, path: str) -> None:
    question = opened(client, cast.charlie, path)
    draft = opened(client, cast.alice, path, pullRequest=True)
    answered = opened(client, cast.alice, path)
    assert post(client, cast.alice, path, f"{answered}/status", status="closed").status_code == 200
    assert listed(client, cast.anonymous, path) == [answered, draft, question]
    for query, numbers in {
        "?type=all&status=all": [answered, draft, question],
        "?type=discussion": [answered, question],
        "?type=pull_request": [draft],
        "?status=open": [draft, question],
        "?status=closed": [answered],
        "?status=draft": [draft],
        "?author=Alice": [answered, draft],
        "?author=nobody": [],
        "?p=1": [],
    }.items():
        assert listed(client, cast.anonymous, path, query) == numbers, query
    for query in ("?type=x", "?status=x", "?p=x", "?p=-1"):
        assert client.get(f"/api/models/{path}/discussions{query}").status_code == 400, query


def test_lists_come_in_pages(client: TestClient, cast: Cast, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "PAGE", 2)
    for _ in range(5):
        opened(client, cast.alice, path)
    pages = [client.get(f"/api/models/{path}/discussions?p={page}").json() for page in range(3)]
    assert [[item["num"] for item in page["discussions"]] for page in pages] == [[5, 4], [3, 2], [1]]
    assert [(page["start"], page["count"]) for page in pages] == [(0, 5), (2, 5), (4, 5)]


@pytest.mark.parametrize("num", ["2", "0", str(2**31), str(2**63), "9" * 30])
def test_a_thread_that_is_not_there(client: TestClient, cast: Cast, path: str, num: str) -> None:
    opened(client, cast.alice, path)
    answer = client.get(f"/api/models/{path}/discussions/{num}")
    assert answer.status_code == 404 and "no discussion" in answer.json()["error"]
    assert "x-error-code" not in answer.headers, "the repository is there"
    assert post(client, cast.alice, path, f"{num}/comment", comment="hello").status_code == 404


@pytest.mark.parametrize(("title", "length"), [("", 0), ("  ab ", 2), ("x" * 201, 201), ("\n\t a", 1)])
def test_titles_that_are_none(client: TestClient, cast: Cast, path: str, title: str, length: int) -> None:
    answer = post(client, cast.alice, path, title=title)
    assert answer.status_code == 400 and f"this one has {length}" in answer.json()["error"]
    assert listed(client, cast.alice, path) == []
    assert opened(client, cast.alice, path) == 1, "the number was not spent"


# ---- saying ------------------------------------------------------------------------------------------------


def test_a_conversation(client: TestClient, cast: Cast, path: str) -> None:
    num = opened(client, cast.charlie, path)
    said = post(client, cast.bob, path, f"{num}/comment", comment="Second **words** 🤗").json()["newMessage"]
    thread = details(client, cast.charlie, path, num)
    assert thread["events"][1] == said
    assert told(thread) == [("comment", "First words"), ("comment", "Second **words** 🤗")]


def test_words_that_are_none(client: TestClient, cast: Cast, path: str) -> None:
    num = opened(client, cast.alice, path)
    for text in ("", " \n", "\x00", "x" * (rules.MAX_COMMENT_CHARS + 1)):
        assert post(client, cast.alice, path, f"{num}/comment", comment=text).status_code == 400
    assert post(client, cast.alice, path, f"{num}/comment", text="other key").status_code == 422
    headers = cast.alice.headers | {"Content-Type": "application/json"}
    raw = client.post(
        f"/api/models/{path}/discussions/{num}/comment", content=b'{"comment": "half \\ud83d a"}', headers=headers
    )
    assert raw.status_code < 500
    assert len(details(client, cast.alice, path, num)["events"]) <= 2


def test_a_thread_has_an_end_and_can_still_be_closed(
    client: TestClient, cast: Cast, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MAX_EVENTS", 2)
    num = opened(client, cast.alice, path)
    assert post(client, cast.alice, path, f"{num}/comment", comment="two").status_code == 200
    assert post(client, cast.alice, path, f"{num}/comment", comment="three").status_code == 409
    assert post(client, cast.alice, path, f"{num}/title", title="Another").status_code == 409
    assert post(client, cast.alice, path, f"{num}/status", status="closed").status_code == 200
    assert post(client, cast.alice, path, f"{num}/status", status="open").status_code == 409
    monkeypatch.setattr(rules, "MAX_CHARACTERS", 15)
    assert "open another" in post(client, cast.alice, path, title="Many", description="x" * 16).json()["error"]


def test_editing_keeps_what_was_said(client: TestClient, cast: Cast, path: str) -> None:
    num = opened(client, cast.charlie, path)
    comment_id = first_comment(details(client, cast.charlie, path, num))
    edited = post(client, cast.charlie, path, f"{num}/comment/{comment_id}/edit", content="Better words").json()
    event = details(client, cast.charlie, path, num)["events"][0]
    assert event == edited["updatedComment"]
    assert (event["id"], event["data"]["edited"], event["data"]["numEdits"]) == (comment_id, True, 1)
    assert event["data"]["latest"]["raw"] == "Better words"
    assert [version["raw"] for version in event["data"]["history"]] == ["First words"]


def test_nobody_puts_words_into_anothers_mouth(client: TestClient, cast: Cast, path: str) -> None:
    num = opened(client, cast.charlie, path)
    comment_id = first_comment(details(client, cast.charlie, path, num))
    for who, status in ((cast.alice, 403), (cast.root, 403), (cast.bob, 403), (cast.anonymous, 401)):
        answer = post(client, who, path, f"{num}/comment/{comment_id}/edit", content="Mine")
        assert answer.status_code == status, who.name
    other = opened(client, cast.charlie, path)
    for wrong in (f"{other}/comment/{comment_id}", f"{num}/comment/{'0' * 24}", f"{num}/comment/x"):
        assert post(client, cast.charlie, path, f"{wrong}/edit", content="Mine").status_code == 404
    assert told(details(client, cast.alice, path, num)) == [("comment", "First words")]


def test_hidden_words_are_gone(client: TestClient, cast: Cast, path: str, app: Starlette) -> None:
    num = opened(client, cast.charlie, path, description="a secret")
    comment_id = first_comment(details(client, cast.charlie, path, num))
    post(client, cast.charlie, path, f"{num}/comment/{comment_id}/edit", content="no secret")
    call = f"{num}/comment/{comment_id}/hide"
    assert post(client, cast.charlie, path, call).status_code == 403
    assert post(client, cast.anonymous, path, call).status_code == 401
    hidden = post(client, cast.alice, path, call).json()["updatedComment"]
    thread = details(client, cast.charlie, path, num)
    assert thread["events"][0] == hidden and hidden["data"]["hidden"] is True
    assert "secret" not in str(thread)
    with app.state.database.read() as db:
        assert db.query(CommentVersion).count() == 0
    assert post(client, cast.alice, path, call).status_code == 409
    assert post(client, cast.charlie, path, f"{num}/comment/{comment_id}/edit", content="again").status_code == 409


# ---- title and status --------------------------------------------------------------------------------------


def test_renaming(client: TestClient, cast: Cast, path: str) -> None:
    num = opened(client, cast.charlie, path)
    event = post(client, cast.charlie, path, f"{num}/title", title=" New  title ").json()["newTitle"]
    assert (event["type"], event["data"]) == ("title-change", {"from": "A question", "to": "New title"})
    assert post(client, cast.alice, path, f"{num}/title", title="Newer title").status_code == 200
    assert details(client, cast.alice, path, num)["title"] == "Newer title"
    assert post(client, cast.alice, path, f"{num}/title", title="Newer title").status_code == 409
    assert post(client, cast.bob, path, f"{num}/title", title="Mine").status_code == 403
    assert post(client, cast.anonymous, path, f"{num}/title", title="Mine").status_code == 401
    assert post(client, cast.alice, path, f"{num}/title", title="x").status_code == 400


def test_closing_and_opening_again(client: TestClient, cast: Cast, path: str) -> None:
    num = opened(client, cast.charlie, path)
    event = post(client, cast.charlie, path, f"{num}/status", status="closed", comment="Solved").json()["newStatus"]
    assert (event["type"], event["data"]) == ("status-change", {"status": "closed"})
    assert post(client, cast.alice, path, f"{num}/status", status="closed").status_code == 409
    assert post(client, cast.bob, path, f"{num}/status", status="open").status_code == 403
    assert post(client, cast.alice, path, f"{num}/status", status="open").status_code == 200
    for status in ("draft", "merged", "published", ""):
        assert post(client, cast.alice, path, f"{num}/status", status=status).status_code == 422
    thread = details(client, cast.alice, path, num)
    assert thread["status"] == "open"
    assert told(thread)[1:] == [("comment", "Solved"), ("status-change", "closed"), ("status-change", "open")]


def test_a_discussion_cannot_be_merged(client: TestClient, cast: Cast, path: str) -> None:
    num = opened(client, cast.alice, path)
    answer = post(client, cast.alice, path, f"{num}/merge")
    assert answer.status_code == 409 and "this is a discussion" in answer.json()["error"]


# ---- who may -----------------------------------------------------------------------------------------------

CALLS: list[tuple[str, dict[str, Any]]] = [
    ("", {"title": "A title"}),
    ("", {"title": "A title", "pullRequest": True}),
    ("1/comment", {"comment": "words"}),
    ("1/title", {"title": "A title"}),
    ("1/status", {"status": "closed"}),
    ("1/merge", {}),
    (f"1/comment/{'0' * 24}/edit", {"content": "words"}),
    (f"1/comment/{'0' * 24}/hide", {}),
]


@pytest.mark.parametrize(("call", "body"), CALLS)
def test_a_private_repository_has_no_discussions_for_strangers(
    client: TestClient, cast: Cast, call: str, body: dict[str, Any]
) -> None:
    secret = repo(client, cast.alice, "secret", private=True)
    opened(client, cast.alice, secret)
    for who, status in ((cast.charlie, 404), (cast.anonymous, 401)):
        answer = post(client, who, secret, call, **body)
        assert (answer.status_code, answer.headers["x-error-code"]) == (status, "RepoNotFound")
        for address in ("", "/1", "/2"):
            answer = client.get(f"/api/models/{secret}/discussions{address}", headers=who.headers)
            assert (answer.status_code, answer.headers["x-error-code"]) == (status, "RepoNotFound")


@pytest.mark.parametrize(("call", "body"), CALLS)
def test_nobody_speaks_without_signing_in_or_with_a_read_token(
    client: TestClient, cast: Cast, path: str, call: str, body: dict[str, Any]
) -> None:
    opened(client, cast.alice, path)
    address = f"/api/models/{path}/discussions" + (f"/{call}" if call else "")
    assert client.post(address, json=body).status_code == 401
    assert client.post(address, json=body, headers=cast.alice.read_headers).status_code == 403
    assert listed(client, cast.alice, path) == [1]
    assert len(details(client, cast.alice, path, 1)["events"]) == 1


# ---- rows --------------------------------------------------------------------------------------------------


def test_discussions_opened_at_once_get_numbers_of_their_own(
    app: Starlette, cast: Cast, client: TestClient, path: str
) -> None:
    """Discussions and pull requests, by many at once, count on from each other."""
    database: Database = app.state.database
    numbers: list[int] = []

    def work(index: int) -> None:
        create = service.create_pull_request if index % 2 else service.create_discussion
        for _ in range(3):
            with database.write() as db:
                made = create(db, cast.charlie.actor, path, kind="model", title=f"By {index}")
            numbers.append(made.num)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 19))
    refs = client.get(f"/api/models/{path}/refs?include_prs=1").json()["pullRequests"]
    pulls = listed(client, cast.alice, path, "?type=pull_request")
    assert sorted(ref["ref"] for ref in refs) == sorted(f"refs/pr/{num}" for num in pulls)


def test_comments_made_at_once_are_all_there(app: Starlette, cast: Cast, client: TestClient, path: str) -> None:
    num, database = opened(client, cast.alice, path), app.state.database

    def work(index: int) -> None:
        with database.write() as db:
            service.comment(db, cast.charlie.actor, path, num, kind="model", text=f"Words {index}")

    threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {words for _, words in told(details(client, cast.alice, path, num))[1:]} == {f"Words {i}" for i in range(8)}


def test_a_thread_outlives_its_author_and_goes_with_its_repository(
    client: TestClient, cast: Cast, path: str, app: Starlette
) -> None:
    num = opened(client, cast.charlie, path)
    with app.state.database.write() as db:
        db.execute(delete(Account).where(Account.id == cast.charlie.id))
    thread = details(client, cast.alice, path, num)
    assert "author" not in thread and "author" not in thread["events"][0]
    assert told(thread) == [("comment", "First words")]
    gone = client.request("DELETE", "/api/repos/delete", json={"name": path}, headers=cast.alice.headers)
    assert gone.status_code == 200
    with app.state.database.read() as db:
        assert (db.query(Discussion).count(), db.query(CommentVersion).count()) == (0, 0)


def test_numbers_go_on_after_a_move(client: TestClient, cast: Cast, path: str) -> None:
    opened(client, cast.alice, path)
    body = {"fromRepo": path, "toRepo": "alice/other", "type": "model"}
    assert client.post("/api/repos/move", json=body, headers=cast.alice.headers).status_code == 200
    assert opened(client, cast.alice, "alice/other") == 2
    assert details(client, cast.alice, "alice/other", 1)["repo"]["name"] == "alice/other"
    assert client.get(f"/api/models/{path}/discussions/1").headers["location"].endswith("/alice/other/discussions/1")


@pytest.mark.rules
def test_titles_of_commits_always_fit() -> None:
    assert rules.title_of_commit("Add  it\nand more") == "Add it and more"
    assert rules.title_of_commit("\x01") == "Pull request"
    assert len(rules.title_of_commit("x" * 4096)) == rules.MAX_TITLE_CHARS
    with pytest.raises(BadText):
        rules.checked_title("ab")
    assert DiscussionFull(1).status == 409
