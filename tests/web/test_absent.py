"""What does not exist here says so, once, in a status that clients do not repeat."""

import logging

import pytest
from starlette.testclient import TestClient

from freehold.absent import ABSENT
from tests.fixtures.each import each
from tests.fixtures.people import Cast

pytestmark = pytest.mark.any_database

#: Source: protocol/hub-api.md 0.4.
REPEATED_BY_CLIENTS = {408, 429, 500, 502, 503, 504}


@each(
    ("method", "path", "about"),
    [
        ("POST", "/api/jobs/alice", "jobs"),
        ("GET", "/api/jobs/alice/64f0", "jobs"),
        ("GET", "/api/jobs/hardware", "jobs"),
        ("PUT", "/api/scheduled-jobs/alice/64f0/labels", "scheduled"),
        ("POST", "/api/buckets/alice/b", "buckets"),
        ("GET", "/api/buckets/alice/b/events", "buckets"),
        ("HEAD", "/buckets/alice/b/resolve/a%2Fb", "buckets"),
        ("POST", "/api/models/alice/m/resource-group", "resource groups"),
        ("POST", "/api/collections/alice/x-64f0/resource-group", "resource groups"),
        ("GET", "/scim/v2/Users", "SCIM"),
        ("GET", "/api/settings/billing/usage", "bill"),
        ("GET", "/api/organizations/lab/audit-log/export", "audit"),
        ("GET", "/v2/endpoint/alice", "endpoints"),
    ],
)
def test_it_answers_501_with_a_sentence(
    client: TestClient, cast: Cast, caplog: pytest.LogCaptureFixture, method: str, path: str, about: str
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = client.request(method, path, headers=cast.alice.headers)
    assert answer.status_code == 501
    assert answer.status_code not in REPEATED_BY_CLIENTS
    assert about in answer.headers["x-error-message"]
    assert answer.headers["x-error-code"] == "NotImplemented"
    if method != "HEAD":
        assert answer.json()["error"] == answer.headers["x-error-message"]
    assert caplog.text == "", "what is not here is no fault of the hub's"


def test_each_sentence_says_what_to_do_and_fits_a_header() -> None:
    for what in ABSENT:
        assert what.sentence.isascii()
        assert len(what.sentence) < 300
