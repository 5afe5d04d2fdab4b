"""A folder as one zip: whole, safe to unpack, for those who may read it."""

import io
import zipfile
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.content.api import archives as archives_api
from freehold.content.service import archives
from freehold.gitkit.commits import Put
from tests.content.given import commit, recipe, repo
from tests.content.publishing import committed, file, large, uploaded
from tests.fixtures.people import Cast

WHOLE, CHUNKED = b"whole " * 50_000, b"chunks" * 60_000


@pytest.fixture
def stocked(app: Starlette, client: TestClient, cast: Cast) -> str:
    path = repo(client, cast.alice, "stocked")
    uploaded(client, cast.alice, path, WHOLE)
    recipe(app, path, CHUNKED)
    lines = (
        file("README.md", "# all\n"),
        file("data/a.txt", "a\n"),
        file("data/deep/ü‮.txt", ""),
        large("data/whole.bin", WHOLE),
        large("data/chunks.bin", CHUNKED),
    )
    committed(client, cast.alice, path, *lines)
    return path


def _opened(data: bytes) -> zipfile.ZipFile:
    found = zipfile.ZipFile(io.BytesIO(data))
    assert found.testzip() is None
    return found


def test_a_repository_comes_as_one_zip(client: TestClient, stocked: str) -> None:
    answer = client.get(f"/{stocked}/archive/main")
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/zip"
    assert 'filename="stocked-main.zip"' in answer.headers["content-disposition"]
    found = _opened(answer.content)
    assert found.read("stocked/data/whole.bin") == WHOLE and found.read("stocked/data/chunks.bin") == CHUNKED
    assert found.read("stocked/README.md") == b"# all\n" and found.read("stocked/data/deep/ü‮.txt") == b""
    assert len(found.namelist()) == 6  # .gitattributes too


def test_a_folder_comes_alone_and_under_its_own_name(client: TestClient, stocked: str) -> None:
    answer = client.get(f"/{stocked}/archive/main/data/deep")
    assert _opened(answer.content).namelist() == ["deep/ü‮.txt"]
    assert 'filename="stocked-deep-main.zip"' in answer.headers["content-disposition"]
    head = client.head(f"/{stocked}/archive/main/data")
    assert head.status_code == 200 and head.content == b""


@pytest.mark.parametrize(
    ("address", "code"), [("archive/none", "RevisionNotFound"), ("archive/main/none", "EntryNotFound")]
)
def test_what_is_not_there_is_told(client: TestClient, stocked: str, address: str, code: str) -> None:
    assert client.get(f"/{stocked}/{address}").headers["x-error-code"] == code


def test_a_private_or_gated_repository_is_for_those_who_may_read_it(client: TestClient, cast: Cast) -> None:
    for name, settings in (("private", {"private": True}), ("gated", {"gated": "manual"})):
        path = repo(client, cast.alice, name)
        committed(client, cast.alice, path, file("a.txt", "a"))
        assert client.put(f"/api/models/{path}/settings", json=settings, headers=cast.alice.headers).status_code == 200
        assert client.get(f"/{path}/archive/main", headers=cast.charlie.headers).status_code in (403, 404)
        assert client.get(f"/{path}/archive/main", headers=cast.alice.headers).status_code == 200


def test_it_counts_as_a_download(app: Starlette, client: TestClient, cast: Cast, stocked: str) -> None:
    client.get(f"/{stocked}/archive/main", headers=cast.bob.headers)
    app.state.downloads.flush(app.state.database)
    assert client.get(f"/api/models/{stocked}").json()["downloads"] == 1


@pytest.mark.parametrize(("name", "bound"), [("MAX_FILES", 5), ("MAX_BYTES", 100_000)])
def test_more_than_a_zip_takes_is_refused_before_it_begins(
    client: TestClient, stocked: str, monkeypatch: pytest.MonkeyPatch, name: str, bound: int
) -> None:
    monkeypatch.setattr(archives, name, bound)
    answer = client.get(f"/{stocked}/archive/main")
    assert answer.status_code == 413 and "hf download" in answer.json()["error"]


def test_a_name_that_leaves_its_folder_is_refused(app: Starlette, client: TestClient, cast: Cast) -> None:
    path = repo(client, cast.alice, "climber")
    commit(app, path, [Put("a\\..\\..\\evil.txt", b"x")])
    assert client.get(f"/{path}/archive/main").status_code == 422


def test_a_right_that_ends_ends_the_zip(
    client: TestClient, app: Starlette, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader who takes hours gets no file that was closed to them meanwhile."""
    path = repo(client, cast.alice, "closing")
    committed(client, cast.alice, path, *(file(f"{number}.txt", "x" * 1000) for number in range(5)))
    monkeypatch.setattr(archives, "PIECE_BYTES", 1)
    monkeypatch.setattr(archives, "CHECKED_S", 0.0)
    asked: list[int] = []
    loaded = archives_api.repos.load

    def load(*given: Any, **more: Any) -> Any:
        asked.append(1)
        if len(asked) == 3:
            closed = client.put(f"/api/models/{path}/settings", json={"private": True}, headers=cast.alice.headers)
            assert closed.status_code == 200
        return loaded(*given, **more)

    monkeypatch.setattr(archives_api, "repos", SimpleNamespace(load=load))
    whole = client.get(f"/{path}/archive/main", headers=cast.charlie.headers)
    # What it asked the database first may still be from before; the next question is not.
    assert len(asked) <= 4 and b".gitattributes" in whole.content and b"3.txt" not in whole.content
