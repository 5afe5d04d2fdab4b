"""What is kept, what goes, and whether it is still what it was, from the command line."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from starlette.applications import Starlette
from starlette.testclient import TestClient
from typer.testing import CliRunner

from freehold.cli.program import app as program
from freehold.content.keys import content_key
from freehold.core.settings import Settings
from freehold.main import build_app
from tests.content.given import digest, repo
from tests.content.publishing import committed, deleted, large, uploaded
from tests.content.xet_client import Entry, Xet, make_xorb
from tests.fixtures.people import assemble

DATA = b"weights" * 100


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """An installation with two repositories, one of which lost a large file."""
    app: Starlette = build_app(Settings(data=tmp_path / "data"))
    cast = assemble(app.state.database)
    with TestClient(app, base_url="http://hub.test", follow_redirects=False) as client:
        first, second = repo(client, cast.alice, "first"), repo(client, cast.charlie, "second")
        uploaded(client, cast.alice, first, DATA)
        committed(client, cast.alice, first, large("a.bin", DATA))
        uploaded(client, cast.charlie, second, DATA[:10])
        committed(client, cast.charlie, second, large("b.bin", DATA[:10]))
        committed(client, cast.charlie, second, deleted("b.bin"))
        Xet(client, cast.alice, first).upload(Entry([make_xorb(3).term()]))
    return tmp_path / "data"


@pytest.fixture
def run(data: Path) -> Callable[..., Result]:
    return lambda *words: CliRunner().invoke(program, [*words, "--data", str(data)])


def test_storage_by_owner_and_repository(run: Callable[..., Result]) -> None:
    said = run("storage").stdout
    assert said.index("alice") < said.index("charlie") < said.index("model alice/first") < said.index("model charlie")
    only = run("storage", "CHARLIE").stdout
    assert "charlie/second" in only and "alice" not in only
    assert "10 B" in only


def test_collect_says_what_it_does(run: Callable[..., Result]) -> None:
    dry = run("collect", "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert "claims on large files would be ended: 0" in dry.stdout
    assert "objects would be deleted now: 0, 0 B" in dry.stdout
    done = run("collect")
    assert done.exit_code == 0 and "objects deleted now: 0, 0 B" in done.stdout


def test_a_scrub_finds_every_kind_of_damage(run: Callable[..., Result], data: Path) -> None:
    well = run("scrub")
    assert well.exit_code == 0, well.output
    assert "none damaged" in well.stdout
    store = data / "store"
    whole = store / content_key(digest(DATA))
    _flip(whole)
    xorb = next(path for path in store.glob("xorbs/*/*") if path.suffix != ".idx")
    _flip(xorb)
    pack = next(iter(sorted(store.glob("git/*/objects/pack/*.pack"))))
    pack.write_bytes(pack.read_bytes()[:-1])
    index = sorted(store.glob("git/*/objects/pack/*.idx"))[-1]
    index.write_bytes(index.read_bytes()[:100])
    found = run("scrub")
    assert found.exit_code == 1
    damaged = [line.split()[1] for line in found.stdout.splitlines() if line.startswith("damaged: ")]
    expected = {whole, xorb, pack, index.with_suffix(".pack")}
    assert {store / key for key in damaged} == expected
    assert "Restore them from a backup" in found.stderr
    whole.unlink()
    assert f"{content_key(digest(DATA))} is missing" in run("scrub").stdout


def _flip(path: Path) -> None:
    """One bit of the last byte."""
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
