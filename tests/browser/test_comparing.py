"""A change as people review it, in a real browser."""

from collections.abc import Callable

import httpx

from tests.content.publishing import committed, file
from tests.fixtures.browser import PHONE, Tab
from tests.fixtures.servers import Live


def test_a_change_is_read_in_two_columns_and_what_was_seen_stays_folded(browse: Callable[..., Tab], live: Live) -> None:
    assert live.cast is not None
    alice = live.cast.alice
    with httpx.Client(base_url=live.url, trust_env=False) as client:
        client.post("/api/repos/create", json={"name": "compared"}, headers=alice.headers).raise_for_status()
        committed(client, alice, "alice/compared", file("a.txt", "one\ntwo apples\nthree\n"), file("b.txt", "b\n"))  # type: ignore[arg-type]
        oid = committed(
            client, alice, "alice/compared", file("a.txt", "one\ntwo red apples\nthree\n"), file("b.txt", "c\n")
        )  # type: ignore[arg-type]
    tab = browse("alice")
    page = tab.go(f"/alice/compared/commit/{oid}")
    page.get_by_role("link", name="Side by side").click()
    page.wait_for_url("**view=split")
    assert page.locator("table.is-split").count() == 2
    assert page.locator("ins").first.inner_text().strip() == "red"
    tab.check_axe()
    page.get_by_label("Seen").first.check()
    page.reload()
    assert page.locator("details[data-seen]").first.get_attribute("open") is None
    assert page.locator("details[data-seen]").nth(1).get_attribute("open") is not None
    narrow = browse(size=PHONE, scheme="dark")
    narrow.go(f"/alice/compared/commit/{oid}?view=split")
    narrow.check_axe()
    narrow.check_width()
