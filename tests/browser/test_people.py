"""People, in a real browser: from an invitation to an organisation of one's own; tokens, sessions, passwords."""

from collections.abc import Callable

from playwright.sync_api import Page

from freehold.accounts import service as accounts
from tests.fixtures.browser import PHONE, Tab
from tests.fixtures.clients import RELEASES, Clients

PASSWORD = "correct horse battery"


def test_somebody_comes_by_a_link_and_founds_an_organisation(browse: Callable[..., Tab]) -> None:
    alice = browse("alice").go("/organizations/lab/settings/members")
    alice.get_by_label("Name or mail address").fill("dora@example.org")
    alice.get_by_role("button", name="Invite", exact=True).click()
    link = alice.locator("#invite-link").inner_text()

    tab = browse(size=PHONE)
    dora = tab.go(link.removeprefix(tab.live.url))
    dora.get_by_label("Name", exact=True).fill("a b")
    _type_twice(dora, "Password", "aaaaaaaa")
    assert dora.get_by_text("Easily guessed by a machine.").is_visible()
    dora.get_by_role("button", name="Make account and join").click()
    name = dora.get_by_label("Name", exact=True)
    assert (name.get_attribute("aria-invalid"), name.input_value()) == ("true", "a b")
    tab.check_axe()
    tab.check_width()
    name.fill("dora")
    _type_twice(dora, "Password", PASSWORD)
    dora.get_by_role("button", name="Make account and join").click()
    dora.wait_for_url("**/settings/organizations")

    dora.goto(tab.live.url + "/settings/profile")
    dora.get_by_label("Website").fill("javascript:alert(1)")
    dora.get_by_role("button", name="Save profile").click()
    dora.locator("#pw[aria-invalid=true]").wait_for()
    assert dora.evaluate("document.activeElement.id") == "pw"
    dora.get_by_label("Website").fill("https://dora.example")
    dora.get_by_label("Full name").fill("Dora D.")
    dora.get_by_role("button", name="Save profile").click()
    dora.get_by_role("status").get_by_text("The profile is saved.").wait_for()

    dora.goto(tab.live.url + "/organizations/new")
    dora.get_by_label("Name", exact=True).fill("doras-lock")
    dora.get_by_role("button", name="Create organisation").click()
    dora.get_by_label("Name", exact=False).last.fill("charlie")
    dora.get_by_role("button", name="Invite", exact=True).click()
    dora.get_by_text("charlie is invited.").wait_for()

    charlie = browse("charlie").go("/settings/organizations")
    charlie.get_by_role("button", name="Join doras-lock").click()
    charlie.get_by_text("You belong to it now.").wait_for()
    dora.reload()
    role = dora.get_by_role("combobox", name="Role of charlie")
    change = dora.get_by_role("button", name="Change the role of charlie")
    assert not change.is_visible(), "nothing else was chosen yet"
    role.select_option("write")
    change.click()
    dora.get_by_text("charlie has the role write now.").wait_for()
    dora.get_by_role("combobox", name="Role of dora").select_option("read")
    dora.get_by_role("button", name="Change the role of dora").click()
    dora.get_by_text("doras-lock would have no administrator left.").wait_for()


def test_a_token_made_in_the_browser_signs_hf_in(browse: Callable[..., Tab], clients: Clients) -> None:
    tab = browse("bob")
    page = tab.go("/settings/tokens")
    page.get_by_label("What is it for").fill("the new laptop")
    page.get_by_role("button", name="Create token").click()
    secret = page.locator("#secret").inner_text()
    assert f"hf auth login --token {secret}" in page.locator("#use-it").inner_text()
    tab.check_axe()
    release = RELEASES[0]
    hf = str(clients.environment(release.environment) / "bin" / "hf")
    clients.program([hf, "auth", "login", "--token", secret], release, tab.live, cache="laptop")
    assert "bob" in clients.program([hf, "auth", "whoami"], release, tab.live, cache="laptop")
    page.goto(tab.live.url + "/settings/tokens")
    assert secret not in page.content(), "it is shown once"


def test_another_session_is_ended_and_a_password_reset(browse: Callable[..., Tab]) -> None:
    here, there = browse("charlie"), browse("charlie", user_agent="Mozilla/5.0 (X11; Linux) Firefox/144.0")
    there.go("/settings/account")
    page = here.go("/settings/account")
    assert page.locator("#sessions tbody tr", has_text="this one").count() == 1
    page.locator("#sessions").get_by_role("button", name="End all others").click()
    page.get_by_text("Every other session has ended.").wait_for()
    assert page.locator("#sessions tbody tr").count() == 1
    there.go("/settings/account")
    assert "/login?next=" in there.page.url

    database = here.live.database()
    with database.write() as db:
        secret = accounts.create_password_link(db, accounts.account(db, "charlie"))
    database.close()
    fresh = browse()
    page = fresh.go(f"/password/{secret}")
    _type_twice(page, "New password", PASSWORD)
    assert page.get_by_text("Holds well.").is_visible()
    fresh.check_axe()
    page.get_by_role("button", name="Set password").click()
    page.get_by_text("The password is changed.").wait_for()
    page = browse().go("/login?next=//evil.example/x")
    page.get_by_label("Name").fill("charlie")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", level=1).wait_for()
    assert page.url == here.live.url + "/"


def _type_twice(page: Page, label: str, password: str) -> None:
    page.get_by_label(label, exact=True).fill(password)
    page.get_by_label("Once more").fill(password)
