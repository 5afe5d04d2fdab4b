"""Bodies on the ordinary road: any ASGI server, and the tests of the rooms."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from freehold.core.bodies import FileSlice, receive_to_file
from freehold.core.direct import PIECE_BYTES
from freehold.core.errors import HubError
from freehold.core.http import problem

FILE = os.urandom(2 * PIECE_BYTES + 5)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    (tmp_path / "file").write_bytes(FILE)

    async def upload(request: Request) -> Response:
        digest = hashlib.sha256()
        size = await receive_to_file(request, tmp_path / "upload", limit_bytes=len(FILE), hasher=digest)
        return PlainTextResponse(f"{size} {digest.hexdigest()}")

    def part(request: Request) -> Response:
        start, end = (int(value) if value else None for value in request.query_params.values())
        return FileSlice(tmp_path / "file", start or 0, end, headers={"content-type": "text/x-test"})

    async def on_error(_: Request, err: Exception) -> Response:
        assert isinstance(err, HubError)
        return problem(err)

    routes = [Route("/upload", upload, methods=["PUT"]), Route("/part", part)]
    with TestClient(Starlette(routes=routes, exception_handlers={HubError: on_error})) as client:
        yield client


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES, len(FILE)])
def test_a_body_is_in_the_file(client: TestClient, tmp_path: Path, size: int) -> None:
    answer = client.put("/upload", content=FILE[:size])
    assert answer.text == f"{size} {hashlib.sha256(FILE[:size]).hexdigest()}"
    assert (tmp_path / "upload").read_bytes() == FILE[:size]


def test_a_body_over_the_limit_leaves_no_file(client: TestClient, tmp_path: Path) -> None:
    def unannounced() -> Iterator[bytes]:
        yield FILE
        yield b"!"

    assert client.put("/upload", content=FILE + b"!").status_code == 413
    assert client.put("/upload", content=unannounced()).status_code == 413
    assert not (tmp_path / "upload").exists()


@pytest.mark.parametrize("length", ["-1", "1_0", "x", "²"])
def test_a_length_that_is_no_number_is_refused(client: TestClient, length: str) -> None:
    answer = client.put("/upload", content=b"x", headers={"Content-Length": length.encode()})
    assert answer.status_code == 400


def test_a_part_of_a_file(client: TestClient) -> None:
    answer = client.get("/part?start=3&end=1500000")
    assert answer.content == FILE[3:1_500_000]
    assert answer.headers["content-length"] == "1499997"
    assert answer.headers["content-type"] == "text/x-test"
    assert client.get("/part?start=&end=").content == FILE
    assert client.head("/part?start=3&end=1500000").headers["content-length"] == "1499997"


def test_a_part_that_is_not_there_is_our_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    for start, end in ((0, 6), (3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="of a file of 5"):
            FileSlice(tmp_path / "file", start, end)
    with pytest.raises(FileNotFoundError):
        FileSlice(tmp_path / "absent")


def test_a_file_removed_meanwhile_is_still_sent(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")

    def gone(_: Request) -> Response:
        answer = FileSlice(tmp_path / "file")
        (tmp_path / "file").unlink()
        return answer

    with TestClient(Starlette(routes=[Route("/", gone)])) as client:
        assert client.get("/").content == b"12345"
