"""Debian's own git against a live hub: clone, fetch, push, propose."""

import json
import re
import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fixtures.gits import Git, address
from tests.fixtures.servers import Live
from tests.fixtures.tools import lacking

pytestmark = pytest.mark.compat


def api(live: Live, method: str, path: str, who: str = "alice", **given: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {live.tokens[who]}"} if who else {}
    answer = httpx.request(method, live.url + path, headers=headers, timeout=60, trust_env=False, **given)
    assert answer.status_code < 300, answer.text
    return answer


def new_repo(live: Live, name: str, *, owner: str = "alice", private: bool = False) -> str:
    said = {"name": name, "private": private} | ({"organization": owner} if owner == "lab" else {})
    api(live, "POST", "/api/repos/create", json=said)
    return f"{owner}/{name}"


def commit_by_api(live: Live, repo: str, path: str, text: str, *, revision: str = "main") -> str:
    lines = [
        {"key": "header", "value": {"summary": f"{path} by the API", "description": ""}},
        {"key": "file", "value": {"path": path, "content": text, "encoding": "utf-8"}},
    ]
    body = "\n".join(json.dumps(line) for line in lines)
    where = f"/api/models/{repo}/commit/{revision.replace('/', '%2F')}"
    oid: str = api(
        live,
        "POST",
        where,
        content=body,
    ).json()["commitOid"]
    return oid


def test_clones_of_every_sort_are_whole(live: Live, tmp_path: Path) -> None:
    repo = new_repo(live, "clones")
    home = Git(tmp_path)
    work = home.clone(address(live, repo, "alice"), to="work")
    for number in range(5):
        work.commit(f"step {number}", **{f"file{number}__txt": f"{number}\n" * 100, "same__txt": f"{number}\n"})
    work("tag", "light", "HEAD~1")
    work("tag", "-a", "heavy", "-m", "a heavy tag", "HEAD~2")
    work("branch", "side", "HEAD~3")
    work("push", "-q", "--follow-tags", "origin", "main", "side", "light")
    public = address(live, repo)

    whole = home.clone(public, to="whole")
    assert whole("rev-parse", "HEAD", "heavy", "light") == work("rev-parse", "HEAD", "heavy", "light")
    assert whole("rev-list", "--count", "HEAD") == "6"
    shallow = home.clone(public, "--depth=2", to="shallow")
    assert shallow("rev-list", "--count", "HEAD") == "2"
    shallow("fetch", "-q", "--unshallow")
    shallow("fsck", "--strict")
    assert shallow("rev-list", "--count", "HEAD") == "6"
    single = home.clone(public, "--single-branch", "--branch=side", "--no-tags", to="single")
    assert single("branch", "-r") == "origin/side"
    partial = home.clone(public, "--filter=blob:none", "--no-checkout", to="partial")
    assert "?" in partial("rev-list", "--objects", "--all", "--missing=print"), "nothing was left out"
    partial("checkout", "-q", "main")
    assert (partial.folder / "file4.txt").read_text() == "4\n" * 100
    partial("checkout", "-q", "heavy")
    old = home.clone(public, "-c", "protocol.version=0", to="old")
    assert old("rev-parse", "HEAD") == work("rev-parse", "HEAD")
    dotted = home.clone(public + ".git", to="dotted")
    assert dotted("symbolic-ref", "HEAD") == "refs/heads/main"


def test_branches_and_tags_come_move_and_go(live: Live, tmp_path: Path) -> None:
    repo = new_repo(live, "refs")
    work = Git(tmp_path).clone(address(live, repo, "alice"))
    head = work.commit("one", a__txt="1")
    work("tag", "-a", "v1", "-m", "the first")
    said = work("push", "origin", "HEAD", "HEAD:topic/new", "v1")
    assert "remote: New branch topic/new. To propose it for main: git push origin topic/new:refs/for/main" in said
    refs = api(live, "GET", f"/api/models/{repo}/refs").json()
    assert {branch["name"] for branch in refs["branches"]} == {"main", "topic/new"}
    assert refs["tags"] == [{"name": "v1", "ref": "refs/tags/v1", "targetCommit": head}], "a tag leads to its commit"
    assert api(live, "GET", f"/{repo}/resolve/v1/a.txt").headers["x-repo-commit"] == head
    assert api(live, "GET", f"/api/models/{repo}/revision/v1").json()["sha"] == head
    assert api(live, "GET", f"/api/models/{repo}/commits/v1").json()[0]["id"] == head
    tag = work("rev-parse", "v1")
    assert tag != head
    assert tag in work("ls-remote", "origin", "refs/tags/v1")

    work("push", "-q", "origin", ":topic/new", ":v1")
    refs = api(live, "GET", f"/api/models/{repo}/refs").json()
    assert [branch["name"] for branch in refs["branches"]] == ["main"] and refs["tags"] == []
    assert "main cannot be deleted" in work("push", "origin", ":main", refused=True)
    assert "not a possible name" in work("push", "origin", "HEAD:refs/heads/refs/x", refused=True)
    assert "no ref of this hub" in work("push", "origin", "HEAD:refs/notes/x", refused=True)
    assert "no such pull request" in work("push", "origin", "HEAD:refs/pr/77", refused=True)
    assert "cannot be: refs/heads/main exists" in work("push", "origin", "HEAD:main/below", refused=True)
    # All or nothing, where it was asked for.
    said = work("push", "--atomic", "origin", "HEAD:good", "HEAD:refs/notes/x", refused=True)
    assert "another ref of this push was refused" in said
    assert "good" not in work("ls-remote", "origin")


def test_main_is_rewritten_by_administrators_alone(live: Live, tmp_path: Path) -> None:
    repo = new_repo(live, "forced", owner="lab")
    alice = Git(tmp_path).clone(address(live, repo, "alice"), to="alice")
    alice.commit("one", a__txt="1")
    alice("push", "-q")
    bob = Git(tmp_path, "bob").clone(address(live, repo, "bob"), to="bob")
    bob("push", "-q", "origin", "HEAD:bobs")
    bob("commit", "-q", "--amend", "-m", "another one")
    assert "non-fast-forward" in bob("push", "origin", "HEAD:main", refused=True)
    said = bob("push", "--force", "origin", "HEAD:main", refused=True)
    assert "main keeps its history" in said
    assert "only an administrator of the repository may do that" in said
    bob("push", "-q", "--force", "origin", "HEAD:bobs")
    alice("fetch", "-q")
    alice("push", "-q", "--force", "origin", "origin/bobs:main")
    assert alice("ls-remote", "origin", "main").split()[0] == bob("rev-parse", "HEAD")


def test_a_stranger_proposes_and_the_owner_merges(live: Live, tmp_path: Path) -> None:
    repo = new_repo(live, "proposals")
    charlie = Git(tmp_path, "charlie").clone(address(live, repo, "charlie"), to="charlie")
    charlie.commit("Say what it is\n\nWith a reason.", README__md="# A model\n")
    said = charlie("push", "origin", "HEAD:main", refused=True)
    assert "you may not write here" in said
    assert "git push origin HEAD:refs/for/main" in said

    said = charlie("push", "origin", "HEAD:refs/for/main")
    found = re.search(rf"remote: Pull request (\d+): ({re.escape(live.url)}/{repo}/discussions/\1)", said)
    assert found, said
    number = int(found[1])
    shown = api(live, "GET", f"/api/models/{repo}/discussions/{number}").json()
    assert (shown["title"], shown["status"], shown["isPullRequest"]) == ("Say what it is", "open", True)
    more = charlie.commit("And more", more__txt="more")
    charlie("push", "-q", "origin", f"HEAD:refs/pr/{number}")
    bob = Git(tmp_path, "bob").clone(address(live, repo, "bob"), to="bob")
    bob("fetch", "-q", "origin", f"refs/pr/{number}:theirs")
    assert bob("rev-parse", "theirs") == more
    bob("checkout", "-q", "theirs")
    bob.commit("Not mine to change", x__txt="x")
    assert "not your pull request" in bob("push", "origin", f"HEAD:refs/pr/{number}", refused=True)
    assert "a pull request stays" in charlie("push", "origin", f":refs/pr/{number}", refused=True)
    assert "no such branch" in charlie("push", "origin", "HEAD:refs/for/nowhere", refused=True)

    api(live, "POST", f"/api/models/{repo}/discussions/{number}/merge", json={})
    alice = Git(tmp_path).clone(address(live, repo), to="alice")
    assert (alice.folder / "more.txt").read_text() == "more"
    assert "nothing to propose" in charlie("push", "origin", "HEAD:refs/for/main", refused=True)


def test_a_proposal_is_called_as_the_push_says(live: Live, tmp_path: Path) -> None:
    repo = new_repo(live, "named-proposals")
    charlie = Git(tmp_path, "charlie").clone(address(live, repo, "charlie"))
    charlie.commit("wip", a__txt="a")
    charlie("push", "-q", "-o", "title=A better name", "-o", "description=Why not", "origin", "HEAD:refs/for/main")
    shown = api(live, "GET", f"/api/models/{repo}/discussions").json()["discussions"]
    assert [discussion["title"] for discussion in shown] == ["A better name"]


def test_who_may_not_read_is_asked_who_they_are(live: Live, tmp_path: Path) -> None:
    repo = new_repo(live, "hidden", private=True)
    home = Git(tmp_path)
    assert "could not read Username" in home("clone", address(live, repo), refused=True)
    assert "could not read Username" in home("clone", address(live, "alice/absent"), refused=True)
    assert "not found" in home("clone", address(live, repo, "charlie"), refused=True)
    wrong = address(live, repo, "alice")[:-3]
    assert "not found" in home("clone", wrong + "xyz", refused=True)
    reader = home.clone(address(live, repo, "alice", read=True))
    reader.commit("by a reader", a__txt="a")
    said = reader("push", refused=True)
    assert "does not cover" in said and "403" in said
    api(live, "PUT", f"/api/models/{new_repo(live, 'gate')}/settings", json={"gated": "manual"})
    said = home("clone", address(live, "alice/gate", "charlie"), refused=True)
    assert "is restricted and you are not in the authorized list" in said


def test_a_moved_repository_is_followed(live: Live, tmp_path: Path) -> None:
    repo = new_repo(live, "old-name")
    work = Git(tmp_path).clone(address(live, repo, "alice"))
    api(live, "POST", "/api/repos/move", json={"fromRepo": repo, "toRepo": "alice/new-name", "type": "model"})
    work.commit("after the move", a__txt="a")
    work("push", "-q")
    again = Git(tmp_path).clone(address(live, repo), to="again")
    assert again("rev-parse", "HEAD") == work("rev-parse", "HEAD")


def test_of_two_pushes_at_once_one_wins(live: Live, tmp_path: Path) -> None:
    repo = new_repo(live, "races")
    home = Git(tmp_path)
    works = [home.clone(address(live, repo, "alice"), to=f"work-{number}") for number in range(4)]
    for number, work in enumerate(works):
        work.commit(f"by {number}", **{f"{number}__txt": "x" * 10_000})
    start = threading.Barrier(len(works))

    def push(work: Git) -> "subprocess.CompletedProcess[str]":
        start.wait()
        line = ["git", "push", "origin", "HEAD:main"]
        return subprocess.run(line, cwd=work.folder, capture_output=True, text=True, timeout=60, check=False)

    with ThreadPoolExecutor(len(works)) as pool:
        done = list(pool.map(push, works))
    assert [run.returncode for run in done].count(0) == 1, [run.stderr for run in done]
    assert all("fetch first" in run.stderr for run in done if run.returncode), [run.stderr for run in done]
    loser = next(work for work, run in zip(works, done, strict=True) if run.returncode)
    loser("pull", "-q", "--rebase", "origin", "main")
    loser("push", "-q", "origin", "HEAD:main")


def test_history_by_pushes_and_by_the_api_is_one(live: Live, tmp_path: Path) -> None:
    repo = new_repo(live, "interleaved")
    work = Git(tmp_path).clone(address(live, repo, "alice"), to="work")
    for number in range(6):
        by_api = commit_by_api(live, repo, f"api-{number}.txt", "api\n" * 50)
        work("pull", "-q")
        assert work("rev-parse", "HEAD") == by_api
        work.commit(f"git {number}", **{f"git{number}__txt": "git\n" * 50, f"api-{number}__txt": "api\n" * 51})
        work("push", "-q")
    listed = api(live, "GET", f"/api/models/{repo}/commits/main").json()
    assert [commit["id"] for commit in listed] == work("rev-list", "HEAD").split()
    again = Git(tmp_path).clone(address(live, repo), to="again")
    assert again("rev-list", "--count", "HEAD") == "13"


def test_clones_go_on_while_others_push(live: Live, tmp_path: Path) -> None:
    repo = new_repo(live, "busy")
    home = Git(tmp_path)
    work = home.clone(address(live, repo, "alice"), to="work")
    ended = threading.Event()

    def keep_cloning(number: int) -> int:
        count = 0
        while not ended.is_set() or not count:
            home.clone(address(live, repo), to=f"clone-{number}-{count}")
            count += 1
        return count

    with ThreadPoolExecutor(2) as pool:
        cloned = [pool.submit(keep_cloning, number) for number in range(2)]
        try:
            for number in range(8):
                work.commit(f"step {number}", **{f"data{number}__txt": f"{number}\n" * 20_000})
                work("push", "-q")
        finally:
            ended.set()
        assert all(count.result() for count in cloned)


def test_a_file_too_large_for_git_is_refused_with_what_mends_it(live: Live, tmp_path: Path) -> None:
    repo = new_repo(live, "too-large")
    work = Git(tmp_path).clone(address(live, repo, "alice"))
    work.commit("large", **{"data___words list__txt": "word " * 10_000_000, "small__txt": "small"})
    said = work("push", refused=True)
    assert "'data/words list.txt' has 50,000,000 bytes." in said
    command = re.search(r"remote:\s+(git lfs install && git lfs migrate .*\S)", said)
    assert command, said
    if not lacking_lfs():
        environ = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1"}
        subprocess.run(command[1], shell=True, cwd=work.folder, env=environ, check=True, capture_output=True)
        work("push", "-q")
        shown = api(live, "GET", f"/api/models/{repo}/tree/main/data").json()
        assert shown[0]["lfs"]["size"] == 50_000_000


def lacking_lfs() -> bool:
    if not shutil.which("git-lfs"):
        lacking("git-lfs is missing: run 'apt-get install git-lfs', then repeat the tests.")
    return False


def test_a_card_is_checked_as_in_any_commit(live: Live, tmp_path: Path) -> None:
    repo = new_repo(live, "cards-by-git")
    work = Git(tmp_path).clone(address(live, repo, "alice"))
    work.commit("bad card", README__md="---\nlicense: [oops\n---\n# x\n")
    said = work("push", refused=True)
    assert "its README cannot be published" in said and "Invalid metadata in README.md" in said
    work.commit("good card", README__md="---\nlicense: mit\n---\n# x\n")
    work("push", "-q")
    assert "license:mit" in api(live, "GET", f"/api/models/{repo}").json()["tags"]


def test_submodules_are_taken_and_links_stay_inside(live: Live, tmp_path: Path) -> None:
    repo = new_repo(live, "links")
    work = Git(tmp_path).clone(address(live, repo, "alice"))
    (work.folder / "inside").symlink_to("sub/file.txt")
    work("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},engine")
    (work.folder / ".gitmodules").write_text('[submodule "engine"]\n\tpath = engine\n\turl = https://example.org/e\n')
    work("add", "inside", ".gitmodules")
    work("commit", "-q", "-m", "a link and a module")
    work("push", "-q")
    assert Git(tmp_path).clone(address(live, repo), to="again")("ls-files", "-s", "engine").startswith("160000")
    page = api(live, "GET", f"/{repo}/tree/main").text
    assert "engine" in page and "@ 1111111" in page
    (work.folder / "outside").symlink_to("../../etc/passwd")
    work("add", "outside")
    work("commit", "-q", "-m", "a way out")
    said = work("push", refused=True)
    assert "The link 'outside' leads out of the repository, to '../../etc/passwd'." in said
