"""Pages as a browser gets them: whole without script, strict about it, and silent about what is private."""

import re
import threading
from html.parser import HTMLParser

import pytest
from sqlalchemy import event
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.discover.conftest import CARD, CONFIG, Publish
from tests.fixtures.each import each
from tests.fixtures.people import Cast

HTML = {"accept": "text/html"}
#: Links to what a file holds; the large file of the shelf holds nothing.
BYTES = re.compile(r"/(?:resolve|archive)/")


class Page(HTMLParser):
    """What a page refers to and holds."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.sources: list[str] = []
        self.inline: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "href" and tag == "a":
                self.links.append(value or "")
            if name in ("src", "href") and tag in ("script", "link", "img", "use"):
                self.sources.append(value or "")
            if name == "style" or name.startswith("on"):
                self.inline.append(f"{tag} {name}")
            if name == "id":
                self.ids.append(value or "")
        if tag == "style" or (tag == "script" and not dict(attrs).get("src")):
            self.inline.append(tag)


@pytest.fixture
def shelf(cast: Cast, publish: Publish) -> None:
    files = {
        "README.md": CARD,
        "config.json": CONFIG,
        "docs/more.md": "# More",
        "plan.png": b"\x89PNG",
        "m.bin": ("a" * 64, 9),
    }
    publish(cast.alice.actor, "alice/tiny", files)
    publish(cast.alice.actor, "lab/hush", {"README.md": CARD}, private=True)
    publish(
        cast.alice.actor, "alice/rows", {"README.md": "---\nlicense: mit\n---\n# R\n", "a.csv": "a,b\n"}, kind="dataset"
    )


ADDRESSES = [
    "/",
    "/models",
    "/models?filter=license:mit&search=ti&author=alice",
    "/models?filter=nothing",
    "/datasets",
    "/spaces",
    "/kernels",
    "/search?search=tiny",
    "/search?search=zzz",
    "/search",
    "/alice",
    "/lab",
    "/collections",
    "/alice/activity/followers",
    "/alice/tiny",
    "/alice/tiny/tree/main",
    "/alice/tiny/tree/main/docs",
    "/alice/tiny/blob/main/config.json",
    "/alice/tiny/blob/main/m.bin",
    "/alice/tiny/blob/main/plan.png",
    "/alice/tiny/commits/main",
    "/datasets/alice/rows",
    "/datasets/alice/rows/blob/main/a.csv",
    "/login",
    "/login/secret",
]


@pytest.mark.usefixtures("shelf")
@each("address", ADDRESSES)
def test_every_page_stands_under_a_strict_policy(client: TestClient, address: str) -> None:
    answer = client.get(address, headers=HTML)
    assert answer.status_code == 200, answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    page = Page(answer.text)
    assert page.inline == []
    assert all(source.startswith("/") and not source.startswith("//") for source in page.sources)
    assert len(page.ids) == len(set(page.ids))
    assert "<h1" in answer.text
    assert "hush" not in answer.text


@pytest.mark.usefixtures("shelf")
def test_every_link_of_every_page_leads_somewhere(client: TestClient) -> None:
    found = {link: address for address in ADDRESSES for link in Page(client.get(address, headers=HTML).text).links}
    for link, address in found.items():
        if link.startswith("/") and not BYTES.search(link):
            assert client.get(link, headers=HTML).status_code in (200, 303), f"{link} on {address}"


@pytest.mark.usefixtures("shelf")
@each("address", ["/", "/models", "/alice/tiny", "/alice/tiny/tree/main", "/login"])
def test_pages_answer_head(client: TestClient, address: str) -> None:
    assert client.head(address, headers=HTML).status_code == 200


@pytest.mark.usefixtures("shelf")
@each("path", ["", "/tree/main", "/blob/main/README.md", "/commits/main", "/commit/main"])
def test_private_pages_are_for_their_people(client: TestClient, cast: Cast, path: str) -> None:
    address = f"/lab/hush{path}"
    assert client.get(address, headers=HTML | cast.bob.headers).status_code in (200, 303)
    for person, status in ((cast.charlie, 404), (cast.anonymous, 401)):
        refused = client.get(address, headers=HTML | person.headers)
        assert refused.status_code == status
        assert refused.headers["x-error-code"] == "RepoNotFound"
        assert "A title" not in refused.text
        # A name nobody has is refused in the same words.
        missing = client.get(address.replace("hush", "none"), headers=HTML | person.headers)
        words = [re.sub(r"none|hush|[0-9a-f]{16}", "", text) for text in (refused.text, missing.text)]
        assert words[0] == words[1]


@pytest.mark.usefixtures("shelf")
def test_the_repository_page_shows_card_facts_and_lines_to_use(client: TestClient) -> None:
    text = client.get("/alice/tiny").text
    assert "A <strong>small</strong> model for tests." in text
    assert "license: mit" not in text
    assert 'src="/alice/tiny/resolve/main/plan.png"' in text
    assert 'href="/alice/tiny/blob/main/docs/more.md"' in text
    assert "2,048 tokens" in text
    assert "hf download alice/tiny" in text
    assert "export HF_ENDPOINT=http://hub.test" in text


def test_a_hostile_card_stays_text(client: TestClient, cast: Cast, publish: Publish) -> None:
    metadata = '---\nlicense: "<script>1</script>"\n---\n'
    hostile = metadata + "<script>alert(1)</script><img src=x onerror=alert(1)> <b onclick=x>hi</b>"
    publish(
        cast.alice.actor,
        "alice/evil",
        {"README.md": hostile, 'a"><script>.gguf': b"x", "<b>.txt": "<script>alert(2)</script>"},
    )
    for address in ("/alice/evil", "/alice/evil/tree/main", "/alice/evil/blob/main/%3Cb%3E.txt", "/models", "/alice"):
        page = Page(client.get(address, headers=HTML).text)
        assert page.inline == []


def test_an_empty_hub_says_how_to_begin(client: TestClient, cast: Cast) -> None:
    assert "This hub is empty, and yours" in client.get("/").text
    assert "No model here yet" in client.get("/models").text


def test_lists_have_pages(client: TestClient, cast: Cast, publish: Publish) -> None:
    for number in range(32):
        publish(cast.alice.actor, f"alice/m{number:02}", {"a.txt": "x"})
    first = client.get("/models").text
    found = re.search(r'href="(/models\?cursor=[^"]+)"', first)
    assert found is not None
    second = client.get(found[1].replace("&amp;", "&")).text
    names = [set(re.findall(r"<b>(m\d\d)</b>", text)) for text in (first, second)]
    assert names[0] | names[1] == {f"m{number:02}" for number in range(32)}
    assert not names[0] & names[1]


@each(
    ("address", "status"),
    [
        ("/nobody", 404),
        ("/api/nothing", 404),
        ("/api/agent-harnesses", 404),
        ("/settings/nothing", 404),
        ("/alice/tiny/blob/main/none.txt", 404),
        ("/alice/tiny/tree/none", 404),
        ("/alice/tiny/tree/main?cursor=x", 400),
        ("/models?cursor=x", 400),
        ("/static/..%2f..%2fx", 404),
    ],
)
@pytest.mark.usefixtures("shelf")
def test_errors_are_pages_for_browsers_and_json_for_clients(client: TestClient, address: str, status: int) -> None:
    page = client.get(address, headers=HTML)
    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert "content-security-policy" in page.headers
    assert client.get(address).json()["error"]


@pytest.mark.usefixtures("shelf")
def test_a_revision_of_any_spelling_has_its_pages(client: TestClient) -> None:
    for revision in ("main", "refs%2Fheads%2Fmain"):
        assert client.get(f"/alice/tiny/tree/{revision}").status_code == 200
        assert client.get(f"/alice/tiny/blob/{revision}/docs%2Fmore.md").status_code == 200
    assert client.get("/alice/tiny/tree/refs/heads/main/docs").status_code == 200
    assert client.get("/alice/tiny/blob/main/docs").headers["location"] == "/alice/tiny/tree/main/docs"
    assert client.get("/alice/tiny/commit/main").status_code == 200


def test_a_gated_repository_shows_its_card_and_keeps_its_files(
    client: TestClient, cast: Cast, publish: Publish
) -> None:
    publish(cast.alice.actor, "alice/gated", gated="manual")
    assert "given on request" in client.get("/alice/gated").text
    refused = client.get("/alice/gated/tree/main", headers=HTML)
    assert (refused.status_code, refused.headers["x-error-code"]) == (401, "GatedRepo")


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    ("address", "most"),
    [
        ("/", 6),
        ("/models", 8),  # the last: what answers only some
        ("/search?search=t", 16),
        ("/alice", 14),
        ("/alice/tiny", 14),
        ("/api/models", 2),
    ],
)
def test_a_page_asks_a_bounded_number_of_questions(
    client: TestClient, app: Starlette, cast: Cast, publish: Publish, address: str, most: int
) -> None:
    for number in range(8):
        publish(cast.alice.actor, f"alice/t{number}")
    app.state.worker.drain()  # facts from the files are rows by then
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if threading.current_thread().name.startswith("AnyIO"):  # what the hub does by itself meanwhile is no page's
            asked.append(statement)

    event.listen(app.state.database.engine, "before_cursor_execute", note)
    try:
        assert client.get(address, headers=HTML).status_code == 200
    finally:
        event.remove(app.state.database.engine, "before_cursor_execute", note)
    questions = [statement for statement in asked if statement.lstrip().startswith("SELECT")]
    assert 0 < len(questions) <= most, "\n".join(questions)


def test_a_row_says_its_summary_once(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/plain", {"README.md": "# Plain\n\nWhat nothing else tells of.\n"})
    assert client.get("/models").text.count("What nothing else tells of.</span>") == 1
