"""Whatever is sent to a documented call, the answer is never a 500. Schemathesis makes up the input."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from starlette.applications import Starlette

from freehold.core.settings import Settings
from freehold.main import build_app
from freehold.repos import service as repos
from tests.fixtures.people import Cast, assemble

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "10"))
quick = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    phases=(Phase.explicit, Phase.generate),
)


@schemathesis.serializer("application/x-ndjson")
def lines(_context: object, value: object) -> bytes:
    """A list as one JSON document a line, anything else as it is: both are sent to calls that take lines."""
    rows = value if isinstance(value, list) else [value]
    return b"\n".join(json.dumps(row, default=str).encode() for row in rows)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Starlette, Cast]]:
    """A hub with a repository of each kind to try things on."""
    app = build_app(Settings(data=tmp_path_factory.mktemp("hub"), store_url="memory://"))
    cast = assemble(app.state.database)
    with app.state.database.write() as db:
        for kind in ("model", "dataset", "space", "kernel"):
            repos.create(db, cast.alice.actor, "0", kind=kind, sdk="static")
    yield app, cast
    app.state.database.close()


def test_no_input_to_a_documented_call_brings_a_500(hub: tuple[Starlette, Cast]) -> None:
    app, cast = hub
    document = schemathesis.openapi.from_asgi("/openapi.json", app)
    operations = [found.ok() for found in document.get_all_operations()]
    assert len(operations) > 10, "the document lists the hub's calls"
    for operation in operations:
        _try(operation, cast)


def _try(operation: Any, cast: Cast) -> None:
    seen = 0

    @quick
    @given(case=operation.as_strategy())
    def answers(case: schemathesis.Case) -> None:
        nonlocal seen
        seen += 1
        if seen % 2:  # a made-up name gets no further than "not found", so name something that is there now and then
            there = {"kind": "models", "namespace": "alice", "name": "0", "rev": "main"}
            case.path_parameters.update({k: v for k, v in there.items() if k in case.path_parameters})
        answer = case.call(headers={"Authorization": f"Bearer {cast.alice.token}"})
        if answer.status_code != 501:  # said on purpose, with a sentence: what this hub does not have
            case.validate_response(answer, checks=[not_a_server_error])

    answers()
