"""Feedback: where it is kept, who may say so, and that each row stands in its data set once."""

import json
from typing import Any

import pytest
from sqlalchemy import select
from starlette.applications import Starlette

from freehold.content import queries as content
from freehold.playground.tables import WaitingFeedback
from freehold.repos import service as repos
from freehold.repos.tables import Repo
from freehold.tasks.tables import Task
from tests.fixtures.people import Person
from tests.gateway.conftest import REVISION, Hub
from tests.playground.conftest import Tab

ASKED = [{"role": "user", "content": "Capital of France?"}]
RATED = {"model": "lab/it", "messages": ASKED, "answer": "Lyon.", "rating": "down", "corrected": "Paris."}


def choose(hub: Hub, who: Person, repo: str, account: str = "") -> int:
    answer = Tab(hub, who).post("/playground/feedback", account=account or who.name, repo=repo)
    return int(answer.status_code)


def give(hub: Hub, who: Person, **changes: Any) -> Any:
    return hub.client.post("/api/feedback", json={**RATED, **changes}, headers=who.headers)


def written(hub: Hub, repo: str, file: str) -> list[dict[str, Any]]:
    """The rows of a file, after all that waited was written."""
    app: Any = hub.client.app
    with app.state.database.write() as db:
        for task in db.scalars(select(Task).where(Task.due_at.is_not(None))):
            task.due_at = task.created_at  # nobody waits for others to join them
    app.state.worker.drain()
    with app.state.database.read() as db:
        found = db.scalar(select(Repo).where(Repo.kind == "dataset", Repo.path_key == repo))
        objects = content.objects(db, found, app.state.kit)
        entry = objects.entry(content.head(db, found), file)
        return [json.loads(line) for line in objects.blob(entry.oid).splitlines()] if entry else []


def test_a_corrected_answer_becomes_a_row_of_ones_own_new_data_set(hub: Hub) -> None:
    bob = hub.cast.bob
    refused = give(hub, bob)
    assert (refused.status_code, refused.headers["x-error-code"]) == (409, "NoFeedbackPlace")
    assert choose(hub, bob, "bob/opinions") == 303
    answer = give(hub, bob)
    assert answer.json()["address"] == "/datasets/bob/opinions"
    (row,) = written(hub, "bob/opinions", "ratings/0001.jsonl")
    assert (row["answer"], row["corrected"], row["rating"], row["by"]) == ("Lyon.", "Paris.", "down", "bob")
    assert (row["model"], row["revision"], row["messages"]) == ("lab/it", REVISION, ASKED)
    card = hub.client.get("/api/datasets/bob/opinions", headers=bob.headers).json()
    assert card["private"] is True
    assert [one["config_name"] for one in card["cardData"]["configs"]] == ["ratings", "preferences"]
    give(hub, bob, answer="Paris.", rating="up", corrected=None)
    assert [one["rating"] for one in written(hub, "bob/opinions", "ratings/0001.jsonl")] == ["down", "up"]


def test_the_better_of_two_answers_is_a_pair(hub: Hub) -> None:
    alice = hub.cast.alice
    assert choose(hub, alice, "alice/pairs") == 303
    two = {"left": {"model": "lab/it", "answer": "Paris."}, "right": {"model": "lab/ours", "answer": "Lyon."}}
    assert give(hub, alice, **two, better="left").status_code == 200
    (row,) = written(hub, "alice/pairs", "preferences/0001.jsonl")
    assert (row["chosen"][0]["content"], row["rejected"][0]["content"]) == ("Paris.", "Lyon.")
    assert row["models"] == ["lab/it", "lab/ours"]


def test_what_people_think_of_an_owners_models_goes_to_the_owner_who_is_all_they_learn(hub: Hub) -> None:
    assert choose(hub, hub.cast.alice, "lab/what-people-think", "lab") == 303
    answer = give(hub, hub.cast.charlie).json()
    assert answer == {"said": "Kept by lab.", "place": None, "address": None}
    assert give(hub, hub.cast.bob).json()["place"] == "lab/what-people-think"
    rows = written(hub, "lab/what-people-think", "ratings/0001.jsonl")
    assert sorted(row["by"] for row in rows) == ["bob", "charlie"]


def test_only_whoever_administers_an_organisation_chooses_for_it_and_only_where_one_may_write(hub: Hub) -> None:
    cast = hub.cast
    assert choose(hub, cast.bob, "lab/rows", "lab") == 422
    assert choose(hub, cast.charlie, "lab/rows", "lab") == 422
    with hub.database.write() as db:
        repos.create(db, cast.alice.actor, "hers", kind="dataset", visibility="private")
        repos.create(db, cast.alice.actor, "open", kind="dataset", visibility="public")
    assert choose(hub, cast.bob, "alice/hers") == 422
    assert choose(hub, cast.bob, "alice/open") == 422
    assert choose(hub, cast.bob, "alice/new") == 422
    assert give(hub, cast.bob).status_code == 409


def test_nobody_gives_feedback_on_a_model_that_they_may_not_call(hub: Hub) -> None:
    assert choose(hub, hub.cast.charlie, "charlie/rows") == 303
    unknown = give(hub, hub.cast.charlie, model="lab/nothing")
    hidden = give(hub, hub.cast.charlie, model="lab/ours")
    assert unknown.status_code == hidden.status_code == 404
    assert hidden.text.replace("lab/ours", "") == unknown.text.replace("lab/nothing", "")
    assert give(hub, hub.cast.anonymous).status_code == 401
    assert hub.client.post("/api/feedback", json=RATED, headers=hub.cast.charlie.read_headers).status_code == 403


@pytest.mark.parametrize("change", [{"rating": "fine"}, {"messages": []}, {"answer": ""}, {"messages": [{"role": 1}]}])
def test_what_is_no_feedback_is_refused(hub: Hub, change: dict[str, Any]) -> None:
    assert choose(hub, hub.cast.bob, "bob/rows") == 303
    assert give(hub, hub.cast.bob, **change).status_code == 400


def test_a_row_stands_there_once_though_the_hub_ends_before_it_forgets_it(hub: Hub, app: Starlette) -> None:
    bob = hub.cast.bob
    assert choose(hub, bob, "bob/rows") == 303
    give(hub, bob)
    with hub.database.read() as db:
        row = db.scalars(select(WaitingFeedback)).one()
        kept = {column.name: getattr(row, column.name) for column in WaitingFeedback.__table__.columns}
    assert len(written(hub, "bob/rows", "ratings/0001.jsonl")) == 1
    with hub.database.write() as db:  # as if the commit was made, and the rest was not
        db.add(WaitingFeedback(**kept))
    give(hub, bob, answer="Nice.")
    rows = written(hub, "bob/rows", "ratings/0001.jsonl")
    assert [one["answer"] for one in rows] == ["Lyon.", "Nice."]
    with hub.database.read() as db:
        assert db.scalars(select(WaitingFeedback)).all() == []


def test_what_is_kept_nowhere_any_more_is_refused_again(hub: Hub) -> None:
    assert choose(hub, hub.cast.bob, "bob/rows") == 303
    assert Tab(hub, hub.cast.bob).post("/playground/feedback", account="bob", stop="1").status_code == 303
    assert give(hub, hub.cast.bob).status_code == 409
