"""What somebody with a pen may write into a commit call."""

import pytest
from starlette.testclient import TestClient

from tests.content.given import repo
from tests.content.publishing import commit, copied, file
from tests.fixtures.people import Cast


@pytest.mark.parametrize("revision", ["\ud800", "a\x00b", "a\x7fb", "a\r\nX-Evil: 1", "é" * 40])
def test_a_revision_of_any_characters_is_only_an_unknown_one(client: TestClient, cast: Cast, revision: str) -> None:
    path = repo(client, cast.alice, "pens")
    answer = commit(client, cast.alice, path, copied(".gitattributes", "copy", revision))
    assert answer.status_code == 404
    assert answer.headers["x-error-code"] == "RevisionNotFound"
    assert all(" " <= char <= "~" for char in answer.headers["x-error-message"])
    assert "x-evil" not in answer.headers


@pytest.mark.parametrize("path", ["C:/Windows/x", "C:x", "folder/D:/x", "1:/x", "::/x"])
def test_no_path_is_a_drive_to_windows(client: TestClient, cast: Cast, path: str) -> None:
    """``huggingface_hub`` joins the parts of a path with ``os.path.join``, which starts over at a drive."""
    where = repo(client, cast.alice, "drives")
    answer = commit(client, cast.alice, where, file(path, b"out of the folder"))
    assert answer.status_code == 422
    assert "drive" in answer.json()["error"]


def test_a_colon_later_in_a_name_is_fine(client: TestClient, cast: Cast) -> None:
    where = repo(client, cast.alice, "colons")
    assert commit(client, cast.alice, where, file("run 12:30.log", b"noon")).status_code == 200
