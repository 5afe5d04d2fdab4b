"""Settings: read once, checked at start, with a sentence saying what to set."""

from pathlib import Path

import pytest

from freehold.core.settings import SettingsError, load


def test_defaults_run_a_useful_hub(tmp_path: Path) -> None:
    settings = load({}, data=tmp_path)
    assert settings.database == f"sqlite:///{tmp_path / 'freehold.db'}"
    assert settings.store == f"file://{tmp_path / 'store'}"


def test_the_command_line_wins_over_the_environment(tmp_path: Path) -> None:
    settings = load({"FREEHOLD_PORT": "9000", "FREEHOLD_DATA": "/elsewhere"}, data=tmp_path, port=9001, host=None)
    assert (settings.port, settings.data, settings.host) == (9001, tmp_path, "127.0.0.1")


def test_postgres_is_spelled_as_people_spell_it() -> None:
    assert load({"FREEHOLD_DATABASE_URL": "postgres://h/d"}).database == "postgresql+psycopg://h/d"


def test_sizes_take_a_unit() -> None:
    assert load({"FREEHOLD_CACHE_BYTES": "3G"}).cache_bytes == 3 << 30


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"FREEHOLD_PORT": "many"}, "FREEHOLD_PORT"),
        ({"FREEHOLD_PORT": "70000"}, "0 to 65535"),
        ({"FREEHOLD_PRESIGN": "perhaps"}, "FREEHOLD_PRESIGN"),
        ({"FREEHOLD_DATABASE_URL": "mysql://x"}, "postgresql://"),
        ({"FREEHOLD_STORE_URL": "ftp://x"}, "s3://"),
        ({"FREEHOLD_STORE_URL": "s3://bucket"}, "FREEHOLD_S3_ACCESS_KEY"),
        ({"FREEHOLD_PUBLIC_URL": "hub.example.org"}, "whole address"),
        ({"FREEHOLD_PROT": "1"}, "FREEHOLD_PROT is not a setting"),
    ],
)
def test_what_cannot_work_stops_the_start(environ: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        load(environ)
