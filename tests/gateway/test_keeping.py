"""What is asked and answered is kept where the owner of what was called says so, and nowhere else; and is erased."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from starlette.applications import Starlette

from freehold.accounts.events import AccountDeleted
from freehold.accounts.tables import Account
from freehold.core import clock, events
from freehold.core.database import Database
from freehold.gateway import keeping
from freehold.gateway.rules import Wish
from freehold.governance.tables import AuditEntry
from freehold.inference.rules import Target
from freehold.inference.tables import Endpoint
from freehold.repos.tables import Repo
from freehold.usage.service import pruning
from freehold.usage.service.keeping import MAX_BYTES
from freehold.usage.tables import KeptCall
from tests.fixtures.people import Person
from tests.gateway.conftest import Hub
from tests.governance.conftest import Browser

SECRET = "the lock opens at seven"
CALLS = "/api/usage/calls"


@pytest.fixture
def keeper(hub: Hub) -> Hub:
    """``lab/it`` keeps what is asked; ``lab/ours`` does not."""
    with hub.database.write() as db:
        db.scalars(select(Endpoint).where(Endpoint.name == "lab/it")).one().keeps_content = True
    return hub


def kept(hub: Hub, who: Person, **asked: Any) -> list[dict[str, Any]]:
    answer = hub.client.get(CALLS, params=asked, headers=who.headers)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["calls"])


def rows(hub: Hub) -> list[KeptCall]:
    with hub.database.read() as db:
        return list(db.scalars(select(KeptCall).order_by(KeptCall.id)))


def erase(hub: Hub, who: Person, **asked: Any) -> Any:
    return hub.client.delete(CALLS, params=asked, headers=who.headers)


def test_a_call_is_kept_sealed_for_the_owner_and_for_whoever_asked(keeper: Hub) -> None:
    answer = keeper.ask(SECRET, keeper.cast.charlie)
    assert answer.headers["x-freehold-content"] == "kept"
    (one,) = kept(keeper, keeper.cast.alice, name="LAB/it")
    assert one["asked"] == f"user: {SECRET}"
    assert one["answered"] == "w0 w1 w2 w3 w4"
    assert (one["name"], one["person"], one["cut"]) == ("lab/it", "charlie", False)
    assert [mine["id"] for mine in kept(keeper, keeper.cast.charlie, mine=True)] == [one["id"]]
    (row,) = rows(keeper)
    assert SECRET not in row.sealed
    assert row.expires_at > clock.now() + timedelta(days=29)
    if keeper.database.is_sqlite:
        path = keeper.database.engine.url.database
        assert path
        for end in ("", "-wal"):
            with open(path + end, "rb") as file:
                assert SECRET.encode() not in file.read()


def test_a_stream_is_kept_as_it_was_said(keeper: Hub) -> None:
    answer = keeper.ask(SECRET, stream=True, max_tokens=3)
    assert answer.headers["x-freehold-content"] == "kept"
    said = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    whole = "".join(one["choices"][0]["delta"].get("content") or "" for one in said if one.get("choices"))
    (one,) = kept(keeper, keeper.cast.alice)
    assert whole
    assert one["answered"] == whole


def test_what_nobody_keeps_leaves_nothing(keeper: Hub) -> None:
    answer = keeper.ask(SECRET, model="lab/ours")
    assert answer.status_code == 200
    assert "x-freehold-content" not in answer.headers
    assert keeper.ask("long").status_code == 400, "it is refused, and its caller was told of no keeping"
    assert rows(keeper) == []


def test_nobody_else_reads_or_erases(keeper: Hub) -> None:
    """Not a member who may call it, not who administers the hub, nobody by another's id."""
    keeper.ask(SECRET, keeper.cast.charlie)
    (one,) = kept(keeper, keeper.cast.alice)
    for other in (keeper.cast.bob, keeper.cast.root):
        for asked in ({}, {"name": "lab/it"}, {"person": "charlie"}, {"mine": True}):
            assert kept(keeper, other, **asked) == []
        for asked in ({"call": one["id"]}, {"name": "lab/it"}, {"everything": True}, {"everything": 1, "mine": 1}):
            assert erase(keeper, other, **asked).status_code == 404
    assert kept(keeper, keeper.cast.charlie) == [], "whoever asked reads their own, not what the model was asked"
    assert erase(keeper, keeper.cast.charlie, call=one["id"]).status_code == 404
    assert keeper.client.get(CALLS).status_code == 401
    assert keeper.client.delete(CALLS, params={"everything": True}).status_code == 401
    assert len(rows(keeper)) == 1


def test_it_is_erased_and_the_trail_says_so_without_a_word_of_it(keeper: Hub) -> None:
    for word, who in (("one", keeper.cast.charlie), ("two", keeper.cast.charlie), ("three", keeper.cast.bob)):
        keeper.ask(f"{SECRET} {word}", who)
    newest = kept(keeper, keeper.cast.alice)[0]
    assert erase(keeper, keeper.cast.alice).status_code == 422
    assert erase(keeper, keeper.cast.alice, call=newest["id"]).json() == {"erased": 1}
    assert erase(keeper, keeper.cast.charlie, mine=True, everything=True).json() == {"erased": 2}
    keeper.ask(SECRET, keeper.cast.bob)
    assert erase(keeper, keeper.cast.alice, person="charlie").status_code == 404
    assert erase(keeper, keeper.cast.alice, person="bob").json() == {"erased": 1}
    keeper.ask(SECRET, keeper.cast.bob)
    assert erase(keeper, keeper.cast.alice, name="lab/IT").json() == {"erased": 1}
    assert rows(keeper) == []
    with keeper.database.read() as db:
        trail = db.scalars(
            select(AuditEntry).where(AuditEntry.verb.like("content.erased%")).order_by(AuditEntry.id)
        ).all()
        told = [(one.verb, one.thing_name, one.details["calls"]) for one in trail]
        assert SECRET not in repr([one.details for one in trail])
    assert told == [
        ("content.erased", "lab", 1), ("content.erased_own", "charlie", 2), ("content.erased", "lab", 1),
        ("content.erased", "lab", 1),
    ]  # fmt: skip


def test_it_goes_when_its_time_is_over(keeper: Hub) -> None:
    keeper.ask(SECRET)
    with clock.frozen(clock.now() + timedelta(days=29)):
        pruning.prune(keeper.database, 90)
        assert len(rows(keeper)) == 1
    with clock.frozen(clock.now() + timedelta(days=31)):
        pruning.prune(keeper.database, 90)
        assert rows(keeper) == []


def test_it_goes_with_the_account_of_whoever_asked(keeper: Hub) -> None:
    for who in (keeper.cast.bob, keeper.cast.charlie):
        keeper.ask(SECRET, who)
    with keeper.database.write() as db:
        account = db.get_one(Account, keeper.cast.charlie.id)
        events.publish(db, AccountDeleted(account, None))
    assert [row.user_id for row in rows(keeper)] == [keeper.cast.bob.id]


def test_a_model_made_private_has_no_name_for_whoever_asked_it(keeper: Hub, database: Database) -> None:
    keeper.ask(SECRET, keeper.cast.charlie)
    with database.write() as db:
        db.scalars(select(Repo).where(Repo.path_key == "lab/it")).one().visibility = "private"
    (one,) = kept(keeper, keeper.cast.charlie, mine=True)
    assert one["name"] is None
    assert SECRET in one["asked"]


def test_the_pages_show_it_and_erase_it(keeper: Hub, app: Starlette) -> None:
    keeper.ask(f"<b>{SECRET}", keeper.cast.charlie)
    alice, charlie = Browser(app, keeper.cast.alice), Browser(app, keeper.cast.charlie)
    for browser, address in ((alice, "/usage/calls"), (charlie, "/settings/usage/calls")):
        seen = browser.see(address)
        assert f"&lt;b&gt;{SECRET}" in seen
        assert "w0 w1" in seen
    assert SECRET not in Browser(app, keeper.cast.bob).see("/usage/calls")
    assert Browser(app).client.get("/usage/calls").status_code == 303
    page = "/settings/usage/calls"
    assert alice.send("/usage/calls/erase", page=page, name="lab/none").status_code == 404
    for odd in ({"name": "lab/it\0"}, {"person": "\0" * 400}, {"call": "\0"}):
        assert alice.send("/usage/calls/erase", page=page, **odd).status_code == 404
    assert alice.send("/usage/calls/erase", page=page).status_code == 422
    assert charlie.send(f"{page}/erase", page=page, everything="1").status_code == 303
    assert "Nothing is kept" in alice.see("/usage/calls")


def test_callers_are_told_before_they_ask(keeper: Hub, app: Starlette) -> None:
    with keeper.database.read() as db:
        endpoint_id = db.scalars(select(Endpoint.id).where(Endpoint.name == "lab/it")).one()
    said = "What you ask and what it answers is kept for 30 days by lab"
    charlie = Browser(app, keeper.cast.charlie)
    assert said in charlie.see(f"/endpoints/{endpoint_id}")
    assert said in charlie.see("/playground?model=lab/it")
    assert said not in Browser(app, keeper.cast.alice).see("/playground?model=lab/ours")
    # The loop that the engine is called in is that of the hub's own client.
    cookies, charlie.client = charlie.client.cookies, keeper.client
    charlie.client.cookies = cookies
    answer = charlie.send("/playground", page="/playground?model=lab/it", model="lab/it", text=SECRET)
    assert "w0 w1" in answer.text
    assert [one["asked"] for one in kept(keeper, keeper.cast.charlie, mine=True)] == [f"user: {SECRET}"]
    assert kept(keeper, keeper.cast.alice)[0]["answered"].startswith("w0 w1")


def test_a_route_keeps_by_its_own_word_and_not_what_a_guard_masked(hub: Hub) -> None:
    policy = {
        "kind": "pinned",
        "targets": [{"name": "lab/it"}],
        "guards": [{"kind": "personal", "side": "input", "does": "mask"}],
    }
    headers = hub.cast.alice.headers
    body = {"name": "lab/way", "policy": policy, "keepsContent": True}
    assert hub.client.post("/api/routes", json=body, headers=headers).json()["keepsContent"] is True
    for word in (SECRET, "write to ann@example.org"):
        assert hub.ask(word, model="lab/way").headers["x-freehold-content"] == "kept"
    masked, plain = kept(hub, hub.cast.alice, name="lab/way")
    assert plain["asked"] == f"user: {SECRET}"
    assert masked["asked"] == keeping.MASKED
    assert (plain["kind"], plain["name"]) == ("route", "lab/way")
    body["keepsContent"] = False
    assert hub.client.put("/api/routes/lab/way", json=body, headers=headers).json()["keepsContent"] is False
    assert "x-freehold-content" not in hub.ask(SECRET, model="lab/way").headers
    assert len(rows(hub)) == 2


def test_what_is_large_is_cut(keeper: Hub) -> None:
    assert keeper.ask("word " * 1200, max_tokens=1).status_code == 200
    (one,) = kept(keeper, keeper.cast.alice)
    assert one["cut"] is False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("freehold.usage.service.keeping.MAX_BYTES", 100)
        keeper.ask("é" * 80)
    one = kept(keeper, keeper.cast.alice)[0]
    assert one["cut"] is True
    assert one["asked"] == "user: " + "é" * 47


def test_files_in_a_call_are_not_kept() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 5000}}
    content = [{"type": "text", "text": "What is it?"}, picture]
    assert keeping.asked(Wish("chat/completions", "a/b", {"messages": [{"role": "user", "content": content}]})) == (
        "user: What is it? [image_url, not kept]"
    )
    assert "A" not in keeping.asked(Wish("task", "a/b", {"inputs": "A" * 5000}))
    assert len(keeping.asked(Wish("embeddings", "a/b", {"input": ["a b " * 10_000] * 100}))) == MAX_BYTES + 1


@pytest.mark.parametrize(
    "said",
    [
        b'{"choices":5}',
        b'{"choices":[7,{"message":"hi"},{"delta":["x"]},{"index":"0","message":{"content":{"a":1},"tool_calls":{}}}]}',
        b"[" * 200_000,
    ],
)
def test_an_answer_in_no_known_form_breaks_nothing(said: bytes) -> None:
    plan = Target("e", "lab/it", "lab/it", "0" * 40, "remote", frozenset({"chat"}), "lab", keeps_content=True)
    whole, stream = keeping.Heard(plan), keeping.Heard(plan)
    whole.whole(said)
    stream.piece(said)
    assert whole.text() == said.decode()[: MAX_BYTES + 1]
    assert stream.text() == ""
