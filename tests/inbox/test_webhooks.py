"""Webhooks: as the client makes them, sent to whoever may read, signed, tried again, logged, and never inside."""

import hashlib
import hmac
import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.access.rules import Action
from freehold.accounts import service as accounts
from freehold.accounts.tables import Account, Membership
from freehold.content.events import RepoPushed
from freehold.core import clock, events
from freehold.inbox import rules
from freehold.inbox import tasks as inbox_tasks
from freehold.inbox.errors import BadWebhook, WebhookNotFound
from freehold.inbox.rules import Watched
from freehold.inbox.service import webhooks
from freehold.inbox.tables import Delivery, News, Webhook
from freehold.repos import service as repos
from freehold.repos.service import Changes
from freehold.tasks.worker import Worker
from tests.discussions.talking import opened, post
from tests.fixtures.each import each
from tests.fixtures.people import Cast
from tests.inbox.hooks import Receiver, app, deliveries, hook, receiver, receiving, settled
from tests.tasks.test_queue import wait_for

__all__ = ["app", "receiver"]
JSON = dict[str, Any]
ADDRESS = "/api/settings/webhooks"


def new_repo(app: Starlette, cast: Cast, name: str = "m", **how: Any) -> None:
    with app.state.database.write() as db:
        repos.create(db, cast.alice.actor, name, **how)


def commit(client: TestClient, cast: Cast, repo: str = "alice/m", text: str = "hello") -> None:
    lines = [
        {"key": "header", "value": {"summary": "Add a file", "description": ""}},
        {"key": "file", "value": {"content": text, "path": "a.txt", "encoding": "utf-8"}},
    ]
    body = "\n".join(json.dumps(line) for line in lines)
    headers = {**cast.alice.headers, "Content-Type": "application/x-ndjson"}
    answer = client.post(f"/api/models/{repo}/commit/main", content=body, headers=headers)
    assert answer.status_code == 200, answer.text


# ---- as the client makes them ------------------------------------------------------------------------------


def test_a_webhook_is_made_read_changed_switched_and_deleted(client: TestClient, cast: Cast) -> None:
    who = cast.alice.headers
    body = {
        "url": "https://webhook.site/test",
        "watched": [{"type": "user", "name": "julien-c"}, {"type": "org", "name": "Somebody"}],
        "domains": ["repo", "discussions"],
        "secret": "my-secret",
    }
    made = client.post(ADDRESS, json=body, headers=who).json()["webhook"]
    assert made["watched"] == body["watched"]
    assert (made["domains"], made["disabled"], made["secret"]) == (["repo", "discussion"], False, "my-secret")
    one = f"{ADDRESS}/{made['id']}"
    assert client.get(one, headers=who).json()["webhook"] == made
    (listed,) = client.get(ADDRESS, headers=who).json()
    assert (listed["id"], "secret" in listed) == (made["id"], False)
    assert "secret" not in client.get(one, headers=cast.alice.read_headers).json()["webhook"]
    changed = client.post(one, json={"watched": [], "url": "https://webhook.site/new"}, headers=who).json()["webhook"]
    assert (changed["url"], changed["watched"], changed["secret"]) == (
        "https://webhook.site/new", body["watched"], "my-secret",
    )  # fmt: skip
    assert "secret" not in client.post(one, json={"secret": ""}, headers=who).json()["webhook"]
    assert client.post(f"{one}/disable", headers=who).json()["webhook"]["disabled"] is True
    assert client.post(f"{one}/enable", headers=who).json()["webhook"]["disabled"] is False
    assert client.delete(one, headers=who).status_code == 200
    assert client.get(one, headers=who).status_code == 404


@each(
    ("body", "status", "says"),
    [
        ({"watched": [{"type": "user", "name": "a"}]}, 400, "url"),
        ({"url": "https://h.example/", "watched": []}, 400, "at least one"),
        ({"url": "https://h.example/", "watched": [{"type": "bucket", "name": "a/b"}]}, 400, "bucket"),
        ({"url": "https://h.example/", "watched": [{"type": "model", "name": "a"}]}, 400, "alice/my-repo"),
        ({"url": "https://h.example/", "watched": [{"type": "user", "name": "a\u202e"}]}, 400, "not the name"),
        ({"url": "https://h.example/", "watched": [{"type": "user", "name": "a"}], "domains": ["x"]}, 400, "domain"),
        ({"url": "https://h.example/", "watched": [{"type": "user", "name": "a"}], "secret": "a\nb"}, 400, "secret"),
        ({"url": "http://10.0.0.1/", "watched": [{"type": "user", "name": "a"}]}, 400, "FREEHOLD_WEBHOOK_ALLOW"),
        ({"url": "http://2130706434/", "watched": [{"type": "user", "name": "a"}]}, 400, "own network"),
        ({"url": "http://[::1]/", "watched": [{"type": "user", "name": "a"}]}, 400, "own network"),
        ({"jobSourceId": "j", "watched": [{"type": "user", "name": "a"}]}, 501, "runs no jobs"),
        ({"url": 5, "watched": "x"}, 422, "url"),
    ],
)
def test_what_cannot_work_is_refused_with_what_to_do(
    client: TestClient, cast: Cast, body: JSON, status: int, says: str
) -> None:
    refused = client.post(ADDRESS, json=body, headers=cast.alice.headers)
    assert (refused.status_code, says in refused.json()["error"]) == (status, True), refused.text


def test_webhooks_are_their_owners_alone(client: TestClient, cast: Cast) -> None:
    webhook_id = hook(client, cast.alice, "https://h.example/", "user:alice")
    for who, status in ((cast.bob, 404), (cast.root, 404), (cast.anonymous, 401)):
        for method, call in (("GET", ""), ("POST", ""), ("DELETE", ""), ("POST", "/enable"), ("GET", "/deliveries")):
            answer = client.request(
                method, f"{ADDRESS}/{webhook_id}{call}", headers=who.headers, json={} if method == "POST" else None
            )
            assert answer.status_code == status, (who.name, method, call)
    assert client.delete(f"{ADDRESS}/{webhook_id}", headers=cast.alice.read_headers).status_code == 403
    assert client.get(ADDRESS, headers=cast.bob.headers).json() == []


def test_a_narrow_token_sees_no_settings(client: TestClient, app: Starlette, cast: Cast) -> None:
    with app.state.database.write() as db:
        user = db.get_one(Account, cast.alice.id)
        _, secret = accounts.create_token(db, user, "narrow", "write", repo_ids=[])
    assert client.get(ADDRESS, headers={"Authorization": f"Bearer {secret}"}).status_code == 403


def test_one_has_so_many_and_no_more(client: TestClient, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_WEBHOOKS", 1)
    hook(client, cast.alice, "https://h.example/", "user:alice")
    body = {"url": "https://h.example/", "watched": [{"type": "user", "name": "alice"}]}
    assert client.post(ADDRESS, json=body, headers=cast.alice.headers).status_code == 409


def test_a_secret_is_not_in_the_database(client: TestClient, app: Starlette, cast: Cast) -> None:
    hook(client, cast.alice, "https://h.example/", "user:alice", secret="hunter2-hunter2")
    with app.state.database.read() as db:
        assert "hunter2" not in str(db.scalars(select(Webhook.secret)).all())


# ---- what is sent ------------------------------------------------------------------------------------------


def test_what_happens_to_a_repository_is_sent(
    client: TestClient, app: Starlette, cast: Cast, receiver: Receiver
) -> None:
    hook(client, cast.bob, receiver.url, "user:alice")
    new_repo(app, cast)
    commit(client, cast)
    with app.state.database.write() as db:
        repos.change_settings(db, cast.alice.actor, "alice/m", Changes(gated="auto"), kind="model")
        repos.change_settings(db, cast.alice.actor, "alice/m", Changes(gated=""), kind="model")
        repos.move(db, cast.alice.actor, "alice/m", "alice/renamed", kind="model")
    settled(app)
    with app.state.database.write() as db:
        repos.delete_repo(db, cast.alice.actor, "alice/renamed", kind="model")
    settled(app)
    assert receiver.events == [
        ("create", "repo"), ("update", "repo.content"), ("update", "repo.config"), ("update", "repo.config"),
        ("move", "repo"), ("delete", "repo"),
    ]  # fmt: skip
    pushed, moved = receiver.got[1][1], receiver.got[4][1]
    assert pushed["repo"]["url"] == {
        "web": "http://127.0.0.1:8000/alice/renamed", "api": "http://127.0.0.1:8000/api/models/alice/renamed",
    }  # fmt: skip
    (ref,) = pushed["updatedRefs"]
    assert ref["ref"] == "refs/heads/main"
    assert ref["newSha"] == pushed["repo"]["headSha"] != ref["oldSha"]
    assert (moved["repo"]["name"], moved["movedTo"]["name"]) == ("alice/m", "alice/renamed")
    assert receiver.got[2][1]["updatedConfig"] == {"private": False, "gated": "auto"}
    assert all(body["webhook"]["version"] == 3 for _, body in receiver.got)


def test_what_is_said_is_sent_to_whoever_asked_for_it(
    client: TestClient, app: Starlette, cast: Cast, receiver: Receiver
) -> None:
    new_repo(app, cast)
    hook(client, cast.charlie, receiver.url, "model:alice/m", domains=["discussion"])
    num = opened(client, cast.bob, "alice/m", "A question", description="First words")
    post(client, cast.alice, "alice/m", f"{num}/comment", comment="An answer")
    post(client, cast.alice, "alice/m", f"{num}/status", status="closed")
    commit(client, cast)
    settled(app)
    assert receiver.events == [("create", "discussion"), ("create", "discussion.comment"), ("update", "discussion")]
    first, second, third = (body for _, body in receiver.got)
    assert (first["comment"]["content"], second["comment"]["content"]) == ("First words", "An answer")
    assert second["discussion"]["author"]["id"] == cast.bob.id
    assert second["comment"]["author"]["id"] == cast.alice.id
    assert (first["discussion"]["status"], third["discussion"]["status"]) == ("closed", "closed")
    assert first["discussion"]["url"]["web"].endswith(f"/alice/m/discussions/{num}")


def test_words_that_change_are_updates_and_notify_only_whom_they_name_anew(
    client: TestClient, app: Starlette, cast: Cast, receiver: Receiver
) -> None:
    new_repo(app, cast)
    hook(client, cast.charlie, receiver.url, "model:alice/m", domains=["discussion"])
    num = opened(client, cast.bob, "alice/m", "A question", description="First words")
    settled(app)
    comment_id = receiver.got[0][1]["comment"]["id"]
    before = client.get("/api/notifications", headers=cast.alice.headers).json()
    post(client, cast.bob, "alice/m", f"{num}/comment/{comment_id}/edit", content="Other words, @root")
    post(client, cast.bob, "alice/m", f"{num}/title", title="Another question")
    settled(app)
    post(client, cast.alice, "alice/m", f"{num}/comment/{comment_id}/hide")
    settled(app)
    update = [("update", "discussion.comment"), ("update", "discussion"), ("update", "discussion.comment")]
    assert receiver.events == [("create", "discussion"), *update]
    _, edited, renamed, hidden = (body for _, body in receiver.got)
    assert (edited["comment"]["id"], edited["comment"]["content"]) == (comment_id, "Other words, @root")
    assert edited["comment"]["hidden"] is False
    assert (renamed["discussion"]["title"], "comment" in renamed) == ("Another question", False)
    assert (hidden["comment"]["hidden"], "content" in hidden["comment"]) == (True, False)
    assert client.get("/api/notifications", headers=cast.alice.headers).json() == before, "no news to her inbox"
    (named,) = client.get("/api/notifications", headers=cast.root.headers).json()
    assert (named["kind"], named["reason"]) == ("mention", "mention")


def test_a_renamed_repository_stays_watched(client: TestClient, app: Starlette, cast: Cast, receiver: Receiver) -> None:
    new_repo(app, cast)
    webhook_id = hook(client, cast.charlie, receiver.url, "model:Alice/M")
    with app.state.database.write() as db:
        repos.move(db, cast.alice.actor, "alice/m", "alice/other", kind="model")
    commit(client, cast, "alice/other")
    settled(app)
    assert receiver.events == [("move", "repo"), ("update", "repo.content")]
    shown = client.get(f"{ADDRESS}/{webhook_id}", headers=cast.charlie.headers).json()["webhook"]
    assert shown["watched"] == [{"type": "model", "name": "alice/other"}]


def test_private_things_go_to_those_who_may_read_and_access_lost_stops_it(
    client: TestClient, app: Starlette, cast: Cast, receiver: Receiver
) -> None:
    ids = {who.name: hook(client, who, receiver.url, "org:lab") for who in (cast.alice, cast.bob, cast.charlie)}
    with app.state.database.write() as db:
        repos.create(db, cast.alice.actor, "secret", namespace="lab", visibility="private")
    settled(app)
    assert sorted(body["webhook"]["id"] for _, body in receiver.got) == sorted([ids["alice"], ids["bob"]])
    receiver.got.clear()
    commit(client, cast, "lab/secret")
    app.state.worker._run(app.state.worker._claim())  # spread, not yet delivered
    with app.state.database.write() as db:
        lab, bob = accounts.account(db, "lab"), db.get_one(Account, cast.bob.id)
        db.delete(db.get_one(Membership, (lab.id, bob.id)))
    settled(app)
    assert [body["webhook"]["id"] for _, body in receiver.got] == [ids["alice"]]
    newest = deliveries(client, cast.bob, ids["bob"])[0]
    whole = client.get(f"{ADDRESS}/{ids['bob']}/deliveries/{newest['id']}", headers=cast.bob.headers).json()
    assert (newest["status"], whole["request"]["body"]) == ("withheld", "")
    refused = client.post(f"{ADDRESS}/{ids['bob']}/deliveries/{newest['id']}/resend", headers=cast.bob.headers)
    assert refused.status_code == 400


def test_a_private_repository_that_went_is_told_to_its_people_alone(
    client: TestClient, app: Starlette, cast: Cast, receiver: Receiver
) -> None:
    with app.state.database.write() as db:
        repos.create(db, cast.alice.actor, "secret", namespace="lab", visibility="private")
    settled(app)
    ids = [hook(client, who, receiver.url, "org:lab") for who in (cast.bob, cast.charlie)]
    with app.state.database.write() as db:
        repos.delete_repo(db, cast.alice.actor, "lab/secret", kind="model")
    settled(app)
    assert [body["webhook"]["id"] for _, body in receiver.got] == [ids[0]]


def test_a_disabled_person_is_told_nothing(client: TestClient, app: Starlette, cast: Cast, receiver: Receiver) -> None:
    hook(client, cast.bob, receiver.url, "user:alice")
    with app.state.database.write() as db:
        db.execute(update(Account).where(Account.id == cast.bob.id).values(is_disabled=True))
    new_repo(app, cast)
    settled(app)
    assert receiver.got == []


def test_a_kernel_and_what_nobody_watches_are_not_sent(
    client: TestClient, app: Starlette, cast: Cast, receiver: Receiver
) -> None:
    webhook_id = hook(client, cast.alice, receiver.url, "user:alice", "model:alice/m")
    new_repo(app, cast, "k", kind="kernel")
    with app.state.database.write() as db:
        repos.create(db, cast.bob.actor, "m")
    settled(app)
    assert deliveries(client, cast.alice, webhook_id) == []


def test_one_push_of_many_refs_is_one_delivery(app: Starlette, cast: Cast) -> None:
    new_repo(app, cast)
    with app.state.database.write() as db:
        repo = repos.load(db, cast.alice.actor, "alice/m", Action.READ)
        for number in range(150):
            events.publish(db, RepoPushed(repo, f"refs/tags/{number}", None, "a" * 40, cast.alice.actor))
    with app.state.database.read() as db:
        (news,) = db.scalars(select(News).where(News.kind == "pushed"))
        assert (len(news.data["refs"]), news.data["more"]) == (100, 50)


# ---- signed, tried again, logged ---------------------------------------------------------------------------


def test_a_delivery_is_signed_as_documented(client: TestClient, app: Starlette, cast: Cast, receiver: Receiver) -> None:
    webhook_id = hook(client, cast.alice, receiver.url, "user:alice", secret="s3cret-s3cret")
    new_repo(app, cast)
    settled(app)
    headers, _ = receiver.got[0]
    assert headers["x-webhook-secret"] == "s3cret-s3cret"
    moment, _, digest = headers["x-freehold-signature"].removeprefix("t=").partition(",v1=")
    signed = moment.encode() + b"." + receiver.raw[0]
    assert hmac.compare_digest(digest, hmac.new(b"s3cret-s3cret", signed, hashlib.sha256).hexdigest())
    assert headers["x-freehold-event"] == "repo create"
    (shown,) = deliveries(client, cast.alice, webhook_id)
    whole = client.get(f"{ADDRESS}/{webhook_id}/deliveries/{shown['id']}", headers=cast.alice.headers).json()
    assert whole["response"]["excerpt"] == "done"
    assert (whole["status"], whole["attempts"], whole["log"][0]["status"]) == ("delivered", 1, 200)
    assert whole["request"]["body"].encode() == receiver.raw[0]
    assert "s3cret" not in json.dumps(whole)
    assert headers["x-freehold-delivery"] == shown["id"]


def test_without_a_secret_there_is_no_signature(
    client: TestClient, app: Starlette, cast: Cast, receiver: Receiver
) -> None:
    hook(client, cast.alice, receiver.url, "user:alice")
    new_repo(app, cast)
    settled(app)
    headers, _ = receiver.got[0]
    assert not {"x-webhook-secret", "x-freehold-signature"} & set(headers)


def test_a_failure_holds_the_webhook_and_is_tried_again(
    client: TestClient, app: Starlette, cast: Cast, receiver: Receiver
) -> None:
    webhook_id = hook(client, cast.alice, receiver.url, "user:alice")
    receiver.answer = (503, {})
    for name in ("one", "two", "three"):
        new_repo(app, cast, name)
    settled(app)
    assert len(receiver.got) == 1, "the others wait behind it"
    receiver.answer = (429, {"Retry-After": "5000"})
    with clock.frozen(clock.now() + timedelta(seconds=31)):
        settled(app)
    assert len(receiver.got) == 2
    with clock.frozen(clock.now() + timedelta(seconds=4000)):
        settled(app)
    assert len(receiver.got) == 2, "it asked for more time"
    receiver.answer = (200, {})
    with clock.frozen(clock.now() + timedelta(seconds=6000)):
        settled(app)
    names = [body["repo"]["name"] for _, body in receiver.got]
    assert names == ["alice/one", "alice/two", "alice/three", "alice/one", "alice/two"], "who failed goes to the back"
    assert {one["status"] for one in deliveries(client, cast.alice, webhook_id)} == {"delivered"}
    assert receiver.got[-1][0]["x-freehold-attempt"] == "2"


def test_a_refusal_is_final_and_a_redirect_is_not_followed(
    client: TestClient, app: Starlette, cast: Cast, receiver: Receiver
) -> None:
    webhook_id = hook(client, cast.alice, receiver.url, "user:alice")
    receiver.answer = (404, {})
    new_repo(app, cast, "one")
    settled(app)
    receiver.answer = (302, {"Location": "http://127.0.0.1:1/"})
    new_repo(app, cast, "two")
    settled(app)
    second, first = deliveries(client, cast.alice, webhook_id)
    assert (first["status"], first["log"][0]["error"]) == ("failed", "Answered 404.")
    assert (second["status"], "redirect" in second["log"][0]["error"]) == ("failed", True)


def test_what_fails_for_days_is_disabled_with_its_reason(
    client: TestClient, app: Starlette, cast: Cast, receiver: Receiver
) -> None:
    webhook_id = hook(client, cast.alice, receiver.url, "user:alice")
    receiver.answer = (500, {})
    start = clock.now()
    for day in range(6):
        with clock.frozen(start + timedelta(days=day, minutes=day)):
            with app.state.database.write() as db:
                repos.create(db, cast.alice.actor, f"day-{day}")
            settled(app)
    shown = client.get(f"{ADDRESS}/{webhook_id}", headers=cast.alice.headers).json()["webhook"]
    assert shown["disabled"] is True
    assert "nothing but fail for 4 days" in shown["disabledReason"]
    again = client.post(f"{ADDRESS}/{webhook_id}/enable", headers=cast.alice.headers).json()["webhook"]
    assert (again["disabled"], again["failures"], "disabledReason" in again) == (False, 0, False)


def test_a_delivery_is_sent_again_on_demand(client: TestClient, app: Starlette, cast: Cast, receiver: Receiver) -> None:
    webhook_id = hook(client, cast.alice, receiver.url, "user:alice")
    new_repo(app, cast)
    settled(app)
    (first,) = deliveries(client, cast.alice, webhook_id)
    address = f"{ADDRESS}/{webhook_id}/deliveries/{first['id']}/resend"
    assert client.post(address, headers=cast.bob.headers).status_code == 404
    again = client.post(address, headers=cast.alice.headers)
    assert again.status_code == 200
    settled(app)
    assert receiver.raw[0] == receiver.raw[1]
    assert len(deliveries(client, cast.alice, webhook_id)) == 2
    client.post(f"{ADDRESS}/{webhook_id}/disable", headers=cast.alice.headers)
    assert client.post(address, headers=cast.alice.headers).status_code == 400


def test_a_webhook_is_tried_out(client: TestClient, app: Starlette, cast: Cast, receiver: Receiver) -> None:
    webhook_id = hook(client, cast.alice, receiver.url, "user:alice")
    with app.state.database.write() as db:
        webhooks.try_out(db, cast.alice.actor, webhook_id)
        with pytest.raises(WebhookNotFound):
            webhooks.try_out(db, cast.bob.actor, webhook_id)
    settled(app)
    told = json.loads(receiver.raw[0])
    assert told["event"] == {"action": "test", "scope": "webhook"}
    assert [one["status"] for one in deliveries(client, cast.alice, webhook_id)] == ["delivered"]
    with app.state.database.write() as db:
        webhooks.switch(db, cast.alice.actor, webhook_id, on=False)
        with pytest.raises(BadWebhook, match="disabled"):
            webhooks.try_out(db, cast.alice.actor, webhook_id)


def test_the_log_and_what_waits_are_bounded(
    client: TestClient, app: Starlette, cast: Cast, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "KEPT_DELIVERIES", 3)
    monkeypatch.setattr(rules, "MAX_WAITING", 2)
    webhook_id = hook(client, cast.alice, receiver.url, "user:alice")
    for number in range(5):
        new_repo(app, cast, f"r-{number}")
        settled(app)
    assert len(deliveries(client, cast.alice, webhook_id)) == 3
    receiver.answer = (500, {})
    for number in range(5, 9):
        new_repo(app, cast, f"r-{number}")
        settled(app)
    with app.state.database.read() as db:
        waiting = db.scalars(select(Delivery).where(Delivery.status == "waiting")).all()
    assert len(waiting) == 2


def test_a_slow_receiver_delays_its_owners_webhooks_and_nobody_elses(
    client: TestClient, app: Starlette, cast: Cast, receiver: Receiver
) -> None:
    new_repo(app, cast)
    settled(app)
    running = Worker(app.state.database, inbox_tasks.bodies(app.state.kit), threads=4)
    with receiving() as slow:
        slow.waits_for = threading.Event()
        for _ in range(4):
            hook(client, cast.charlie, slow.url, "model:alice/m")
        hook(client, cast.bob, receiver.url, "model:alice/m")
        running.start()
        try:
            for text in ("one", "two", "three"):
                commit(client, cast, text=text)
            wait_for(lambda: len(receiver.got) == 3 and len(slow.got) > 0)
            assert len(slow.got) == 1, "one call at a time"
            slow.waits_for.set()
            wait_for(lambda: len(slow.got) == 12)
        finally:
            slow.waits_for.set()
            running.stop()


def test_an_address_that_leads_inside_is_refused_when_it_is_called(
    client: TestClient, app: Starlette, cast: Cast
) -> None:
    webhook_id = hook(client, cast.alice, "http://localhost:8123/x", "user:alice")
    new_repo(app, cast)
    with app.state.database.write() as db:  # what is allowed changed after the webhook was made
        db.execute(update(Webhook).values(url="http://10.1.2.3/"))
    settled(app)
    (shown,) = deliveries(client, cast.alice, webhook_id)
    assert (shown["status"], shown["attempts"]) == ("waiting", 1)
    assert "own network" in shown["log"][0]["error"]


def test_a_deleted_webhook_ends_its_deliveries(
    client: TestClient, app: Starlette, cast: Cast, receiver: Receiver
) -> None:
    webhook_id = hook(client, cast.alice, receiver.url, "user:alice")
    new_repo(app, cast)
    app.state.worker._run(app.state.worker._claim())
    client.delete(f"{ADDRESS}/{webhook_id}", headers=cast.alice.headers)
    settled(app)
    assert receiver.got == []


# ---- rules -------------------------------------------------------------------------------------------------


def test_delays_grow_from_half_a_minute_to_hours_and_never_undercut_what_was_asked() -> None:
    assert 22 <= rules.retry_delay_s(1) <= 30
    assert rules.retry_delay_s(50) <= rules.MAX_DELAY_S
    assert rules.retry_delay_s(1, "600") == 600
    assert rules.retry_delay_s(1, "99999999") == rules.MAX_RETRY_AFTER_S
    for odd in ("Wed, 21 Oct 2015 07:28:00 GMT", "-5", "", "1e9", "٣"):
        assert rules.retry_delay_s(1, odd) <= 30


def test_what_is_watched_twice_is_watched_once() -> None:
    items = [Watched("user", "alice"), Watched("user", "Alice"), Watched("org", "alice")]
    assert rules.checked_watched(items) == [items[0], items[2]]
