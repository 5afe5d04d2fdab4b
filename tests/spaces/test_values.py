"""Secrets and variables of a Space: kept for its app, and the secrets told to nobody."""

import logging
from pathlib import Path

import pytest
from sqlalchemy import select, text
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.core.database import Database
from freehold.core.sealing import CannotSeal, Sealer
from freehold.repos.tables import Repo
from freehold.spaces import service
from freehold.spaces.tables import SpaceValue
from tests.fixtures.people import Cast, Person

SECRET = "hunter2-never-told"
DEMO = "/api/spaces/alice/demo"


def space(client: TestClient, owner: Person, name: str = "demo", **more: object) -> str:
    body = {"name": name, "type": "space", "sdk": "gradio", **more}
    answer = client.post("/api/repos/create", json=body, headers=owner.headers)
    assert answer.status_code == 200, answer.text
    return f"/api/spaces/{owner.name}/{name}"


def call(client: TestClient, method: str, path: str, who: Person, body: object = None) -> tuple[int, object]:
    answer = client.request(method, path, json=body, headers=who.headers)
    return answer.status_code, answer.json() if answer.content else None


def test_a_secret_is_kept_sealed_and_its_value_told_nowhere(
    client: TestClient, app: Starlette, cast: Cast, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    space(client, cast.alice)
    with caplog.at_level(logging.DEBUG):
        body = {"key": "TOKEN", "value": SECRET, "description": "for the model"}
        code, told = call(client, "POST", f"{DEMO}/secrets", cast.alice, body)
        assert code == 200
        answers = [
            client.get(path, headers=cast.alice.headers).text
            for path in (DEMO, f"{DEMO}/secrets", f"{DEMO}/variables", f"{DEMO}/runtime", "/spaces/alice/demo")
        ]
    assert isinstance(told, dict)
    assert told["TOKEN"]["description"] == "for the model"
    assert told["TOKEN"]["updatedAt"].endswith("Z")
    assert set(told["TOKEN"]) == {"description", "updatedAt"}
    assert SECRET not in "".join(answers) + str(told) + caplog.text
    with database.read() as db:
        kept = db.execute(text("select * from space_values")).all()
        repo = db.scalars(select(Repo).where(Repo.path_key == "alice/demo")).one()
        assert SECRET not in str(kept)
        assert service.revealed(db, app.state.kit, repo) == {"TOKEN": SECRET}, "the app itself would have it"


def test_a_value_moved_to_another_space_does_not_open(
    client: TestClient, app: Starlette, cast: Cast, database: Database
) -> None:
    for name in ("demo", "other"):
        space(client, cast.alice, name, secrets=[{"key": "TOKEN", "value": f"{SECRET} of {name}"}])
    with database.write() as db:
        demo, other = db.scalars(select(SpaceValue).order_by(SpaceValue.repo_id)).all()
        demo.value, other.value = other.value, demo.value
    with database.read() as db:
        repo = db.scalars(select(Repo).where(Repo.path_key == "alice/demo")).one()
        with pytest.raises(CannotSeal):
            service.revealed(db, app.state.kit, repo)


def test_who_may_what(client: TestClient, cast: Cast) -> None:
    space(client, cast.alice)
    variable = {"key": "MODEL", "value": "alice/tiny"}
    assert call(client, "POST", f"{DEMO}/variables", cast.alice, variable)[0] == 200
    assert call(client, "GET", f"{DEMO}/variables", cast.anonymous)[0] == 200, "variables are public with the Space"
    for who, expected in ((cast.charlie, 403), (cast.anonymous, 401)):
        assert call(client, "GET", f"{DEMO}/secrets", who)[0] == expected
        assert call(client, "POST", f"{DEMO}/secrets", who, variable)[0] == expected
        assert call(client, "POST", f"{DEMO}/variables", who, variable)[0] == expected
        assert call(client, "DELETE", f"{DEMO}/variables", who, {"key": "MODEL"})[0] == expected
        assert call(client, "GET", f"{DEMO}/logs/run", who)[0] == expected


def test_a_private_space_tells_strangers_nothing(client: TestClient, cast: Cast) -> None:
    space(client, cast.alice, visibility="private")
    for path in ("secrets", "variables", "runtime", "logs/build"):
        answer = client.get(f"{DEMO}/{path}", headers=cast.charlie.headers)
        assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RepoNotFound")


def test_variables_come_back_from_all_three_calls(client: TestClient, cast: Cast) -> None:
    space(client, cast.alice)
    _, added = call(client, "POST", f"{DEMO}/variables", cast.alice, {"key": "A", "value": "1", "description": "one"})
    _, changed = call(client, "POST", f"{DEMO}/variables", cast.alice, {"key": "A", "value": "2"})
    _, read = call(client, "GET", f"{DEMO}/variables", cast.alice)
    assert isinstance(added, dict)
    assert isinstance(changed, dict)
    assert (added["A"]["value"], added["A"]["description"], changed["A"]["value"]) == ("1", "one", "2")
    assert read == changed
    assert call(client, "DELETE", f"{DEMO}/variables", cast.alice, {"key": "A"}) == (200, {})
    assert call(client, "DELETE", f"{DEMO}/variables", cast.alice, {"key": "A"})[0] == 404


def test_a_variable_and_a_secret_cannot_share_a_key(client: TestClient, cast: Cast) -> None:
    space(client, cast.alice)
    body = {"key": "TOKEN", "value": SECRET}
    assert call(client, "POST", f"{DEMO}/secrets", cast.alice, body)[0] == 200
    code, told = call(client, "POST", f"{DEMO}/variables", cast.alice, body)
    assert (code, SECRET in str(told)) == (409, False)
    assert call(client, "DELETE", f"{DEMO}/variables", cast.alice, {"key": "TOKEN"})[0] == 404
    assert call(client, "DELETE", f"{DEMO}/secrets", cast.alice, {"key": "TOKEN"})[0] == 200


@pytest.mark.parametrize(
    ("key", "value"),
    [("", "x"), ("1A", "x"), ("A-B", "x"), ("A B", "x"), ("\u202eA", "x"), ("A", "a\x00b"), ("A", "x" * 70_000)],
)
def test_what_an_environment_cannot_hold_is_refused(client: TestClient, cast: Cast, key: str, value: str) -> None:
    space(client, cast.alice)
    code, told = call(client, "POST", f"{DEMO}/secrets", cast.alice, {"key": key, "value": value})
    assert code in (400, 422)
    assert "x" * 100 not in str(told)


def test_half_a_character_is_refused_not_crashed_on(client: TestClient, cast: Cast) -> None:
    space(client, cast.alice)
    headers = {**cast.alice.headers, "Content-Type": "application/json"}
    answer = client.post(f"{DEMO}/secrets", content=b'{"key": "A", "value": "\\ud800"}', headers=headers)
    assert answer.status_code in (400, 422)


def test_there_is_an_end_to_them(client: TestClient, cast: Cast) -> None:
    many = [{"key": f"K{n}", "value": "v"} for n in range(200)]
    space(client, cast.alice, variables=many)
    code, told = call(client, "POST", f"{DEMO}/secrets", cast.alice, {"key": "ONE_MORE", "value": "v"})
    assert code == 400
    assert "200" in str(told)


def test_a_bad_secret_makes_no_space(client: TestClient, cast: Cast) -> None:
    body = {"name": "demo", "type": "space", "sdk": "gradio", "secrets": [{"key": "no good", "value": SECRET}]}
    assert call(client, "POST", "/api/repos/create", cast.alice, body)[0] == 400
    assert client.get(DEMO, headers=cast.alice.headers).status_code == 404


def test_a_hub_without_its_key_says_so_and_keeps_nothing(
    new_app: object, app: Starlette, client: TestClient, cast: Cast, tmp_path: Path
) -> None:
    space(client, cast.alice)
    object.__setattr__(app.state.kit, "sealer", Sealer(None))
    code, told = call(client, "POST", f"{DEMO}/secrets", cast.alice, {"key": "A", "value": SECRET})
    assert code == 507
    assert "FREEHOLD_SEALING_KEY" in str(told)
    assert call(client, "GET", f"{DEMO}/secrets", cast.alice) == (200, {})
