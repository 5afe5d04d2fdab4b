"""The list of threads, long threads, and what pages of a pull request count."""

import re

import pytest
from sqlalchemy import insert
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.core import clock
from freehold.core.ids import ordered_id
from freehold.discussions.tables import CommentVersion, Discussion, Event
from tests.content.given import repo
from tests.content.publishing import committed, file
from tests.discussions.browsing import Browser, browser
from tests.discussions.talking import details, opened, post
from tests.discussions.test_pulls import proposed
from tests.fixtures.people import Cast


@pytest.fixture
def path(client: TestClient, cast: Cast) -> str:
    path = repo(client, cast.alice, "m")
    committed(client, cast.alice, path, file("a", "1\n2\n3\n"), file("b", "1\n"))
    return path


def numbers(text: str) -> list[int]:
    """The threads of a list, in its order."""
    return [int(num) for num in re.findall(r'class="msg" href="[^"]*/discussions/(\d+)"', text)]


def tabs(text: str) -> dict[str, str]:
    found = re.findall(r">(\w[\w ]*)<span class=\"count\">([\d,]+)</span></a>", text.split('id="threads"')[-1])
    return dict(found)


def test_threads_are_found_by_words_kind_author_and_standing(client: TestClient, cast: Cast, path: str) -> None:
    opened(client, cast.charlie, path, "What does 100% mean?")
    opened(client, cast.bob, path, "A GAUGE moved")
    pull = proposed(client, cast.charlie, path, file("a", "one\n"))
    post(client, cast.charlie, path, "2/comment", comment="Which gauge?")
    post(client, cast.alice, path, "2/comment", comment="That one.")
    post(client, cast.alice, path, "1/status", status="closed")
    at, visitor = f"/{path}/discussions", Browser(client)
    text = visitor.get(at)
    assert numbers(text) == [pull, 2] and tabs(text) == {"Open": "2", "Closed": "1", "All": "3"}
    for query, found in (
        ("status=all&sort=old", [1, 2, pull]),
        ("status=all&sort=busy", [2, pull, 1]),
        ("status=all&search=gauge", [2]),
        ("status=all&search=100%25", [1]),
        ("status=all&search=1_0", []),
        ("type=pull_request", [pull]),
        ("author=BOB", [2]),
        ("search=moved+a", [2]),
        ("sort=z&status=x&type=y", [pull, 2]),
    ):
        assert numbers(visitor.get(f"{at}?{query}")) == found, query
    assert tabs(visitor.get(f"{at}?author=charlie")) == {"Open": "1", "Closed": "1", "All": "2"}
    assert "3 threads in all" in visitor.get(f"{at}?search=nothing-like-it")


def test_script_gets_the_list_alone(client: TestClient, cast: Cast, path: str) -> None:
    opened(client, cast.charlie, path)
    asked = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#threads"}
    part = client.get(f"/{path}/discussions?status=all", headers={"Accept": "text/html"} | asked).text
    assert numbers(part) == [1] and "<html" not in part and "repo-head" not in part


def test_pinned_threads_stand_above_what_is_not_narrowed(
    client: TestClient, cast: Cast, path: str, app: Starlette
) -> None:
    for title in ("The first", "The second"):
        opened(client, cast.charlie, path, title)
    alice = browser(app, client, cast.alice)
    alice.send(f"/{path}/discussions/1", "/pin", value="on")
    alice.send(f"/{path}/discussions/1", "/lock", value="on")
    text = alice.get(f"/{path}/discussions")
    assert numbers(text) == [1, 2] and "pinned" in text and "locked" in text
    assert numbers(alice.get(f"/{path}/discussions?search=second")) == [2]


def test_tabs_count_what_is_on_their_pages(client: TestClient, cast: Cast, path: str) -> None:
    """Not the opening, which a pull request that a commit opened leaves empty."""
    num = proposed(client, cast.charlie, path, file("a", "one\n2\n3\n"), file("new", "1"))
    where = f"/{path}/discussions/{num}"
    visitor = Browser(client)

    def counted(page: str) -> list[str]:
        return re.findall(r'(?:Conversation|Commits|Files changed)<span class="count">(\d+)', visitor.get(page))

    assert counted(where) == ["0", "1", "2"]
    post(client, cast.bob, path, f"{num}/comment", comment="Fine by me")
    assert counted(where) == counted(f"{where}/commits") == counted(f"{where}/files") == ["1", "1", "2"]


def test_remarks_lead_from_one_to_the_next_and_are_answered_where_they_stand(
    app: Starlette, client: TestClient, cast: Cast, path: str
) -> None:
    num = proposed(client, cast.charlie, path, file("a", "one\ntwo\nthree\n"))
    files = f"/{path}/discussions/{num}/files"
    alice, charlie = browser(app, client, cast.alice), browser(app, client, cast.charlie)
    for line in (3, 1):
        alice.send(f"{files}?path=a&side=after&line={line}", "/review", text=f"About {line}")
    said = re.findall(r'<article class="comment" id="([0-9a-f]{24})"', charlie.get(files))
    text = charlie.get(files)
    assert f'href="#{said[0]}"' in text and "2 remarks on lines" in text
    assert text.index("About 1") < text.index(f'<a href="#{said[1]}">Next remark') < text.index("About 3")
    assert "Reply about line 1" in charlie.get(f"{files}?path=a&side=after&line=1")
    charlie.send(f"{files}?path=a&side=after&line=1", "/review", text="I see")
    text = charlie.get(files)
    assert text.index("About 1") < text.index("I see") < text.index("About 3")
    kept = charlie.send(f"{files}?path=a&side=after&line=1", "/review", 422, text="kept words", line="900")
    assert "there is no line 900" in kept.text and "kept words" in kept.text


def test_a_merged_one_can_be_taken_back(app: Starlette, client: TestClient, cast: Cast, path: str) -> None:
    num = proposed(client, cast.charlie, path, file("a", "one\n"))
    alice = browser(app, client, cast.alice)
    alice.send(f"/{path}/discussions/{num}", "/merge")
    link = re.search(r'href="([^"]*/revert/[0-9a-f]{40}\?branch=main)"', alice.get(f"/{path}/discussions/{num}"))
    assert link is not None and "Revert" in alice.get(link[1])
    assert "/revert/" not in Browser(client).get(f"/{path}/discussions/{num}")


def test_a_thread_of_a_thousand_comments_is_read_in_pages(
    app: Starlette, client: TestClient, cast: Cast, path: str
) -> None:
    num = opened(client, cast.charlie, path, description="The beginning")
    where = f"/{path}/discussions/{num}"
    _fill(app, cast.bob.id, 999)
    visitor = Browser(client)
    newest = visitor.get(where)
    assert "The beginning" in newest and "word 1000<" in newest and "word 900<" not in newest
    assert newest.count('<article class="comment"') == 101 and "Earlier: 899 entries" in newest
    earlier = re.search(r'href="([^"#]*)#talk">Earlier', newest)
    assert earlier is not None
    before = visitor.get(earlier[1])
    assert "The beginning" in before and "word 801<" in before and "word 900<" in before and "word 901<" not in before
    assert "Earlier: 799 entries" in before and f'href="{where}#talk">Later: 100 entries' in before
    oldest = visitor.get(f"{where}?before=60")
    assert "Earlier" not in oldest and "word 59<" in oldest and "Later: 941 entries" in oldest
    some = details(client, cast.bob, path, num, "")["events"][499]["id"]
    link = re.search(rf'href="([^"]*)#{some}"', visitor.get(f"{where}?before=550"))
    assert link is not None and f'id="{some}"' in visitor.get(link[1])
    charlie = browser(app, client, cast.charlie)
    back = charlie.send(f"{where}?before=550", f"/comment/{some}/react", reaction="thanks").headers["location"]
    assert f'id="{some}"' in charlie.get(back.partition("#")[0]) and back.endswith(f"#{some}")


def _fill(app: Starlette, author_id: str | None, number: int) -> None:
    """The only thread there is holds so many comments more."""
    with app.state.database.write() as db:
        thread = db.query(Discussion).one()
        made = [
            {"id": ordered_id(), "discussion_id": thread.id, "position": at, "type": "comment", "author_id": author_id,
             "data": {}, "is_hidden": False, "created_at": clock.now()}
            for at in range(2, number + 2)
        ]  # fmt: skip
        words = [
            {"event_id": one["id"], "number": 1, "text": f"word {one['position']}", "author_id": author_id,
             "created_at": one["created_at"]}
            for one in made
        ]  # fmt: skip
        db.execute(insert(Event), made)
        db.execute(insert(CommentVersion), words)
        thread.events = number + 1
