"""The documents tell the truth about the code, and the commands they name are there."""

import re
import subprocess
import tomllib

import pytest
import yaml

from scripts import docs

pytestmark = pytest.mark.rules

ROOT = docs.ROOT
COMMANDS = {"demo", "dev", "test", "check", "bench", "conformance", "docs", "lock"}


def layers() -> list[set[str]]:
    """The rooms of the import contract, from the top down, siblings together."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return [set(re.split(r" [|:] ", line)) for line in contracts[0]["layers"]]


def test_settings_page_has_every_setting_and_no_link_is_dead() -> None:
    assert docs.problems() == []


def test_an_image_is_made_of_what_the_package_needs_and_by_one_service_alone() -> None:
    shown = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    files = {project["project"]["readme"], *project["project"]["license-files"], "pyproject.toml", "requirements"}
    assert {*files, *wheel} - shown == set()
    services = yaml.safe_load((ROOT / "docs/how-to/run-on-ray.yaml").read_text())["services"]
    built = [one["build"]["args"]["PACKAGES"] for one in services.values() if "build" in one]
    assert built == ["ray"]
    assert {one["image"] for one in services.values()} == {"freehold-ray"}
    assert (ROOT / "requirements" / f"{built[0]}.txt").exists()


def test_the_drawing_shows_every_room() -> None:
    drawing = (ROOT / "docs" / "architecture.md").read_text()
    missing = [
        room for room in set().union(*layers()) - {"__main__", "migrations"} if not re.search(rf"\b{room}\b", drawing)
    ]
    assert missing == []


def test_the_import_contract_covers_every_package() -> None:
    packages = {path.parent.name for path in (ROOT / "freehold").glob("*/__init__.py")}
    assert packages - set().union(*layers()) == set()


def test_decisions_are_numbered_and_short() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04d}" for number in range(1, len(pages) + 1)]
    for page in pages:
        text = page.read_text()
        assert text.startswith(f"# {page.name[:4]} "), page.name
        assert text.count("\n") <= 60, f"{page.name} is over a page"
        for part in ("Context", "Decision", "Consequences", "Instead of"):
            assert f"**{part}" in text, f"{page.name} has no {part}"


def test_make_lists_its_commands() -> None:
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^  make (\w+) ", listed, re.M)) >= COMMANDS


def test_commands_in_the_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for words in re.findall(r"`make ([a-z ]+)", page.read_text()):
            assert set(words.split()) <= targets, f"{page.name} names make {words}"


def test_pages_are_one_page() -> None:
    assert (ROOT / "docs" / "architecture.md").read_text().count("\n") <= 80
