"""Prices, windows and keys: pure."""

import pytest

from freehold.usage.rules import (
    Bound,
    Left,
    Payer,
    Rate,
    Window,
    expected_micros,
    headers_of,
    mark_reached,
    subject_keys,
)

pytestmark = pytest.mark.rules
RATE = Rate(input_price=100_000, cached_price=10_000, output_price=400_000, second_price=50)


def test_a_call_costs_its_tokens_and_its_seconds() -> None:
    assert RATE.cost_micros(1_000_000, 0, 0, 0) == 100_000
    assert RATE.cost_micros(1_000_000, 1_000_000, 0, 0) == 10_000
    assert RATE.cost_micros(1000, 500, 1000, 2.0) == 50 + 5 + 400 + 100
    assert RATE.cost_micros(10, 99, 0, 0) == 0, "more cached than there were is no more than there were"
    assert Rate().cost_micros(10**9, 0, 10**9, 10**6) == 0


def test_what_a_call_will_cost_is_never_nothing_where_anything_costs() -> None:
    assert expected_micros(Rate(), 1000, 1000) == 0
    assert expected_micros(Rate(output_price=1), 1, 1) == 1
    assert expected_micros(Rate(output_price=1_000_000), 0, None) == 512


@pytest.mark.parametrize(("spent", "mark"), [(0, 0), (799, 0), (800, 80), (999, 80), (1000, 100), (5000, 100)])
def test_marks(spent: int, mark: int) -> None:
    assert mark_reached(spent, 1000) == mark


def test_a_token_of_ones_own_is_bounded_whoever_pays() -> None:
    assert subject_keys(Payer("me", "me", "t")) == ["me/-/-", "me/-/t"]
    assert subject_keys(Payer("org", "me", "t")) == ["org/-/-", "org/me/-", "org/-/t", "me/-/t"]
    assert subject_keys(Payer("org", "me", None)) == ["org/-/-", "org/me/-"]


def test_a_window_slides() -> None:
    bound, window = Bound("a", calls=10, tokens=None, whose="account"), Window(100)
    window.calls = 9
    assert window.wait_s(bound, 6000 + 30, 0) == ("", 0)
    window.calls = 10
    word, wait_s = window.wait_s(bound, 6000 + 30, 0)
    assert word == "calls"
    assert 30 < wait_s <= 37, "the first of ten fades six seconds into the next minute"
    window.turn(101)
    assert window.before == (10, 0)
    assert window.wait_s(bound, 6060 + 5, 0)[1] == 1
    assert window.wait_s(bound, 6060 + 6, 0) == ("", 0)
    window.turn(103)
    assert window.before == (0, 0)


def test_a_call_waits_no_longer_than_it_was_told() -> None:
    bound, window = Bound("a", calls=None, tokens=1000, whose="token"), Window(0)
    window.tokens = 900
    word, wait_s = window.wait_s(bound, 20, 400)
    assert word == "tokens"
    later = 20 + wait_s
    window.turn(int(later // 60))
    assert window.wait_s(bound, later, 400) == ("", 0)


def test_one_larger_than_the_limit_has_a_minute_of_its_own() -> None:
    bound, window = Bound("a", calls=None, tokens=100, whose="token"), Window(0)
    assert window.wait_s(bound, 1, 5000) == ("", 0)
    window.tokens = 1
    assert window.wait_s(bound, 1, 5000)[0] == "tokens"


def test_what_others_counted_counts() -> None:
    bound, window = Bound("a", calls=10, tokens=None, whose="account"), Window(0)
    window.calls, window.elsewhere = 4, (6, 0)
    assert window.wait_s(bound, 1, 0)[0] == "calls"


def test_what_is_left_is_told_by_the_tightest_and_until_when() -> None:
    tight, wide = Bound("a", calls=10, tokens=None, whose="token"), Bound("b", calls=100, tokens=500, whose="account")
    window = Window(0)
    assert window.left(tight, 5) == [Left("requests", 10, 10, 0)]
    window.calls, window.tokens = 4, 600
    assert window.left(tight, 5) == [Left("requests", 10, 6, 115)]
    assert window.left(wide, 5)[1] == Left("tokens", 500, 0, 115)
    told = headers_of([*window.left(tight, 5), *window.left(wide, 5)])
    assert (told["X-RateLimit-Limit-Requests"], told["X-RateLimit-Remaining-Requests"]) == ("10", "6")
    assert (told["X-RateLimit-Reset-Tokens"], told["X-RateLimit-Remaining-Tokens"]) == ("115s", "0")
    window.turn(1)
    assert window.left(tight, 60 + 15) == [Left("requests", 10, 7, 45)]
