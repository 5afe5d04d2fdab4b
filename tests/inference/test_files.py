"""Files on a node's disk: whole, checked, within bounds, and there while somebody uses them."""

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.applications import Starlette

from freehold.access.rules import Action
from freehold.content.errors import ContentDamaged, ContentGone, EntryNotFound
from freehold.content.keys import content_key
from freehold.content.kit import Kit
from freehold.content.service import objects
from freehold.content.service.rebuilt import RebuiltFiles
from freehold.core.database import Database
from freehold.inference import files
from freehold.inference.files import ModelFiles, Wanted
from freehold.repos import service as repos
from tests.discover.conftest import Publish
from tests.discover.conftest import publish as publish  # the fixture
from tests.fixtures.people import Cast

WEIGHTS = b"w" * 3000
SHA = hashlib.sha256(WEIGHTS).hexdigest()


def keep(database: Database, kit: Kit, path: str, cast: Cast, data: bytes = WEIGHTS) -> None:
    """The large file's bytes are in the store, and the repository's."""
    kit.store.put_bytes(content_key(SHA), data)
    with database.write() as db:
        repo = repos.load(db, cast.alice.actor, path, Action.READ)
        objects.record_whole(db, repo.id, SHA, len(WEIGHTS))


def want(database: Database, kit: Kit, cast: Cast, path: str, commit: str, *paths: str) -> Wanted:
    with database.read() as db:
        repo = repos.load(db, cast.alice.actor, path, Action.READ)
        return files.wanted(db, kit, repo, commit, paths)


@pytest.fixture
def commit(app: Starlette, cast: Cast, publish: Publish) -> str:
    return publish(cast.alice.actor, "alice/m", {"config.json": "{}", "in/weights.gguf": (SHA, len(WEIGHTS))})


def test_a_folder_holds_what_was_asked_for(
    app: Starlette, kit: Kit, database: Database, cast: Cast, commit: str
) -> None:
    keep(database, kit, "alice/m", cast)
    found = ModelFiles(database, kit)
    wanted = want(database, kit, cast, "alice/m", commit, "config.json", "in/weights.gguf")
    folder = found.folder_of(wanted)
    assert (folder / "config.json").read_text() == "{}"
    assert (folder / "in" / "weights.gguf").read_bytes() == WEIGHTS
    assert found.folder_of(wanted) == folder
    assert wanted.size_bytes == len(WEIGHTS) + 2
    only = found.folder_of(want(database, kit, cast, "alice/m", commit, "config.json"))
    assert [one.name for one in only.iterdir()] == ["config.json"]


def test_what_a_directory_store_has_whole_is_linked_and_not_copied(
    new_app: Callable[..., Starlette], cast: Cast, publish: Publish, tmp_path: Path, database: Database, commit: str
) -> None:
    kit: Kit = new_app(store_url=f"file://{tmp_path}/store").state.kit
    keep(database, kit, "alice/m", cast)
    wanted = want(database, kit, cast, "alice/m", commit, "in/weights.gguf")
    path = ModelFiles(database, kit).folder_of(wanted) / "in" / "weights.gguf"
    kept = kit.store.local_path(content_key(SHA))
    assert kept is not None
    assert path.samefile(kept)


def test_what_is_not_there_or_damaged_leaves_no_folder(
    app: Starlette, kit: Kit, database: Database, cast: Cast, commit: str
) -> None:
    with pytest.raises(EntryNotFound):
        want(database, kit, cast, "alice/m", commit, "none.gguf")
    with pytest.raises(ContentGone):
        want(database, kit, cast, "alice/m", commit, "in/weights.gguf")
    keep(database, kit, "alice/m", cast, data=b"v" * len(WEIGHTS))
    found = ModelFiles(database, kit)
    with pytest.raises(ContentDamaged):
        found.folder_of(want(database, kit, cast, "alice/m", commit, "in/weights.gguf"))
    assert list(found.folder.iterdir()) == []


def test_what_is_used_least_goes_for_what_is_new_and_never_what_is_in_use(
    app: Starlette, kit: Kit, database: Database, cast: Cast, commit: str, publish: Publish
) -> None:
    keep(database, kit, "alice/m", cast)
    small = Kit(**vars(kit) | {"settings": replace(kit.settings, cache_bytes=2 * len(WEIGHTS) + 100)})
    found = ModelFiles(database, small)
    folders = []
    for number in range(3):
        given = {"config.json": str(number), "in/weights.gguf": (SHA, len(WEIGHTS))}
        at = publish(cast.alice.actor, "alice/m", given, message=str(number))
        folders.append(found.folder_of(want(database, kit, cast, "alice/m", at, *given)).parent)
        if number < 2:  # both were used long ago, the first of them even longer
            os.utime(folders[-1] / "used", (0, time.time() - 10_000 + number))
    assert [one.exists() for one in folders] == [False, True, True]
    assert files.use(folders[1])
    at = publish(cast.alice.actor, "alice/m", {"config.json": "new"})
    found.folder_of(want(database, kit, cast, "alice/m", at, "config.json", "in/weights.gguf"))
    assert folders[1].exists(), "it is in use"
    assert not files.use(folders[0])


def test_what_lies_in_the_cache_for_models_and_for_readers_has_one_bound(
    app: Starlette, kit: Kit, database: Database, cast: Cast, commit: str
) -> None:
    keep(database, kit, "alice/m", cast)
    small = Kit(**vars(kit) | {"settings": replace(kit.settings, cache_bytes=3 * len(WEIGHTS))})
    old, new = kit.cache / "files" / "old", kit.cache / "made" / "new-f16.gguf"
    for at, one in enumerate((old, new)):
        one.parent.mkdir(parents=True, exist_ok=True)
        one.write_bytes(bytes(2 * len(WEIGHTS)))
        os.utime(one, (0, time.time() - 10_000 + at))
    wanted = want(database, kit, cast, "alice/m", commit, "config.json", "in/weights.gguf")
    folder = ModelFiles(database, small).folder_of(wanted)
    assert (old.exists(), new.exists()) == (False, False), "neither fits beside it"
    old.write_bytes(bytes(len(WEIGHTS)))
    os.utime(old, (0, time.time() - 10_000))
    tuple(RebuiltFiles(small).teed("f" * 64, len(WEIGHTS), iter([WEIGHTS])))
    assert not old.exists(), "what engines read counts for what readers have"
    assert folder.exists()


def test_what_a_killed_hub_left_half_made_is_swept(app: Starlette, kit: Kit, database: Database, cast: Cast) -> None:
    found = ModelFiles(database, kit)
    old, new = found.folder / "a.half", found.folder / "b.half"
    for one in (old, new):
        one.mkdir(parents=True)
    os.utime(old, (0, 0))
    found.sweep()
    assert [one.exists() for one in (old, new)] == [False, True]
