"""How a Space is, truthfully: nothing runs here yet, and what it asks for is kept."""

import pytest
from starlette.testclient import TestClient

from tests.discover.conftest import publish  # noqa: F401  # a fixture
from tests.fixtures.people import Cast
from tests.spaces.test_values import DEMO, call, space


def test_a_fresh_space_has_no_app_and_then_is_stopped(client: TestClient, cast: Cast, publish) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    space(client, cast.alice, hardware="t4-medium", sleepTimeSeconds=600)
    code, fresh = call(client, "GET", f"{DEMO}/runtime", cast.charlie)
    assert isinstance(fresh, dict)
    assert (code, fresh["stage"]) == (200, "NO_APP_FILE")
    assert (fresh["hardware"], fresh["gcTimeout"]) == ({"current": None, "requested": "t4-medium"}, 600)
    assert "volumes" not in fresh, "they may name what a stranger may not know of"
    publish(cast.alice.actor, "alice/demo", {"app.py": "print()"}, kind="space")
    assert call(client, "GET", f"{DEMO}/runtime", cast.charlie)[1]["stage"] == "STOPPED"  # type: ignore[index]


@pytest.mark.parametrize(
    ("sdk", "card", "file"),
    [
        ("docker", "", "Dockerfile"),
        ("static", "", "index.html"),
        ("gradio", "app_file: src/main.py\n", "src/main.py"),
        ("gradio", "app_file: ../../etc/passwd\n", ""),
    ],
)
def test_which_file_is_the_app(client: TestClient, cast: Cast, publish, sdk: str, card: str, file: str) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    files = {"README.md": f"---\nsdk: {sdk}\n{card}---\n"} | ({file: "x"} if file else {})
    publish(cast.alice.actor, "alice/demo", files, kind="space", sdk=sdk)
    stage = client.get(f"{DEMO}/runtime").json()["stage"]
    assert stage == ("STOPPED" if file else "NO_APP_FILE")


def test_wishes_are_kept_and_what_needs_a_running_app_says_so(client: TestClient, cast: Cast) -> None:
    space(client, cast.alice)
    asked = {"flavor": "a10g-small", "sleepTimeSeconds": 300}
    code, told = call(client, "POST", f"{DEMO}/hardware", cast.alice, asked)
    assert (code, told["hardware"]["requested"], told["gcTimeout"]) == (200, "a10g-small", 300)  # type: ignore[index]
    assert call(client, "POST", f"{DEMO}/sleeptime", cast.alice, {"seconds": -1})[1]["gcTimeout"] is None  # type: ignore[index]
    assert call(client, "POST", f"{DEMO}/pause", cast.alice)[0] == 409
    assert call(client, "POST", f"{DEMO}/restart?factory=true", cast.alice)[0] == 501
    assert call(client, "POST", f"{DEMO}/dev-mode", cast.alice, {"enabled": True})[0] == 501
    assert call(client, "POST", f"{DEMO}/dev-mode", cast.alice, {"enabled": False})[0] == 200
    answer = client.get(f"{DEMO}/logs/build", headers=cast.alice.headers)
    assert (answer.status_code, answer.text) == (200, "")
    assert answer.headers["content-type"].startswith("text/event-stream")
    for path, body in (("hardware", asked), ("sleeptime", {"seconds": 5}), ("pause", None), ("restart", None)):
        assert call(client, "POST", f"{DEMO}/{path}", cast.charlie, body)[0] == 403


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("hardware", {"flavor": "T4 MEDIUM!"}),
        ("hardware", {"flavor": "t4-medium", "sleepTimeSeconds": -5}),
        ("sleeptime", {"seconds": 10**9}),
        ("sleeptime", {"seconds": "soon"}),
    ],
)
def test_wishes_that_make_no_sense(client: TestClient, cast: Cast, path: str, body: object) -> None:
    space(client, cast.alice)
    assert call(client, "POST", f"{DEMO}/{path}", cast.alice, body)[0] in (400, 422)


def test_volumes_are_what_their_owner_may_read(client: TestClient, cast: Cast) -> None:
    space(client, cast.alice)
    client.post("/api/repos/create", json={"name": "tiny"}, headers=cast.alice.headers)
    client.post("/api/repos/create", json={"name": "hidden", "private": True}, headers=cast.charlie.headers)
    good = {"type": "model", "source": "alice/TINY", "mountPath": "/models", "readOnly": True}
    code, told = call(client, "PUT", f"{DEMO}/volumes", cast.alice, {"volumes": [good]})
    assert (code, told["volumes"]) == (200, [{**good, "source": "alice/tiny"}])  # type: ignore[index]
    for who, knows in ((cast.alice, True), (cast.charlie, False), (cast.alice, True)):
        for runtime in (call(client, "GET", DEMO, who)[1]["runtime"], call(client, "GET", f"{DEMO}/runtime", who)[1]):  # type: ignore[index]
            assert ("volumes" in runtime) is knows, "they may name what not every reader may know of"
    refused = (
        ({**good, "source": "charlie/hidden"}, 404),
        ({**good, "type": "bucket"}, 400),
        ({**good, "mountPath": "/a/../.."}, 400),
        ({**good, "mountPath": "models"}, 400),
        ({**good, "readOnly": False}, 400),
    )
    for volume, expected in refused:
        assert call(client, "PUT", f"{DEMO}/volumes", cast.alice, {"volumes": [volume]})[0] == expected
    assert call(client, "PUT", f"{DEMO}/volumes", cast.alice, {"volumes": [good, good]})[0] == 400
    assert call(client, "DELETE", f"{DEMO}/volumes", cast.charlie)[0] == 403
    assert call(client, "DELETE", f"{DEMO}/volumes", cast.alice)[0] == 200
    assert call(client, "DELETE", f"{DEMO}/volumes", cast.alice)[0] == 400


def test_what_is_on_offer_here(client: TestClient, cast: Cast) -> None:
    assert client.get("/api/spaces/hardware").json() == []
    assert client.get("/api/spaces/templates").json() == {"templates": []}
    assert client.get("/api/spaces/zero-gpu/quota").status_code == 401
    assert call(client, "GET", "/api/spaces/zero-gpu/quota", cast.alice)[1] == {
        "base": 0,
        "current": 0,
        "resetsAt": None,
        "overquotaUsed": 0,
    }


@pytest.mark.parametrize(("key", "value"), [("template", "a/b"), ("resourceGroupId", "64f0")])
def test_what_creation_cannot_give_is_told(client: TestClient, cast: Cast, key: str, value: str) -> None:
    body = {"name": "demo", "type": "space", "sdk": "gradio", key: value}
    assert call(client, "POST", "/api/repos/create", cast.alice, body)[0] in (400, 501)
