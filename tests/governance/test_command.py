"""The trail at the command line: what is done there is written down, and the chain is computed again."""

from pathlib import Path

from click.testing import Result
from sqlalchemy import select, update
from typer.testing import CliRunner

from freehold.cli.program import app
from freehold.core.database import Database
from freehold.governance.tables import AuditEntry


def test_what_is_done_at_the_command_line_is_told_and_checked(tmp_path: Path) -> None:
    data = str(tmp_path / "data")

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, [*words, "--data", data])

    assert run("user", "create", "ann").exit_code == 0
    checked = run("audit", "check")
    assert checked.exit_code == 0
    assert "1 entry is as written" in checked.stdout
    database = Database(f"sqlite:///{data}/freehold.db")
    try:
        with database.write() as db:
            entry = db.scalars(select(AuditEntry)).one()
            assert (entry.verb, entry.actor_kind, entry.via) == ("person.made", "hub", "command line")
            db.execute(update(AuditEntry).values(thing_name="eve"))
    finally:
        database.close()
    broken = run("audit", "check")
    assert broken.exit_code == 1
    assert "not what it was" in broken.stderr
