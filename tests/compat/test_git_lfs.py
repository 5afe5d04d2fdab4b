"""The real git-lfs against a live hub: files up with a push, down with a clone, locks, and the client's own agent."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.fixtures.gits import Git, address
from tests.fixtures.servers import Live
from tests.fixtures.tools import lacking

pytestmark = pytest.mark.compat

SMOLLM2 = "SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture(autouse=True)
def _git_lfs() -> None:
    if not shutil.which("git-lfs"):
        lacking("git-lfs is missing: run 'apt-get install git-lfs', then repeat the tests.")


def work_on(live: Live, tmp_path: Path, name: str, *, owner: str = "alice") -> Git:
    """A clone of a new repository, with git-lfs at work in it."""
    said = {"name": name} | ({"organization": owner} if owner == "lab" else {})
    headers = {"Authorization": f"Bearer {live.tokens['alice']}"}
    made = httpx.post(f"{live.url}/api/repos/create", json=said, headers=headers, trust_env=False)
    assert made.status_code == 200, made.text
    return with_lfs(Git(tmp_path).clone(address(live, f"{owner}/{name}", "alice"), to="work"))


def with_lfs(work: Git) -> Git:
    work("lfs", "install", "--local")
    return work


def test_the_real_model_goes_up_with_a_push_and_comes_back_with_a_clone(
    live: Live, tmp_path: Path, real_files: Callable[[str], Path]
) -> None:
    work = work_on(live, tmp_path, "smollm2-by-git")
    shutil.copy(real_files(SMOLLM2), work.folder / SMOLLM2)
    (work.folder / "config.json").write_text("{}\n")
    work("add", "-A")
    work("commit", "-q", "-m", "the model")
    work("push", "origin", "main")
    want = hashlib.sha256((work.folder / SMOLLM2).read_bytes()).hexdigest()

    anonymous = address(live, "alice/smollm2-by-git")
    Git(tmp_path)("clone", "-q", anonymous, "again", GIT_LFS_SKIP_SMUDGE="1")
    again = with_lfs(Git(tmp_path / "again"))
    again("lfs", "pull")
    assert hashlib.sha256((again.folder / SMOLLM2).read_bytes()).hexdigest() == want
    again("lfs", "fsck")
    got = httpx.get(f"{anonymous}/resolve/main/{SMOLLM2}", follow_redirects=True, trust_env=False, timeout=60)
    assert hashlib.sha256(got.content).hexdigest() == want


def test_a_pointer_without_its_file_is_refused_until_it_is_sent(live: Live, tmp_path: Path) -> None:
    work = work_on(live, tmp_path, "pointers-by-git")
    (work.folder / "a.bin").write_bytes(os.urandom(200_000))
    work("add", "-A")
    work("commit", "-q", "-m", "weights")
    said = work("push", "--no-verify", "origin", "main", refused=True)  # git-lfs sends files from a hook
    assert "large files not uploaded" in said
    assert "git lfs push --all origin" in said
    work("lfs", "push", "--all", "origin")
    work("push", "-q", "--no-verify", "origin", "main")
    lost = tmp_path / "lost"
    Git(tmp_path)("clone", "-q", address(live, "alice/pointers-by-git"), "lost", GIT_LFS_SKIP_SMUDGE="1")
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12\n"
    (lost / "b.bin").write_text(text)
    reader = with_lfs(Git(lost))
    reader("add", "b.bin")
    reader("commit", "-q", "-m", "nobody has this")
    assert "has no object" in reader("lfs", "fetch", "origin", "HEAD", refused=True)


def test_a_stranger_proposes_a_large_file(live: Live, tmp_path: Path) -> None:
    work_on(live, tmp_path, "large-proposals")
    charlie = with_lfs(Git(tmp_path, "charlie").clone(address(live, "alice/large-proposals", "charlie"), to="charlie"))
    (charlie.folder / "a.bin").write_bytes(os.urandom(300_000))
    charlie("add", "-A")
    charlie("commit", "-q", "-m", "Better weights")
    said = charlie("push", "origin", "HEAD:refs/for/main")
    assert "Pull request 1" in said, said
    (charlie.folder / "a.bin").write_bytes(os.urandom(300_000))
    charlie("commit", "-q", "-am", "Even better weights")
    charlie("push", "-q", "origin", "HEAD:refs/pr/1")
    got = httpx.get(
        f"{live.url}/alice/large-proposals/resolve/refs%2Fpr%2F1/a.bin", follow_redirects=True, trust_env=False
    )
    assert got.content == (charlie.folder / "a.bin").read_bytes()


def test_a_locked_file_is_changed_by_its_owner_alone(live: Live, tmp_path: Path) -> None:
    alice = work_on(live, tmp_path, "locks", owner="lab")
    (alice.folder / "a.bin").write_bytes(b"one" * 1000)
    alice("add", "-A")
    alice("commit", "-q", "-m", "one")
    alice("push", "-q", "origin", "main")
    bob = with_lfs(Git(tmp_path, "bob").clone(address(live, "lab/locks", "bob"), to="bob"))
    assert "Locked a.bin" in alice("lfs", "lock", "a.bin")
    assert "alice" in bob("lfs", "locks")
    assert "already" in bob("lfs", "lock", "a.bin", refused=True).lower()
    (bob.folder / "a.bin").write_bytes(b"two" * 1000)
    bob("commit", "-q", "-am", "two")
    assert "Unable to push locked files" in bob("push", "origin", "main", refused=True) + bob(
        "lfs", "locks", "--verify"
    )
    bob("lfs", "push", "--all", "origin")
    assert "'a.bin' is locked by alice" in bob("push", "--no-verify", "origin", "main", refused=True)
    bob("lfs", "unlock", "a.bin", refused=True)
    assert "Unlocked a.bin" in bob("lfs", "unlock", "--force", "a.bin")
    bob("push", "-q", "origin", "main")


def test_the_clients_agent_sends_a_file_in_parts(
    serve: Callable[..., Live], environment: Callable[[str], Path], tmp_path: Path
) -> None:
    """``hf lfs-enable-largefiles`` puts the client's own program between git-lfs and the hub."""
    hub = serve({"FREEHOLD_MULTIPART_BYTES": "5M"})
    work = work_on(hub, tmp_path, "in-parts")
    path = f"{environment('client-2') / 'bin'}:{os.environ['PATH']}"
    enable = ["hf", "lfs-enable-largefiles", "."]
    subprocess.run(enable, cwd=work.folder, env={"PATH": path, "HOME": str(tmp_path)}, check=True, capture_output=True)
    data = os.urandom(70 << 20)  # two parts
    (work.folder / "a.bin").write_bytes(data)
    work("add", "-A")
    work("commit", "-q", "-m", "in parts")
    work("push", "-q", "origin", "main", PATH=path)
    got = httpx.get(f"{hub.url}/alice/in-parts/resolve/main/a.bin", follow_redirects=True, trust_env=False, timeout=60)
    assert got.content == data
    # Without the agent, git-lfs itself takes the one transfer it knows.
    (work.folder / "b.bin").write_bytes(os.urandom(6 << 20))
    work("config", "--unset-all", "lfs.customtransfer.multipart.path")
    work("config", "--unset-all", "lfs.customtransfer.multipart.args")
    work("add", "-A")
    work("commit", "-q", "-m", "whole")
    work("push", "-q", "origin", "main")
