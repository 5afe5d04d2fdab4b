"""What texts hold: the index's answers are those of the database's own index of words, whatever was kept beforehand."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text, update

from bench import shelves
from freehold.accounts.tables import Account
from freehold.cards.tables import RepoText
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.migrate import upgrade
from freehold.discover.index import snapshot, terms
from freehold.discover.index.cutting import Cutter
from freehold.discover.index.feed import Feed
from freehold.discover.index.keeping import Keeping
from freehold.discover.index.terms import Terms
from freehold.discover.index.texts import Texts
from freehold.repos.tables import Repo
from freehold.wordkit.queries import TOKENIZE, held
from freehold.wordkit.rules import Asked, Term, asked, kept, pairs

ASKED = ("llama", '"llama"', "llama -qwen", "qwen gguf", "-llama", "zzz", "mod", "2", "fine -gguf -zzz", "newcomer")
#: What the words of a text are, once it is written, and whether the database finds it by one.
Cut = Callable[[str], tuple[frozenset[str], Callable[[Term], bool]]]


class Hub:
    """The texts of a hub and their index, followed by hand; ``looked``: how often the database was asked for words."""

    def __init__(self, database: Database) -> None:
        self.database, self.looked = database, 0
        self.feed = Feed(database.url)
        self.engine, self.texts = self.feed.build(), Texts(self.feed.database)
        self.texts.learn(self.engine)

    def learn(self) -> None:
        words = self.texts.frequent()
        for at, term in enumerate(words, 1):
            self.texts.keep(term, self.texts.found(term), is_last=at == len(words))

    def follow(self) -> None:
        def take(entries: Any, gone: Any, said: Any) -> None:
            for entry in entries:
                self.engine.put(entry)
                self.texts.put(self.engine, entry.id, said.get(entry.id))
            for repo_id in gone:
                self.engine.remove(repo_id)

        while not self.feed.news(take)[1]:
            pass

    def found(self, words: str) -> set[str] | None:
        these = self.texts.holding(self.engine, words)
        return None if these is None else {self.engine.places.id(slot) for slot in these & self.engine.places.alive}

    def wanted(self, words: str) -> set[str]:
        query = select(Repo.id).join(RepoText, RepoText.repo_id == Repo.id)
        with self.database.read() as db:
            return {*db.scalars(query.where(held(RepoText, asked(words)), Repo.is_disabled.is_(False)))}

    def assert_is_right(self) -> None:
        for words in ASKED:
            found = self.found(words)
            assert found == (None if not asked(words).terms else self.wanted(words)), words


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('texts') / 'freehold.db'}")
    upgrade(database)
    shelves.fill(database, 600)
    yield database
    database.close()


@pytest.fixture
def hub(filled: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    made = Hub(filled)
    row = made.feed.database.row

    def counted(query: Any, **values: Any) -> Any:
        made.looked += "MATCH" in query.sqlite
        return row(query, **values)

    monkeypatch.setattr(made.feed.database, "row", counted)
    yield made
    made.feed.close()


def test_what_texts_hold_is_what_the_database_finds(hub: Hub) -> None:
    hub.assert_is_right()
    hub.learn()
    assert hub.texts.frequent() == []
    hub.assert_is_right()


def test_words_that_many_texts_hold_are_not_looked_up(hub: Hub) -> None:
    hub.learn()
    hub.looked = 0
    for words in ("llama", "llama safetensors", "llama -safetensors"):
        assert hub.found(words) == hub.wanted(words)
    assert hub.looked == 0
    assert hub.found("llama newcomer") == set()
    assert hub.looked == 1, "the rare one alone"


def test_a_word_that_many_hold_is_looked_up_once(hub: Hub) -> None:
    for _ in range(2):
        assert hub.found("llama") == hub.wanted("llama")
        _change(hub.database, random.Random(1))
        hub.follow()
    assert hub.looked == 1


@pytest.mark.parametrize("is_learned", [False, True])
def test_what_texts_hold_stays_right_while_they_change(hub: Hub, is_learned: bool) -> None:
    if is_learned:
        hub.learn()
    chance = random.Random(2)
    for _ in range(12):
        _change(hub.database, chance)
        hub.follow()
        hub.assert_is_right()


def test_what_came_after_the_index_is_not_found_before_it_has_come_to_it(hub: Hub) -> None:
    hub.assert_is_right()
    before = hub.found("newcomer")
    _add(hub.database, "f" * 24)
    assert hub.found("newcomer") == before
    hub.follow()
    assert hub.found("newcomer") == {*(before or ()), "f" * 24}
    _remove(hub.database, "f" * 24)
    hub.follow()


def test_texts_are_kept_with_the_index(hub: Hub, tmp_path: Path) -> None:
    hub.learn()
    Keeping(hub.feed, hub.texts, tmp_path).last(hub.engine, 1)
    _change(hub.database, random.Random(3))
    again = Hub(hub.database)
    again.texts = Texts(again.feed.database)
    engine = Keeping(again.feed, again.texts, tmp_path).resumed()
    assert engine is not None
    again.engine = engine
    again.follow()
    assert again.texts.frequent() == []
    again.assert_is_right()
    again.feed.close()


def test_a_hub_of_nothing_has_no_words(database: Database) -> None:
    made = Hub(database)
    made.learn()
    assert made.found("llama") == set()
    made.feed.close()


@given(words=st.lists(st.text(max_size=30), min_size=1, max_size=4))
def test_texts_are_cut_as_the_database_cuts_them(cut: Cut, words: list[str]) -> None:
    said = " ".join(words).replace("\x00", " ")
    found, is_found = cut(said)
    for term in asked(f"{said} llama 1").terms:
        if terms.is_plain(term):
            mine = Terms()
            mine.keep(term, terms.BitMap())
            mine.put(7, found)
            assert (7 in (mine.get(term) or ())) == is_found(term), term


@pytest.fixture(scope="module")
def cut(filled: Database) -> Cut:
    """The words of a text that is written, and whether the database finds it by one."""
    cutter, (repo_id,) = Cutter(), _ids(filled, 1)

    def of(said: str) -> tuple[frozenset[str], Callable[[Term], bool]]:
        with filled.write() as db:
            words = {"title": said, "tags": "", "spellings": "", "body": kept(said), "pairs": pairs(said)}
            db.execute(update(RepoText).where(RepoText.repo_id == repo_id).values(words))
        with filled.read() as db:
            found = cutter.cut(db, [repo_id])[repo_id].words
        return found, is_found

    def is_found(term: Term) -> bool:
        query = select(RepoText.number).where(RepoText.repo_id == repo_id, held(RepoText, Asked([term])))
        with filled.read() as db:
            return db.scalar(query) is not None

    return of


def test_the_index_of_the_database_cuts_as_is_said_here(filled: Database) -> None:
    with filled.read() as db:
        made = db.scalars(text("SELECT sql FROM sqlite_master WHERE name LIKE '%texts_fts'")).all()
    assert len(made) == 2
    assert all(f"tokenize='{TOKENIZE}'" in sql for sql in made)


def test_what_was_not_asked_for_the_longest_goes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(terms, "MOST", 2)
    kept = Terms()
    one, two, three = (Term((word,), True) for word in ("one", "two", "three"))
    kept.keep(one, terms.BitMap([1]))
    kept.keep(two, terms.BitMap([2]))
    assert kept.get(one) == terms.BitMap([1])
    kept.keep(three, terms.BitMap([3]))
    assert [term in kept for term in (one, two, three)] == [True, False, True]
    snapshot.write(tmp_path, lambda out: kept.save(out))
    again = Terms()
    with snapshot.reading(tmp_path) as read:
        again.restore(read)
        read.end()
    assert again.get(three) == terms.BitMap([3])


def _ids(database: Database, number: int) -> list[str]:
    with database.read() as db:
        return list(db.scalars(select(Repo.id).order_by(Repo.id).limit(number)))


def _change(database: Database, chance: random.Random) -> None:
    """Some of all that can happen to a text: it says something else, its repository is shut, tagged, gone, another's
    number is its own."""
    ids = _ids(database, 40)
    with database.write() as db:
        for repo_id in chance.sample(ids, 3):
            said = " ".join(chance.sample(("llama", "qwen", "gguf", "2", "finest", "newcomer", "model"), 3))
            db.execute(update(RepoText).where(RepoText.repo_id == repo_id).values(title=said, tags="", body=""))
        shut = chance.choice(ids)
        db.execute(update(Repo).where(Repo.id == shut).values(is_disabled=~Repo.is_disabled))
        db.execute(update(Repo).where(Repo.id == chance.choice(ids)).values(kind=chance.choice(("model", "space"))))
        db.execute(update(Repo).where(Repo.id == chance.choice(ids)).values(likes=Repo.likes + 1))
    for letter in chance.sample("abc", 2):
        with database.read() as db:
            is_there = db.get(Repo, letter * 24) is not None
        (_remove if is_there else _add)(database, letter * 24)


def _add(database: Database, repo_id: str) -> None:
    now = clock.now()
    with database.write() as db:
        owner = db.scalars(select(Account.id).limit(1)).one()
        row = {"id": repo_id, "kind": "model", "owner_id": owner, "name": repo_id, "path_key": f"x/{repo_id}"}
        more = {"visibility": "public", "gated": "", "is_disabled": False, "created_at": now, "updated_at": now}
        db.execute(insert(Repo).values(**row, **more))
        words = {"title": "newcomer", "tags": "llama", "body": "model", "spellings": "", "pairs": ""}
        db.execute(insert(RepoText).values(repo_id=repo_id, version=1, **words))


def _remove(database: Database, repo_id: str) -> None:
    with database.write() as db:
        db.execute(delete(RepoText).where(RepoText.repo_id == repo_id))
        db.execute(delete(Repo).where(Repo.id == repo_id))
