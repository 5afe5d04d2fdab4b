"""The shell around every page, in a real browser."""

from collections.abc import Callable

import pytest

from tests.fixtures.browser import DESKTOP, PHONE, Tab


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_home_is_read_by_everybody(browse: Callable[..., Tab], size: tuple[int, int], scheme: str) -> None:
    tab = browse(size=size, scheme=scheme)
    tab.go("/")
    tab.check_axe()
    tab.check_width()


def test_a_slash_leads_to_the_search_field(browse: Callable[..., Tab]) -> None:
    page = browse("alice").go("/models")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") == "search"
