"""Asking: good and hostile answers, by every door that takes them."""

from typing import Any

from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from freehold.core.database import Database
from freehold.repos.tables import Repo
from tests.fixtures.people import Cast, Person
from tests.gating.conftest import ANSWERS, CARD, MINE, Gated, ask, listed, mine, publish, reads

BAD: list[tuple[dict[str, Any], str]] = [
    ({**ANSWERS, "Company": "x" * 10_000_000}, "“Company” takes at most 2,000 characters."),
    ({**ANSWERS, "Company": "a\x00b"}, "“Company” holds characters that are not text."),
    ({**ANSWERS, "Company": "\ud800"}, "“Company” holds characters that are not text."),
    ({**ANSWERS, "Company": ["Acme"]}, "“Company” takes a text."),
    ({**ANSWERS, "Country": "Mordor"}, "“Country” takes a country by its two-letter code (ISO 3166-1)."),
    ({**ANSWERS, "Born": "yesterday"}, "“Born” takes a date as YYYY-MM-DD."),
    ({**ANSWERS, "For": "Profit"}, "“For” takes one of its options."),
    ({**ANSWERS, "I agree to all of it": False}, "“I agree to all of it” has to be ticked."),
    (
        {**ANSWERS, "Is admin": "yes"},
        "“Is admin” is not asked here. The form may have changed: open the page again.",
    ),
    ({}, "“Company” has to be answered."),
]


def test_bad_answers_are_refused_by_name(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("auto")
    for fields, words in BAD:
        answer = ask(client, cast.charlie, fields=fields)
        assert (answer.status_code, answer.json()["error"]) == (400, words)
    bodies: list[object] = [{"fields": []}, {"fields": "x"}, {"terms": 7}, {"organization": {}}, [], "x", None]
    for body in bodies:
        assert client.put(MINE, json=body, headers=cast.charlie.headers).status_code == 422, body
    assert listed(client, cast.alice, "accepted") == []


def test_markup_and_marks_are_kept_as_they_came_and_shown_harmless(
    client: TestClient, cast: Cast, gated: Gated
) -> None:
    gated("manual")
    evil = "<img src=x onerror=alert(1)> \u202eevil \"'{{7*7}}"
    assert ask(client, cast.charlie, fields={**ANSWERS, "Company": evil}).status_code == 200
    (item,) = listed(client, cast.alice, "pending")
    assert item["fields"]["Company"] == evil


def test_only_the_text_that_was_read_is_agreed_to(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("auto")
    read = mine(client, cast.charlie)["terms"]["sha256"]
    publish(client, cast.alice, licence="Be very good.\n")
    answer = ask(client, cast.charlie, terms=read)
    assert (answer.status_code, "read the new ones" in answer.json()["error"]) == (409, True)
    assert reads(client, cast.charlie) == 403
    answer = ask(client, cast.charlie, terms=mine(client, cast.charlie)["terms"]["sha256"])
    assert answer.status_code == 200


def test_a_gate_without_a_card_asks_for_nothing_but_the_person(client: TestClient, cast: Cast) -> None:
    body = {"name": "bare", "gated": "auto"}
    assert client.post("/api/repos/create", json=body, headers=cast.alice.headers).status_code == 200
    client.put("/api/models/alice/bare/settings", json={"gated": "auto"}, headers=cast.alice.headers)
    answer = client.put("/api/models/alice/bare/access-request", json={}, headers=cast.charlie.headers)
    assert (answer.status_code, answer.json()["status"]) == (200, "accepted")
    text = client.get(f"/api/models/alice/bare/terms/{answer.json()['terms']}").text
    assert text == "There is no text to agree to: contact details are shared with the owner.\n"


def test_programs_ask_as_they_ask_the_public_hub(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("manual")
    form = {**ANSWERS, "I agree to all of it": "on"}
    address = "/lab/model/ask-access"
    assert client.post(address, data=form).status_code == 401
    assert client.post(address, data=form, headers=cast.charlie.read_headers).status_code == 403
    assert client.post(address, data={**form, "Company": ""}, headers=cast.charlie.headers).status_code == 400
    assert client.post(address, content=b"{", headers={"content-type": "application/json"}).status_code == 400
    assert client.post(address, data=form, headers=cast.charlie.headers).headers["location"] == "/lab/model#access"
    assert client.post(address, json=form, headers=cast.root.headers).status_code == 400, "an administrator has access"
    assert [item["user"]["user"] for item in listed(client, cast.alice, "pending")] == ["charlie"]


POSTED = [
    (b'{"organization": "\\ud800"}', "application/json"),
    (b'{"terms": "a\\u0000"}', "application/json"),
    (b'{"Company": "\\ud800"}', "application/json"),
    (b"[" * 100_000, "application/json"),
    (b"[1]", "application/json"),
    (b"Company=%ff%fe&organization=", "application/x-www-form-urlencoded"),
    (b"&".join(b"a%d=1" % n for n in range(2000)), "application/x-www-form-urlencoded"),
    (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
    (b"", "multipart/form-data"),
    (b"", ""),
]


def test_whatever_is_posted_is_answered_in_words(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("auto")
    for content, type_ in POSTED:
        headers = cast.charlie.headers | {"content-type": type_}
        answer = client.post("/lab/model/ask-access", content=content, headers=headers)
        assert (answer.status_code, bool(answer.json())) == (400, True), answer.text


def test_who_has_access_already_has_nothing_to_ask(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("auto")
    for person in (cast.alice, cast.bob, cast.root):
        assert ask(client, person).status_code == 400
        assert mine(client, person)["status"] == "owner"
    assert ask(client, cast.alice, organization="lab").status_code == 400
    anonymous = mine(client, cast.anonymous)
    assert (anonymous["status"], anonymous["requests"]) == ("none", [])
    assert [field["label"] for field in anonymous["form"]["fields"]] == list(ANSWERS)


def test_a_private_gate_is_not_there_for_strangers(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("auto", private=True)
    assert client.get(MINE, headers=cast.charlie.headers).status_code == 404
    assert ask(client, cast.charlie).status_code == 404
    assert client.get("/lab/model/ask-access", headers=cast.charlie.headers).status_code == 404
    assert client.get("/api/models/lab/model/terms", headers=cast.charlie.headers).status_code == 404


def test_a_narrow_token_asks_only_where_it_reaches(
    client: TestClient, cast: Cast, gated: Gated, database: Database, acme: dict[str, Person]
) -> None:
    gated("auto")
    with database.write() as db:
        repo = db.query(Repo).filter_by(path_key="lab/model").one()
        charlie = accounts.account(db, "charlie")
        near = Person("charlie", token=accounts.create_token(db, charlie, "near", "write", repo_ids=[repo.id])[1])
        far = Person("charlie", token=accounts.create_token(db, charlie, "far", "write", repo_ids=[])[1])
    assert ask(client, far).status_code == 403
    assert ask(client, near, organization="acme").status_code == 403, "a narrow token speaks for no organisation"
    assert ask(client, near).status_code == 200
    assert [reads(client, who) for who in (near, far, cast.charlie)] == [200, 403, 200]
    assert client.head("/lab/model/resolve/main/README.md", headers=cast.charlie.read_headers).status_code == 200
    refused = client.get("/lab/model/resolve/main/README.md", headers=far.headers)
    assert refused.headers["x-error-code"] == "GatedRepo"
    assert refused.headers["x-error-message"].endswith("This token does not reach it: take one that does.")


def test_questions_may_change_while_somebody_types(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("auto")
    publish(client, cast.alice, card=CARD.replace("Company: text", "Firm: text"))
    assert ask(client, cast.charlie).status_code == 400
    assert ask(client, cast.charlie, fields={**{k: v for k, v in ANSWERS.items() if k != "Company"}, "Firm": "A"})
