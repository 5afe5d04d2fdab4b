"""LFS: who may send what, what is told to whom, and that only checked bytes are kept."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.content.keys import content_key
from freehold.content.kit import Kit
from freehold.content.service import uploads
from freehold.content.tables import Content, MultipartUpload, RepoContent
from freehold.core import clock
from freehold.core.database import Database
from tests.content import given
from tests.content.given import LFS, batch, digest, large_file
from tests.fixtures.people import Cast

BYTES = b"large file " * 1000
MAIN = {"name": "main"}


def kept(database: Database) -> tuple[int, int]:
    """How many contents there are, and grants of them."""
    with database.read() as db:
        contents = db.scalar(select(func.count()).select_from(Content))
        grants = db.scalar(select(func.count()).select_from(RepoContent))
    return contents or 0, grants or 0


def is_tidy(kit: Kit) -> bool:
    """Nothing is left in scratch."""
    return list(kit.tmp.iterdir()) == []


# ---- upload ---------------------------------------------------------------------------------------------------------


def test_a_file_goes_up_and_comes_back(client: TestClient, kit: Kit, cast: Cast) -> None:
    path = given.repo(client, cast.alice, "m")

    (offer,) = batch(client, path, [BYTES], cast.alice.headers, ref=MAIN)
    assert offer["oid"] == digest(BYTES)
    assert offer["size"] == len(BYTES)
    upload = offer["actions"]["upload"]["href"]
    assert upload.startswith("http://hub.test/"), "addresses are on the request's own origin"
    assert client.put(upload, content=BYTES).status_code == 200, "without any credentials"

    verify = offer["actions"]["verify"]["href"]
    said = {"oid": digest(BYTES), "size": len(BYTES)}
    assert client.post(verify, json=said, headers=LFS | cast.alice.headers).status_code == 200
    assert client.post(verify, json=said | {"size": 1}, headers=LFS | cast.alice.headers).status_code == 404

    (again,) = batch(client, path, [BYTES], cast.alice.headers, ref=MAIN)
    assert "actions" not in again, "it is here already"
    (down,) = batch(client, path, [BYTES], {}, operation="download")
    answer = client.get(down["actions"]["download"]["href"])
    assert answer.content == BYTES
    assert answer.headers["etag"] == f'"{digest(BYTES)}"'
    assert kit.store.get(content_key(digest(BYTES))) == BYTES
    assert is_tidy(kit)


@pytest.mark.parametrize("kind", ["dataset", "space", "kernel"])
def test_every_kind_of_repository_has_the_door(client: TestClient, cast: Cast, kind: str) -> None:
    body = {"name": "r", "type": kind, "sdk": "static"}
    assert client.post("/api/repos/create", json=body, headers=cast.alice.headers).status_code == 200

    for dot_git in (".git", ""):
        address = f"/{kind}s/alice/r{dot_git}/info/lfs/objects/batch"
        asked = {"operation": "upload", "objects": [{"oid": digest(BYTES), "size": len(BYTES)}], "ref": MAIN}
        answer = client.post(address, json=asked, headers=LFS | cast.alice.headers)
        assert answer.status_code == 200
        assert answer.json()["transfer"] == "basic"
        assert f"/{kind}s/alice/r" in answer.json()["objects"][0]["actions"]["verify"]["href"]


def test_git_lfs_signs_in_with_basic(client: TestClient, cast: Cast) -> None:
    path = given.repo(client, cast.alice, "m", private=True)
    asked = {"operation": "upload", "objects": [{"oid": digest(BYTES), "size": len(BYTES)}], "ref": MAIN}
    address = f"/{path}.git/info/lfs/objects/batch"

    assert client.post(address, json=asked, headers=LFS, auth=("anyone", cast.alice.token)).status_code == 200
    refused = client.post(address, json=asked, headers=LFS)
    assert refused.status_code == 401
    assert refused.headers["lfs-authenticate"].startswith("Basic ")
    assert refused.json()["message"], "what git-lfs shows"


@pytest.mark.parametrize(
    ("body", "why"),
    [(BYTES + b"x", "longer"), (BYTES[:-1], "shorter"), (b"", "empty"), (BYTES[:-1] + b"x", "another file")],
)
@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
def test_other_bytes_than_announced_are_refused_and_not_kept(
    client: TestClient, kit: Kit, database: Database, cast: Cast, body: bytes, why: str, chunked: bool
) -> None:
    path = given.repo(client, cast.alice, "m")
    (offer,) = batch(client, path, [BYTES], cast.alice.headers, ref=MAIN)
    before = kept(database)

    def pieces() -> Iterator[bytes]:
        yield body

    answer = client.put(offer["actions"]["upload"]["href"], content=pieces() if chunked else body)

    assert answer.status_code in (400, 413), why
    assert answer.json()["error"]
    assert kept(database) == before
    assert kit.store.size(content_key(digest(BYTES))) is None
    assert is_tidy(kit)


def test_addresses_cannot_be_forged_altered_or_kept(client: TestClient, cast: Cast) -> None:
    path = given.repo(client, cast.alice, "m")
    (offer,) = batch(client, path, [BYTES], cast.alice.headers, ref=MAIN)
    upload = offer["actions"]["upload"]["href"]
    other = b"other bytes"

    assert client.put(upload.replace(digest(BYTES), digest(other)), content=other).status_code == 403
    assert client.put(upload[:-2] + "AA", content=BYTES).status_code == 403
    assert client.put(upload.split("?")[0], content=BYTES).status_code == 403
    assert client.get(upload).status_code == 403, "an address to write opens nothing to read"
    with clock.frozen(datetime.now(UTC) + timedelta(seconds=uploads.ADDRESS_S + 1)):
        assert client.put(upload, content=BYTES).status_code == 403
    assert client.put(upload, content=BYTES).status_code == 200


def test_bytes_for_a_repository_that_went_away_are_nobodys(client: TestClient, database: Database, cast: Cast) -> None:
    path = given.repo(client, cast.alice, "m")
    (offer,) = batch(client, path, [BYTES], cast.alice.headers, ref=MAIN)
    gone = client.request("DELETE", "/api/repos/delete", json={"name": "m"}, headers=cast.alice.headers)
    assert gone.status_code == 200

    answer = client.put(offer["actions"]["upload"]["href"], content=BYTES)

    assert answer.status_code == 404
    assert answer.headers["x-error-code"] == "RepoNotFound"
    assert kept(database) == (0, 0)


# ---- who may --------------------------------------------------------------------------------------------------------


def test_who_may_upload(client: TestClient, cast: Cast) -> None:
    path = given.repo(client, cast.alice, "m")
    asked = {"operation": "upload", "objects": [{"oid": digest(BYTES), "size": len(BYTES)}], "ref": MAIN}
    address = f"/{path}.git/info/lfs/objects/batch"

    def status(headers: dict[str, str], body: dict[str, Any]) -> int:
        return client.post(address, json=body, headers=LFS | headers).status_code

    assert status(cast.alice.headers, asked) == 200
    assert status(cast.alice.read_headers, asked) == 403, "a token for reading"
    assert status(cast.charlie.headers, asked) == 403, "a stranger"
    assert status({}, asked) == 401
    assert status({"Authorization": "Bearer hf_wrong"}, asked) == 401
    for_a_pull_request = {name: value for name, value in asked.items() if name != "ref"}
    assert status(cast.charlie.headers, for_a_pull_request) == 200, "anyone signed in may propose"
    assert status({}, for_a_pull_request) == 401


def test_a_private_repository_does_not_show_through_lfs(client: TestClient, cast: Cast) -> None:
    path = given.repo(client, cast.alice, "secret", private=True)
    large_file(client, path, cast.alice, BYTES)

    for operation in ("upload", "download"):
        for name in ("alice/secret", "alice/none"):
            asked = {"operation": operation, "objects": [{"oid": digest(BYTES), "size": len(BYTES)}]}
            answer = client.post(f"/{name}.git/info/lfs/objects/batch", json=asked, headers=LFS | cast.charlie.headers)
            assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RepoNotFound")
            assert client.post(f"/{name}.git/info/lfs/objects/batch", json=asked, headers=LFS).status_code == 401


def test_guessing_a_digest_tells_a_stranger_nothing(client: TestClient, database: Database, cast: Cast) -> None:
    secret = given.repo(client, cast.alice, "secret", private=True)
    large_file(client, secret, cast.alice, BYTES)
    mine = given.repo(client, cast.charlie, "mine")

    (known,) = batch(client, mine, [BYTES], cast.charlie.headers, ref=MAIN)
    (unknown,) = batch(client, mine, [b"never seen"], cast.charlie.headers, ref=MAIN)
    assert known.keys() == unknown.keys()
    assert known["actions"].keys() == unknown["actions"].keys(), "the bytes are asked for all the same"
    (down,) = batch(client, mine, [BYTES], cast.charlie.headers, operation="download")
    assert down["error"]["code"] == 404

    # With the bytes in hand it is Charlie's as well, and kept once.
    assert client.put(known["actions"]["upload"]["href"], content=BYTES).status_code == 200
    assert kept(database) == (1, 2)


def test_bytes_that_the_caller_could_read_anyway_are_not_asked_for_again(
    client: TestClient, database: Database, cast: Cast
) -> None:
    public = given.repo(client, cast.alice, "public")
    large_file(client, public, cast.alice, BYTES)
    mine = given.repo(client, cast.charlie, "mine")

    (offer,) = batch(client, mine, [BYTES], cast.charlie.headers, ref=MAIN)

    assert "actions" not in offer
    assert kept(database) == (1, 2), "granted to the second repository"
    (down,) = batch(client, mine, [BYTES], cast.charlie.headers, operation="download")
    assert client.get(down["actions"]["download"]["href"]).content == BYTES


def test_an_address_to_read_ends_with_the_repositorys_claim(client: TestClient, cast: Cast) -> None:
    path = given.repo(client, cast.alice, "m")
    large_file(client, path, cast.alice, BYTES)
    (down,) = batch(client, path, [BYTES], {}, operation="download")
    href = down["actions"]["download"]["href"]
    assert client.get(href, headers={"Range": "bytes=3-5"}).content == BYTES[3:6]
    assert client.get(href.replace(digest(BYTES), "0" * 64)).status_code == 403

    client.request("DELETE", "/api/repos/delete", json={"name": "m"}, headers=cast.alice.headers)

    assert client.get(href).status_code == 404


# ---- what is asked --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"[" * 50_000,
        b'{"operation": "steal", "objects": []}',
        b'{"operation": "upload"}',
        b'{"operation": "upload", "objects": [{"oid": "../../etc/passwd", "size": 1}]}',
        b'{"operation": "upload", "objects": [{"oid": "' + b"A" * 64 + b'", "size": 1}]}',
        b'{"operation": "upload", "objects": [{"oid": "' + b"a" * 64 + b'", "size": -1}]}',
        b'{"operation": "upload", "objects": [{"oid": "' + b"a" * 64 + b'", "size": "1"}]}',
        b'{"operation": "upload", "objects": [{"oid": "' + b"a" * 64 + b'", "size": 1e99}]}',
        b'{"operation": "upload", "objects": [], "hash_algo": "md5"}',
        json.dumps({"operation": "upload", "objects": [{"oid": "a" * 64, "size": 1}] * 1001}).encode(),
    ],
)
def test_a_batch_that_makes_no_sense_is_refused(client: TestClient, cast: Cast, body: bytes) -> None:
    path = given.repo(client, cast.alice, "m")

    answer = client.post(f"/{path}.git/info/lfs/objects/batch", content=body, headers=LFS | cast.alice.headers)

    assert answer.status_code == 422
    assert answer.json()["message"]


def test_a_batch_has_a_bound(client: TestClient, cast: Cast) -> None:
    path = given.repo(client, cast.alice, "m")
    body = b" " * ((1 << 20) + 1)

    answer = client.post(f"/{path}.git/info/lfs/objects/batch", content=body, headers=LFS | cast.alice.headers)

    assert answer.status_code == 413


def test_a_file_over_the_limit_is_refused_by_name(new_app: Callable[..., Starlette], cast: Cast) -> None:
    with TestClient(new_app(max_object_bytes=100), base_url="http://hub.test") as client:
        path = given.repo(client, cast.alice, "m")

        small, big = batch(client, path, [b"x" * 100, b"x" * 101], cast.alice.headers, ref=MAIN)

    assert "actions" in small
    assert big["error"]["code"] == 413
    assert "100" in big["error"]["message"]


# ---- parts ----------------------------------------------------------------------------------------------------------


WHOLE = os.urandom(1 << 20) * 2 + b"tail"
PARTS = ["basic", "multipart"]


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> int:
    """Parts of 1 MiB rather than 64."""
    monkeypatch.setattr(uploads, "PART_BYTES", 1 << 20)
    return 1 << 20


@pytest.fixture
def parts_client(new_app: Callable[..., Starlette], small_parts: int) -> Iterator[TestClient]:
    """A hub that asks for parts from 1 MiB on."""
    with TestClient(new_app(multipart_bytes=small_parts), base_url="http://hub.test") as client:
        yield client


def send_parts(client: TestClient, offer: dict[str, Any], whole: bytes, order: Callable[[Any], Any] = list) -> Any:
    """As huggingface_hub does: digit keys are addresses, each answer's ETag goes into the completion."""
    header = offer["actions"]["upload"]["header"]
    size = int(header["chunk_size"])
    addresses = {int(key): value for key, value in header.items() if key.isdigit()}
    assert len(addresses) == -(-len(whole) // size)
    etags = {}
    for number in order(sorted(addresses)):
        part = whole[(number - 1) * size : number * size]
        answer = client.put(addresses[number], content=part)
        assert answer.status_code == 200, answer.text
        etags[number] = answer.headers["etag"]
    return {"oid": offer["oid"], "parts": [{"partNumber": n, "etag": etags[n]} for n in sorted(etags)]}


def complete(client: TestClient, offer: dict[str, Any], said: Any) -> int:
    status: int = client.post(offer["actions"]["upload"]["href"], json=said, headers=LFS).status_code
    return status


@pytest.mark.parametrize("order", [list, reversed], ids=["in order", "backwards"])
def test_parts_become_one_file(parts_client: TestClient, cast: Cast, order: Callable[[Any], Any]) -> None:
    client, kit = parts_client, parts_client.app.state.kit  # type: ignore[attr-defined]  # a Starlette
    path = given.repo(client, cast.alice, "m")
    (offer,) = batch(client, path, [WHOLE], cast.alice.headers, ref=MAIN, transfers=PARTS)

    said = send_parts(client, offer, WHOLE, order)
    assert complete(client, offer, said) == 200
    assert complete(client, offer, said) == 200, "a repeated call finds it done"

    assert kit.store.get(content_key(digest(WHOLE))) == WHOLE
    assert is_tidy(kit)
    (again,) = batch(client, path, [WHOLE], cast.alice.headers, ref=MAIN, transfers=PARTS)
    assert "actions" not in again
    with client.app.state.database.read() as db:  # type: ignore[attr-defined]  # a Starlette
        assert db.scalars(select(MultipartUpload)).all() == []


def test_parts_only_for_clients_that_can_and_files_that_need_them(parts_client: TestClient, cast: Cast) -> None:
    path = given.repo(parts_client, cast.alice, "m")

    (small,) = batch(parts_client, path, [BYTES], cast.alice.headers, ref=MAIN, transfers=PARTS)
    (plain,) = batch(parts_client, path, [WHOLE], cast.alice.headers, ref=MAIN, transfers=["basic"])

    assert "header" not in small["actions"]["upload"]
    assert "header" not in plain["actions"]["upload"]
    assert parts_client.put(plain["actions"]["upload"]["href"], content=WHOLE).status_code == 200


def test_a_part_sent_again_replaces_the_first(parts_client: TestClient, cast: Cast) -> None:
    path = given.repo(parts_client, cast.alice, "m")
    (offer,) = batch(parts_client, path, [WHOLE], cast.alice.headers, ref=MAIN, transfers=PARTS)
    first = offer["actions"]["upload"]["header"]["00001"]

    assert parts_client.put(first, content=b"x" * (1 << 20)).status_code == 200
    said = send_parts(parts_client, offer, WHOLE)

    assert complete(parts_client, offer, said) == 200


def test_parts_that_do_not_make_the_file_are_dropped(parts_client: TestClient, cast: Cast) -> None:
    kit: Kit = parts_client.app.state.kit  # type: ignore[attr-defined]  # a Starlette
    path = given.repo(parts_client, cast.alice, "m")
    (offer,) = batch(parts_client, path, [WHOLE], cast.alice.headers, ref=MAIN, transfers=PARTS)
    other = b"x" + WHOLE[1:]

    said = send_parts(parts_client, offer, other)

    assert complete(parts_client, offer, {**said, "oid": digest(other)}) == 400, "another file than announced"
    assert complete(parts_client, offer, {**said, "parts": said["parts"][:-1]}) == 400, "one too few"
    assert complete(parts_client, offer, {**said, "parts": said["parts"][::-1][:2]}) == 400, "not from 1 on"
    assert complete(parts_client, offer, said) == 400, "the whole has another digest"
    assert kit.store.size(content_key(digest(WHOLE))) is None
    assert is_tidy(kit)


def test_parts_have_their_size_their_number_and_their_address(parts_client: TestClient, cast: Cast) -> None:
    path = given.repo(parts_client, cast.alice, "m")
    (offer,) = batch(parts_client, path, [WHOLE], cast.alice.headers, ref=MAIN, transfers=PARTS)
    header = offer["actions"]["upload"]["header"]
    first = header["00001"]

    assert parts_client.put(first, content=b"x").status_code == 400
    assert parts_client.put(first, content=b"x" * ((1 << 20) + 1)).status_code == 400
    assert parts_client.put(first.replace("/1?", "/4?"), content=b"tail").status_code == 400
    assert parts_client.put(first.replace("/1?", "/0?"), content=b"tail").status_code == 400
    assert parts_client.put(first[:-2] + "AA", content=b"x" * (1 << 20)).status_code == 403
    never = {"oid": offer["oid"], "parts": [{"partNumber": n, "etag": "x"} for n in (1, 2, 3)]}
    assert complete(parts_client, offer, never) == 400, "nothing arrived"


def test_uploads_that_nobody_finishes_go_away(parts_client: TestClient, cast: Cast) -> None:
    app: Starlette = parts_client.app  # type: ignore[assignment]  # typed as any ASGI application
    path = given.repo(parts_client, cast.alice, "m")
    (offer,) = batch(parts_client, path, [WHOLE], cast.alice.headers, ref=MAIN, transfers=PARTS)
    said = send_parts(parts_client, offer, WHOLE)

    uploads.drop_stale(app.state.database, app.state.kit)
    assert not is_tidy(app.state.kit), "somebody may still be sending"
    with clock.frozen(datetime.now(UTC) + timedelta(seconds=2 * uploads.ADDRESS_S + 1)):
        uploads.drop_stale(app.state.database, app.state.kit)

    assert is_tidy(app.state.kit)
    assert complete(parts_client, offer, said) == 404


def test_parts_go_straight_to_s3_and_are_checked_there(
    new_app: Callable[..., Starlette], cast: Cast, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    service = request.getfixturevalue("s3_service")
    monkeypatch.setattr(uploads, "PART_BYTES", 5 << 20)
    whole = os.urandom(1 << 20) * 6
    app = new_app(
        store_url=f"s3://{service.new_bucket()}",
        s3_endpoint=service.endpoint,
        s3_access_key=service.access_key,
        s3_secret_key=service.secret_key,
        multipart_bytes=1 << 20,
    )

    def send(offer: dict[str, Any], data: bytes) -> dict[str, Any]:
        header = offer["actions"]["upload"]["header"]
        parts = [data[: 5 << 20], data[5 << 20 :]]
        etags = []
        for number, part in enumerate(parts, 1):
            assert header[f"{number:05d}"].startswith(service.endpoint), "not through the hub"
            etags.append(httpx.put(header[f"{number:05d}"], content=part, timeout=60).headers["etag"])
        return {"oid": offer["oid"], "parts": [{"partNumber": n, "etag": e} for n, e in enumerate(etags, 1)]}

    with TestClient(app, base_url="http://hub.test") as client:
        path = given.repo(client, cast.alice, "m")
        (offer,) = batch(client, path, [whole], cast.alice.headers, ref=MAIN, transfers=PARTS)
        with clock.frozen(datetime.now(UTC) - timedelta(seconds=3 * uploads.ADDRESS_S)):
            (old,) = batch(client, path, [whole], cast.alice.headers, ref=MAIN, transfers=PARTS)
        uploads.drop_stale(app.state.database, app.state.kit)
        assert httpx.put(old["actions"]["upload"]["header"]["00001"], content=b"late").status_code == 404
        assert complete(client, offer, send(offer, b"x" + whole[1:])) == 400, "another file"
        assert app.state.kit.store.size(content_key(digest(whole))) is None
        assert list(app.state.kit.store.keys("uploads")) == []

        (offer,) = batch(client, path, [whole], cast.alice.headers, ref=MAIN, transfers=PARTS)
        said = send(offer, whole)
        assert complete(client, offer, said) == 200
        assert complete(client, offer, said) == 200, "a repeated call finds it done"

        (down,) = batch(client, path, [whole], {}, operation="download")
        href = down["actions"]["download"]["href"]
        assert href.startswith(service.endpoint)
        assert hashlib.sha256(httpx.get(href, timeout=60).content).hexdigest() == digest(whole)
