"""Whatever people do and in whatever order, days apart: the collector never takes what somebody still has.

A model beside the hub knows what each branch must hold; after every turn of the collector each file is read back, every
stored byte is compared with its name, and git packs what each branch reaches.
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.content.service.collecting import GRACE, Collector
from freehold.content.service.commits import scratch_directory
from freehold.content.service.folding import Folder
from freehold.content.service.scrubbing import scrub
from freehold.content.tables import Pack, Ref
from freehold.core import clock
from freehold.gitkit.folding import reachable
from freehold.stores.keys import Listed
from tests.content.given import digest
from tests.content.publishing import commit, committed, deleted, file, large, uploaded
from tests.content.xet_client import Entry, Xet, make_xorb
from tests.fixtures.people import Cast

ONE, TWO = make_xorb(1), make_xorb(2)
ENTRIES = [Entry([ONE.term()]), Entry([ONE.term(1, 3), TWO.term()]), Entry([TWO.term(0, 2)])]
WHOLE = [b"a whole file", b"another whole file"]
DATA = [*WHOLE, *(entry.data for entry in ENTRIES)]
BRANCHES, PATHS = ["main", "x", "y"], ["p/a.bin", "p/b.bin", "c.bin"]

branch, path, data = st.sampled_from(BRANCHES), st.sampled_from(PATHS), st.integers(0, len(DATA) - 1)
deeds = st.one_of(
    st.tuples(st.just("commit"), branch, path, data),
    st.tuples(st.just("upload"), data),
    st.tuples(st.just("late"), branch, path, data),
    st.tuples(st.just("text"), branch, st.integers(0, 3)),
    st.tuples(st.just("delete"), branch, path),
    st.tuples(st.just("branch"), st.sampled_from(BRANCHES[1:])),
    st.tuples(st.just("drop"), st.sampled_from(BRANCHES[1:])),
    st.tuples(st.just("undrop")),
    st.tuples(st.just("squash"), branch),
    st.tuples(st.just("erase"), data),
    st.tuples(st.just("copy"), data),
    st.tuples(st.just("fold")),
    st.tuples(st.just("wait"), st.integers(1, 90)),
    st.tuples(st.just("collect")),
    st.tuples(st.just("regret"), st.sampled_from(BRANCHES[1:]), st.integers(1, 70)),
    st.tuples(st.just("take_long"), branch, path, data, st.integers(1, 70)),
)
_numbers = count()


class World:
    """A hub, what was done in it, and what must be there."""

    def __init__(self, app: Starlette, client: TestClient, cast: Cast) -> None:
        self.app, self.client, self.alice = app, client, cast.alice
        self.repo = self._made(f"m{next(_numbers)}")
        self.other = self._made(f"o{next(_numbers)}")
        self.held: dict[str, dict[str, bytes]] = {"main": {}}
        self.others: set[int] = set()
        self.claims: dict[int, Any] = {}
        self.dropped: tuple[str, str, dict[str, bytes], Any] | None = None
        for number, branch in enumerate(BRANCHES):
            self.branch(branch)
            self.commit(branch, PATHS[number], number)

    def do(self, deed: tuple[Any, ...]) -> None:
        name, *given = deed
        getattr(self, name)(*given)

    def commit(self, branch: str, path: str, number: int) -> None:
        if branch in self.held:
            self.upload(number)
            self.late(branch, path, number)

    def upload(self, number: int) -> None:
        if number < len(WHOLE):
            uploaded(self.client, self.alice, self.repo, WHOLE[number])
        else:
            Xet(self.client, self.alice, self.repo).upload(ENTRIES[number - len(WHOLE)])
        self.claims[number] = clock.now()

    def late(self, branch: str, path: str, number: int) -> None:
        """A commit of what was sent before: within the grace it must be taken."""
        claimed = self.claims.get(number)
        if branch not in self.held or claimed is None:
            return
        answer = commit(self.client, self.alice, self.repo, large(path, DATA[number]), rev=branch)
        if clock.now() - claimed < GRACE - timedelta(hours=1):
            assert answer.status_code == 200, answer.text
        if answer.status_code == 200:
            self.held[branch][path] = DATA[number]

    def text(self, branch: str, number: int) -> None:
        if branch in self.held:
            words = f"words {number}" * 40
            committed(self.client, self.alice, self.repo, file("words.txt", words), rev=branch)
            self.held[branch]["words.txt"] = words.encode()

    def delete(self, branch: str, path: str) -> None:
        if path in self.held.get(branch, {}):
            committed(self.client, self.alice, self.repo, deleted(path), rev=branch)
            del self.held[branch][path]

    def branch(self, branch: str) -> None:
        if branch not in self.held:
            self._post(f"branch/{branch}", {})
            self.held[branch] = dict(self.held["main"])

    def drop(self, branch: str) -> None:
        if branch in self.held:
            head = self.client.get(f"/api/models/{self.repo}/commits/{branch}").json()[0]["id"]
            self.client.delete(f"/api/models/{self.repo}/branch/{branch}", headers=self.alice.headers)
            self.dropped = branch, head, self.held.pop(branch), clock.now()

    def undrop(self) -> None:
        """A deleted branch comes back by its commit id, for some days."""
        if self.dropped is None:
            return
        branch, head, files, at = self.dropped
        if branch not in self.held and clock.now() - at < GRACE - timedelta(hours=1):
            self._post(f"branch/{branch}", {"startingPoint": head})
            self.held[branch], self.dropped = files, None

    def regret(self, branch: str, hours: int) -> None:
        """A branch of some age is deleted, and wanted back when the collector was there."""
        self.wait(90)
        self.drop(branch)
        self.wait(hours)
        self.collect()
        self.undrop()
        self.check()

    def take_long(self, branch: str, path: str, number: int, hours: int) -> None:
        """An upload that the collector comes between."""
        self.upload(number)
        self.wait(hours)
        self.collect()
        self.late(branch, path, number)

    def squash(self, branch: str) -> None:
        if branch in self.held:
            self._post(f"super-squash/{branch}", {})

    def erase(self, number: int) -> None:
        body = {"deletions": {"sha": [digest(DATA[number])], "rewriteHistory": True}}
        answer = self.client.post(f"/api/models/{self.repo}/lfs-files/batch", json=body, headers=self.alice.headers)
        assert answer.status_code in (200, 404), answer.text
        if answer.status_code == 200:
            self.claims.pop(number, None)
            self.dropped = None  # its commits have the files no longer
            for files in self.held.values():
                for path in [path for path, bytes_ in files.items() if bytes_ == DATA[number]]:
                    del files[path]

    def copy(self, number: int) -> None:
        """Into another repository, without sending a byte."""
        target = {"type": "model", "name": self.other}
        body = {"target": target, "files": [{"sha256": digest(DATA[number])}]}
        answer = self.client.post(f"/api/models/{self.repo}/lfs-files/duplicate", json=body, headers=self.alice.headers)
        if answer.json()["success"]:
            committed(self.client, self.alice, self.other, large(f"{number}.bin", DATA[number]))
            self.others.add(number)

    def fold(self) -> None:
        Folder(self.app.state.database, self.app.state.kit).turn()

    def wait(self, hours: int) -> None:
        clock._frozen = clock.now() + timedelta(hours=hours)

    def collect(self) -> None:
        Collector(self.app.state.database, self.app.state.kit).turn()
        self.check()

    def check(self) -> None:
        for branch, files in self.held.items():
            answer = self.client.get(f"/api/models/{self.repo}/tree/{branch}?recursive=true")
            listed = {entry["path"] for entry in answer.json() if entry["type"] == "file"}
            assert listed - {".gitattributes"} == files.keys(), branch
            for path, bytes_ in files.items():
                assert self.client.get(f"/{self.repo}/resolve/{branch}/{path}").content == bytes_, (branch, path)
        for number in self.others:
            assert self.client.get(f"/{self.other}/resolve/main/{number}.bin").content == DATA[number]
        database, kit = self.app.state.database, self.app.state.kit
        assert [item for item in scrub(database, kit) if item.problem] == []
        with database.read() as db:
            repos = set(db.scalars(select(Ref.repo_id)))
            for repo_id in repos:
                packs = list(db.scalars(select(Pack.name).where(Pack.repo_id == repo_id)))
                heads = sorted(set(db.scalars(select(Ref.target).where(Ref.repo_id == repo_id))))
                with scratch_directory(kit) as scratch:
                    reachable(kit.git.pack_files(repo_id, packs), heads, scratch)

    def end(self) -> None:
        """Everything is deleted; days later nothing is left of it."""
        for name in (self.repo, self.other):
            short = name.partition("/")[2]
            self.client.request("DELETE", "/api/repos/delete", json={"name": short}, headers=self.alice.headers)
        for _ in range(12):
            self.wait(24)
            Collector(self.app.state.database, self.app.state.kit).turn()
        assert list(self.app.state.kit.store.keys("")) == []

    def _made(self, name: str) -> str:
        answer = self.client.post("/api/repos/create", json={"name": name}, headers=self.alice.headers)
        assert answer.status_code == 200, answer.text
        return f"{self.alice.name}/{name}"

    def _post(self, what: str, body: dict[str, str]) -> None:
        answer = self.client.post(f"/api/models/{self.repo}/{what}", json=body, headers=self.alice.headers)
        assert answer.status_code == 200, answer.text


@pytest.fixture
def aging_store(app: Starlette, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is put into the store is dated by the test's clock, which runs days in milliseconds."""
    store, dates = app.state.kit.store, {}
    put_file, put_bytes, listed = store.put_file, store.put_bytes, store.listed

    def dated(put: Any) -> Any:
        def do(key: str, what: Any) -> None:
            put(key, what)
            dates[key] = clock.now()

        return do

    def listing(prefix: str) -> Iterator[Listed]:
        return (Listed(item.key, item.size_bytes, dates[item.key]) for item in listed(prefix))

    monkeypatch.setattr(store, "put_file", dated(put_file))
    monkeypatch.setattr(store, "put_bytes", dated(put_bytes))
    monkeypatch.setattr(store, "listed", listing)
    yield
    clock._frozen = None


@settings(max_examples=12, suppress_health_check=list(HealthCheck), deadline=None)
@given(done=st.lists(deeds, min_size=6, max_size=30))
def test_nothing_that_somebody_has_is_ever_taken(
    app: Starlette, client: TestClient, cast: Cast, aging_store: None, done: list[tuple[Any, ...]]
) -> None:
    world = World(app, client, cast)
    for deed in done:
        world.do(deed)
    world.collect()
    world.end()
