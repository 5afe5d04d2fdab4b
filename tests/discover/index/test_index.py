"""The index says what the database says: of any list, to whoever asks, while things change; and lists do without it."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session
from starlette.datastructures import QueryParams

from bench import shelves
from freehold.access.rules import ANONYMOUS, HUB, Actor, TokenScope
from freehold.accounts.tables import Account
from freehold.cards.tables import RepoText
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.migrate import upgrade
from freehold.discover import answering, changes, facets, indexed, queries, questions, register, rules
from freehold.discover.index import client
from freehold.discover.index.client import Index
from freehold.discover.rules import Listing
from freehold.repos import service as repos
from freehold.repos.tables import Repo

READY_S, SEEN_S = 60, 20


def wait(until: Callable[[], Any], seconds: float = SEEN_S) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A hub of two thousand repositories, some of them private, and its index on ``info``."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('filled') / 'freehold.db'}")
    upgrade(database)
    shelves.fill(database, 2_000)
    with database.write() as db:  # every fifth is deployed, and some answer only whom they let in
        ids = db.scalars(select(Repo.id).where(Repo.kind == "model").order_by(Repo.id)).all()
        db.execute(update(Repo).where(Repo.id.in_(ids[::5])).values(is_served=True))
    some = frozenset(ids[1::7])
    database.info[answering.INFO] = lambda db, actor: frozenset[str]() if actor.is_anonymous else some
    yield database
    database.close()


@pytest.fixture(scope="module")
def index(filled: Database) -> Iterator[Index]:
    started = Index(filled, "on")
    started.start()
    wait(lambda: started.is_ready, READY_S)
    yield started
    started.stop()


@pytest.fixture
def asked(filled: Database, index: Index) -> Callable[[bool], Session]:
    """``asked(by_index)``: a session that lists by the index, or by the database alone."""
    wait(lambda: index.is_ready)

    def session(by_index: bool) -> Session:
        info = {answering.INFO: filled.info[answering.INFO]}
        return Session(filled.engine, info=info | ({indexed.INFO: index} if by_index else {}))

    return session


@pytest.fixture(scope="module")
def askers(filled: Database) -> list[Actor]:
    """Everybody there can be: strangers, owners, members, administrators, with and without tokens that cover some."""
    with filled.read() as db:
        private = db.execute(select(Repo.id, Repo.owner_id).where(Repo.visibility == "private").limit(40)).all()
        owners = list({owner for _, owner in private})
    one = Actor("user", owners[0], "one", roles=dict.fromkeys(owners[1:12], "read"))
    some = TokenScope("t", "some", "read", frozenset(repo_id for repo_id, _ in private[::2]), frozenset(owners[:3]))
    root = Actor("user", "0" * 24, "root", is_admin=True)
    return [ANONYMOUS, HUB, one, replace(one, token=some), root, replace(root, token=some)]


def listings(database: Database, number: int) -> list[tuple[str, str]]:
    """Kinds and queries as addresses ask them, from words that are there."""
    chance = random.Random(7)
    with database.read() as db:
        tags = {kind: [tag for tag, _ in queries.tags(db, HUB, kind, 300)] for kind in ("model", "dataset", "space")}
        authors = list(db.scalars(select(Account.name).limit(60)))
    found = []
    for _ in range(number):
        kind = chance.choice(["model", "model", "dataset", "space"])
        parts: list[str] = []
        mine = [one for one in questions.BY_NAME.values() if kind in one.kinds]
        for question in chance.sample(mine, chance.choice([0, 0, 1, 1, 2])):
            parts.append(f"{question.name}={_answer(question, chance)}")
        parts += [f"filter={chance.choice(tags[kind])}" for _ in range(chance.choice([0, 0, 1, 2]))]
        if chance.random() < 0.15:
            parts.append(f"author={chance.choice(authors)}")
        if chance.random() < 0.3:
            parts.append(f"search={chance.choice(['a', 'ma', 'bert', 'llama', 'Llama-3', 'q', '-', 'zzz', 'or lo'])}")
        if chance.random() < 0.1:
            parts.append("pipeline_tag=text-generation")
        if chance.random() < 0.2:
            parts.append(f"text={chance.choice(['bert', 'llama instruct', 'qwen -lora', 'zzzz', '***'])}")
        parts.append(f"sort={chance.choice(list(rules.SORTS))}&limit={chance.choice([1, 7, 30, 1000])}")
        parts += ["direction=1"] if chance.random() < 0.3 else []
        found.append((kind, "&".join(parts)))
    return found


def _answer(question: questions.Question, chance: random.Random) -> str:
    value = question.kept
    unknown = ["unknown"] if value.unknown else []
    if isinstance(value, questions.Range):
        classes = list(value.classes)
        return chance.choice(classes + ([] if value.unit == "machine" else unknown))
    words = list(value.names) or ["BF16", "Q4_K_M", "LlamaForCausalLM", "nothing"]
    return ",".join(chance.sample([*words, *unknown], min(chance.choice([1, 2]), len(words))))


def test_a_list_is_what_the_database_lists(
    filled: Database, asked: Callable[[bool], Session], askers: list[Actor]
) -> None:
    for number, (kind, text) in enumerate(listings(filled, 84)):
        actor, listing = askers[number % len(askers)], rules.listing(kind, QueryParams(text))
        for _ in range(3):  # and the pages after it
            with asked(True) as ours, asked(False) as plain:
                assert indexed.page(ours, actor, listing) is not None, "the index did not answer"
                found, wanted = queries.page(ours, actor, listing), queries.page(plain, actor, listing)
                assert [item.repo.id for item in found.items] == [item.repo.id for item in wanted.items], text
                assert found.next == wanted.next, text
                assert queries.count(ours, actor, listing) == queries.count(plain, actor, listing), text
            if wanted.next is None:
                break
            listing = replace(listing, cursor=wanted.next)


def test_the_questions_of_a_list_are_counted_as_the_database_counts(
    filled: Database, asked: Callable[[bool], Session], askers: list[Actor]
) -> None:
    everything = frozenset(one.name for one in questions.QUESTIONS)
    for number, (kind, text) in enumerate(listings(filled, 18)):
        actor, listing = askers[number % len(askers)], rules.listing(kind, QueryParams(text))
        chosen = tuple(tag for group in listing.tags for tag in group[:1])
        whole = replace(listing, tags=())
        with asked(True) as ours, asked(False) as plain:
            assert indexed.counted(ours, actor, whole, questions.asked_of(kind), {}) is not None
            found = facets.of(ours, actor, whole, chosen, everything)
            assert found == facets.of(plain, actor, whole, chosen, everything), text


def test_what_was_asked_ahead_is_there_without_another_exchange_and_only_for_who_asked(
    index: Index, asked: Callable[[bool], Session], askers: list[Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    listing, exchanges = rules.listing("model", QueryParams("sort=likes&limit=5&context_length=min:32K")), []
    ask = index.ask
    monkeypatch.setattr(index, "ask", lambda parts: exchanges.append(len(parts)) or ask(parts))
    with asked(True) as db, asked(False) as plain:
        counted = facets.counted(listing, ("gguf",), frozenset({"license"}), {})
        parts = [indexed.of_page(listing), indexed.of_total(listing), *(indexed.of_counted(*one) for one in counted)]
        indexed.ahead(db, ANONYMOUS, parts)
        page = register.page(db, ANONYMOUS, listing)
        total = queries.count(db, ANONYMOUS, listing)
        assert facets.of(db, ANONYMOUS, listing, ("gguf",), frozenset({"license"}))
        assert exchanges == [len(parts)]
        assert page == register.page(plain, ANONYMOUS, listing)
        assert total == queries.count(plain, ANONYMOUS, listing) < queries.count(plain, HUB, listing)
        assert queries.count(db, HUB, listing) == queries.count(plain, HUB, listing)
        assert exchanges == [len(parts), 1]


def test_home_stands_as_the_database_has_it(asked: Callable[[bool], Session], askers: list[Actor]) -> None:
    for actor in askers:
        with asked(True) as ours, asked(False) as plain:
            assert queries.counts(ours, actor) == queries.counts(plain, actor)
            kinds = ["model", "dataset", "space"]
            assert register.moving(ours, actor, kinds, 5, 5) == register.moving(plain, actor, kinds, 5, 5)


def test_a_change_is_found_at_once_and_what_became_private_is_not_shown_before_that(
    filled: Database, index: Index, asked: Callable[[bool], Session]
) -> None:
    listing = Listing("model", sort="likes", limit=5)
    with asked(True) as db:
        first = queries.page(db, ANONYMOUS, listing).items[0].repo.id
        total = queries.count(db, ANONYMOUS, listing)
    assert index.pid is not None
    os.kill(index.pid, signal.SIGSTOP)  # it learns nothing for now
    try:
        with filled.write() as db:
            db.execute(update(Repo).where(Repo.id == first).values(visibility="private"))
        stale = indexed.Found([first, *_ids(filled, 4)], range(5), 3)
        with asked(False) as db:
            there = register.by_id(db, ANONYMOUS, stale.ids)
        assert first not in stale.shown(there)[0]
        assert len(stale.shown(there)[0]) == 3, "the page is filled up"
    finally:
        os.kill(index.pid, signal.SIGCONT)
    wait(lambda: index.is_ready)
    with asked(True) as db:
        wait(lambda: queries.count(db, ANONYMOUS, listing) == total - 1)
        assert queries.page(db, ANONYMOUS, listing).items[0].repo.id != first
        assert queries.count(db, HUB, listing) > total - 1
    with filled.write() as db:
        db.execute(update(Repo).where(Repo.id == first).values(visibility="public"))
    with asked(True) as db:
        wait(lambda: queries.page(db, ANONYMOUS, listing).items[0].repo.id == first)


def test_what_was_committed_before_is_in_the_list(filled: Database, asked: Callable[[bool], Session]) -> None:
    """A machine at its limit may let one pass before that is taken in, and no more than the next look is late."""
    chance, in_time = random.Random(5), 0
    for repo_id in _ids(filled, 12):
        likes = chance.randrange(2 * 10**6, 10**7)
        with filled.write() as db:
            db.execute(update(Repo).where(Repo.id == repo_id).values(likes=likes))
        with asked(True) as db:
            found = indexed.page(db, ANONYMOUS, Listing("model", sort="likes", limit=1000))
        assert found is not None
        in_time += dict(zip(found.ids, found.at, strict=True)).get(repo_id) == likes
    assert in_time >= 6


def _number(database: Database) -> int:
    with database.read() as db:
        return len(list(db.scalars(select(Repo.id).where(Repo.kind == "model"))))


def _ids(database: Database, number: int) -> list[str]:
    with database.read() as db:
        query = select(Repo.id).where(Repo.visibility == "public", Repo.kind == "model").order_by(Repo.likes)
        return list(db.scalars(query.limit(number)))


def test_numbers_and_words_follow_while_pages_are_read(
    filled: Database, index: Index, asked: Callable[[bool], Session]
) -> None:
    """Whatever is not changed meanwhile comes once, in order, though much else is."""
    chance, listing, seen = random.Random(3), Listing("dataset", sort="downloads", limit=20), list[str]()
    with filled.read() as db:
        everything = dict(db.execute(select(Repo.id, Repo.downloads).where(Repo.kind == "dataset")).all())
    touched = set(chance.sample(list(everything), 60))
    while True:
        with asked(True) as db:
            page = queries.page(db, HUB, listing)
        seen += [item.repo.id for item in page.items]
        if page.next is None:
            break
        listing = replace(listing, cursor=page.next)
        with filled.write() as db:
            for repo_id in chance.sample(sorted(touched), 3):
                db.execute(update(Repo).where(Repo.id == repo_id).values(downloads=chance.randrange(10**6)))
    calm = [repo_id for repo_id in seen if repo_id not in touched]
    wanted = sorted((one for one in everything if one not in touched), key=lambda one: (everything[one], one))
    assert calm == wanted[::-1]


def test_lists_do_without_it_when_it_is_killed_and_it_comes_back(
    filled: Database, index: Index, asked: Callable[[bool], Session]
) -> None:
    before, listing = index.pid, Listing("model", search="llama")
    assert before is not None
    with asked(False) as db:
        wanted = queries.count(db, ANONYMOUS, listing)
    os.kill(before, signal.SIGSTOP)  # in the middle of an answer
    with asked(True) as db:
        assert queries.count(db, ANONYMOUS, listing) == wanted
        assert index.pid == before, "answered while it was stopped, not after another had been started"
        os.kill(before, signal.SIGKILL)
        assert queries.count(db, ANONYMOUS, listing) == wanted
    wait(lambda: index.is_ready and index.pid != before, READY_S)
    assert not Path(f"/proc/{before}").exists(), "the dead one is nobody's zombie"
    assert index.state().starts >= 2
    with asked(True) as db:
        assert indexed.count(db, ANONYMOUS, listing) == wanted


def test_one_that_says_nothing_any_more_is_ended_and_begins_anew(
    filled: Database, index: Index, asked: Callable[[bool], Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped, or caught in something that never ends."""
    before, listing = index.pid, Listing("model", search="llama")
    assert before is not None and client.SILENT_S > 10
    monkeypatch.setattr(client, "SILENT_S", 2.0)
    os.kill(before, signal.SIGSTOP)
    wait(lambda: index.pid != before)
    monkeypatch.undo()  # building may keep it from answering so quickly
    wait(lambda: index.is_ready and index.pid != before, READY_S)
    with asked(True) as db, asked(False) as plain:
        assert indexed.count(db, ANONYMOUS, listing) == queries.count(plain, ANONYMOUS, listing)


def test_one_that_missed_changes_reads_everything_anew(
    filled: Database, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = index.pid
    assert before is not None
    os.kill(before, signal.SIGSTOP)
    with filled.write() as db:
        repos.rank(db, dict.fromkeys(_ids(filled, 3), 9999999))
    monkeypatch.setattr(changes, "KEPT", timedelta(seconds=-60))
    changes.prune(filled)
    os.kill(before, signal.SIGCONT)
    wait(lambda: index.pid != before and index.is_ready, READY_S)
    with Session(filled.engine, info={indexed.INFO: index}) as db:
        assert indexed.count(db, HUB, Listing("model")) == _number(filled)


def test_two_nodes_both_follow(filled: Database, index: Index) -> None:
    other = Index(filled, "on")
    other.start()
    try:
        wait(lambda: other.is_ready and index.is_ready, READY_S)
        (repo_id,) = _ids(filled, 1)
        with filled.write() as db:
            db.execute(update(Repo).where(Repo.id == repo_id).values(likes=10**9))
        for one in (index, other):
            with Session(filled.engine, info={indexed.INFO: one}) as db:
                found = Listing("model", sort="likes", limit=1)
                wait(
                    lambda db=db, found=found: (
                        (indexed.page(db, HUB, found) or indexed.Found([""], [], 1)).ids[0] == repo_id
                    )
                )
    finally:
        other.stop()
    assert other.pid is None
    assert other.state().word == "off"


def test_it_ends_with_its_hub_even_a_killed_one(filled: Database) -> None:
    code = (
        "import os, sys, time; from freehold.core.database import Database\n"
        "from freehold.discover.index.client import Index\n"
        "index = Index(Database(sys.argv[1]), 'on'); index.start()\n"
        "while index.pid is None: time.sleep(0.01)\n"
        "print(index.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    hub = subprocess.run([sys.executable, "-c", code, filled.url], capture_output=True, text=True, check=False)
    assert hub.returncode == -signal.SIGKILL, hub.stderr
    process = Path(f"/proc/{int(hub.stdout)}/cmdline")
    wait(lambda: not process.exists() or b"index.process" not in process.read_bytes())


def test_a_small_hub_pays_nothing(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "WORTH_IT", 3_000)
    quiet, never = Index(filled, "auto"), Index(filled, "off")
    for one in (quiet, never):
        one.start()
    time.sleep(0.3)
    assert (quiet.pid, never.pid, quiet.is_ready) == (None, None, False)
    for one in (quiet, never):
        one.stop()


def test_the_next_start_reads_what_the_last_one_left(filled: Database, tmp_path: Path) -> None:
    """And follows what changed in between, as a hub that was stopped for a while does."""
    (repo_id,) = _ids(filled, 1)
    pids = []
    for times, likes in enumerate((10**10, 10**11)):
        index = Index(filled, "on", tmp_path / "index")
        index.start()
        wait(lambda index=index: index.is_ready, READY_S)  # type: ignore[misc]
        pids.append(index.pid)
        assert index.state().is_resumed == bool(times)
        with Session(filled.engine, info={indexed.INFO: index}) as db:
            if times:
                found = indexed.page(db, HUB, Listing("model", sort="likes", limit=1))
                assert found is not None
                assert (found.ids[0], found.at[0]) == (repo_id, 10**10)
            assert indexed.count(db, HUB, Listing("model")) == queries.count(
                Session(filled.engine), HUB, Listing("model")
            )
        index.stop()
        with filled.write() as db:
            db.execute(update(Repo).where(Repo.id == repo_id).values(likes=likes))
    assert not any(pid is not None and Path(f"/proc/{pid}").exists() for pid in pids)


def test_words_of_cards_are_found_of_what_came_moved_went_and_was_shut(
    filled: Database, asked: Callable[[bool], Session]
) -> None:
    texts = ("llama", "llama -qwen", "newcomer", "-llama", "***", "llam moved")

    def same() -> None:
        for text in texts:
            for kind in ("model", "dataset"):
                listing = Listing(kind, text=text, sort="likes", limit=50)
                with asked(True) as ours, asked(False) as plain:
                    found, wanted = queries.page(ours, HUB, listing), queries.page(plain, HUB, listing)
                    assert [item.repo.id for item in found.items] == [item.repo.id for item in wanted.items], text
                    assert queries.count(ours, HUB, listing) == queries.count(plain, HUB, listing), text

    def settled() -> None:
        with asked(True) as ours, asked(False) as plain:
            wait(lambda: queries.counts(ours, HUB) == queries.counts(plain, HUB))

    with filled.read() as db:
        model = Listing("model", text="llama", limit=9)
        moved, shut, *_ = [item.repo.id for item in queries.page(db, HUB, model).items]
    with asked(True) as db:
        wait(lambda: indexed.page(db, HUB, model) is not None)
    same()
    with filled.write() as db:
        db.execute(update(Repo).where(Repo.id == shut).values(is_disabled=True))
        db.execute(update(Repo).where(Repo.id == moved).values(path_key="elsewhere/moved", gated="auto"))
        db.execute(update(RepoText).where(RepoText.repo_id == moved).values(title="elsewhere moved llama"))
    same()
    for letter in "abc":  # the number of the one that went is the next one's
        repo_id = letter * 24
        with filled.write() as db:
            owner = db.scalars(select(Account.id).limit(1)).one()
            db.execute(insert(Repo).values(_row(repo_id, owner, f"newcomer-{letter}")))
            words = {"title": f"newcomer {letter}", "tags": "", "body": "llama", "spellings": "", "pairs": ""}
            db.execute(insert(RepoText).values(repo_id=repo_id, version=1, **words))
        settled()
        same()
        if letter == "b":
            with filled.write() as db:
                db.execute(delete(RepoText).where(RepoText.repo_id == repo_id))
                db.execute(delete(Repo).where(Repo.id == repo_id))
            settled()
            same()
    with filled.write() as db:
        db.execute(update(Repo).where(Repo.id == shut).values(is_disabled=False))
        for repo_id in ("a" * 24, "c" * 24):
            db.execute(delete(RepoText).where(RepoText.repo_id == repo_id))
            db.execute(delete(Repo).where(Repo.id == repo_id))
    settled()
    same()


def _row(repo_id: str, owner_id: str, name: str) -> dict[str, Any]:
    now = clock.now()
    row = {"id": repo_id, "kind": "model", "owner_id": owner_id, "name": name, "path_key": f"x/{name}"}
    return {**row, "visibility": "public", "gated": "", "is_disabled": False, "created_at": now, "updated_at": now}
