"""What comes into a repository beside the road: commits that no pushed ref leads to, pointers that are not quite, and
the one file that git itself obeys."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.content import given
from tests.content.publishing import commit, file
from tests.fixtures.each import each
from tests.fixtures.people import Cast
from tests.fixtures.pushes import Made, push

NEW = "refs/heads/new"
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12345\n"


@pytest.fixture
def repo(client: TestClient, cast: Cast) -> str:
    return given.repo(client, cast.alice, "target")


@pytest.mark.parametrize("what", ["a link that leads out", "a large file", "names that differ by case", "a pointer"])
def test_a_commit_that_no_ref_leads_to_is_checked_like_the_others(
    client: TestClient, cast: Cast, repo: str, tmp_path: Path, what: str
) -> None:
    """A branch could be made at it afterwards, by its id."""
    made = Made(tmp_path / "made")
    text = made.blob(b"text\n")
    entries = {
        "a link that leads out": [("120000", b"link", made.blob(b"../../../etc/passwd"))],
        "a large file": [("100644", b"large", made.blob(bytes(11 << 20)))],
        "names that differ by case": [("100644", b"File", text), ("100644", b"file", text)],
        "a pointer": [("100644", b"pointer", made.blob(POINTER.encode()))],
    }[what]
    hidden = made.commit(made.tree(*entries), message="stowaway")
    shown = made.commit(made.tree(("100644", b"fine.txt", text)))
    assert push(client, cast.alice, repo, NEW, shown, made.pack()).refs[NEW] is not None
    branch = client.post(f"/api/models/{repo}/branch/later", json={"startingPoint": hidden}, headers=cast.alice.headers)
    assert branch.status_code == 404


def test_a_harmless_commit_may_come_along(client: TestClient, cast: Cast, repo: str, tmp_path: Path) -> None:
    made = Made(tmp_path / "made")
    tree = made.tree(("100644", b"fine.txt", made.blob(b"text\n")))
    made.commit(tree, message="the other")
    assert push(client, cast.alice, repo, NEW, made.commit(tree), made.pack()).refs[NEW] is None


@pytest.mark.parametrize(
    "text",
    [POINTER.replace("\n", "\r\n"), POINTER + "\n", POINTER.rstrip("\n"),
     POINTER.replace("oid", "ext-0-x sha256:0\noid"),
     POINTER.replace("git-lfs.github.com", "hawser.github.com")],
    ids=["carriage returns", "one line more", "no last line end", "an extension", "an old version"],
)  # fmt: skip
def test_a_pointer_in_another_spelling_is_refused_with_advice(
    client: TestClient, cast: Cast, repo: str, tmp_path: Path, text: str
) -> None:
    """git-lfs would send the file that it names; the hub would see no name for it, and collect it."""
    made = Made(tmp_path / "made")
    oid = made.commit(made.tree(("100644", b"model.bin", made.blob(text.encode()))))
    reply = push(client, cast.alice, repo, NEW, oid, made.pack())
    assert reply.refs[NEW] == "files that cannot be kept" and "git lfs fsck --pointers" in reply.words


@pytest.mark.parametrize("text", ["About oid sha256: and version\n", f"see {POINTER}", "version 1\n" * 10])
def test_words_about_pointers_are_words(client: TestClient, cast: Cast, repo: str, tmp_path: Path, text: str) -> None:
    made = Made(tmp_path / "made")
    oid = made.commit(made.tree(("100644", b"notes.txt", made.blob(text.encode()))))
    assert push(client, cast.alice, repo, NEW, oid, made.pack()).refs[NEW] is None


@each(
    ("path", "text"),
    [
        (".gitmodules", '[submodule "x"]\n\tpath = x\n\turl = -u./payload\n'),
        (".gitmodules", '[submodule "x"]\n\tpath = -x\n\turl = https://example.org/e\n'),
        (".gitmodules", '[submodule "../../x"]\n\tpath = x\n\turl = https://example.org/e\n'),
        (".gitmodules", '[submodule "x"]\n\tupdate = !sh\n\tpath = x\n\turl = https://example.org/e\n'),
        (".GitModules ", '[submodule "x"]\n\tpath = x\n\turl = -u./payload\n'),
        ("GITMOD~1", '[submodule "x"]\n\tpath = x\n\turl = -u./payload\n'),
        ("deep/.gitmodules", '[submodule "x"]\n\tpath = x\n\turl = -u./payload\n'),
        (".gitmodules/file", "any"),
    ],
)
def test_what_git_obeys_says_nothing_harmful(client: TestClient, cast: Cast, repo: str, path: str, text: str) -> None:
    """A push of it is refused by git's own check; a commit by the API must not be the way around."""
    answer = commit(client, cast.alice, repo, file(path, text))
    assert answer.status_code == 422 and "gitmodules" in answer.json()["error"]


def test_a_plain_list_of_submodules_is_fine(client: TestClient, cast: Cast, repo: str) -> None:
    text = '[submodule "engine"]\n\tpath = engine\n\turl = https://example.org/engine\n'
    assert commit(client, cast.alice, repo, file(".gitmodules", text)).status_code == 200
    assert client.get(f"/{repo}/resolve/main/.gitmodules").text == text


def test_a_copy_is_no_way_around(client: TestClient, cast: Cast, repo: str) -> None:
    text = '[submodule "x"]\n\tpath = x\n\turl = -u./payload\n'
    assert commit(client, cast.alice, repo, file("notes", text)).status_code == 200
    copy = {"key": "copyFile", "value": {"path": ".gitmodules", "srcPath": "notes"}}
    assert commit(client, cast.alice, repo, copy).status_code == 422
