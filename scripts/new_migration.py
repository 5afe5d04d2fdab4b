"""Write the next migration: what is missing between the history so far and the mapped classes.

Usage: python scripts/new_migration.py "add repo gating"
"""

import re
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config

from freehold.core import migrate
from freehold.core.database import Database


def main(title: str) -> None:
    versions = migrate.HISTORY / "versions"
    number = f"{max((int(path.name[:4]) for path in versions.glob('[0-9]*.py')), default=0) + 1:04d}"
    slug = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/empty.db")
        if number != "0001":
            migrate.upgrade(database)
        config = Config()
        config.set_main_option("script_location", str(migrate.HISTORY))
        config.set_main_option("file_template", f"{number}_{slug}")
        with database.engine.connect() as connection:
            config.attributes |= {"connection": connection, "is_written": True}
            command.revision(config, message=title.rstrip(".").capitalize(), rev_id=number, autogenerate=True)
        database.close()
    written = Path(versions) / f"{number}_{slug}.py"
    # Alembic marks its output as a draft; ours is read and formatted before it is committed.
    text = re.sub(r"^ +# (### commands auto generated|### end Alembic).*\n", "", written.read_text(), flags=re.M)
    written.write_text(text)
    sys.stdout.write(f"{written}\nRead it, then: make check test\n")


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or "change")
