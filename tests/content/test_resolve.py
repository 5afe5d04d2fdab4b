"""Files by revision and path: every header that clients read, exact ranges, and who may see what."""

import hashlib
import os
from collections.abc import Callable

import httpx
import pytest
from sqlalchemy import select, update
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from freehold.accounts.tables import Account, Token
from freehold.content.keys import content_key
from freehold.core import clock
from freehold.gitkit.commits import Change, Delete, Put, PutPointer
from freehold.repos.tables import Repo
from tests.content import given
from tests.content.given import digest, large_file
from tests.fixtures.each import each
from tests.fixtures.people import Cast

CONFIG = b'{"model_type": "llama"}\n'
WEIGHTS = os.urandom(3000) * 1000  # 3 MB: several pieces


@pytest.fixture
def model(client: TestClient, app: Starlette, cast: Cast) -> str:
    """``alice/m`` with a small and a large file; its commit."""
    path = given.repo(client, cast.alice, "m")
    sha256 = large_file(client, path, cast.alice, WEIGHTS)
    changes: list[Change] = [
        Put("config.json", CONFIG),
        Put("empty.txt", b""),
        PutPointer("sub dir/weights.bin", sha256, len(WEIGHTS)),
    ]
    return given.commit(app, path, changes)


# ---- what a client reads --------------------------------------------------------------------------------------------


def test_a_small_file(client: TestClient, model: str) -> None:
    head = client.head("/alice/m/resolve/main/config.json")
    get = client.get("/alice/m/resolve/main/config.json")

    assert get.content == CONFIG
    for answer in (head, get):
        assert answer.status_code == 200
        assert answer.headers["x-repo-commit"] == model
        assert answer.headers["content-length"] == str(len(CONFIG))
        assert answer.headers["accept-ranges"] == "bytes"
        assert "content-encoding" not in answer.headers
        assert "x-linked-size" not in answer.headers
        assert "x-xet-hash" not in answer.headers
        assert 'filename="config.json"' in answer.headers["content-disposition"]
    assert head.content == b""


def test_the_etag_of_a_small_file_is_its_git_id(client: TestClient, model: str) -> None:
    git_id = hashlib.sha1(b"blob %d\0" % len(CONFIG) + CONFIG).hexdigest()
    assert client.head("/alice/m/resolve/main/config.json").headers["etag"] == f'"{git_id}"'


def test_a_large_file(client: TestClient, model: str) -> None:
    head = client.head("/alice/m/resolve/main/sub%20dir/weights.bin")
    get = client.get("/alice/m/resolve/main/sub%20dir/weights.bin")

    assert get.content == WEIGHTS
    for answer in (head, get):
        assert answer.status_code == 200
        assert answer.headers["x-repo-commit"] == model
        assert answer.headers["etag"] == f'"{digest(WEIGHTS)}"'
        assert answer.headers["x-linked-etag"] == f'"{digest(WEIGHTS)}"'
        assert answer.headers["x-linked-size"] == str(len(WEIGHTS))
        assert answer.headers["content-length"] == str(len(WEIGHTS))
        assert "x-xet-hash" not in answer.headers, "it did not come by Xet"


def test_an_encoded_slash_in_the_path_is_a_slash(client: TestClient, model: str) -> None:
    assert client.head("/alice/m/resolve/main/sub%20dir%2Fweights.bin").status_code == 200


def test_raw_is_what_git_keeps(client: TestClient, model: str) -> None:
    pointer = client.get("/alice/m/raw/main/sub%20dir/weights.bin")

    assert pointer.text.startswith("version https://git-lfs.github.com/spec/v1\n")
    assert f"oid sha256:{digest(WEIGHTS)}\nsize {len(WEIGHTS)}\n" in pointer.text
    assert "x-linked-size" not in pointer.headers
    assert client.get("/alice/m/raw/main/config.json").content == CONFIG


def test_every_name_of_a_revision(client: TestClient, app: Starlette, model: str) -> None:
    later = given.commit(app, "alice/m", [Put("config.json", b"later"), Delete("empty.txt")])
    given.commit(app, "alice/m", [Put("config.json", b"a pull request")], ref="refs/pr/1")
    given.commit(app, "alice/m", [Put("data.parquet", b"PAR1")], ref="refs/convert/parquet")
    given.commit(app, "alice/m", [Put("config.json", b"a branch")], ref="feature/x")
    given.commit(app, "alice/m", [Put("config.json", b"a tag")], ref="refs/tags/v1.0")

    def config(rev: str, name: str = "config.json") -> bytes:
        answer = client.get(f"/alice/m/resolve/{rev}/{name}")
        assert answer.status_code == 200, answer.text
        assert len(answer.headers["x-repo-commit"]) == 40
        return answer.content

    assert config("main") == b"later"
    assert config(later) == b"later"
    assert config(model) == CONFIG, "an older commit by its id"
    assert config(model) == CONFIG, "and again, from memory"
    assert config(model[:8]) == CONFIG
    assert config("refs%2Fpr%2F1") == b"a pull request"
    assert config("refs/pr/1") == b"a pull request", "the literal form"
    assert config("refs%2Fconvert%2Fparquet", "data.parquet") == b"PAR1"
    assert config("refs/convert/parquet", "data.parquet") == b"PAR1"
    assert config("feature%2Fx") == b"a branch"
    assert config("v1.0") == b"a tag"


@pytest.mark.parametrize("kind", ["dataset", "space", "kernel"])
def test_every_kind(client: TestClient, app: Starlette, cast: Cast, kind: str) -> None:
    body = {"name": "r", "type": kind, "sdk": "static"}
    assert client.post("/api/repos/create", json=body, headers=cast.alice.headers).status_code == 200
    given.commit(app, "alice/r", [Put("a.txt", b"a")], kind=kind)

    assert client.get(f"/{kind}s/alice/r/resolve/main/a.txt").content == b"a"
    assert client.head("/alice/r/resolve/main/a.txt").headers["x-error-code"] == "RepoNotFound"


# ---- what is not there ----------------------------------------------------------------------------------------------


def test_a_missing_file_is_known_to_be_missing_at_its_commit(client: TestClient, model: str) -> None:
    for path in ("adapter_config.json", "sub%20dir", "config.json/x", "", "..%2f..%2fetc%2fpasswd", "sub%20dir/"):
        for _ in range(2):
            answer = client.head(f"/alice/m/resolve/main/{path}")
            assert answer.status_code == 404, path
            assert answer.headers["x-error-code"] == "EntryNotFound"
            assert answer.headers["x-repo-commit"] == model


def test_a_missing_revision(client: TestClient, model: str) -> None:
    for rev in ("none", "0" * 40, "refs%2Fpr%2F9", "refs/pr/9", "0" * 7, "a..b", "a%20b"):
        answer = client.head(f"/alice/m/resolve/{rev}/config.json")
        assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RevisionNotFound"), rev


def test_a_commit_of_another_repository_opens_nothing(
    client: TestClient, app: Starlette, cast: Cast, model: str
) -> None:
    given.repo(client, cast.charlie, "other")
    given.commit(app, "charlie/other", [Put("x", b"x")])
    client.get(f"/alice/m/resolve/{model}/config.json")  # in memory now

    answer = client.get(f"/charlie/other/resolve/{model}/config.json")

    assert answer.headers["x-error-code"] == "RevisionNotFound"


def test_a_missing_or_private_repository(client: TestClient, app: Starlette, cast: Cast) -> None:
    path = given.repo(client, cast.alice, "secret", private=True)
    commit = given.commit(app, path, [Put("a.txt", b"secret")])
    assert client.get(f"/{path}/resolve/main/a.txt", headers=cast.alice.headers).content == b"secret"
    assert client.get(f"/{path}/resolve/main/a.txt", headers=cast.root.headers).content == b"secret"

    for name in (path, "alice/none", "nobody/none"):
        for rev in ("main", commit):
            for file in ("a.txt", "none"):
                address = f"/{name}/resolve/{rev}/{file}"
                anonymous, charlie = client.get(address), client.get(address, headers=cast.charlie.headers)
                assert (anonymous.status_code, anonymous.headers["x-error-code"]) == (401, "RepoNotFound")
                assert (charlie.status_code, charlie.headers["x-error-code"]) == (404, "RepoNotFound")
                assert "x-repo-commit" not in charlie.headers
    assert client.head("/gpt2/resolve/main/config.json").headers["x-error-code"] == "RepoNotFound"
    assert client.head("/gpt2/resolve/main/x", headers={"Authorization": "Bearer hf_no"}).status_code == 401


def test_a_gated_repository(client: TestClient, app: Starlette, cast: Cast) -> None:
    path = given.repo(client, cast.alice, "gated")
    given.commit(app, path, [Put("a.txt", b"a")])
    settings = client.put(f"/api/models/{path}/settings", json={"gated": "auto"}, headers=cast.alice.headers)
    assert settings.status_code == 200

    anonymous = client.head(f"/{path}/resolve/main/a.txt")
    charlie = client.get(f"/{path}/resolve/main/a.txt", headers=cast.charlie.headers)

    assert (anonymous.status_code, anonymous.headers["x-error-code"]) == (401, "GatedRepo")
    assert (charlie.status_code, charlie.headers["x-error-code"]) == (403, "GatedRepo")
    assert client.get(f"/{path}/resolve/main/a.txt", headers=cast.alice.headers).content == b"a"


def test_making_a_repository_private_shuts_the_door_at_once(client: TestClient, cast: Cast, model: str) -> None:
    assert client.head("/alice/m/resolve/main/config.json").status_code == 200
    client.put("/api/models/alice/m/settings", json={"private": True}, headers=cast.alice.headers)

    assert client.head("/alice/m/resolve/main/config.json").status_code == 401
    assert client.head(f"/alice/m/resolve/{model}/config.json", headers=cast.charlie.headers).status_code == 404


def test_a_moved_repository_redirects(client: TestClient, cast: Cast, model: str) -> None:
    said = {"fromRepo": "alice/m", "toRepo": "alice/new", "type": "model"}
    assert client.post("/api/repos/move", json=said, headers=cast.alice.headers).status_code == 200

    answer = client.head("/alice/m/resolve/main/sub%20dir/weights.bin?download=true")

    assert answer.status_code == 307
    assert answer.headers["location"] == "/alice/new/resolve/main/sub%20dir/weights.bin?download=true"
    assert client.head("/Alice/NEW/resolve/main/config.json").status_code == 200, "in any case"


def test_a_pointer_to_what_the_repository_never_had_gives_nothing(
    client: TestClient, app: Starlette, cast: Cast, model: str
) -> None:
    # A pointer can be pushed by git: naming a digest must not open another repository's file.
    secret = given.repo(client, cast.alice, "secret", private=True)
    data = b"private weights"
    large_file(client, secret, cast.alice, data)
    path = given.repo(client, cast.charlie, "thief")
    given.commit(app, path, [PutPointer("weights.bin", digest(data), len(data))])

    answer = client.get(f"/{path}/resolve/main/weights.bin")

    assert (answer.status_code, answer.headers["x-error-code"]) == (404, "EntryNotFound")


# ---- ranges and conditions ------------------------------------------------------------------------------------------


SIZE = len(WEIGHTS)
RANGES = [
    ("bytes=0-0", 0, 1),
    ("bytes=0-100000", 0, 100_001),
    ("bytes=8-2999999", 8, SIZE),
    ("bytes=8-99999999999", 8, SIZE),
    ("bytes=2999999-", SIZE - 1, SIZE),
    ("bytes=0-", 0, SIZE),
    ("bytes=-5", SIZE - 5, SIZE),
    ("bytes=-99999999999", 0, SIZE),
    ("bytes=1048575-1048576", 1_048_575, 1_048_577),
]


@each(("asked", "start", "end"), RANGES)
def test_a_range_is_exact(client: TestClient, model: str, asked: str, start: int, end: int) -> None:
    answer = client.get("/alice/m/resolve/main/sub%20dir/weights.bin", headers={"Range": asked})

    assert answer.status_code == 206
    assert answer.content == WEIGHTS[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert answer.headers["content-length"] == str(end - start)
    assert answer.headers["etag"] == f'"{digest(WEIGHTS)}"'


def test_a_range_of_a_small_file(client: TestClient, model: str) -> None:
    answer = client.get("/alice/m/resolve/main/config.json", headers={"Range": "bytes=2-5"})

    assert (answer.status_code, answer.content) == (206, CONFIG[2:6])


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 5}", "bytes=-0"])
def test_a_range_past_the_end(client: TestClient, model: str, asked: str) -> None:
    answer = client.get("/alice/m/resolve/main/sub%20dir/weights.bin", headers={"Range": asked})

    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{SIZE}"


@each("asked", ["bytes=5-2", "bytes=0-1,5-6", "items=0-1", "bytes=a-b", "bytes=-", "bytes=--5", "0-1"])
def test_what_is_no_single_range_gives_the_whole(client: TestClient, model: str, asked: str) -> None:
    answer = client.get("/alice/m/resolve/main/config.json", headers={"Range": asked})

    assert (answer.status_code, answer.content) == (200, CONFIG)


def test_an_empty_file(client: TestClient, model: str) -> None:
    answer = client.get("/alice/m/resolve/main/empty.txt")

    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
    past = client.get("/alice/m/resolve/main/empty.txt", headers={"Range": "bytes=0-"})
    assert (past.status_code, past.headers["content-range"]) == (416, "bytes */0")


def test_a_head_ignores_ranges(client: TestClient, model: str) -> None:
    answer = client.head("/alice/m/resolve/main/config.json", headers={"Range": "bytes=0-1"})

    assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(CONFIG)))


def test_conditions(client: TestClient, app: Starlette, model: str) -> None:
    address = "/alice/m/resolve/main/config.json"
    etag = client.head(address).headers["etag"]

    for given_tag in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        same = client.get(address, headers={"If-None-Match": given_tag})
        assert (same.status_code, same.content, same.headers["x-repo-commit"]) == (304, b"", model)
    assert client.get(address, headers={"If-None-Match": '"other"'}).status_code == 200
    still = client.get(address, headers={"If-Range": etag, "Range": "bytes=0-1"})
    assert (still.status_code, still.content) == (206, CONFIG[:2])
    changed = client.get(address, headers={"If-Range": '"other"', "Range": "bytes=0-1"})
    assert (changed.status_code, changed.content) == (200, CONFIG)


@pytest.mark.parametrize("store_url", ["memory://", ""], ids=["memory", "directory"])
def test_what_the_store_lost_is_told_by_a_status(new_app: Callable[..., Starlette], cast: Cast, store_url: str) -> None:
    app = new_app(store_url=store_url)
    with TestClient(app, base_url="http://hub.test", follow_redirects=False) as client:
        address = with_weights(client, app, cast)
        app.state.kit.store.delete([content_key(digest(WEIGHTS))])

        assert client.get(address).status_code == 503
        assert client.get(address, headers={"Range": "bytes=0-5"}).status_code == 503


# ---- hostile files --------------------------------------------------------------------------------------------------


#: A browser shows the last one in a process of its own, and takes the sandbox along.
_INERT = {
    "text/plain",
    "application/octet-stream",
    "image/svg+xml",
    "image/png",
    "application/json",
    "application/pdf",
}


def test_nothing_that_a_browser_runs(client: TestClient, app: Starlette, cast: Cast) -> None:
    path = given.repo(client, cast.charlie, "evil")
    script = b"<script>fetch('/api/whoami-v2')</script>"
    names = ["a.html", "a.xhtml", "a.xml", "a.js", "a.svg", "a.htm", "a", "b.HTML", "a.pdf", "a.png", "a.json"]
    given.commit(app, path, [Put(name, script) for name in names])

    for name in names:
        for door in ("resolve", "raw"):
            headers = client.get(f"/{path}/{door}/main/{name}", headers={"Accept": "text/html"}).headers
            assert "sandbox" in headers["content-security-policy"]
            assert "allow-scripts" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            kind = headers["content-type"].split(";")[0]
            assert kind in _INERT


def test_a_name_cannot_break_its_header(client: TestClient, app: Starlette, cast: Cast) -> None:
    path = given.repo(client, cast.alice, "names")
    given.commit(app, path, [Put('we"ird ü;\\\u2028.txt', b"x")])

    answer = client.get(f"/{path}/resolve/main/we%22ird%20%C3%BC;%5C%E2%80%A8.txt?download=true")

    assert answer.status_code == 200
    said = answer.headers["content-disposition"]
    assert said.startswith("attachment; filename*=UTF-8''we%22ird%20%C3%BC%3B%5C%E2%80%A8.txt; ")
    assert said.endswith('filename="we_ird _;__.txt";')


# ---- where the bytes lie --------------------------------------------------------------------------------------------


def directory_hub(new_app: Callable[..., Starlette], **more: object) -> Starlette:
    return new_app(store_url="", **more)


def with_weights(client: TestClient, app: Starlette, cast: Cast) -> str:
    path = given.repo(client, cast.alice, "m")
    sha256 = large_file(client, path, cast.alice, WEIGHTS)
    given.commit(app, path, [PutPointer("weights.bin", sha256, len(WEIGHTS)), Put("small", b"small")])
    return f"/{path}/resolve/main/weights.bin"


def test_from_a_directory(new_app: Callable[..., Starlette], cast: Cast) -> None:
    app = directory_hub(new_app)
    with TestClient(app, base_url="http://hub.test", follow_redirects=False) as client:
        address = with_weights(client, app, cast)

        assert client.get(address).content == WEIGHTS
        part = client.get(address, headers={"Range": "bytes=1048570-2097160"})
        assert (part.status_code, part.content) == (206, WEIGHTS[1_048_570:2_097_161])


def test_through_nginx(new_app: Callable[..., Starlette], cast: Cast) -> None:
    app = directory_hub(new_app, nginx_accel="/store/")
    with TestClient(app, base_url="http://hub.test", follow_redirects=False) as client:
        address = with_weights(client, app, cast)

        answer = client.get(address, headers={"Range": "bytes=0-1"})

        # nginx cuts the range itself, out of an answer of 200 without a body.
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["x-accel-redirect"] == f"/store/{content_key(digest(WEIGHTS))}"
        assert client.head(address).headers["content-length"] == str(SIZE)
        assert client.get(address.replace("weights.bin", "small")).content == b"small"


def test_from_s3_by_a_signed_address(
    new_app: Callable[..., Starlette], cast: Cast, request: pytest.FixtureRequest
) -> None:
    service = request.getfixturevalue("s3_service")
    settings = {
        "store_url": f"s3://{service.new_bucket()}",
        "s3_endpoint": service.endpoint,
        "s3_access_key": service.access_key,
        "s3_secret_key": service.secret_key,
    }
    app = new_app(**settings)
    with TestClient(app, base_url="http://hub.test", follow_redirects=False) as client:
        address = with_weights(client, app, cast)
        head, get = client.head(address), client.get(address)
        assert (head.status_code, head.headers["content-length"]) == (200, str(SIZE)), "clients read it off the hub"
        assert get.status_code == 302
        assert get.headers["x-repo-commit"] == head.headers["x-repo-commit"]
        there = httpx.get(get.headers["location"], headers={"Range": "bytes=5-9"})
        assert (there.status_code, there.content) == (206, WEIGHTS[5:10])
        assert "weights.bin" in there.headers["content-disposition"]
        assert client.get(address.replace("weights.bin", "small")).content == b"small"
        shown = client.get(address, headers={"Sec-Fetch-Dest": "image"})
        assert shown.status_code == 200, "a picture of our own page comes from our own address"
    app = new_app(**settings, presign=False)
    with TestClient(app, base_url="http://hub.test", follow_redirects=False) as client:
        through = client.get(address, headers={"Range": "bytes=5-2097160"})
        assert (through.status_code, through.content) == (206, WEIGHTS[5:2_097_161])


# ---- credentials on the quick road ----------------------------------------------------------------------------------


def test_wrong_credentials_are_refused_even_where_none_are_needed(client: TestClient, cast: Cast, model: str) -> None:
    address = "/alice/m/resolve/main/config.json"
    assert client.head(address).status_code == 200, "looked up once, so the quick road is open"
    assert client.head(address, headers=cast.charlie.read_headers).status_code == 200

    for wrong in ("Bearer hf_wrong", "Bearer ", "Basic !", "Token x", "Bearer " + "x" * 9000):
        assert client.head(address, headers={"Authorization": wrong}).status_code == 401, wrong


def test_a_token_stops_working_when_its_person_or_its_time_is_over(
    client: TestClient, app: Starlette, cast: Cast, model: str
) -> None:
    address = "/alice/m/resolve/main/config.json"
    assert client.head(address, headers=cast.charlie.headers).status_code == 200
    with app.state.database.write() as db:
        db.get_one(Account, cast.charlie.id).is_disabled = True
        db.execute(update(Token).where(Token.user_id == cast.bob.id).values(expires_at=clock.now()))

    assert client.head(address, headers=cast.charlie.headers).status_code == 401
    assert client.head(address, headers=cast.bob.headers).status_code == 401


def test_roles_count_on_private_repositories(client: TestClient, app: Starlette, cast: Cast) -> None:
    said = {"name": "m", "organization": "lab", "private": True}
    assert client.post("/api/repos/create", json=said, headers=cast.alice.headers).status_code == 200
    given.commit(app, "lab/m", [Put("a.txt", b"a")])

    for _ in range(2):
        statuses = [
            client.head("/lab/m/resolve/main/a.txt", headers=who.read_headers).status_code for who in cast.people
        ]
        assert statuses == [200, 200, 404, 200, 401], "Alice, Bob, Charlie, Root, Anonymous"


def test_a_narrow_token_reaches_what_it_names_and_what_is_public(
    client: TestClient, app: Starlette, cast: Cast, model: str
) -> None:
    for name in ("one", "two"):
        given.repo(client, cast.alice, name, private=True)
        given.commit(app, f"alice/{name}", [Put("a.txt", b"a")])
    with app.state.database.write() as db:
        alice = db.get_one(Account, cast.alice.id)
        one = db.scalars(select(Repo).where(Repo.path_key == "alice/one")).one()
        _, secret = accounts.create_token(db, alice, "narrow", "read", repo_ids=[one.id])
    headers = {"Authorization": f"Bearer {secret}"}

    for _ in range(2):
        assert client.head("/alice/one/resolve/main/a.txt", headers=headers).status_code == 200
        assert client.head("/alice/two/resolve/main/a.txt", headers=headers).status_code == 404
        assert client.head("/alice/m/resolve/main/config.json", headers=headers).status_code == 200
