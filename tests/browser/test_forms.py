"""Forms that show what belongs to the choice made, with and without script."""

from collections.abc import Callable

import pytest

from tests.fixtures.browser import Tab


@pytest.mark.parametrize("scripts", [True, False])
def test_the_form_of_a_route_shows_the_chosen_kinds_fields(browse: Callable[..., Tab], scripts: bool) -> None:
    page = browse("alice", scripts=scripts).go("/routes/new?kind=canary")
    weight, when = page.get_by_label("Weight of model 1"), page.get_by_label("Condition of model 1")
    page.get_by_label("Name of model 1").fill("alice/typed")
    assert (weight.is_visible(), when.is_visible(), page.get_by_label("Seed").is_visible()) == (True, False, True)
    page.get_by_role("radio", name="Small first").check()
    assert (weight.is_visible(), page.get_by_label("Name of model 2").is_visible()) == (False, True)
    assert not page.get_by_label("Name of model 3").is_visible()
    assert not page.get_by_label("Judge").is_visible()
    page.get_by_label("will not do by").select_option("judge")
    assert page.get_by_label("Judge", exact=True).is_visible()
    assert page.get_by_label("Name of model 1").input_value() == "alice/typed", "nothing typed is lost"
