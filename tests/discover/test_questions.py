"""Questions of lists: each narrows, counts what its answers leave, knows what is unknown, and says what is right."""

import html
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.testclient import TestClient

from freehold.access.rules import ANONYMOUS
from freehold.accounts.tables import Account
from freehold.cards.tables import EvalResult, RepoCard, RepoFacts, RepoTag
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.ids import new_id
from freehold.discover import changes, counting, facets, questions, rules
from freehold.discover.rules import Listing
from freehold.repos.tables import Repo
from scripts import docs
from tests.fixtures.each import each
from tests.fixtures.people import Cast

HTML = {"accept": "text/html"}
NOW = datetime.fromisoformat("2026-06-15T12:00:00+00:00")
FACTS: dict[str, Any] = {"commit": "0" * 40, "version": 1, "computed_at": NOW, "has_pickle": False, "size_bytes": 0}
FACTS |= {"formats": [], "quantisations": [], "details": {}}
MODELS: dict[str, dict[str, Any]] = {
    "alice/dense": {
        "parameters": 135_000_000,
        "active_parameters": 135_000_000,
        "dtype": "BF16",
        "context_length": 32_768,
        "architecture": "LlamaForCausalLM",
        "tokenizer": "BPE",
        "size_bytes": 270_000_000,
        "formats": ["safetensors"],
        "license": "mit",
        "changed": 2,
    },
    "lab/experts": {
        "parameters": 47_000_000_000,
        "active_parameters": 13_000_000_000,
        "dtype": "F16",
        "context_length": 8_192,
        "architecture": "MixtralForCausalLM",
        "size_bytes": 94_000_000_000,
        "formats": ["pickle", "safetensors"],
        "has_pickle": True,
        "license": "gemma",
        "changed": 20,
        "gated": "manual",
    },
    "lab/small": {
        "parameters": 135_000_000,
        "dtype": "Q4_K",
        "context_length": 1_048_576,
        "quantisations": ["Q4_K_M", "Q8_0"],
        "size_bytes": 90_000_000,
        "formats": ["gguf"],
        "needed_bytes": 4 * 10**9,
        "changed": 200,
        "results": 1,
    },
    "charlie/silent": {"changed": 400, "license": "odd"},
    "lab/hush": {
        "parameters": 135_000_000,
        "active_parameters": 135_000_000,
        "dtype": "BF16",
        "context_length": 32_768,
        "quantisations": ["Q8_0"],
        "private": True,
        "license": "mit",
        "changed": 1,
        "formats": ["gguf"],
    },
}
ALL = {"alice/dense", "lab/experts", "lab/small", "charlie/silent"}


@pytest.fixture
def shelf(database: Database, cast: Cast) -> None:
    """Models that are nothing but what is known of them."""
    with database.write() as db:
        owners = {name: key for key, name in db.execute(select(Account.id, Account.key))}
        for path, known in MODELS.items():
            owner, _, name = path.partition("/")
            at = NOW - timedelta(days=known["changed"])
            repo = Repo(
                id=new_id(),
                kind="model",
                owner_id=owners[owner],
                name=name,
                path_key=path,
                visibility="private" if known.get("private") else "public",
                gated=known.get("gated", ""),
                created_at=at,
                updated_at=at,
            )
            db.add(repo)
            db.flush()
            db.add(RepoCard(repo_id=repo.id, commit="0" * 40, tags=[], license=known.get("license")))
            if "license" in known:
                db.add(RepoTag(repo_id=repo.id, tag=f"license:{known['license']}"))
            if "formats" in known:
                mine = {key: value for key, value in known.items() if key in RepoFacts.__table__.columns}
                db.add(RepoFacts(repo_id=repo.id, **FACTS | mine))
            if known.get("results"):
                row = {"position": 0, "filename": "x.yaml", "dataset_key": "a/b", "task": "main", "data": {}}
                db.add(EvalResult(repo_id=repo.id, **row))


#: What is asked, what is found, and what the questions that are named then count.
ASKED: list[tuple[str, set[str], dict[str, dict[str, int]]]] = [
    ("", ALL, {"dtype": {"BF16": 1, "F16": 1, "Q4_K": 1, "unknown": 1}}),
    ("num_parameters=min:1B", {"lab/experts"}, {"num_parameters": {"min:100M,max:1B": 2, "min:40B": 1, "unknown": 1}}),
    ("num_parameters=unknown", {"charlie/silent"}, {"context_length": {"min:2K": 0, "unknown": 1}}),
    ("num_parameters=max:1B,unknown", ALL - {"lab/experts"}, {"gated": {"false": 3, "true": 0}}),
    ("num_parameters_min=1b&num_parameters_max=", {"lab/experts"}, {}),
    ("active_parameters=max:20B", {"alice/dense", "lab/experts"}, {}),
    ("active_parameters=min:1B", {"lab/experts"}, {"active_parameters": {"min:100M,max:1B": 1, "unknown": 2}}),
    (
        "context_length=min:32k",
        {"alice/dense", "lab/small"},
        {"context_length": {"min:8K": 3, "min:32K": 2, "min:1M": 1}},
    ),
    ("context_length=min:1M", {"lab/small"}, {}),
    ("context_length=max:32K", {"alice/dense", "lab/experts"}, {}),
    ("quantisation=Q8_0,Q4_K_M", {"lab/small"}, {"quantisation": {"Q4_K_M": 1, "Q8_0": 1}}),
    ("quantisation=q8_0", set(), {}),
    ("quantisation=%22", set(), {}),
    ("dtype=BF16,F16", {"alice/dense", "lab/experts"}, {"dtype": {"BF16": 1, "F16": 1, "Q4_K": 1, "unknown": 1}}),
    ("dtype=unknown", {"charlie/silent"}, {}),
    ("dtype=BF16,unknown", {"alice/dense", "charlie/silent"}, {"publisher": {"org": 0, "user": 2}}),
    ("architecture=MixtralForCausalLM", {"lab/experts"}, {"architecture": {"LlamaForCausalLM": 1}}),
    ("tokenizer=BPE", {"alice/dense"}, {"tokenizer": {"BPE": 1, "unknown": 3}}),
    ("publisher=org", {"lab/experts", "lab/small"}, {"publisher": {"org": 2, "user": 2}}),
    ("evaluated=yes", {"lab/small"}, {"evaluated": {"yes": 1, "no": 3}}),
    ("pickles=yes", {"lab/experts"}, {"pickles": {"no": 2, "yes": 1, "unknown": 1}}),
    ("pickles=no,unknown", ALL - {"lab/experts"}, {}),
    ("gated=true", {"lab/experts"}, {"gated": {"true": 1, "false": 3}}),
    ("gated=False", ALL - {"lab/experts"}, {}),
    (
        "license_family=permissive",
        {"alice/dense"},
        {"license_family": {"permissive": 1, "open-weights": 1, "other": 1}},
    ),
    ("license_family=unknown,other", {"lab/small", "charlie/silent"}, {"license_family": {"unknown": 1}}),
    ("size=min:100MB", {"alice/dense", "lab/experts"}, {"size": {"max:100MB": 1, "min:100MB,max:1GB": 1}}),
    ("size=max:0.1gb", {"lab/small"}, {}),
    ("updated=7d", {"alice/dense"}, {"updated": {"7d": 1, "30d": 2, "90d": 2, "year": 2}}),
    ("created=year", {"alice/dense", "lab/experts"}, {}),
    ("created=min:2026-05-26,max:2026-05-26", {"lab/experts"}, {}),
    ("created_max=2025-11-27", {"lab/small", "charlie/silent"}, {}),
    ("fits=cpu-8", {"lab/small"}, {"fits": {"cpu-8": 1, "gpu-80": 1}}),
    ("dtype=BF16,F16&publisher=org&size=min:1GB", {"lab/experts"}, {"dtype": {"BF16": 0, "F16": 1}}),
    ("dtype=BF16&publisher=org", set(), {"dtype": {"BF16": 0, "Q4_K": 1}, "publisher": {"user": 1, "org": 0}}),
]


@pytest.mark.usefixtures("shelf")
def test_every_question_narrows_and_counts(client: TestClient, database: Database) -> None:
    every = {one.name for one in questions.asked_of("model")}
    with clock.frozen(NOW):
        for query, found, numbers in ASKED:
            listed = client.get(f"/api/models?{query}")
            assert {one["id"] for one in listed.json()} == found, query
            page = client.get(f"/models?{query}&open={','.join(every)}", headers=HTML).text
            assert f"<b>{len(found)}</b>" in page, query
            with database.read() as db:
                listing = rules.listing("model", QueryParams(query))
                asked = facets.of(db, ANONYMOUS, listing, (), every)
            told = {one.name: {word.tag: word.number for word in (*one.words, *one.more)} for one in asked}
            for name, expected in numbers.items():
                assert {word: told[name].get(word, 0) for word in expected} == expected, (query, name)


@pytest.mark.usefixtures("shelf")
def test_what_is_private_is_in_no_number(app: Starlette, client: TestClient, cast: Cast) -> None:
    asked = questions.asked_of("model")
    for person, dtypes, quantised in (
        (cast.anonymous, 1, 1),
        (cast.charlie, 1, 1),
        (cast.bob, 2, 2),
        (cast.root, 2, 2),
    ):
        page = client.get("/models?dtype=BF16&open=dtype,quantisation", headers=HTML | person.headers).text
        assert f"<b>{dtypes}</b>" in page
        assert ("lab/</span><b>hush" in page) is (dtypes == 2)
        page = client.get("/models?open=dtype,quantisation", headers=HTML | person.headers).text
        assert f'<span>Q8_0</span><span class="n">{quantised}</span>' in page
    with app.state.database.read() as db:
        classes = {one.name: facets.classes(one) for one in asked}
        numbers = counting.counted(db, ANONYMOUS, Listing(kind="model"), asked, classes)
    assert max(number for each in numbers.values() for number in each.values()) <= len(ALL)


@pytest.mark.usefixtures("shelf")
def test_numbers_follow_every_change(client: TestClient, database: Database) -> None:
    """They are kept while nothing changes, and not a moment longer."""

    def told() -> list[tuple[str, str]]:
        page = client.get("/models?open=dtype", headers=HTML).text
        return re.findall(r'<span>(BF16|F16)</span><span class="n">(\d+)</span>', page)

    nothing = client.get("/models?inference=warm", headers=HTML).text  # a question that nothing here answers
    assert "<b>0</b>" in nothing and "<b>4</b>" in client.get("/models", headers=HTML).text
    assert told() == told() == [("BF16", "1"), ("F16", "1")]
    with database.write() as db:
        repo_id = db.scalars(select(Repo.id).where(Repo.path_key == "lab/experts")).one()
        db.get_one(RepoFacts, repo_id).dtype = "BF16"
    assert told() == [("BF16", "2")]
    with database.write() as db:
        db.get_one(Repo, repo_id).visibility = "private"
    assert told() == [("BF16", "1")]


@pytest.mark.usefixtures("cast")
@each(
    ("query", "right"),
    [
        ("num_parameters=6B", "min:6B,max:128B"),
        ("active_parameters=min:lots", "min:6B"),
        ("context_length=long", "unknown"),
        ("size=min:4TB,max:4PB", "min:100MB,max:4GB"),
        ("size=unknown", "min:100MB"),
        ("created=yesterday", "30d"),
        ("updated=min:2026-02-30", "2026-01-31"),
        ("publisher=robot", "org, user"),
        ("pickles=maybe", "no, yes, unknown"),
        ("evaluated=1", "yes, no"),
        ("license_family=free", "permissive"),
        ("gated=perhaps", "false, true"),
        ("dtype=%00", "NUL"),
        ("dtype=" + ",".join("abcdefghijklmnopqrstuvw"), "20 words"),
        ("architecture=" + "x" * 5000, "100 characters"),
        ("fits=toaster", "cpu-16"),
    ],
)
def test_an_answer_that_is_none_is_refused_with_one_that_is(client: TestClient, query: str, right: str) -> None:
    answer = client.get(f"/api/models?{query}")
    assert answer.status_code == 400
    assert right in answer.json()["error"]
    assert client.get(f"/models?{query}", headers=HTML).status_code == 400


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    ("sort", "falling", "unknown"),
    [
        ("num_parameters", ["lab/experts", ("alice/dense", "lab/small")], ["charlie/silent"]),
        ("size", ["lab/experts", "alice/dense", "lab/small"], ["charlie/silent"]),
        ("context_length", ["lab/small", "alice/dense", "lab/experts"], ["charlie/silent"]),
        ("createdAt", ["alice/dense", "lab/experts", "lab/small", "charlie/silent"], []),
    ],
)
def test_sorts_have_two_ends_and_what_is_unknown_comes_last(
    client: TestClient, sort: str, falling: list[Any], unknown: list[str]
) -> None:
    for direction, expected in (("", falling), ("&direction=1", falling[::-1])):
        address, seen = f"/api/models?limit=1&sort={sort}{direction}", []
        while address:  # one by one, so that every row is where a page ends
            answer = client.get(address)
            seen += [item["id"] for item in answer.json()]
            link = answer.headers.get("link", "")
            address = link[1 : link.index(">")] if link else ""
        wanted = [set(one) if isinstance(one, tuple) else {one} for one in [*expected, *unknown]]
        assert len(seen) == len(set(seen)) == 4
        for group in wanted:
            assert set(seen[: len(group)]) == group, (sort, direction)
            seen = seen[len(group) :]
        page = client.get(f"/models?sort={sort}{direction}", headers=HTML).text
        assert ('aria-sort="ascending"' in page) is bool(direction)


@pytest.mark.usefixtures("shelf")
def test_what_is_chosen_stays_when_another_question_is_opened_or_asked(client: TestClient) -> None:
    page = client.get("/models?dtype=BF16&sort=size&filter=license:mit", headers=HTML).text
    link = html.unescape(re.findall(r'id="facet-quantisation" href="([^"]*)"', page)[0])
    assert (
        link == "/models?dtype=BF16&filter=license%3Amit&sort=size&open=quantisation&filters=shown#facet-quantisation"
    )
    assert '<span class="chosen"><bdi>BF16</bdi></span>' in page  # folded, and its answer is seen
    opened = client.get(link, headers=HTML).text
    assert 'id="facet-quantisation"' in opened and 'aria-expanded="true"' in opened
    form = opened[opened.index('<form class="range-fields"') : opened.index('name="num_parameters_min"')]
    kept = dict(re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', form))
    assert kept == {"dtype": "BF16", "filter": "license:mit", "sort": "size", "open": "quantisation"}


def test_every_question_is_told_of(client: TestClient) -> None:
    told = client.get("/openapi.json").json()["paths"]["/api/{kind}"]["get"]["parameters"]
    named = {one["name"]: one for one in told}
    page = (docs.ROOT / "docs" / "how-to" / "find.md").read_text()
    for question in questions.BY_NAME.values():
        assert question.about in named[question.name]["description"]
        assert f"`{question.name}`" in page, f"docs/how-to/find.md has no line for {question.name}"
    assert "kind" in named and "unknown" in named["dtype"]["description"]
    watched = {f"{table}.{column}" for table, columns in changes.WATCHED.items() for column in columns}
    for question in questions.BY_NAME.values():
        column = question.kept.column
        if isinstance(column, InstrumentedAttribute) and column.key != "opened":  # which follows from the others
            assert f"{column.class_.__tablename__}.{column.key}" in watched
