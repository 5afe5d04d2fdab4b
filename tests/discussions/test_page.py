"""The address of a discussion, opened in a browser."""

from starlette.testclient import TestClient

from tests.content.given import repo
from tests.content.publishing import commit, committed, file
from tests.discussions.talking import details, first_comment, opened, post
from tests.fixtures.hub import BASE_URL
from tests.fixtures.people import Cast

BROWSER = {"Accept": "text/html"}


def test_a_pull_request_can_be_read_where_clients_say_it_is(client: TestClient, cast: Cast) -> None:
    path = repo(client, cast.alice, "m")
    address = commit(client, cast.charlie, path, file("a", "1"), query="?create_pr=1", summary="Add <a>").json()
    post(client, cast.charlie, path, "1/comment", comment="**bold**, <script>no</script>")
    post(client, cast.alice, path, "1/merge")
    answer = client.get(address["pullRequestUrl"], headers=BROWSER)
    assert answer.status_code == 200
    for words in ("Add &lt;a&gt;", "#1", "merged", "<strong>bold</strong>", "merged this by"):
        assert words in answer.text, words
    assert "<script>no" not in answer.text
    assert f'href="/{path}/commit/{address["commitOid"]}"' in answer.text


def test_what_to_paste_names_this_hub_and_the_kind(client: TestClient, cast: Cast) -> None:
    made = client.post("/api/repos/create", json={"name": "d", "type": "dataset"}, headers=cast.alice.headers)
    assert made.status_code == 200
    num = opened(client, cast.charlie, "alice/d", kind="datasets", pullRequest=True)
    page = client.get(f"/datasets/alice/d/discussions/{num}", headers=BROWSER).text
    assert f"export HF_ENDPOINT={BASE_URL}\nhf download alice/d --repo-type dataset" in page
    assert f"--revision refs/pr/{num}" in page


def test_hidden_words_are_on_no_page(client: TestClient, cast: Cast) -> None:
    made = client.post("/api/repos/create", json={"name": "d", "type": "dataset"}, headers=cast.alice.headers)
    assert made.status_code == 200
    num = opened(client, cast.charlie, "alice/d", description="a secret", kind="datasets")
    thread = client.get(f"/api/datasets/alice/d/discussions/{num}").json()
    post(client, cast.alice, "alice/d", f"{num}/comment/{first_comment(thread)}/hide", kind="datasets")
    page = client.get(f"/datasets/alice/d/discussions/{num}", headers=BROWSER)
    assert page.status_code == 200 and "secret" not in page.text and "has been hidden" in page.text


def test_pages_tell_strangers_nothing(client: TestClient, cast: Cast) -> None:
    path = repo(client, cast.alice, "m", private=True)
    committed(client, cast.alice, path, file("a", "1"))
    num = opened(client, cast.alice, path)
    assert details(client, cast.alice, path, num)["num"] == 1
    assert client.get(f"/{path}/discussions/{num}", headers=BROWSER | cast.charlie.headers).status_code == 404
    assert client.get(f"/{path}/discussions/{num}", headers=BROWSER).status_code == 401
    assert client.get(f"/{path}/discussions/2", headers=BROWSER | cast.alice.headers).status_code == 404
