"""The page and the files of trends: what they say, what they never say, and what strangers' words do to them."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update
from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.cards.tables import RepoFacts, RepoOpenness, RepoVerdict
from freehold.core import clock
from freehold.core.database import Database
from freehold.trends import dimensions
from freehold.trends.tables import Tally, TallyRound
from tests.fixtures.people import Cast
from tests.trends.conftest import Make, count

HTML = {"Accept": "text/html"}


@pytest.fixture
def counted(client: TestClient, database: Database, make: Make) -> TestClient:
    """A word that stays and one that rises, of public repositories, and one of a private repository."""
    old = clock.now() - timedelta(days=90)
    make("steady", tags=["text-generation", "license:mit"], days=dict.fromkeys(range(30), 40), created=old)
    make(
        "riser",
        tags=["fill-mask", "license:apache-2.0"],
        days={age: 60 if age < 15 else 5 for age in range(30)},
        created=old,
        likes=2,
    )
    make(
        "hush", tags=["translation", "license:secret"], days=dict.fromkeys(range(30), 73577), private=True, created=old
    )
    count(database)
    with database.write() as db:  # the hub was here before it counted
        db.execute(update(TallyRound).values(days_since=clock.now().date() - timedelta(days=29)))
    return client


def _json(client: TestClient, query: str = "", **options: Any) -> dict[str, Any]:
    answer = client.get(f"/api/trends?{query}", **options)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_what_rises_comes_first_with_its_numbers_and_its_list(counted: TestClient) -> None:
    told = _json(counted)
    words = {word["word"]: word for word in told["words"]}
    assert set(words) == {"text-generation", "fill-mask"}
    assert words["fill-mask"]["reading"] == "rising"
    assert words["text-generation"]["reading"] == "falling"  # as a share of all
    assert (words["fill-mask"]["now"], words["fill-mask"]["before"]) == (14 * 60, 5 * 14)
    assert words["fill-mask"]["list"].endswith("/models?filter=fill-mask")
    assert told["all"]["now"] == 14 * 100
    assert len(told["stretches"]) == 28 and len(told["now"]) == 14
    plain = {word["word"]: word["reading"] for word in _json(counted, "as=number")["words"]}
    assert plain == {"fill-mask": "rising", "text-generation": "steady"}
    page = counted.get("/trends", headers=HTML).text
    assert page.index("Rising</h3>") < page.index("Fill mask") < page.index("Falling</h3>")
    assert "are known by day since" in page


def test_each_question_a_reader_has_is_answered(counted: TestClient) -> None:
    from freehold.trends.pages import QUESTIONS

    for one in QUESTIONS:
        assert counted.get(one.address, headers=HTML).status_code == 200
    assert {word["label"] for word in _json(counted, "by=licence&measure=there")["words"]} == {"mit", "apache-2.0"}
    assert _json(counted, "by=licence&measure=likes&as=number&span=all")["words"][0]["word"] == "license:apache-2.0"
    assert _json(counted, "measure=there&span=1y")["all"]["numbers"][-1] == 2


def test_every_word_leads_to_a_list_of_what_was_counted(client: TestClient, database: Database, make: Make) -> None:
    for kind, tags in _TAGS.items():
        repo_id = make("one", kind=kind, tags=tags.split(), days={1: 5})
        make("two", kind=kind, tags=[], days={1: 5})
        with database.write() as db:
            _known(db, repo_id)
    count(database)
    looked_at = 0
    for kind, by in ((one, by) for one in _TAGS for by in dimensions.of(one)):
        for word in _json(client, f"kind={kind}&by={by}&measure=there")["words"]:
            if word["list"] is None:
                assert not word["word"]
                continue
            listed = client.get(f"/api{word['list'].removeprefix('http://hub.test')}").json()
            assert [item["id"] for item in listed] == ["alice/one" if word["word"] else "alice/two"], word
            looked_at += 1
    assert looked_at > 20


_TAGS = {
    "model": "text-generation transformers gguf en license:mit",
    "dataset": "task_categories:translation size_categories:n<1K license:mit format:csv language:en modality:text",
    "space": "gradio license:mit",
}


def _known(db: Session, repo_id: str) -> None:
    """All that is computed of a repository."""
    facts: dict[str, Any] = {"formats": ["gguf"], "quantisations": ["Q4_K"], "details": {}, "has_pickle": False}
    facts |= {"parameters": 7 * 10**9, "architecture": "llama", "size_bytes": 1, "version": 1}
    db.add(RepoFacts(repo_id=repo_id, commit="0" * 40, computed_at=clock.now(), **facts))
    db.add(RepoVerdict(repo_id=repo_id, answer="yes", own="yes", version=1))
    db.add(RepoOpenness(repo_id=repo_id, commit="0" * 40, version=1, opened=3, told={}))


def test_a_closer_look_names_who_drives_a_word(counted: TestClient) -> None:
    page = counted.get("/trends?word=fill-mask", headers=HTML).text
    closer = page.partition('id="closer"')[2].partition("</section>")[0]
    assert "riser" in closer and "steady" not in closer and "840 downloads" in closer
    assert 'id="closer"' not in counted.get("/trends?word=no-such-word", headers=HTML).text


def test_nothing_private_is_told_to_anybody(counted: TestClient, cast: Cast) -> None:
    for headers in ({}, cast.alice.headers, cast.root.headers):
        for address in (
            *("/trends?by=licence", "/trends?word=translation", "/trends?word=translation&measure=new&span=3m"),
            *("/api/trends?by=licence", "/api/trends.csv?by=licence", "/api/trends?as=number"),
        ):
            as_page = {} if "/api" in address else HTML
            said = counted.get(address, headers=headers | as_page).text
            assert "secret" not in said and "hush" not in said and "Translation" not in said and "73577" not in said


def test_what_becomes_private_is_gone_from_the_next_answer(counted: TestClient, cast: Cast) -> None:
    before = counted.get("/api/trends?by=licence")
    answer = counted.put("/api/models/alice/riser/settings", json={"private": True}, headers=cast.alice.headers)
    assert answer.status_code == 200
    after = counted.get("/api/trends?by=licence", headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    assert [word["word"] for word in after.json()["words"]] == ["license:mit"]
    assert after.json()["all"]["repositories"] == 1
    assert "apache" not in counted.get("/trends?by=licence", headers=HTML).text


def test_an_answer_that_is_still_so_is_not_sent_again(counted: TestClient) -> None:
    for address in ("/api/trends", "/api/trends.csv"):
        first = counted.get(address)
        assert first.headers["cache-control"] == "public, no-cache"
        again = counted.get(address, headers={"If-None-Match": f'"x", W/{first.headers["etag"]}'})
        assert (again.status_code, again.content) == (304, b"")
        assert counted.get(f"{address}?by=size", headers={"If-None-Match": first.headers["etag"]}).status_code == 200


def test_the_file_is_a_table_that_no_spreadsheet_runs(counted: TestClient, database: Database, make: Make) -> None:
    hostile = ["license:=1+1", "license:@SUM(A1)", 'license:-2+3";cmd|', "license: \t=x", "license:<script>\u202e,x"]
    for number, tag in enumerate(hostile):
        make(f"m{number}", tags=[tag], days={1: 1})
    with database.write() as db:  # words that begin so themselves
        keys = {"kind": "model", "dimension": "architecture", "grain": "all", "begins": 0}
        values = {"new": 1, "downloads": 1, "likes": 0}
        for word in ("=1+1", "+1", "-1", "@x", "\t=1", " =1", "'=1"):
            db.execute(insert(Tally).values(**keys, **values, word=word))
    count(database)
    answer = counted.get("/api/trends.csv?by=architecture")
    assert answer.headers["content-type"].startswith("text/csv")
    assert 'filename="trends-model-architecture-downloads-4w.csv"' in answer.headers["content-disposition"]
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0][:3] == ["word", "label", "repositories"] and len(rows[0]) == 11 + 28
    cells = [cell for row in rows[1:] for cell in row[:2]]
    assert "'=1+1" in cells and "'@x" in cells
    assert not [cell for cell in cells if cell.lstrip(" ")[:1] in tuple("=+-@\t\r")]
    assert {len(row) for row in rows} == {39}
    licences = counted.get("/trends?by=licence", headers=HTML).text
    assert "<script>\u202e" not in licences and "&lt;script&gt;" in licences


def test_an_empty_hub_and_one_of_a_day(client: TestClient, database: Database, make: Make) -> None:
    assert "Being counted" in client.get("/trends", headers=HTML).text
    count(database)
    assert "Nothing to count yet" in client.get("/trends", headers=HTML).text
    assert _json(client)["words"] == []
    make("first", tags=["fill-mask"], created=clock.now(), days={0: 3})
    count(database)
    for query in ("", "measure=there", "measure=new&span=1y", "span=all", "as=number&word=fill-mask"):
        page = client.get(f"/trends?{query}", headers=HTML)
        assert page.status_code == 200 and "so far" in page.text and "Too little is known yet" in page.text
    assert _json(client)["words"][0]["now"] == 3


def test_what_is_said_to_come_is_not_told_yet(client: TestClient, database: Database, make: Make) -> None:
    make("now", tags=["fill-mask"], created=clock.now() - timedelta(days=40))
    make("later", tags=["fill-mask"], created=clock.now() + timedelta(days=4_000), days={-3: 7})
    make("long-ago", tags=["fill-mask"], created=clock.now().replace(year=1970))
    count(database)
    assert _json(client, "measure=there")["words"][0]["now"] == 2
    assert _json(client, "measure=new&span=all&as=number")["all"]["now"] <= 2
    assert client.get("/trends?measure=there&span=all", headers=HTML).status_code == 200


def test_thousands_of_words_are_the_first_and_how_many_more(client: TestClient, database: Database, make: Make) -> None:
    make("one", days={1: 5})
    count(database)
    with database.write() as db:
        keys = {"kind": "model", "dimension": "licence", "likes": 0, "new": 1}
        rows = [keys | {"grain": "all", "begins": 0, "word": f"license:w{n}", "downloads": n} for n in range(10_000)]
        yesterday = clock.now().date().toordinal() - 1
        rows += [row | {"grain": "day", "begins": yesterday, "downloads": 1 << 50} for row in rows]
        db.execute(insert(Tally), rows)
        db.execute(update(TallyRound).values(stamp=TallyRound.stamp + 1))
    told = _json(client, "by=licence")
    assert (len(told["words"]), told["moreWords"]) == (200, 10_001 - 200)
    page = client.get("/trends?by=licence&as=number", headers=HTML).text
    assert "9,961 words more" in page
    assert len(page) < 200_000


def test_the_api_is_described(app: Starlette) -> None:
    described = app.openapi()["paths"]  # type: ignore[attr-defined]
    names = {one["name"] for one in described["/api/trends"]["get"]["parameters"]}
    assert names == {"kind", "by", "measure", "as", "span", "grain"}
    assert "text/csv" in described["/api/trends.csv"]["get"]["responses"]["200"]["content"]


def test_malformed_questions_are_refused_in_words(client: TestClient) -> None:
    answer = client.get("/api/trends?by=colour")
    assert answer.status_code == 400 and "by is one of task" in answer.json()["error"]
    assert client.get("/trends?span=9y", headers=HTML).status_code == 400
