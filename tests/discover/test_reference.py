"""The client's list calls answer exactly what a slow, plain reference does: same repositories, order and pages."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import huggingface_hub
import pytest
from huggingface_hub import HfApi
from huggingface_hub.utils._http import default_client_factory
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select
from sqlalchemy.orm import Session
from starlette.datastructures import QueryParams
from starlette.testclient import TestClient

from freehold.access.service import from_credentials
from freehold.accounts import service as accounts
from freehold.accounts.tables import Account
from freehold.cards.tables import EvalResult, RepoCard, RepoFacts, RepoTag, RepoVerdict
from freehold.core.database import Database
from freehold.core.ids import new_id
from freehold.discover import facets, questions, rules
from freehold.repos.tables import Repo
from tests.discover import reference
from tests.discover.conftest import Publish, by_index
from tests.discover.reference import Asker
from tests.fixtures.hub import BASE_URL
from tests.fixtures.people import Cast

COUNTS = {"model": 70, "dataset": 45, "space": 20}
NAMES = ("chat", "Chat-EN", "embed_v2", "embed.v2", "LLaMA-7b", "100-percent", "x", "data")
TAGS = {
    "model": (
        "en", "de", "gguf", "safetensors", "transformers", "license:mit", "license:gemma", "dataset:squad",
        "base_model:alice/chat-0", "base_model:finetune:alice/chat-0", "text-generation", "region:us", "language:fr",
    ),
    "dataset": (
        "language:en", "language:de", "license:mit", "task_categories:text-classification", "size_categories:n<1K",
        "format:parquet", "en", "benchmark:official", "task_ids:language-modeling", "region:us",
    ),
    "space": ("gradio", "docker", "license:mit", "region:us", "en"),
}  # fmt: skip
FILTERS = {
    "model": (*TAGS["model"], "language:en", "library:transformers", "license:mit,en", "absent", "MIT"),
    "dataset": (*TAGS["dataset"], "mit", "de", "parquet", "text-classification", "language:en,license:mit", "absent"),
    "space": (*TAGS["space"], "absent"),
}
PARAMETERS = (None, None, 999_999_999, 10**9, 7 * 10**9, 8_030_261_248)
NEEDED = (None, 5_999_999_999, 6 * 10**9, 6 * 10**9 + 1, 20_850_000_000, 90 * 10**9)
CONTEXTS = (None, 512, 8_192, 32_768, 131_072)
#: This hub's own parameters, by the kinds of list that ask them.
OWN = {
    "direction": ("1", "-1"),
    "sort": ("size", "num_parameters", "context_length"),
    "publisher": ("org", "user", "org,user"),
    "created": ("min:2026-05-02", "min:2026-05-01,max:2026-05-01", "max:2026-04-30"),
    "updated": ("max:2026-06-10", "min:2026-06-11"),
    "size": ("min:1GB", "max:999999999", "max:1GB"),
}
OWN_OF_FILES = OWN | {
    "commercial": ("yes", "no", "yes,conditions", "unresolved"),
    "pickles": ("yes", "no", "unknown", "no,unknown"),
    "gated": ("true", "false", "true,false"),
}
OWN_OF_MODELS = OWN_OF_FILES | {
    "fits": tuple(reference.ROOMS),
    "context_length": ("min:8K", "min:32K", "max:8K", "unknown", "min:128K,unknown", "min:9K,max:33K"),
    "dtype": ("BF16", "unknown", "BF16,F32", "bf16"),
    "quantisation": ("Q4_K_M", "Q4_0,Q4_K_M", "Q4", "q4_0"),
    "evaluated": ("yes", "no"),
    "num_parameters": ("unknown", "min:1B,unknown"),
}
OWN_OF = {"model": OWN_OF_MODELS, "dataset": OWN_OF_FILES | {"rows": ("min:1K", "max:10", "unknown")}, "space": OWN}
SORTS = ("created_at", "downloads", "last_modified", "likes", "trending_score", "createdAt", "no such order")
LISTS = ("/api/models", "/api/datasets", "/api/spaces")
EXPAND = ("author", "cardData", "createdAt", "downloads", "downloadsAllTime", "gated", "lastModified", "likes")
EXPAND_MORE = {
    "model": ("pipeline_tag", "library_name"),
    "dataset": (),
    "space": ("sdk",),
}


@pytest.fixture
def shelf(database: Database, cast: Cast, publish: Publish) -> None:
    """Rows with few values, so that whatever is combined finds some and ties are everywhere; four are really there."""
    for path in ("alice/Real_Model", "lab/real-model"):
        publish(cast.alice.actor, path)
        publish(cast.alice.actor, f"{path}-private", private=True)
    with database.write() as db:
        accounts.create_user(db, "Zed-9")
        owners = [
            db.scalars(select(Account).where(Account.key == key)).one() for key in ("alice", "lab", "charlie", "zed-9")
        ]
        chance = random.Random(7)
        for kind, number in COUNTS.items():
            for place in range(number):
                _put(db, chance, owners, kind, place)


def _put(db: Session, chance: random.Random, owners: list[Account], kind: str, place: int) -> None:
    owner, name, repo_id = chance.choice(owners), f"{chance.choice(NAMES)}-{place}", new_id()
    begun = datetime(2026, 5, 1, tzinfo=UTC)
    tags = [tag for tag in TAGS[kind] if chance.random() < 0.5]
    task = chance.choice((None, "text-generation", "fill-mask")) if kind == "model" else None
    licence = chance.choice((None, "mit"))
    db.execute(
        insert(Repo).values(
            id=repo_id, kind=kind, owner_id=owner.id, name=name, path_key=f"{owner.key}/{name}".lower(),
            visibility="private" if chance.random() < 0.25 else "public",
            gated=chance.choice(("", "", "auto", "manual")) if kind != "space" else "",
            sdk="gradio" if kind == "space" else None,
            downloads=chance.choice((0, 0, 5, 1_000_000)), downloads_all_time=chance.randrange(9),
            likes=chance.choice((0, 1, 1, 7)), trend=chance.choice((0, 0, 1, 105_000_001)),
            created_at=begun + timedelta(days=chance.randrange(3)),
            updated_at=begun + timedelta(days=40, microseconds=chance.choice((0, 1, 250_000))),
        )
    )  # fmt: skip
    data = {"license": licence} if licence else None
    card = {"tags": tags, "license": licence, "pipeline_tag": task, "library_name": None, "data": data, "config": None}
    db.execute(insert(RepoCard).values(repo_id=repo_id, commit="0" * 40, summary="Words.", **card))
    if tags:
        db.execute(insert(RepoTag), [{"repo_id": repo_id, "tag": tag} for tag in tags])
    if chance.random() < 0.8:
        numbers = {"parameters": chance.choice(PARAMETERS), "needed_bytes": chance.choice(NEEDED)}
        numbers |= {"rows": chance.choice((None, 10, 1_000)), "context_length": chance.choice(CONTEXTS)}
        numbers["size_bytes"] = chance.choice((5, 10**9 - 1, 10**9))
        lists: dict[str, Any] = {"formats": chance.choice(([], ["gguf"])), "details": {}}
        lists["quantisations"] = chance.choice(([], ["Q4_K_M"], ["Q4_0", "Q4_K_M"]))
        of = {"commit": "0" * 40, "version": 1, "computed_at": begun, "has_pickle": chance.random() < 0.3}
        of["dtype"] = chance.choice((None, "BF16", "F32"))
        db.execute(insert(RepoFacts).values(repo_id=repo_id, **numbers, **lists, **of))
        if kind == "model" and chance.random() < 0.3:
            result = {"filename": "a.yaml", "dataset_key": "lab/a", "task": "a", "value": 1.0, "data": {}}
            db.execute(insert(EvalResult).values(repo_id=repo_id, position=0, **result))
        answer = chance.choice(("yes", "conditions", "unresolved", "no"))
        db.execute(insert(RepoVerdict).values(repo_id=repo_id, answer=answer, own=answer, version=1))


@pytest.fixture
def askers(database: Database, cast: Cast, shelf: None) -> list[Asker]:
    """Everybody, and two tokens of Alice's that reach a part of what she does."""
    with database.write() as db:
        alice = accounts.account(db, "alice")
        mine = select(Repo.id).where(Repo.visibility == "private", Repo.owner_id == alice.id).order_by(Repo.id)
        some = frozenset(db.scalars(mine.limit(6)))
        lab = accounts.account(db, "lab").id
        of_repos = accounts.create_token(db, alice, "some", "read", repo_ids=some)[1]
        of_owner = accounts.create_token(db, alice, "of lab", "write", owner_ids=[lab])[1]
    askers = [Asker(person.name, person, person.headers) for person in cast.people]
    askers.append(Asker("bob", cast.bob, cast.bob.read_headers))
    for token, repo_ids, owners in ((of_repos, some, ()), (of_owner, (), ("lab",))):
        headers = {"Authorization": f"Bearer {token}"}
        askers.append(Asker("alice", cast.alice, headers, True, frozenset(repo_ids), frozenset(owners)))
    return askers


#: By the database alone, and by the index in front of it: how many calls of each.
WAYS = {"database": 150, "index": 300}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, database: Database, askers: list[Asker]) -> Iterator[str]:
    """How lists are answered."""
    chosen: str = request.param
    if chosen == "database":
        yield chosen
        return
    with by_index(database):
        yield chosen


def _some(choices: tuple[str, ...], most: int) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.sampled_from(choices), st.lists(st.sampled_from(choices), min_size=1, max_size=most, unique=True)
    )


def _call(kind: str) -> st.SearchStrategy[tuple[str, dict[str, Any], dict[str, str]]]:
    """A kind, what the client's call of it is given, and this hub's own parameters."""
    common: dict[str, st.SearchStrategy[Any]] = {
        "filter": _some(FILTERS[kind], 3),
        "author": st.sampled_from(("alice", "LAB", "zed-9", "nobody")),
        "search": st.sampled_from(("chat", "EN", "_", "embed", "%", "alice/", "7B", "chat lab", "v2 embed", "\\")),
        "sort": st.sampled_from(SORTS),
        "limit": st.sampled_from((0, 1, 3, 40, 2_000)),
    }
    of_kind: dict[str, dict[str, st.SearchStrategy[Any]]] = {
        "model": {
            "apps": _some(("ollama", "llama.cpp", "vllm"), 2),
            "gated": st.booleans(),
            "trained_dataset": _some(("squad", "dataset:squad", "other"), 2),
            "pipeline_tag": st.sampled_from(("text-generation", "fill-mask", "absent")),
            "num_parameters": st.sampled_from(("min:1B", "max:1B", "min:1B,max:8B", "min:7.5B", "max:1M")),
            "inference": st.just("warm"),
        },
        "dataset": {
            "gated": st.booleans(),
            "benchmark": st.just("official"),
            "dataset_name": st.sampled_from(("data", "Chat")),
            "language": _some(("en", "de", "language:en"), 2),
            "size_categories": st.just("n<1K"),
            "task_categories": st.just("text-classification"),
            "task_ids": st.just("language-modeling"),
        },
        "space": {"linked": st.just(True), "models": st.just("alice/chat-0")},
    }
    expand = EXPAND + EXPAND_MORE[kind]
    if kind == "space":
        expand = tuple(name for name in expand if name not in ("downloads", "downloadsAllTime", "gated"))
    told: list[dict[str, st.SearchStrategy[Any]]] = [
        {"expand": st.lists(st.sampled_from(expand), min_size=1, unique=True)},
        {"full": st.just(True)},
        {"cardData": st.just(True), "fetch_config": st.just(True)} if kind == "model" else {},
    ]
    # Most calls are of two or three parameters: all at once find nothing.
    narrowing = st.lists(st.sampled_from([*common, *of_kind[kind]]), max_size=3, unique=True)
    asked = narrowing.flatmap(lambda names: st.fixed_dictionaries({n: {**common, **of_kind[kind]}[n] for n in names}))
    own = OWN_OF[kind]
    more = st.lists(st.sampled_from([*own]), max_size=3, unique=True)
    own_asked = more.flatmap(lambda names: st.fixed_dictionaries({name: st.sampled_from(own[name]) for name in names}))
    size = st.sampled_from(({}, {"limit": "1"}, {"limit": "3"}, {"limit": "7"}))
    besides = st.builds(lambda one, two: one | two, own_asked, size)
    details = st.sampled_from(told).flatmap(lambda one: st.fixed_dictionaries(one))
    return st.tuples(st.just(kind), st.builds(lambda one, two: one | two, asked, details), besides)


CALLS = st.sampled_from(("model", "model", "dataset", "space")).flatmap(_call)


@pytest.fixture
def session(client: TestClient) -> Iterator[httpx2.Client]:
    """What the official client calls through meanwhile: into the hub of this process."""
    session = httpx2.Client(transport=client._transport)
    huggingface_hub.set_client_factory(lambda: session)
    yield session
    huggingface_hub.set_client_factory(default_client_factory)


def test_list_calls_answer_what_a_plain_reference_does(
    database: Database, session: httpx2.Client, askers: list[Asker], way: str
) -> None:
    pages: list[int] = []
    besides: dict[str, str] = {}

    def put_besides(request: httpx2.Request) -> None:
        assert len(pages) < 200, "pages without end"
        if "cursor" not in request.url.params:
            request.url = request.url.copy_merge_params(besides)

    session.event_hooks["request"].append(put_besides)
    session.event_hooks["response"].append(
        # The client's first call of all is for something else (hub-api.md 0.8).
        lambda answer: pages.append(len(json.loads(answer.read()))) if answer.url.path in LISTS else None
    )
    rows = reference.rows_of(database)
    assert len(rows) == sum(COUNTS.values()) + 4
    found = {"something": 0, "several pages": 0}

    @settings(max_examples=WAYS[way], suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(call=CALLS, who=st.integers(0, len(askers) - 1))
    def check(call: tuple[str, dict[str, Any], dict[str, str]], who: int) -> None:
        kind, given_, own = call
        own = {name: value for name, value in own.items() if name not in given_}
        asker = askers[who]
        note(f"{asker.name} lists {kind}s: {given_}, besides {own}")
        expected = reference.listed(rows, asker, kind, given_, own)
        pages.clear()
        besides.clear()
        besides.update(own)
        api = HfApi(BASE_URL, token=asker.headers.get("Authorization", "").removeprefix("Bearer ") or False)
        answers = list(getattr(api, f"list_{kind}s")(**given_))
        assert [one.id for one in answers] == [f"{row['owner']}/{row['name']}" for row in expected][
            : given_.get("limit")
        ]
        for one, row in zip(answers, expected, strict=False):
            _check_item(kind, one, row, given_)
        size = min(1000, given_.get("limit", int(own.get("limit", reference.PAGE))))
        if "limit" not in given_:
            assert pages == _pages(len(expected), min(size, 100) if given_.get("full") else size)
        found["something"] += bool(answers)
        found["several pages"] += len(pages) > 1

    check()
    assert found["something"] > WAYS[way] / 5
    assert found["several pages"] > WAYS[way] / 15


def _pages(total: int, size: int) -> list[int]:
    whole, rest = divmod(total, size)
    return [size] * whole + ([rest] if rest or not whole else [])


def _check_item(kind: str, one: Any, row: dict[str, Any], given_: dict[str, Any]) -> None:
    """What the item tells is what the row says, and what was asked for is there."""
    asked = set(given_.get("expand") or ())
    if not asked:
        asked = {"private", "likes", "tags", "createdAt", "lastModified"} | (
            {"author"} if given_.get("full") else set()
        )
        asked |= {"model": {"downloads", "pipeline_tag", "gated"}, "dataset": {"downloads", "gated"}, "space": {"sdk"}}[
            kind
        ]
    said = {
        "author": (one.author, row["owner"]),
        "createdAt": (one.created_at, _milliseconds(row["created_at"])),
        "lastModified": (one.last_modified, _milliseconds(row["updated_at"])),
        "private": (one.private, row["visibility"] == "private"),
        "likes": (one.likes, row["likes"]),
        "tags": (sorted(one.tags) if one.tags is not None else None, sorted(row["tags"])),
        "sha": (one.sha, row["sha"]),
        "gated": (getattr(one, "gated", None), row["gated"] or False),
        "downloads": (getattr(one, "downloads", None), row["downloads"]),
        "downloadsAllTime": (getattr(one, "downloads_all_time", None), row["downloads_all_time"]),
        "pipeline_tag": (getattr(one, "pipeline_tag", None), row["pipeline_tag"]),
        "library_name": (getattr(one, "library_name", None), row["library_name"]),
        "sdk": (getattr(one, "sdk", None), row["sdk"]),
    }
    for name, (told, true) in said.items():
        assert told == true or (told is None and name not in asked), f"{name} of {one.id}: {told!r} and not {true!r}"


def _milliseconds(moment: datetime) -> datetime:
    """As the wire has it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


#: Chosen answers of one question each, as the tags of a list.
CHOSEN = {
    "model": ("license:mit", "text-generation", "gguf", "transformers", "en"),
    "dataset": ("license:mit", "format:parquet", "language:en", "size_categories:n<1K"),
    "space": ("license:mit", "gradio"),
}


def test_every_answer_to_a_question_leaves_as_many_as_a_plain_reference_counts(
    database: Database, askers: list[Asker], way: str
) -> None:
    rows = reference.rows_of(database)
    with database.read() as db:
        actors = [from_credentials(db, asker.headers.get("Authorization"), None) for asker in askers]
    counted = []

    @settings(
        max_examples=WAYS[way] // 6,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(data=st.data(), kind=st.sampled_from(tuple(CHOSEN)), who=st.integers(0, len(askers) - 1))
    def check(data: st.DataObject, kind: str, who: int) -> None:
        tags = data.draw(st.lists(st.sampled_from(CHOSEN[kind]), max_size=2, unique=True))
        names = [name for name in OWN_OF[kind] if name not in ("direction", "sort")]
        asked = data.draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
        own = {name: data.draw(st.sampled_from(OWN_OF[kind][name])) for name in asked}
        note(f"{askers[who].name} looks at {kind}s: {tags}, {own}")
        listing = rules.listing(kind, QueryParams(own))
        opened = {one.name for one in questions.asked_of(kind)}
        with database.read() as db:
            told = facets.of(db, actors[who], listing, tags, opened)
        for facet in told:
            if facet.parameter != "filter" and facet.parameter not in (*reference.WORDS, *reference.NUMBERS, "fits"):
                continue
            others = {name: text for name, text in own.items() if name != facet.parameter}
            for word in (*facet.words, *facet.more):
                if facet.name in ("created", "updated") or (facet.name == "fits" and word.tag not in reference.ROOMS):
                    continue
                rest = [tag for tag in tags if facets.placed(kind, tag)[0] != facet.name]
                if facet.parameter == "filter":
                    expected = reference.listed(rows, askers[who], kind, {"filter": rest}, others)
                    expected = [row for row in expected if word.tag in row["tags"]]
                else:
                    expected = reference.listed(
                        rows, askers[who], kind, {"filter": rest}, {**others, facet.parameter: word.tag}
                    )
                assert word.number == len(expected), f"{facet.name}: {word}"
                counted.append(word.number)

    check()
    assert len([number for number in counted if number]) > WAYS[way]
