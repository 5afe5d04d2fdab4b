"""Create, load, move, settings, delete: happy, refused, in conflict."""

import pytest
from sqlalchemy import func, select

from freehold.access.rules import ANONYMOUS, Action
from freehold.core.database import Database
from freehold.core.errors import BadRequest, HubError, Unauthorized
from freehold.repos import service as repos
from freehold.repos.errors import BadRepoName, RepoExists, RepoForbidden, RepoGated, RepoHidden, RepoMoved, RepoNotFound
from freehold.repos.tables import Repo, RepoAlias
from tests.fixtures.each import each
from tests.fixtures.people import Cast


def test_alice_creates_and_finds_her_model_in_any_case(database: Database, cast: Cast) -> None:
    with database.write() as db:
        repos.create(db, cast.alice.actor, "My-Model")
    with database.read() as db:
        assert repos.load(db, ANONYMOUS, "ALICE/my-model", Action.READ).path == "alice/My-Model"


def test_the_same_name_may_be_a_model_and_a_data_set_but_not_two_models(database: Database, cast: Cast) -> None:
    with database.write() as db:
        repos.create(db, cast.alice.actor, "one")
        repos.create(db, cast.alice.actor, "one", kind="dataset")
        with pytest.raises(RepoExists, match="A model repository called alice/one already exists") as refused:
            repos.create(db, cast.alice.actor, "ONE")
    assert refused.value.extra["url"] == "/alice/one"


@each("name", ["", "-a", "a-", ".a", "a..b", "a--b", "a.git", "a/b", "a b", "é", "a" * 97, "a\n", ".."])
def test_names_that_break_the_rules_are_refused(database: Database, cast: Cast, name: str) -> None:
    with database.write() as db, pytest.raises(BadRepoName):
        repos.create(db, cast.alice.actor, name)


def test_strangers_create_in_nobody_elses_namespace(database: Database, cast: Cast) -> None:
    with database.write() as db:
        for namespace in ("alice", "lab", "nobody"):
            with pytest.raises(RepoForbidden):
                repos.create(db, cast.charlie.actor, "x", namespace=namespace)
        with pytest.raises(Unauthorized):
            repos.create(db, ANONYMOUS, "x", namespace="alice")
        assert repos.create(db, cast.bob.actor, "x", namespace="lab").path == "lab/x"


def test_a_space_needs_an_sdk(database: Database, cast: Cast) -> None:
    with database.write() as db:
        with pytest.raises(BadRequest, match="gradio"):
            repos.create(db, cast.alice.actor, "app", kind="space")
        assert repos.create(db, cast.alice.actor, "app", kind="space", sdk="static").sdk == "static"


def test_missing_and_private_look_the_same_to_a_stranger(database: Database, cast: Cast) -> None:
    with database.write() as db:
        repos.create(db, cast.alice.actor, "secret", visibility="private")
    answers = []
    with database.read() as db:
        for path in ("alice/secret", "alice/absent"):
            for actor, error in ((cast.charlie.actor, RepoNotFound), (ANONYMOUS, RepoHidden)):
                with pytest.raises(error) as refused:
                    repos.load(db, actor, path, Action.READ)
                answers.append(refused.value.message.replace(path, "X"))
                assert refused.value.code == "RepoNotFound"
        assert repos.load(db, cast.alice.actor, "alice/secret", Action.READ)
    assert answers[:2] == answers[2:]


def test_a_moved_repository_answers_under_its_old_name_and_may_move_back(database: Database, cast: Cast) -> None:
    with database.write() as db:
        repos.create(db, cast.alice.actor, "old")
        repos.move(db, cast.alice.actor, "alice/old", "lab/new", kind="model")
        with pytest.raises(RepoMoved) as moved:
            repos.load(db, ANONYMOUS, "alice/OLD", Action.READ)
        assert moved.value.extra["movedTo"] == "lab/new"
        repos.move(db, cast.alice.actor, "lab/new", "alice/old", kind="model")
        assert repos.load(db, ANONYMOUS, "alice/old", Action.READ).path == "alice/old"
        with pytest.raises(RepoMoved):
            repos.load(db, ANONYMOUS, "lab/new", Action.READ)


def test_the_old_name_of_a_private_repository_tells_a_stranger_nothing(database: Database, cast: Cast) -> None:
    with database.write() as db:
        repos.create(db, cast.alice.actor, "old", visibility="private")
        repos.move(db, cast.alice.actor, "alice/old", "alice/new", kind="model")
        with pytest.raises(RepoNotFound):
            repos.load(db, cast.charlie.actor, "alice/old", Action.READ)


def test_an_old_name_can_be_taken_again(database: Database, cast: Cast) -> None:
    with database.write() as db:
        repos.create(db, cast.alice.actor, "old")
        repos.move(db, cast.alice.actor, "alice/old", "alice/new", kind="model")
        repos.create(db, cast.alice.actor, "old")
        assert repos.load(db, ANONYMOUS, "alice/old", Action.READ).path == "alice/old"
        assert db.scalar(select(func.count()).select_from(RepoAlias)) == 0


def test_moving_onto_another_repository_or_into_a_foreign_namespace_is_refused(database: Database, cast: Cast) -> None:
    with database.write() as db:
        repos.create(db, cast.alice.actor, "one")
        repos.create(db, cast.alice.actor, "two")
        with pytest.raises(RepoExists):
            repos.move(db, cast.alice.actor, "alice/one", "alice/TWO", kind="model")
        with pytest.raises(RepoForbidden):
            repos.move(db, cast.alice.actor, "alice/one", "charlie/one", kind="model")
        with pytest.raises(RepoForbidden):
            repos.move(db, cast.bob.actor, "alice/one", "bob/one", kind="model")


def test_a_private_repository_opens_and_closes(database: Database, cast: Cast) -> None:
    with database.write() as db:
        repos.create(db, cast.alice.actor, "m")
        repos.change_settings(db, cast.alice.actor, "alice/m", repos.Changes(visibility="private"), kind="model")
        with pytest.raises(RepoNotFound):
            repos.load(db, cast.charlie.actor, "alice/m", Action.READ)
        with pytest.raises(BadRequest):
            repos.change_settings(db, cast.alice.actor, "alice/m", repos.Changes(visibility="hidden"), kind="model")


def test_a_gated_repository_is_listed_but_not_read(database: Database, cast: Cast) -> None:
    with database.write() as db:
        repos.create(db, cast.alice.actor, "m")
        repos.change_settings(db, cast.alice.actor, "alice/m", repos.Changes(gated="manual"), kind="model")
        assert repos.load(db, cast.charlie.actor, "alice/m", Action.LIST)
        with pytest.raises(
            RepoGated, match="Access to model alice/m is restricted and you are not in the authorized list"
        ):
            repos.load(db, cast.charlie.actor, "alice/m", Action.READ)
        assert repos.load(db, cast.alice.actor, "alice/m", Action.READ)


def test_a_disabled_repository_says_the_contracted_sentence(database: Database, cast: Cast) -> None:
    with database.write() as db:
        repos.create(db, cast.alice.actor, "m").is_disabled = True
        db.flush()
        with pytest.raises(HubError) as refused:
            repos.load(db, cast.charlie.actor, "alice/m", Action.READ)
    assert refused.value.message == "Access to this resource is disabled."


def test_delete_needs_admin_and_leaves_nothing(database: Database, cast: Cast) -> None:
    with database.write() as db:
        repos.create(db, cast.alice.actor, "m", namespace="lab")
        with pytest.raises(RepoForbidden):
            repos.delete_repo(db, cast.bob.actor, "lab/m", kind="model")
        repos.delete_repo(db, cast.alice.actor, "lab/m", kind="model")
        assert db.scalar(select(func.count()).select_from(Repo)) == 0
        with pytest.raises(RepoNotFound):
            repos.delete_repo(db, cast.alice.actor, "lab/m", kind="model")
