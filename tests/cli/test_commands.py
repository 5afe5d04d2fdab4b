"""The command line as scripts use it: output, exit codes, one sentence on error."""

import re
import sqlite3
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

import freehold
from freehold.cli.program import COMMANDS, app
from freehold.core.database import Database
from freehold.tasks.queue import enqueue
from freehold.tasks.rules import GiveUp, Kind
from freehold.tasks.worker import Turn, Worker


@pytest.fixture
def run(tmp_path: Path):  # type: ignore[no-untyped-def]
    runner = CliRunner()

    def command(*args: str, stdin: str | None = None) -> Result:
        return runner.invoke(app, [*args, "--data", str(tmp_path / "data")], input=stdin)

    return command


def test_people_organisations_and_tokens(run) -> None:  # type: ignore[no-untyped-def]
    made = run("user", "create", "ann", "--full-name", "Ann A.", "--email", "a@b.c", "--admin")
    assert (made.exit_code, "`freehold user link ann`" in made.output) == (0, True)
    made = run("user", "create", "ben", "--password-stdin", stdin="long enough\n")
    assert (made.exit_code, made.output) == (0, "Created ben.\n")
    assert run("org", "create", "lab", "--owner", "ann", "--private-by-default").exit_code == 0
    assert run("org", "add-member", "lab", "ben", "--role", "contributor").exit_code == 0
    made = run("token", "create", "ann", "--name", "ci", "--scope", "write")
    assert made.exit_code == 0
    assert made.stdout.startswith("hf_")
    assert made.stdout.count("\n") == 1, "prints only the token"


def test_the_version_is_said_either_way() -> None:
    said = [CliRunner().invoke(app, [word]) for word in ("--version", "version")]
    assert [one.stdout for one in said] == [f"{freehold.__version__}\n"] * 2
    assert {one.exit_code for one in said} == {0}


def test_help_lists_every_command_and_a_wrong_one_is_named() -> None:
    listed = CliRunner().invoke(app, ["--help"]).stdout
    assert all(re.search(rf"^\W*{name}\s+[A-Z]", listed, re.M) for name in (*COMMANDS, "version")), listed
    assert "Did you mean 'scrub'?" in CliRunner().invoke(app, ["scrubb"]).stderr


def test_a_link_is_one_address(run) -> None:  # type: ignore[no-untyped-def]
    run("user", "create", "ann")
    assert run("user", "link", "ann", "--url", "http://h/").stdout.startswith("http://h/login/")


def test_people_are_asked_in_locked_out_and_let_back(run) -> None:  # type: ignore[no-untyped-def]
    for name in ("ann", "ben"):
        run("user", "create", name)
    run("org", "create", "lab", "--owner", "ann")
    assert "finds it" in run("org", "invite", "lab", "--user", "ben", "--role", "write").stdout
    by_mail = run("org", "invite", "lab", "--email", "c@example.org", "--role", "read", "--url", "http://h")
    assert by_mail.stdout.startswith("http://h/join/")
    assert run("user", "invite", "d@example.org", "--url", "http://h/").stdout.startswith("http://h/join/")
    assert run("user", "link", "ben", "--new-password", "--url", "http://h").stdout.startswith("http://h/password/")
    assert run("user", "password", "ben", "--password-stdin", stdin="long enough\n").exit_code == 0
    assert "8 to 1,024" in run("user", "password", "ben", "--password-stdin", stdin="short\n").stderr
    assert run("user", "disable", "ben").exit_code == run("user", "enable", "ben").exit_code == 0
    assert run("org", "add-member", "lab", "ben", "--role", "write").exit_code == 0
    assert run("org", "remove-member", "lab", "ben").exit_code == 0
    assert "no administrator left" in run("org", "remove-member", "lab", "ann").stderr
    assert run("token", "create", "ann", "--name", "n", "--scope", "read", "--namespace", "lab").exit_code == 0


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("user", "create", "a b"), "cannot be a name"),
        (("user", "create", "ann"), "taken already"),
        (("org", "create", "lab", "--owner", "nobody"), "No person is called 'nobody'"),
        (("org", "add-member", "nowhere", "ann", "--role", "read"), "No organisation is called 'nowhere'"),
        (("token", "create", "nobody", "--name", "x", "--scope", "read"), "No person is called 'nobody'"),
        (("token", "create", "ann", "--name", "x", "--scope", "read", "--repo", "ann/m"), "no repository 'ann/m'"),
    ],
)
def test_an_error_is_one_sentence(run, args: tuple[str, ...], says: str) -> None:  # type: ignore[no-untyped-def]
    run("user", "create", "ann")
    failed = run(*args)
    assert failed.exit_code == 1
    assert says in failed.stderr
    assert failed.stderr.count("\n") == 1
    assert not failed.stdout


def test_a_database_that_cannot_be_opened_is_one_sentence(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "data" / "freehold.db").mkdir(parents=True)
    failed = run("user", "link", "ann")
    assert failed.exit_code == 1
    assert failed.stderr.startswith("freehold: The database does not answer: unable to open database file.")


def test_a_database_of_a_newer_release_is_one_sentence(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    run("user", "create", "ann")
    with sqlite3.connect(tmp_path / "data" / "freehold.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9998'")
    database.close()
    assert run("user", "link", "ann").stderr.startswith("freehold: The database is at schema 9998")


def test_a_failed_command_changes_nothing(run) -> None:  # type: ignore[no-untyped-def]
    assert run("org", "create", "lab", "--owner", "nobody").exit_code == 1
    assert run("org", "create", "lab").exit_code == 0, "the name was not taken by the failed attempt"


@pytest.mark.parametrize(
    "args", [("serve",), ("user", "create"), ("org", "add-member"), ("token", "create"), ("doctor",)]
)
def test_every_command_has_help(args: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*args, "--help"], terminal_width=200)
    assert shown.exit_code == 0
    assert "--data" in shown.stdout


def test_doctor_finds_a_missing_installation_and_a_healthy_one(run) -> None:  # type: ignore[no-untyped-def]
    sick = run("doctor")
    assert sick.exit_code == 1
    assert "freehold serve" in sick.stdout
    run("user", "create", "ann", "--admin")
    well = run("doctor")
    assert well.exit_code == 0, well.stdout
    assert "All is well" in well.stdout


def test_doctor_names_a_damaged_store(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    run("user", "create", "ann", "--admin")
    (tmp_path / "data" / "store").write_text("not a directory")
    sick = run("doctor")
    assert sick.exit_code == 1
    assert "FREEHOLD_STORE_URL" in sick.stdout


def test_tasks_are_listed_with_their_error_and_tried_again(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert run("tasks").output == "0 failed, 0 running, 0 waiting.\n"
    database = Database(f"sqlite:///{tmp_path / 'data' / 'freehold.db'}")
    with database.write() as db:
        enqueue(db, Kind("test.broken", max_attempts=1), repo_id="abc")
        enqueue(db, Kind("test.other"), after_s=7300)
    Worker(database, {Kind("test.broken", max_attempts=1): _broken}, threads=0).drain()
    database.close()
    listed = run("tasks").output
    assert "GiveUp" not in listed
    assert all(word in listed for word in ("it broke", "repo_id=abc", "in 2 h", "1 failed, 0 running, 1 waiting"))
    assert "test.other" not in run("tasks", "--failed").output
    task_id = listed.split("test.broken")[0].split()[-1]
    assert "is tried again" in run("tasks", "retry", task_id).output
    assert "0 failed, 0 running, 2 waiting" in run("tasks").output
    assert "is not parked" in run("tasks", "drop", task_id).stderr
    assert "No task has the id 'nonesuch'" in run("tasks", "retry", "nonesuch").stderr


def _broken(turn: Turn, repo_id: str) -> None:
    raise GiveUp("it broke")
