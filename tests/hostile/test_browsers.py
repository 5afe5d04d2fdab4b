"""What a browser, or somebody who plays one, may send to the pages."""

from contextlib import ExitStack

import pytest
from starlette.testclient import TestClient

from freehold.accounts.throttle import CHECKS_AT_ONCE, one_check
from tests.fixtures.each import each
from tests.fixtures.people import Cast

NO_ADDRESSES = ("//[", "http://[", "https://[::1", "//[x]y")


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_a_next_that_is_no_address_leads_to_the_start_page(client: TestClient, address: str) -> None:
    answer = client.get("/login", params={"next": address})
    assert answer.status_code == 200
    assert 'name="next" value="/"' in answer.text


@each("origin", [*NO_ADDRESSES, "null", "http://evil.test", "http://hub.test.evil.test"])
def test_an_origin_that_is_not_ours_is_refused_however_it_is_spelled(
    client: TestClient, cast: Cast, origin: str
) -> None:
    headers = {"Origin": origin}
    signed_in = client.post("/login", data={"name": "alice", "password": "guess"}, headers=headers)
    assert signed_in.status_code == 403
    cookie = headers | {"Cookie": "freehold_session=somebody"}
    assert client.post("/api/repos/create", json={"name": "made"}, headers=cookie).status_code == 403


def test_a_host_that_is_no_host_is_no_crash(client: TestClient) -> None:
    for host in ("[", "]", "[::1", "x:[y", "a b", "a/b"):
        answer = client.post("/login", data={"name": "alice"}, headers={"Host": host, "Origin": "http://hub.test"})
        assert answer.status_code in (400, 403), host


def test_many_guesses_at_once_take_a_bounded_share_of_the_hub(client: TestClient, cast: Cast) -> None:
    with ExitStack() as others:
        for _ in range(CHECKS_AT_ONCE):
            others.enter_context(one_check())
        assert client.post("/login", data={"name": "alice", "password": "guess"}).status_code == 429
        assert client.get("/login").status_code == 200
    assert client.post("/login", data={"name": "alice", "password": "guess"}).status_code == 401
