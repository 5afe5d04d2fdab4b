"""What is said beside a card: computed and declared values, what contradicts what, and how downloads went."""

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from freehold.cards.facts import Facts as Computed
from freehold.cards.reading import CommitCard
from freehold.cards.tags import read
from freehold.discover import panels, subsets
from freehold.discover.facts import Facts
from freehold.gitkit.objects import Entry
from freehold.web import plots

pytestmark = pytest.mark.rules


def facts(
    files: tuple[str, ...] = ("model.safetensors",),
    *,
    card: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    **computed: Any,
) -> dict[str, panels.Fact]:
    entries = tuple(Entry(path, "file", "0" * 40, 0o100644, 10, None) for path in files)
    words = read("model", card or {}, "", list(files), config or {})
    known = Facts("c" * 40, entries, CommitCard(card, config, words, ""), 10 * len(files), {".safetensors": (1, 5000)})
    repo: Any = SimpleNamespace(kind="model", sdk=None)
    return {fact.label: fact for fact in panels.facts(repo, known, Computed(**computed), 99)}


def test_parameters_are_told_by_type() -> None:
    by_type = {"safetensors": {"parameters": {"I8": 500_000, "BF16": 1_000_000}}}
    told = facts(parameters=1_500_000, details=by_type)
    assert (told["Parameters"].value, told["Parameters"].why) == ("1.5\u00a0M", "1\u00a0M BF16, 500\u00a0k I8")
    assert facts()["Parameters"].evidence == "unknown"


def test_two_values_that_differ_are_a_contradiction() -> None:
    config, header = {"max_position_embeddings": 2048}, {"context": {"source": "gguf"}}
    told = facts(config=config, context_length=8192, details=header)
    assert told["Context"].evidence == "contradiction"
    assert "2,048" in told["Context"].why and "8,192" in told["Context"].why
    assert facts(config=config, context_length=2048, details=header)["Context"].evidence == "computed"


def test_a_library_that_left_no_trace_is_a_contradiction() -> None:
    assert facts(card={"library_name": "diffusers"})["Library"].evidence == "contradiction"
    assert "Library" not in facts(("model_index.json",), card={"library_name": "diffusers"})
    assert "Library" not in facts(card={"library_name": "something-else"})


def test_an_adapter_of_another_base_is_a_contradiction() -> None:
    assert facts(card={"base_model": "a/b"}, adapter_base="c/d")["Base model"].evidence == "contradiction"
    assert "Base model" not in facts(card={"base_model": "a/B"}, adapter_base="A/b")
    assert "Base model" not in facts(card={"base_model": "a/b"}, adapter_base="/home/me/model")


def test_what_nobody_said_is_unknown() -> None:
    assert {label: fact.evidence for label, fact in facts().items() if fact.evidence == "unknown"} == {
        "Parameters": "unknown",
        "Training data": "unknown",
        "Licence": "unknown",
        "Languages": "unknown",
    }


def test_downloads_are_drawn_by_day_and_by_month() -> None:
    today = date(2026, 3, 10)
    repo: Any = SimpleNamespace(downloads=40, downloads_all_time=900)
    days = {today: 10, today - timedelta(days=29): 30, today - timedelta(days=300): 99}
    shown = panels.downloads(repo, days, {date(2026, 2, 1): 5, date(2025, 3, 1): 7}, today)
    assert shown.by_day is not None and shown.by_month is not None
    assert shown.by_day.told.startswith(
        "Downloads a day over the last 30 days: 40 in all, at most 30 on one day, 10 today"
    )
    assert shown.by_day.first == "9 Feb"
    assert shown.by_month.first == "Mar 2025"
    assert "10 in this one so far" in shown.by_month.told
    assert panels.downloads(repo, {}, {}, today) == panels.Downloads(40, 900, None, None)


def test_a_line_starts_at_zero_and_says_where_it_goes() -> None:
    drawn = plots.line([0, 0, 0], value="0", first="a", last="b", told="x")
    assert drawn is not None and drawn.trend == "flat" and drawn.y == plots.BASE
    assert plots.line([3], value="3", first="", last="", told="") is None
    assert [plots.trend(values) for values in ([1, 1, 9], [9, 1, 1], [5, 9, 5])] == ["up", "down", "flat"]


@pytest.mark.parametrize(
    "data",
    [
        None,
        {"configs": "x", "dataset_info": 3},
        {"configs": [None, 3, {"config_name": ["x"]}, {"config_name": "a", "data_files": {"x": 1}}]},
        {"dataset_info": [{"splits": [3, {"name": 4}, {"name": "t", "num_examples": "many", "num_bytes": -1}]}]},
        {
            "dataset_info": {
                "features": [{"name": "x", "dtype": {"class_label": {}}}, {"name": "y", "list": {"a": [1]}}, 3]
            }
        },
        {"configs": [{"config_name": str(n)} for n in range(5000)]},
    ],
)
def test_front_matter_of_any_shape_tells_of_subsets_or_not(data: Any) -> None:
    found = subsets.read(data)
    assert len(found) <= subsets.MAX_SUBSETS
    assert all(split.rows is None for subset in found for split in subset.splits)


def test_subsets_have_splits_rows_and_columns() -> None:
    data = {
        "configs": [
            {"config_name": "en", "data_files": [{"split": "train", "path": "en/*.parquet"}]},
            {"config_name": "fr"},
        ],
        "dataset_info": {
            "config_name": "en",
            "features": [{"name": "text", "dtype": "string"}, {"name": "tags", "sequence": "string"}],
            "splits": [{"name": "train", "num_examples": 5, "num_bytes": 70}],
        },
    }
    english, french = subsets.read(data)
    assert english.splits == [subsets.Split("train", 5, 70)]
    assert english.columns == [("text", "string"), ("tags", "list of string")]
    assert english.files == "en/*.parquet"
    assert (french.splits, french.columns) == ([], [])
    assert subsets.to_load([english, french]) == "en"
    assert subsets.to_load([english]) == ""
