"""Who is told of what: those with a part in it, those who watch; nobody of what they may not read; floods end."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from freehold.accounts.rules import SESSION_COOKIE
from freehold.accounts.service import open_session
from freehold.accounts.tables import Account, Membership
from freehold.core import clock, events
from freehold.inbox import rules
from freehold.inbox.service import notifying
from freehold.inbox.tables import News, Notification
from freehold.repos import service as repos
from freehold.repos.service import Changes
from freehold.tasks import queue as tasks
from tests.discussions.talking import opened, post
from tests.fixtures.people import Cast, Person
from tests.inbox.hooks import settled

JSON = dict[str, Any]


@pytest.fixture
def repo(app: Starlette, cast: Cast) -> str:
    """Alice's model; what was told of making it is done."""
    with app.state.database.write() as db:
        repos.create(db, cast.alice.actor, "m")
    settled(app)
    return "alice/m"


def inbox(client: TestClient, who: Person, query: str = "") -> list[JSON]:
    answer = client.get(f"/api/notifications{query}", headers=who.headers)
    assert answer.status_code == 200, answer.text
    found: list[JSON] = answer.json()
    return found


def told(client: TestClient, who: Person) -> list[tuple[str, str]]:
    return [(one["kind"], one["reason"]) for one in inbox(client, who)]


def watch(client: TestClient, who: Person, type_: str, name: str, level: str = "all") -> Any:
    body = {"add": [{"type": type_, "name": name, "level": level}]}
    return client.post("/api/settings/watch", json=body, headers=who.headers)


# ---- who is told -------------------------------------------------------------------------------------------


def test_owners_and_participants_are_told_one_row_a_thread(
    client: TestClient, app: Starlette, cast: Cast, repo: str
) -> None:
    num = opened(client, cast.charlie, repo, "Does it scale?")
    settled(app)
    assert told(client, cast.alice) == [("discussion-opened", "owner")]
    assert told(client, cast.charlie) == [], "nobody is told of what they did"
    post(client, cast.alice, repo, f"{num}/comment", comment="It does")
    post(client, cast.bob, repo, f"{num}/comment", comment="For me too")
    settled(app)
    (one,) = inbox(client, cast.charlie)
    assert (one["kind"], one["reason"], one["count"], one["actor"]) == ("comment", "participating", 2, "bob")
    assert one["url"].endswith(f"/alice/m/discussions/{num}")
    post(client, cast.alice, repo, f"{num}/status", status="closed")
    settled(app)
    assert told(client, cast.bob) == [("status", "participating")]


def test_watching_muting_and_ignoring(client: TestClient, app: Starlette, cast: Cast, repo: str) -> None:
    assert watch(client, cast.bob, "model", repo).json() == [{"type": "model", "name": "alice/m", "level": "all"}]
    assert watch(client, cast.charlie, "user", "alice").status_code == 200
    assert watch(client, cast.root, "user", "alice").status_code == 200
    assert watch(client, cast.root, "model", repo, "ignore").status_code == 200
    assert watch(client, cast.alice, "model", repo, "participating").status_code == 200
    num = opened(client, cast.root, repo, "Something")
    settled(app)
    assert told(client, cast.bob) == [("discussion-opened", "watching")]
    assert told(client, cast.charlie) == [("discussion-opened", "watching")]
    assert told(client, cast.alice) == [], "chose to hear only of what she has a part in"
    address = f"/api/models/{repo}/discussions/{num}/mute"
    assert client.put(address, json={"muted": True}, headers=cast.bob.headers).json() == {"muted": True}
    post(client, cast.charlie, repo, f"{num}/comment", comment="More")
    settled(app)
    assert inbox(client, cast.bob)[0]["count"] == 1
    assert told(client, cast.root) == [], "ignored, though it is his own thread"
    gone = client.post(
        "/api/settings/watch", json={"delete": [{"type": "user", "name": "alice"}]}, headers=cast.charlie.headers
    )
    assert gone.json() == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"add": [{"type": "galaxy", "name": "a"}]}, 400),
        ({"add": [{"type": "model", "name": "alice/m", "level": "loud"}]}, 400),
        ({"add": [{"type": "user", "name": "nobody"}]}, 404),
        ({"add": [{"type": "model", "name": "alice/none"}]}, 404),
        ({"add": 5}, 422),
    ],
)
def test_what_cannot_be_watched_is_refused(client: TestClient, cast: Cast, repo: str, body: JSON, status: int) -> None:
    assert client.post("/api/settings/watch", json=body, headers=cast.bob.headers).status_code == status


def test_nobody_watches_what_they_may_not_read(client: TestClient, app: Starlette, cast: Cast) -> None:
    with app.state.database.write() as db:
        repos.create(db, cast.alice.actor, "secret", visibility="private")
    assert watch(client, cast.charlie, "model", "alice/secret").status_code == 404


def test_a_mention_reaches_those_who_may_read_and_floods_end(
    client: TestClient, app: Starlette, cast: Cast, repo: str
) -> None:
    with app.state.database.write() as db:
        names = [accounts.create_user(db, f"user{number}").name for number in range(40)]
    num = opened(client, cast.charlie, repo, "A flood", description="@bob " + " ".join(f"@{name}" for name in names))
    settled(app)
    assert told(client, cast.bob) == [("mention", "mention")]
    with app.state.database.read() as db:
        assert (db.scalar(select(func.count()).select_from(Notification)) or 0) <= 16
    for _ in range(5):
        post(client, cast.charlie, repo, f"{num}/comment", comment="@bob again")
    settled(app)
    assert len(inbox(client, cast.bob)) == 1, "one row, however often"


def test_a_flood_over_many_comments_ends_too(
    client: TestClient, app: Starlette, cast: Cast, repo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MAX_NAMED_PER_HOUR", 3)
    num = opened(client, cast.charlie, repo, "A flood", description="@bob @root")
    for _ in range(3):
        assert post(client, cast.charlie, repo, f"{num}/comment", comment="@bob @root").status_code == 200
    with app.state.database.read() as db:
        people = [news.data["people"] for news in db.scalars(select(News).where(News.kind == "mention"))]
    assert sorted(len(some) for some in people) == [1, 2], "the comments stand, and name nobody any more"
    post(client, cast.alice, repo, f"{num}/comment", comment="@charlie stop")
    settled(app)
    assert told(client, cast.charlie)[0][1] == "mention", "others may still name people"
    with clock.frozen(clock.now() + timedelta(minutes=61)):
        post(client, cast.charlie, repo, f"{num}/comment", comment="@bob again")
    with app.state.database.read() as db:
        assert len(db.scalars(select(News).where(News.kind == "mention")).all()) == 4


def test_access_lost_takes_what_was_told_with_it(client: TestClient, app: Starlette, cast: Cast) -> None:
    with app.state.database.write() as db:
        repos.create(db, cast.alice.actor, "plan", namespace="lab", visibility="private")
    watch(client, cast.bob, "org", "lab")
    opened(client, cast.alice, "lab/plan", "Secret words")
    settled(app)
    assert len(inbox(client, cast.bob)) == 1
    with app.state.database.write() as db:
        lab = accounts.account(db, "lab")
        db.delete(db.get_one(Membership, (lab.id, cast.bob.id)))
    assert inbox(client, cast.bob) == [], "at the next look, even before anything is cleaned"


def test_made_private_it_leaves_every_inbox(client: TestClient, app: Starlette, cast: Cast, repo: str) -> None:
    watch(client, cast.charlie, "model", repo)
    opened(client, cast.bob, repo, "Public words")
    settled(app)
    assert len(inbox(client, cast.charlie)) == 1
    with app.state.database.write() as db:
        repos.change_settings(db, cast.alice.actor, repo, Changes(visibility="private"), kind="model")
    settled(app)
    with app.state.database.read() as db:
        assert db.scalars(select(Notification).where(Notification.user_id == cast.charlie.id)).all() == []
        assert notifying.unread(db, cast.charlie.actor) == 0


def test_moved_and_deleted_repositories_are_told(client: TestClient, app: Starlette, cast: Cast, repo: str) -> None:
    watch(client, cast.bob, "model", repo)
    with app.state.database.write() as db:
        repos.move(db, cast.alice.actor, repo, "alice/n", kind="model")
    settled(app)
    with app.state.database.write() as db:
        repos.delete_repo(db, cast.alice.actor, "alice/n", kind="model")
    settled(app)
    # What was told of it before cannot be read any more: it went with the repository.
    assert [one["title"] for one in inbox(client, cast.bob)] == ["alice/n was deleted"]
    assert client.get("/api/settings/watch", headers=cast.bob.headers).json() == []


def test_news_of_a_thread_that_is_gone_when_it_is_told(
    client: TestClient, app: Starlette, cast: Cast, repo: str
) -> None:
    opened(client, cast.charlie, repo, "Soon gone")
    with app.state.database.write() as db:
        repos.delete_repo(db, cast.alice.actor, repo, kind="model")
    settled(app)
    with app.state.database.read() as db:
        assert tasks.unfinished(db) == [], "a task fails for good"
    assert [one["title"] for one in inbox(client, cast.charlie)] == []


def test_spreading_twice_tells_once_and_goes_in_batches(
    client: TestClient, app: Starlette, cast: Cast, repo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifying, "BATCH", 2)
    with app.state.database.write() as db:
        people = [accounts.create_user(db, f"user{number}") for number in range(5)]
        tokens = [accounts.create_token(db, user, "t", "write")[1] for user in people]
    for token in tokens:
        body = {"add": [{"type": "model", "name": repo}]}
        client.post("/api/settings/watch", json=body, headers={"Authorization": f"Bearer {token}"})
    opened(client, cast.charlie, repo, "To many")
    settled(app)
    with app.state.database.write() as db:
        rows = db.scalars(select(Notification)).all()
        assert len(rows) == 6
        news = db.scalars(select(News).where(News.kind == "discussion-opened")).one()
        after: str | None = ""
        while after is not None:
            after = notifying.spread(db, app.state.kit, news, after=after)
        assert [row.count for row in db.scalars(select(Notification))] == [1] * 6


def test_gates_memberships_and_invitations_are_told(client: TestClient, app: Starlette, cast: Cast) -> None:
    from freehold.accounts.events import MemberAdded
    from freehold.gating.events import AccessRequested  # noqa: F401  what the listener is for

    with app.state.database.write() as db:
        repos.create(db, cast.alice.actor, "gated")
        repos.change_settings(db, cast.alice.actor, "alice/gated", Changes(gated="manual"), kind="model")
    client.post("/alice/gated/ask-access", headers={**cast.charlie.headers, "accept": "application/json"})
    settled(app)
    asked = inbox(client, cast.alice)
    assert [one["kind"] for one in asked] == ["access-requested"], asked
    assert asked[0]["title"] == "charlie asks for access to alice/gated"
    handle = "/api/models/alice/gated/user-access-request/handle"
    client.post(handle, json={"user": "charlie", "status": "accepted"}, headers=cast.alice.headers)
    assert [one["title"] for one in inbox(client, cast.charlie)] == ["alice/gated is open to you"]
    with app.state.database.write() as db:
        lab, alice, bob = (
            accounts.account(db, "lab"),
            db.get_one(Account, cast.alice.id),
            db.get_one(Account, cast.bob.id),
        )
        events.publish(db, MemberAdded(lab, bob, "write", alice))
    assert inbox(client, cast.bob)[0]["title"] == "alice made you a member of lab, as write"


# ---- the inbox ---------------------------------------------------------------------------------------------


def test_read_unread_count_and_filters(client: TestClient, app: Starlette, cast: Cast, repo: str) -> None:
    nums = [opened(client, cast.charlie, repo, f"Thread {number}") for number in range(3)]
    opened(client, cast.charlie, repo, "Look", description="@alice look")
    settled(app)
    count = lambda: client.get("/api/notifications/count", headers=cast.alice.headers).json()["unread"]  # noqa: E731
    assert count() == 4
    assert [one["reason"] for one in inbox(client, cast.alice, "?reason=mention")] == ["mention"]
    assert len(inbox(client, cast.alice, "?repo=alice/m")) == 4
    assert inbox(client, cast.alice, "?repo=alice/other") == []
    first = inbox(client, cast.alice)[-1]
    mark = lambda body, who=cast.alice: client.post("/api/notifications/read", json=body, headers=who.headers)  # noqa: E731
    assert mark({"ids": [first["id"]]}).json() == {"changed": 1}
    assert mark({"ids": [first["id"]]}, cast.bob).status_code == 404
    assert mark({"ids": ["nonesuch"]}).status_code == 404
    assert count() == 3
    assert len(inbox(client, cast.alice, "?unread=true")) == 3
    assert mark({"ids": [first["id"]], "read": False}).json() == {"changed": 1}
    assert mark({"all": True}).json() == {"changed": 4}
    assert count() == 0
    post(client, cast.charlie, repo, f"{nums[0]}/comment", comment="news")
    settled(app)
    assert count() == 1
    page = client.get("/api/notifications?limit=2", headers=cast.alice.headers)
    assert len(page.json()) == 2
    more = client.get(page.links["next"]["url"], headers=cast.alice.headers).json()
    assert {one["id"] for one in more}.isdisjoint(one["id"] for one in page.json())


def test_an_inbox_is_its_owners_alone(client: TestClient, cast: Cast) -> None:
    for address in (
        "/api/notifications",
        "/api/notifications/count",
        "/api/settings/watch",
        "/api/settings/notifications",
    ):
        assert client.get(address).status_code == 401
    assert client.post("/api/notifications/read", json={"all": True}, headers=cast.bob.read_headers).status_code == 403


def test_choices_are_kept_and_heeded(client: TestClient, app: Starlette, cast: Cast, repo: str) -> None:
    address = "/api/settings/notifications"
    shown = client.patch(address, json={"watching": {"page": False, "mail": False}}, headers=cast.alice.headers).json()
    assert (shown["watching"]["page"], shown["mention"]["mail"]) == (False, True)
    assert (
        client.patch(address, json={"x": {"page": True, "mail": True}}, headers=cast.alice.headers).status_code == 400
    )
    opened(client, cast.charlie, repo, "Unheard")
    settled(app)
    assert inbox(client, cast.alice) == []


def test_old_news_is_forgotten(client: TestClient, app: Starlette, cast: Cast, repo: str) -> None:
    from datetime import timedelta

    from freehold.core import clock

    opened(client, cast.charlie, repo, "Old")
    settled(app)
    with app.state.database.write() as db, clock.frozen(clock.now() + timedelta(days=400)):
        notifying.prune(db)
        assert db.scalars(select(Notification)).all() == []
        assert db.scalars(select(News)).all() == []


# ---- activity ----------------------------------------------------------------------------------------------


def test_the_feed_shows_what_its_reader_may_read(client: TestClient, app: Starlette, cast: Cast, repo: str) -> None:
    with app.state.database.write() as db:
        repos.create(db, cast.alice.actor, "secret", namespace="lab", visibility="private")
    opened(client, cast.charlie, repo, "In the open")

    def feed(who: Person, query: str = "") -> list[tuple[str, str]]:
        answer = client.get(f"/api/activity{query}", headers=who.headers)
        assert answer.status_code == 200, answer.text
        return [(one["kind"], one["repo"]["name"]) for one in answer.json()]

    public = [("discussion-opened", "alice/m"), ("repo-created", "alice/m")]
    assert feed(cast.anonymous) == feed(cast.charlie) == public
    assert ("repo-created", "lab/secret") in feed(cast.bob)
    assert feed(cast.anonymous, "?account=charlie") == public[:1]
    assert feed(cast.anonymous, "?account=lab") == []
    assert feed(cast.alice, "?watched=true") == [public[0], ("repo-created", "lab/secret"), public[1]]
    assert feed(cast.charlie, "?watched=true") == []
    assert client.get("/api/activity?watched=true").status_code == 401
    assert client.get("/api/activity?account=nobody").status_code == 404
    assert len(client.get("/api/models/alice/m/activity").json()) == 2
    assert client.get("/api/models/lab/secret/activity", headers=cast.charlie.headers).status_code == 404
    page = client.get("/api/activity?limit=1")
    assert [one["kind"] for one in client.get(page.links["next"]["url"]).json()] == ["repo-created"]


# ---- pages -------------------------------------------------------------------------------------------------


@pytest.fixture
def alice(client: TestClient, app: Starlette, cast: Cast) -> TestClient:
    """A browser in which Alice is signed in."""
    with app.state.database.write() as db:
        secret = open_session(db, cast.alice.id, life_s=3600)
    client.cookies.set(SESSION_COOKIE, secret)
    client.headers.update({"accept": "text/html", "origin": "http://hub.test"})
    return client


def form_token(browser: TestClient, address: str) -> str:
    import re

    found = re.search(r'name="csrf" value="([^"]+)"', browser.get(address).text)
    assert found is not None
    return found[1]


def test_activity_hangs_beside_a_repository_and_on_a_profile(
    alice: TestClient, app: Starlette, cast: Cast, repo: str
) -> None:
    with app.state.database.write() as db:
        repos.create(db, cast.alice.actor, "secret", visibility="private")
    opened(alice, cast.charlie, repo, "<b>Why</b>")
    assert f'href="/{repo}/activity"' in alice.get(f"/{repo}").text
    shown = alice.get(f"/{repo}/activity").text
    assert "&lt;b&gt;Why&lt;/b&gt;</bdi> in alice/m" in shown and "secret" not in shown
    own = alice.get("/alice").text
    assert 'href="/activity?account=alice"' in own and "alice/secret" in own
    alice.cookies.clear()
    strangers = alice.get("/alice").text
    assert "Activity</h2>" in strangers and "alice/m" in strangers and "secret" not in strangers
    assert "Activity</h2>" not in alice.get("/bob").text, "nothing to show"
    assert alice.get("/alice/secret/activity").status_code == 401


def test_the_bell_counts_and_the_page_reads(alice: TestClient, app: Starlette, cast: Cast, repo: str) -> None:
    num = opened(alice, cast.charlie, repo, "<b>Bold</b> & co")
    settled(app)
    page = alice.get("/notifications")
    assert "Notifications: 1 unread" in page.text
    assert "&lt;b&gt;Bold&lt;/b&gt; &amp; co" in page.text
    csrf = form_token(alice, "/notifications")
    with app.state.database.read() as db:
        one = db.scalars(select(Notification.id)).one()
    assert alice.post(f"/notifications/{one}/open", data={"csrf": "forged"}).status_code == 403
    to = alice.post(f"/notifications/{one}/open", data={"csrf": csrf})
    assert to.headers["location"] == f"/alice/m/discussions/{num}"
    assert "Nothing unread" in alice.get("/notifications").text
    assert "co" in alice.get("/notifications?all=true").text
    assert alice.post(f"/notifications/{one}/read", data={"csrf": csrf, "read": "false"}).status_code == 303
    assert "1 unread" in alice.get("/").text
    alice.post("/notifications/read", data={"csrf": csrf})
    assert "unread" not in alice.get("/models").text


def test_a_title_that_turns_around_leaves_our_words_as_they_stand(
    alice: TestClient, app: Starlette, cast: Cast, repo: str
) -> None:
    num = opened(alice, cast.charlie, repo, "turned \u202e around")
    settled(app)
    page = alice.get("/notifications").text
    assert f"turned [U+202E] around (alice/m #{num})" in page
    assert "\u202e" not in page


def test_choices_and_watches_by_form(alice: TestClient, app: Starlette, cast: Cast, repo: str) -> None:
    csrf = form_token(alice, "/settings/notifications")
    answer = alice.post("/settings/notifications", data={"csrf": csrf, "page": ["mention"], "mail": []})
    assert answer.status_code == 303
    assert "Your choice is kept" in alice.get(answer.headers["location"]).text
    form = {"csrf": csrf, "type": "model", "name": repo, "level": "all", "back": "//evil.example"}
    assert alice.post("/settings/watch", data=form).headers["location"] == "/settings/notifications"
    assert "alice/m" in alice.get("/settings/notifications").text
    assert 'href="/alice/m/watch"' in alice.get("/alice/m").text
    page = alice.get("/alice/m/watch")
    assert 'value="all" checked' in page.text.replace("  ", " ")
    assert "alice" in alice.get("/activity").text
    assert alice.get("/activity?watched=true&account=alice").status_code == 200
    alice.cookies.clear()
    for address in (
        "/notifications",
        "/settings/notifications",
        "/alice/m/watch",
        "/activity?watched=true",
        "/settings/webhooks",
    ):
        assert alice.get(address).headers["location"].startswith("/login?next=")


def test_webhooks_by_form(alice: TestClient, app: Starlette, cast: Cast) -> None:
    csrf = form_token(alice, "/settings/webhooks")
    form = {
        "csrf": csrf,
        "url": "http://10.0.0.1/",
        "watched": "org lab\nalice/m\ndataset alice/d\n",
        "domains": ["repo"],
    }
    refused = alice.post("/settings/webhooks", data=form)
    assert refused.status_code == 422
    assert "own network" in refused.text
    assert "dataset alice/d" in refused.text, "what was typed stays"
    made = alice.post("/settings/webhooks", data=form | {"url": "https://h.invalid/x", "secret": "s"})
    page = alice.get(made.headers["location"])
    assert "org lab" in page.text
    assert "model alice/m" in page.text
    with app.state.database.write() as db:
        repos.create(db, cast.alice.actor, "m", namespace="lab")
    app.state.worker._run(app.state.worker._claim())
    log = alice.get(made.headers["location"]).text
    assert "repo create" in log
    import re

    found = re.search(r'href="(/settings/webhooks/[0-9a-f]+/deliveries/[0-9a-f]+)"', log)
    assert found is not None
    assert "Not tried yet" in alice.get(found[1]).text
    assert alice.post(f"{found[1]}/resend", data={"csrf": csrf}).status_code == 303
    for change in ("disable", "enable", "delete"):
        assert alice.post(f"{made.headers['location']}/{change}", data={"csrf": csrf}).status_code == 303
    assert "None yet" in alice.get("/settings/webhooks").text
