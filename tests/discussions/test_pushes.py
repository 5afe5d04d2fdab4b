"""What pushes do to pull requests: their own refs, and the branches they are for."""

import json
import re
import threading

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.content.service.publishing import LostRace, move_ref
from freehold.core.errors import HubError
from freehold.discussions import service
from freehold.repos.tables import Repo
from tests.content.given import digest, repo
from tests.content.publishing import commit, committed, file, large, tree, uploaded
from tests.discussions.talking import details, opened, post, put, take, told
from tests.discussions.test_pulls import head, proposed
from tests.fixtures.people import Cast, Person

MAIN = "refs/heads/main"


@pytest.fixture
def path(client: TestClient, cast: Cast) -> str:
    path = repo(client, cast.alice, "m")
    committed(client, cast.alice, path, file("a", "1\n"))
    return path


def push(app: Starlette, who: Person, path: str, ref: str, before: str | None, after: str | None) -> None:
    """``ref`` is moved as a push moves it."""
    with app.state.database.write() as db:
        row = db.scalars(select(Repo).where(Repo.path_key == path)).one()
        move_ref(db, who.actor, row, ref, before, after)


def test_a_push_that_holds_a_proposal_merges_it(app: Starlette, client: TestClient, cast: Cast, path: str) -> None:
    num, other = proposed(client, cast.charlie, path, file("b", "1")), proposed(client, cast.bob, path, file("c", "1"))
    draft = opened(client, cast.alice, path, pullRequest=True)
    diff = details(client, cast.alice, path, num)["diff"]
    at, to = head(client, path), head(client, path, f"refs/pr/{num}")
    push(app, cast.alice, path, MAIN, at, to)
    thread = details(client, cast.alice, path, num)
    assert (thread["status"], thread["changes"]["mergeCommitId"], thread["diff"]) == ("merged", to, diff)
    assert told(thread)[-1] == ("status-change", "merged") and thread["events"][-1]["author"]["name"] == "alice"
    assert [details(client, cast.alice, path, n)["status"] for n in (other, draft)] == ["open", "draft"]
    with pytest.raises(HubError, match="is merged"):
        push(app, cast.charlie, path, f"refs/pr/{num}", to, at)


def test_a_commit_on_top_of_the_proposal_merges_it_too(
    app: Starlette, client: TestClient, cast: Cast, path: str
) -> None:
    num = proposed(client, cast.charlie, path, file("b", "1"))
    client.post(f"/api/models/{path}/branch/dev", json={"startingPoint": f"refs/pr/{num}"}, headers=cast.alice.headers)
    top = committed(client, cast.alice, path, file("c", "1"), rev="dev")
    assert details(client, cast.alice, path, num)["status"] == "open"
    push(app, cast.alice, path, MAIN, head(client, path), top)
    assert details(client, cast.alice, path, num)["changes"]["mergeCommitId"] == top


def test_a_forced_push_is_told_and_forgets_nothing(app: Starlette, client: TestClient, cast: Cast, path: str) -> None:
    num = proposed(client, cast.charlie, path, file("b", "1"), summary="First try")
    ref, old = f"refs/pr/{num}", head(client, path, f"refs/pr/{num}")
    other = proposed(client, cast.charlie, path, file("b", "2"), summary="Second try")
    push(app, cast.charlie, path, ref, old, head(client, path, f"refs/pr/{other}"))
    thread = details(client, cast.alice, path, num)
    assert told(thread)[1:] == [("commit", "First try"), ("force-push", "Second try")]
    assert thread["events"][-1]["data"]["from"] == old
    assert "+2" in thread["diff"] and client.get(f"/api/models/{path}/revision/{old}").status_code == 200


def test_closing_keeps_the_commits_and_a_lost_ref_closes(
    app: Starlette, client: TestClient, cast: Cast, path: str
) -> None:
    num = proposed(client, cast.charlie, path, file("b", "1"))
    ref, at = f"refs/pr/{num}", head(client, path, f"refs/pr/{num}")
    post(client, cast.charlie, path, f"{num}/status", status="closed")
    assert head(client, path, ref) == at
    post(client, cast.charlie, path, f"{num}/status", status="open")
    push(app, cast.alice, path, ref, at, None)
    assert details(client, cast.alice, path, num)["status"] == "closed"
    refused = post(client, cast.charlie, path, f"{num}/status", status="open")
    assert refused.status_code == 409 and "is gone" in refused.json()["error"]
    push(app, cast.alice, path, ref, None, at)
    assert post(client, cast.charlie, path, f"{num}/status", status="open").status_code == 200


def test_a_branch_that_goes_leaves_its_proposals(client: TestClient, cast: Cast, path: str) -> None:
    client.post(f"/api/models/{path}/branch/dev", json={}, headers=cast.alice.headers)
    num = opened(client, cast.charlie, path, pullRequest=True, base="dev")
    committed(client, cast.charlie, path, file("b", "1"), rev=f"refs%2Fpr%2F{num}", summary="Add b")
    take_dev = client.delete(f"/api/models/{path}/branch/dev", headers=cast.alice.headers)
    assert take_dev.status_code in (200, 204)
    thread = details(client, cast.alice, path, num)
    assert (thread["status"], thread["filesWithConflicts"]) == ("draft", True)
    assert told(thread)[-1] == ("base-deleted", "refs/heads/dev")
    assert put(client, cast.bob, path, f"{num}/base", base="main").status_code == 403
    assert put(client, cast.charlie, path, f"{num}/base", base="nowhere").status_code == 404
    assert put(client, cast.charlie, path, f"{num}/base", base="main").json()["event"]["data"]["to"] == MAIN
    assert put(client, cast.charlie, path, f"{num}/base", base="refs/heads/main").status_code == 409
    assert take(client, cast.charlie, path, f"{num}/draft").status_code == 200
    assert post(client, cast.alice, path, f"{num}/merge").status_code == 200


def test_drafts_and_back(client: TestClient, cast: Cast, path: str) -> None:
    num, talk = proposed(client, cast.charlie, path, file("b", "1")), opened(client, cast.alice, path)
    assert put(client, cast.bob, path, f"{num}/draft").status_code == 403
    assert put(client, cast.charlie, path, f"{num}/draft").json()["newStatus"]["data"] == {"status": "draft"}
    assert post(client, cast.alice, path, f"{num}/merge").status_code == 409
    assert put(client, cast.charlie, path, f"{num}/draft").status_code == 409
    assert take(client, cast.alice, path, f"{num}/draft").status_code == 200
    assert put(client, cast.alice, path, f"{talk}/draft").status_code == 409
    assert put(client, cast.alice, path, f"{talk}/base", base="main").status_code == 409


def test_a_branch_is_proposed_whole(client: TestClient, cast: Cast, path: str) -> None:
    client.post(f"/api/models/{path}/branch/dev", json={}, headers=cast.alice.headers)
    committed(client, cast.alice, path, file("b", "1"), rev="dev", summary="Add b")
    num = opened(client, cast.alice, path, pullRequest=True, head="dev")
    thread = details(client, cast.alice, path, num)
    assert (thread["status"], told(thread)[1:]) == ("open", [("commit", "Add b")])
    assert "+1" in thread["diff"]
    answer = post(client, cast.alice, path, title="No such", pullRequest=True, head="nowhere")
    assert answer.status_code == 404 and answer.headers["x-error-code"] == "RevisionNotFound"
    assert post(client, cast.alice, path, title="No base", pullRequest=True, base="nowhere").status_code == 404
    assert commit(client, cast.charlie, path, file("c", "1"), rev="dev", query="?create_pr=1").status_code == 200
    assert post(client, cast.alice, path, f"{num}/merge").status_code == 200


def test_a_push_and_a_merge_at_once_leave_one_truth(app: Starlette, client: TestClient, cast: Cast, path: str) -> None:
    num = proposed(client, cast.charlie, path, file("b", "1"))
    at, to = head(client, path), head(client, path, f"refs/pr/{num}")
    failed: list[Exception] = []

    def merging() -> None:
        try:
            service.merge(app.state.database, app.state.kit, cast.alice.actor, path, num, kind="model")
        except HubError as err:
            failed.append(err)

    def pushing() -> None:
        try:
            push(app, cast.alice, path, MAIN, at, to)
        except (LostRace, HubError) as err:
            failed.append(err)

    threads = [threading.Thread(target=work) for work in (merging, pushing)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = details(client, cast.alice, path, num)
    assert len(failed) == 1, failed
    assert found["status"] == "merged" and found["changes"]["mergeCommitId"] == head(client, path)
    assert [words for kind, words in told(found) if kind == "status-change"] == ["merged"]


def test_closing_during_a_merge_leaves_one_of_the_two(
    app: Starlette, client: TestClient, cast: Cast, path: str
) -> None:
    num, before = proposed(client, cast.charlie, path, file("b", "1")), head(client, path)
    failed: list[str] = []

    def merging() -> None:
        try:
            service.merge(app.state.database, app.state.kit, cast.alice.actor, path, num, kind="model")
        except HubError as err:
            failed.append(err.message)

    def closing() -> None:
        try:
            with app.state.database.write() as db:
                service.change_status(db, cast.charlie.actor, path, num, kind="model", status="closed")
        except HubError as err:
            failed.append(err.message)

    threads = [threading.Thread(target=work) for work in (merging, closing)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    status = details(client, cast.alice, path, num)["status"]
    assert len(failed) == 1 and status in ("merged", "closed"), failed
    assert (head(client, path) != before) is (status == "merged")


# ---- a history written anew --------------------------------------------------------------------------------


def test_threads_follow_a_history_without_a_file(client: TestClient, cast: Cast, path: str) -> None:
    """Erasing is no push: what is open stays open, what is merged stays merged, and each names commits that exist."""
    uploaded(client, cast.alice, path, b"too much")
    committed(client, cast.alice, path, large("w.bin", b"too much"), summary="too much")
    merged, waiting = (
        proposed(client, cast.charlie, path, file("a", "2\n")),
        proposed(client, cast.bob, path, file("c", "3\n")),
    )
    forced = proposed(client, cast.charlie, path, file("a", "9\n"))
    assert post(client, cast.alice, path, f"{merged}/merge").status_code == 200
    draft = opened(client, cast.charlie, path, "An idea", pullRequest=True)
    remark = {"state": "commented", "comment": "", "remarks": [{"path": "c", "line": 1, "text": "Why?"}]}
    assert post(client, cast.alice, path, f"{waiting}/reviews", **remark).status_code == 200
    nums = (merged, waiting, forced, draft)
    before = {num: details(client, cast.alice, path, num) for num in nums}
    body = {"deletions": {"sha": [digest(b"too much")], "rewriteHistory": True}}
    answer = client.post(f"/api/models/{path}/lfs-files/batch", json=body, headers=cast.alice.headers)
    assert answer.status_code == 200, answer.text
    for num in nums:
        after = details(client, cast.alice, path, num)
        assert (after["status"], after["diff"]) == (before[num]["status"], before[num]["diff"])
        assert told(after) == told(before[num]), "nothing new was said"
        named = set(re.findall(r"[0-9a-f]{40}", json.dumps([after["events"], after["changes"]])))
        blobs = set(re.findall(r'"blob": "([0-9a-f]{40})', json.dumps(after["events"])))
        for oid in named - blobs:
            assert client.get(f"/api/models/{path}/revision/{oid}").status_code == 200, (num, oid)
        assert client.get(f"/{path}/discussions/{num}").status_code == 200
    for num in (waiting, draft):
        committed(client, cast.alice, path, file(f"more{num}", "x"), rev=f"refs%2Fpr%2F{num}")
        assert post(client, cast.alice, path, f"{num}/status", status="open").status_code in (200, 409)
        assert post(client, cast.alice, path, f"{num}/merge").status_code == 200
    assert "w.bin" not in tree(client, path)
