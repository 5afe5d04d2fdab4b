"""Locks, pins, reactions, reviews; names in comments, and who is told."""

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.discussions import events, rules
from tests.content.given import repo
from tests.content.publishing import commit, committed, file
from tests.discussions.talking import details, first_comment, opened, post, put, take, told
from tests.fixtures.people import Cast, Person

NEWS = (
    events.DiscussionOpened,
    events.CommentAdded,
    events.CommentEdited,
    events.CommentHidden,
    events.ThreadRenamed,
    events.StatusChanged,
    events.ReviewGiven,
    events.ProposalMoved,
    events.Merged,
    events.Mentioned,
)


@pytest.fixture
def path(client: TestClient, cast: Cast) -> str:
    path = repo(client, cast.alice, "m")
    committed(client, cast.alice, path, file("a", "one\ntwo\nthree\n"))
    return path


@pytest.fixture
def news(app: Starlette) -> list[Any]:
    """Whatever the room tells the rooms above."""
    heard: list[Any] = []
    for event in NEWS:
        app.state.database.bus.subscribe(event, lambda db, told: heard.append(told))
    return heard


def pull(client: TestClient, who: Person, path: str, *lines: Any) -> int:
    answer = commit(client, who, path, *(lines or (file("a", "one\n2\nthree\n"),)), query="?create_pr=1")
    assert answer.status_code == 200, answer.text
    return int(answer.json()["pullRequestUrl"].rpartition("/")[2])


# ---- locks, pins, reactions --------------------------------------------------------------------------------


def test_a_locked_thread_is_for_writers(client: TestClient, cast: Cast, path: str) -> None:
    num = opened(client, cast.charlie, path)
    mine = first_comment(details(client, cast.charlie, path, num))
    assert put(client, cast.charlie, path, f"{num}/lock").status_code == 403
    assert put(client, cast.alice, path, f"{num}/lock").json()["event"]["type"] == "locking-change"
    assert put(client, cast.alice, path, f"{num}/lock").status_code == 409
    for call, body in (("comment", {"comment": "x"}), (f"comment/{mine}/edit", {"content": "x"})):
        refused = post(client, cast.charlie, path, f"{num}/{call}", **body)
        assert refused.status_code == 403 and "locked" in refused.json()["error"]
    assert put(client, cast.charlie, path, f"{num}/comment/{mine}/reactions/agree").status_code == 403
    assert post(client, cast.charlie, path, f"{num}/status", status="closed", comment="bye").status_code == 403
    assert post(client, cast.charlie, path, f"{num}/status", status="closed").status_code == 200
    assert post(client, cast.charlie, path, f"{num}/status", status="open").status_code == 403
    assert post(client, cast.alice, path, f"{num}/comment", comment="still here").status_code == 200
    assert details(client, cast.bob, path, num)["locked"] is True
    assert take(client, cast.alice, path, f"{num}/lock").status_code == 200
    assert post(client, cast.charlie, path, f"{num}/comment", comment="x").status_code == 200


def test_a_few_threads_are_pinned(client: TestClient, cast: Cast, path: str) -> None:
    numbers = [opened(client, cast.charlie, path) for _ in range(rules.MAX_PINNED + 1)]
    assert put(client, cast.charlie, path, "1/pin").status_code == 403
    answers = [put(client, cast.alice, path, f"{num}/pin").status_code for num in numbers]
    assert answers == [200] * rules.MAX_PINNED + [409]
    assert take(client, cast.alice, path, f"{numbers[0]}/pin").status_code == 200
    assert take(client, cast.alice, path, f"{numbers[0]}/pin").status_code == 409
    assert told(details(client, cast.alice, path, 1))[1:] == [("pinning-change", True), ("pinning-change", False)]


def test_reactions_are_counted_once_a_person(client: TestClient, cast: Cast, path: str) -> None:
    num = opened(client, cast.charlie, path)
    call = f"{num}/comment/{first_comment(details(client, cast.charlie, path, num))}/reactions"
    for who in (cast.alice, cast.bob, cast.bob):
        assert put(client, who, path, f"{call}/agree").status_code == 200
    shown = put(client, cast.bob, path, f"{call}/thanks").json()["updatedComment"]
    assert shown["data"]["reactions"] == {"agree": 2, "thanks": 1}
    assert details(client, cast.anonymous, path, num)["events"][0] == shown
    assert take(client, cast.bob, path, f"{call}/agree").json()["updatedComment"]["data"]["reactions"]["agree"] == 1
    assert take(client, cast.charlie, path, f"{call}/agree").status_code == 200
    assert put(client, cast.bob, path, f"{call}/rage").status_code == 400
    assert put(client, cast.anonymous, path, f"{call}/agree").status_code == 401
    assert put(client, cast.bob, path, f"{num}/comment/{'0' * 24}/reactions/agree").status_code == 404


# ---- reviews -----------------------------------------------------------------------------------------------


def test_alice_reviews_and_charlie_answers(client: TestClient, cast: Cast, path: str, news: list[Any]) -> None:
    num = pull(client, cast.charlie, path)
    remark = {"path": "a", "line": 2, "text": "Why a figure?"}
    body = {"state": "changes_requested", "comment": "Nearly", "remarks": [remark]}
    answer = post(client, cast.alice, path, f"{num}/reviews", **body)
    assert answer.status_code == 200, answer.text
    thread = details(client, cast.charlie, path, num)
    review, said = thread["events"][-2:]
    assert review == answer.json()["review"] and review["data"]["state"] == "changes_requested"
    assert review["data"]["latest"]["raw"] == "Nearly"
    place = said["data"]["place"]
    assert (place["path"], place["line"], place["side"], place["excerpt"]) == ("a", 2, "after", "one\n2")
    assert said["data"]["outdated"] is False and said["data"]["latest"]["raw"] == "Why a figure?"
    assert [event.verdict for event in news if isinstance(event, events.ReviewGiven)] == ["changes_requested"]
    committed(client, cast.charlie, path, file("a", "one\nzwei\nthree\n"), rev=f"refs%2Fpr%2F{num}")
    again = details(client, cast.charlie, path, num)["events"]
    assert next(event for event in again if event["id"] == said["id"])["data"]["outdated"] is True


def test_what_a_review_may_not_say(client: TestClient, cast: Cast, path: str) -> None:
    num, talk = pull(client, cast.charlie, path), opened(client, cast.alice, path)

    def status(who: Person, thread: int = num, **body: Any) -> int:
        code: int = post(client, who, path, f"{thread}/reviews", **body).status_code
        return code

    assert status(cast.charlie, state="approved") == 409
    assert status(cast.charlie, state="commented", comment="mine") == 200
    assert status(cast.alice, talk, state="approved") == 409
    assert status(cast.anonymous, state="approved") == 401
    assert status(cast.alice, state="blessed") == 400
    assert status(cast.alice, state="commented") == 400
    for wrong in ({"line": 99}, {"path": "nowhere"}, {"side": "under"}, {"oid": "0" * 40}, {"path": "../x\x00"}):
        remark = {"path": "a", "line": 1, "text": "x", **wrong}
        assert status(cast.alice, state="commented", remarks=[remark]) == 400, wrong
    assert status(cast.bob, state="approved") == 200
    assert post(client, cast.alice, path, f"{num}/merge").status_code == 200
    assert status(cast.alice, state="approved") == 409


# ---- names in comments -------------------------------------------------------------------------------------


def html(client: TestClient, who: Person, path: str, num: int) -> str:
    found: str = details(client, who, path, num)["events"][-1]["data"]["latest"]["html"]
    return found


def test_names_lead_to_what_is_there(client: TestClient, cast: Cast, path: str) -> None:
    oid = committed(client, cast.alice, path, file("b", "1"))
    text = f"@charlie @nobody #1 #99 {oid[:8]} alice/m alice/m#1 alice/none `@alice` bob@alice.com"
    num = opened(client, cast.alice, path, description=text)
    shown = html(client, cast.anonymous, path, num)
    for address in ("/charlie", f"/{path}/discussions/1", f"/{path}/commit/{oid}", f"/{path}"):
        assert f'href="{address}"' in shown, address
    assert shown.count("<a ") == 5  # alice/m#1 and #1 lead to the same place


def test_names_of_private_things_stay_words(client: TestClient, cast: Cast, path: str) -> None:
    secret = repo(client, cast.alice, "secret", private=True)
    opened(client, cast.alice, secret)
    num = opened(client, cast.alice, path, description=f"see {secret} and {secret}#1, and datasets/{secret}")
    assert html(client, cast.alice, path, num).count(f'href="/{secret}') == 2
    for stranger in (cast.charlie, cast.anonymous):
        assert "href" not in html(client, stranger, path, num)
    client.put(f"/api/models/{secret}/settings", json={"private": False, "gated": "manual"}, headers=cast.alice.headers)
    gated = html(client, cast.charlie, path, num)
    assert f'href="/{secret}"' in gated and "#1</a>" not in gated


def test_people_who_may_read_are_told_once(client: TestClient, cast: Cast, path: str, news: list[Any]) -> None:
    num = opened(client, cast.alice, path, description="@charlie @Bob @alice @lab @nobody\n> @root\n`@root`")
    (told_of,) = [event for event in news if isinstance(event, events.Mentioned)]
    assert sorted(told_of.account_ids) == sorted([cast.bob.id, cast.charlie.id])
    comment_id = first_comment(details(client, cast.alice, path, num))
    news.clear()
    post(client, cast.alice, path, f"{num}/comment/{comment_id}/edit", content="@charlie @root")
    assert [event.account_ids for event in news if isinstance(event, events.Mentioned)] == [[cast.root.id]]


def test_nobody_is_told_of_what_they_may_not_read(client: TestClient, cast: Cast, news: list[Any]) -> None:
    secret = repo(client, cast.alice, "secret", private=True)
    opened(client, cast.alice, secret, description="@charlie @bob @root")
    assert [event.account_ids for event in news if isinstance(event, events.Mentioned)] == [[cast.root.id]]


def test_a_flood_of_names_is_harmless(client: TestClient, cast: Cast, path: str, news: list[Any]) -> None:
    flood = " ".join(f"@someone{number} #{number} a/b{number} {number:07x}" for number in range(1500))
    opened(client, cast.charlie, path, description="@alice " * 3 + flood)
    (told_of,) = [event for event in news if isinstance(event, events.Mentioned)]
    assert list(told_of.account_ids) == [cast.alice.id]
    assert details(client, cast.alice, path, 1)["events"][0]["data"]["latest"]["html"].count("<a ") == 3 + 1


def test_news_of_a_thread(client: TestClient, cast: Cast, path: str, news: list[Any]) -> None:
    num = opened(client, cast.charlie, path)
    post(client, cast.alice, path, f"{num}/comment", comment="Yes")
    post(client, cast.alice, path, f"{num}/status", status="closed", comment="Done")
    kinds = [type(event) for event in news]
    assert kinds == [events.DiscussionOpened, events.CommentAdded, events.CommentAdded, events.StatusChanged]
    assert (news[-1].before, news[-1].discussion.status, news[-1].actor.name) == ("open", "closed", "alice")
    assert news[0].repo.path == path and news[0].event.versions[0].text == "First words"
    news.clear()
    comment_id = first_comment(details(client, cast.alice, path, num))
    post(client, cast.charlie, path, f"{num}/comment/{comment_id}/edit", content="Other words")
    post(client, cast.charlie, path, f"{num}/title", title="Another question")
    post(client, cast.alice, path, f"{num}/comment/{comment_id}/hide")
    assert [type(event) for event in news] == [events.CommentEdited, events.ThreadRenamed, events.CommentHidden]
    assert (news[1].before, news[1].discussion.title) == ("A question", "Another question")
    assert news[2].event.versions == [] and news[2].actor.name == "alice"
    news.clear()
    pulled = pull(client, cast.charlie, path)
    post(client, cast.alice, path, f"{pulled}/merge")
    assert [type(event) for event in news] == [events.DiscussionOpened, events.Merged]
