"""Sealed values: readable by this installation alone, for the purpose they were sealed for."""

import logging
from pathlib import Path

import pytest

from freehold.core.database import Database
from freehold.core.sealing import KEY_FILE, CannotSeal, Sealer, fingerprint_of, key_of, open_sealer
from freehold.core.settings import Settings, SettingsError, load

KEY = bytes(range(32))


def test_what_is_sealed_opens_for_its_purpose_alone() -> None:
    sealer = Sealer(KEY)
    sealed = sealer.seal("space secret a/b TOKEN", "hunter2 \u2603")
    assert "hunter2" not in sealed
    assert sealer.open("space secret a/b TOKEN", sealed) == "hunter2 \u2603"
    assert sealed != sealer.seal("space secret a/b TOKEN", "hunter2 \u2603"), "equal secrets do not show as equal"
    with pytest.raises(CannotSeal, match="set it again"):
        sealer.open("space secret c/d TOKEN", sealed)


@pytest.mark.parametrize("value", ["", "AQ==", "not base64 at all", "\u2603", "A" * 100])
def test_what_was_never_sealed_does_not_open(value: str) -> None:
    with pytest.raises(CannotSeal):
        Sealer(KEY).open("x", value)


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(CannotSeal):
        Sealer(bytes(32)).open("x", Sealer(KEY).seal("x", "secret"))


def test_the_first_start_makes_a_key_outside_the_database(database: Database, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    sealed = open_sealer(settings, database).seal("x", "secret")
    path = tmp_path / KEY_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert open_sealer(settings, database).open("x", sealed) == "secret", "the next start has the same key"
    assert [p.name for p in tmp_path.glob("sealing.key*")] == [KEY_FILE]


def test_a_node_with_another_key_says_so_and_seals_nothing(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = open_sealer(Settings(data=tmp_path), database)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with caplog.at_level(logging.ERROR):
        second = open_sealer(Settings(data=elsewhere), database)
    assert KEY_FILE in caplog.text
    with pytest.raises(CannotSeal, match="FREEHOLD_SEALING_KEY"):
        second.seal("x", "secret")
    key = key_of(Settings(data=tmp_path))
    assert key is not None
    assert open_sealer(Settings(data=elsewhere, sealing_key=key.hex()), database).open("x", first.seal("x", "s")) == "s"


def test_a_damaged_key_stops_the_start_with_a_sentence(database: Database, tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_text("half a k")
    with pytest.raises(SettingsError, match="Put it back"):
        open_sealer(Settings(data=tmp_path), database)
    with pytest.raises(SettingsError, match="openssl rand"):
        load({"FREEHOLD_SEALING_KEY": "short"})


def test_a_fingerprint_is_not_the_key() -> None:
    assert KEY.hex()[:16] not in fingerprint_of(KEY)
