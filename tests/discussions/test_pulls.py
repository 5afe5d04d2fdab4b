"""Pull requests: opened by a commit or as a draft, gone on with, merged or refused."""

import threading
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.core.errors import HubError
from freehold.discussions import service
from freehold.gitkit.commits import Put
from tests.content import given
from tests.content.given import repo
from tests.content.publishing import (
    body,
    commit,
    committed,
    deleted,
    file,
    header,
    large,
    tree,
    uploaded,
)
from tests.discussions.talking import details, listed, opened, post, told
from tests.fixtures.people import Cast, Person

PR = "?create_pr=1"


@pytest.fixture
def path(client: TestClient, cast: Cast) -> str:
    path = repo(client, cast.alice, "m")
    committed(client, cast.alice, path, file("a", "1\n"), file("b", "1\n"))
    return path


def proposed(client: TestClient, who: Person, path: str, *lines: Any, summary: str = "Propose") -> int:
    """The number of the pull request that a commit of ``lines`` opens."""
    answer = commit(client, who, path, *lines, query=PR, summary=summary)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["pullRequestUrl"].rpartition("/discussions/")[2])


def head(client: TestClient, path: str, ref: str = "refs/heads/main") -> str:
    found = client.get(f"/api/models/{path}/refs?include_prs=1").json()
    oid: str = next(item["targetCommit"] for refs in found.values() for item in refs if item["ref"] == ref)
    return oid


def log(client: TestClient, path: str, rev: str = "main") -> list[str]:
    return [item["title"] for item in client.get(f"/api/models/{path}/commits/{rev}").json()]


# ---- opening -----------------------------------------------------------------------------------------------


def test_charlie_proposes_a_change(client: TestClient, cast: Cast, path: str) -> None:
    raw = body(header("Fix a", description="It was *wrong*"), file("a", "2\n"))
    answer = commit(client, cast.charlie, path, raw=raw, query=PR).json()
    assert answer["pullRequestUrl"] == "http://hub.test/alice/m/discussions/1"
    thread = details(client, cast.anonymous, path, 1)
    assert (thread["title"], thread["status"], thread["isPullRequest"]) == ("Fix a", "open", True)
    assert thread["author"]["name"] == "charlie"
    assert thread["changes"] == {"base": "refs/heads/main"}
    assert thread["filesWithConflicts"] == []
    assert told(thread) == [("comment", "It was *wrong*"), ("commit", "Fix a")]
    assert thread["events"][1]["data"]["oid"] == answer["commitOid"]
    assert "-1\n+2\n" in thread["diff"]
    assert "diff" not in details(client, cast.alice, path, 1, query="")


def test_a_draft_begins_at_the_head_of_main(client: TestClient, cast: Cast, path: str) -> None:
    num = opened(client, cast.charlie, path, "An idea", pullRequest=True)
    thread = details(client, cast.charlie, path, num)
    assert (thread["status"], thread["diff"], thread["filesWithConflicts"]) == ("draft", "", [])
    assert head(client, path, f"refs/pr/{num}") == head(client, path)
    info = client.get(f"/api/models/{path}/revision/refs%2Fpr%2F{num}")
    assert info.json()["sha"] == head(client, path)
    committed(client, cast.charlie, path, file("c", "1"), rev=f"refs%2Fpr%2F{num}", summary="Add c")
    assert told(details(client, cast.charlie, path, num))[1:] == [("commit", "Add c")]
    assert commit(client, cast.bob, path, file("d", "1"), rev=f"refs%2Fpr%2F{num}").status_code == 403


def test_numbers_are_shared(client: TestClient, cast: Cast, path: str) -> None:
    assert opened(client, cast.charlie, path) == 1
    assert proposed(client, cast.charlie, path, file("c", "1")) == 2
    assert opened(client, cast.alice, path, pullRequest=True) == 3
    assert proposed(client, cast.bob, path, file("c", "2")) == 4
    assert listed(client, cast.anonymous, path) == [4, 3, 2, 1]


def test_numbers_count_on_from_proposals_that_are_older_than_discussions(
    client: TestClient, cast: Cast, path: str, app: Starlette
) -> None:
    given.commit(app, path, [Put("old", b"1")], ref="refs/pr/7")
    assert opened(client, cast.alice, path) == 8
    assert proposed(client, cast.charlie, path, file("c", "1")) == 9
    committed(client, cast.alice, path, file("c", "1"), rev="refs%2Fpr%2F7")
    assert client.get(f"/api/models/{path}/discussions/7").status_code == 404


def test_a_proposal_of_nothing_is_open_and_brings_nothing(client: TestClient, cast: Cast, path: str) -> None:
    num = proposed(client, cast.charlie, path, file("a", "1\n"), summary="x")
    thread = details(client, cast.alice, path, num)
    assert (thread["title"], told(thread)) == ("x", [("comment", "")])
    answer = post(client, cast.alice, path, f"{num}/merge")
    assert answer.status_code == 409 and "nothing to merge" in answer.json()["error"]


def test_a_private_repository_takes_proposals_from_its_people_only(client: TestClient, cast: Cast) -> None:
    client.post(
        "/api/repos/create", json={"name": "x", "organization": "lab", "private": True}, headers=cast.alice.headers
    )
    assert commit(client, cast.charlie, "lab/x", file("a", "1"), query=PR).status_code == 404
    assert proposed(client, cast.bob, "lab/x", file("a", "1")) == 1
    assert details(client, cast.alice, "lab/x", 1)["status"] == "open"


# ---- merging -----------------------------------------------------------------------------------------------


def test_alice_merges(client: TestClient, cast: Cast, path: str) -> None:
    num = proposed(client, cast.charlie, path, file("a", "2\n"), deleted("b"), summary="Fix a")
    committed(client, cast.alice, path, file("c", "main went on"), summary="Meanwhile")
    before = [head(client, path), head(client, path, f"refs/pr/{num}")]
    diff = details(client, cast.alice, path, num)["diff"]
    answer = client.post(f"/api/models/{path}/discussions/{num}/merge", headers=cast.alice.headers, content=b"null")
    assert answer.status_code == 200, answer.text
    oid = answer.json()["mergeCommitId"]
    assert head(client, path) == oid
    thread = details(client, cast.alice, path, num)
    assert (thread["status"], thread["filesWithConflicts"], thread["diff"]) == ("merged", [], diff)
    assert thread["changes"] == {"base": "refs/heads/main", "mergeCommitId": oid}
    assert thread["events"][-1]["data"] == {"status": "merged", "oid": oid}
    assert thread["events"][-1]["author"]["name"] == "alice"
    assert tree(client, path) == [".gitattributes", "a", "c"]
    assert client.get(f"/{path}/resolve/main/a").text == "2\n"
    assert log(client, path)[0] == "Fix a (#1)" and {"Meanwhile", "Fix a"} <= set(log(client, path))
    for commit_id in [*before, oid]:
        assert client.get(f"/api/models/{path}/revision/{commit_id}").status_code == 200


def test_a_merge_may_say_something(client: TestClient, cast: Cast, path: str) -> None:
    num = proposed(client, cast.charlie, path, file("c", "1"))
    assert post(client, cast.alice, path, f"{num}/merge", comment="Thanks!").status_code == 200
    assert told(details(client, cast.alice, path, num))[-2:] == [("comment", "Thanks!"), ("status-change", "merged")]


def test_lines_apart_come_together(client: TestClient, cast: Cast, path: str) -> None:
    lines = [f"line {number}\n" for number in range(20)]
    committed(client, cast.alice, path, file("text", "".join(lines)))
    num = proposed(client, cast.charlie, path, file("text", "".join(["first\n", *lines[1:]])))
    committed(client, cast.alice, path, file("text", "".join([*lines[:-1], "last\n"])))
    assert post(client, cast.alice, path, f"{num}/merge").status_code == 200
    text = client.get(f"/{path}/resolve/main/text").text
    assert text == "".join(["first\n", *lines[1:-1], "last\n"])


def test_conflicts_are_named_and_merge_nothing(client: TestClient, cast: Cast, path: str) -> None:
    num = proposed(client, cast.charlie, path, file("a", "theirs\n"), deleted("b"), file("c", "1"))
    committed(client, cast.alice, path, file("a", "ours\n"), file("b", "ours\n"))
    before = head(client, path)
    assert details(client, cast.alice, path, num)["filesWithConflicts"] == ["a", "b"]
    answer = post(client, cast.alice, path, f"{num}/merge")
    assert (answer.status_code, answer.json()["filesWithConflicts"]) == (409, ["a", "b"])
    assert "'a', 'b'" in answer.json()["error"]
    assert (head(client, path), details(client, cast.alice, path, num)["status"]) == (before, "open")
    # The way out that the sentence names.
    committed(client, cast.charlie, path, file("a", "ours\n"), file("b", "ours\n"), rev=f"refs%2Fpr%2F{num}")
    assert details(client, cast.alice, path, num)["filesWithConflicts"] == []
    assert post(client, cast.alice, path, f"{num}/merge").status_code == 200
    assert tree(client, path) == [".gitattributes", "a", "b", "c"]


def test_large_files_come_along(client: TestClient, cast: Cast, path: str) -> None:
    data = b"weights" * 1000
    uploaded(client, cast.charlie, path, data)
    num = proposed(client, cast.charlie, path, large("model.bin", data))
    committed(client, cast.alice, path, file("c", "1"))
    assert post(client, cast.alice, path, f"{num}/merge").status_code == 200
    assert client.get(f"/{path}/resolve/main/model.bin").content == data


def test_who_may_not_merge(client: TestClient, cast: Cast, path: str) -> None:
    num = proposed(client, cast.charlie, path, file("c", "1"))
    for who, status in ((cast.charlie, 403), (cast.bob, 403), (cast.anonymous, 401)):
        assert post(client, who, path, f"{num}/merge").status_code == status, who.name
    assert "c" not in tree(client, path)


def test_what_is_not_open_is_not_merged(client: TestClient, cast: Cast, path: str) -> None:
    draft = opened(client, cast.alice, path, pullRequest=True)
    committed(client, cast.alice, path, file("c", "1"), rev=f"refs%2Fpr%2F{draft}")
    assert "mark it as open" in post(client, cast.alice, path, f"{draft}/merge").json()["error"]
    assert post(client, cast.alice, path, f"{draft}/status", status="closed").status_code == 200
    assert "open it again" in post(client, cast.alice, path, f"{draft}/merge").json()["error"]
    assert post(client, cast.alice, path, f"{draft}/status", status="open").status_code == 200
    assert post(client, cast.alice, path, f"{draft}/merge").status_code == 200
    again = post(client, cast.alice, path, f"{draft}/merge")
    assert again.status_code == 409 and "merged" in again.json()["error"]


def test_what_is_merged_stays_as_it_is(client: TestClient, cast: Cast, path: str) -> None:
    num = proposed(client, cast.charlie, path, file("c", "1"))
    post(client, cast.alice, path, f"{num}/merge")
    before = details(client, cast.alice, path, num)
    for status in ("open", "closed"):
        assert post(client, cast.alice, path, f"{num}/status", status=status).status_code == 409
    late = commit(client, cast.charlie, path, file("d", "1"), rev=f"refs%2Fpr%2F{num}")
    assert late.status_code == 409 and "open a new one" in late.json()["error"]
    squashed = client.post(f"/api/models/{path}/super-squash/refs%2Fpr%2F{num}", headers=cast.alice.headers)
    assert squashed.status_code == 409
    assert details(client, cast.alice, path, num) == before
    assert post(client, cast.charlie, path, f"{num}/comment", comment="Thank you").status_code == 200


def test_nonsense_in_place_of_a_comment(client: TestClient, cast: Cast, path: str) -> None:
    num = proposed(client, cast.charlie, path, file("c", "1"))
    for content in (b"[]", b"{", b'{"comment": 3}', b"\xff"):
        address = f"/api/models/{path}/discussions/{num}/merge"
        assert client.post(address, content=content, headers=cast.alice.headers).status_code == 422
    assert details(client, cast.alice, path, num)["status"] == "open"


# ---- history made anew -------------------------------------------------------------------------------------


def test_a_squashed_proposal_is_merged_by_its_changes(client: TestClient, cast: Cast, path: str) -> None:
    num = proposed(client, cast.charlie, path, file("c", "1"), deleted("b"))
    committed(client, cast.charlie, path, file("c", "2"), rev=f"refs%2Fpr%2F{num}", summary="Again")
    address = f"/api/models/{path}/super-squash/refs%2Fpr%2F{num}"
    assert client.post(address, json={"message": "All at once"}, headers=cast.alice.headers).status_code == 200
    assert log(client, path, f"refs%2Fpr%2F{num}") == ["All at once"]
    thread = details(client, cast.alice, path, num)
    assert told(thread)[1:] == [("commit", "Propose"), ("commit", "Again"), ("force-push", "All at once")]
    assert thread["filesWithConflicts"] == []
    committed(client, cast.alice, path, file("d", "main went on"))
    assert post(client, cast.alice, path, f"{num}/merge").status_code == 200
    assert tree(client, path) == [".gitattributes", "a", "c", "d"]


def test_a_squashed_branch_still_takes_its_proposals(client: TestClient, cast: Cast, path: str) -> None:
    num = proposed(client, cast.charlie, path, file("a", "2\n"))
    committed(client, cast.alice, path, file("d", "main went on"))
    address = f"/api/models/{path}/super-squash/main"
    assert client.post(address, json={"message": "Short"}, headers=cast.alice.headers).status_code == 200
    assert post(client, cast.alice, path, f"{num}/merge").status_code == 200
    assert tree(client, path) == [".gitattributes", "a", "b", "d"]
    assert client.get(f"/{path}/resolve/main/a").text == "2\n"


def test_a_branch_that_is_gone_cannot_be_merged_into(client: TestClient, cast: Cast, path: str) -> None:
    client.post(f"/api/models/{path}/branch/dev", json={}, headers=cast.alice.headers)
    answer = commit(client, cast.charlie, path, file("c", "1"), rev="dev", query=PR)
    num = int(answer.json()["pullRequestUrl"].rpartition("/")[2])
    assert details(client, cast.alice, path, num)["changes"] == {"base": "refs/heads/dev"}
    client.delete(f"/api/models/{path}/branch/dev", headers=cast.alice.headers)
    assert details(client, cast.alice, path, num)["filesWithConflicts"] is True
    assert post(client, cast.alice, path, f"{num}/merge").status_code == 404


# ---- at once -----------------------------------------------------------------------------------------------


def test_one_of_many_merges_wins(client: TestClient, cast: Cast, path: str, app: Starlette) -> None:
    num = proposed(client, cast.charlie, path, file("c", "1"))
    commits, refused = [], []

    def work() -> None:
        try:
            commits.append(service.merge(app.state.database, app.state.kit, cast.alice.actor, path, num, kind="model"))
        except HubError as err:
            refused.append(err.status)

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(commits), refused) == (1, [409] * 4)
    assert head(client, path) == commits[0]
    assert [words for type_, words in told(details(client, cast.alice, path, num)) if type_ == "status-change"] == [
        "merged"
    ]


def test_many_proposals_are_merged_at_once(client: TestClient, cast: Cast, path: str, app: Starlette) -> None:
    numbers = [proposed(client, cast.charlie, path, file(f"f{index}", "1")) for index in range(5)]
    failed: list[Exception] = []

    def work(num: int) -> None:
        try:
            service.merge(app.state.database, app.state.kit, cast.alice.actor, path, num, kind="model")
        except HubError as err:
            failed.append(err)

    threads = [threading.Thread(target=work, args=(num,)) for num in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert tree(client, path) == [".gitattributes", "a", "b", *(f"f{index}" for index in range(5))]
