"""Where answers come from: on their page and in their licence, to whoever may know of it and nobody else."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from freehold.cards.tables import RepoVerdict
from freehold.repos.tables import Repo
from tests.batches.test_batches import WISH, of, rows
from tests.discover.test_licensing import panel
from tests.discover.test_lineage import HIDDEN, side
from tests.fixtures.people import Person
from tests.gateway.conftest import REVISION, Hub

SUMS = "/datasets/alice/sums"


def answered(hub: Hub, work: Callable[[], None], **wish: Any) -> None:
    """Answers of a data set of Alice's, for everybody to see."""
    alice = hub.cast.alice.headers
    made = hub.client.post("/api/batches", json=WISH | wish, headers=alice)
    assert made.status_code == 201, made.text
    work()
    assert of(hub, made.json()["id"])["status"] == "completed"
    opened(hub, "sums", "public")


def opened(hub: Hub, name: str, visibility: str) -> None:
    body = {"visibility": visibility}
    answer = hub.client.put(f"/api/datasets/alice/{name}/settings", json=body, headers=hub.cast.alice.headers)
    assert answer.status_code == 200, answer.text


def told(hub: Hub, address: str, who: Person) -> str:
    """All that its page, its card, its files' history and its JSON say."""
    get = [address, f"{address}/raw/main/README.md", f"/api{address}", f"/api{address}/commits/main"]
    return "".join(hub.client.get(one, headers=who.headers).text for one in get)


def test_the_page_of_answers_names_what_they_were_made_from_and_the_licences(
    hub: Hub, work: Callable[[], None]
) -> None:
    rows(hub, '{"text": "a"}\n{"text": "b"}\n', README_md=b"---\nlicense: cc-by-nc-4.0\n---\n")
    answered(hub, work)
    text = side(hub.client, SUMS, hub.cast.charlie)
    assert f"Written by 1 lab/it at {REVISION[:7]}, 2 answers" in text
    assert "Made from 1 alice/rows at " in text
    assert "Data sets it wrote 1 alice/sums" in side(hub.client, "/lab/it", hub.cast.charlie)
    assert "Data sets made from it 1 alice/sums" in side(hub.client, "/datasets/alice/rows", hub.cast.charlie)
    licence = panel(hub.client, SUMS, hub.cast.charlie)
    assert "no alice/sums not stated made from. Limits: no commercial use alice/rows cc-by-nc-4.0" in licence
    assert "lab/it not stated" in licence


def test_what_not_everybody_may_know_of_is_named_to_those_who_may(hub: Hub, work: Callable[[], None]) -> None:
    rows(hub, '{"text": "a"}\n')
    opened(hub, "rows", "private")
    answered(hub, work, model="lab/ours")
    for who in (hub.cast.charlie, hub.cast.anonymous):
        text = told(hub, SUMS, who)
        assert "alice/rows" not in text and "lab/ours" not in text
        assert side(hub.client, SUMS, who).count(HIDDEN) >= 2
    own = side(hub.client, SUMS, hub.cast.alice)
    assert "Written by 1 lab/ours at" in own and "Made from 1 alice/rows at" in own
    member = side(hub.client, SUMS, hub.cast.bob)
    assert "lab/ours" in member and "alice/rows" not in member
    assert "Data sets it wrote 1 alice/sums" in side(hub.client, "/lab/ours", hub.cast.bob)


def test_a_source_that_has_another_name_is_found_by_its_id(hub: Hub, work: Callable[[], None]) -> None:
    rows(hub, '{"text": "a"}\n')
    opened(hub, "rows", "private")
    answered(hub, work)
    move = {"fromRepo": "alice/rows", "toRepo": "alice/lines", "type": "dataset"}
    assert hub.client.post("/api/repos/move", json=move, headers=hub.cast.alice.headers).status_code == 200
    assert "Made from 1 alice/lines at" in side(hub.client, SUMS, hub.cast.alice)


@pytest.mark.parametrize("gone", ["dataset", "model"])
def test_a_source_that_is_gone_leaves_the_licence_unresolved(hub: Hub, work: Callable[[], None], gone: str) -> None:
    rows(hub, '{"text": "a"}\n', README_md=b"---\nlicense: mit\n---\n")
    answered(hub, work)
    path = {"dataset": "alice/rows", "model": "lab/it"}[gone]
    name, namespace = path.split("/")[::-1]
    body = {"type": gone, "name": name, "organization": namespace}
    answer = hub.client.request("DELETE", "/api/repos/delete", json=body, headers=hub.cast.alice.headers)
    assert answer.status_code == 200, answer.text
    assert panel(hub.client, SUMS, hub.cast.charlie).startswith("May I use it commercially? unresolved")


def test_data_sets_side_by_side_say_what_their_rows_came_from(hub: Hub, work: Callable[[], None]) -> None:
    rows(hub, '{"text": "a"}\n')
    answered(hub, work)
    page = hub.client.get("/compare?datasets=alice/sums&datasets=alice/rows", headers={"accept": "text/html"})
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))
    assert "Made from declared alice/rows — Written by declared lab/it —" in text
    assert "Data sets made from it" in text


def said_in(hub: Hub, repo: str, change: Callable[[str], str]) -> None:
    """The card of ``repo`` is as ``change`` makes it from what it was."""
    alice = hub.cast.alice.headers
    now = hub.client.get(f"/{repo.removeprefix('models/')}/raw/main/README.md", headers=alice)
    text = base64.b64encode(change(now.text if now.status_code == 200 else "").encode()).decode()
    lines = [{"key": "header", "value": {"summary": "Say it"}}]
    lines += [{"key": "file", "value": {"path": "README.md", "encoding": "base64", "content": text}}]
    body = "\n".join(map(json.dumps, lines))
    headers = alice | {"content-type": "application/x-ndjson"}
    answer = hub.client.post(f"/api/{repo}/commit/main", content=body, headers=headers)
    assert answer.status_code == 200, answer.text


def test_what_lists_say_of_the_licence_follows_a_source_that_is_named_by_its_id(
    hub: Hub, work: Callable[[], None]
) -> None:
    rows(hub, '{"text": "a"}\n', README_md=b"---\nlicense: mit\n---\n")
    opened(hub, "rows", "private")
    said_in(hub, "models/lab/it", lambda _: "---\nlicense: mit\n---\n")
    answered(hub, work)
    said_in(hub, "datasets/alice/sums", lambda text: text.replace("---\n", "---\nlicense: mit\n", 1))
    told = []
    for visibility in ("private", "public", "private"):
        opened(hub, "rows", visibility)
        work()
        with hub.database.read() as db:
            mine = select(RepoVerdict.answer).join(Repo, Repo.id == RepoVerdict.repo_id)
            told.append(db.scalar(mine.where(Repo.path_key == "alice/sums")))
    assert told == ["unresolved", "yes", "unresolved"]
