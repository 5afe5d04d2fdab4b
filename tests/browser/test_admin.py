"""The administration in a real browser."""

from collections.abc import Callable

import pytest

from tests.fixtures.browser import DESKTOP, PHONE, Tab

PAGES = (
    "/admin", "/admin/people", "/admin/people/alice", "/admin/organizations", "/admin/organizations/lab",
    "/admin/repositories", "/admin/storage", "/admin/tasks", "/admin/audit", "/admin/settings", "/admin/health",
)  # fmt: skip


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_every_page_is_for_everybody_to_use(browse: Callable[..., Tab], size: tuple[int, int], scheme: str) -> None:
    tab = browse("root", size=size, scheme=scheme)
    for address in PAGES:
        tab.go(address)
        tab.check_axe()
        tab.check_width()


def test_a_person_is_made_and_locked_out_and_the_trail_tells_it(browse: Callable[..., Tab]) -> None:
    tab = browse("root")
    page = tab.go("/")
    page.get_by_label("Account: root").click()
    page.get_by_role("link", name="Administration").click()
    page.get_by_role("navigation", name="Administration").get_by_role("link", name="People").click()
    page.get_by_label("Name", exact=True).fill("newcomer")
    page.get_by_role("button", name="Create person").click()
    page.get_by_text("newcomer is here").wait_for()
    page.get_by_role("button", name="Make a sign-in link").click()
    page.get_by_text("it is shown only once").wait_for()
    page.get_by_role("button", name="Lock out").click()
    page.get_by_text("newcomer is locked out.").wait_for()
    page.get_by_role("link", name="what was done to them").click()
    rows = page.get_by_role("row")
    assert rows.filter(has_text="locked out").count() == 1
    assert rows.filter(has_text="made the person").count() == 1


def test_it_works_without_script(browse: Callable[..., Tab]) -> None:
    tab = browse("root", scripts=False)
    page = tab.go("/admin/storage")
    page.get_by_role("button", name="Rehearse").click()
    page.get_by_text("The collector rehearses").wait_for()
    tab.go("/admin/audit?what=upkeep")
    assert page.get_by_role("row").filter(has_text="rehearse").count() >= 1
