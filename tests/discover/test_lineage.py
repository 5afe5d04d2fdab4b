"""What a model was made from and what came of it, and who may learn of it."""

import re
import threading

import pytest
from sqlalchemy import event, update
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.cards import links
from freehold.repos.tables import Repo
from tests.discover.conftest import Publish
from tests.fixtures.people import Cast, Person

HIDDEN = "a repository you may not see"
NOT_HERE = "not here as far as you see"


def card(**words: object) -> dict[str, str | bytes | tuple[str, int]]:
    lines = "".join(f"{key}: {value}\n" for key, value in words.items())
    return {"README.md": f"---\n{lines}---\n# A title\n"}


def side(client: TestClient, address: str, person: Person) -> str:
    """The panel beside the card, without its tags."""
    text = client.get(address, headers={"accept": "text/html"} | person.headers).text
    found = re.search(r"<aside.*</aside>", text, re.DOTALL)
    assert found is not None, text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0]))


@pytest.mark.rules
def test_links_are_read_from_cards() -> None:
    tags = ("base_model:merge:a/b", "base_model:merge:C/d", "base_model:merge:c/D")
    found = links.read("model", {"base_model": ["a/b", "C/d", "c/D", "gpt2"], "datasets": "x/y"}, tags)
    assert found == (
        links.Link("merge", "model", "a/b"),
        links.Link("merge", "model", "C/d"),
        links.Link("trained", "dataset", "x/y"),
    )
    assert links.read("space", {"models": ["a/b", 3, "x" * 300], "datasets": {"a": "b"}}, ()) == (
        links.Link("uses", "model", "a/b"),
    )
    assert len(links.read("model", {"datasets": [f"a/{n}" for n in range(5000)]}, ())) == links.MAX_LINKS


def test_the_tree_goes_up_and_down_with_the_licence(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/base", card(license="llama2"))
    publish(cast.alice.actor, "alice/tuned", card(base_model="Alice/Base", license="mit"))
    publish(cast.alice.actor, "lab/small", card(base_model="alice/tuned", base_model_relation="quantized"))
    text = side(client, "/lab/small", cast.anonymous)
    assert "alice/base base alice/tuned fine-tune lab/small this, quantisation" in text
    assert (
        "May I use it commercially? unresolved lab/small not stated Limits: no licence is stated quantised from" in text
    )
    assert "alice/tuned mit fine-tuned from alice/base llama2" in text
    above = side(client, "/alice/base", cast.anonymous)
    assert "Fine-tunes 1 alice/tuned" in above
    assert "lab/small" not in above


def test_a_base_that_has_moved_is_found_and_one_from_elsewhere_is_a_name(
    client: TestClient, cast: Cast, publish: Publish
) -> None:
    publish(cast.alice.actor, "alice/old", card(license="mit"))
    publish(cast.alice.actor, "alice/tuned", card(base_model="[alice/old, elsewhere/big]"))
    moved = {"fromRepo": "alice/old", "toRepo": "alice/new", "type": "model"}
    assert client.post("/api/repos/move", json=moved, headers=cast.alice.headers).status_code == 200
    page = client.get("/alice/tuned", headers={"accept": "text/html"}).text
    assert '<a class="mono" href="/alice/new">alice/new</a>' in page
    assert 'href="/elsewhere/big"' not in page
    assert f"elsewhere/big base , {NOT_HERE}" in side(client, "/alice/tuned", cast.anonymous).replace("base,", "base ,")
    assert "Merges 1 alice/tuned" in side(client, "/alice/new", cast.anonymous)


def test_private_edges_are_for_their_people(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/base", card(license="mit"))
    publish(cast.alice.actor, "lab/hush", card(base_model="alice/base"), private=True)
    publish(cast.alice.actor, "lab/quiet", card(models="[alice/base]"), kind="space", sdk="static", private=True)
    assert "lab/hush" in side(client, "/alice/base", cast.bob)
    assert "lab/quiet" in side(client, "/alice/base", cast.bob)
    for stranger in (cast.charlie, cast.anonymous):
        text = side(client, "/alice/base", stranger)
        assert "lab" not in text
        assert "Fine-tunes" not in text
        assert "Spaces that use it" not in text


def test_naming_a_private_base_tells_only_what_its_people_told(
    client: TestClient, cast: Cast, publish: Publish
) -> None:
    publish(cast.alice.actor, "lab/hush", card(license="mit"), private=True)
    publish(cast.alice.actor, "lab/open", card(base_model="lab/hush"))
    publish(cast.charlie.actor, "charlie/guess", card(base_model="[lab/hush, lab/none]"))
    assert "lab/hush base" in side(client, "/lab/open", cast.bob)
    told = side(client, "/lab/open", cast.charlie)
    assert HIDDEN in told
    assert "hush" not in told
    # Whoever guesses a name hears the same of what is private and of what is not there.
    guessed = side(client, "/charlie/guess", cast.charlie)
    assert HIDDEN not in guessed
    assert f"lab/hush base, {NOT_HERE}" in guessed
    assert f"lab/none base, {NOT_HERE}" in guessed


def test_models_that_come_from_each_other_end(client: TestClient, cast: Cast, publish: Publish) -> None:
    for name, other in (("a", "b"), ("b", "c"), ("c", "a")):
        publish(cast.alice.actor, f"alice/{name}", card(base_model=f"alice/{other}"))
    assert "alice/c base alice/b fine-tune alice/a this" in side(client, "/alice/a", cast.anonymous)
    publish(cast.alice.actor, "alice/self", card(base_model="alice/self"))
    assert client.get("/alice/self").status_code == 200


def test_data_and_spaces_are_linked_both_ways(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/rows", {"a.csv": "a\n1\n"}, kind="dataset")
    publish(cast.alice.actor, "alice/tuned", card(datasets="[alice/rows]"))
    publish(
        cast.alice.actor, "alice/app", card(models="alice/tuned", datasets="alice/rows"), kind="space", sdk="static"
    )
    rows = side(client, "/datasets/alice/rows", cast.anonymous)
    assert "Models trained on it 1 alice/tuned" in rows
    assert "Spaces that use it 1 alice/app" in rows
    assert "alice/rows" in side(client, "/alice/tuned", cast.anonymous)
    app = side(client, "/spaces/alice/app", cast.anonymous)
    assert "Models it uses" in app
    assert "Data it uses" in app


def test_a_card_that_no_longer_names_a_base_is_no_child(
    client: TestClient, app: Starlette, cast: Cast, publish: Publish
) -> None:
    publish(cast.alice.actor, "alice/base")
    publish(cast.alice.actor, "alice/child", card(base_model="alice/base"))
    assert "alice/child" in side(client, "/alice/base", cast.anonymous)
    publish(cast.alice.actor, "alice/child", card(license="mit"))
    assert "alice/child" not in side(client, "/alice/base", cast.anonymous)


def test_the_fullest_page_asks_a_bounded_number_of_questions(
    client: TestClient, app: Starlette, cast: Cast, publish: Publish
) -> None:
    for at in range(9):
        publish(cast.alice.actor, f"alice/m{at}", card(base_model=f"alice/m{at + 1}", datasets="[alice/rows, x/y]"))
    publish(cast.alice.actor, "alice/rows", {"a.csv": "a\n"}, kind="dataset")
    client.post("/api/models/alice/m0/like", headers=cast.bob.headers)
    with app.state.database.write() as db:
        db.execute(update(Repo).where(Repo.path_key == "alice/m0").values(downloads_all_time=5))
    side(client, "/alice/m0", cast.bob)  # what never changes is kept from here on
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if threading.current_thread().name.startswith("AnyIO"):  # the hub asks some by itself
            asked.append(statement)

    event.listen(app.state.database.engine, "before_cursor_execute", note)
    try:
        side(client, "/alice/m0", cast.bob)
    finally:
        event.remove(app.state.database.engine, "before_cursor_execute", note)
    assert len([one for one in asked if one.startswith("SELECT")]) <= 33, "\n".join(asked)
