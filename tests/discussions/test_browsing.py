"""People at a browser without JavaScript: they propose, talk, review, decide and merge."""

import re
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.content.given import repo
from tests.content.publishing import commit, committed, deleted, file, tree
from tests.discussions.browsing import Browser, browser, has_form
from tests.discussions.talking import details, opened, post, put, told
from tests.discussions.test_pulls import head, proposed
from tests.fixtures.people import Cast


@pytest.fixture
def path(client: TestClient, cast: Cast) -> str:
    path = repo(client, cast.alice, "m")
    committed(client, cast.alice, path, file("README.md", "# A model\n\nIt is good.\n"), file("a", "1\n2\n3\n"))
    return path


@pytest.fixture
def alice(app: Starlette, client: TestClient, cast: Cast) -> Browser:
    return browser(app, client, cast.alice)


@pytest.fixture
def charlie(app: Starlette, client: TestClient, cast: Cast) -> Browser:
    return browser(app, client, cast.charlie)


@pytest.fixture
def visitor(client: TestClient) -> Browser:
    return Browser(client)


def test_a_stranger_proposes_a_change_to_the_card_and_alice_merges_it(
    client: TestClient, alice: Browser, charlie: Browser, visitor: Browser, path: str
) -> None:
    """The whole way, by links and forms alone."""
    link = re.search(r'href="([^"]*/card/edit)"', charlie.get(f"/{path}"))
    assert link is not None
    assert visitor.client.get(link[1]).headers["location"].startswith("/login?next=%2Falice%2Fm%2Fcard")
    assert "It is good." in charlie.get(link[1])
    assert "Commit to main" not in charlie.get(link[1])
    text = "# A model\r\n\r\nIt is very good.\r\n"
    where = charlie.send(link[1], "/card/edit", text=text, summary="Say it better", how="pull").headers["location"]
    assert where == f"/{path}/discussions/1"
    page = alice.get(where)
    assert "Say it better" in page and "No conflicts with" in page
    assert "It is <ins>very </ins>good." in alice.get(f"{where}/files")
    assert "It is <ins>very </ins>good." in alice.get(f"{where}/files?view=split")
    assert "Say it better" in alice.get(f"{where}/commits")
    assert not has_form(charlie.get(where), "/merge")
    alice.send(where, "/merge")
    assert "Merged" in alice.get(where)
    assert client.get(f"/{path}/resolve/main/README.md").text == "# A model\n\nIt is very good.\n"


def test_alice_commits_at_once_and_keeps_the_line_ends(
    client: TestClient, cast: Cast, alice: Browser, path: str
) -> None:
    committed(client, cast.alice, path, file("dos", "1\r\n2\r\n"))
    edit = f"/{path}/edit/main/dos"
    assert alice.send(edit, "", text="1\r\n3\r\n", how="commit").headers["location"] == f"/{path}/blob/main/dos"
    assert client.get(f"/{path}/resolve/main/dos").content == b"1\r\n3\r\n"
    alice.send(f"/{path}/edit/main/new/file.md", "", text="hello", how="commit")
    assert client.get(f"/api/models/{path}/commits/main").json()[0]["title"] == "Add new/file.md"


def test_what_was_typed_is_not_lost(client: TestClient, cast: Cast, alice: Browser, path: str) -> None:
    edit = f"/{path}/edit/main/README.md"
    bad = alice.send(edit, "", 422, text="---\nlicense: [\n---\nMy words", how="commit")
    assert "Nothing was changed" in bad.text and "My words" in bad.text
    stale = alice.send(edit, "", 412, text="My words", how="commit", parent="0" * 40)
    assert "My words" in stale.text and "was updated" in stale.text
    for wrong, status in (
        ("main/.git/x", 422),
        ("main/a%5Cb", 422),
        (f"{head(client, path)}/a", 400),
        ("nowhere/a", 404),
    ):
        alice.get(f"/{path}/edit/{wrong}", status)
    committed(client, cast.alice, path, file("bin", b"\0\1"))
    alice.get(f"/{path}/edit/main/bin", 400)


def test_a_discussion_from_its_first_word_to_its_end(
    alice: Browser, charlie: Browser, visitor: Browser, path: str
) -> None:
    new = f"/{path}/discussions/new"
    assert visitor.client.get(new).headers["location"].startswith("/login")
    assert "kept words" in charlie.send(new, "/new", 422, title="x", text="kept words").text
    where = charlie.send(new, "/new", title="A <b>question</b>", text="Is it **good**?").headers["location"]
    page = visitor.get(where)
    assert "A &lt;b&gt;question&lt;/b&gt;" in page and "<strong>good</strong>" in page and "Sign in to reply" in page
    alice.send(where, f"{where}/comment", text="Yes.\r\nIt is.")
    assert "needs some words" in charlie.send(where, f"{where}/comment", 422, text="  ").text
    comment = re.findall(r'<article class="comment" id="([0-9a-f]{24})"', alice.get(where))[1]
    alice.send(f"{where}/comment/{comment}", f"/comment/{comment}", text="No.")
    history = visitor.get(f"{where}/comment/{comment}")
    assert "Yes.\nIt is." in history and "No." in history and not has_form(history, f"/comment/{comment}")
    charlie.send(where, f"/comment/{comment}/react", reaction="disagree")
    assert "Disagree 1" in visitor.get(where)
    assert 'aria-pressed="true">Disagree<span class="count">1' in charlie.get(where)
    charlie.send(where, f"{where}/title", title="Another question")
    alice.send(where, f"{where}/lock", value="on")
    alice.send(where, f"{where}/pin", value="on")
    assert "This thread is locked" in charlie.get(where) and not has_form(charlie.get(where), f"{where}/comment")
    assert "Another question" in visitor.get(f"/{path}/discussions")
    alice.send(where, f"/comment/{comment}/hide")
    assert "has been hidden" in visitor.get(where)
    alice.send(where, f"{where}/comment", text="", status="closed")
    assert "No thread like this" not in visitor.get(f"/{path}/discussions?status=closed")
    for query in (
        "status=merged",
        "type=pull_request&status=all",
        "author=nobody&status=all",
        "p=7",
        "status=%00x"[:9],
    ):
        visitor.get(f"/{path}/discussions?{query}")


def test_a_review_on_a_line(client: TestClient, cast: Cast, alice: Browser, charlie: Browser, path: str) -> None:
    num = proposed(client, cast.charlie, path, file("a", "1\nzwei\n3\n"))
    where = f"/{path}/discussions/{num}"
    link = re.search(r'href="(\?path=a&amp;side=after&amp;line=2[^"]*)"', alice.get(f"{where}/files"))
    assert link is not None
    spot = f"{where}/files{link[1].replace('&amp;', '&').partition('#')[0]}"
    assert "needs some words" in alice.send(spot, "/review", 422, text=" ").text
    alice.send(spot, "/review", text="In **English**")
    assert "<strong>English</strong>" in charlie.get(f"{where}/files") and "a, line 2" in charlie.get(where)
    plain = f"{where}/files"
    assert "Approve" not in charlie.get(plain).split('id="review"')[1]
    alice.send(plain, "/review", text="", verdict="changes_requested")
    assert "changes wanted" in charlie.get(where)
    edit = re.search(r'href="([^"]*/edit/refs%2Fpr%2F1/a)"', charlie.get(plain))
    assert edit is not None
    charlie.send(edit[1], "", text="1\ntwo\n3\n", how="commit")
    assert "outdated" in charlie.get(where) and "of earlier commits" in charlie.get(where)
    assert "English" not in charlie.get(plain)
    charlie.send(where, "/draft", value="on")
    assert "A draft" in alice.get(where)
    charlie.send(where, "/draft", value="off")


def test_conflicts_are_decided_by_a_form(
    client: TestClient, cast: Cast, alice: Browser, charlie: Browser, path: str
) -> None:
    num = proposed(client, cast.charlie, path, file("a", "1\nmine\n3\n"), deleted("README.md"))
    committed(client, cast.alice, path, file("a", "1\ntheirs <b>\n3\n"), file("README.md", "changed\n"))
    where = f"/{path}/discussions/{num}"
    assert "Conflicts with" in alice.get(where)
    assert "theirs &lt;b&gt;" in charlie.get(f"{where}/conflicts")
    fields = {"how-0": "theirs", "how-1": "clashes", "clash-1-0": "both"}
    assert "is not decided" in charlie.send(f"{where}/conflicts", "/conflicts", 422, **fields | {"how-1": "x"}).text
    charlie.send(f"{where}/conflicts", "/conflicts", **fields)
    assert "No conflicts" in alice.get(where)
    alice.send(where, "/merge")
    assert client.get(f"/{path}/resolve/main/a").text == "1\nmine\ntheirs <b>\n3\n"
    assert "README.md" in tree(client, path)
    alice.get(f"{where}/conflicts", 409)


def test_comparing_and_proposing_a_branch(
    client: TestClient, cast: Cast, alice: Browser, visitor: Browser, path: str
) -> None:
    client.post(f"/api/models/{path}/branch/dev%2Fone", json={}, headers=cast.alice.headers)
    oid = committed(client, cast.alice, path, file("c", "1"), rev="dev%2Fone", summary="Add c <script>")
    assert "Choose two revisions" in visitor.get(f"/{path}/compare")
    where = visitor.client.get(f"/{path}/compare?base=main&head=dev/one").headers["location"]
    assert "Add c &lt;script&gt;" in visitor.get(where) and not has_form(visitor.get(where), "")
    assert "Add c &lt;script&gt;" in visitor.get(f"/{path}/commit/{oid}")
    assert "was not opened" in alice.send(where, "", 422, title="x").text
    made = alice.send(where, "", title="Bring c", text="Because").headers["location"]
    assert told(details(client, cast.alice, path, int(made.rpartition("/")[2]))) == [
        ("comment", "Because"), ("commit", "Add c <script>")
    ]  # fmt: skip
    alice.send(made, "/merge")
    assert "c" in tree(client, path)


def test_pages_of_private_threads_are_for_their_people(
    client: TestClient, cast: Cast, charlie: Browser, visitor: Browser
) -> None:
    secret = repo(client, cast.alice, "secret", private=True)
    opened(client, cast.alice, secret, pullRequest=True)
    for address in ("", "/new", "/1", "/1/commits", "/1/files", "/1/conflicts", f"/1/comment/{'0' * 24}"):
        charlie.get(f"/{secret}/discussions{address}", 404)
        visitor.get(f"/{secret}/discussions{address}", 401)
    for address in ("edit/main/README.md", "card/edit", "compare", "compare/main...main", "commit/main"):
        charlie.get(f"/{secret}/{address}", 404)
        visitor.get(f"/{secret}/{address}", 401)


def test_forms_of_other_pages_change_nothing(client: TestClient, cast: Cast, alice: Browser, path: str) -> None:
    num = proposed(client, cast.charlie, path, file("a", "2"))
    for call in ("comment", "title", "merge", "lock", "pin", "draft", "base", "review", "conflicts"):
        address = f"/{path}/discussions/{num}/{call}"
        foreign = client.post(address, data={"text": "x"}, headers=alice.headers | {"Origin": "http://evil.test"})
        forged = client.post(address, data={"csrf": "x"}, headers=alice.headers | {"Origin": "http://hub.test"})
        assert (foreign.status_code, forged.status_code) == (403, 403), call
    assert len(details(client, cast.alice, path, num)["events"]) == 2


def test_a_page_of_everything_that_can_happen(
    client: TestClient, cast: Cast, alice: Browser, visitor: Browser, path: str
) -> None:
    client.post(f"/api/models/{path}/branch/dev", json={}, headers=cast.alice.headers)
    num = opened(client, cast.charlie, path, pullRequest=True, base="dev")
    assert "brings nothing" in alice.get(f"/{path}/discussions/{num}") or "A draft" in alice.get(
        f"/{path}/discussions/{num}"
    )
    client.delete(f"/api/models/{path}/branch/dev", headers=cast.alice.headers)
    where = f"/{path}/discussions/{num}"
    alice.send(where, "/base", base="main")
    put(client, cast.alice, path, f"{num}/lock")
    post(client, cast.alice, path, f"{num}/reviews", state="approved", comment="")
    page = visitor.get(where)
    for words in ("deleted the branch", "changed the branch", "locked this", "approved this"):
        assert words in page, words
    assert "Nothing differs" in visitor.get(f"{where}/files")
    visitor.get(f"/{path}/discussions/99", 404)
    talk = opened(client, cast.alice, path)
    visitor.get(f"/{path}/discussions/{talk}/files", 404)


def test_names_with_markup_stay_names(client: TestClient, cast: Cast, visitor: Browser, path: str) -> None:
    name = "<img src=x onerror=alert(1)>\"'&.md"
    oid = committed(
        client, cast.alice, path, file(name, "<script>alert(1)</script>\n"), summary="<svg/onload=alert(1)>"
    )
    for page in (f"/{path}/commit/{oid}", f"/{path}/commits/main"):
        text = visitor.get(page)
        assert "<img src=x" not in text and "<script>alert" not in text and "<svg/onload" not in text


def test_the_commit_a_client_prints_leads_to_its_pull_request(
    client: TestClient, cast: Cast, alice: Browser, path: str
) -> None:
    # `hf upload --create-pr` prints the commit's address alone.
    answer = commit(client, cast.charlie, path, file("a", "1"), query="?create_pr=1", summary="Add <a>").json()
    here, pull = urlsplit(answer["commitUrl"]).path, urlsplit(answer["pullRequestUrl"]).path
    assert "not on a branch yet" in alice.get(here) and f'href="{pull}"' in alice.get(here)
    alice.send(pull, "/merge")
    assert "It came with" in alice.get(here)


def test_what_is_proposed_leaves_the_date_alone(client: TestClient, cast: Cast, path: str) -> None:
    def changed() -> str:
        return str(client.get(f"/api/models/{path}").json()["lastModified"])

    before = changed()
    commit(client, cast.charlie, path, file("a", "1"), query="?create_pr=1")
    assert changed() == before
    commit(client, cast.alice, path, file("b", "1"))
    assert changed() > before


def test_whoever_may_not_write_is_told_to_propose(client: TestClient, cast: Cast, path: str) -> None:
    refused = commit(client, cast.charlie, path, file("a", "1"))
    assert refused.status_code == 403 and "--create-pr" in refused.headers["X-Error-Message"]


def test_settings_are_a_tab_wherever_one_is(client: TestClient, alice: Browser, visitor: Browser, path: str) -> None:
    for page in ("", "/tree/main", "/commits/main", "/discussions", "/discussions/new", "/access", "/watch"):
        assert f'href="/{path}/settings"' in alice.get(f"/{path}{page}"), page
    assert f'href="/{path}/settings"' not in visitor.get(f"/{path}/tree/main")
