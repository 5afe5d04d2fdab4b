"""Files for comments: shown as what they are, never run, and no disk filled with them."""

import pytest
from starlette.testclient import TestClient

from freehold.content.service import attachments
from tests.fixtures.each import each
from tests.fixtures.people import Cast

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
BASE = "http://hub.test"


def attach(client: TestClient, cast: Cast, data: bytes, media_type: str = "image/png") -> tuple[int, str]:
    answer = client.post("/uploads", content=data, headers={**cast.charlie.headers, "Content-Type": media_type})
    return answer.status_code, answer.text


def test_a_picture_is_kept_and_seen_by_whoever_has_its_address(client: TestClient, cast: Cast) -> None:
    code, url = attach(client, cast, PNG)
    assert code == 200
    assert url.startswith(f"{BASE}/uploads/")
    assert url.endswith(".png")
    shown = client.get(url.removeprefix(BASE))
    assert (shown.content, shown.headers["content-type"]) == (PNG, "image/png")
    assert "sandbox" in shown.headers["content-security-policy"]
    assert shown.headers["x-content-type-options"] == "nosniff"
    part = client.get(url.removeprefix(BASE), headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, PNG[:4])
    assert attach(client, cast, PNG)[1] != url, "the address is no digest that could be guessed"
    assert client.get("/uploads/0000.png").status_code == 404


@each(
    ("data", "sort"),
    [
        (b"\xff\xd8\xff\xe0" + bytes(9), "image/jpeg"),
        (b"GIF89a" + bytes(9), "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"\0\0\0\x18ftypmp42", "video/mp4"),
        (b"\0\0\0\x14ftypqt  ", "video/quicktime"),
        (b"\x1a\x45\xdf\xa3" + bytes(9), "video/webm"),
        (b"ID3\x04" + bytes(9), "audio/mpeg"),
    ],
)
def test_what_it_is_tells_its_beginning_not_its_sender(client: TestClient, cast: Cast, data: bytes, sort: str) -> None:
    _, url = attach(client, cast, data, "text/html")
    assert client.get(url.removeprefix(BASE)).headers["content-type"] == sort


@each(
    "data", [b"", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", b"<html>", b"%PDF-1.7", b"MZ", b"GIF"]
)
def test_programs_and_other_files_are_refused(client: TestClient, cast: Cast, data: bytes) -> None:
    code, text = attach(client, cast, data)
    assert code == 400
    assert "PNG" in text


def test_size_and_number_have_limits(client: TestClient, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    assert attach(client, cast, PNG + bytes(attachments.MAX_BYTES))[0] == 400
    film = b"\0\0\0\x18ftypmp42" + bytes(attachments.MAX_BYTES)
    assert attach(client, cast, film)[0] == 200, "films may be longer"
    monkeypatch.setattr(attachments, "MAX_FILM_BYTES", 1000)
    assert attach(client, cast, film)[0] == 413
    monkeypatch.setattr(attachments, "MAX_A_DAY", 1)
    assert attach(client, cast, PNG)[0] == 403


def test_who_may_not(client: TestClient, cast: Cast) -> None:
    assert client.post("/uploads", content=PNG).status_code == 401
    assert client.post("/uploads", content=PNG, headers=cast.alice.read_headers).status_code == 403
