"""What counts as rising or falling, and which stretches of time are told: rules that must not be fooled by noise."""

import math
import random
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from freehold.core.errors import BadRequest
from freehold.trends import dimensions, drawing, rules
from freehold.trends.dimensions import Known
from freehold.trends.rules import Question

pytestmark = pytest.mark.rules
TODAY = date(2026, 11, 26)
AT = TODAY.toordinal()


# ---- noise -----------------------------------------------------------------------------------------------------


def _way(now: list[int], before: list[int]) -> str:
    found = rules.change(sum(now), sum(before), of=None, spread=rules.spread([now, before]))
    return found.way


def test_a_handful_that_doubled_is_no_rise() -> None:
    assert _way([1] * 6 + [0] * 8, [1] * 3 + [0] * 11) == "unclear"
    assert _way([60] * 14, [30] * 14) == "up"
    assert _way([30] * 14, [60] * 14) == "down"
    assert _way([600] * 14, [600] * 14) == "flat"


def test_a_loud_day_is_no_rise() -> None:
    quiet = [10] * 14
    assert _way([10] * 13 + [400], quiet) == "unclear"


def test_what_grows_with_all_is_a_rise_in_number_and_none_in_share() -> None:
    weekly = [100, 100, 100, 100, 100, 20, 20] * 2
    now, before = [number * 3 for number in weekly], weekly
    all_now, all_before = [number * 10 for number in now], [number * 10 for number in before]
    assert rules.spread([now, before], [all_now, all_before]) == 1
    share = rules.change(sum(now), sum(before), of=(sum(all_now), sum(all_before)), spread=1)
    assert share.way == "flat" and share.ratio == pytest.approx(0, abs=0.01)
    assert _way(now, before) == "up"


def test_few_of_a_hundred_steady_words_are_called_moving() -> None:
    """Chance alone, scattering as much as the stretches say: about one in a hundred may be called so."""
    dice = random.Random(7)
    called = 0
    for _ in range(500):
        days = [sum(dice.random() < 0.2 for _ in range(60)) for _ in range(28)]
        called += _way(days[:14], days[14:]) in ("up", "down")
    assert called <= 5


def test_of_one_stretch_each_nothing_is_sure_but_the_plain() -> None:
    assert _way([40], [25]) == "unclear"
    assert _way([4_000], [1_000]) == "up"


def test_how_many_there_are_moves_by_what_is_new() -> None:
    steady = rules.change_of_stock(10, 1_000, of=(100, 10_000), spread=1)
    assert steady.way == "flat"
    assert rules.change_of_stock(200, 100, of=(300, 10_000), spread=1).way == "up"
    assert rules.change_of_stock(0, 1_000, of=(5_000, 10_000), spread=1).way == "down"
    assert rules.change_of_stock(1, 1, of=None, spread=1).way == "unclear"


@given(now=st.integers(0, 1 << 62), before=st.integers(0, 1 << 62), more=st.integers(0, 1 << 62))
def test_any_numbers_have_a_reading(now: int, before: int, more: int) -> None:
    for of in (None, (now + more, before + more), (0, 0)):
        for found in (
            rules.change(now, before, of=of, spread=1),
            rules.change_of_stock(now, before, of=of, spread=2),
        ):
            assert found.low <= found.ratio <= found.high and math.isfinite(found.high - found.low)
            assert found.way in ("up", "down", "flat", "unclear")
            assert 0 < found.factor(found.low) <= found.factor(found.high)


# ---- stretches -------------------------------------------------------------------------------------------------


def test_whole_stretches_up_to_yesterday() -> None:
    found = rules.stretches(Question(), TODAY, AT - 400, AT - 400)
    assert (found.shown[-1], len(found.shown)) == (AT - 1, 28)
    assert found.now == found.shown and found.before[-1] == found.now[0] - 1 and len(found.before) == 28
    monthly = rules.stretches(Question(span="1y", grain="month"), TODAY, AT - 1200, AT - 1200)
    assert [date.fromordinal(at) for at in (monthly.shown[0], monthly.shown[-1])] == [
        date(2025, 11, 1),
        date(2026, 10, 1),
    ]


def test_where_the_span_before_is_not_known_halves_are_compared() -> None:
    found = rules.stretches(Question(), TODAY, AT - 29, AT - 400)
    assert (len(found.shown), len(found.now), len(found.before)) == (28, 14, 14)
    weekly = rules.stretches(Question(grain="week"), TODAY, AT - 29, AT - 400)
    assert all(at >= AT - 29 for at in weekly.shown)  # the week that is known in part is left out


def test_young_hubs() -> None:
    for first, shown, compared in ((None, 1, 0), (AT, 1, 0), (AT - 1, 1, 0), (AT - 2, 2, 1), (AT - 9, 9, 4)):
        found = rules.stretches(Question(), TODAY, first, first)
        assert (len(found.shown), len(found.now)) == (shown, compared)
        assert found.is_so_far is (first in (None, AT))


def test_dates_to_come_and_from_before_the_calendar() -> None:
    assert rules.stretches(Question(), TODAY, AT + 900, AT + 900).is_so_far
    everything = rules.stretches(Question(span="all", grain="month"), TODAY, 1, 1)
    assert len(everything.shown) == 120
    assert len(everything.now) == len(everything.before)


@given(
    asked=st.builds(Question, span=st.sampled_from(list(rules.SPANS)), grain=st.sampled_from(list(rules.GRAINS))),
    known=st.integers(-900, 900),
    first=st.integers(-2_000, 900),
)
def test_what_is_compared_is_as_long_and_side_by_side(asked: Question, known: int, first: int) -> None:
    asked = rules.settled(asked)
    found = rules.stretches(asked, TODAY, AT + max(known, first), AT + first)
    assert len(found.now) == len(found.before)
    if found.now:
        assert found.now[-1] == found.shown[-1]
        assert rules.next_stretch(asked.grain, found.before[-1]) == found.now[0]
        assert found.before[0] >= AT + max(known, first)
    places = [*found.before, *found.now]
    assert places == sorted(set(places))


# ---- questions -------------------------------------------------------------------------------------------------


@given(
    st.builds(
        Question,
        kind=st.sampled_from(list(rules.USUAL)),
        by=st.sampled_from([one.name for one in dimensions.DIMENSIONS]),
        measure=st.sampled_from(list(rules.MEASURES)),
        is_share=st.booleans(),
        span=st.sampled_from(list(rules.SPANS)),
        grain=st.sampled_from(list(rules.GRAINS)),
        word=st.none() | st.text(max_size=20),
    )
)
def test_an_address_says_all_of_a_question(asked: Question) -> None:
    asked = rules.settled(asked)
    assert rules.question(QueryParams(asked.address().partition("?")[2])) == asked


@pytest.mark.parametrize("query", ["kind=kernel", "by=colour", "measure=x", "as=y", "span=9y", "grain=hour"])
def test_words_that_mean_nothing_are_refused(query: str) -> None:
    with pytest.raises(BadRequest):
        rules.question(QueryParams(query))


def test_what_a_kind_or_a_span_has_not_becomes_its_usual() -> None:
    asked = rules.question(QueryParams("kind=space&by=size&measure=downloads&span=1y&grain=day"))
    assert (asked.by, asked.measure, asked.grain) == ("sdk", "new", "month")
    assert Question(word="a").but(by="licence").word is None


# ---- words -----------------------------------------------------------------------------------------------------


def test_the_words_of_a_model() -> None:
    tags = ["text-generation", "transformers", "safetensors", "gguf", "en", "license:mit", "mistral", "region:us"]
    known = Known("model", tags, 7_000_000_000, ["Q4_K", ""], "mistral\x00", "yes", 3)
    assert dimensions.words(known) == {
        "task": ("text-generation",),
        "size": ("min:4B,max:10B",),
        "licence": ("license:mit",),
        "verdict": ("yes",),
        "openness": ("min:3,max:3",),
        "format": ("safetensors", "gguf"),
        "library": ("transformers",),
        "language": ("en",),
        "quantisation": ("Q4_K",),
        "architecture": ("mistral",),
    }
    assert set(dimensions.words(Known("model")).values()) == {("",)}


def test_every_number_of_parameters_has_one_class() -> None:
    for number in (0, 1, 10**8, 10**9, 4 * 10**9, 10**10, 4 * 10**10, 10**15):
        assert len(dimensions.words(Known("model", parameters=number))["size"]) == 1
    assert dimensions.words(Known("model", parameters=10**9))["size"] == ("min:1B,max:4B",)


def test_a_card_that_names_everything_counts_under_a_bounded_number() -> None:
    known = Known("dataset", [f"language:{number}" for number in range(5_000)] + ["license:" + "x" * 9_000])
    words = dimensions.words(known)
    assert len(words["language"]) == dimensions.MAX_WORDS
    assert len(words["licence"][0]) == dimensions.MAX_CHARACTERS


# ---- lines -----------------------------------------------------------------------------------------------------


def test_lines_have_gaps_where_nothing_is_known() -> None:
    drawn = drawing.line([1, 2, None, 4], drawing.SPARK)
    assert drawn is not None
    assert drawn.path.count("M") == 2
    assert (drawn.x, drawn.y) == ("77", "2")
    assert drawing.line([None, None], drawing.SPARK) is None
    for values in ([0], [5], [0, 0], [1 << 62, 0]):
        assert drawing.line(values, drawing.MULTIPLE) is not None
