"""A repository's settings as a browser does them: plain forms, a typed confirmation, and no stranger's hand."""

import re

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.accounts import service
from freehold.accounts.rules import SESSION_COOKIE
from tests.content import given
from tests.fixtures.people import Cast, Person

SETTINGS = "/alice/tiny/settings"


class Browser:
    """Somebody's browser, which sends forms with the token that its page held."""

    def __init__(self, app: Starlette, person: Person) -> None:
        self.client = TestClient(app, base_url="http://hub.test", follow_redirects=False)
        with app.state.database.write() as db:
            secret = service.open_session(db, person.id, life_s=3600)
        self.client.cookies.set(SESSION_COOKIE, secret, domain="hub.test", path="/")

    def see(self, address: str, status: int = 200) -> str:
        answer = self.client.get(address, headers={"accept": "text/html"})
        assert answer.status_code == status, answer.text
        return answer.text

    def send(self, address: str, *, page: str = "/new", **form: str):  # type: ignore[no-untyped-def]
        token = re.search(r'name="csrf" value="([^"]+)"', self.see(page))
        assert token is not None
        return self.client.post(address, data={**form, "csrf": token[1]}, headers={"origin": "http://hub.test"})


@pytest.fixture
def alice(client: TestClient, app: Starlette, cast: Cast) -> Browser:
    """Alice's browser, and her model."""
    given.repo(client, cast.alice, "tiny")
    return Browser(app, cast.alice)


def test_alice_finds_and_changes_the_settings(client: TestClient, alice: Browser) -> None:
    assert f'href="{SETTINGS}"' in alice.see("/alice/tiny")
    answer = alice.send(SETTINGS, page=SETTINGS, visibility="private", gated="manual")
    assert (answer.status_code, answer.headers["location"]) == (303, SETTINGS)
    shown = alice.see(SETTINGS)
    assert re.search(r'value="private"[^>]* checked', shown)
    assert re.search(r'value="manual"[^>]* checked', shown)
    assert not re.search(r'value="open"[^>]* checked', shown), "the box was left empty"
    assert client.get("/api/models/alice/tiny").status_code == 401
    assert alice.send(SETTINGS, visibility="everyone", gated="", discussions="open").status_code == 422


def test_a_new_name_leads_on_from_the_old_one(client: TestClient, alice: Browser) -> None:
    answer = alice.send(f"{SETTINGS}/name", to_namespace="lab", to_name="large")
    assert (answer.status_code, answer.headers["location"]) == (303, "/lab/large/settings")
    assert client.get("/alice/tiny/resolve/main/.gitattributes").status_code == 307
    for form in ({"to_namespace": "lab", "to_name": ".."}, {"to_namespace": "charlie", "to_name": "x"}):
        refused = alice.send("/lab/large/settings/name", **form)
        assert refused.status_code == 422
        assert "keeps its name" in refused.text


def test_deleting_takes_the_whole_name(client: TestClient, alice: Browser) -> None:
    for typed in ("", "tiny", "alice/tin", "<script>"):
        refused = alice.send(f"{SETTINGS}/delete", confirm=typed)
        assert (refused.status_code, "<script>" in refused.text) == (422, False)
        assert "alice/tiny" in refused.text
    assert client.get("/api/models/alice/tiny").status_code == 200
    assert alice.send(f"{SETTINGS}/delete", confirm="alice/tiny").headers["location"] == "/alice"
    assert client.get("/api/models/alice/tiny").status_code == 401


def test_others_see_no_settings(app: Starlette, client: TestClient, cast: Cast, alice: Browser) -> None:
    charlie = Browser(app, cast.charlie)
    assert f'href="{SETTINGS}"' not in charlie.see("/alice/tiny")
    charlie.see(SETTINGS, 403)
    for address in (SETTINGS, f"{SETTINGS}/name", f"{SETTINGS}/delete"):
        form = {"visibility": "private", "to_namespace": "charlie", "to_name": "x", "confirm": "alice/tiny"}
        assert charlie.send(address, **form).status_code == 403
        without = alice.client.post(address, data=form, headers={"origin": "http://hub.test"})
        assert without.status_code == 403, "a form of no page of ours"
        foreign = alice.client.post(address, data=form, headers={"origin": "http://evil.test"})
        assert foreign.status_code == 403
    assert client.get("/api/models/alice/tiny").status_code == 200


def test_secrets_and_variables_of_a_space(client: TestClient, app: Starlette, cast: Cast, alice: Browser) -> None:
    body = {"name": "demo", "type": "space", "sdk": "gradio"}
    client.post("/api/repos/create", json=body, headers=cast.alice.headers)
    values = "/spaces/alice/demo/settings/variables"
    assert values in alice.see("/spaces/alice/demo/settings")
    assert alice.send(values, sort="secret", key="TOKEN", value="hunter2", description="for it").status_code == 303
    assert alice.send(values, sort="variable", key="MODEL", value="a/<b>").status_code == 303
    shown = alice.see(values)
    assert "hunter2" not in shown
    assert "TOKEN" in shown
    assert "a/&lt;b&gt;" in shown
    assert "a/&lt;b&gt;</textarea>" in alice.see(f"{values}?key=MODEL"), "a variable is changed where it stands"
    assert "hunter2" not in alice.see(f"{values}?key=TOKEN")
    refused = alice.send(values, sort="secret", key="no key", value="hunter3")
    assert (refused.status_code, "hunter3" in refused.text, "no key" in refused.text) == (422, False, True)
    assert alice.send(values, sort="variable", key="TOKEN", value="x").status_code == 422
    assert alice.send(f"{values}/remove", sort="secret", key="TOKEN").status_code == 303
    assert client.get("/api/spaces/alice/demo/secrets", headers=cast.alice.headers).json() == {}
    charlie = Browser(app, cast.charlie)
    charlie.see(values, 403)
    assert charlie.send(values, sort="secret", key="X", value="y").status_code == 403
    assert charlie.send(f"{values}/remove", sort="variable", key="MODEL").status_code == 403
